//! Refunds: exactly the units and amounts asked for, never more than was paid, in any order.

pub mod approval;
mod detail;
mod pieces;
mod request;
mod settle;
mod standing;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use souk_entity::id::{OrderLineId, PaymentId, RefundId, RefundLineId, ReturnRequestId, SellerOrderId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{Bearer, EntityKind, RefundComponent, RefundReason, RefundStatus};
use souk_entity::{order_line, payment_share, refund, refund_line, seller_order};

use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::money::Money;
use crate::order::{lifecycle, units};
use crate::returns;
use crate::store::Tx;
use approval::Limits;
use pieces::{Pieces, exceeds};
use standing::Standing;

pub use detail::{Detail, read, with_lines};
pub use pieces::Amounts;
pub(crate) use pieces::{of_units, restocking_of_line, restocking_of_units};
pub use request::{Wanted, request};
pub use settle::{fail, lose_track, submit, succeed, was_asked};
pub use standing::{Refundable, refundable};

/// Refunds all that is left of a cancelled seller order, shipping included. Nothing happens when
/// the order was not paid.
///
/// # Errors
/// The database's.
pub async fn refund_cancelled(tx: &Tx, part: &seller_order::Model) -> Result<()> {
    let Some(standing) = Standing::read(&**tx, part).await? else { return Ok(()) };
    let pieces = standing.rest()?;
    create(tx, &standing, Cause::of(RefundReason::Cancellation, Actor::System), pieces).await?;
    Ok(())
}

/// Units of a line that have come back.
#[derive(Clone, Copy, Debug)]
pub struct GivenBack {
    /// The line.
    pub line_id: OrderLineId,
    /// Units.
    pub quantity: i64,
    /// Whether for a reason that is the seller's to answer for; then they cost the shopper nothing.
    pub sellers_fault: bool,
}

/// Refunds the units of a return that have come back and were not refunded before, less the restocking fee
/// of the order's policy and what the shopper pays of the return label; `None` when there is nothing to pay
/// or to reverse for them. What is taken off stays the seller's: they are debited so much less.
///
/// # Errors
/// The database's.
pub async fn refund_returned(
    tx: &Tx,
    part: &seller_order::Model,
    return_id: ReturnRequestId,
    back: &[GivenBack],
    label: MinorUnits,
) -> Result<Option<RefundId>> {
    let standing = Standing::read(&**tx, part).await?.ok_or_else(|| Error::internal("goods came back unpaid"))?;
    let mut pieces = Pieces::default();
    for line in &standing.lines {
        let came = back.iter().find(|back| back.line_id == line.id).map_or(0, |back| back.quantity);
        standing.units(&mut pieces, line, Ord::min(came, line.quantity - line.refunded_quantity))?;
    }
    pieces.trim(standing.left, standing.platform_goodwill)?;
    for back in back.iter().filter(|back| !back.sellers_fault) {
        standing.restocking(&mut pieces, back.line_id, back.quantity)?;
    }
    pieces.charge_label(label)?;
    let cause = Cause { return_id: Some(return_id), ..Cause::of(RefundReason::Return, Actor::System) };
    create(tx, &standing, cause, pieces).await
}

/// Makes a refund that the provider refused anew, of the same units and amounts and with the same
/// note: the way on for an operator once the reason is out of the world. Of a return it is those
/// units that were not refunded otherwise, and nothing but its end where all were.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] unless it failed and was not made again, and when an
/// operator had asked for it whose like may not refund so much of the order by themselves;
/// [`Code::RefundExceedsPayment`] when its money or units were refunded in another way since.
pub async fn retry(tx: &Tx, id: RefundId, actor: Actor, limits: &Limits) -> Result<Detail> {
    let (part, failed) = lock(tx, id).await?;
    if failed.status != RefundStatus::Failed {
        let message = format!("The refund is {}; only a failed one can be made again.", failed.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let again = refund::Entity::find().filter(refund::Column::RetryOf.eq(id)).one(&**tx).await?;
    if let Some(again) = again {
        let message = format!("The refund was made again as {}, which is {}.", again.id, again.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let standing = Standing::read(&**tx, &part).await?.ok_or_else(|| Error::internal("a refund without a payment"))?;
    let borne_by = if failed.platform_amount > MinorUnits::ZERO { Bearer::Platform } else { Bearer::Seller };
    let returned = failed.reason == RefundReason::Return;
    let mut pieces = Pieces::default();
    let rows = refund_line::Entity::find().filter(refund_line::Column::RefundId.eq(id)).all(&**tx).await?;
    for row in &rows {
        match (row.component, standing.lines.iter().find(|line| Some(line.id) == row.order_line_id)) {
            // Worked out anew: others may have been paid for units of this line since.
            (_, Some(line)) => {
                let left = line.quantity - line.refunded_quantity;
                // As much of a return as still can be, so that it ends in any case.
                let quantity = if returned { Ord::min(row.quantity, left) } else { row.quantity };
                standing.units(&mut pieces, line, quantity)?;
            }
            (RefundComponent::Goodwill, None) => pieces.take_goodwill(row.amount, borne_by)?,
            (_, None) => standing.shipping(&mut pieces, row.amount)?,
        }
    }
    if matches!(failed.reason, RefundReason::Cancellation | RefundReason::Return) {
        pieces.trim(standing.left, standing.platform_goodwill)?;
    } else {
        fit(&standing, &mut pieces)?;
    }
    for row in rows.iter().filter(|row| row.restocking_quantity > 0) {
        if let Some(line) = row.order_line_id {
            standing.restocking(&mut pieces, line, row.restocking_quantity)?;
        }
    }
    pieces.charge_label(failed.return_label)?;
    let note = read(&**tx, id).await?.note;
    let cause = Cause { reason: failed.reason, return_id: failed.return_request_id, actor, note };
    let made = create(tx, &standing, cause, pieces).await?;
    match (made, failed.return_request_id) {
        (Some(made), _) => {
            let link = refund::ActiveModel { id: Set(made), retry_of: Set(Some(id)), ..Default::default() };
            refund::Entity::update(link).exec_without_returning(&**tx).await?;
            let made = read(&**tx, made).await?;
            approval::again(tx, id, &made.refund, limits).await?;
            Ok(made)
        }
        // All of it was paid in another way since, so the return is over.
        (None, Some(return_id)) => {
            returns::settle(tx, return_id).await?;
            lifecycle::follow_refunds(tx, part.id, actor).await?;
            read(&**tx, id).await
        }
        (None, None) => Err(exceeds("Its units and amounts were refunded in another way since.")),
    }
}

/// Holds what somebody asks for against what is left of the share. Amounts are paid as asked for,
/// or not at all; units are paid what goodwill that was paid before has left of their worth.
fn fit(standing: &Standing, pieces: &mut Pieces) -> Result<()> {
    let (asked, currency) = (pieces.sum()?.amount, standing.part.currency);
    if asked > standing.left && !pieces.is_of_units() {
        let show = |amount| Money { amount, currency };
        let message =
            format!("{} {currency} cannot be refunded of this seller order: {} can.", show(asked), show(standing.left));
        return Err(exceeds(message));
    }
    pieces.trim(standing.left, standing.platform_goodwill)
}

/// Why a refund is made, and by whom.
struct Cause {
    reason: RefundReason,
    return_id: Option<ReturnRequestId>,
    actor: Actor,
    note: Option<String>,
}

impl Cause {
    fn of(reason: RefundReason, actor: Actor) -> Self {
        Self { reason, return_id: None, actor, note: None }
    }
}

/// Writes a refund and the job that pays it out; `None` when it pays and reverses nothing. Its
/// units count as refunded in any case.
async fn create(tx: &Tx, standing: &Standing, cause: Cause, pieces: Pieces) -> Result<Option<RefundId>> {
    let units: Vec<(OrderLineId, i64)> =
        pieces.rows.iter().filter_map(|piece| piece.line.map(|line| (line, piece.quantity))).collect();
    units::add(tx, order_line::Column::RefundedQuantity, &units).await?;
    let (sum, part) = (pieces.sum()?, &standing.part);
    if sum == Amounts::default() && pieces.platform_amount == MinorUnits::ZERO {
        return Ok(None);
    }
    let amount = pieces.paid_back()?;
    claim_share(tx, standing.payment.id, part.id, amount).await?;
    let refund = refund::Model {
        id: RefundId::at(tx.now),
        payment_id: standing.payment.id,
        order_id: part.order_id,
        seller_order_id: part.id,
        return_request_id: cause.return_id,
        retry_of: None,
        reason: cause.reason,
        provider_ref: None,
        amount,
        tax: sum.tax,
        platform_amount: pieces.platform_amount,
        commission: sum.commission,
        commission_tax: sum.commission_tax,
        platform_discount: sum.platform_discount,
        restocking_fee: pieces.restocking_fee()?,
        return_label: pieces.return_label,
        currency: part.currency,
        status: RefundStatus::Pending,
        failure_message: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    refund::Entity::insert(refund.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let rows = pieces.rows.iter().map(|piece| refund_line::ActiveModel {
        id: Set(RefundLineId::at(tx.now)),
        refund_id: Set(refund.id),
        order_line_id: Set(piece.line),
        component: Set(piece.component),
        quantity: Set(piece.quantity),
        amount: Set(piece.amounts.amount),
        tax: Set(piece.amounts.tax),
        commission: Set(piece.amounts.commission),
        commission_tax: Set(piece.amounts.commission_tax),
        platform_discount: Set(piece.amounts.platform_discount),
        restocking_quantity: Set(piece.restocking.quantity),
        restocking_fee: Set(piece.restocking.fee),
    });
    refund_line::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(&refund, part, None, "refund.created", cause.actor, cause.note)]).await?;
    job::enqueue(tx, &Task::RefundPayment { refund_id: refund.id }, tx.now).await?;
    Ok(Some(refund.id))
}

/// Takes `amount` of what is left of a seller order's share; the cap holds because it is checked
/// where the sum is raised.
async fn claim_share(tx: &Tx, payment: PaymentId, part: SellerOrderId, amount: MinorUnits) -> Result<()> {
    let within = payment_share::Entity::update_many()
        .col_expr(payment_share::Column::RefundedAmount, Expr::col(payment_share::Column::RefundedAmount).add(amount.0))
        .filter(payment_share::Column::PaymentId.eq(payment))
        .filter(payment_share::Column::SellerOrderId.eq(part))
        .filter(
            Expr::col(payment_share::Column::Amount)
                .sub(Expr::col(payment_share::Column::RefundedAmount))
                .gte(amount.0),
        )
        .exec(&**tx)
        .await?;
    if within.rows_affected == 1 {
        Ok(())
    } else {
        Err(exceeds("More than what was paid and not yet refunded cannot be paid back."))
    }
}

async fn lock(tx: &Tx, id: RefundId) -> Result<(seller_order::Model, refund::Model)> {
    let (_, part) = lifecycle::lock_part(tx, find(tx, id).await?.seller_order_id).await?;
    // Read again: it may have changed while we waited for the lock.
    Ok((part, find(tx, id).await?))
}

async fn find(tx: &Tx, id: RefundId) -> Result<refund::Model> {
    refund::Entity::find_by_id(id).one(&**tx).await?.ok_or_else(|| Error::not_found("refund"))
}

fn change(
    refund: &refund::Model,
    part: &seller_order::Model,
    from: Option<RefundStatus>,
    event: &'static str,
    actor: Actor,
    note: Option<String>,
) -> Change {
    Change {
        entity: EntityKind::Refund,
        id: refund.id.into(),
        version: refund.version,
        from: from.map(|from| from.to_string()),
        to: refund.status.to_string(),
        actor,
        note,
        event,
        order_id: Some(refund.order_id),
        seller_id: Some(part.seller_id),
        data: json!({"amount": refund.amount, "currency": refund.currency, "reason": refund.reason}),
    }
}
