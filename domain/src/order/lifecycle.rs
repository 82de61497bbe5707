//! What happens to an order after it is placed: paid, accepted, cancelled, shipped, delivered,
//! completed. Every operation locks the order's row first, so that operations on one order take
//! turns and operations on different orders never wait for each other in a circle.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use souk_entity::id::{OrderId, SellerOrderId};
use souk_entity::status::{EntityKind, OrderStatus, PaymentStatus, RefundReason, RefundStatus, ReturnStatus};
use souk_entity::{order, order_line, refund, return_request, seller, seller_order};

use super::transition::{SELLER_ORDER, SellerOrderEvent, order_status, progress};
use super::{promotion_use, stock};
use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::store::Tx;
use crate::transition::next;
use crate::{payment, payout, shipment};

/// Locks an order's row until the end of the transaction.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn lock(tx: &Tx, id: OrderId) -> Result<order::Model> {
    order::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(|| Error::not_found("order"))
}

/// The seller orders of an order, by seller: what two orders of the same sellers set off, they set
/// off in one order, and do not wait for each other in a circle.
///
/// # Errors
/// The database's.
pub async fn parts(tx: &Tx, id: OrderId) -> Result<Vec<seller_order::Model>> {
    Ok(seller_order::Entity::find()
        .filter(seller_order::Column::OrderId.eq(id))
        .order_by_asc(seller_order::Column::SellerId)
        .all(&**tx)
        .await?)
}

/// Moves a seller order along one edge, with its history row and event.
///
/// # Errors
/// [`Code::IllegalTransition`].
pub async fn advance(
    tx: &Tx,
    part: &mut seller_order::Model,
    event: SellerOrderEvent,
    actor: Actor,
    note: Option<String>,
) -> Result<()> {
    let to = next("seller order", SELLER_ORDER, part.status, event)?;
    let from = std::mem::replace(&mut part.status, to);
    part.version += 1;
    part.updated_at = tx.now;
    let mut row = seller_order::ActiveModel {
        id: Set(part.id),
        status: Set(to),
        version: Set(part.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    match event {
        SellerOrderEvent::Cancel => {
            part.cancellation_reason.clone_from(&note);
            row.cancellation_reason = Set(note.clone());
        }
        SellerOrderEvent::DeliverAll => {
            let ends = tx.now + TimeDelta::days(i64::from(part.return_window_days));
            part.delivered_at = Some(tx.now);
            part.return_window_ends_at = Some(ends);
            row.delivered_at = Set(part.delivered_at);
            row.return_window_ends_at = Set(part.return_window_ends_at);
            job::enqueue(tx, &Task::CompleteSellerOrder { seller_order_id: part.id }, ends).await?;
        }
        _ => {}
    }
    if let Some(at) = payable_at(tx, part, event).await? {
        part.payable_at = Some(at);
        row.payable_at = Set(part.payable_at);
        // Of an order that was not paid there is nothing to pay out.
        if from != OrderStatus::Pending {
            payout::schedule::schedule(tx, part.seller_id, at).await?;
        }
    }
    seller_order::Entity::update(row).exec_without_returning(&**tx).await?;
    let change = Change {
        entity: EntityKind::SellerOrder,
        id: part.id.into(),
        version: part.version,
        from: Some(from.to_string()),
        to: to.to_string(),
        actor,
        note,
        event: match event {
            SellerOrderEvent::Edit => "seller_order.edited",
            SellerOrderEvent::Confirm => "seller_order.confirmed",
            SellerOrderEvent::Accept => "seller_order.accepted",
            SellerOrderEvent::ShipPart | SellerOrderEvent::ShipAll => "seller_order.shipped",
            SellerOrderEvent::DeliverPart | SellerOrderEvent::DeliverAll => "seller_order.delivered",
            SellerOrderEvent::Complete => "seller_order.completed",
            SellerOrderEvent::Cancel => "seller_order.cancelled",
            SellerOrderEvent::Refund => "seller_order.refunded",
        },
        order_id: Some(part.order_id),
        seller_id: Some(part.seller_id),
        data: json!({"number": part.number}),
    };
    history::record(tx, vec![change]).await
}

/// When the money of a part can be paid out, where that is decided by what happens to it now: a
/// completed one's after the seller's hold, as it is now; a cancelled or refunded one's at once.
async fn payable_at(tx: &Tx, part: &seller_order::Model, event: SellerOrderEvent) -> Result<Option<DateTime<Utc>>> {
    match event {
        SellerOrderEvent::Complete => {
            let seller = seller::Entity::find_by_id(part.seller_id)
                .one(&**tx)
                .await?
                .ok_or_else(|| Error::internal("a seller order without a seller"))?;
            Ok(Some(tx.now + TimeDelta::days(i64::from(seller.payout_hold_days))))
        }
        // Not later than before: what is completed may have been paid out since.
        SellerOrderEvent::Cancel | SellerOrderEvent::Refund => {
            Ok(Some(part.payable_at.map_or(tx.now, |at| Ord::min(at, tx.now))))
        }
        _ => Ok(None),
    }
}

/// Stores the order's state as it follows from its parts, with history and event when it changed.
///
/// # Errors
/// The database's.
pub async fn follow_parts(tx: &Tx, order: &mut order::Model, actor: Actor, note: Option<String>) -> Result<()> {
    let parts: Vec<OrderStatus> = parts(tx, order.id).await?.into_iter().map(|part| part.status).collect();
    let to = order_status(&parts);
    if to == order.status {
        return Ok(());
    }
    let from = std::mem::replace(&mut order.status, to);
    order.version += 1;
    order.updated_at = tx.now;
    let mut row = order::ActiveModel {
        id: Set(order.id),
        status: Set(to),
        version: Set(order.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    if to == OrderStatus::Cancelled {
        order.cancellation_reason.clone_from(&note);
        row.cancellation_reason = Set(note.clone());
    }
    order::Entity::update(row).exec_without_returning(&**tx).await?;
    let change = Change {
        entity: EntityKind::Order,
        id: order.id.into(),
        version: order.version,
        from: Some(from.to_string()),
        to: to.to_string(),
        actor,
        note,
        event: event_type(to),
        order_id: Some(order.id),
        seller_id: None,
        data: json!({"number": order.number}),
    };
    history::record(tx, vec![change]).await
}

fn event_type(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "order.created",
        OrderStatus::Confirmed => "order.confirmed",
        OrderStatus::Processing => "order.processing",
        OrderStatus::PartiallyShipped => "order.partially_shipped",
        OrderStatus::Shipped => "order.shipped",
        OrderStatus::PartiallyDelivered => "order.partially_delivered",
        OrderStatus::Delivered => "order.delivered",
        OrderStatus::Completed => "order.completed",
        OrderStatus::Cancelled => "order.cancelled",
        OrderStatus::Refunded => "order.returned",
    }
}

/// The order is paid: held stock becomes allocated, every part confirmed, and accepted too where
/// its seller accepts by default; other sellers get a deadline.
///
/// # Errors
/// [`Code::IllegalTransition`] when a part is not pending.
pub async fn confirm_paid(tx: &Tx, id: OrderId, actor: Actor) -> Result<()> {
    let mut order = lock(tx, id).await?;
    let held = stock::reservations_of_order(tx, id).await?;
    stock::allocate(tx, &held).await?;
    // A part whose items were all taken out before is cancelled.
    let mut parts: Vec<_> =
        parts(tx, id).await?.into_iter().filter(|part| part.status == OrderStatus::Pending).collect();
    for part in &mut parts {
        advance(tx, part, SellerOrderEvent::Confirm, actor, None).await?;
    }
    follow_parts(tx, &mut order, actor, None).await?;
    let sellers = seller::Entity::find()
        .filter(seller::Column::Id.is_in(parts.iter().map(|part| part.seller_id)))
        .all(&**tx)
        .await?;
    for part in &mut parts {
        let seller = sellers
            .iter()
            .find(|seller| seller.id == part.seller_id)
            .ok_or_else(|| Error::internal("a seller order without a seller"))?;
        if seller.auto_accept {
            let note = Some("accepted by default".to_owned());
            advance(tx, part, SellerOrderEvent::Accept, Actor::System, note).await?;
        } else {
            let accept_by = tx.now + TimeDelta::hours(i64::from(seller.accept_within_hours));
            let row =
                seller_order::ActiveModel { id: Set(part.id), accept_by: Set(Some(accept_by)), ..Default::default() };
            seller_order::Entity::update(row).exec_without_returning(&**tx).await?;
            job::enqueue(tx, &Task::RejectUnaccepted { seller_order_id: part.id }, accept_by).await?;
        }
    }
    follow_parts(tx, &mut order, actor, None).await
}

/// The seller takes a paid seller order on.
///
/// # Errors
/// [`Code::IllegalTransition`] unless it is confirmed.
pub async fn accept(tx: &Tx, id: SellerOrderId, actor: Actor) -> Result<()> {
    let (mut order, mut part) = lock_part(tx, id).await?;
    advance(tx, &mut part, SellerOrderEvent::Accept, actor, None).await?;
    follow_parts(tx, &mut order, actor, None).await
}

/// Cancels one seller order before anything of it has left: its stock is released, labels are
/// voided, and what was paid for it is refunded.
///
/// # Errors
/// [`Code::IllegalTransition`] once a parcel has left.
pub async fn cancel_part(tx: &Tx, id: SellerOrderId, actor: Actor, reason: &str) -> Result<()> {
    let (mut order, mut part) = lock_part(tx, id).await?;
    if order.status == OrderStatus::Pending {
        return Err(Error::new(
            Code::IllegalTransition,
            "The order is not paid yet; a seller order can be rejected once it is confirmed.",
        ));
    }
    withdraw(tx, &mut part, actor, reason).await?;
    stock::release(tx, &stock::reservations(tx, id).await?).await?;
    follow_parts(tx, &mut order, actor, Some(reason.to_owned())).await
}

/// Cancels a whole order before anything of it has left.
///
/// # Errors
/// [`Code::IllegalTransition`] once a parcel has left, or when it is cancelled already.
pub async fn cancel(tx: &Tx, id: OrderId, actor: Actor, reason: &str) -> Result<()> {
    let mut order = lock(tx, id).await?;
    let unpaid = order.status == OrderStatus::Pending;
    let mut live: Vec<_> =
        parts(tx, id).await?.into_iter().filter(|part| part.status != OrderStatus::Cancelled).collect();
    if live.is_empty() {
        return Err(Error::new(Code::IllegalTransition, "The order is cancelled already."));
    }
    if unpaid {
        payment::abandon(tx, id).await?;
        // Before the stock, as placing takes them: two that take turns do not wait in a circle.
        promotion_use::give_back(tx, id).await?;
    }
    stock::release(tx, &stock::reservations_of_order(tx, id).await?).await?;
    for part in &mut live {
        withdraw(tx, part, actor, reason).await?;
    }
    follow_parts(tx, &mut order, actor, Some(reason.to_owned())).await
}

/// What became of an order that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It is cancelled now.
    Expired,
    /// It was paid or cancelled before.
    NotPending,
    /// The shopper has paid and the capture is under way; look again later.
    BeingPaid,
}

/// An order whose money is held is given this long beyond its due time for the capture to come through.
const CAPTURE_GRACE: TimeDelta = TimeDelta::hours(24);

/// Cancels an order whose payment did not come in time.
///
/// # Errors
/// The database's.
pub async fn expire(tx: &Tx, id: OrderId) -> Result<Expiry> {
    let order = lock(tx, id).await?;
    if order.status != OrderStatus::Pending {
        return Ok(Expiry::NotPending);
    }
    let held = payment::live(tx, id)
        .await?
        .is_some_and(|live| matches!(live.status, PaymentStatus::Authorized | PaymentStatus::Unresolved));
    if held && tx.now < order.payment_due_at + CAPTURE_GRACE {
        return Ok(Expiry::BeingPaid);
    }
    cancel(tx, id, Actor::System, "not paid in time").await?;
    Ok(Expiry::Expired)
}

/// Rejects a seller order that was not accepted in time; returns `false` when it was.
///
/// # Errors
/// The database's.
pub async fn reject_unaccepted(tx: &Tx, id: SellerOrderId) -> Result<bool> {
    let (_, part) = lock_part(tx, id).await?;
    if part.status != OrderStatus::Confirmed {
        return Ok(false);
    }
    cancel_part(tx, id, Actor::System, "not accepted by the seller in time").await?;
    Ok(true)
}

/// Completes a delivered seller order whose return window has closed; returns `false` while a
/// return is still open.
///
/// # Errors
/// The database's.
pub async fn complete(tx: &Tx, id: SellerOrderId, actor: Actor) -> Result<bool> {
    let (mut order, mut part) = lock_part(tx, id).await?;
    if part.status != OrderStatus::Delivered {
        return Ok(true);
    }
    let open = [ReturnStatus::Requested, ReturnStatus::Approved, ReturnStatus::InTransit, ReturnStatus::Received];
    let returns = return_request::Entity::find()
        .filter(return_request::Column::SellerOrderId.eq(id))
        .filter(return_request::Column::Status.is_in(open))
        .one(&**tx)
        .await?;
    if returns.is_some() {
        return Ok(false);
    }
    advance(tx, &mut part, SellerOrderEvent::Complete, actor, None).await?;
    follow_parts(tx, &mut order, actor, None).await?;
    Ok(true)
}

/// Moves a seller order, and its order, to where its lines' quantities say that it is.
///
/// # Errors
/// The database's.
pub async fn follow_quantities(tx: &Tx, id: SellerOrderId, actor: Actor) -> Result<()> {
    let (mut order, mut part) = lock_part(tx, id).await?;
    let lines = order_line::Entity::find().filter(order_line::Column::SellerOrderId.eq(id)).all(&**tx).await?;
    if let Some(event) = progress(&lines) {
        // Parcels of a part that is delivered or further along have nothing more to say.
        if next("seller order", SELLER_ORDER, part.status, event).is_ok() {
            let count = |of: fn(&order_line::Model) -> i64| lines.iter().map(of).sum::<i64>();
            let note = format!(
                "{} of {} shipped, {} delivered",
                count(|line| line.shipped_quantity),
                count(|line| line.quantity - line.cancelled_quantity),
                count(|line| line.delivered_quantity)
            );
            advance(tx, &mut part, event, actor, Some(note)).await?;
        }
    }
    follow_parts(tx, &mut order, actor, None).await
}

/// Marks a delivered or completed seller order as refunded when every unit is returned and paid back.
///
/// # Errors
/// The database's.
pub async fn follow_refunds(tx: &Tx, id: SellerOrderId, actor: Actor) -> Result<()> {
    let (mut order, mut part) = lock_part(tx, id).await?;
    let lines = order_line::Entity::find().filter(order_line::Column::SellerOrderId.eq(id)).all(&**tx).await?;
    let all_back = lines.iter().all(|line| {
        let kept = line.quantity - line.cancelled_quantity;
        line.returned_quantity == kept && line.refunded_quantity == line.quantity
    });
    let pending = refund::Entity::find()
        .filter(refund::Column::SellerOrderId.eq(id))
        .filter(refund::Column::Reason.ne(RefundReason::Goodwill))
        .filter(refund::Column::Status.is_not_in([RefundStatus::Succeeded, RefundStatus::Failed]))
        .one(&**tx)
        .await?;
    if all_back
        && pending.is_none()
        && next("seller order", SELLER_ORDER, part.status, SellerOrderEvent::Refund).is_ok()
    {
        advance(tx, &mut part, SellerOrderEvent::Refund, actor, None).await?;
    }
    follow_parts(tx, &mut order, actor, None).await
}

/// Locks the order of a seller order, then reads both.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn lock_part(tx: &Tx, id: SellerOrderId) -> Result<(order::Model, seller_order::Model)> {
    let find =
        async || seller_order::Entity::find_by_id(id).one(&**tx).await?.ok_or_else(|| Error::not_found("seller order"));
    let order = lock(tx, find().await?.order_id).await?;
    // Read again: it may have changed while we waited for the lock.
    Ok((order, find().await?))
}

/// Ends a part whose stock the caller releases: of the whole order at once, or of this part.
async fn withdraw(tx: &Tx, part: &mut seller_order::Model, actor: Actor, reason: &str) -> Result<()> {
    advance(tx, part, SellerOrderEvent::Cancel, actor, Some(reason.to_owned())).await?;
    shipment::cancel_unsent(tx, part.id, actor).await?;
    // Before the quantities change: the refund is of what was not cancelled until now.
    payment::refund::refund_cancelled(tx, part).await?;
    order_line::Entity::update_many()
        .col_expr(order_line::Column::CancelledQuantity, Expr::col(order_line::Column::Quantity))
        .filter(order_line::Column::SellerOrderId.eq(part.id))
        .exec(&**tx)
        .await?;
    Ok(())
}
