//! What a refund is made of: pure, exact, and the same in whatever order units and amounts are
//! paid back.

use souk_entity::id::OrderLineId;
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::{Bearer, RefundComponent};
use souk_entity::{order_line, refund_line, seller_order};

use crate::error::{Code, Error, Result};
use crate::money::{Money, add, rate_of, slice, sub, sum};

/// What is paid back, and what is reversed with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// What the shopper gets.
    pub amount: MinorUnits,
    /// The tax in what is refunded; more than `amount` where goodwill had paid for it before.
    pub tax: MinorUnits,
    /// What the seller gets back of the commission.
    pub commission: MinorUnits,
    /// What they get back of the tax on it.
    pub commission_tax: MinorUnits,
    /// What the platform gets back of what it made good to the seller.
    pub platform_discount: MinorUnits,
}

impl Amounts {
    /// Each of `self` with the same of `other`.
    fn with(self, other: Self, of: impl Fn(MinorUnits, MinorUnits) -> Result<MinorUnits>) -> Result<Self> {
        Ok(Self {
            amount: of(self.amount, other.amount)?,
            tax: of(self.tax, other.tax)?,
            commission: of(self.commission, other.commission)?,
            commission_tax: of(self.commission_tax, other.commission_tax)?,
            platform_discount: of(self.platform_discount, other.platform_discount)?,
        })
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub fn plus(self, other: Self) -> Result<Self> {
        self.with(other, add)
    }

    /// Each rounded to `part` of `whole`.
    fn slice(self, part: i64, whole: i64) -> Result<Self> {
        self.with(self, |amount, _| slice(amount, part, whole))
    }

    /// What is missing to `target`. More than that was paid where a refund failed in between; then
    /// nothing is. Tax is never more than the amount that contains it.
    fn up_to(self, target: Self) -> Result<Self> {
        let missing = target.with(self, |target, held| Ok(sub(target, held)?.max(MinorUnits::ZERO)))?;
        Ok(Self { tax: missing.tax.min(missing.amount), ..missing })
    }

    /// With another amount; what is reversed stays what the units or the shipping are worth.
    fn paying(self, amount: MinorUnits) -> Self {
        Self { amount, ..self }
    }
}

impl From<&order_line::Model> for Amounts {
    fn from(line: &order_line::Model) -> Self {
        Self {
            amount: line.total,
            tax: line.tax,
            commission: line.commission,
            commission_tax: line.commission_tax,
            platform_discount: line.platform_discount,
        }
    }
}

impl From<&refund_line::Model> for Amounts {
    fn from(row: &refund_line::Model) -> Self {
        Self {
            amount: row.amount,
            tax: row.tax,
            commission: row.commission,
            commission_tax: row.commission_tax,
            platform_discount: row.platform_discount,
        }
    }
}

/// What the first `units` of a line are worth: slices of each of its amounts.
pub(crate) fn of_units(line: &order_line::Model, units: i64) -> Result<Amounts> {
    let slices = Amounts::from(line).slice(units, line.quantity)?;
    Ok(Amounts { tax: tax_of_units(line, units)?, ..slices })
}

/// The tax in the first `units` of a line: its slice.
///
/// Two slices are rounded apart, so that of two units that are worth less than two minor units
/// without tax, one could have more tax than it costs. There, tax waits for the next unit: what
/// is worth something without tax never becomes less with a further unit.
fn tax_of_units(line: &order_line::Model, units: i64) -> Result<MinorUnits> {
    let (amount, tax) = (|n| slice(line.total, n, line.quantity), |n| slice(line.tax, n, line.quantity));
    if sub(line.total, line.tax)?.0 >= 2 * line.quantity {
        return tax(units);
    }
    let mut untaxed = MinorUnits::ZERO;
    for n in 0..=units {
        untaxed = untaxed.max(sub(amount(n)?, tax(n)?)?);
    }
    sub(amount(units)?, untaxed)
}

/// What was paid for the shipping of a seller order.
fn shipping(part: &seller_order::Model) -> Result<Amounts> {
    Ok(Amounts {
        amount: add(part.shipping_total, part.shipping_tax_added)?,
        tax: part.shipping_tax,
        platform_discount: part.shipping_platform_discount,
        ..Amounts::default()
    })
}

/// What the seller keeps of units that come back without their fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Restocking {
    /// The units.
    pub(super) quantity: i64,
    /// What is kept of them.
    pub(super) fee: MinorUnits,
}

/// What is kept of the first `units` of a line that come back without the seller's fault: a slice of the fee
/// of the whole line.
pub(crate) fn restocking_of_units(line: &order_line::Model, rate: RatePpm, units: i64) -> Result<MinorUnits> {
    slice(restocking_of_line(line, rate)?, units, line.quantity)
}

/// What is kept of a whole line: the rate of what the shopper paid for it, tax included.
pub(crate) fn restocking_of_line(line: &order_line::Model, rate: RatePpm) -> Result<MinorUnits> {
    rate_of(line.total, rate)
}

/// Units of a line, or an amount.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) line: Option<OrderLineId>,
    pub(super) component: RefundComponent,
    pub(super) quantity: i64,
    pub(super) amounts: Amounts,
    pub(super) restocking: Restocking,
}

/// All that one refund pays back.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    pub(super) rows: Vec<Piece>,
    /// What the platform bears of it, its own goodwill; less than nothing where goodwill that it
    /// paid before is taken off: that was an advance on what the seller now bears.
    pub(super) platform_amount: MinorUnits,
    /// What the shopper pays of the return label.
    pub(super) return_label: MinorUnits,
}

impl Pieces {
    /// The next `quantity` units of a line. `held` is what refunds that have not failed hold of
    /// it: each brings the line up to what its refunded units are worth, so that any order of
    /// partial refunds adds up to the line exactly, and one that failed in between leaves no gap.
    ///
    /// # Errors
    /// [`Code::RefundExceedsPayment`] for more units than are left.
    pub(super) fn take_units(&mut self, line: &order_line::Model, held: Amounts, quantity: i64) -> Result<()> {
        let left = line.quantity - line.refunded_quantity;
        if !(0..=left).contains(&quantity) {
            return Err(exceeds(format!("{quantity} of {} cannot be refunded: {left} can.", line.sku)));
        }
        // Taken out of the order before it was paid.
        if line.quantity == 0 {
            return Ok(());
        }
        let amounts = held.up_to(of_units(line, line.refunded_quantity + quantity)?)?;
        self.push(Some(line.id), RefundComponent::Item, quantity, amounts);
        Ok(())
    }

    /// An amount of what was paid for shipping; its tax and what the platform made good follow it.
    ///
    /// # Errors
    /// [`Code::RefundExceedsPayment`] for more than is left.
    pub(super) fn take_shipping(
        &mut self,
        part: &seller_order::Model,
        held: Amounts,
        amount: MinorUnits,
    ) -> Result<()> {
        let (whole, left) = (shipping(part)?, shipping_left(part, held)?);
        if !(MinorUnits::ZERO..=left).contains(&amount) {
            let show = |amount| Money { amount, currency: part.currency };
            let message = format!("{} of the shipping cannot be refunded: {} can.", show(amount), show(left));
            return Err(exceeds(message));
        }
        let after = add(held.amount, amount)?;
        let target = if after == whole.amount { whole } else { whole.slice(after.0, whole.amount.0)? };
        let amounts = held.up_to(target)?;
        self.push(None, RefundComponent::Shipping, 0, amounts);
        Ok(())
    }

    /// An amount for nothing that was bought.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub(super) fn take_goodwill(&mut self, amount: MinorUnits, borne_by: Bearer) -> Result<()> {
        if borne_by == Bearer::Platform {
            self.platform_amount = add(self.platform_amount, amount)?;
        }
        let amounts = Amounts { amount, ..Amounts::default() };
        self.push(None, RefundComponent::Goodwill, 0, amounts);
        Ok(())
    }

    fn push(&mut self, line: Option<OrderLineId>, component: RefundComponent, quantity: i64, amounts: Amounts) {
        if quantity > 0 || amounts != Amounts::default() {
            self.rows.push(Piece { line, component, quantity, amounts, restocking: Restocking::default() });
        }
    }

    /// Takes the seller's fee off units of a line that came back without their fault. `held` is what refunds that
    /// have not failed keep of the line already: each brings it up to the slice of its units, so that units that
    /// come back one by one cost what they cost together. Never more than is paid back for them; what cannot be
    /// taken off these units is taken off the next. To be called after [`Pieces::trim`].
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub(super) fn charge_restocking(
        &mut self,
        line: &order_line::Model,
        held: Restocking,
        quantity: i64,
        rate: RatePpm,
    ) -> Result<()> {
        if let Some(piece) = self.rows.iter_mut().find(|piece| piece.line == Some(line.id)) {
            let quantity = quantity.min(piece.quantity);
            let due = restocking_of_units(line, rate, held.quantity + quantity)?;
            let fee = sub(due, held.fee)?.clamp(MinorUnits::ZERO, piece.amounts.amount);
            piece.restocking = Restocking { quantity, fee };
        }
        Ok(())
    }

    /// Takes what the return label cost off what is left to be paid back, never below nothing.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub(super) fn charge_label(&mut self, cost: MinorUnits) -> Result<()> {
        self.return_label = cost.min(self.paid_back()?);
        Ok(())
    }

    /// The fees that are taken off.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub(super) fn restocking_fee(&self) -> Result<MinorUnits> {
        sum(self.rows.iter().map(|piece| piece.restocking.fee))
    }

    /// What the shopper gets: the sum of the pieces, less the fees and the label.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub(super) fn paid_back(&self) -> Result<MinorUnits> {
        sub(sub(self.sum()?.amount, self.restocking_fee()?)?, self.return_label)
    }

    /// The sums.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub(super) fn sum(&self) -> Result<Amounts> {
        self.rows.iter().try_fold(Amounts::default(), |sum, piece| sum.plus(piece.amounts))
    }

    /// Lowers the amount to `most`, the last pieces first: goodwill paid earlier has used up part
    /// of what the units were worth. As much of it as was the platform's goodwill, `platform`, the
    /// platform gets back of the seller, who would keep it of goods that they have back.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub(super) fn trim(&mut self, most: MinorUnits, platform: MinorUnits) -> Result<()> {
        let mut excess = sub(self.sum()?.amount, most)?.max(MinorUnits::ZERO);
        self.platform_amount = sub(self.platform_amount, excess.min(platform))?;
        for piece in self.rows.iter_mut().rev() {
            let off = piece.amounts.amount.min(excess);
            piece.amounts = piece.amounts.paying(sub(piece.amounts.amount, off)?);
            excess = sub(excess, off)?;
        }
        Ok(())
    }

    /// Whether all of it are units of lines.
    pub(super) fn is_of_units(&self) -> bool {
        self.rows.iter().all(|piece| piece.component == RefundComponent::Item)
    }
}

/// What of the shipping is not refunded, where `held` is what is.
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow.
pub(super) fn shipping_left(part: &seller_order::Model, held: Amounts) -> Result<MinorUnits> {
    Ok(sub(shipping(part)?.amount, held.amount)?.max(MinorUnits::ZERO))
}

/// The refusal of more than is left.
pub(super) fn exceeds(message: impl Into<String>) -> Error {
    Error::new(Code::RefundExceedsPayment, message)
}

#[cfg(test)]
mod tests;
