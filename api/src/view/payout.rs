//! Payouts as sellers and operators see them.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use sea_orm::{ConnectionTrait, EntityTrait};
use souk_domain::order::detail::history;
use souk_domain::payout::detail::{self, Item};
use souk_domain::payout::upcoming;
use souk_domain::{Error, Result};
use souk_entity::id::PayoutId;
use souk_entity::money::CurrencyCode;
use souk_entity::status::EntityKind;
use souk_entity::{payout, payout_reserve};
use uuid::Uuid;

use crate::http::answer::Okay;
use crate::http::page::{Page, PageRequest};
use crate::view::ledger::LedgerSource;
use crate::view::words::{PayoutInterval, PayoutStatus};
use crate::view::{HistoryEntry, amount};

/// Money sent to a seller.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Payout {
    /// Its id.
    id: Uuid,
    /// The seller.
    seller_id: Uuid,
    /// Its status.
    status: PayoutStatus,
    /// How much.
    amount: String,
    /// ISO 4217.
    currency: String,
    /// The payment provider that sends it.
    provider: String,
    /// The provider's id of the transfer.
    provider_ref: Option<String>,
    /// The seller's account that it goes to.
    account: String,
    /// Why it failed or came back.
    failure_message: Option<String>,
    /// When the provider had sent it.
    paid_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<payout::Model> for Payout {
    fn from(row: payout::Model) -> Self {
        Self {
            id: row.id.into(),
            seller_id: row.seller_id.into(),
            status: row.status.into(),
            amount: amount(row.amount, row.currency),
            currency: row.currency.to_string(),
            provider: row.provider,
            provider_ref: row.provider_ref,
            account: row.account,
            failure_message: row.failure_message,
            paid_at: row.paid_at,
            created_at: row.created_at,
        }
    }
}

/// A payout with what was kept back of it, and what became of it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct PayoutDetail {
    /// The payout.
    payout: Payout,
    /// What was kept back of it.
    reserve: Option<PayoutReserve>,
    /// What happened to it, oldest first.
    history: Vec<HistoryEntry>,
}

/// What is kept back of a payout.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct PayoutReserve {
    /// The payout that it was kept back of.
    payout_id: Uuid,
    /// How much.
    amount: String,
    /// It is paid with the first payout from then on.
    release_at: DateTime<Utc>,
    /// When it was released.
    released_at: Option<DateTime<Utc>>,
}

impl From<payout_reserve::Model> for PayoutReserve {
    fn from(row: payout_reserve::Model) -> Self {
        Self {
            payout_id: row.payout_id.into(),
            amount: amount(row.amount, row.currency),
            release_at: row.release_at,
            released_at: row.released_at,
        }
    }
}

/// A ledger entry that a payout settles.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct PayoutItem {
    /// The entry.
    ledger_entry_id: Uuid,
    /// What moved the money …
    source: LedgerSource,
    /// … and which one.
    source_id: Uuid,
    /// The seller order concerned.
    seller_order_id: Option<Uuid>,
    /// Its number.
    seller_order_number: Option<String>,
    /// What the seller gets of it; negative for what they owe.
    amount: String,
    /// ISO 4217.
    currency: String,
    /// When the money moved.
    occurred_at: DateTime<Utc>,
}

impl From<Item> for PayoutItem {
    fn from(item: Item) -> Self {
        Self {
            ledger_entry_id: item.ledger_entry_id.into(),
            source: item.source_type.into(),
            source_id: item.source_id,
            seller_order_id: item.seller_order_id.map(Into::into),
            seller_order_number: item.seller_order_number,
            amount: amount(item.amount, item.currency),
            currency: item.currency.to_string(),
            occurred_at: item.occurred_at,
        }
    }
}

/// Puts a payout together.
///
/// # Errors
/// The database's.
pub async fn read(db: &impl ConnectionTrait, row: payout::Model) -> Result<Okay<PayoutDetail>> {
    let reserve = payout_reserve::Entity::find_by_id(row.id).one(db).await.map_err(Error::from)?;
    let history = history(db, EntityKind::Payout, row.id).await?;
    let version = row.version;
    let detail = PayoutDetail {
        payout: row.into(),
        reserve: reserve.map(Into::into),
        history: history.into_iter().map(Into::into).collect(),
    };
    Ok(Okay::new(&detail).with_version(version))
}

/// A page of what a payout settles.
///
/// # Errors
/// The database's.
pub async fn items(db: &impl ConnectionTrait, id: PayoutId, page: PageRequest) -> Result<Okay<Page<PayoutItem>>> {
    let rows = detail::items(db, id, page.after, page.limit + 1).await?;
    Ok(Okay::new(&page.page(rows, |item| item.ledger_entry_id.into(), PayoutItem::from)))
}

/// Why a seller is paid nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "souk_domain::payout::due::Obstacle")]
pub enum PayoutObstacle {
    /// The seller is not approved, or suspended.
    NotApproved,
    /// There is no account to pay to; set one with PUT /api/v1/seller/payout-account.
    NoAccount,
}

/// Why what is due in a currency is not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "souk_domain::payout::due::Shortfall")]
pub enum PayoutShortfall {
    /// Nothing is due.
    Nothing,
    /// The seller owes; it is taken off what is paid next.
    Negative,
    /// Less than the least that is paid out.
    BelowMinimum,
}

/// Why something is not due yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "souk_domain::payout::due::Wait")]
pub enum PayoutWait {
    /// Its seller order is neither completed nor cancelled nor refunded.
    NotCompleted,
    /// The seller's hold after completion is not over.
    Hold,
    /// A refund of its seller order is under way.
    OpenRefund,
    /// A return of its seller order is open.
    OpenReturn,
    /// Its seller order is cancelled, and the shopper does not have all of it back.
    NotPaidBack,
}

/// What a seller will be paid.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UpcomingPayouts {
    /// How often they are paid out.
    interval: PayoutInterval,
    /// When they are paid next; absent when by hand only.
    next_run_at: Option<DateTime<Utc>>,
    /// Why they are paid nothing at all.
    obstacle: Option<PayoutObstacle>,
    /// Per currency.
    currencies: Vec<UpcomingPayout>,
}

/// What a seller will be paid in one currency.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UpcomingPayout {
    /// ISO 4217.
    currency: String,
    /// What is due now; negative when the seller owes.
    due: String,
    /// What of that will be kept back.
    reserve: String,
    /// What would be paid now.
    amount: String,
    /// Why it would not.
    shortfall: Option<PayoutShortfall>,
    /// What is not due yet, by reason.
    waiting: Vec<WaitingPayout>,
    /// What was kept back of earlier payouts, the first to be released first.
    in_reserve: Vec<PayoutReserve>,
}

/// What is not due yet for one reason.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct WaitingPayout {
    /// Why.
    reason: PayoutWait,
    /// How much; negative when the seller owes it.
    amount: String,
    /// When the first of it is due, where that is known …
    first_at: Option<DateTime<Utc>>,
    /// … and when the last.
    last_at: Option<DateTime<Utc>>,
}

impl From<upcoming::Upcoming> for UpcomingPayouts {
    fn from(all: upcoming::Upcoming) -> Self {
        Self {
            interval: all.seller.payout_interval.into(),
            next_run_at: all.next_run_at,
            obstacle: all.obstacle.map(Into::into),
            currencies: all.currencies.into_iter().map(|(code, of)| UpcomingPayout::new(code, of)).collect(),
        }
    }
}

impl UpcomingPayout {
    fn new(currency: CurrencyCode, of: upcoming::UpcomingCurrency) -> Self {
        let waiting = of.waiting.into_iter().map(|(wait, waiting)| WaitingPayout {
            reason: wait.into(),
            amount: amount(waiting.amount, currency),
            first_at: waiting.first_at,
            last_at: waiting.last_at,
        });
        Self {
            currency: currency.to_string(),
            due: amount(of.plan.due, currency),
            reserve: amount(of.plan.reserve, currency),
            amount: amount(of.plan.amount, currency),
            shortfall: of.shortfall.map(Into::into),
            waiting: waiting.collect(),
            in_reserve: of.reserves.into_iter().map(Into::into).collect(),
        }
    }
}
