//! Paying a seller what is due: each entry once.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use souk_entity::id::{LedgerEntryId, PayoutId, SellerId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{LedgerAccount, LedgerSource, PayoutStatus};
use souk_entity::{ledger_entry, ledger_transaction, payout, payout_item, payout_reserve, seller};

use super::change;
use super::due::{self, Plan};
use super::schedule::{instant, is_run_day, schedule_if_owed};
use crate::account::take_turns;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::history;
use crate::job::{self, Task};
use crate::ledger::{self, Posting, credit, seller_entry};
use crate::store::Tx;

/// Rows of one insert; a statement takes 32,766 parameters on SQLite.
const ROWS: usize = 5_000;

/// Pays a seller what is due, at most one payout per currency, after releasing the reserves whose
/// time is over. Returns what was made; nothing for a seller who cannot be paid.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn run(tx: &Tx, id: SellerId, provider: &str, actor: Actor) -> Result<Vec<payout::Model>> {
    let seller = take_turns(tx, id).await?;
    release_reserves(tx, id).await?;
    let Ok(account) = due::account(&seller) else { return Ok(Vec::new()) };
    let entries = due::unsettled(&**tx, id, tx.now).await?;
    let plans: BTreeMap<CurrencyCode, Plan> = due::plans(&seller, &entries, tx.now)?;
    let mut made = Vec::new();
    for (currency, plan) in plans {
        if plan.shortfall(seller.payout_minimum).is_some() {
            continue;
        }
        let payout = payout::Model {
            id: PayoutId::at(tx.now),
            seller_id: id,
            currency,
            amount: plan.amount,
            status: PayoutStatus::Pending,
            provider: provider.to_owned(),
            provider_ref: None,
            account: account.to_owned(),
            failure_message: None,
            paid_at: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
        };
        pay(tx, &seller, &payout, plan, actor).await?;
        made.push(payout);
    }
    Ok(made)
}

/// [`run`] on a day that was planned, unless the seller's interval has changed since; then plans
/// the next one.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn run_scheduled(tx: &Tx, id: SellerId, day: NaiveDate, provider: &str) -> Result<()> {
    if is_run_day(take_turns(tx, id).await?.payout_interval, day) {
        run(tx, id, provider, Actor::System).await?;
    }
    schedule_if_owed(tx, id, Ord::max(tx.now, instant(day) + TimeDelta::seconds(1))).await
}

async fn release_reserves(tx: &Tx, seller: SellerId) -> Result<()> {
    for row in due_reserves(tx, seller).await? {
        let entries = [
            seller_entry(LedgerAccount::SellerReserve, seller, None, row.amount),
            seller_entry(LedgerAccount::SellerPayable, seller, None, MinorUnits(-row.amount.0)),
        ];
        post(tx, LedgerSource::ReserveRelease, row.payout_id, row.currency, &entries).await?;
        let released = payout_reserve::ActiveModel {
            payout_id: Set(row.payout_id),
            released_at: Set(Some(tx.now)),
            ..Default::default()
        };
        payout_reserve::Entity::update(released).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

async fn due_reserves(tx: &Tx, seller: SellerId) -> Result<Vec<payout_reserve::Model>> {
    Ok(payout_reserve::Entity::find()
        .filter(payout_reserve::Column::SellerId.eq(seller))
        .filter(payout_reserve::Column::ReleasedAt.is_null())
        .filter(payout_reserve::Column::ReleaseAt.lte(tx.now))
        .all(&**tx)
        .await?)
}

/// Writes a payout with what it settles, its reserve, its entries in the ledger, and the job that
/// sends it.
async fn pay(tx: &Tx, seller: &seller::Model, payout: &payout::Model, plan: Plan, actor: Actor) -> Result<()> {
    payout::Entity::insert(payout.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let mut settled = plan.entries;
    if plan.reserve > MinorUnits::ZERO {
        settled.push((hold_reserve(tx, seller, payout, plan.reserve).await?, MinorUnits(-plan.reserve.0)));
    }
    for rows in settled.chunks(ROWS) {
        let rows = rows.iter().map(|(entry, amount)| payout_item::ActiveModel {
            payout_id: Set(payout.id),
            ledger_entry_id: Set(*entry),
            amount: Set(*amount),
        });
        payout_item::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    let entries = [
        seller_entry(LedgerAccount::SellerPayable, seller.id, None, payout.amount),
        credit(LedgerAccount::PayoutClearing, payout.amount),
    ];
    post(tx, LedgerSource::Payout, payout.id, payout.currency, &entries).await?;
    history::record(tx, vec![change(payout, None, "payout.created", actor)]).await?;
    job::enqueue(tx, &Task::SubmitPayout { payout_id: payout.id }, tx.now).await?;
    Ok(())
}

/// Keeps a part of a payout back; returns the entry by which the seller is owed less, which the
/// payout settles too.
async fn hold_reserve(
    tx: &Tx,
    seller: &seller::Model,
    payout: &payout::Model,
    amount: MinorUnits,
) -> Result<LedgerEntryId> {
    let row = payout_reserve::ActiveModel {
        payout_id: Set(payout.id),
        seller_id: Set(seller.id),
        currency: Set(payout.currency),
        amount: Set(amount),
        release_at: Set(tx.now + TimeDelta::days(i64::from(seller.reserve_days))),
        released_at: Set(None),
    };
    payout_reserve::Entity::insert(row).exec_without_returning(&**tx).await?;
    let entries = [
        seller_entry(LedgerAccount::SellerPayable, seller.id, None, amount),
        seller_entry(LedgerAccount::SellerReserve, seller.id, None, MinorUnits(-amount.0)),
    ];
    post(tx, LedgerSource::ReserveHold, payout.id, payout.currency, &entries).await?;
    let entry = ledger_entry::Entity::find()
        .inner_join(ledger_transaction::Entity)
        .filter(ledger_transaction::Column::SourceType.eq(LedgerSource::ReserveHold))
        .filter(ledger_transaction::Column::SourceId.eq(uuid::Uuid::from(payout.id)))
        .filter(ledger_entry::Column::Account.eq(LedgerAccount::SellerPayable))
        .one(&**tx)
        .await?;
    Ok(entry.ok_or_else(|| Error::internal("the reserve just entered is not there"))?.id)
}

/// Enters a movement of a payout in the ledger.
pub(super) async fn post(
    tx: &Tx,
    source: LedgerSource,
    payout: PayoutId,
    currency: CurrencyCode,
    entries: &[ledger::Entry],
) -> Result<()> {
    ledger::post(tx, Posting { source, source_id: payout.into(), order_id: None, currency, entries }).await
}
