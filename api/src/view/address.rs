//! Where goods and bills go.

use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;
use poem_openapi::validation::{Validator, ValidatorMeta};
use souk_domain::order::contact;

/// A postal address.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none, deny_unknown_fields, example)]
pub struct Address {
    /// Person or company.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub name: String,
    /// Street and number.
    #[oai(validator(min_length = 1, max_length = 255))]
    pub line1: String,
    /// Flat, floor.
    #[oai(validator(max_length = 255))]
    pub line2: Option<String>,
    /// Town.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub city: String,
    /// State or province.
    #[oai(validator(max_length = 100))]
    pub region: Option<String>,
    /// ZIP or post code.
    #[oai(validator(min_length = 1, max_length = 20))]
    pub postal_code: String,
    /// Two capital letters of ISO 3166-1, such as `US`.
    #[oai(validator(min_length = 2, max_length = 2, custom = "CountryCode"))]
    pub country: String,
    /// For the carrier.
    #[oai(validator(max_length = 20))]
    pub phone: Option<String>,
}

impl Example for Address {
    fn example() -> Self {
        Self {
            name: "Ann Example".into(),
            line1: "1 Main Street".into(),
            line2: None,
            city: "Springfield".into(),
            region: Some("IL".into()),
            postal_code: "62701".into(),
            country: "US".into(),
            phone: None,
        }
    }
}

impl From<Address> for contact::Address {
    fn from(given: Address) -> Self {
        Self {
            name: given.name,
            line1: given.line1,
            line2: given.line2,
            city: given.city,
            region: given.region,
            postal_code: given.postal_code,
            country: given.country,
            phone: given.phone,
        }
    }
}

impl From<contact::Address> for Address {
    fn from(row: contact::Address) -> Self {
        Self {
            name: row.name,
            line1: row.line1,
            line2: row.line2,
            city: row.city,
            region: row.region,
            postal_code: row.postal_code,
            country: row.country,
            phone: row.phone,
        }
    }
}

/// Two capital letters.
///
/// The built-in validator of patterns compiles its expression for every request, which took a tenth
/// of the time of placing an order.
struct CountryCode;

impl std::fmt::Display for CountryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("two capital letters of ISO 3166-1")
    }
}

impl ValidatorMeta for CountryCode {
    fn update_meta(&self, _: &mut MetaSchema) {}
}

impl Validator<String> for CountryCode {
    fn check(&self, value: &String) -> bool {
        value.len() == 2 && value.bytes().all(|letter| letter.is_ascii_uppercase())
    }
}
