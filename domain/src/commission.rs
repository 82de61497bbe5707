//! Commission rules, as operators make them; [`crate::order::pricing::commission`] chooses among
//! them.
//!
//! A rule is never changed, so that the commission frozen on lines stays explained: it ends, or
//! another one that starts later takes its place.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, IntoActiveModel, QuerySelect};
use souk_entity::id::{CategoryId, CommissionRuleId, SellerId};
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::{category, commission_rule, seller};

use crate::audit::{self, Fields};
use crate::error::{Error, Result};
use crate::order::pricing::commission::CommissionTerms;
use crate::store::Tx;
use crate::validity::Validity;

/// What the platform takes, and of which sales.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// For people.
    pub name: String,
    /// Only this seller's lines.
    pub seller: Option<SellerId>,
    /// Only lines of this category and those below it.
    pub category: Option<CategoryId>,
    /// What it takes; amounts are in minor units of `currency`.
    pub terms: CommissionTerms,
    /// Only orders in it; needed where an amount is named.
    pub currency: Option<CurrencyCode>,
    /// When it applies.
    pub validity: Validity,
}

/// Makes a commission rule.
///
/// # Errors
/// [`crate::Code::NotFound`] for an unknown seller or category; [`crate::Code::InvalidValue`].
pub async fn create(tx: &Tx, new: NewRule) -> Result<commission_rule::Model> {
    check(&new)?;
    if let Some(id) = new.seller {
        seller::Entity::find_by_id(id).one(&**tx).await?.ok_or_else(|| Error::not_found("seller"))?;
    }
    if let Some(id) = new.category {
        category::Entity::find_by_id(id).one(&**tx).await?.ok_or_else(|| Error::not_found("category"))?;
    }
    let row = commission_rule::Model {
        id: CommissionRuleId::at(tx.now),
        name: new.name,
        seller_id: new.seller,
        category_id: new.category,
        rate_ppm: new.terms.rate,
        flat: new.terms.flat,
        minimum: new.terms.minimum,
        maximum: new.terms.maximum,
        currency: new.currency,
        starts_at: new.validity.starts_at,
        ends_at: new.validity.ends_at,
        created_at: tx.now,
    };
    commission_rule::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let fields = Fields::new()
        .made("seller_id", row.seller_id)
        .made("category_id", row.category_id)
        .made("rate_ppm", row.rate_ppm)
        .made("flat", row.flat)
        .made("minimum", row.minimum)
        .made("maximum", row.maximum)
        .made("currency", row.currency)
        .made("starts_at", row.starts_at)
        .made("ends_at", row.ends_at);
    audit::note(tx, "commission_rule", row.id, fields);
    Ok(row)
}

fn check(new: &NewRule) -> Result<()> {
    let CommissionTerms { rate: RatePpm(rate), flat, minimum, maximum } = new.terms;
    if !(0..=1_000_000).contains(&rate) {
        return Err(Error::invalid("A commission is 0 to 100 percent."));
    }
    if [Some(flat), minimum, maximum].into_iter().flatten().any(|amount| amount < MinorUnits::ZERO) {
        return Err(Error::invalid("flat, minimum and maximum are not negative."));
    }
    if maximum.is_some_and(|most| most < minimum.unwrap_or_default()) {
        return Err(Error::invalid("maximum is at least minimum."));
    }
    if new.currency.is_none() && (flat != MinorUnits::ZERO || minimum.is_some() || maximum.is_some()) {
        return Err(Error::invalid("A rule with amounts needs their currency."));
    }
    Ok(())
}

/// Ends a commission rule at an instant, or now.
///
/// # Errors
/// [`crate::Code::NotFound`], [`crate::Code::InvalidValue`].
pub async fn end(tx: &Tx, id: CommissionRuleId, ends_at: Option<DateTime<Utc>>) -> Result<commission_rule::Model> {
    let mut row = commission_rule::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(unknown)?;
    let before = row.ends_at;
    row.ends_at = Validity { starts_at: row.starts_at, ends_at: row.ends_at }.ending(ends_at, tx.now)?.ends_at;
    audit::note(tx, "commission_rule", id, Fields::new().changed("ends_at", before, row.ends_at));
    let update = commission_rule::ActiveModel { id: Set(id), ends_at: Set(row.ends_at), ..Default::default() };
    commission_rule::Entity::update(update).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// A commission rule.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn find(db: &impl ConnectionTrait, id: CommissionRuleId) -> Result<commission_rule::Model> {
    commission_rule::Entity::find_by_id(id).one(db).await?.ok_or_else(unknown)
}

fn unknown() -> Error {
    Error::not_found("commission rule")
}
