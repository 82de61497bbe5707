//! What this program reads of the API's answers.

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::cents::Cents;

/// Amounts come as decimal strings.
fn cents<'de, D: Deserializer<'de>>(source: D) -> Result<Cents, D::Error> {
    String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
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
