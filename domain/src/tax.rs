//! The table that tax is worked out by: zones, their rates, and who is exempt.
//!
//! Of the rates of a zone and class that are valid at an instant, the one that started last
//! applies; so a rate is changed by adding another, and a passing one gives way to the one before.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use souk_entity::id::{TaxExemptionId, TaxRateId, TaxZoneId, UserId};
use souk_entity::money::RatePpm;
use souk_entity::{tax_exemption, tax_rate, tax_zone, user};

use crate::audit::{self, Fields};
use crate::error::{Error, Result};
use crate::place::{self, Place};
use crate::store::Tx;
use crate::validity::Validity;

/// A tax class as it is stored.
///
/// # Errors
/// [`crate::Code::InvalidValue`] for what is not 1 to 40 of `a-z`, `0-9`, `_` and `-`.
pub fn class(name: &str) -> Result<String> {
    let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, b'_' | b'-');
    if (1..=40).contains(&name.len()) && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(Error::invalid("A tax class is 1 to 40 small letters, digits, hyphens and underscores, such as standard."))
    }
}

/// A place with tax rates of its own.
#[derive(Clone, Debug)]
pub struct NewZone {
    /// For people.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Whether offers' prices contain the tax.
    pub prices_include_tax: bool,
}

/// Adds a tax zone.
///
/// # Errors
/// [`crate::Code::AlreadyExists`] when the place has one.
pub async fn create_zone(tx: &Tx, new: NewZone) -> Result<tax_zone::Model> {
    let row = tax_zone::Model {
        id: TaxZoneId::at(tx.now),
        name: new.name,
        country: new.place.country,
        region: new.place.region,
        prices_include_tax: new.prices_include_tax,
        created_at: tx.now,
    };
    tax_zone::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let fields = Fields::new()
        .made("country", &row.country)
        .made("region", &row.region)
        .made("prices_include_tax", row.prices_include_tax);
    audit::note(tx, "tax_zone", row.id, fields);
    Ok(row)
}

/// A tax zone.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn zone(db: &impl ConnectionTrait, id: TaxZoneId) -> Result<tax_zone::Model> {
    tax_zone::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("tax zone"))
}

/// The rates of these zones that apply at `at`, one of each zone and class.
///
/// # Errors
/// The database's.
pub async fn rates_at(
    db: &impl ConnectionTrait,
    zones: impl IntoIterator<Item = TaxZoneId>,
    at: DateTime<Utc>,
) -> Result<Vec<tax_rate::Model>> {
    let mut rates = tax_rate::Entity::find()
        .filter(tax_rate::Column::TaxZoneId.is_in(zones))
        .filter(tax_rate::Column::StartsAt.lte(at))
        .filter(tax_rate::Column::EndsAt.is_null().or(tax_rate::Column::EndsAt.gt(at)))
        .order_by_asc(tax_rate::Column::TaxZoneId)
        .order_by_asc(tax_rate::Column::TaxClass)
        .order_by_desc(tax_rate::Column::StartsAt)
        .all(db)
        .await?;
    rates.dedup_by(|later, first| (later.tax_zone_id, &later.tax_class) == (first.tax_zone_id, &first.tax_class));
    Ok(rates)
}

/// A tax rate of a class.
#[derive(Clone, Debug)]
pub struct NewRate {
    /// Of products, or `shipping`.
    pub class: String,
    /// As people are told, such as `VAT`.
    pub name: String,
    /// At most a whole.
    pub rate: RatePpm,
    /// When it applies.
    pub validity: Validity,
}

/// Adds a tax rate to a zone.
///
/// # Errors
/// [`crate::Code::NotFound`]; [`crate::Code::AlreadyExists`] when one of the class starts at the same
/// instant; [`crate::Code::InvalidValue`].
pub async fn add_rate(tx: &Tx, zone: TaxZoneId, new: NewRate) -> Result<tax_rate::Model> {
    self::zone(&**tx, zone).await?;
    let row = tax_rate::Model {
        id: TaxRateId::at(tx.now),
        tax_zone_id: zone,
        tax_class: class(&new.class)?,
        name: new.name,
        rate_ppm: new.rate,
        starts_at: new.validity.starts_at,
        ends_at: new.validity.ends_at,
        created_at: tx.now,
    };
    tax_rate::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let fields = Fields::new()
        .made("tax_zone_id", row.tax_zone_id)
        .made("tax_class", &row.tax_class)
        .made("rate_ppm", row.rate_ppm)
        .made("starts_at", row.starts_at)
        .made("ends_at", row.ends_at);
    audit::note(tx, "tax_rate", row.id, fields);
    Ok(row)
}

/// Ends a tax rate at an instant, or now.
///
/// # Errors
/// [`crate::Code::NotFound`], [`crate::Code::InvalidValue`].
pub async fn end_rate(
    tx: &Tx,
    zone: TaxZoneId,
    id: TaxRateId,
    ends_at: Option<DateTime<Utc>>,
) -> Result<tax_rate::Model> {
    let mut row = tax_rate::Entity::find_by_id(id)
        .filter(tax_rate::Column::TaxZoneId.eq(zone))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("tax rate"))?;
    let before = row.ends_at;
    row.ends_at = Validity { starts_at: row.starts_at, ends_at: row.ends_at }.ending(ends_at, tx.now)?.ends_at;
    audit::note(tx, "tax_rate", id, Fields::new().changed("ends_at", before, row.ends_at));
    let update = tax_rate::ActiveModel { id: Set(id), ends_at: Set(row.ends_at), ..Default::default() };
    tax_rate::Entity::update(update).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// A buyer who need not pay tax.
#[derive(Clone, Debug)]
pub struct NewExemption {
    /// Who.
    pub user: UserId,
    /// Only on what goes to this country.
    pub country: Option<String>,
    /// The number of the paper that says so.
    pub certificate: String,
    /// When it applies.
    pub validity: Validity,
}

/// Exempts a buyer from tax.
///
/// # Errors
/// [`crate::Code::NotFound`] for an unknown person; [`crate::Code::InvalidValue`].
pub async fn exempt(tx: &Tx, new: NewExemption) -> Result<tax_exemption::Model> {
    user::Entity::find_by_id(new.user).one(&**tx).await?.ok_or_else(|| Error::not_found("user"))?;
    let row = tax_exemption::Model {
        id: TaxExemptionId::at(tx.now),
        user_id: new.user,
        country: new.country.as_deref().map(place::country).transpose()?.unwrap_or_default(),
        certificate: new.certificate,
        starts_at: new.validity.starts_at,
        ends_at: new.validity.ends_at,
        created_at: tx.now,
    };
    tax_exemption::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let fields = Fields::new()
        .made("user_id", row.user_id)
        .made("country", &row.country)
        .made("starts_at", row.starts_at)
        .made("ends_at", row.ends_at);
    audit::note(tx, "tax_exemption", row.id, fields);
    Ok(row)
}

/// Ends an exemption at an instant, or now.
///
/// # Errors
/// [`crate::Code::NotFound`], [`crate::Code::InvalidValue`].
pub async fn end_exemption(
    tx: &Tx,
    id: TaxExemptionId,
    ends_at: Option<DateTime<Utc>>,
) -> Result<tax_exemption::Model> {
    let mut row = tax_exemption::Entity::find_by_id(id)
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("tax exemption"))?;
    let before = row.ends_at;
    row.ends_at = Validity { starts_at: row.starts_at, ends_at: row.ends_at }.ending(ends_at, tx.now)?.ends_at;
    audit::note(tx, "tax_exemption", id, Fields::new().changed("ends_at", before, row.ends_at));
    let update = tax_exemption::ActiveModel { id: Set(id), ends_at: Set(row.ends_at), ..Default::default() };
    tax_exemption::Entity::update(update).exec_without_returning(&**tx).await?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tax_class_is_short_and_plain() {
        for good in ["standard", "reduced-7", "food_2", "0"] {
            assert_eq!(class(good).unwrap(), good);
        }
        let long = "x".repeat(41);
        for bad in ["", "Standard", "a b", "é", &long] {
            assert_eq!(class(bad).unwrap_err().code, crate::Code::InvalidValue, "{bad}");
        }
    }
}
