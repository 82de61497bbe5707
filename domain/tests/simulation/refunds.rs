//! In whatever order the same is paid back, the books end up the same.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement};
use souk_domain::actor::Actor;
use souk_domain::error::{Error, Result};
use souk_domain::ledger::balance::{self, TrialBalanceRow};
use souk_domain::payment::refund::{self, Wanted};
use souk_domain::verify::{Scope, verify};
use souk_domain::{Store, Tx};
use souk_entity::id::{SellerId, SellerOrderId};
use souk_entity::money::MinorUnits;
use souk_entity::seller_order;
use souk_entity::status::{Bearer, OrderStatus};

use crate::database::Template;
use crate::dice::Dice;
use crate::world::World;

#[tokio::test]
async fn refunds_add_up_the_same_in_any_order() {
    let template = Template::migrated().await;
    for seed in crate::seed()..crate::seed() + 5 {
        let mut world = World::open(template.copy().await, seed).await.unwrap();
        world.outside.calm = true;
        if let Err(error) = in_any_order(&mut world).await {
            panic!("SOUK_SIMULATION_SEED={seed}: {}\nafter\n{}", crate::told(&error), world.story());
        }
    }
}

async fn in_any_order(world: &mut World) -> Result<()> {
    // What is refused costs nothing; in the end some orders are paid.
    for _ in 0..25 {
        world.pass(TimeDelta::seconds(1));
        for done in [world.place().await, world.pay().await, world.run_due(5).await.map(|_| ())] {
            done.or_else(|error| if crate::buying::is_refusal(&error) { Ok(()) } else { Err(error) })?;
        }
    }
    let wishes = wishes(world).await?;
    world.log(format!("{} refunds", wishes.len()));
    let mut first = None;
    for turn in 0..3 {
        let mut shuffled = wishes.clone();
        let mut dice = Dice::new(turn);
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, dice.index(at + 1));
        }
        let twin = world.home.twin().await;
        let books = pay_back(&twin.store, &shuffled).await?;
        twin.end().await;
        let expected = first.get_or_insert_with(|| books.clone());
        if *expected != books {
            return Err(Error::internal(format!("in another order {expected:?} became {books:?}")));
        }
    }
    Ok(())
}

/// Asks for all of it and pays it; tells every balance in the end.
async fn pay_back(store: &Store, wishes: &[(SellerOrderId, Wanted)]) -> Result<(Vec<TrialBalanceRow>, Vec<Owed>)> {
    for (part, wanted) in wishes {
        store.clock().advance(TimeDelta::seconds(1));
        let write = async |tx: Arc<Tx>| {
            let made = refund::request(&tx, *part, wanted, Actor::System).await?.refund.id;
            refund::submit(&tx, made).await?;
            refund::succeed(&tx, made, Some(&made.to_string())).await
        };
        store.write(write).await?;
    }
    let violations = verify(store.read(), Scope::AtEveryCommit).await?;
    if !violations.is_empty() {
        return Err(Error::internal(format!("{violations:#?}")));
    }
    let sql = "SELECT seller_id, seller_order_id, CAST(sum(-amount) AS bigint) AS owed FROM ledger_entry \
        WHERE seller_id IS NOT NULL GROUP BY seller_id, seller_order_id ORDER BY seller_id, seller_order_id";
    let owed = Owed::find_by_statement(Statement::from_string(store.backend(), sql)).all(store.read()).await?;
    Ok((balance::trial(store.read(), None).await?, owed))
}

#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
struct Owed {
    seller_id: SellerId,
    seller_order_id: Option<SellerOrderId>,
    owed: MinorUnits,
}

/// Each line in several pieces, and the shipping in several, for every paid seller order.
async fn wishes(world: &mut World) -> Result<Vec<(SellerOrderId, Wanted)>> {
    let parts = seller_order::Entity::find()
        .filter(seller_order::Column::Status.is_in([OrderStatus::Confirmed, OrderStatus::Processing]))
        .order_by_asc(seller_order::Column::Id)
        .all(world.store.read())
        .await?;
    let mut wishes = Vec::new();
    for part in parts {
        let left = refund::refundable(world.store.read(), &part).await?;
        let nothing = Wanted {
            lines: Vec::new(),
            shipping: MinorUnits::ZERO,
            goodwill: MinorUnits::ZERO,
            borne_by: Bearer::Seller,
            note: None,
        };
        // Units that are worth nothing by themselves are not refunded by themselves.
        for (line, units, _) in left.lines.iter().filter(|(line, units, _)| line.total.0 >= 2 * units) {
            let mut units = *units;
            while units > 0 {
                let some = world.dice.within(1, units);
                units -= some;
                wishes.push((part.id, Wanted { lines: vec![(line.id, some)], ..nothing.clone() }));
            }
        }
        let mut shipping = left.shipping.amount.0;
        while shipping > 0 && world.dice.chance(80) {
            let some = world.dice.within(1, shipping);
            shipping -= some;
            wishes.push((part.id, Wanted { shipping: MinorUnits(some), ..nothing.clone() }));
        }
    }
    Ok(wishes)
}
