//! Promotions as those see them who make them.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_entity::id::OfferId;
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::promotion;
use souk_entity::status::PromotionKind as Kind;
use uuid::Uuid;

use super::words::{Bearer, PromotionKind, PromotionTarget, Stacking};
use super::{amount, percent};

/// A promotion.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Promotion {
    /// Its id.
    id: Uuid,
    /// Rises with every change of its terms, not with its use; the ETag.
    version: i64,
    /// The seller whose it is, and whose goods it is for; absent for the marketplace's own.
    owner_seller_id: Option<Uuid>,
    /// Its name.
    name: String,
    /// What the shopper types; absent where it applies by itself.
    code: Option<String>,
    /// What it takes off.
    kind: PromotionKind,
    /// The percentage off; absent for a fixed amount.
    percent: Option<String>,
    /// The fixed amount off.
    amount: Option<String>,
    /// Units at their price, of `buy_x_get_y`.
    buy_quantity: Option<i64>,
    /// Units that the percentage is taken off, of `buy_x_get_y`.
    get_quantity: Option<i64>,
    /// ISO 4217: only orders in it; absent for any currency.
    currency: Option<String>,
    /// What it is for.
    target: PromotionTarget,
    /// The seller it is for.
    seller_id: Option<Uuid>,
    /// The category it is for, with those below it.
    category_id: Option<Uuid>,
    /// The offers it is for; left out of lists.
    offer_ids: Option<Vec<Uuid>>,
    /// Who makes it good.
    borne_by: Bearer,
    /// Whether it shares lines with others.
    stacking: Stacking,
    /// Lower ones are applied first.
    priority: i32,
    /// The goods that it is for must cost at least this.
    minimum_spend: Option<String>,
    /// It takes off at most this.
    maximum_discount: Option<String>,
    /// So many orders can use it.
    usage_limit: Option<i64>,
    /// So many orders of one shopper can use it.
    shopper_limit: Option<i64>,
    /// So many orders use it.
    used: i64,
    /// Valid from then.
    starts_at: DateTime<Utc>,
    /// Valid until then.
    ends_at: Option<DateTime<Utc>>,
    /// Whether it can be used.
    active: bool,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When its terms were last changed.
    updated_at: DateTime<Utc>,
}

impl From<promotion::Model> for Promotion {
    fn from(row: promotion::Model) -> Self {
        let show = |value: MinorUnits| row.currency.map(|currency| amount(value, currency));
        let (rate, fixed) = match row.kind {
            Kind::Fixed => (None, show(MinorUnits(row.value))),
            Kind::Percentage | Kind::FreeShipping | Kind::BuyXGetY => (Some(percent(RatePpm(row.value))), None),
        };
        Self {
            id: row.id.into(),
            version: row.version,
            owner_seller_id: row.seller_id.map(Into::into),
            name: row.name,
            code: row.code,
            kind: row.kind.into(),
            percent: rate,
            amount: fixed,
            buy_quantity: row.buy_quantity,
            get_quantity: row.get_quantity,
            currency: row.currency.map(|currency| currency.to_string()),
            target: row.target.into(),
            seller_id: row.target_seller_id.map(Into::into),
            category_id: row.target_category_id.map(Into::into),
            offer_ids: None,
            borne_by: row.borne_by.into(),
            stacking: row.stacking.into(),
            priority: row.priority,
            minimum_spend: Some(row.minimum_spend).filter(|least| *least != MinorUnits::ZERO).and_then(show),
            maximum_discount: row.maximum_discount.and_then(show),
            usage_limit: row.usage_limit,
            shopper_limit: row.shopper_limit,
            used: row.used,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            active: row.active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Promotion {
    /// With the offers that it names, if it names any.
    pub fn with_offers(row: promotion::Model, offers: Vec<OfferId>) -> Self {
        let offer_ids = Some(offers.into_iter().map(Uuid::from).collect()).filter(|ids: &Vec<Uuid>| !ids.is_empty());
        Self { offer_ids, ..row.into() }
    }
}
