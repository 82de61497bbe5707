//! Parcels: packed from what is allocated, labelled by a job, moved by what the carrier tells.

pub mod detail;
mod tracking;
pub mod transition;

pub use tracking::{events, observe, still_moving};

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde_json::json;
use souk_entity::id::{OrderLineId, SellerId, SellerOrderId, ShipmentId, WarehouseId};
use souk_entity::status::{
    EntityKind, LabelFormat, LedgerAccount, LedgerSource, OrderStatus, ShipmentDirection, ShipmentStatus,
    TrackingStatus,
};
use souk_entity::{
    inventory_level, order_line, reservation, return_request, seller_order, shipment, shipment_label, shipment_line,
    warehouse,
};

use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::ledger::{self, Posting, credit, credit_seller, debit, debit_seller};
use crate::order::{contact, lifecycle, stock};
use crate::port::BoughtLabel;
use crate::store::Tx;
use crate::transition::next;
use crate::vault::{Field, Vault};

use transition::{SHIPMENT, ShipmentEvent};

/// A parcel that no webhook has told of is asked about this often.
pub const ASK_EVERY: chrono::TimeDelta = chrono::TimeDelta::hours(6);

/// Packs a parcel of a seller order from one warehouse; a job buys its label.
///
/// Without `lines`, everything that is allocated there and not packed yet goes in.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] unless the seller order is accepted;
/// [`Code::InvalidValue`] when more is asked for than is allocated there and not packed yet.
pub async fn create(
    tx: &Tx,
    seller: SellerId,
    actor: Actor,
    part_id: SellerOrderId,
    warehouse_id: WarehouseId,
    lines: Option<&[(OrderLineId, i64)]>,
    carrier: &str,
) -> Result<shipment::Model> {
    let (_, part) = lifecycle::lock_part(tx, part_id).await?;
    if part.seller_id != seller {
        return Err(Error::not_found("seller order"));
    }
    if !matches!(part.status, OrderStatus::Processing | OrderStatus::PartiallyShipped | OrderStatus::PartiallyDelivered)
    {
        let message = format!("The seller order is {}; a parcel can be packed once it is accepted.", part.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let warehouse = warehouse::Entity::find_by_id(warehouse_id)
        .filter(warehouse::Column::SellerId.eq(seller))
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("warehouse"))?;
    let packable = packable(tx, part_id, warehouse.id).await?;
    let packed: Vec<(OrderLineId, i64)> = match lines {
        Some(lines) => lines.to_vec(),
        None => packable.iter().filter(|(_, free)| **free > 0).map(|(line, free)| (*line, *free)).collect(),
    };
    if packed.is_empty() {
        return Err(Error::invalid("Nothing of this seller order is left to pack in this warehouse."));
    }
    let mut seen = BTreeMap::new();
    for (line, quantity) in &packed {
        let free = packable.get(line).copied().unwrap_or(0);
        if *quantity < 1 || *quantity > free || seen.insert(*line, ()).is_some() {
            return Err(Error::invalid(format!(
                "{quantity} of line {line} cannot be packed: {free} are allocated in this warehouse and not packed yet."
            )));
        }
    }
    write(tx, &part, warehouse.id, ShipmentDirection::Outbound, None, carrier, &packed, actor).await
}

/// Makes the parcel that a return comes back in, to the warehouse that its goods came from.
///
/// # Errors
/// The database's.
pub async fn create_return(
    tx: &Tx,
    request: &return_request::Model,
    lines: &[(OrderLineId, i64)],
    actor: Actor,
) -> Result<shipment::Model> {
    let (_, part) = lifecycle::lock_part(tx, request.seller_order_id).await?;
    let sent = shipment::Entity::find()
        .filter(shipment::Column::SellerOrderId.eq(part.id))
        .filter(shipment::Column::Direction.eq(ShipmentDirection::Outbound))
        .filter(shipment::Column::Status.ne(ShipmentStatus::Cancelled))
        .order_by_asc(shipment::Column::Id)
        .all(&**tx)
        .await?;
    let holding = shipment_line::Entity::find()
        .filter(shipment_line::Column::ShipmentId.is_in(sent.iter().map(|sent| sent.id)))
        .filter(shipment_line::Column::OrderLineId.is_in(lines.iter().map(|(line, _)| *line)))
        .all(&**tx)
        .await?;
    let outbound = sent
        .iter()
        .find(|sent| holding.iter().any(|held| held.shipment_id == sent.id))
        .ok_or_else(|| Error::internal("a return of goods that were never sent"))?;
    let request_id = Some(request.id);
    let direction = ShipmentDirection::Return;
    write(tx, &part, outbound.warehouse_id, direction, request_id, &outbound.carrier, lines, actor).await
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row, from two callers in this file")]
async fn write(
    tx: &Tx,
    part: &seller_order::Model,
    warehouse_id: WarehouseId,
    direction: ShipmentDirection,
    return_request_id: Option<souk_entity::id::ReturnRequestId>,
    carrier: &str,
    lines: &[(OrderLineId, i64)],
    actor: Actor,
) -> Result<shipment::Model> {
    let weights: HashMap<OrderLineId, i64> = order_line::Entity::find()
        .filter(order_line::Column::SellerOrderId.eq(part.id))
        .all(&**tx)
        .await?
        .into_iter()
        .map(|line| (line.id, i64::from(line.weight_grams)))
        .collect();
    let weight_grams = lines.iter().map(|(line, quantity)| weights.get(line).copied().unwrap_or(0) * quantity).sum();
    let shipment = shipment::Model {
        id: ShipmentId::at(tx.now),
        order_id: part.order_id,
        seller_order_id: part.id,
        seller_id: part.seller_id,
        warehouse_id,
        direction,
        return_request_id,
        carrier: carrier.to_owned(),
        carrier_ref: None,
        tracking_number: None,
        status: ShipmentStatus::Pending,
        tracking_status: TrackingStatus::Unknown,
        weight_grams,
        label_cost: None,
        currency: part.currency,
        estimated_delivery: None,
        failure_message: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    shipment::Entity::insert(shipment.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let rows = lines.iter().map(|(line, quantity)| shipment_line::ActiveModel {
        shipment_id: Set(shipment.id),
        order_line_id: Set(*line),
        quantity: Set(*quantity),
    });
    shipment_line::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(&shipment, None, actor, None)]).await?;
    job::enqueue(tx, &Task::BuyLabel { shipment_id: shipment.id }, tx.now).await?;
    Ok(shipment)
}

/// Per line: what is allocated in a warehouse and in no parcel that is still there.
async fn packable(tx: &Tx, part: SellerOrderId, warehouse: WarehouseId) -> Result<BTreeMap<OrderLineId, i64>> {
    let mut free = BTreeMap::new();
    for (_, reservation) in allocated(tx, part, warehouse).await? {
        *free.entry(reservation.order_line_id).or_insert(0) += reservation.open_quantity;
    }
    let waiting = shipment_line::Entity::find()
        .inner_join(shipment::Entity)
        .filter(shipment::Column::SellerOrderId.eq(part))
        .filter(shipment::Column::WarehouseId.eq(warehouse))
        .filter(shipment::Column::Direction.eq(ShipmentDirection::Outbound))
        .filter(shipment::Column::Status.is_in([ShipmentStatus::Pending, ShipmentStatus::Labelled]))
        .all(&**tx)
        .await?;
    for line in waiting {
        *free.entry(line.order_line_id).or_insert(0) -= line.quantity;
    }
    Ok(free)
}

async fn allocated(
    tx: &Tx,
    part: SellerOrderId,
    warehouse: WarehouseId,
) -> Result<Vec<(inventory_level::Model, reservation::Model)>> {
    let open = stock::reservations(tx, part).await?.into_iter().filter(|row| row.open_quantity > 0);
    let open: Vec<reservation::Model> = open.collect();
    let levels: HashMap<_, _> = inventory_level::Entity::find()
        .filter(inventory_level::Column::Id.is_in(open.iter().map(|row| row.inventory_level_id)))
        .filter(inventory_level::Column::WarehouseId.eq(warehouse))
        .all(&**tx)
        .await?
        .into_iter()
        .map(|level| (level.id, level))
        .collect();
    Ok(open.into_iter().filter_map(|row| Some((levels.get(&row.inventory_level_id)?.clone(), row))).collect())
}

/// The label is bought: stored, charged to the seller, and the parcel is followed from now on.
/// For a shipment that was cancelled while the label was being bought, it is given back.
///
/// # Errors
/// The database's.
pub async fn labelled(tx: &Tx, id: ShipmentId, label: &BoughtLabel) -> Result<()> {
    let (order, mut shipment) = lock(tx, id).await?;
    if shipment.carrier_ref.is_some() {
        return Ok(());
    }
    if label.cost.currency != shipment.currency {
        return Err(Error::internal(format!(
            "the label of {id} was asked for in {}: {:?}",
            shipment.currency, label.cost
        )));
    }
    shipment.carrier_ref = Some(label.carrier_ref.clone());
    shipment.tracking_number = Some(label.tracking_number.clone());
    shipment.estimated_delivery = Some(label.estimated_delivery);
    shipment.label_cost = Some(label.cost.amount);
    let row = shipment::ActiveModel {
        id: Set(id),
        carrier_ref: Set(shipment.carrier_ref.clone()),
        tracking_number: Set(shipment.tracking_number.clone()),
        estimated_delivery: Set(shipment.estimated_delivery),
        label_cost: Set(shipment.label_cost),
        failure_message: Set(None),
        ..Default::default()
    };
    shipment::Entity::update(row).exec_without_returning(&**tx).await?;
    // Also where it is cancelled and its status stays.
    tx.tell_after_commit(Some(shipment.order_id));
    let entries = [
        debit_seller(shipment.seller_id, shipment.seller_order_id, label.cost.amount),
        credit(LedgerAccount::CarrierPayable, label.cost.amount),
    ];
    post(tx, &shipment, LedgerSource::Label, label.cost.currency, &entries).await?;
    if shipment.status != ShipmentStatus::Pending {
        job::enqueue(tx, &Task::VoidLabel { shipment_id: id }, tx.now).await?;
        return Ok(());
    }
    let person = tx.vault().person_to_write(tx, order.person()).await?;
    let mut files = Vec::with_capacity(label.files.len());
    // Of somebody who was erased while it was being bought no address is kept.
    for (format, content) in label.files.iter().filter(|_| !person.is_erased()) {
        files.push(shipment_label::ActiveModel {
            shipment_id: Set(id),
            format: Set(*format),
            content: Set(person.seal_bytes(label_field(id, *format), content)?),
            created_at: Set(tx.now),
        });
    }
    if !files.is_empty() {
        shipment_label::Entity::insert_many(files).exec_without_returning(&**tx).await?;
    }
    step(tx, &mut shipment, ShipmentEvent::Label, Actor::Carrier, None).await?;
    job::enqueue(tx, &Task::SyncShipment { shipment_id: id }, tx.now + ASK_EVERY).await?;
    Ok(())
}

fn label_field(id: ShipmentId, format: LabelFormat) -> Field {
    let column = match format {
        LabelFormat::Pdf => "shipment_label.content.pdf",
        LabelFormat::Zpl => "shipment_label.content.zpl",
        LabelFormat::Png => "shipment_label.content.png",
    };
    Field::new(column, id)
}

/// The label of a parcel in one format; `None` before it is bought, once the parcel is cancelled or the
/// shopper erased, and in a format that the carrier does not give.
///
/// # Errors
/// The database's; [`Code::Internal`] for what does not open.
pub async fn label(
    db: &impl ConnectionTrait,
    vault: &Vault,
    id: ShipmentId,
    format: LabelFormat,
) -> Result<Option<Vec<u8>>> {
    let found = shipment_label::Entity::find_by_id((id, format))
        .find_also_related(shipment::Entity)
        .filter(shipment::Column::Status.ne(ShipmentStatus::Cancelled))
        .one(db)
        .await?;
    let Some((label, Some(shipment))) = found else { return Ok(None) };
    let person = contact::shopper_of(db, vault, shipment.order_id).await?;
    person.open_bytes(label_field(id, format), &label.content)
}

/// The carrier refuses to sell a label; the seller sees why and may cancel and pack anew.
///
/// # Errors
/// The database's.
pub async fn label_refused(tx: &Tx, id: ShipmentId, why: &str) -> Result<()> {
    let (_, mut shipment) = lock(tx, id).await?;
    if shipment.status != ShipmentStatus::Pending {
        return Ok(());
    }
    let why: String = why.chars().take(500).collect();
    let row = shipment::ActiveModel { id: Set(id), failure_message: Set(Some(why.clone())), ..Default::default() };
    shipment::Entity::update(row).exec_without_returning(&**tx).await?;
    // A return goes on without our label: the goods can come back in another way.
    step(tx, &mut shipment, ShipmentEvent::Cancel, Actor::Carrier, Some(why)).await
}

/// The carrier has taken a label back and charges nothing for it.
///
/// # Errors
/// The database's.
pub async fn label_voided(tx: &Tx, id: ShipmentId) -> Result<()> {
    let (_, shipment) = lock(tx, id).await?;
    let Some(cost) = shipment.label_cost else { return Ok(()) };
    let entries =
        [debit(LedgerAccount::CarrierPayable, cost), credit_seller(shipment.seller_id, shipment.seller_order_id, cost)];
    post(tx, &shipment, LedgerSource::LabelVoid, shipment.currency, &entries).await
}

async fn post(
    tx: &Tx,
    shipment: &shipment::Model,
    source: LedgerSource,
    currency: souk_entity::money::CurrencyCode,
    entries: &[ledger::Entry],
) -> Result<()> {
    let posting =
        Posting { source, source_id: shipment.id.into(), order_id: Some(shipment.order_id), currency, entries };
    ledger::post(tx, posting).await
}

/// Gives up a parcel of the seller that has not left; its label is voided and its units can be
/// packed again.
///
/// # Errors
/// [`Code::NotFound`], [`Code::IllegalTransition`].
pub async fn cancel(tx: &Tx, seller: SellerId, id: ShipmentId, actor: Actor) -> Result<shipment::Model> {
    let (_, mut shipment) = lock(tx, id).await?;
    if shipment.seller_id != seller {
        return Err(Error::not_found("shipment"));
    }
    if shipment.direction == ShipmentDirection::Return {
        return Err(Error::new(Code::IllegalTransition, "A return parcel belongs to its return; it ends with that."));
    }
    withdraw(tx, &mut shipment, actor, "cancelled by the seller").await?;
    Ok(shipment)
}

/// Gives up all parcels of a seller order that have not left.
///
/// # Errors
/// The database's.
pub async fn cancel_unsent(tx: &Tx, part: SellerOrderId, actor: Actor) -> Result<()> {
    let waiting = shipment::Entity::find()
        .filter(shipment::Column::SellerOrderId.eq(part))
        .filter(shipment::Column::Status.is_in([ShipmentStatus::Pending, ShipmentStatus::Labelled]))
        .all(&**tx)
        .await?;
    for mut shipment in waiting {
        withdraw(tx, &mut shipment, actor, "the seller order is cancelled").await?;
    }
    Ok(())
}

/// Gives up the parcel of a return that will not be sent.
///
/// # Errors
/// The database's.
pub async fn cancel_return(tx: &Tx, request: souk_entity::id::ReturnRequestId, actor: Actor) -> Result<()> {
    let waiting = shipment::Entity::find()
        .filter(shipment::Column::ReturnRequestId.eq(request))
        .filter(shipment::Column::Status.is_in([ShipmentStatus::Pending, ShipmentStatus::Labelled]))
        .one(&**tx)
        .await?;
    match waiting {
        Some(mut shipment) => withdraw(tx, &mut shipment, actor, "the return is cancelled").await,
        None => Ok(()),
    }
}

async fn withdraw(tx: &Tx, shipment: &mut shipment::Model, actor: Actor, note: &str) -> Result<()> {
    let has_label = shipment.status == ShipmentStatus::Labelled;
    step(tx, shipment, ShipmentEvent::Cancel, actor, Some(note.to_owned())).await?;
    if has_label {
        job::enqueue(tx, &Task::VoidLabel { shipment_id: shipment.id }, tx.now).await?;
    }
    Ok(())
}

async fn contents(tx: &Tx, id: ShipmentId) -> Result<Vec<(OrderLineId, i64)>> {
    let lines = shipment_line::Entity::find().filter(shipment_line::Column::ShipmentId.eq(id)).all(&**tx).await?;
    Ok(lines.into_iter().map(|line| (line.order_line_id, line.quantity)).collect())
}

async fn find(tx: &Tx, id: ShipmentId) -> Result<shipment::Model> {
    shipment::Entity::find_by_id(id).one(&**tx).await?.ok_or_else(|| Error::not_found("shipment"))
}

async fn lock(tx: &Tx, id: ShipmentId) -> Result<(souk_entity::order::Model, shipment::Model)> {
    let order = lifecycle::lock(tx, find(tx, id).await?.order_id).await?;
    // Read again: it may have changed while we waited for the lock.
    Ok((order, find(tx, id).await?))
}

async fn step(
    tx: &Tx,
    shipment: &mut shipment::Model,
    event: ShipmentEvent,
    actor: Actor,
    note: Option<String>,
) -> Result<()> {
    let to = next("shipment", SHIPMENT, shipment.status, event)?;
    let from = std::mem::replace(&mut shipment.status, to);
    shipment.version += 1;
    shipment.updated_at = tx.now;
    let row = shipment::ActiveModel {
        id: Set(shipment.id),
        status: Set(to),
        version: Set(shipment.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    shipment::Entity::update(row).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(shipment, Some(from), actor, note)]).await
}

fn change(shipment: &shipment::Model, from: Option<ShipmentStatus>, actor: Actor, note: Option<String>) -> Change {
    Change {
        entity: EntityKind::Shipment,
        id: shipment.id.into(),
        version: shipment.version,
        from: from.map(|from| from.to_string()),
        to: shipment.status.to_string(),
        actor,
        note,
        event: if from.is_none() { "shipment.created" } else { "shipment.updated" },
        order_id: Some(shipment.order_id),
        seller_id: Some(shipment.seller_id),
        data: json!({"direction": shipment.direction, "tracking_number": shipment.tracking_number}),
    }
}
