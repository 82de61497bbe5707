//! Rows that say what things cost and whether they can be bought.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::OfferId;
use souk_entity::{batch, offer};

use super::apply::{Outcome, verdict};
use super::goods::{no_offer, offers, seller};
use super::row::Row;
use super::staged::Staged;
use crate::bulk::by_id;
use crate::catalogue::not_negative;
use crate::error::{Error, Result};
use crate::money::Money;
use crate::store::Tx;

/// Offers that one statement changes.
const OFFERS_AT_ONCE: usize = 100;

/// What a row asks for.
struct Wanted {
    sku: String,
    price: String,
    active: Option<bool>,
}

impl Wanted {
    fn read(batch: &batch::Model, input: &str) -> Result<Self> {
        let row = Row::read(batch, input)?;
        let active = row.optional_flag("active")?;
        Ok(Self { sku: row.text("sku")?.to_owned(), price: row.text("price")?.to_owned(), active })
    }
}

/// Applies the rows in their order; the statements do not grow in number with them.
pub(super) async fn apply(tx: &Tx, batch: &batch::Model, rows: &[Staged]) -> Result<Vec<Outcome>> {
    let seller = seller(batch)?;
    let wanted: Vec<Result<Wanted>> = rows.iter().map(|row| Wanted::read(batch, &row.input)).collect();
    let skus = wanted.iter().filter_map(|wanted| wanted.as_ref().ok()).map(|wanted| wanted.sku.as_str());
    let ids: BTreeMap<String, OfferId> =
        offers(tx, seller, skus).await?.into_iter().map(|(sku, offer)| (sku, offer.id)).collect();
    // No stronger lock: with it, a checkout that refers to these offers in another order and this round
    // could wait for each other.
    let mut locked: BTreeMap<OfferId, offer::Model> = offer::Entity::find()
        .filter(offer::Column::Id.is_in(ids.values().copied()))
        .order_by_asc(offer::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(&**tx)
        .await?
        .into_iter()
        .map(|offer| (offer.id, offer))
        .collect();
    let (mut outcomes, mut changed) = (Vec::with_capacity(rows.len()), BTreeSet::new());
    for wanted in wanted {
        let done = wanted.and_then(|wanted| {
            let id = ids.get(&wanted.sku).ok_or_else(|| no_offer(&wanted.sku))?;
            let offer = locked.get_mut(id).ok_or_else(|| Error::internal("an offer is not there"))?;
            let price = Money::parse(&wanted.price, offer.currency)?;
            not_negative(price.amount)?;
            offer.price = price.amount;
            offer.active = wanted.active.unwrap_or(offer.active);
            offer.version += 1;
            changed.insert(*id);
            Ok(None)
        });
        outcomes.push(verdict(done)?);
    }
    let changed: Vec<&offer::Model> = changed.iter().filter_map(|id| locked.get(id)).collect();
    for offers in changed.chunks(OFFERS_AT_ONCE) {
        let column = |value: fn(&offer::Model) -> i64| -> Vec<_> {
            offers.iter().map(|offer| (offer.id, value(offer))).collect()
        };
        let (prices, versions) = (column(|offer| offer.price.0), column(|offer| offer.version));
        let active: Vec<OfferId> = offers.iter().filter(|offer| offer.active).map(|offer| offer.id).collect();
        offer::Entity::update_many()
            .col_expr(offer::Column::Price, by_id(offer::Column::Id, &prices))
            .col_expr(offer::Column::Version, by_id(offer::Column::Id, &versions))
            .col_expr(offer::Column::Active, Expr::col(offer::Column::Id).is_in(active))
            .col_expr(offer::Column::UpdatedAt, Expr::value(tx.now))
            .filter(offer::Column::Id.is_in(offers.iter().map(|offer| offer.id)))
            .exec(&**tx)
            .await?;
    }
    Ok(outcomes)
}
