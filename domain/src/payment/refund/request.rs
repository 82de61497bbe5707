//! Refunds that a seller or an operator asks for, without anything coming back.

use serde::{Deserialize, Serialize};
use souk_entity::id::{OrderLineId, SellerId, SellerOrderId};
use souk_entity::money::MinorUnits;
use souk_entity::seller_order;
use souk_entity::status::{Bearer, RefundReason, SellerStatus};

use super::pieces::{Pieces, exceeds};
use super::standing::Standing;
use super::{Cause, Detail, create, fit, read};
use crate::account;
use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::order::lifecycle;
use crate::store::Tx;

/// What somebody wants to pay back of a seller order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// Units of lines.
    pub lines: Vec<(OrderLineId, i64)>,
    /// Of what was paid for shipping.
    pub shipping: MinorUnits,
    /// For nothing that was bought: no tax and no commission comes back with it.
    pub goodwill: MinorUnits,
    /// Who pays the goodwill.
    pub borne_by: Bearer,
    /// Why, in a sentence.
    pub note: Option<String>,
}

/// A suspended seller pays nothing back by themselves: it would be the platform's money where they
/// were paid out before. Returns and cancellations go on, and operators can refund. The seller's row is
/// held: a refund that is let in is written before a suspension, or not at all.
async fn may_pay_back(tx: &Tx, seller: SellerId) -> Result<()> {
    let seller = account::hold(tx, seller).await?;
    if seller.status == SellerStatus::Approved {
        return Ok(());
    }
    let message = format!("Your shop is {}; ask the marketplace to make this refund.", seller.status);
    Err(Error::new(Code::IllegalTransition, message))
}

/// A wish with what it comes to, of an order that is locked.
pub(super) struct Priced {
    standing: Standing,
    pieces: Pieces,
}

impl Priced {
    /// The seller order.
    pub(super) fn part(&self) -> &seller_order::Model {
        &self.standing.part
    }

    /// How much would be paid back.
    pub(super) fn amount(&self) -> Result<MinorUnits> {
        Ok(self.pieces.sum()?.amount)
    }
}

/// Refunds units, shipping and goodwill together, each within what is left of it, and all within
/// what is left of the seller order. What operators ask for goes through [`super::approval::ask`].
///
/// # Errors
/// [`Code::NotFound`], also for a line of another seller order; [`Code::IllegalTransition`] when
/// the order is not paid; [`Code::InvalidValue`]; [`Code::RefundExceedsPayment`], naming what is
/// left.
pub async fn request(tx: &Tx, part_id: SellerOrderId, wanted: &Wanted, actor: Actor) -> Result<Detail> {
    let priced = price(tx, part_id, wanted).await?;
    if let Actor::Seller { .. } = actor {
        may_pay_back(tx, priced.part().seller_id).await?;
    }
    make(tx, priced, wanted, actor).await
}

/// Locks the order and works out what would be paid back.
pub(super) async fn price(tx: &Tx, part_id: SellerOrderId, wanted: &Wanted) -> Result<Priced> {
    let (_, part) = lifecycle::lock_part(tx, part_id).await?;
    let standing = Standing::read(&**tx, &part)
        .await?
        .ok_or_else(|| Error::new(Code::IllegalTransition, "The order is not paid; there is nothing to refund."))?;
    let mut pieces = Pieces::default();
    for (at, (id, quantity)) in wanted.lines.iter().enumerate() {
        let line = standing.lines.iter().find(|line| line.id == *id).ok_or_else(|| Error::not_found("order line"))?;
        if *quantity < 1 || wanted.lines[..at].iter().any(|(other, _)| other == id) {
            return Err(Error::invalid("Name each line once, with one unit at least."));
        }
        standing.units(&mut pieces, line, *quantity)?;
    }
    if wanted.shipping < MinorUnits::ZERO || wanted.goodwill < MinorUnits::ZERO {
        return Err(Error::invalid("A refund is more than nothing."));
    }
    if wanted.shipping > MinorUnits::ZERO {
        standing.shipping(&mut pieces, wanted.shipping)?;
    }
    if wanted.goodwill > MinorUnits::ZERO {
        pieces.take_goodwill(wanted.goodwill, wanted.borne_by)?;
    }
    if pieces.rows.is_empty() {
        return Err(Error::invalid("Name at least one line, or an amount of shipping or goodwill."));
    }
    fit(&standing, &mut pieces)?;
    Ok(Priced { standing, pieces })
}

/// Makes the refund.
pub(super) async fn make(tx: &Tx, priced: Priced, wanted: &Wanted, actor: Actor) -> Result<Detail> {
    let Priced { standing, pieces } = priced;
    let goodwill_only = wanted.lines.is_empty() && wanted.shipping == MinorUnits::ZERO;
    let reason = if goodwill_only { RefundReason::Goodwill } else { RefundReason::Adjustment };
    let cause = Cause { note: wanted.note.clone(), ..Cause::of(reason, actor) };
    let made = create(tx, &standing, cause, pieces).await?;
    read(&**tx, made.ok_or_else(|| exceeds("Nothing is left to be refunded for these units."))?).await
}
