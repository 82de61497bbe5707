//! How sellers ship: the places that they ship to, and what they ask for it.

pub mod zone;

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use souk_entity::id::{SellerId, ShippingMethodId, ShippingZoneId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::ShippingPricing;
use souk_entity::{shipping_method, shipping_weight_step};

use crate::account;
use crate::error::{Code, Error, Result};
use crate::order::pricing::shipping::Tariff;
use crate::store::Tx;

/// The most ways of shipping of a seller that are in use: all are read and tried for every cart.
pub const MOST_METHODS: u64 = 100;

/// The most steps of a price by weight.
pub const MOST_STEPS: usize = 50;

/// The heaviest that a step may hold, in grams: a thousand tonnes.
pub const HEAVIEST: i64 = 1_000_000_000;

/// The latest arrival that can be told, in days.
const LONGEST: i32 = 365;

/// A way of shipping with its price.
#[derive(Clone, Debug)]
pub struct Method {
    /// The method.
    pub row: shipping_method::Model,
    /// What it asks for.
    pub tariff: Tariff,
}

/// A way of shipping.
#[derive(Clone, Debug)]
pub struct NewMethod {
    /// Unique for the seller and currency.
    pub name: String,
    /// Where it goes; `None`: everywhere.
    pub zone: Option<ShippingZoneId>,
    /// It is offered to carts of this currency.
    pub currency: CurrencyCode,
    /// Per seller order.
    pub tariff: Tariff,
    /// Free when the discounted goods reach this.
    pub free_over: Option<MinorUnits>,
    /// At the earliest after this many days.
    pub min_days: i32,
    /// At the latest after this many days.
    pub max_days: i32,
}

/// Adds a way of shipping.
///
/// # Errors
/// [`Code::AlreadyExists`], [`Code::InvalidMoney`]; [`Code::InvalidValue`], also for more than
/// [`MOST_METHODS`]; [`Code::NotFound`] for a zone that is not the seller's.
pub async fn create_method(tx: &Tx, seller: SellerId, new: NewMethod) -> Result<Method> {
    if let Some(zone) = new.zone {
        zone::of(&**tx, seller, zone).await?;
    }
    let row = shipping_method::Model {
        id: ShippingMethodId::at(tx.now),
        seller_id: seller,
        shipping_zone_id: new.zone,
        name: new.name,
        pricing: pricing(&new.tariff),
        price: flat(&new.tariff),
        currency: new.currency,
        free_over: new.free_over,
        min_days: new.min_days,
        max_days: new.max_days,
        active: true,
        created_at: tx.now,
    };
    let method = Method { row, tariff: new.tariff };
    check(&method)?;
    one_more(tx, seller).await?;
    shipping_method::Entity::insert(method.row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    insert_steps(tx, &method).await?;
    Ok(method)
}

/// Whether a seller can have one more way of shipping in use.
async fn one_more(tx: &Tx, seller: SellerId) -> Result<()> {
    account::take_turns(tx, seller).await?;
    let there = shipping_method::Entity::find()
        .filter(shipping_method::Column::SellerId.eq(seller))
        .filter(shipping_method::Column::Active.eq(true))
        .count(&**tx)
        .await?;
    if there < MOST_METHODS {
        return Ok(());
    }
    Err(Error::invalid(format!("{MOST_METHODS} shipping methods can be in use; take one out of use first.")))
}

/// What is to be different of a way of shipping; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct MethodChange {
    /// Unique for the seller and currency.
    pub name: Option<String>,
    /// Of the kind that the method has.
    pub tariff: Option<Tariff>,
    /// `Some(None)`: never free.
    pub free_over: Option<Option<MinorUnits>>,
    /// At the earliest after this many days.
    pub min_days: Option<i32>,
    /// At the latest after this many days.
    pub max_days: Option<i32>,
    /// Whether carts can choose it.
    pub active: Option<bool>,
}

/// Changes a way of shipping; placed orders keep what they were placed with.
///
/// # Errors
/// [`Code::NotFound`], [`Code::AlreadyExists`], [`Code::InvalidMoney`]; [`Code::InvalidValue`], also
/// for more than [`MOST_METHODS`].
pub async fn change_method(tx: &Tx, seller: SellerId, id: ShippingMethodId, change: MethodChange) -> Result<Method> {
    let row = shipping_method::Entity::find_by_id(id)
        .filter(shipping_method::Column::SellerId.eq(seller))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("shipping method"))?;
    let mut method = with_tariffs(&**tx, vec![row]).await?.pop().ok_or_else(|| Error::internal("no method"))?;
    let row = &mut method.row;
    if let Some(name) = change.name {
        row.name = name;
    }
    row.free_over = change.free_over.unwrap_or(row.free_over);
    row.min_days = change.min_days.unwrap_or(row.min_days);
    row.max_days = change.max_days.unwrap_or(row.max_days);
    let revived = !row.active && change.active == Some(true);
    row.active = change.active.unwrap_or(row.active);
    let repriced = change.tariff.is_some();
    if let Some(tariff) = change.tariff {
        if pricing(&tariff) != row.pricing {
            return Err(Error::invalid(match row.pricing {
                ShippingPricing::Flat => "The method has one price; send price, or add a method by weight.",
                ShippingPricing::Weight => "The method is priced by weight; send weight_steps, or add a flat method.",
            }));
        }
        row.price = flat(&tariff);
        method.tariff = tariff;
    }
    check(&method)?;
    if revived {
        one_more(tx, seller).await?;
    }
    let row = &method.row;
    let update = shipping_method::ActiveModel {
        id: Set(id),
        name: Set(row.name.clone()),
        price: Set(row.price),
        free_over: Set(row.free_over),
        min_days: Set(row.min_days),
        max_days: Set(row.max_days),
        active: Set(row.active),
        ..Default::default()
    };
    shipping_method::Entity::update(update).exec_without_returning(&**tx).await?;
    if repriced {
        shipping_weight_step::Entity::delete_many()
            .filter(shipping_weight_step::Column::ShippingMethodId.eq(id))
            .exec(&**tx)
            .await?;
        insert_steps(tx, &method).await?;
    }
    Ok(method)
}

/// A seller's way of shipping.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn method_of(
    db: &impl ConnectionTrait,
    seller: SellerId,
    id: ShippingMethodId,
) -> Result<shipping_method::Model> {
    shipping_method::Entity::find_by_id(id)
        .filter(shipping_method::Column::SellerId.eq(seller))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("shipping method"))
}

/// The methods with what each asks for, in the order given.
///
/// # Errors
/// The database's.
pub async fn with_tariffs(db: &impl ConnectionTrait, rows: Vec<shipping_method::Model>) -> Result<Vec<Method>> {
    let by_weight: Vec<ShippingMethodId> =
        rows.iter().filter(|row| row.pricing == ShippingPricing::Weight).map(|row| row.id).collect();
    let mut steps: HashMap<ShippingMethodId, Vec<(i64, MinorUnits)>> = HashMap::new();
    if !by_weight.is_empty() {
        let found = shipping_weight_step::Entity::find()
            .filter(shipping_weight_step::Column::ShippingMethodId.is_in(by_weight))
            .order_by_asc(shipping_weight_step::Column::UpToGrams)
            .all(db)
            .await?;
        for step in found {
            steps.entry(step.shipping_method_id).or_default().push((step.up_to_grams, step.price));
        }
    }
    let methods = rows.into_iter().map(|row| {
        let tariff = match row.pricing {
            ShippingPricing::Flat => Tariff::Flat(row.price),
            ShippingPricing::Weight => Tariff::ByWeight(steps.remove(&row.id).unwrap_or_default()),
        };
        Method { row, tariff }
    });
    Ok(methods.collect())
}

fn pricing(tariff: &Tariff) -> ShippingPricing {
    match tariff {
        Tariff::Flat(_) => ShippingPricing::Flat,
        Tariff::ByWeight(_) => ShippingPricing::Weight,
    }
}

fn flat(tariff: &Tariff) -> MinorUnits {
    match tariff {
        Tariff::Flat(price) => *price,
        Tariff::ByWeight(_) => MinorUnits::ZERO,
    }
}

fn check(method: &Method) -> Result<()> {
    let row = &method.row;
    if row.min_days < 0 || row.max_days < row.min_days || row.max_days > LONGEST {
        return Err(Error::invalid(format!(
            "The delivery estimate runs from min_days (0 or more) to max_days (at most {LONGEST})."
        )));
    }
    if let Tariff::ByWeight(steps) = &method.tariff {
        check_steps(steps)?;
    }
    let negative = |amount: MinorUnits| amount < MinorUnits::ZERO;
    let prices_negative = match &method.tariff {
        Tariff::Flat(price) => negative(*price),
        Tariff::ByWeight(steps) => steps.iter().any(|(_, price)| negative(*price)),
    };
    if prices_negative || row.free_over.is_some_and(negative) {
        return Err(Error::new(Code::InvalidMoney, "A price of shipping and free_over cannot be negative."));
    }
    Ok(())
}

fn check_steps(steps: &[(i64, MinorUnits)]) -> Result<()> {
    if !(1..=MOST_STEPS).contains(&steps.len()) {
        return Err(Error::invalid(format!("weight_steps are 1 to {MOST_STEPS}.")));
    }
    let rising = steps.is_sorted_by(|(lighter, _), (heavier, _)| lighter < heavier);
    if rising && steps.iter().all(|(most, _)| (1..=HEAVIEST).contains(most)) {
        Ok(())
    } else {
        Err(Error::invalid(format!("up_to_grams is 1 to {HEAVIEST} and rises from step to step.")))
    }
}

async fn insert_steps(tx: &Tx, method: &Method) -> Result<()> {
    let Tariff::ByWeight(steps) = &method.tariff else { return Ok(()) };
    let rows = steps.iter().map(|(most, price)| shipping_weight_step::ActiveModel {
        shipping_method_id: Set(method.row.id),
        up_to_grams: Set(*most),
        price: Set(*price),
    });
    shipping_weight_step::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_steps_rise() {
        let check = |weights: &[i64]| {
            let steps: Vec<_> = weights.iter().map(|most| (*most, MinorUnits(1))).collect();
            check_steps(&steps)
        };
        check(&[1]).unwrap();
        check(&[1, 2, HEAVIEST]).unwrap();
        let many: Vec<i64> = (1..=51).collect();
        for bad in [&[][..], &[0], &[-1, 2], &[2, 2], &[2, 1], &[HEAVIEST + 1], &many] {
            assert_eq!(check(bad).unwrap_err().code, Code::InvalidValue, "{bad:?}");
        }
    }
}
