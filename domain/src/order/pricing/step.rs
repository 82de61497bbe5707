//! The record of pricing: each amount with what it was worked out of.

use souk_entity::id::OfferId;
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::PriceStepKind;
use uuid::Uuid;

use crate::error::Result;
use crate::money::{MILLION, rate_of};

/// How one amount came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line; `None` for the shipping of the seller's part.
    pub offer_id: Option<OfferId>,
    /// What was done.
    pub kind: PriceStepKind,
    /// The promotion, method, rate or rule that was applied.
    pub rule_id: Option<Uuid>,
    /// Its name, for people.
    pub label: String,
    /// The amount that it was worked out of.
    pub base: MinorUnits,
    /// The rate that was applied to `base`.
    pub rate: Option<RatePpm>,
    /// Where an amount was divided among lines.
    pub share: Option<Share>,
    /// What rounding or the largest remainder added, in millionths of a minor unit.
    pub rounding_ppm: i64,
    /// What it came to. Base, promotion (negative), shipping, tax and tax relief (negative) sum to
    /// what is paid; included tax is part of that already.
    pub amount: MinorUnits,
}

/// A line's part of an amount that was divided among several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The amount that was divided.
    pub whole: MinorUnits,
    /// The line's weight.
    pub weight: MinorUnits,
    /// The sum of all weights.
    pub weights: MinorUnits,
}

/// What a step applies: its id and its name.
pub type Rule<'a> = (Option<Uuid>, &'a str);

impl Step {
    /// An amount that is as it is.
    pub fn plain(offer_id: Option<OfferId>, kind: PriceStepKind, rule: Rule<'_>, amount: MinorUnits) -> Self {
        Self {
            offer_id,
            kind,
            rule_id: rule.0,
            label: rule.1.to_owned(),
            base: amount,
            rate: None,
            share: None,
            rounding_ppm: 0,
            amount,
        }
    }

    /// `rate` of `base`.
    ///
    /// # Errors
    /// [`crate::Code::InvalidMoney`] on overflow.
    pub fn rated(
        offer_id: Option<OfferId>,
        kind: PriceStepKind,
        rule: Rule<'_>,
        base: MinorUnits,
        rate: RatePpm,
    ) -> Result<Self> {
        let amount = rate_of(base, rate)?;
        let rounding_ppm = rounding_ppm(amount, i128::from(base.0) * i128::from(rate.0), MILLION);
        Ok(Self { base, rate: Some(rate), rounding_ppm, ..Self::plain(offer_id, kind, rule, amount) })
    }

    /// The same with the amount taken away instead of added.
    #[must_use]
    pub fn negative(self) -> Self {
        Self { amount: MinorUnits(-self.amount.0), rounding_ppm: -self.rounding_ppm, ..self }
    }
}

impl Share {
    /// What dividing added to the exact share to make it `part`, in millionths of a minor unit.
    pub fn rounding_ppm(&self, part: MinorUnits) -> i64 {
        let exact = i128::from(self.whole.0) * i128::from(self.weight.0);
        rounding_ppm(part, exact, i128::from(self.weights.0))
    }
}

/// `amount - numerator / denominator`, in millionths; 0 where there was nothing to divide by.
pub fn rounding_ppm(amount: MinorUnits, numerator: i128, denominator: i128) -> i64 {
    // Rounding moves less than one unit, so this is far from overflowing.
    let moved = i128::from(amount.0) * denominator - numerator;
    moved
        .checked_mul(MILLION)
        .and_then(|moved| moved.checked_div(denominator))
        .map_or(0, |ppm| i64::try_from(ppm).unwrap_or(0))
}
