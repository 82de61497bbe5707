//! Where something goes, as far as tax and shipping tell places apart.

use crate::error::{Error, Result};

/// A country, or a region of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Two capital letters of ISO 3166-1.
    pub country: String,
    /// As [`region`] writes it; empty for the whole country.
    pub region: String,
}

/// The longest region, in letters.
const LONGEST_REGION: usize = 100;

impl Place {
    /// A place that tax or shipping is set up for.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`].
    pub fn new(country: &str, region: Option<&str>) -> Result<Self> {
        let place = Self { country: self::country(country)?, region: self::region(region.unwrap_or_default()) };
        if place.region.chars().count() > LONGEST_REGION {
            return Err(Error::invalid(format!("A region has at most {LONGEST_REGION} letters.")));
        }
        Ok(place)
    }

    /// Where an address is, which was checked when it was given.
    pub fn of_address(country: &str, region: Option<&str>) -> Self {
        Self { country: country.to_uppercase(), region: self::region(region.unwrap_or_default()) }
    }
}

/// A country's code as it is written.
///
/// # Errors
/// [`crate::Code::InvalidValue`] for what is not two capital letters.
pub fn country(code: &str) -> Result<String> {
    if code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase()) {
        Ok(code.to_owned())
    } else {
        Err(Error::invalid("A country is two capital letters of ISO 3166-1, such as US."))
    }
}

/// A region as it is stored and compared: trimmed, in capital letters, as shoppers write it in
/// many ways.
pub fn region(name: &str) -> String {
    name.trim().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[test]
    fn a_region_is_the_same_in_capital_and_small_letters() {
        let place = |region: &str| Place::new("CA", Some(region)).unwrap();
        assert_eq!(place(" Québec "), place("QUÉBEC"));
        assert_eq!(Place::new("CA", None).unwrap(), place("  "));
    }

    #[test]
    fn a_country_is_two_capital_letters() {
        for bad in ["", "U", "us", "USA", "Ü", "U1"] {
            assert_eq!(Place::new(bad, None).unwrap_err().code, Code::InvalidValue, "{bad}");
        }
        let grows = "ß".repeat(60);
        assert_eq!(Place::new("DE", Some(&grows)).unwrap_err().code, Code::InvalidValue);
    }
}
