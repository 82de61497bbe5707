//! API keys as they are asked for and shown.

use chrono::{DateTime, Utc};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use secrecy::{ExposeSecret, SecretString};
use souk_entity::api_key;
use uuid::Uuid;

/// What a seller's key may do; changing does not bring seeing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SellerScope {
    /// See products, offers, prices, stock, shipping and promotions.
    #[oai(rename = "catalogue:read")]
    CatalogueRead,
    /// Change products, offers, prices, stock, shipping and promotions.
    #[oai(rename = "catalogue:write")]
    CatalogueWrite,
    /// See orders, parcels, labels and returns.
    #[oai(rename = "orders:read")]
    OrdersRead,
    /// Change orders, parcels, labels and returns.
    #[oai(rename = "orders:write")]
    OrdersWrite,
    /// See balance, payouts, commission and refunds.
    #[oai(rename = "money:read")]
    MoneyRead,
    /// Change balance, payouts, commission and refunds.
    #[oai(rename = "money:write")]
    MoneyWrite,
    /// See webhook endpoints and their secrets.
    #[oai(rename = "webhooks:read")]
    WebhooksRead,
    /// Change webhook endpoints and their secrets.
    #[oai(rename = "webhooks:write")]
    WebhooksWrite,
}

impl SellerScope {
    /// The word of [`souk_domain::access::Scopes`].
    pub fn word(self) -> &'static str {
        match self {
            Self::CatalogueRead => "catalogue:read",
            Self::CatalogueWrite => "catalogue:write",
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::MoneyRead => "money:read",
            Self::MoneyWrite => "money:write",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
        }
    }
}

/// What an operator's key may do; changing does not bring seeing, and no key does more than its operator may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OperatorScope {
    /// See orders.
    #[oai(rename = "orders:read")]
    OrdersRead,
    /// Change orders.
    #[oai(rename = "orders:write")]
    OrdersWrite,
    /// See refunds.
    #[oai(rename = "refunds:read")]
    RefundsRead,
    /// Change refunds.
    #[oai(rename = "refunds:write")]
    RefundsWrite,
    /// See categories, promotions and products.
    #[oai(rename = "catalogue:read")]
    CatalogueRead,
    /// Change categories, promotions and products.
    #[oai(rename = "catalogue:write")]
    CatalogueWrite,
    /// See sellers.
    #[oai(rename = "sellers:read")]
    SellersRead,
    /// Change sellers.
    #[oai(rename = "sellers:write")]
    SellersWrite,
    /// See terms, commission, tax, payouts and the ledger.
    #[oai(rename = "money:read")]
    MoneyRead,
    /// Change terms, commission, tax, payouts and the ledger.
    #[oai(rename = "money:write")]
    MoneyWrite,
    /// See jobs, schedules, events and notifications.
    #[oai(rename = "operations:read")]
    OperationsRead,
    /// Change jobs, schedules, events and notifications.
    #[oai(rename = "operations:write")]
    OperationsWrite,
}

impl OperatorScope {
    /// The word of [`souk_domain::access::Scopes`].
    pub fn word(self) -> &'static str {
        match self {
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::RefundsRead => "refunds:read",
            Self::RefundsWrite => "refunds:write",
            Self::CatalogueRead => "catalogue:read",
            Self::CatalogueWrite => "catalogue:write",
            Self::SellersRead => "sellers:read",
            Self::SellersWrite => "sellers:write",
            Self::MoneyRead => "money:read",
            Self::MoneyWrite => "money:write",
            Self::OperationsRead => "operations:read",
            Self::OperationsWrite => "operations:write",
        }
    }
}

/// A key of a seller to be made.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct CreateApiKey {
    /// What it is for, in your words.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub name: String,
    /// What it may do.
    #[oai(validator(min_items = 1, max_items = 20))]
    pub scopes: Vec<SellerScope>,
    /// For how many days it is good, 1 to 366.
    #[oai(validator(minimum(value = "1"), maximum(value = "366")))]
    pub expires_in_days: i32,
}

impl Example for CreateApiKey {
    fn example() -> Self {
        let scopes = vec![SellerScope::OrdersRead, SellerScope::OrdersWrite];
        Self { name: "Warehouse system".into(), scopes, expires_in_days: 90 }
    }
}

/// A key of an operator to be made.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct CreateOperatorApiKey {
    /// What it is for, in your words.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub name: String,
    /// What it may do.
    #[oai(validator(min_items = 1, max_items = 20))]
    pub scopes: Vec<OperatorScope>,
    /// For how many days it is good, 1 to 366.
    #[oai(validator(minimum(value = "1"), maximum(value = "366")))]
    pub expires_in_days: i32,
}

impl Example for CreateOperatorApiKey {
    fn example() -> Self {
        Self { name: "Nightly report".into(), scopes: vec![OperatorScope::OrdersRead], expires_in_days: 90 }
    }
}

/// An API key, without the secret.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ApiKey {
    /// Its id.
    id: Uuid,
    /// What it is for.
    name: String,
    /// Its first characters.
    prefix: String,
    /// What it may do.
    scopes: Vec<String>,
    /// Who made it.
    created_by: Uuid,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it is over.
    expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    revoked_at: Option<DateTime<Utc>>,
}

impl From<api_key::Model> for ApiKey {
    fn from(row: api_key::Model) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            prefix: row.prefix,
            scopes: row.scopes.split(' ').map(str::to_owned).collect(),
            created_by: row.user_id.into(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// A key that was just made.
#[derive(Object)]
pub struct NewApiKey {
    /// The key: sent as a bearer token. It is shown this once and kept nowhere.
    secret: String,
    /// What is kept of it.
    key: ApiKey,
}

impl NewApiKey {
    /// The only time that the secret is shown.
    pub fn new(row: api_key::Model, secret: &SecretString) -> Self {
        Self { secret: secret.expose_secret().to_owned(), key: row.into() }
    }
}
