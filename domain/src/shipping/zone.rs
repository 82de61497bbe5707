//! The places that a seller ships to at the prices of some methods.

use std::collections::HashMap;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use souk_entity::id::{SellerId, ShippingZoneId};
use souk_entity::{shipping_zone, shipping_zone_place};

use crate::error::{Error, Result};
use crate::place::Place;
use crate::store::Tx;

/// The most places of a zone.
pub const MOST_PLACES: usize = 300;

/// A zone with its places.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The zone.
    pub row: shipping_zone::Model,
    /// By country and region.
    pub places: Vec<Place>,
}

/// Adds a zone.
///
/// # Errors
/// [`crate::Code::AlreadyExists`] for a name that the seller uses; [`crate::Code::InvalidValue`].
pub async fn create(tx: &Tx, seller: SellerId, name: &str, places: Vec<Place>) -> Result<Zone> {
    let places = distinct(places)?;
    let row = shipping_zone::Model {
        id: ShippingZoneId::at(tx.now),
        seller_id: seller,
        name: name.to_owned(),
        created_at: tx.now,
    };
    shipping_zone::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    insert_places(tx, row.id, &places).await?;
    Ok(Zone { row, places })
}

/// Makes these the places of a zone; placed orders are shipped as they were placed.
///
/// # Errors
/// [`crate::Code::NotFound`], [`crate::Code::InvalidValue`].
pub async fn set_places(tx: &Tx, seller: SellerId, id: ShippingZoneId, places: Vec<Place>) -> Result<Zone> {
    let row = shipping_zone::Entity::find_by_id(id)
        .filter(shipping_zone::Column::SellerId.eq(seller))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("shipping zone"))?;
    let places = distinct(places)?;
    shipping_zone_place::Entity::delete_many()
        .filter(shipping_zone_place::Column::ShippingZoneId.eq(id))
        .exec(&**tx)
        .await?;
    insert_places(tx, id, &places).await?;
    Ok(Zone { row, places })
}

/// A seller's zone.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn of(db: &impl ConnectionTrait, seller: SellerId, id: ShippingZoneId) -> Result<shipping_zone::Model> {
    shipping_zone::Entity::find_by_id(id)
        .filter(shipping_zone::Column::SellerId.eq(seller))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("shipping zone"))
}

/// The zones with their places, in the order given.
///
/// # Errors
/// The database's.
pub async fn with_places(db: &impl ConnectionTrait, rows: Vec<shipping_zone::Model>) -> Result<Vec<Zone>> {
    let found = shipping_zone_place::Entity::find()
        .filter(shipping_zone_place::Column::ShippingZoneId.is_in(rows.iter().map(|row| row.id)))
        .all(db)
        .await?;
    let mut places: HashMap<ShippingZoneId, Vec<Place>> = HashMap::new();
    for place in found {
        let named = Place { country: place.country, region: place.region };
        places.entry(place.shipping_zone_id).or_default().push(named);
    }
    // Here and not by the database, whose order of letters may be another.
    places.values_mut().for_each(|places| places.sort());
    Ok(rows.into_iter().map(|row| Zone { places: places.remove(&row.id).unwrap_or_default(), row }).collect())
}

fn distinct(mut places: Vec<Place>) -> Result<Vec<Place>> {
    if !(1..=MOST_PLACES).contains(&places.len()) {
        return Err(Error::invalid(format!("A zone has 1 to {MOST_PLACES} places.")));
    }
    places.sort();
    match places.iter().zip(places.iter().skip(1)).find(|(a, b)| a == b) {
        Some((Place { country, region }, _)) => {
            let place = format!("{country} {region}");
            Err(Error::invalid(format!("{} is named twice; name it once.", place.trim_end())))
        }
        None => Ok(places),
    }
}

async fn insert_places(tx: &Tx, zone: ShippingZoneId, places: &[Place]) -> Result<()> {
    let rows = places.iter().map(|place| shipping_zone_place::ActiveModel {
        shipping_zone_id: Set(zone),
        country: Set(place.country.clone()),
        region: Set(place.region.clone()),
    });
    shipping_zone_place::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}
