//! Returns: asked for by the shopper within the window, decided and received by the seller,
//! refunded for exactly what came back.

pub mod detail;
pub mod transition;

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use souk_entity::id::{OrderLineId, ReturnRequestId, SellerId, SellerOrderId, StockMovementId};
use souk_entity::status::{
    EntityKind, OrderStatus, ReturnCondition, ReturnReason, ReturnStatus, ShipmentDirection, StockMovementReason,
};
use souk_entity::{
    inventory_level, order, order_line, return_line, return_request, seller_order, shipment, stock_movement,
};

use crate::actor::Actor;
use crate::bulk::by_id;
use crate::cart::Owner;
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::order::detail::orders_of;
use crate::order::{lifecycle, stock, units};
use crate::payment::refund;
use crate::shipment as parcel;
use crate::store::Tx;
use crate::transition::next;

use transition::{RETURN_REQUEST, ReturnEvent, is_open};

/// Units of a line that a shopper wants to give back.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The line.
    pub line_id: OrderLineId,
    /// Units.
    pub quantity: i64,
    /// Why.
    pub reason: ReturnReason,
}

/// What came back of a line.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The line.
    pub line_id: OrderLineId,
    /// Units that came.
    pub quantity: i64,
    /// In what state.
    pub condition: ReturnCondition,
    /// Whether they go back on the shelf.
    pub restock: bool,
}

/// Asks to give units of a seller order back.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::ReturnNotAllowed`] before delivery, after the return window, or
/// for more than what was delivered and is not being returned already.
pub async fn request(
    tx: &Tx,
    owner: &Owner,
    part_id: SellerOrderId,
    wanted: &[Wanted],
    note: Option<String>,
) -> Result<return_request::Model> {
    let (order, part) = lifecycle::lock_part(tx, part_id).await?;
    let owned = order::Entity::find_by_id(order.id).filter(orders_of(owner)).one(&**tx).await?;
    owned.ok_or_else(|| Error::not_found("seller order"))?;
    if part.return_window_ends_at.is_some_and(|ends| ends < tx.now) {
        return Err(Error::new(Code::ReturnNotAllowed, "The return window of this part of the order has closed."));
    }
    if !matches!(part.status, OrderStatus::Delivered | OrderStatus::PartiallyDelivered) {
        let message = format!("This part of the order is {}; a return is possible once it is delivered.", part.status);
        return Err(Error::new(Code::ReturnNotAllowed, message));
    }
    if wanted.is_empty() {
        return Err(Error::invalid("Name at least one line to return."));
    }
    let returning = returning(tx, part_id).await?;
    let lines = order_line::Entity::find().filter(order_line::Column::SellerOrderId.eq(part_id)).all(&**tx).await?;
    for (at, want) in wanted.iter().enumerate() {
        let line = lines.iter().find(|line| line.id == want.line_id).ok_or_else(|| Error::not_found("order line"))?;
        if wanted[..at].iter().any(|other| other.line_id == want.line_id) {
            return Err(Error::invalid("A line is named twice; name it once with the quantity."));
        }
        let open = returning.get(&line.id).copied().unwrap_or(0);
        let possible = line.delivered_quantity - line.returned_quantity - open;
        if want.quantity < 1 || want.quantity > possible {
            let message = format!("{} of {} cannot be returned: {possible} can.", want.quantity, line.sku);
            return Err(Error::new(Code::ReturnNotAllowed, message));
        }
    }
    let id = ReturnRequestId::at(tx.now);
    let note = match note {
        Some(note) => {
            let person = tx.vault().person_to_write(tx, order.person()).await?;
            Some(person.seal(detail::note_field(id), &note)?)
        }
        None => None,
    };
    let request = return_request::Model {
        id,
        order_id: order.id,
        seller_order_id: part_id,
        seller_id: part.seller_id,
        status: ReturnStatus::Requested,
        note,
        decision_note: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    return_request::Entity::insert(request.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let rows = wanted.iter().map(|want| return_line::ActiveModel {
        return_request_id: Set(request.id),
        order_line_id: Set(want.line_id),
        quantity: Set(want.quantity),
        reason: Set(want.reason),
        received_quantity: Set(0),
        condition: Set(None),
        restocked_quantity: Set(0),
    });
    return_line::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(&request, None, Actor::Shopper(order.user_id), None)]).await?;
    Ok(request)
}

/// Units per line that are on their way back or asked to be, and not counted as returned yet.
async fn returning(tx: &Tx, part: SellerOrderId) -> Result<HashMap<OrderLineId, i64>> {
    let open = return_request::Entity::find().filter(return_request::Column::SellerOrderId.eq(part)).all(&**tx).await?;
    let open: Vec<_> = open
        .into_iter()
        .filter(|request| is_open(request.status) && request.status != ReturnStatus::Received)
        .map(|request| request.id)
        .collect();
    let lines = return_line::Entity::find().filter(return_line::Column::ReturnRequestId.is_in(open)).all(&**tx).await?;
    let mut sums = HashMap::new();
    for line in lines {
        *sums.entry(line.order_line_id).or_insert(0) += line.quantity;
    }
    Ok(sums)
}

/// The seller agrees; a job buys the label that the shopper sends it back with.
///
/// # Errors
/// [`Code::NotFound`], [`Code::IllegalTransition`].
pub async fn approve(tx: &Tx, seller: SellerId, id: ReturnRequestId, actor: Actor) -> Result<return_request::Model> {
    let (_, mut request) = lock(tx, id, Some(seller)).await?;
    step(tx, &mut request, ReturnEvent::Approve, actor, None).await?;
    let lines: Vec<(OrderLineId, i64)> =
        lines(tx, id).await?.into_iter().map(|line| (line.order_line_id, line.quantity)).collect();
    parcel::create_return(tx, &request, &lines, actor).await?;
    job::enqueue(tx, &Task::ExpireReturn { return_request_id: id }, tx.now + SEND_WITHIN).await?;
    Ok(request)
}

/// An approved return that no carrier has seen by then is over; the shopper may ask anew while the
/// return window is open.
pub const SEND_WITHIN: chrono::TimeDelta = chrono::TimeDelta::days(21);

/// Closes an approved return that was never sent, so that it does not hold the seller order back.
/// One that has moved on is left alone.
///
/// # Errors
/// The database's.
pub async fn expire(tx: &Tx, id: ReturnRequestId) -> Result<()> {
    let (_, mut request) = lock(tx, id, None).await?;
    if request.status != ReturnStatus::Approved {
        return Ok(());
    }
    step(tx, &mut request, ReturnEvent::Expire, Actor::System, Some("never sent".to_owned())).await?;
    parcel::cancel_return(tx, id, Actor::System).await
}

/// The seller declines and says why.
///
/// # Errors
/// [`Code::NotFound`], [`Code::IllegalTransition`].
pub async fn reject(
    tx: &Tx,
    seller: SellerId,
    id: ReturnRequestId,
    actor: Actor,
    reason: &str,
) -> Result<return_request::Model> {
    let (_, mut request) = lock(tx, id, Some(seller)).await?;
    step(tx, &mut request, ReturnEvent::Reject, actor, Some(reason.to_owned())).await?;
    Ok(request)
}

/// The shopper takes the request back; a return label is voided.
///
/// # Errors
/// [`Code::NotFound`], [`Code::IllegalTransition`].
pub async fn cancel(tx: &Tx, owner: &Owner, id: ReturnRequestId) -> Result<return_request::Model> {
    let (order, mut request) = lock(tx, id, None).await?;
    let owned = order::Entity::find_by_id(order.id).filter(orders_of(owner)).one(&**tx).await?;
    owned.ok_or_else(|| Error::not_found("return"))?;
    let actor = Actor::Shopper(order.user_id);
    step(tx, &mut request, ReturnEvent::Cancel, actor, None).await?;
    parcel::cancel_return(tx, id, actor).await?;
    Ok(request)
}

/// The carrier has the return parcel; news that come late change nothing.
///
/// # Errors
/// The database's.
pub async fn dispatched(tx: &Tx, id: ReturnRequestId) -> Result<()> {
    let (_, mut request) = lock(tx, id, None).await?;
    if next("return", RETURN_REQUEST, request.status, ReturnEvent::Dispatch).is_ok() {
        step(tx, &mut request, ReturnEvent::Dispatch, Actor::Carrier, None).await?;
    }
    Ok(())
}

/// The seller says what came back: stock goes up for what is restocked, and a job works out the
/// refund. A line that is not named did not come.
///
/// # Errors
/// [`Code::NotFound`], [`Code::IllegalTransition`]; [`Code::InvalidValue`] for more than was asked.
pub async fn receive(
    tx: &Tx,
    seller: SellerId,
    id: ReturnRequestId,
    actor: Actor,
    received: &[Received],
) -> Result<return_request::Model> {
    let (_, mut request) = lock(tx, id, Some(seller)).await?;
    let wanted = lines(tx, id).await?;
    for (at, came) in received.iter().enumerate() {
        let line = wanted.iter().find(|line| line.order_line_id == came.line_id);
        let most = line.ok_or_else(|| Error::not_found("line of this return"))?.quantity;
        let twice = received[..at].iter().any(|other| other.line_id == came.line_id);
        if twice || !(0..=most).contains(&came.quantity) {
            let message = format!("Of line {} at most {most} can have come, named once.", came.line_id);
            return Err(Error::invalid(message));
        }
    }
    step(tx, &mut request, ReturnEvent::Receive, actor, None).await?;
    // What came by another way leaves a label that nobody will use.
    parcel::cancel_return(tx, id, actor).await?;
    let came: Vec<&Received> = received.iter().filter(|came| came.quantity > 0).collect();
    for came in &came {
        let row = return_line::ActiveModel {
            return_request_id: Set(id),
            order_line_id: Set(came.line_id),
            received_quantity: Set(came.quantity),
            condition: Set(Some(came.condition)),
            restocked_quantity: Set(if came.restock { came.quantity } else { 0 }),
            ..Default::default()
        };
        return_line::Entity::update(row).exec_without_returning(&**tx).await?;
    }
    let came_back: Vec<(OrderLineId, i64)> = came.iter().map(|came| (came.line_id, came.quantity)).collect();
    units::add(tx, order_line::Column::ReturnedQuantity, &came_back).await?;
    let restocked: Vec<(OrderLineId, i64)> =
        came.iter().filter(|came| came.restock).map(|came| (came.line_id, came.quantity)).collect();
    restock(tx, &request, &restocked).await?;
    job::enqueue(tx, &Task::ProcessReturn { return_request_id: id }, tx.now).await?;
    Ok(request)
}

/// Puts units back on the shelf of the warehouse that the return came to.
async fn restock(tx: &Tx, request: &return_request::Model, units: &[(OrderLineId, i64)]) -> Result<()> {
    if units.is_empty() {
        return Ok(());
    }
    let parcel = shipment::Entity::find()
        .filter(shipment::Column::ReturnRequestId.eq(request.id))
        .filter(shipment::Column::Direction.eq(ShipmentDirection::Return))
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("an approved return without a parcel"))?;
    let offers: HashMap<_, _> = order_line::Entity::find()
        .filter(order_line::Column::Id.is_in(units.iter().map(|(line, _)| *line)))
        .all(&**tx)
        .await?
        .into_iter()
        .map(|line| (line.id, line.offer_id))
        .collect();
    let levels = inventory_level::Entity::find()
        .filter(inventory_level::Column::WarehouseId.eq(parcel.warehouse_id))
        .filter(inventory_level::Column::OfferId.is_in(offers.values().copied()))
        .all(&**tx)
        .await?;
    let mut more = Vec::with_capacity(units.len());
    for (line, quantity) in units {
        let offer = offers.get(line).ok_or_else(|| Error::not_found("order line"))?;
        let level = levels.iter().find(|level| level.offer_id == *offer).ok_or_else(|| {
            Error::invalid("The warehouse of the return does not stock this offer; set restock to false.")
        })?;
        more.push((level.id, *quantity));
    }
    inventory_level::Entity::update_many()
        .col_expr(
            inventory_level::Column::OnHand,
            Expr::col(inventory_level::Column::OnHand).add(by_id(inventory_level::Column::Id, &more)),
        )
        .col_expr(inventory_level::Column::UpdatedAt, Expr::value(tx.now))
        .filter(inventory_level::Column::Id.in_subquery(stock::locked(&more)))
        .exec(&**tx)
        .await?;
    let moves = more.iter().map(|(level, quantity)| stock_movement::ActiveModel {
        id: Set(StockMovementId::at(tx.now)),
        inventory_level_id: Set(*level),
        delta: Set(*quantity),
        reason: Set(StockMovementReason::Return),
        source_id: Set(request.id.into()),
        occurred_at: Set(tx.now),
    });
    stock_movement::Entity::insert_many(moves).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Works out what a received return is worth and refunds it; what is worth nothing is settled.
///
/// # Errors
/// [`Code::RefundExceedsPayment`].
pub async fn process(tx: &Tx, id: ReturnRequestId) -> Result<()> {
    let (_, request) = lock(tx, id, None).await?;
    if request.status != ReturnStatus::Received {
        return Ok(());
    }
    let part: seller_order::Model = seller_order::Entity::find_by_id(request.seller_order_id)
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("a return without a seller order"))?;
    let units: HashMap<OrderLineId, i64> =
        lines(tx, id).await?.into_iter().map(|line| (line.order_line_id, line.received_quantity)).collect();
    if refund::refund_returned(tx, &part, id, &units).await?.is_none() {
        settle(tx, id).await?;
        lifecycle::follow_refunds(tx, part.id, Actor::System).await?;
    }
    Ok(())
}

/// The return's refund has succeeded, or there was nothing to refund.
///
/// # Errors
/// The database's.
pub async fn settle(tx: &Tx, id: ReturnRequestId) -> Result<()> {
    let (_, mut request) = lock(tx, id, None).await?;
    step(tx, &mut request, ReturnEvent::Settle, Actor::System, None).await
}

async fn lines(tx: &Tx, id: ReturnRequestId) -> Result<Vec<return_line::Model>> {
    Ok(return_line::Entity::find().filter(return_line::Column::ReturnRequestId.eq(id)).all(&**tx).await?)
}

async fn lock(tx: &Tx, id: ReturnRequestId, seller: Option<SellerId>) -> Result<(order::Model, return_request::Model)> {
    let find = async || {
        let mut query = return_request::Entity::find_by_id(id);
        if let Some(seller) = seller {
            query = query.filter(return_request::Column::SellerId.eq(seller));
        }
        query.one(&**tx).await?.ok_or_else(|| Error::not_found("return"))
    };
    let order = lifecycle::lock(tx, find().await?.order_id).await?;
    // Read again: it may have changed while we waited for the lock.
    Ok((order, find().await?))
}

async fn step(
    tx: &Tx,
    request: &mut return_request::Model,
    event: ReturnEvent,
    actor: Actor,
    note: Option<String>,
) -> Result<()> {
    let to = next("return", RETURN_REQUEST, request.status, event)?;
    let from = std::mem::replace(&mut request.status, to);
    request.version += 1;
    request.updated_at = tx.now;
    if event == ReturnEvent::Reject {
        request.decision_note.clone_from(&note);
    }
    let row = return_request::ActiveModel {
        id: Set(request.id),
        status: Set(to),
        decision_note: Set(request.decision_note.clone()),
        version: Set(request.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    return_request::Entity::update(row).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(request, Some(from), actor, note)]).await
}

fn change(request: &return_request::Model, from: Option<ReturnStatus>, actor: Actor, note: Option<String>) -> Change {
    Change {
        entity: EntityKind::ReturnRequest,
        id: request.id.into(),
        version: request.version,
        from: from.map(|from| from.to_string()),
        to: request.status.to_string(),
        actor,
        note,
        event: match request.status {
            ReturnStatus::Requested => "return.requested",
            ReturnStatus::Approved => "return.approved",
            ReturnStatus::Rejected => "return.rejected",
            ReturnStatus::Cancelled => "return.cancelled",
            ReturnStatus::InTransit => "return.dispatched",
            ReturnStatus::Received => "return.received",
            ReturnStatus::Expired => "return.expired",
            ReturnStatus::Processed => "return.processed",
        },
        order_id: Some(request.order_id),
        seller_id: Some(request.seller_id),
        data: json!({}),
    }
}
