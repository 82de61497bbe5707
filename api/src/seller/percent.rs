//! Percentages as clients write them.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use souk_domain::{Error, Result};
use souk_entity::money::RatePpm;

/// Reads `"12.5"` as 125000 parts per million, exactly: 0 to 100 with at most four decimals.
///
/// # Errors
/// [`souk_domain::Code::InvalidValue`].
pub fn parse(text: &str) -> Result<RatePpm> {
    let plain = text.len() <= 10
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && text.bytes().next_back().is_some_and(|b| b.is_ascii_digit());
    plain
        .then(|| text.parse::<Decimal>().ok())
        .flatten()
        .and_then(|percent| percent.checked_mul(Decimal::from(10_000)))
        .filter(|ppm| ppm.fract().is_zero() && (Decimal::ZERO..=Decimal::from(1_000_000)).contains(ppm))
        .and_then(|ppm| ppm.to_i64())
        .map(RatePpm)
        .ok_or_else(|| Error::invalid(format!("\"{text}\" is not a percentage from 0 to 100, such as \"12.5\".")))
}

#[cfg(test)]
mod tests {
    use souk_domain::Code;

    use super::*;
    use crate::view::percent;

    #[test]
    fn reads_exactly_and_refuses_the_rest() {
        for (text, ppm) in [("12.5", 125_000), ("0", 0), ("100", 1_000_000), ("0.0001", 1), ("10.50000", 105_000)] {
            assert_eq!(parse(text).unwrap().0, ppm, "{text}");
        }
        for bad in ["", "100.0001", "0.00001", "-1", "+1", "1e1", ".5", "5.", "1.2.3", "ten", "10%", "1_0"] {
            assert_eq!(parse(bad).unwrap_err().code, Code::InvalidValue, "{bad}");
        }
    }

    #[test]
    fn reads_what_is_shown() {
        for ppm in (0..=1_000_000).step_by(997) {
            assert_eq!(parse(&percent(RatePpm(ppm))).unwrap().0, ppm);
        }
    }
}
