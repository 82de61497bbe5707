//! What this program reads of the API's answers.

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::cents::Cents;

/// Amounts come as decimal strings.
fn cents<'de, D: Deserializer<'de>>(source: D) -> Result<Cents, D::Error> {
    String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
}

/// Amounts of a statement, where what is taken is negative.
fn signed<'de, D: Deserializer<'de>>(source: D) -> Result<Cents, D::Error> {
    let text = String::deserialize(source)?;
    let read = |text: &str| text.parse::<Cents>().map_err(serde::de::Error::custom);
    match text.strip_prefix('-') {
        Some(size) => read(size).map(|size| -size),
        None => read(&text),
    }
}

/// Anything that was made.
#[derive(Deserialize)]
pub struct Made {
    pub id: Uuid,
}

/// An offer as its seller sees it.
#[derive(Deserialize)]
pub struct Offer {
    pub version: i64,
    #[serde(deserialize_with = "cents")]
    pub price: Cents,
}

/// The answer to a new cart.
#[derive(Deserialize)]
pub struct NewCart {
    pub cart: Made,
}

/// Who is signed in.
#[derive(Deserialize)]
pub struct Me {
    pub seller_id: Option<Uuid>,
}

/// The states of orders and seller orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    Pending,
    Confirmed,
    Processing,
    PartiallyShipped,
    Shipped,
    PartiallyDelivered,
    Delivered,
    Completed,
    Cancelled,
    Refunded,
}

/// An order with its parts.
#[derive(Deserialize)]
pub struct Order {
    pub id: Uuid,
    pub status: OrderStatus,
    pub currency: String,
    #[serde(deserialize_with = "cents")]
    pub items_total: Cents,
    #[serde(deserialize_with = "cents")]
    pub shipping_total: Cents,
    #[serde(deserialize_with = "cents")]
    pub total: Cents,
    pub seller_orders: Vec<SellerOrder>,
}

/// One seller's part.
#[derive(Deserialize)]
pub struct SellerOrder {
    pub id: Uuid,
    pub seller_id: Uuid,
    pub status: OrderStatus,
    #[serde(deserialize_with = "cents")]
    pub shipping_total: Cents,
    #[serde(deserialize_with = "cents")]
    pub total: Cents,
    pub lines: Vec<OrderLine>,
}

/// A quantity of an offer.
#[derive(Deserialize)]
pub struct OrderLine {
    pub offer_id: Uuid,
    pub quantity: i64,
    #[serde(deserialize_with = "cents")]
    pub unit_price: Cents,
}

/// A payment attempt.
#[derive(Deserialize)]
pub struct Payment {
    pub provider_ref: Option<String>,
    #[serde(deserialize_with = "cents")]
    pub captured_amount: Cents,
}

/// Money paid back.
#[derive(Deserialize)]
pub struct Refund {
    pub status: String,
    #[serde(deserialize_with = "cents")]
    pub amount: Cents,
}

/// The refunds of an order.
#[derive(Deserialize)]
pub struct Refunds {
    pub items: Vec<Refund>,
}

/// An order as an operator sees it.
#[derive(Deserialize)]
pub struct AdminOrder {
    pub order: Order,
    pub payments: Vec<Payment>,
    pub refunds: Vec<Refund>,
}

/// Where an order is.
#[derive(Deserialize)]
pub struct Tracking {
    pub shipments: Vec<Shipment>,
}

/// A parcel.
#[derive(Deserialize)]
pub struct Shipment {
    pub seller_order_id: Uuid,
    pub direction: String,
    pub status: String,
    pub tracking_number: Option<String>,
}

/// A seller's statement of account.
#[derive(Deserialize)]
pub struct Statement {
    #[serde(deserialize_with = "signed")]
    pub opening_balance: Cents,
    #[serde(deserialize_with = "signed")]
    pub closing_balance: Cents,
    pub totals: StatementTotals,
}

/// Its sums.
#[derive(Deserialize)]
pub struct StatementTotals {
    #[serde(deserialize_with = "signed")]
    pub sales: Cents,
    #[serde(deserialize_with = "signed")]
    pub refunds: Cents,
    #[serde(deserialize_with = "signed")]
    pub commission: Cents,
    #[serde(deserialize_with = "signed")]
    pub commission_reversals: Cents,
    #[serde(deserialize_with = "signed")]
    pub labels: Cents,
    #[serde(deserialize_with = "signed")]
    pub payouts: Cents,
}

/// A seller's payouts.
#[derive(Deserialize)]
pub struct Payouts {
    pub items: Vec<Payout>,
    pub next_cursor: Option<String>,
}

/// Money sent to a seller.
#[derive(Deserialize)]
pub struct Payout {
    pub status: String,
    #[serde(deserialize_with = "cents")]
    pub amount: Cents,
}

/// The sums of the ledger.
#[derive(Deserialize)]
pub struct TrialBalance {
    pub totals: Vec<TrialBalanceTotal>,
}

/// The sum over all accounts in one currency.
#[derive(Deserialize)]
pub struct TrialBalanceTotal {
    #[serde(deserialize_with = "signed")]
    pub total: Cents,
}
