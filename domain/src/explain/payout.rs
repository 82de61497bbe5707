//! A payout, from the ledger entries that it settles.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, Statement};
use souk_entity::id::{PayoutId, SellerId};
use souk_entity::money::MinorUnits;
use souk_entity::status::LedgerSource;
use souk_entity::{payout, payout_reserve};

use super::posted;
use super::step::{Step, StepKind};
use super::{Amount, Explanation, Subject};
use crate::error::{Error, Result};
use crate::money::{Money, add, sub, sum};

/// The most seller orders that are told one by one.
const MOST: usize = 500;

/// What is settled of one seller order, or of one kind of entry that is of none.
#[derive(FromQueryResult)]
struct Settled {
    number: Option<String>,
    source: LedgerSource,
    entries: i64,
    amount: MinorUnits,
}

pub(super) async fn explain(db: &impl ConnectionTrait, id: PayoutId, seller: Option<SellerId>) -> Result<Explanation> {
    let payout = payout::Entity::find_by_id(id)
        .one(db)
        .await?
        .filter(|payout| seller.is_none_or(|only| only == payout.seller_id))
        .ok_or_else(|| Error::not_found("payout"))?;
    let steps = steps(db, &payout).await?;
    let formula = format!(
        "The sum of the ledger entries that it settles, each once for ever, less what is kept in reserve: {}.",
        Money { amount: payout.amount, currency: payout.currency }
    );
    Ok(Explanation {
        subject: Subject::Payout,
        id: id.into(),
        currency: payout.currency,
        amounts: vec![Amount { name: "amount", amount: payout.amount, formula, steps }],
        entries: posted::of_payout(db, id.into()).await?,
    })
}

async fn steps(db: &impl ConnectionTrait, payout: &payout::Model) -> Result<Vec<Step>> {
    let mut reserve = None;
    let mut parts: BTreeMap<String, Vec<Settled>> = BTreeMap::new();
    let mut steps = Vec::new();
    for settled in settled(db, payout.id).await? {
        match &settled.number {
            Some(number) => parts.entry(number.clone()).or_default().push(settled),
            None if settled.source == LedgerSource::ReserveHold => reserve = Some(settled),
            None => {
                let what = format!("{}, {}", name(settled.source), entries(settled.entries));
                steps.push(Step::plain(StepKind::Entries, what, settled.amount));
            }
        }
    }
    let mut rest = (0_usize, MinorUnits::ZERO);
    for (at, (number, settled)) in parts.into_iter().enumerate() {
        let amount = sum(settled.iter().map(|settled| settled.amount))?;
        if at >= MOST {
            rest = (rest.0 + 1, add(rest.1, amount)?);
            continue;
        }
        let each = settled.iter().map(|settled| {
            let amount = Money { amount: settled.amount, currency: payout.currency };
            format!("{} {amount}", name(settled.source))
        });
        let what = format!("{number}: {}", each.collect::<Vec<_>>().join(", "));
        steps.push(Step::plain(StepKind::Entries, what, amount));
    }
    if rest.0 > 0 {
        steps.push(Step::plain(StepKind::Entries, format!("{} more seller orders", rest.0), rest.1));
    }
    if let Some(reserve) = reserve {
        let before = sub(payout.amount, reserve.amount)?;
        let held = payout_reserve::Entity::find_by_id(payout.id).one(db).await?;
        let until = held.map(|held| format!(" until {}", held.release_at.format("%Y-%m-%d"))).unwrap_or_default();
        let before = Money { amount: before, currency: payout.currency };
        let what = format!("Kept in reserve{until}, of {before}");
        steps.push(Step::plain(StepKind::Reserve, what, reserve.amount));
    }
    Ok(steps)
}

async fn settled(db: &impl ConnectionTrait, id: PayoutId) -> Result<Vec<Settled>> {
    let sql = "SELECT s.number AS number, t.source_type AS source, count(*) AS entries, \
             CAST(sum(i.amount) AS bigint) AS amount \
         FROM payout_item i JOIN ledger_entry e ON e.id = i.ledger_entry_id \
         JOIN ledger_transaction t ON t.id = e.transaction_id LEFT JOIN seller_order s ON s.id = e.seller_order_id \
         WHERE i.payout_id = $1 GROUP BY s.number, t.source_type ORDER BY s.number, t.source_type";
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [id.into()]);
    Ok(Settled::find_by_statement(statement).all(db).await?)
}

fn entries(count: i64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

fn name(source: LedgerSource) -> &'static str {
    match source {
        LedgerSource::Capture => "sale",
        LedgerSource::Commission => "commission",
        LedgerSource::Refund => "refunds",
        LedgerSource::CommissionReversal => "commission given back",
        LedgerSource::Label => "labels",
        LedgerSource::LabelVoid => "labels voided",
        LedgerSource::Payout | LedgerSource::PayoutPaid => "payouts",
        LedgerSource::PayoutFailed => "payouts that failed",
        LedgerSource::PayoutReturned => "payouts that came back",
        LedgerSource::ReserveHold => "kept in reserve",
        LedgerSource::ReserveRelease => "released from reserve",
    }
}
