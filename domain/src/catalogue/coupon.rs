//! Coupons, as operators and sellers make them.

use chrono::{DateTime, Datelike, Utc};
use sea_orm::{EntityTrait, IntoActiveModel};
use souk_entity::coupon;
use souk_entity::id::{CouponId, SellerId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::CouponKind;

use crate::error::{Error, Result};
use crate::store::Tx;

/// A coupon's terms.
#[derive(Clone, Debug)]
pub struct NewCoupon {
    /// What the shopper types; compared in upper case.
    pub code: String,
    /// How `value` is read.
    pub kind: CouponKind,
    /// Parts per million, or minor units of `currency`.
    pub value: i64,
    /// `None`: any currency; only a plain percentage can be.
    pub currency: Option<CurrencyCode>,
    /// Who bears it and whose lines it touches; `None`: the platform, all lines.
    pub seller_id: Option<SellerId>,
    /// The goods it touches must cost at least this.
    pub minimum_spend: MinorUnits,
    /// It gives at most this.
    pub maximum_discount: Option<MinorUnits>,
    /// It can be used this often.
    pub usage_limit: Option<i64>,
    /// Valid from then.
    pub starts_at: DateTime<Utc>,
    /// Valid until then.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Makes a coupon.
///
/// # Errors
/// [`crate::Code::AlreadyExists`] for a code that is taken; [`crate::Code::InvalidValue`].
pub async fn create(tx: &Tx, new: NewCoupon) -> Result<coupon::Model> {
    let refuse = |why: &str| Err(Error::invalid(why));
    let code = new.code.trim().to_uppercase();
    if !(3..=40).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return refuse("A coupon code is 3 to 40 letters, digits and hyphens.");
    }
    if new.value <= 0 || (new.kind == CouponKind::Percentage && new.value > 1_000_000) {
        return refuse("A coupon takes off more than nothing, and at most 100%.");
    }
    if new.currency.is_none()
        && (new.kind == CouponKind::Fixed || new.minimum_spend.0 != 0 || new.maximum_discount.is_some())
    {
        return refuse("A coupon with amounts needs a currency.");
    }
    if new.minimum_spend.0 < 0
        || new.maximum_discount.is_some_and(|most| most.0 <= 0)
        || new.usage_limit.is_some_and(|limit| limit < 1)
    {
        return refuse("Limits of a coupon are positive.");
    }
    // Both databases keep these years, and RFC 3339 can write them.
    if std::iter::once(new.starts_at).chain(new.ends_at).any(|instant| !(1..=9999).contains(&instant.year())) {
        return refuse("A coupon's years are 1 to 9999.");
    }
    if new.ends_at.is_some_and(|ends| ends <= new.starts_at) {
        return refuse("A coupon ends after it starts.");
    }
    let row = coupon::Model {
        id: CouponId::at(tx.now),
        code,
        kind: new.kind,
        value: new.value,
        currency: new.currency,
        seller_id: new.seller_id,
        minimum_spend: new.minimum_spend,
        maximum_discount: new.maximum_discount,
        usage_limit: new.usage_limit,
        used: 0,
        starts_at: new.starts_at,
        ends_at: new.ends_at,
        active: true,
        created_at: tx.now,
    };
    coupon::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}
