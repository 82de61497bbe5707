//! A refund at the provider: asked for, paid back or refused, and entered.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_entity::id::{OrderLineId, RefundId};
use souk_entity::status::{LedgerAccount, LedgerSource, RefundStatus};
use souk_entity::{order_line, payment, payment_share, refund, refund_line, seller_order};

use super::{change, lock};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::history;
use crate::ledger::{self, Posting, credit, credit_seller, debit, debit_seller};
use crate::money::{add, sub};
use crate::order::{lifecycle, units};
use crate::payment::transition::{REFUND, RefundEvent};
use crate::returns;
use crate::store::Tx;
use crate::transition::next;

/// Whether the provider may have been asked for a refund already.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn was_asked(db: &impl ConnectionTrait, id: RefundId) -> Result<bool> {
    let refund = refund::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("refund"))?;
    Ok(matches!(refund.status, RefundStatus::Submitted | RefundStatus::Unresolved))
}

/// What the refund job needs to ask the provider; `None` when the refund is over.
///
/// # Errors
/// [`crate::Code::NotFound`].
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

/// The provider has paid it back (by the name it gives that), or there was nothing to pay: entered
/// in the ledger, its return settled, its order followed.
///
/// # Errors
/// The database's.
pub async fn succeed(tx: &Tx, id: RefundId, provider_ref: Option<&str>) -> Result<()> {
    let (part, mut refund) = lock(tx, id).await?;
    refund.provider_ref = provider_ref.map(str::to_owned);
    if !step(tx, &mut refund, &part, RefundEvent::Succeed).await? {
        return Ok(());
    }
    post(tx, &refund, &part).await?;
    if let Some(return_id) = refund.return_request_id {
        returns::settle(tx, return_id).await?;
    }
    lifecycle::follow_refunds(tx, part.id, Actor::Provider).await
}

/// Takes from the seller what they were credited for what is paid back, from the tax office its
/// tax, and gives commission back.
async fn post(tx: &Tx, refund: &refund::Model, part: &seller_order::Model) -> Result<()> {
    let untaxed = sub(refund.amount, refund.tax)?;
    let credited = add(sub(untaxed, refund.platform_amount)?, refund.platform_discount)?;
    let entries = [
        credit(LedgerAccount::ProviderClearing, refund.amount),
        credit(LedgerAccount::PromotionExpense, refund.platform_discount),
        debit(LedgerAccount::TaxPayable, refund.tax),
        debit(LedgerAccount::GoodwillExpense, refund.platform_amount),
        debit_seller(part.seller_id, part.id, credited),
    ];
    let posting = Posting {
        source: LedgerSource::Refund,
        source_id: refund.id.into(),
        order_id: Some(refund.order_id),
        currency: refund.currency,
        entries: &entries,
    };
    ledger::post(tx, posting).await?;
    let entries = [
        debit(LedgerAccount::CommissionRevenue, refund.commission),
        debit(LedgerAccount::CommissionTaxPayable, refund.commission_tax),
        credit_seller(part.seller_id, part.id, add(refund.commission, refund.commission_tax)?),
    ];
    ledger::post(tx, Posting { source: LedgerSource::CommissionReversal, entries: &entries, ..posting }).await
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
    let rows = refund_line::Entity::find().filter(refund_line::Column::RefundId.eq(id)).all(&**tx).await?;
    let back: Vec<(OrderLineId, i64)> =
        rows.iter().filter_map(|row| row.order_line_id.map(|id| (id, -row.quantity))).collect();
    units::add(tx, order_line::Column::RefundedQuantity, &back).await?;
    // It may be the last that the state of its seller order waited for: all of whose units are back
    // and paid for by others.
    lifecycle::follow_refunds(tx, part.id, Actor::Provider).await
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
    let why = refund.failure_message.clone();
    history::record(tx, vec![change(refund, part, Some(from), event, Actor::Provider, why)]).await.map(|()| true)
}
