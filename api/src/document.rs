//! The OpenAPI document: built from the handlers, committed as `openapi/openapi.json`.

use std::sync::LazyLock;

use poem::http::Method;
use poem_openapi::{OpenApi, OpenApiService, Tags};
use serde_json::Value;
use souk_domain::Code;
use uuid::Uuid;

use crate::{admin, health, public, seller, shopper, webhooks};

mod told;

/// The id in examples; it names nothing.
pub(crate) const EXAMPLE_ID: Uuid = Uuid::from_u128(0x019a_a0f1_7e1c_7d3a_8c55_0f8e_3b6c_2a41);

/// The groups of operations.
#[derive(Tags)]
pub enum Tag {
    /// Registration and sign-in.
    Accounts,
    /// What can be bought, for everybody.
    Catalogue,
    /// The shopper's basket.
    Carts,
    /// The shopper's orders and payments.
    Orders,
    /// The shopper's returns.
    Returns,
    /// What a seller offers.
    #[oai(rename = "Seller catalogue")]
    SellerCatalogue,
    /// What a seller ships.
    #[oai(rename = "Seller fulfilment")]
    SellerFulfilment,
    /// What a seller is paid.
    #[oai(rename = "Seller money")]
    SellerMoney,
    /// Telling a seller's own systems of events.
    #[oai(rename = "Seller webhooks")]
    SellerWebhooks,
    /// Who and what may act for a seller.
    #[oai(rename = "Seller access")]
    SellerAccess,
    /// What the marketplace's people do.
    Operators,
    /// What payment providers and carriers send.
    Webhooks,
    /// The state of this service.
    Service,
}

/// The handlers and their document; handlers find their [`crate::Context`] in the request.
pub fn service() -> OpenApiService<impl OpenApi, ()> {
    let apis = (
        (shopper::account::Accounts, shopper::carts::Carts, shopper::orders::Orders, shopper::returns::Returns),
        (
            (
                seller::settings::Settings,
                seller::holiday::Holidays,
                seller::return_policy::Policy,
                seller::checklist::SellerChecklist,
            ),
            seller::catalogue::SellerCatalogue,
            seller::offers::SellerOffers,
            seller::shipping_methods::SellerShippingMethods,
            seller::shipping_zones::SellerShippingZones,
            seller::promotions::SellerPromotions,
            seller::commission_rules::SellerCommissionRules,
            seller::inventory::Inventory,
            seller::orders::SellerOrders,
            seller::shipments::Shipments,
            seller::returns::SellerReturns,
            seller::refunds::SellerRefunds,
            seller::batches::Batches,
            seller::payouts::SellerPayouts,
        ),
        (
            (admin::sellers::Sellers, admin::seller_requirements::SellerRequirements),
            admin::orders::AdminOrders,
            admin::refunds::AdminRefunds,
            admin::catalogue::AdminCatalogue,
            admin::promotions::AdminPromotions,
            admin::commission_rules::CommissionRules,
            admin::tax_zones::TaxZones,
            admin::tax_exemptions::TaxExemptions,
            admin::jobs::Jobs,
            admin::schedules::Schedules,
            admin::events::Events,
            admin::batches::AdminBatches,
            admin::ledger::Ledger,
            admin::payouts::AdminPayouts,
            admin::notifications::Notifications,
        ),
        (
            seller::statement::Statements,
            seller::explain::SellerExplain,
            admin::statements::SellerStatements,
            admin::explain::Explain,
        ),
        (
            seller::webhook_endpoints::WebhookEndpoints,
            seller::webhook_deliveries::WebhookDeliveries,
            admin::webhooks::AdminWebhooks,
        ),
        (
            shopper::security::Security,
            shopper::sessions::Sessions,
            shopper::totp::Totp,
            shopper::profile::Profiles,
            shopper::addresses::Addresses,
        ),
        (
            seller::api_keys::ApiKeys,
            seller::team::Team,
            admin::users::Users,
            admin::api_keys::AdminApiKeys,
            admin::api_keys::SellerApiKeys,
            admin::audit::Audit,
            admin::refund_approvals::RefundApprovals,
        ),
        (shopper::privacy::OwnData, admin::privacy::Persons, shopper::team::Joining, admin::products::Products),
        (public::Catalogue, public::Meta, webhooks::Webhooks, health::Health),
    );
    OpenApiService::new(apis, "souk", env!("CARGO_PKG_VERSION")).description(description())
}

fn description() -> String {
    let codes: Vec<String> = Code::ALL.iter().map(|code| format!("`{}`", code.as_str())).collect();
    format!(
        "Multi-seller marketplace orders: one cart, one payment, one order per seller.\n\n\
         Amounts are decimal strings in the currency beside them. Times are RFC 3339 in UTC. Unknown \
         fields and query parameters are refused, and so is what looks like the number of a payment card. Lengths are \
         in characters. Lists are keyset pages: pass `next_cursor` as `cursor`. POSTs take an `Idempotency-Key`: the same \
         request sent again within 24 hours gets the first answer again.\n\n\
         Requests are counted by credential and class (reading, changing, signing in, …), and by address where there is \
         no credential. Answers tell with `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds) how \
         many may follow; beyond that the answer is 429 with `Retry-After` and the code `RATE_LIMITED`. A JSON body has \
         at most 1 MiB, path and query 8192 bytes, a head 64 KiB, a page 1 to 100 items.\n\n\
         Error codes: {}.",
        codes.join(", ")
    )
}

/// The document. It is built once and when it is first needed: that takes longer than all else at a start.
///
/// Media types are written without their charset: generators for Python take `application/json;
/// charset=utf-8` for an unknown type.
static BUILT: LazyLock<Value> = LazyLock::new(|| {
    let mut document: Value = serde_json::from_str(&service().spec()).unwrap_or_default();
    plain_media_types(&mut document);
    told::limits(&mut document);
    told::placed_before(&mut document);
    told::closed_bodies(&mut document);
    document
});

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(built()).unwrap_or_default();
    text.push('\n');
    text
});

static PAGE: LazyLock<String> = LazyLock::new(|| service().swagger_ui_html());

/// The document, to look things up in.
pub(crate) fn built() -> &'static Value {
    &BUILT
}

/// The document as it is served and committed.
pub fn document() -> &'static str {
    &TEXT
}

/// The page that shows it.
pub(crate) fn page() -> &'static str {
    &PAGE
}

/// An operation of the document and where it is.
pub struct Route {
    /// Its operation id.
    pub id: String,
    /// Its method.
    pub method: Method,
    /// Its path, with `{…}` for parameters.
    pub path: String,
}

/// Every operation of the document.
pub fn operations() -> Vec<Route> {
    let mut found = Vec::new();
    for (path, methods) in built()["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes());
            if let (Ok(method), Some(id)) = (method, operation["operationId"].as_str()) {
                found.push(Route { id: id.to_owned(), method, path: path.clone() });
            }
        }
    }
    found
}

fn plain_media_types(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(plain) = fields.remove("application/json; charset=utf-8") {
                fields.insert("application/json".into(), plain);
            }
            fields.values_mut().for_each(plain_media_types);
        }
        Value::Array(items) => items.iter_mut().for_each(plain_media_types),
        _ => {}
    }
}
