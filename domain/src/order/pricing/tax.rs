//! Tax, per line, on the discounted amount.

use souk_entity::id::{OfferId, TaxExemptionId, TaxRateId};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::PriceStepKind;
use souk_entity::tax_rate;

use super::step::{Step, rounding_ppm};
use crate::error::Result;
use crate::money::{MILLION, contained};

/// The tax class of what is not said to be of another, and the one whose rate applies to classes
/// that have none: what is not taxed has a rate of 0%, so that a class with a typing error in it
/// does not go untaxed.
pub const STANDARD: &str = "standard";

/// The tax class of shipping.
pub const SHIPPING: &str = "shipping";

/// An amount that may be taxed: a line's, or what a seller's shipping costs.
#[derive(Clone, Copy, Debug)]
pub struct Taxable<'a> {
    /// The line; `None` for shipping.
    pub offer_id: Option<OfferId>,
    /// Its tax class.
    pub class: &'a str,
    /// What is asked for it after discounts.
    pub amount: MinorUnits,
}

/// The tax of a [`Taxable`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taxed {
    /// The tax in what is paid.
    pub tax: MinorUnits,
    /// What it changes of the amount: `tax` where prices are without it, nothing where they contain
    /// it, less than nothing where a buyer is exempt from tax that they contain.
    pub added: MinorUnits,
    /// How it came about.
    pub steps: Vec<Step>,
}

/// Works out tax; the table of zones and rates is [`TaxTable`].
///
/// It is pure, as pricing happens inside the transaction that places the order, where nothing may
/// be asked over a network. A remote service takes its place by fetching its answers beforehand
/// and refusing, with [`crate::Code::ConcurrentChange`], an amount that it was not asked for: the
/// placement then starts over.
pub trait TaxCalculator: Send + Sync {
    /// The tax of one amount.
    ///
    /// # Errors
    /// [`crate::Code::InvalidMoney`] on overflow; [`crate::Code::ConcurrentChange`], see above.
    fn tax(&self, taxable: Taxable<'_>) -> Result<Taxed>;
}

/// A rate that is valid where and when an order is placed.
#[derive(Clone, Debug)]
pub struct TaxRate {
    /// The rate.
    pub id: TaxRateId,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    pub class: String,
    /// How much.
    pub rate: RatePpm,
    /// Whether it is of the region, and so goes before one of the country.
    pub of_region: bool,
    /// Whether offers' prices contain it.
    pub included: bool,
}

impl TaxRate {
    /// A rate of a zone: of a region or of a country, `included` in prices or not.
    pub fn new(row: tax_rate::Model, of_region: bool, included: bool) -> Self {
        Self { id: row.id, name: row.name, class: row.tax_class, rate: row.rate_ppm, of_region, included }
    }
}

/// The rates of a destination; of several for one class the region's counts.
#[derive(Clone, Debug, Default)]
pub struct TaxTable {
    /// The rates, in any order, at most one per class of the region and of the country.
    pub rates: Vec<TaxRate>,
    /// The certificate by which the buyer pays no tax.
    pub exemption: Option<(TaxExemptionId, String)>,
}

impl TaxTable {
    fn rate(&self, class: &str) -> Option<&TaxRate> {
        let of = |class: &str| {
            self.rates.iter().filter(|rate| rate.class == class).max_by_key(|rate| (rate.of_region, rate.id))
        };
        of(class).or_else(|| of(STANDARD))
    }
}

impl TaxCalculator for TaxTable {
    fn tax(&self, taxable: Taxable<'_>) -> Result<Taxed> {
        let Some(rate) = self.rate(taxable.class) else { return Ok(Taxed::default()) };
        let rule = (Some(rate.id.0), rate.name.as_str());
        let step = if rate.included {
            included(taxable, rule, rate.rate)?
        } else {
            Step::rated(taxable.offer_id, PriceStepKind::Tax, rule, taxable.amount, rate.rate)?
        };
        let (tax, added, step) = match (&self.exemption, rate.included) {
            (None, true) => (step.amount, MinorUnits::ZERO, step),
            (None, false) => (step.amount, step.amount, step),
            (Some((id, certificate)), included) => {
                let relief = if included { step.amount } else { MinorUnits::ZERO };
                let step = Step {
                    kind: PriceStepKind::TaxRelief,
                    rule_id: Some(id.0),
                    label: format!("{}, exempt: {certificate}", rate.name),
                    rounding_ppm: if included { step.rounding_ppm } else { 0 },
                    amount: relief,
                    ..step
                };
                (MinorUnits::ZERO, MinorUnits(-relief.0), step.negative())
            }
        };
        Ok(Taxed { tax, added, steps: vec![step] })
    }
}

/// The tax that an amount contains.
fn included(taxable: Taxable<'_>, rule: super::step::Rule<'_>, rate: RatePpm) -> Result<Step> {
    let amount = contained(taxable.amount, rate)?;
    let exact = i128::from(taxable.amount.0) * i128::from(rate.0);
    Ok(Step {
        base: taxable.amount,
        rate: Some(rate),
        rounding_ppm: rounding_ppm(amount, exact, MILLION + i128::from(rate.0)),
        ..Step::plain(taxable.offer_id, PriceStepKind::TaxIncluded, rule, amount)
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn rate(id: u128, class: &str, rate: i64, of_region: bool, included: bool) -> TaxRate {
        TaxRate {
            id: Uuid::from_u128(id).into(),
            name: format!("rate {id}"),
            class: class.into(),
            rate: RatePpm(rate),
            of_region,
            included,
        }
    }

    fn tax(table: &TaxTable, class: &str, amount: i64) -> (i64, i64) {
        let taxed = table.tax(Taxable { offer_id: None, class, amount: MinorUnits(amount) }).unwrap();
        (taxed.tax.0, taxed.added.0)
    }

    #[test]
    fn tax_is_added_to_prices_without_it_and_found_in_prices_with_it() {
        let without = TaxTable { rates: vec![rate(1, STANDARD, 88_750, false, false)], exemption: None };
        assert_eq!(tax(&without, STANDARD, 1999), (177, 177));
        assert_eq!(tax(&without, SHIPPING, 500), (44, 44), "44.375, as standard goods");
        assert_eq!(tax(&without, "boks", 500), (44, 44), "an unknown class, too");
        let mut books = without.clone();
        books.rates.push(rate(2, "books", 0, false, false));
        assert_eq!(tax(&books, "books", 500), (0, 0));
        let with = TaxTable { rates: vec![rate(1, STANDARD, 190_000, false, true)], exemption: None };
        assert_eq!(tax(&with, STANDARD, 1999), (319, 0));
    }

    #[test]
    fn a_region_goes_before_its_country_and_shipping_may_have_its_own() {
        let rates = vec![
            rate(1, STANDARD, 50_000, false, false),
            rate(2, STANDARD, 120_000, true, false),
            rate(3, SHIPPING, 10_000, false, false),
        ];
        let table = TaxTable { rates, exemption: None };
        assert_eq!(tax(&table, STANDARD, 1000), (120, 120));
        assert_eq!(tax(&table, SHIPPING, 1000), (10, 10));
    }

    #[test]
    fn an_exempt_buyer_pays_neither_added_nor_contained_tax() {
        let exemption = Some((Uuid::from_u128(9).into(), "DE-1".to_owned()));
        let without = TaxTable { rates: vec![rate(1, STANDARD, 88_750, false, false)], exemption: exemption.clone() };
        assert_eq!(tax(&without, STANDARD, 1999), (0, 0));
        let with = TaxTable { rates: vec![rate(1, STANDARD, 190_000, false, true)], exemption };
        assert_eq!(tax(&with, STANDARD, 1999), (0, -319));
    }
}
