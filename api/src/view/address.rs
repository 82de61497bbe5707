//! Where goods and bills go.

use poem_openapi::Object;
use poem_openapi::types::Example;
use souk_domain::order::placement;
use souk_entity::order_address;

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
    #[oai(validator(pattern = "^[A-Z]{2}$"))]
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

impl From<Address> for placement::Address {
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

impl From<order_address::Model> for Address {
    fn from(row: order_address::Model) -> Self {
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
