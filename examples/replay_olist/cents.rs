//! Amounts in whole centavos: what a CSV says and what an API answers are compared exactly.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg};
use std::str::FromStr;

/// An amount of a currency with two decimals, in its hundredths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cents(pub i64);

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an amount such as 19.90")]
pub struct NotAnAmount(String);

/// Digits before the point. With nine of them, a sum of millions of amounts is far from overflowing.
const MOST_DIGITS: usize = 9;

impl FromStr for Cents {
    type Err = NotAnAmount;

    /// Reads `12`, `12.5` and `12.50`. A third decimal, a sign or an exponent is refused, never rounded.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || NotAnAmount(text.chars().take(40).collect());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > MOST_DIGITS || fraction.len() > 2 {
            return Err(refuse());
        }
        let whole: i64 = whole.parse().map_err(|_| refuse())?;
        let hundredths: i64 = format!("{fraction:0<2}").parse().map_err(|_| refuse())?;
        Ok(Self(whole * 100 + hundredths))
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", size / 100, size % 100))
    }
}

impl Add for Cents {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Cents {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Cents {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Mul<i64> for Cents {
    type Output = Self;

    fn mul(self, times: i64) -> Self {
        Self(self.0 * times)
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        for (text, cents) in [("0", 0), ("12", 1200), ("12.5", 1250), ("12.50", 1250), ("0.07", 7), ("109.90", 10_990)]
        {
            assert_eq!(text.parse(), Ok(Cents(cents)), "{text}");
        }
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1.005", "1,50", "NaN", " 1", "1234567890", "12.5.0"] {
            assert!(bad.parse::<Cents>().is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_are_shown_with_two_decimals() {
        assert_eq!(Cents(10_990).to_string(), "109.90");
        assert_eq!(Cents(-7).to_string(), "-0.07");
        assert_eq!(format!("{:>8}", Cents(5)), "    0.05");
    }
}
