//! One step towards an amount, in numbers and in a sentence.

use std::collections::HashMap;

use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::status::{Bearer, PriceStepKind, PromotionKind};
use souk_entity::{order_line, price_step, promotion};
use uuid::Uuid;

use crate::error::Result;
use crate::money::{MILLION, Money, multiply, rate_of, slice, sub, sum};
use crate::order::pricing::step::rounding_ppm;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Units at their price.
    Base,
    /// A promotion takes something off.
    Promotion,
    /// The price of a shipping method.
    Shipping,
    /// Tax on top of a price without it.
    Tax,
    /// The tax that a price contains.
    TaxIncluded,
    /// Tax that an exempt buyer does not pay.
    TaxRelief,
    /// The rate of a commission.
    Commission,
    /// Its flat fee.
    CommissionFlat,
    /// What its minimum, its maximum or the goods' worth changes of it.
    CommissionLimit,
    /// Value added tax on commission.
    CommissionTax,
    /// Another amount of the same answer.
    Amount,
    /// The part of an amount that belongs to some of its units.
    Slice,
    /// What other refunds change of a slice: one that failed in between, or goodwill paid before.
    Remainder,
    /// What the label of a return cost.
    Label,
    /// An amount as somebody chose it.
    Chosen,
    /// Ledger entries that are settled.
    Entries,
    /// What is kept in reserve.
    Reserve,
}

/// Which units of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// Units before.
    pub before: i64,
    /// Units with these.
    pub after: i64,
    /// All units.
    pub of: i64,
}

/// One step towards an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// The same, in a sentence with numbers.
    pub what: String,
    /// What is applied: a promotion, shipping method, tax rate, exemption or commission rule.
    pub rule_id: Option<Uuid>,
    /// Its name.
    pub rule_name: Option<String>,
    /// The amount that it is worked out of.
    pub base: Option<MinorUnits>,
    /// The rate that is applied to it.
    pub rate: Option<RatePpm>,
    /// The amount that is divided among several …
    pub divided: Option<MinorUnits>,
    /// … in proportion to this weight …
    pub weight: Option<MinorUnits>,
    /// … of all weights.
    pub weights: Option<MinorUnits>,
    /// The units of a slice.
    pub units: Option<Units>,
    /// What rounding or the largest remainder added, in millionths of a minor unit; `None` where it
    /// would tell what is divided.
    pub rounding_ppm: Option<i64>,
    /// What it comes to.
    pub amount: MinorUnits,
}

impl Step {
    /// An amount that is as it is.
    pub(super) fn plain(kind: StepKind, what: impl Into<String>, amount: MinorUnits) -> Self {
        Self {
            kind,
            what: what.into(),
            rule_id: None,
            rule_name: None,
            base: None,
            rate: None,
            divided: None,
            weight: None,
            weights: None,
            units: None,
            rounding_ppm: Some(0),
            amount,
        }
    }

    /// The amount with the other sign: what was taken off, as a discount.
    pub(super) fn negative(self) -> Self {
        Self { amount: MinorUnits(-self.amount.0), rounding_ppm: self.rounding_ppm.map(|ppm| -ppm), ..self }
    }

    /// The slice of `whole` that belongs to some of its units, and what is left to `amount`.
    pub(super) fn slices(
        name: &str,
        whole: MinorUnits,
        units: Units,
        amount: MinorUnits,
        currency: CurrencyCode,
    ) -> Result<Vec<Self>> {
        let sliced = sliced(whole, units)?;
        let show = |amount| Money { amount, currency };
        let (w, Units { before, after, of }) = (show(whole), units);
        let which = match before + 1 {
            only if only == after => format!("unit {only}"),
            first => format!("units {first} to {after}"),
        };
        let what =
            format!("{name}, {which} of {of} of {w}: round({w} * {after} / {of}) - round({w} * {before} / {of})");
        let exact = i128::from(whole.0) * i128::from(after - before);
        let mut steps = vec![Self {
            base: Some(whole),
            units: Some(units),
            rounding_ppm: Some(rounding_ppm(sliced, exact, i128::from(of))),
            ..Self::plain(StepKind::Slice, what, sliced)
        }];
        let rest = sub(amount, sliced)?;
        if rest != MinorUnits::ZERO {
            let what = format!("{name}: corrected by what other refunds hold of it, so that all of them add up");
            steps.push(Self::plain(StepKind::Remainder, what, rest));
        }
        Ok(steps)
    }
}

/// What of an amount belongs to some of its units.
pub(super) fn sliced(whole: MinorUnits, units: Units) -> Result<MinorUnits> {
    sub(slice(whole, units.after, units.of)?, slice(whole, units.before, units.of)?)
}

/// A rate as a percentage, such as `8.875`.
fn percent(rate: RatePpm) -> String {
    rust_decimal::Decimal::new(rate.0, 4).normalize().to_string()
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Operators, and the seller of an order that is theirs alone: all of it.
    All,
    /// A seller who is not to learn what others sold in the same order.
    OneOfSeveralSellers,
}

/// The recorded steps of a seller order, with what their sentences need.
pub(super) struct Recorded<'a> {
    /// Of every amount.
    pub currency: CurrencyCode,
    /// The lines, for their names and their frozen terms.
    pub lines: &'a [order_line::Model],
    /// The steps, in the order of working out.
    pub steps: &'a [price_step::Model],
    /// The promotions that were applied.
    pub promotions: &'a HashMap<Uuid, promotion::Model>,
    /// Who is told.
    pub audience: Audience,
}

impl Recorded<'_> {
    /// The steps of some kinds, of the rows that are wanted.
    pub fn of(&self, kinds: &[PriceStepKind], wanted: impl Fn(&price_step::Model) -> bool) -> Result<Vec<Step>> {
        let rows = self.steps.iter().filter(|row| kinds.contains(&row.kind) && wanted(row));
        rows.map(|row| self.read(row)).collect::<Result<Vec<_>>>().map(|steps| steps.concat())
    }

    /// The discounts of promotions as positive amounts, of the rows that are wanted.
    pub fn discounts(&self, wanted: impl Fn(&price_step::Model) -> bool) -> Result<Vec<Step>> {
        Ok(self.of(&[PriceStepKind::Promotion], wanted)?.into_iter().map(Step::negative).collect())
    }

    /// Whether the platform makes good what the step takes off.
    pub fn is_platforms(&self, row: &price_step::Model) -> bool {
        self.applied(row).is_some_and(|promotion| promotion.borne_by == Bearer::Platform)
    }

    fn applied(&self, row: &price_step::Model) -> Option<&promotion::Model> {
        self.promotions.get(&row.rule_id?)
    }

    fn line(&self, row: &price_step::Model) -> Option<&order_line::Model> {
        self.lines.iter().find(|line| Some(line.id) == row.order_line_id)
    }

    fn show(&self, amount: MinorUnits) -> Money {
        Money { amount, currency: self.currency }
    }

    fn read(&self, row: &price_step::Model) -> Result<Vec<Step>> {
        let line = self.line(row);
        let of = line.map_or("shipping", |line| line.sku.as_str());
        let (kind, what) = match row.kind {
            PriceStepKind::Commission => return self.commission(row),
            PriceStepKind::Promotion if self.tells_of_others(row) => {
                let step = Step::plain(StepKind::Promotion, format!("{of}: {}", self.own_share(row)), row.amount);
                let (rule_name, weight) = (Some(row.label.clone()), row.weight);
                let rate = row.rate_ppm;
                return Ok(vec![Step { rule_id: row.rule_id, rule_name, rate, weight, rounding_ppm: None, ..step }]);
            }
            PriceStepKind::Base => {
                let quantity = line.map_or(1, |line| line.quantity);
                (StepKind::Base, format!("{of}: {quantity} * {}", self.show(row.base)))
            }
            PriceStepKind::Promotion => (StepKind::Promotion, format!("{of}: {}", self.promotion(row))),
            PriceStepKind::Shipping => (StepKind::Shipping, format!("{of}: \"{}\"", row.label)),
            PriceStepKind::Tax => (StepKind::Tax, format!("{of}: {}", self.rate_of_base(row))),
            PriceStepKind::TaxIncluded => (StepKind::TaxIncluded, format!("{of}: {}", self.contained(row))),
            PriceStepKind::TaxRelief if row.amount == MinorUnits::ZERO => {
                (StepKind::TaxRelief, format!("{of}: \"{}\": none is added", row.label))
            }
            PriceStepKind::TaxRelief => (StepKind::TaxRelief, format!("{of}: {}, taken out", self.contained(row))),
            PriceStepKind::CommissionTax => {
                let rate = percent(row.rate_ppm.unwrap_or_default());
                (StepKind::CommissionTax, format!("{of}: {rate}% of the commission of {}", self.show(row.base)))
            }
        };
        Ok(vec![Step {
            rule_id: row.rule_id,
            rule_name: row.rule_id.map(|_| row.label.clone()),
            base: Some(row.base),
            rate: row.rate_ppm,
            divided: row.divided,
            weight: row.weight,
            weights: row.weights,
            rounding_ppm: Some(row.rounding_ppm),
            ..Step::plain(kind, what, row.amount)
        }])
    }

    fn rate_of_base(&self, row: &price_step::Model) -> String {
        let rate = percent(row.rate_ppm.unwrap_or_default());
        format!("\"{}\", {rate}% of {}", row.label, self.show(row.base))
    }

    fn contained(&self, row: &price_step::Model) -> String {
        let rate = percent(row.rate_ppm.unwrap_or_default());
        format!("\"{}\", {rate}% contained in {}: {1} * {rate} / (100 + {rate})", row.label, self.show(row.base))
    }

    fn promotion(&self, row: &price_step::Model) -> String {
        let (base, rate) = (self.show(row.base), percent(row.rate_ppm.unwrap_or_default()));
        let label = &row.label;
        let taken = match self.applied(row).map(|promotion| promotion.kind) {
            Some(PromotionKind::Percentage) => format!("\"{label}\", {rate}% of goods of {base}"),
            Some(PromotionKind::FreeShipping) => format!("\"{label}\", {rate}% of {base}"),
            Some(PromotionKind::BuyXGetY) => format!("\"{label}\", {rate}% of the cheapest units"),
            Some(PromotionKind::Fixed) | None => format!("\"{label}\", off goods of {base}"),
        };
        match (row.divided, row.weight, row.weights) {
            (Some(divided), Some(weight), Some(weights)) => format!(
                "{taken}; it gives {divided} in all, and this takes {divided} * {} / {}",
                self.show(weight),
                self.show(weights),
                divided = self.show(divided),
            ),
            _ => taken,
        }
    }

    /// Whether what a promotion was worked out of would tell its reader what other sellers sold.
    fn tells_of_others(&self, row: &price_step::Model) -> bool {
        let promotion = self.applied(row);
        if self.audience == Audience::All || promotion.is_some_and(|promotion| promotion.seller_id.is_some()) {
            return false;
        }
        // Units that are free weigh, and those beside them do not: their base is of more goods than their weights.
        let weighs_all = promotion.is_some_and(|promotion| promotion.kind != PromotionKind::BuyXGetY);
        let same =
            self.steps.iter().filter(|step| step.kind == PriceStepKind::Promotion && step.rule_id == row.rule_id);
        let own = sum(same.filter_map(|step| step.weight));
        !(weighs_all && row.weights.is_some_and(|weights| own.is_ok_and(|own| own == weights)))
    }

    /// What a promotion gives, without what it is divided among.
    fn own_share(&self, row: &price_step::Model) -> String {
        let rate = percent(row.rate_ppm.unwrap_or_default());
        let of = match self.applied(row).map(|promotion| promotion.kind) {
            Some(PromotionKind::Percentage) => format!("{rate}% of all goods"),
            Some(PromotionKind::FreeShipping) => format!("{rate}% of all shipping"),
            Some(PromotionKind::BuyXGetY) => format!("{rate}% of the cheapest of all units"),
            Some(PromotionKind::Fixed) | None => "off all goods".to_owned(),
        };
        let weight = self.show(row.weight.unwrap_or_default());
        format!("\"{}\", {of} that it is for; this is the part that falls to {weight}", row.label)
    }

    /// A commission by its frozen terms: the rate, the flat fee, and what the limits change.
    fn commission(&self, row: &price_step::Model) -> Result<Vec<Step>> {
        let Some(line) = self.line(row) else { return Ok(Vec::new()) };
        let rate = row.rate_ppm.unwrap_or_default();
        let (by_rate, flat) = (rate_of(row.base, rate)?, multiply(line.commission_flat, line.quantity)?);
        let limit = sub(sub(row.amount, by_rate)?, flat)?;
        let ruled = |step: Step| Step { rule_id: row.rule_id, rule_name: Some(row.label.clone()), ..step };
        let what = format!("{}: {}", line.sku, self.rate_of_base(row));
        let exact = i128::from(row.base.0) * i128::from(rate.0);
        let mut steps = vec![ruled(Step {
            base: Some(row.base),
            rate: Some(rate),
            rounding_ppm: Some(rounding_ppm(by_rate, exact, MILLION)),
            ..Step::plain(StepKind::Commission, what, by_rate)
        })];
        if flat != MinorUnits::ZERO {
            let what = format!("{}: {} * {} a unit", line.sku, line.quantity, self.show(line.commission_flat));
            steps.push(ruled(Step::plain(StepKind::CommissionFlat, what, flat)));
        }
        if limit != MinorUnits::ZERO {
            let why = match (line.commission_minimum, line.commission_maximum) {
                _ if row.amount == row.base => format!("no more than the goods are worth, {}", self.show(row.base)),
                (Some(least), _) if row.amount == least => format!("at least {}", self.show(least)),
                (_, Some(most)) => format!("at most {}", self.show(most)),
                _ => "its limits".to_owned(),
            };
            steps.push(ruled(Step::plain(StepKind::CommissionLimit, format!("{}: {why}", line.sku), limit)));
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(amount: i64, before: i64, after: i64) -> Vec<(StepKind, i64, i64)> {
        let units = Units { before, after, of: 3 };
        let steps = Step::slices("A", MinorUnits(1234), units, MinorUnits(amount), "USD".parse().unwrap()).unwrap();
        steps.into_iter().map(|step| (step.kind, step.amount.0, step.rounding_ppm.unwrap())).collect()
    }

    #[test]
    fn a_slice_tells_its_units_and_what_rounding_did() {
        // 822.666… and 411.333…
        assert_eq!(slices(823, 0, 2), [(StepKind::Slice, 823, 333_333)]);
        assert_eq!(slices(411, 2, 3), [(StepKind::Slice, 411, -333_333)]);
        let units = Units { before: 0, after: 2, of: 3 };
        let steps = Step::slices("A", MinorUnits(1234), units, MinorUnits(823), "USD".parse().unwrap()).unwrap();
        let sentence = "A, units 1 to 2 of 3 of 12.34: round(12.34 * 2 / 3) - round(12.34 * 0 / 3)";
        assert_eq!(steps[0].what, sentence);
    }

    #[test]
    fn what_is_not_the_slice_is_told_apart_and_still_adds_up() {
        assert_eq!(slices(800, 0, 2), [(StepKind::Slice, 823, 333_333), (StepKind::Remainder, -23, 0)]);
    }
}
