//! Things as the API shows them. Amounts are decimal strings beside a `currency`, times RFC 3339
//! in UTC, absent values left out.

pub mod address;
pub mod api_key;
pub mod batch;
pub mod cart;
pub mod checklist;
pub mod commission_rule;
pub mod explain;
pub mod holiday;
pub mod ledger;
pub mod order;
pub mod parcel;
pub mod payout;
pub mod person_data;
pub mod promotion;
pub mod refund;
pub mod refund_approval;
pub mod return_policy;
pub mod shipping;
pub mod team;
pub mod webhook;
pub mod words;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_domain::money::Money;
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::status_history;

use words::ActorKind;

/// An amount as text, with all decimals of its currency.
pub fn amount(amount: MinorUnits, currency: CurrencyCode) -> String {
    Money { amount, currency }.to_string()
}

/// A rate as a percentage: `12.5` for 125000 parts per million.
pub fn percent(rate: RatePpm) -> String {
    rust_decimal::Decimal::new(rate.0, 4).normalize().to_string()
}

/// One change of something.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct HistoryEntry {
    /// Counts the changes from 1.
    pub version: i64,
    /// The status before; absent when it was made.
    pub from_status: Option<String>,
    /// The status after.
    pub to_status: String,
    /// Who caused it.
    pub actor: ActorKind,
    /// Why.
    pub note: Option<String>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

impl From<status_history::Model> for HistoryEntry {
    fn from(row: status_history::Model) -> Self {
        Self {
            version: row.version,
            from_status: row.from_status,
            to_status: row.to_status,
            actor: row.actor_kind.into(),
            note: row.note,
            occurred_at: row.occurred_at,
        }
    }
}
