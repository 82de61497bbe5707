//! Parcels with what is in them and where they have been.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_entity::id::{OrderId, ShipmentId};
use souk_entity::{shipment, shipment_event, shipment_line};

use crate::error::Result;

/// A parcel, its contents, its scans.
pub type Detail = (shipment::Model, Vec<shipment_line::Model>, Vec<shipment_event::Model>);

/// The parcels of an order, oldest first.
///
/// # Errors
/// The database's.
pub async fn of_order(db: &impl ConnectionTrait, id: OrderId) -> Result<Vec<Detail>> {
    let rows = shipment::Entity::find().filter(shipment::Column::OrderId.eq(id));
    with_contents(db, rows.order_by_asc(shipment::Column::Id).all(db).await?).await
}

/// Puts contents and scans to parcels, two statements however many there are.
///
/// # Errors
/// The database's.
pub async fn with_contents(db: &impl ConnectionTrait, rows: Vec<shipment::Model>) -> Result<Vec<Detail>> {
    let ids: Vec<ShipmentId> = rows.iter().map(|row| row.id).collect();
    let mut lines: HashMap<ShipmentId, Vec<shipment_line::Model>> = HashMap::new();
    let all = shipment_line::Entity::find().filter(shipment_line::Column::ShipmentId.is_in(ids.iter().copied()));
    for line in all.all(db).await? {
        lines.entry(line.shipment_id).or_default().push(line);
    }
    let mut events: HashMap<ShipmentId, Vec<shipment_event::Model>> = HashMap::new();
    let all = shipment_event::Entity::find()
        .filter(shipment_event::Column::ShipmentId.is_in(ids))
        .order_by_asc(shipment_event::Column::OccurredAt)
        .order_by_asc(shipment_event::Column::Id);
    for event in all.all(db).await? {
        events.entry(event.shipment_id).or_default().push(event);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let contents = lines.remove(&row.id).unwrap_or_default();
            let scans = events.remove(&row.id).unwrap_or_default();
            (row, contents, scans)
        })
        .collect())
}
