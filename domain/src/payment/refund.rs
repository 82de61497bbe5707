//! Refunds: exactly the units asked for, never more than was paid, in any order.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use souk_entity::id::{OrderLineId, PaymentId, RefundId, RefundLineId, ReturnRequestId, SellerOrderId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{
    EntityKind, LedgerAccount, LedgerSource, PaymentStatus, RefundComponent, RefundReason, RefundStatus,
};
use souk_entity::{order_line, payment, payment_share, refund, refund_line, seller_order};

use super::transition::{REFUND, RefundEvent};
use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::ledger::{self, Posting, credit, credit_seller, debit, debit_seller};
use crate::money::{add, slice, sub, sum};
use crate::order::{lifecycle, units};
use crate::returns;
use crate::store::Tx;
use crate::transition::next;

/// What a refund is made of.
#[derive(Clone, Debug, Default)]
struct Pieces {
    lines: Vec<Piece>,
    amount: MinorUnits,
    commission: MinorUnits,
    platform_discount: MinorUnits,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    line: Option<OrderLineId>,
    component: RefundComponent,
    quantity: i64,
    amount: MinorUnits,
}

impl Pieces {
    /// The next `quantity` units of a line: cumulative slices, so that any order of partial
    /// refunds adds up to the line's total.
    ///
    /// `paid` is what refunds that have not failed hold of the line. Where one failed in between,
    /// the slices would not add up any more; then the last units get what is left.
    fn take(&mut self, line: &order_line::Model, quantity: i64, paid: MinorUnits) -> Result<()> {
        let before = line.refunded_quantity;
        let after = before + quantity;
        if quantity < 0 || after > line.quantity {
            return Err(exceeds());
        }
        let piece =
            |amount: MinorUnits| sub(slice(amount, after, line.quantity)?, slice(amount, before, line.quantity)?);
        let left = sub(line.total, paid)?;
        let amount = if after == line.quantity { left } else { Ord::min(piece(line.total)?, left) };
        self.amount = add(self.amount, amount)?;
        self.commission = add(self.commission, piece(line.commission)?)?;
        self.platform_discount = add(self.platform_discount, piece(line.platform_discount)?)?;
        self.lines.push(Piece { line: Some(line.id), component: RefundComponent::Item, quantity, amount });
        Ok(())
    }

    fn take_amount(&mut self, component: RefundComponent, amount: MinorUnits) -> Result<()> {
        if amount > MinorUnits::ZERO {
            self.amount = add(self.amount, amount)?;
            self.lines.push(Piece { line: None, component, quantity: 0, amount });
        }
        Ok(())
    }
}

impl Pieces {
    /// Lowers the amount to `most`, the last pieces first: goodwill paid earlier has used up part
    /// of what the units were worth.
    fn trim(&mut self, most: MinorUnits) -> Result<()> {
        let mut excess = Ord::max(sub(self.amount, most)?, MinorUnits::ZERO);
        self.amount = sub(self.amount, excess)?;
        for piece in self.lines.iter_mut().rev() {
            let off = Ord::min(piece.amount, excess);
            piece.amount = sub(piece.amount, off)?;
            excess = sub(excess, off)?;
        }
        Ok(())
    }
}

fn exceeds() -> Error {
    Error::new(Code::RefundExceedsPayment, "More than what was paid and not yet refunded cannot be paid back.")
}

/// Refunds all that is left of a cancelled seller order, shipping included. Nothing happens when
/// the order was not paid.
///
/// # Errors
/// The database's.
pub async fn refund_cancelled(tx: &Tx, part: &seller_order::Model) -> Result<()> {
    let Some(payment) = captured(tx, part).await? else { return Ok(()) };
    let mut pieces = Pieces::default();
    let paid = paid_per_line(tx, part.id).await?;
    for line in lines(tx, part.id).await? {
        let held = paid.get(&line.id).copied().unwrap_or_default();
        pieces.take(&line, line.quantity - line.refunded_quantity, held)?;
    }
    let shipping = sub(part.shipping_total, refunded_of(tx, part.id, RefundComponent::Shipping).await?)?;
    pieces.take_amount(RefundComponent::Shipping, shipping)?;
    create(tx, &payment, part, RefundReason::Cancellation, None, pieces, Actor::System).await?;
    Ok(())
}

/// Refunds the units of a return that have come back; `None` when they are worth nothing.
///
/// # Errors
/// [`Code::RefundExceedsPayment`].
pub async fn refund_returned(
    tx: &Tx,
    part: &seller_order::Model,
    return_id: ReturnRequestId,
    units: &HashMap<OrderLineId, i64>,
) -> Result<Option<RefundId>> {
    let payment = captured(tx, part).await?;
    let mut pieces = Pieces::default();
    let paid = paid_per_line(tx, part.id).await?;
    for line in lines(tx, part.id).await? {
        if let Some(quantity) = units.get(&line.id).filter(|quantity| **quantity > 0) {
            pieces.take(&line, *quantity, paid.get(&line.id).copied().unwrap_or_default())?;
        }
    }
    match payment {
        Some(payment) => create(tx, &payment, part, RefundReason::Return, Some(return_id), pieces, Actor::System).await,
        // A wholly discounted order was never paid for; the units count as settled.
        None => settle_units(tx, &pieces).await.map(|()| None),
    }
}

/// Refunds an amount as goodwill, without anything coming back.
///
/// # Errors
/// [`Code::RefundExceedsPayment`]; [`Code::IllegalTransition`] when the order is not paid.
pub async fn refund_goodwill(
    tx: &Tx,
    part_id: SellerOrderId,
    amount: MinorUnits,
    actor: Actor,
) -> Result<refund::Model> {
    let (_, part) = lifecycle::lock_part(tx, part_id).await?;
    let payment = captured(tx, &part)
        .await?
        .ok_or_else(|| Error::new(Code::IllegalTransition, "The order is not paid; there is nothing to refund."))?;
    if amount <= MinorUnits::ZERO {
        return Err(Error::invalid("A refund is more than nothing."));
    }
    let mut pieces = Pieces::default();
    pieces.take_amount(RefundComponent::Goodwill, amount)?;
    let id = create(tx, &payment, &part, RefundReason::Goodwill, None, pieces, actor)
        .await?
        .ok_or_else(|| Error::internal("a refund of something came to nothing"))?;
    find(tx, id).await
}

/// Writes a refund within its caps and the job that pays it out.
async fn create(
    tx: &Tx,
    payment: &payment::Model,
    part: &seller_order::Model,
    reason: RefundReason,
    return_request_id: Option<ReturnRequestId>,
    mut pieces: Pieces,
    actor: Actor,
) -> Result<Option<RefundId>> {
    settle_units(tx, &pieces).await?;
    if reason != RefundReason::Goodwill {
        // A refund that failed in between leaves slices that do not add up; nothing is given back twice.
        let share = payment_share::Entity::find_by_id((payment.id, part.id)).one(&**tx).await?;
        let share = share.ok_or_else(|| Error::internal("a seller order without a share of its payment"))?;
        pieces.trim(sub(share.amount, share.refunded_amount)?)?;
        let held = held(tx, part.id).await?;
        let left = |whole, amounts: fn(&refund::Model) -> MinorUnits| sub(whole, sum(held.iter().map(amounts))?);
        pieces.commission = Ord::min(pieces.commission, left(part.commission_total, |refund| refund.commission)?);
        pieces.platform_discount =
            Ord::min(pieces.platform_discount, left(part.platform_discount_total, |refund| refund.platform_discount)?);
    }
    if [pieces.amount, pieces.commission, pieces.platform_discount] == [MinorUnits::ZERO; 3] {
        return Ok(None);
    }
    claim_share(tx, payment.id, part.id, pieces.amount).await?;
    let refund = refund::Model {
        id: RefundId::at(tx.now),
        payment_id: payment.id,
        order_id: part.order_id,
        seller_order_id: part.id,
        return_request_id,
        reason,
        provider_ref: None,
        amount: pieces.amount,
        commission: pieces.commission,
        platform_discount: pieces.platform_discount,
        currency: part.currency,
        status: RefundStatus::Pending,
        failure_message: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    write(tx, &refund, &pieces.lines, part, actor).await?;
    Ok(Some(refund.id))
}

async fn write(
    tx: &Tx,
    refund: &refund::Model,
    pieces: &[Piece],
    part: &seller_order::Model,
    actor: Actor,
) -> Result<()> {
    refund::Entity::insert(refund.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let rows = pieces.iter().map(|piece| refund_line::ActiveModel {
        id: Set(RefundLineId::at(tx.now)),
        refund_id: Set(refund.id),
        order_line_id: Set(piece.line),
        component: Set(piece.component),
        quantity: Set(piece.quantity),
        amount: Set(piece.amount),
    });
    refund_line::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(refund, part, None, "refund.created", actor)]).await?;
    job::enqueue(tx, &Task::RefundPayment { refund_id: refund.id }, tx.now).await?;
    Ok(())
}

/// Makes a refund that the provider refused anew, of the same units and amounts: the way on for an
/// operator once the reason is out of the world.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] unless it failed;
/// [`Code::RefundExceedsPayment`] when its money or units were refunded in another way since.
pub async fn retry(tx: &Tx, id: RefundId, actor: Actor) -> Result<refund::Model> {
    let (part, failed) = lock(tx, id).await?;
    if failed.status != RefundStatus::Failed {
        let message = format!("The refund is {}; only a failed one can be made again.", failed.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let payment = payment::Entity::find_by_id(failed.payment_id)
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("a refund without a payment"))?;
    let (lines, paid) = (lines(tx, part.id).await?, paid_per_line(tx, part.id).await?);
    let mut pieces = Pieces::default();
    for row in refund_line::Entity::find().filter(refund_line::Column::RefundId.eq(id)).all(&**tx).await? {
        match lines.iter().find(|line| Some(line.id) == row.order_line_id) {
            // Worked out anew: others may have been paid for units of this line since.
            Some(line) => pieces.take(line, row.quantity, paid.get(&line.id).copied().unwrap_or_default())?,
            None => pieces.take_amount(row.component, row.amount)?,
        }
    }
    let made = create(tx, &payment, &part, failed.reason, failed.return_request_id, pieces, actor).await?;
    find(tx, made.ok_or_else(exceeds)?).await
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
    if within.rows_affected == 1 { Ok(()) } else { Err(exceeds()) }
}

/// Counts the units as paid back.
async fn settle_units(tx: &Tx, pieces: &Pieces) -> Result<()> {
    let units: Vec<(OrderLineId, i64)> =
        pieces.lines.iter().filter_map(|piece| piece.line.map(|line| (line, piece.quantity))).collect();
    units::add(tx, order_line::Column::RefundedQuantity, &units).await
}

/// What the refund job needs to ask the provider; `None` when the refund is over.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn submit(tx: &Tx, id: RefundId) -> Result<Option<(refund::Model, payment::Model)>> {
    let (part, mut refund) = lock(tx, id).await?;
    if refund.status == RefundStatus::Pending {
        step(tx, &mut refund, &part, RefundEvent::Submit).await?;
    }
    if !matches!(refund.status, RefundStatus::Submitted | RefundStatus::Unresolved) {
        return Ok(None);
    }
    let payment = payment::Entity::find_by_id(refund.payment_id)
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("a refund without a payment"))?;
    Ok(Some((refund, payment)))
}

/// The provider has paid it back (by the name it gives that), or there was nothing to pay: entered in the ledger, its return settled, its order followed.
///
/// # Errors
/// The database's.
pub async fn succeed(tx: &Tx, id: RefundId, provider_ref: Option<&str>) -> Result<()> {
    let (part, mut refund) = lock(tx, id).await?;
    refund.provider_ref = provider_ref.map(str::to_owned);
    if !step(tx, &mut refund, &part, RefundEvent::Succeed).await? {
        return Ok(());
    }
    let entries = [
        credit(LedgerAccount::ProviderClearing, refund.amount),
        credit(LedgerAccount::PromotionExpense, refund.platform_discount),
        debit_seller(part.seller_id, part.id, add(refund.amount, refund.platform_discount)?),
    ];
    let posting = Posting {
        source: LedgerSource::Refund,
        source_id: id.into(),
        order_id: Some(refund.order_id),
        currency: refund.currency,
        entries: &entries,
    };
    ledger::post(tx, posting).await?;
    let entries = [
        debit(LedgerAccount::CommissionRevenue, refund.commission),
        credit_seller(part.seller_id, part.id, refund.commission),
    ];
    ledger::post(tx, Posting { source: LedgerSource::CommissionReversal, entries: &entries, ..posting }).await?;
    if let Some(return_id) = refund.return_request_id {
        returns::settle(tx, return_id).await?;
    }
    lifecycle::follow_refunds(tx, part.id, Actor::Provider).await
}

/// The outcome of asking the provider is not known; asking again with the same key will tell.
///
/// # Errors
/// The database's.
pub async fn lose_track(tx: &Tx, id: RefundId) -> Result<()> {
    let (part, mut refund) = lock(tx, id).await?;
    step(tx, &mut refund, &part, RefundEvent::Lose).await?;
    Ok(())
}

/// The provider refuses: the amount and the units are free to be refunded in another way.
///
/// # Errors
/// The database's.
pub async fn fail(tx: &Tx, id: RefundId, why: &str) -> Result<()> {
    let (part, mut refund) = lock(tx, id).await?;
    refund.failure_message = Some(why.chars().take(500).collect());
    if !step(tx, &mut refund, &part, RefundEvent::Reject).await? {
        return Ok(());
    }
    payment_share::Entity::update_many()
        .col_expr(
            payment_share::Column::RefundedAmount,
            Expr::col(payment_share::Column::RefundedAmount).sub(refund.amount.0),
        )
        .filter(payment_share::Column::PaymentId.eq(refund.payment_id))
        .filter(payment_share::Column::SellerOrderId.eq(part.id))
        .exec(&**tx)
        .await?;
    let lines = refund_line::Entity::find().filter(refund_line::Column::RefundId.eq(id)).all(&**tx).await?;
    let units: Vec<(OrderLineId, i64)> =
        lines.iter().filter_map(|line| line.order_line_id.map(|id| (id, -line.quantity))).collect();
    units::add(tx, order_line::Column::RefundedQuantity, &units).await
}

async fn lock(tx: &Tx, id: RefundId) -> Result<(seller_order::Model, refund::Model)> {
    let (_, part) = lifecycle::lock_part(tx, find(tx, id).await?.seller_order_id).await?;
    // Read again: it may have changed while we waited for the lock.
    Ok((part, find(tx, id).await?))
}

async fn find(tx: &Tx, id: RefundId) -> Result<refund::Model> {
    refund::Entity::find_by_id(id).one(&**tx).await?.ok_or_else(|| Error::not_found("refund"))
}

async fn step(tx: &Tx, refund: &mut refund::Model, part: &seller_order::Model, event: RefundEvent) -> Result<bool> {
    let Ok(to) = next("refund", REFUND, refund.status, event) else { return Ok(false) };
    let from = std::mem::replace(&mut refund.status, to);
    refund.version += 1;
    refund.updated_at = tx.now;
    let row = refund::ActiveModel {
        id: Set(refund.id),
        status: Set(to),
        provider_ref: Set(refund.provider_ref.clone()),
        failure_message: Set(refund.failure_message.clone()),
        version: Set(refund.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    refund::Entity::update(row).exec_without_returning(&**tx).await?;
    let event = match event {
        RefundEvent::Submit => "refund.submitted",
        RefundEvent::Succeed => "refund.succeeded",
        RefundEvent::Reject => "refund.failed",
        RefundEvent::Lose => "refund.unresolved",
    };
    history::record(tx, vec![change(refund, part, Some(from), event, Actor::Provider)]).await?;
    Ok(true)
}

fn change(
    refund: &refund::Model,
    part: &seller_order::Model,
    from: Option<RefundStatus>,
    event: &'static str,
    actor: Actor,
) -> Change {
    Change {
        entity: EntityKind::Refund,
        id: refund.id.into(),
        version: refund.version,
        from: from.map(|from| from.to_string()),
        to: refund.status.to_string(),
        actor,
        note: refund.failure_message.clone(),
        event,
        order_id: Some(refund.order_id),
        seller_id: Some(part.seller_id),
        data: json!({"amount": refund.amount, "currency": refund.currency, "reason": refund.reason}),
    }
}

async fn lines(tx: &Tx, part: SellerOrderId) -> Result<Vec<order_line::Model>> {
    Ok(order_line::Entity::find().filter(order_line::Column::SellerOrderId.eq(part)).all(&**tx).await?)
}

async fn captured(tx: &Tx, part: &seller_order::Model) -> Result<Option<payment::Model>> {
    Ok(payment::Entity::find()
        .filter(payment::Column::OrderId.eq(part.order_id))
        .filter(payment::Column::Status.eq(PaymentStatus::Captured))
        .one(&**tx)
        .await?)
}

/// The refunds of a seller order that have not failed.
async fn held(tx: &Tx, part: SellerOrderId) -> Result<Vec<refund::Model>> {
    Ok(refund::Entity::find()
        .filter(refund::Column::SellerOrderId.eq(part))
        .filter(refund::Column::Status.ne(RefundStatus::Failed))
        .all(&**tx)
        .await?)
}

/// What refunds that have not failed hold of each line.
async fn paid_per_line(tx: &Tx, part: SellerOrderId) -> Result<HashMap<OrderLineId, MinorUnits>> {
    let refunds = held(tx, part).await?;
    let rows = refund_line::Entity::find()
        .filter(refund_line::Column::RefundId.is_in(refunds.iter().map(|refund| refund.id)))
        .all(&**tx)
        .await?;
    let mut paid = HashMap::new();
    for row in rows {
        if let Some(line) = row.order_line_id {
            let so_far: &mut MinorUnits = paid.entry(line).or_default();
            *so_far = add(*so_far, row.amount)?;
        }
    }
    Ok(paid)
}

/// What of a component has been refunded, or is about to be.
async fn refunded_of(tx: &Tx, part: SellerOrderId, component: RefundComponent) -> Result<MinorUnits> {
    let rows = refund_line::Entity::find()
        .inner_join(refund::Entity)
        .filter(refund::Column::SellerOrderId.eq(part))
        .filter(refund::Column::Status.ne(RefundStatus::Failed))
        .filter(refund_line::Column::Component.eq(component))
        .all(&**tx)
        .await?;
    sum(rows.into_iter().map(|row| row.amount))
}
