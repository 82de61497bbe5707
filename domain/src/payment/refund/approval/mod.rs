//! Refunds by operators, and the second one whom large ones take.
//!
//! What operators refund of an order without a second one is summed over the order, so that splitting
//! a refund does not get around the limit; refunds that a second one has approved do not count. Money
//! moves only with the approval, within what is left then. Refunds that follow from a cancellation or
//! a return, and those by sellers, are of other rules and not counted.

mod limits;

use chrono::TimeDelta;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use souk_entity::id::{OrderId, RefundApprovalId, RefundId, SellerOrderId, UserId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{EntityKind, RefundApprovalStatus, RefundStatus};
use souk_entity::{operator_refund, refund, refund_approval};

use super::Detail;
use super::request::{Wanted, make, price};
use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::money::{Money, add, sum};
use crate::order::lifecycle;
use crate::payment::transition::{REFUND_APPROVAL, RefundApprovalEvent};
use crate::store::{Store, Tx};
use crate::transition::next;

pub use limits::Limits;

/// How long a refund waits for a second operator.
pub const WAITS: TimeDelta = TimeDelta::days(7);

/// What became of an operator's wish.
#[derive(Clone, Debug)]
pub enum Asked {
    /// The refund is made.
    Made(Detail),
    /// Another operator has to approve it.
    Waits(refund_approval::Model),
}

/// Refunds what an operator asks for, or has it wait for another one where all that operators have
/// refunded of the order by themselves would come to more than the limit.
///
/// # Errors
/// As [`super::request()`].
pub async fn ask(tx: &Tx, part: SellerOrderId, wanted: &Wanted, operator: UserId, limits: &Limits) -> Result<Asked> {
    let priced = price(tx, part, wanted).await?;
    let (part, amount) = (priced.part().clone(), priced.amount()?);
    let limit = limits.of(part.currency)?;
    if within(tx, part.order_id, amount, limit).await? {
        let made = make(tx, priced, wanted, Actor::Operator(operator)).await?;
        enter(tx, &made.refund, operator, limit, None).await?;
        return Ok(Asked::Made(made));
    }
    let approval = refund_approval::Model {
        id: RefundApprovalId::at(tx.now),
        order_id: part.order_id,
        seller_order_id: part.id,
        status: RefundApprovalStatus::Pending,
        requested_by: operator,
        wanted: serde_json::to_value(wanted).map_err(Error::internal)?,
        amount,
        currency: part.currency,
        limit_amount: limit.unwrap_or_default(),
        decided_by: None,
        decided_at: None,
        reason: None,
        refund_id: None,
        expires_at: tx.now + WAITS,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    refund_approval::Entity::insert(approval.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let note = wanted.note.clone();
    record(tx, &approval, None, "refund_approval.requested", Actor::Operator(operator), note).await?;
    Ok(Asked::Waits(approval))
}

/// Approves a refund and makes it, within what is left of the seller order now.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Forbidden`] for who has asked for it; [`Code::IllegalTransition`] when
/// it is decided, its time is over, or it does not fit any more: there is less left, or it would come
/// to more than what was asked for.
pub async fn approve(tx: &Tx, id: RefundApprovalId, operator: UserId) -> Result<(refund_approval::Model, Detail)> {
    let mut approval = lock(tx, id).await?;
    second(&approval, operator)?;
    open(tx, &approval)?;
    let wanted: Wanted = serde_json::from_value(approval.wanted.clone()).map_err(Error::internal)?;
    let priced = price(tx, approval.seller_order_id, &wanted).await.map_err(no_longer)?;
    covers(&approval, priced.amount()?)?;
    let actor = Actor::Operator(operator);
    let made = make(tx, priced, &wanted, actor).await?;
    approval.decided_by = Some(operator);
    approval.decided_at = Some(tx.now);
    approval.refund_id = Some(made.refund.id);
    let approval = step(tx, approval, RefundApprovalEvent::Approve, "refund_approval.approved", actor, None).await?;
    enter(tx, &made.refund, approval.requested_by, Some(approval.limit_amount), Some(id)).await?;
    Ok((approval, made))
}

/// Turns a refund down.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Forbidden`] for who has asked for it, who can withdraw it;
/// [`Code::IllegalTransition`] when it is decided or its time is over.
pub async fn reject(tx: &Tx, id: RefundApprovalId, operator: UserId, reason: &str) -> Result<refund_approval::Model> {
    let mut approval = lock(tx, id).await?;
    second(&approval, operator)?;
    open(tx, &approval)?;
    approval.decided_by = Some(operator);
    approval.decided_at = Some(tx.now);
    approval.reason = Some(reason.to_owned());
    let (actor, note) = (Actor::Operator(operator), Some(reason.to_owned()));
    step(tx, approval, RefundApprovalEvent::Reject, "refund_approval.rejected", actor, note).await
}

/// Takes a wish back.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] for anybody but who has asked for it, and when it is
/// decided or its time is over.
pub async fn withdraw(tx: &Tx, id: RefundApprovalId, operator: UserId) -> Result<refund_approval::Model> {
    let approval = lock(tx, id).await?;
    if approval.requested_by != operator {
        return Err(Error::new(
            Code::IllegalTransition,
            "Only who has asked for it can withdraw it; reject it instead.",
        ));
    }
    open(tx, &approval)?;
    let actor = Actor::Operator(operator);
    step(tx, approval, RefundApprovalEvent::Withdraw, "refund_approval.withdrawn", actor, None).await
}

/// Ends the wishes whose time is over; returns how many.
///
/// # Errors
/// The database's.
pub async fn expire(store: &Store) -> Result<u64> {
    let over = refund_approval::Entity::find()
        .filter(refund_approval::Column::Status.eq(RefundApprovalStatus::Pending))
        .filter(refund_approval::Column::ExpiresAt.lte(store.now()))
        .order_by_asc(refund_approval::Column::Id)
        .all(store.read())
        .await?;
    let mut expired = 0;
    for row in over {
        let ended = store.write(async |tx| {
            let approval = lock(&tx, row.id).await?;
            if approval.status != RefundApprovalStatus::Pending || approval.expires_at > tx.now {
                return Ok(0);
            }
            let (event, actor) = (RefundApprovalEvent::Expire, Actor::System);
            step(&tx, approval, event, "refund_approval.expired", actor, None).await?;
            Ok(1)
        });
        expired += ended.await?;
    }
    Ok(expired)
}

/// A wish.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn find(db: &impl ConnectionTrait, id: RefundApprovalId) -> Result<refund_approval::Model> {
    refund_approval::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("refund approval"))
}

/// Enters a refund that is made anew under the one it takes the place of: an approval goes on for it as far
/// as what was approved; without one it has to be within the limit. One that no operator had asked for stays so.
///
/// # Errors
/// [`Code::IllegalTransition`] above what was approved, or above the limit.
pub(super) async fn again(tx: &Tx, failed: RefundId, made: &refund::Model, limits: &Limits) -> Result<()> {
    let Some(first) = operator_refund::Entity::find_by_id(failed).one(&**tx).await? else { return Ok(()) };
    if let Some(approval) = first.approval_id {
        // Worked out anew: what had left less for it when it was approved may have failed since.
        covers(&find(&**tx, approval).await?, made.amount)?;
        return enter(tx, made, first.asked_by, first.limit_amount, first.approval_id).await;
    }
    let limit = limits.of(made.currency)?;
    if !within(tx, made.order_id, made.amount, limit).await? {
        let message = "Operators have refunded as much of this order as they may by themselves; ask for this refund \
                       anew, and another operator can approve it.";
        return Err(Error::new(Code::IllegalTransition, message));
    }
    enter(tx, made, first.asked_by, limit, None).await
}

/// Whether one operator may refund so much more of an order. The order's row is locked, so that two
/// refunds at once see each other.
async fn within(tx: &Tx, order: OrderId, amount: MinorUnits, limit: Option<MinorUnits>) -> Result<bool> {
    let Some(limit) = limit else { return Ok(true) };
    let alone: Vec<MinorUnits> = operator_refund::Entity::find()
        .inner_join(refund::Entity)
        .select_only()
        .column(refund::Column::Amount)
        .filter(operator_refund::Column::OrderId.eq(order))
        .filter(operator_refund::Column::ApprovalId.is_null())
        .filter(refund::Column::Status.ne(RefundStatus::Failed))
        .into_tuple()
        .all(&**tx)
        .await?;
    Ok(add(sum(alone)?, amount)? <= limit)
}

async fn enter(
    tx: &Tx,
    made: &refund::Model,
    asked_by: UserId,
    limit: Option<MinorUnits>,
    approval: Option<RefundApprovalId>,
) -> Result<()> {
    let row = operator_refund::ActiveModel {
        refund_id: Set(made.id),
        order_id: Set(made.order_id),
        asked_by: Set(asked_by),
        limit_amount: Set(limit),
        approval_id: Set(approval),
    };
    operator_refund::Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Locks the order, as whatever is done to it does, then reads the wish.
async fn lock(tx: &Tx, id: RefundApprovalId) -> Result<refund_approval::Model> {
    lifecycle::lock_part(tx, find(&**tx, id).await?.seller_order_id).await?;
    find(&**tx, id).await
}

fn second(approval: &refund_approval::Model, operator: UserId) -> Result<()> {
    if approval.requested_by == operator {
        return Err(Error::new(Code::Forbidden, "You have asked for it; another operator has to decide."));
    }
    Ok(())
}

/// Refuses what comes to more than was asked for: nobody has agreed to that.
fn covers(approval: &refund_approval::Model, amount: MinorUnits) -> Result<()> {
    if amount <= approval.amount {
        return Ok(());
    }
    let currency = approval.currency;
    let show = |amount| Money { amount, currency };
    let message = format!(
        "It would come to {} {currency} now and was asked for as {}; have it asked for anew.",
        show(amount),
        show(approval.amount)
    );
    Err(Error::new(Code::IllegalTransition, message))
}

/// What was possible when it was asked for is refused as a state of things and not as a wrong wish.
fn no_longer(error: Error) -> Error {
    match error.code {
        Code::RefundExceedsPayment => Error { code: Code::IllegalTransition, ..error },
        _ => error,
    }
}

/// A wish whose time is over is as good as expired, also before that is written down.
fn open(tx: &Tx, approval: &refund_approval::Model) -> Result<()> {
    if approval.status == RefundApprovalStatus::Pending && approval.expires_at <= tx.now {
        return Err(Error::new(Code::IllegalTransition, "Its time is over; have it asked for anew."));
    }
    Ok(())
}

async fn step(
    tx: &Tx,
    approval: refund_approval::Model,
    event: RefundApprovalEvent,
    name: &'static str,
    actor: Actor,
    note: Option<String>,
) -> Result<refund_approval::Model> {
    let from = approval.status;
    let changed = refund_approval::Model {
        status: next("refund approval", REFUND_APPROVAL, from, event)?,
        version: approval.version + 1,
        updated_at: tx.now,
        ..approval
    };
    let row = refund_approval::ActiveModel {
        id: Set(changed.id),
        status: Set(changed.status),
        decided_by: Set(changed.decided_by),
        decided_at: Set(changed.decided_at),
        reason: Set(changed.reason.clone()),
        refund_id: Set(changed.refund_id),
        version: Set(changed.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    refund_approval::Entity::update(row).exec_without_returning(&**tx).await?;
    record(tx, &changed, Some(from), name, actor, note).await?;
    Ok(changed)
}

/// Sellers and shoppers are not told of what operators deliberate: the event names no seller and no
/// order.
async fn record(
    tx: &Tx,
    approval: &refund_approval::Model,
    from: Option<RefundApprovalStatus>,
    event: &'static str,
    actor: Actor,
    note: Option<String>,
) -> Result<()> {
    let change = Change {
        entity: EntityKind::RefundApproval,
        id: approval.id.into(),
        version: approval.version,
        from: from.map(|from| from.to_string()),
        to: approval.status.to_string(),
        actor,
        note,
        event,
        order_id: None,
        seller_id: None,
        data: json!({"amount": approval.amount, "currency": approval.currency}),
    };
    history::record(tx, vec![change]).await
}
