//! Sellers to whom money is due and whose next payout nobody has planned.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::{JobId, SellerId};
use souk_entity::status::{JobKind, JobStatus, PayoutInterval};
use souk_entity::{job, payout_reserve, seller};
use uuid::Uuid;

use super::{BATCH, Caught, GRACE};
use crate::error::{Error, Result};
use crate::job::{Task, awaken, in_status};
use crate::payout::{due, schedule};
use crate::store::Store;

/// Plans payouts, on the next day of each seller's interval. A dead job does not keep its seller
/// from the next payout; it is counted for an operator.
pub(super) async fn catch_up(store: &Store) -> Result<Caught> {
    let now = store.now();
    let planned = planned(store.read()).await?;
    let mut caught = Caught { stuck: dead(store.read()).await?, ..Caught::default() };
    let mut after = SellerId(Uuid::nil());
    loop {
        let sellers: Vec<(SellerId, PayoutInterval)> = seller::Entity::find()
            .select_only()
            .column(seller::Column::Id)
            .column(seller::Column::PayoutInterval)
            .filter(seller::Column::PayoutInterval.ne(PayoutInterval::Manual))
            .filter(seller::Column::Id.gt(after))
            .order_by_asc(seller::Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(store.read())
            .await?;
        for (seller_id, interval) in &sellers {
            let Some(at) = schedule::next_run(*interval, now) else { continue };
            if !planned.contains(seller_id) && is_due(store.read(), *seller_id, now).await? {
                let task = Task::PayOutSeller { seller_id: *seller_id, day: at.date_naive() };
                caught.asked += u64::from(store.write(async |tx| awaken(&tx, &task, at).await).await?);
            }
        }
        match sellers.last() {
            Some((last, _)) if sellers.len() as u64 == BATCH => after = *last,
            _ => return Ok(caught),
        }
    }
}

/// Whether a payout would have something to settle.
async fn is_due(db: &impl ConnectionTrait, seller: SellerId, now: DateTime<Utc>) -> Result<bool> {
    let before = now - GRACE;
    let reserve = payout_reserve::Entity::find()
        .filter(payout_reserve::Column::SellerId.eq(seller))
        .filter(payout_reserve::Column::ReleasedAt.is_null())
        .filter(payout_reserve::Column::ReleaseAt.lt(before))
        .one(db)
        .await?;
    if reserve.is_some() {
        return Ok(true);
    }
    // The cheap question first: most sellers are owed nothing, or have a payout planned.
    if !due::is_owed(db, seller).await? {
        return Ok(false);
    }
    Ok(due::unsettled(db, seller, now).await?.iter().any(|entry| entry.wait(before).is_none()))
}

/// The sellers with a payout to come.
async fn planned(db: &impl ConnectionTrait) -> Result<HashSet<SellerId>> {
    let (mut planned, mut after) = (HashSet::new(), JobId(Uuid::nil()));
    loop {
        let rows: Vec<(JobId, serde_json::Value)> = job::Entity::find()
            .select_only()
            .column(job::Column::Id)
            .column(job::Column::Payload)
            .filter(job::Column::Kind.eq(JobKind::PayOutSeller))
            // In the text, so that the partial index is used: those that are done are kept for good.
            .filter(Expr::cust("job.status IN ('queued', 'running')"))
            .filter(job::Column::Id.gt(after))
            .order_by_asc(job::Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(db)
            .await?;
        let last = rows.last().map(|(id, _)| *id);
        let full = rows.len() as u64 == BATCH;
        for (_, payload) in rows {
            if let Task::PayOutSeller { seller_id, .. } = serde_json::from_value(payload).map_err(Error::internal)? {
                planned.insert(seller_id);
            }
        }
        match last {
            Some(last) if full => after = last,
            _ => return Ok(planned),
        }
    }
}

async fn dead(db: &impl ConnectionTrait) -> Result<u64> {
    Ok(job::Entity::find()
        .filter(in_status(JobStatus::Dead))
        .filter(job::Column::Kind.eq(JobKind::PayOutSeller))
        .count(db)
        .await?)
}
