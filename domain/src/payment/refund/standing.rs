//! What was paid for a seller order, and what of it refunds hold.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_entity::id::OrderLineId;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{PaymentStatus, RefundComponent, RefundStatus};
use souk_entity::{order_line, payment, payment_share, refund, refund_line, seller_order};

use super::pieces::{Amounts, Pieces, Restocking, shipping_left};
use crate::error::{Error, Result};
use crate::money::{add, sub, sum};

/// A paid seller order. Refunds that have not failed hold what they pay back.
pub(super) struct Standing {
    pub(super) part: seller_order::Model,
    pub(super) payment: payment::Model,
    /// By position.
    pub(super) lines: Vec<order_line::Model>,
    /// What of its share of the payment no refund holds.
    pub(super) left: MinorUnits,
    /// The goodwill of the platform that no later refund has taken off.
    pub(super) platform_goodwill: MinorUnits,
    of_lines: HashMap<OrderLineId, Amounts>,
    of_shipping: Amounts,
    /// What is kept of lines.
    of_restocking: HashMap<OrderLineId, Restocking>,
}

impl Standing {
    /// Reads it; `None` when the seller order is not paid.
    pub(super) async fn read(db: &impl ConnectionTrait, part: &seller_order::Model) -> Result<Option<Self>> {
        let payment = payment::Entity::find()
            .filter(payment::Column::OrderId.eq(part.order_id))
            .filter(payment::Column::Status.eq(PaymentStatus::Captured))
            .one(db)
            .await?;
        let Some(payment) = payment else { return Ok(None) };
        let share = payment_share::Entity::find_by_id((payment.id, part.id))
            .one(db)
            .await?
            .ok_or_else(|| Error::internal("a seller order without a share of its payment"))?;
        let (mut of_lines, mut of_shipping) = (HashMap::new(), Amounts::default());
        let mut of_restocking: HashMap<OrderLineId, Restocking> = HashMap::new();
        let rows = refund_line::Entity::find()
            .inner_join(refund::Entity)
            .filter(refund::Column::SellerOrderId.eq(part.id))
            .filter(refund::Column::Status.ne(RefundStatus::Failed))
            .filter(refund_line::Column::Component.ne(RefundComponent::Goodwill))
            .all(db)
            .await?;
        let refunds = refund::Entity::find()
            .filter(refund::Column::SellerOrderId.eq(part.id))
            .filter(refund::Column::Status.ne(RefundStatus::Failed))
            .all(db)
            .await?;
        let platform_goodwill = sum(refunds.iter().map(|refund| refund.platform_amount))?.max(MinorUnits::ZERO);
        for row in &rows {
            let held = row.order_line_id.map_or(&mut of_shipping, |line| of_lines.entry(line).or_default());
            *held = held.plus(row.into())?;
            if let Some(line) = row.order_line_id {
                let kept = of_restocking.entry(line).or_default();
                kept.quantity += row.restocking_quantity;
                kept.fee = add(kept.fee, row.restocking_fee)?;
            }
        }
        Ok(Some(Self {
            lines: lines(db, part).await?,
            left: sub(share.amount, share.refunded_amount)?,
            part: part.clone(),
            payment,
            platform_goodwill,
            of_lines,
            of_shipping,
            of_restocking,
        }))
    }

    /// Puts the next `quantity` units of a line to `pieces`.
    pub(super) fn units(&self, pieces: &mut Pieces, line: &order_line::Model, quantity: i64) -> Result<()> {
        pieces.take_units(line, self.of_lines.get(&line.id).copied().unwrap_or_default(), quantity)
    }

    /// Takes the fee of the order's return policy off `quantity` units of a line that came back without the
    /// seller's fault.
    pub(super) fn restocking(&self, pieces: &mut Pieces, line: OrderLineId, quantity: i64) -> Result<()> {
        let held = self.of_restocking.get(&line).copied().unwrap_or_default();
        match self.lines.iter().find(|known| known.id == line) {
            Some(line) => pieces.charge_restocking(line, held, quantity, self.part.restocking_ppm),
            None => Ok(()),
        }
    }

    /// Puts an amount of what was paid for shipping to `pieces`.
    pub(super) fn shipping(&self, pieces: &mut Pieces, amount: MinorUnits) -> Result<()> {
        pieces.take_shipping(&self.part, self.of_shipping, amount)
    }

    /// All units that are left and the rest of the shipping, within what is left of the share.
    pub(super) fn rest(&self) -> Result<Pieces> {
        let mut pieces = Pieces::default();
        for line in &self.lines {
            self.units(&mut pieces, line, line.quantity - line.refunded_quantity)?;
        }
        self.shipping(&mut pieces, shipping_left(&self.part, self.of_shipping)?)?;
        pieces.trim(self.left, self.platform_goodwill)?;
        Ok(pieces)
    }
}

async fn lines(db: &impl ConnectionTrait, part: &seller_order::Model) -> Result<Vec<order_line::Model>> {
    let lines = order_line::Entity::find().filter(order_line::Column::SellerOrderId.eq(part.id));
    Ok(lines.order_by_asc(order_line::Column::Position).all(db).await?)
}

/// What can still be refunded of a seller order.
#[derive(Clone, Debug)]
pub struct Refundable {
    /// Of all amounts.
    pub currency: CurrencyCode,
    /// The lines, by position: the units that are left, and what they come to by themselves.
    pub lines: Vec<(order_line::Model, i64, Amounts)>,
    /// What is left of the shipping, by itself.
    pub shipping: Amounts,
    /// All that is left; less than the sum of the others where goodwill was paid before.
    pub total: Amounts,
}

/// What can still be refunded of a seller order, and what would be reversed with it: nothing
/// before it is paid.
///
/// # Errors
/// The database's.
pub async fn refundable(db: &impl ConnectionTrait, part: &seller_order::Model) -> Result<Refundable> {
    let Some(standing) = Standing::read(db, part).await? else {
        let lines = lines(db, part).await?.into_iter().map(|line| (line, 0, Amounts::default())).collect();
        let nothing = Amounts::default();
        return Ok(Refundable { currency: part.currency, lines, shipping: nothing, total: nothing });
    };
    let by_itself = |mut pieces: Pieces| {
        pieces.trim(standing.left, MinorUnits::ZERO)?;
        pieces.sum()
    };
    let lines = standing.lines.iter().map(|line| {
        let (mut pieces, left) = (Pieces::default(), line.quantity - line.refunded_quantity);
        standing.units(&mut pieces, line, left)?;
        Ok((line.clone(), left, by_itself(pieces)?))
    });
    let lines = lines.collect::<Result<_>>()?;
    let mut shipping = Pieces::default();
    standing.shipping(&mut shipping, shipping_left(part, standing.of_shipping)?)?;
    let (shipping, total) = (by_itself(shipping)?, standing.rest()?.sum()?);
    Ok(Refundable { currency: part.currency, lines, shipping, total })
}
