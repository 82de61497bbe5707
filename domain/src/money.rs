//! Exact money: integers of minor units, one rounding rule, one way to divide.

use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};

use crate::error::{Code, Error, Result};

/// An amount of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// In minor units of `currency`.
    pub amount: MinorUnits,
    /// ISO 4217.
    pub currency: CurrencyCode,
}

/// The largest amount that is accepted from outside, in minor units: a hundred billion. Sums of
/// a whole order (200 lines) stay far inside an `i64`.
pub const LARGEST_AMOUNT: i64 = 10_000_000_000_000;

/// A whole, in parts per million.
pub const MILLION: i128 = 1_000_000;

/// The number of decimals of a currency: JPY 0, USD 2, KWD 3 (ISO 4217).
///
/// # Errors
/// [`Code::InvalidMoney`] for a code that ISO 4217 does not list or that has no minor unit.
pub fn exponent(currency: CurrencyCode) -> Result<u32> {
    iso_currency::Currency::from_code(currency.as_str())
        .and_then(|known| known.exponent())
        .map(u32::from)
        .filter(|exponent| *exponent <= 3)
        .ok_or_else(|| {
            Error::new(Code::InvalidMoney, format!("{currency} is not a currency of ISO 4217 with 0 to 3 decimals."))
        })
}

/// Reads a currency code that can be priced in.
///
/// # Errors
/// [`Code::InvalidMoney`].
pub fn currency(text: &str) -> Result<CurrencyCode> {
    let code = CurrencyCode::from_str(text).map_err(|error| Error::new(Code::InvalidMoney, format!("{error}.")))?;
    exponent(code)?;
    Ok(code)
}

impl Money {
    /// Reads a decimal string such as `"19.99"`, exactly: more decimals than the currency has are
    /// refused, never rounded.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`].
    pub fn parse(text: &str, currency: CurrencyCode) -> Result<Self> {
        let exponent = exponent(currency)?;
        let refuse = |why: &str| Err(Error::new(Code::InvalidMoney, format!("\"{text}\" {why}.")));
        let plain = text.len() <= 24
            && text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-')
            && text.bytes().next_back().is_some_and(|b| b.is_ascii_digit())
            && text.trim_start_matches('-').bytes().next().is_some_and(|b| b.is_ascii_digit());
        let Some(decimal) = plain.then(|| Decimal::from_str(text).ok()).flatten() else {
            return refuse("is not an amount; write it like \"19.99\"");
        };
        if decimal.scale() > exponent {
            return refuse(&format!("has more than the {exponent} decimals that {currency} has"));
        }
        let minor = decimal
            .checked_mul(Decimal::from(10_i64.pow(exponent)))
            .and_then(|minor| minor.to_i64())
            .filter(|minor| (-LARGEST_AMOUNT..=LARGEST_AMOUNT).contains(minor));
        match minor {
            Some(minor) => Ok(Self { amount: MinorUnits(minor), currency }),
            None => refuse("is larger than souk handles"),
        }
    }
}

impl std::fmt::Display for Money {
    /// The decimal string with all decimals of the currency: `19.90`, never `19.9`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let exponent = exponent(self.currency).unwrap_or(2);
        f.write_str(&Decimal::new(self.amount.0, exponent).to_string())
    }
}

/// `a + b`; overflow is an error, never a wrapped amount.
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow.
pub fn add(a: MinorUnits, b: MinorUnits) -> Result<MinorUnits> {
    a.0.checked_add(b.0).map(MinorUnits).ok_or_else(overflow)
}

/// `a - b`; overflow is an error.
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow.
pub fn sub(a: MinorUnits, b: MinorUnits) -> Result<MinorUnits> {
    a.0.checked_sub(b.0).map(MinorUnits).ok_or_else(overflow)
}

/// The sum; overflow is an error.
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow.
pub fn sum(amounts: impl IntoIterator<Item = MinorUnits>) -> Result<MinorUnits> {
    amounts.into_iter().try_fold(MinorUnits::ZERO, add)
}

/// `price * quantity`; overflow is an error.
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow.
pub fn multiply(price: MinorUnits, quantity: i64) -> Result<MinorUnits> {
    price.0.checked_mul(quantity).map(MinorUnits).ok_or_else(overflow)
}

/// `rate` of `amount`, rounded half up (away from zero).
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow.
pub fn rate_of(amount: MinorUnits, rate: RatePpm) -> Result<MinorUnits> {
    round_ratio(i128::from(amount.0) * i128::from(rate.0), MILLION)
}

/// The tax at `rate` that `amount` contains, rounded half up: `amount * rate / (1 + rate)`.
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow.
pub fn contained(amount: MinorUnits, rate: RatePpm) -> Result<MinorUnits> {
    round_ratio(i128::from(amount.0) * i128::from(rate.0), MILLION + i128::from(rate.0))
}

/// What of `amount` belongs to the first `part` of `whole` equal units, rounded half up.
///
/// The refund of units k1..k2 is `slice(A, k2, q) - slice(A, k1, q)`: in whatever order and sizes
/// the units come, their refunds add up to `amount` exactly.
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow, or when `part` is not within 0..=`whole`.
pub fn slice(amount: MinorUnits, part: i64, whole: i64) -> Result<MinorUnits> {
    if whole <= 0 || !(0..=whole).contains(&part) {
        return Err(Error::internal(format!("{part} of {whole} is no part of a whole")));
    }
    round_ratio(i128::from(amount.0) * i128::from(part), i128::from(whole))
}

/// Divides `amount` in proportion to `weights` by the largest-remainder method, on exact integers.
///
/// The parts sum to `amount`; each is its exact share rounded down or up; remainders go to the
/// largest fractions, ties to the earlier weight, so callers pass weights in a stable order.
/// When all weights are zero, the first takes all. `amount` and the weights are not negative.
///
/// # Errors
/// [`Code::Internal`] for a negative amount or weight, or when there is nothing to divide among.
pub fn divide(amount: MinorUnits, weights: &[MinorUnits]) -> Result<Vec<MinorUnits>> {
    if amount.0 < 0 || weights.iter().any(|weight| weight.0 < 0) || (weights.is_empty() && amount.0 > 0) {
        return Err(Error::internal(format!("cannot divide {amount:?} by {weights:?}")));
    }
    let total: i128 = weights.iter().map(|weight| i128::from(weight.0)).sum();
    if total == 0 {
        let first = weights.iter().enumerate().map(|(at, _)| if at == 0 { amount } else { MinorUnits::ZERO });
        return Ok(first.collect());
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut given: i128 = 0;
    for (at, weight) in weights.iter().enumerate() {
        let product = i128::from(amount.0) * i128::from(weight.0);
        given += product / total;
        parts.push(product / total);
        remainders.push((product % total, at));
    }
    remainders.sort_by(|(a, at_a), (b, at_b)| b.cmp(a).then(at_a.cmp(at_b)));
    let left = usize::try_from(i128::from(amount.0) - given).map_err(Error::internal)?;
    for (_, at) in remainders.into_iter().take(left) {
        parts[at] += 1;
    }
    parts.into_iter().map(|part| i64::try_from(part).map(MinorUnits).map_err(|_| overflow())).collect()
}

/// `numerator / denominator` rounded half away from zero; the denominator is positive.
fn round_ratio(numerator: i128, denominator: i128) -> Result<MinorUnits> {
    let doubled = numerator.abs() * 2 + denominator;
    let rounded = doubled / (denominator * 2) * numerator.signum();
    i64::try_from(rounded).map(MinorUnits).map_err(|_| overflow())
}

fn overflow() -> Error {
    Error::new(Code::InvalidMoney, "The amounts are larger than souk handles.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd() -> CurrencyCode {
        "USD".parse().unwrap()
    }

    #[test]
    fn reads_what_the_currency_can_express() {
        let read = |text: &str, code: &str| Money::parse(text, code.parse().unwrap()).map(|money| money.amount.0);
        assert_eq!(read("19.99", "USD").unwrap(), 1999);
        assert_eq!(read("19.9", "USD").unwrap(), 1990);
        assert_eq!(read("-0.01", "USD").unwrap(), -1);
        assert_eq!(read("500", "JPY").unwrap(), 500);
        assert_eq!(read("1.234", "KWD").unwrap(), 1234);
        for (text, code) in [
            ("1.999", "USD"),
            ("1.5", "JPY"),
            ("1e2", "USD"),
            ("", "USD"),
            (".5", "USD"),
            ("5.", "USD"),
            ("1,00", "USD"),
            ("99999999999999999999", "USD"),
            // The one integer whose absolute value is none.
            ("-92233720368547758.08", "USD"),
            ("1", "XXX"),
            ("1", "ABC"),
            ("+1", "USD"),
            ("--1", "USD"),
        ] {
            assert_eq!(read(text, code).unwrap_err().code, Code::InvalidMoney, "{text} {code}");
        }
    }

    #[test]
    fn shows_all_decimals() {
        let show =
            |amount, code: &str| Money { amount: MinorUnits(amount), currency: code.parse().unwrap() }.to_string();
        assert_eq!(show(1000, "USD"), "10.00");
        assert_eq!(show(-5, "USD"), "-0.05");
        assert_eq!(show(1000, "JPY"), "1000");
        assert_eq!(show(1000, "KWD"), "1.000");
    }

    #[test]
    fn rounds_half_up() {
        assert_eq!(rate_of(MinorUnits(5), RatePpm(100_000)).unwrap().0, 1);
        assert_eq!(rate_of(MinorUnits(4), RatePpm(100_000)).unwrap().0, 0);
        assert_eq!(rate_of(MinorUnits(-5), RatePpm(100_000)).unwrap().0, -1);
    }

    proptest! {
        #[test]
        fn parse_reads_what_display_shows(amount in -LARGEST_AMOUNT..=LARGEST_AMOUNT) {
            let money = Money { amount: MinorUnits(amount), currency: usd() };
            prop_assert_eq!(Money::parse(&money.to_string(), usd()).unwrap(), money);
        }

        #[test]
        fn parts_sum_to_the_whole_and_are_fair(
            amount in 0..=LARGEST_AMOUNT,
            weights in prop::collection::vec(0..=LARGEST_AMOUNT, 1..50),
        ) {
            let weights: Vec<_> = weights.into_iter().map(MinorUnits).collect();
            let parts = divide(MinorUnits(amount), &weights).unwrap();
            prop_assert_eq!(sum(parts.iter().copied()).unwrap().0, amount);
            let total: i128 = weights.iter().map(|w| i128::from(w.0)).sum();
            if total > 0 {
                for (part, weight) in parts.iter().zip(&weights) {
                    let exact = i128::from(amount) * i128::from(weight.0);
                    let scaled = i128::from(part.0) * total;
                    prop_assert!((scaled - exact).abs() < total, "{} of {}", part.0, weight.0);
                }
            }
        }

        #[test]
        fn slices_in_any_order_sum_to_the_whole(amount in 0..=LARGEST_AMOUNT, cuts in prop::collection::vec(1_i64..20, 1..20)) {
            let whole: i64 = cuts.iter().sum();
            let (mut done, mut refunded) = (0, 0);
            for cut in cuts {
                let before = slice(MinorUnits(amount), done, whole).unwrap().0;
                done += cut;
                let piece = slice(MinorUnits(amount), done, whole).unwrap().0 - before;
                prop_assert!(piece >= 0);
                refunded += piece;
            }
            prop_assert_eq!(refunded, amount);
        }
    }
}
