//! Commission rules.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_entity::commission_rule;
use souk_entity::money::MinorUnits;
use uuid::Uuid;

use super::{amount, percent};

/// What the marketplace takes of a sale.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct CommissionRule {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// Only this seller's goods; absent for every seller's.
    seller_id: Option<Uuid>,
    /// Only goods of this category and those below it; absent for all.
    category_id: Option<Uuid>,
    /// Of the goods without tax, after the seller's discounts, such as `12.5`.
    percent: String,
    /// Besides, for each unit.
    flat: Option<String>,
    /// Of a line at least this, if its goods are worth it.
    minimum: Option<String>,
    /// Of a line at most this.
    maximum: Option<String>,
    /// ISO 4217: only orders in it; absent for any currency.
    currency: Option<String>,
    /// Valid from then.
    starts_at: DateTime<Utc>,
    /// Valid until then.
    ends_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<commission_rule::Model> for CommissionRule {
    fn from(row: commission_rule::Model) -> Self {
        let show = |value: MinorUnits| row.currency.map(|currency| amount(value, currency));
        Self {
            id: row.id.into(),
            name: row.name,
            seller_id: row.seller_id.map(Into::into),
            category_id: row.category_id.map(Into::into),
            percent: percent(row.rate_ppm),
            flat: Some(row.flat).filter(|flat| *flat != MinorUnits::ZERO).and_then(show),
            minimum: row.minimum.and_then(show),
            maximum: row.maximum.and_then(show),
            currency: row.currency.map(|currency| currency.to_string()),
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            created_at: row.created_at,
        }
    }
}
