//! What carriers tell of parcels, and what follows: quantities, stock, states.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_entity::id::{ShipmentEventId, ShipmentId, StockMovementId};
use souk_entity::status::{ShipmentDirection, ShipmentStatus, StockMovementReason};
use souk_entity::{order_line, shipment, shipment_event, stock_movement};

use super::transition::{SHIPMENT, event_of, has_left, is_moving, tracking_status};
use super::{allocated, contents, find, lock, step};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::order::{lifecycle, stock, units};
use crate::port::Scan;
use crate::returns;
use crate::store::Tx;
use crate::transition::next;

/// Takes over what a carrier tells of a parcel: each scan kept once, the state worked out from all
/// of them whatever their order, quantities and stock moved once when it leaves and arrives.
///
/// # Errors
/// The database's.
pub async fn observe(tx: &Tx, id: ShipmentId, scans: &[Scan]) -> Result<()> {
    let (_, mut shipment) = lock(tx, id).await?;
    if !scans.is_empty() {
        let rows = scans.iter().map(|scan| shipment_event::ActiveModel {
            id: Set(ShipmentEventId::at(tx.now)),
            shipment_id: Set(id),
            tracking_status: Set(scan.status),
            description: Set(scan.description.chars().take(255).collect()),
            location: Set(scan.location.as_ref().map(|location| location.chars().take(255).collect())),
            occurred_at: Set(chrono::SubsecRound::trunc_subsecs(scan.occurred_at, 6)),
            received_at: Set(tx.now),
        });
        shipment_event::Entity::insert_many(rows)
            .on_conflict_do_nothing_on([
                shipment_event::Column::ShipmentId,
                shipment_event::Column::OccurredAt,
                shipment_event::Column::TrackingStatus,
            ])
            .exec_without_returning(&**tx)
            .await?;
    }
    // Also where no status changes: who follows the order sees the scans.
    tx.tell_after_commit(Some(shipment.order_id));
    let known = events(&**tx, id).await?;
    let told: Vec<Scan> = known
        .into_iter()
        .map(|event| Scan {
            status: event.tracking_status,
            description: event.description,
            location: event.location,
            occurred_at: event.occurred_at,
        })
        .collect();
    let tracking = tracking_status(&told);
    if tracking != shipment.tracking_status {
        let row = shipment::ActiveModel { id: Set(id), tracking_status: Set(tracking), ..Default::default() };
        shipment::Entity::update(row).exec_without_returning(&**tx).await?;
    }
    let Some(event) = event_of(&told) else { return Ok(()) };
    let Ok(to) = next("shipment", SHIPMENT, shipment.status, event) else { return Ok(()) };
    let from = shipment.status;
    if to == from {
        return Ok(());
    }
    let note = told.iter().max_by_key(|scan| scan.occurred_at).map(|scan| scan.description.clone());
    step(tx, &mut shipment, event, Actor::Carrier, note).await?;
    match shipment.direction {
        ShipmentDirection::Outbound => {
            if !has_left(from) && has_left(to) {
                leave(tx, &shipment).await?;
            }
            if to == ShipmentStatus::Delivered {
                arrive(tx, &shipment).await?;
            }
            lifecycle::follow_quantities(tx, shipment.seller_order_id, Actor::Carrier).await
        }
        ShipmentDirection::Return => match shipment.return_request_id {
            Some(request) if has_left(to) => returns::dispatched(tx, request).await,
            _ => Ok(()),
        },
    }
}

/// The scans of a parcel, oldest first.
///
/// # Errors
/// The database's.
pub async fn events(db: &impl ConnectionTrait, id: ShipmentId) -> Result<Vec<shipment_event::Model>> {
    Ok(shipment_event::Entity::find()
        .filter(shipment_event::Column::ShipmentId.eq(id))
        .order_by_asc(shipment_event::Column::OccurredAt)
        .order_by_asc(shipment_event::Column::Id)
        .all(db)
        .await?)
}

/// Whether the carrier is still to be asked about it.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn still_moving(tx: &Tx, id: ShipmentId) -> Result<bool> {
    Ok(is_moving(find(tx, id).await?.status))
}

/// The goods have left: off the shelf and out of the reservation.
async fn leave(tx: &Tx, shipment: &shipment::Model) -> Result<()> {
    let lines = contents(tx, shipment.id).await?;
    units::add(tx, order_line::Column::ShippedQuantity, &lines).await?;
    let mut holds: Vec<stock::Hold> = Vec::new();
    let allocated = allocated(tx, shipment.seller_order_id, shipment.warehouse_id).await?;
    for (line, quantity) in &lines {
        let held = allocated.iter().find(|(_, row)| row.order_line_id == *line && row.open_quantity >= *quantity);
        let (level, row) = held.ok_or_else(|| Error::internal("a parcel of goods that are not allocated"))?;
        stock::consume(tx, row.id, *quantity).await?;
        holds.push((level.id, *quantity));
    }
    stock::unreserve(tx, &holds, true).await?;
    let moves = holds.iter().map(|(level, quantity)| stock_movement::ActiveModel {
        id: Set(StockMovementId::at(tx.now)),
        inventory_level_id: Set(*level),
        delta: Set(-quantity),
        reason: Set(StockMovementReason::Shipment),
        source_id: Set(shipment.id.into()),
        occurred_at: Set(tx.now),
    });
    stock_movement::Entity::insert_many(moves).exec_without_returning(&**tx).await?;
    Ok(())
}

/// The goods have arrived.
async fn arrive(tx: &Tx, shipment: &shipment::Model) -> Result<()> {
    let lines = contents(tx, shipment.id).await?;
    units::add(tx, order_line::Column::DeliveredQuantity, &lines).await
}
