//! What a seller will be paid, as they can see it before.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_entity::id::SellerId;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::{payout_reserve, seller};

use super::due::{self, Obstacle, Plan, Shortfall, Wait};
use super::schedule::next_run;
use crate::error::{Error, Result};
use crate::money::add;

/// What a seller will be paid.
#[derive(Clone, Debug)]
pub struct Upcoming {
    /// The seller, with their terms.
    pub seller: seller::Model,
    /// Why they are paid nothing at all.
    pub obstacle: Option<Obstacle>,
    /// When they are paid next; `None` when by hand only.
    pub next_run_at: Option<DateTime<Utc>>,
    /// Per currency.
    pub currencies: BTreeMap<CurrencyCode, UpcomingCurrency>,
}

/// What a seller will be paid in one currency.
#[derive(Clone, Debug, Default)]
pub struct UpcomingCurrency {
    /// What would be paid now.
    pub plan: Plan,
    /// Why it would not.
    pub shortfall: Option<Shortfall>,
    /// What is not due yet, by reason.
    pub waiting: BTreeMap<Wait, Waiting>,
    /// What was kept back and is not due yet, the first to be released first.
    pub reserves: Vec<payout_reserve::Model>,
}

/// What waits for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How much; negative when the seller owes it.
    pub amount: MinorUnits,
    /// When the first of it is due, where that is known …
    pub first_at: Option<DateTime<Utc>>,
    /// … and when the last.
    pub last_at: Option<DateTime<Utc>>,
}

/// What a seller will be paid, as it is at `now`.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn upcoming(db: &impl ConnectionTrait, id: SellerId, now: DateTime<Utc>) -> Result<Upcoming> {
    let seller = seller::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("seller"))?;
    let entries = due::unsettled(db, id, now).await?;
    let mut currencies: BTreeMap<CurrencyCode, UpcomingCurrency> = BTreeMap::new();
    for (currency, plan) in due::plans(&seller, &entries, now)? {
        currencies.entry(currency).or_default().plan = plan;
    }
    for entry in &entries {
        let Some(wait) = entry.wait(now) else { continue };
        let waiting = currencies.entry(entry.currency()).or_default().waiting.entry(wait).or_default();
        waiting.amount = add(waiting.amount, entry.owed())?;
        if wait == Wait::Hold {
            waiting.first_at = waiting.first_at.into_iter().chain(entry.payable_at()).min();
            waiting.last_at = waiting.last_at.into_iter().chain(entry.payable_at()).max();
        }
    }
    let reserves = payout_reserve::Entity::find()
        .filter(payout_reserve::Column::SellerId.eq(id))
        .filter(payout_reserve::Column::ReleasedAt.is_null())
        .order_by_asc(payout_reserve::Column::ReleaseAt)
        .order_by_asc(payout_reserve::Column::PayoutId)
        .all(db)
        .await?;
    for row in reserves {
        let currency = currencies.entry(row.currency).or_default();
        if row.release_at <= now {
            currency.plan.add_release(row.amount)?;
        } else {
            currency.reserves.push(row);
        }
    }
    for currency in currencies.values_mut() {
        currency.shortfall = currency.plan.shortfall(seller.payout_minimum);
    }
    let (obstacle, next_run_at) = (due::account(&seller).err(), next_run(seller.payout_interval, now));
    Ok(Upcoming { obstacle, next_run_at, currencies, seller })
}
