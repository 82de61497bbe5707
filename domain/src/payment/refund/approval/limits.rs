//! What operators may refund of one order without a second one.

use std::collections::BTreeMap;
use std::str::FromStr;

use souk_entity::money::{CurrencyCode, MinorUnits};

use crate::error::{Error, Result};
use crate::money::{LARGEST_AMOUNT, Money, currency, exponent};

/// What operators may refund of one order by themselves, by currency: `USD:500.00,JPY:60000,*:500`.
/// `*` is every other currency, in whole units of it; `none` in place of an amount is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    listed: BTreeMap<CurrencyCode, Option<MinorUnits>>,
    others: Option<i64>,
}

impl Limits {
    /// No limit for anything.
    pub fn none() -> Self {
        Self { listed: BTreeMap::new(), others: None }
    }

    /// The limit for an order of this currency; `None`: there is none.
    ///
    /// # Errors
    /// [`crate::Code::InvalidMoney`] for a currency that cannot be priced in.
    pub fn of(&self, currency: CurrencyCode) -> Result<Option<MinorUnits>> {
        if let Some(limit) = self.listed.get(&currency) {
            return Ok(*limit);
        }
        let Some(units) = self.others else { return Ok(None) };
        let minor = units.saturating_mul(10_i64.pow(exponent(currency)?));
        Ok(Some(MinorUnits(minor)))
    }
}

impl FromStr for Limits {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (mut listed, mut others) = (BTreeMap::new(), None);
        for item in text.split(',') {
            let (code, amount) = item
                .trim()
                .split_once(':')
                .ok_or_else(|| Error::invalid(format!("\"{item}\" is not CURRENCY:AMOUNT.")))?;
            let twice = if code == "*" {
                others.replace(whole(amount)?).is_some()
            } else {
                let currency = currency(code)?;
                let limit = match amount {
                    "none" => None,
                    amount => Some(Money::parse(amount, currency)?.amount),
                };
                if limit.is_some_and(|limit| limit < MinorUnits::ZERO) {
                    return Err(Error::invalid(format!("{amount} is less than nothing.")));
                }
                listed.insert(currency, limit).is_some()
            };
            if twice {
                return Err(Error::invalid(format!("{code} is named twice.")));
            }
        }
        match others {
            Some(others) => Ok(Self { listed, others }),
            None => Err(Error::invalid("`*:AMOUNT` has to say what is with all other currencies, or `*:none`.")),
        }
    }
}

/// An amount for currencies of any number of decimals.
fn whole(amount: &str) -> Result<Option<i64>> {
    if amount == "none" {
        return Ok(None);
    }
    let plain = !amount.is_empty() && amount.bytes().all(|byte| byte.is_ascii_digit());
    let units: Option<i64> = if plain { amount.parse().ok() } else { None };
    match units.filter(|units| *units <= LARGEST_AMOUNT / 1_000) {
        Some(units) => Ok(Some(units)),
        None => Err(Error::invalid(format!("\"{amount}\" is not a whole amount; write `*:500` or `*:none`."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(limits: &str, currency: &str) -> Option<i64> {
        let limits: Limits = limits.parse().unwrap();
        limits.of(currency.parse().unwrap()).unwrap().map(|limit| limit.0)
    }

    #[test]
    fn a_currency_has_its_own_limit_or_that_of_all_others() {
        let limits = "USD:500.50, JPY:60000,CHF:none,*:400";
        assert_eq!(of(limits, "USD"), Some(50_050));
        assert_eq!(of(limits, "JPY"), Some(60_000));
        assert_eq!(of(limits, "CHF"), None);
        assert_eq!(of(limits, "EUR"), Some(40_000));
        assert_eq!(of(limits, "KWD"), Some(400_000), "three decimals");
        assert_eq!(of(limits, "KRW"), Some(400), "none");
        assert_eq!(of("*:none", "USD"), None);
        assert_eq!(of("*:0", "USD"), Some(0));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for wrong in [
            "",
            "*",
            "USD:1",
            "*:1.5",
            "*:-1",
            "*:1,*:2",
            "USD:1,USD:2,*:1",
            "USD:1.005,*:1",
            "USD:-1,*:1",
            "XXY:1,*:1",
            "usd:1,*:1",
            "*:1,",
            "*:99999999999999999999",
            "*:",
            "USD:,*:1",
        ] {
            assert!(wrong.parse::<Limits>().is_err(), "{wrong}");
        }
    }
}
