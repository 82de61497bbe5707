//! Orders, payments and returns as their shopper, sellers and operators see them.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_domain::order::detail::{OrderDetail, Part};
use souk_domain::returns;
use souk_entity::money::CurrencyCode;
use souk_entity::{order, order_line, payment, seller_order};
use uuid::Uuid;

use super::address::Address;
use super::amount;
use super::words::{OrderStatus, PaymentStatus, ReturnCondition, ReturnReason, ReturnStatus};

/// An order in a list.
#[derive(Debug, Object)]
pub struct OrderSummary {
    /// Its id.
    pub id: Uuid,
    /// Its number for people.
    pub number: String,
    /// Follows from its seller orders.
    pub status: OrderStatus,
    /// ISO 4217.
    pub currency: String,
    /// What the shopper pays.
    pub total: String,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
}

impl From<order::Model> for OrderSummary {
    fn from(row: order::Model) -> Self {
        Self {
            id: row.id.into(),
            number: row.number,
            status: row.status.into(),
            currency: row.currency.to_string(),
            total: amount(row.total, row.currency),
            placed_at: row.placed_at,
        }
    }
}

/// An order with all its parts.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Order {
    /// Its id.
    pub id: Uuid,
    /// Its number for people.
    pub number: String,
    /// Rises with every change of status; the ETag.
    pub version: i64,
    /// Follows from its seller orders.
    pub status: OrderStatus,
    /// ISO 4217.
    pub currency: String,
    /// Goods before discount.
    pub items_total: String,
    /// Discounts.
    pub discount_total: String,
    /// Shipping, after discounts.
    pub shipping_total: String,
    /// What tax adds to the prices; none where they contain it.
    pub tax_added_total: String,
    /// The tax in `total`.
    pub tax_total: String,
    /// What the shopper pays.
    pub total: String,
    /// Whether the shopper's data is erased: then there is no e-mail address, word or postal address.
    pub erased: bool,
    /// Where news goes.
    pub email: Option<String>,
    /// A word of the shopper.
    pub notes: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    pub billing_address: Option<Address>,
    /// One per seller.
    pub seller_orders: Vec<SellerOrder>,
    /// Unpaid past then, it is cancelled.
    pub payment_due_at: DateTime<Utc>,
    /// Why it was cancelled.
    pub cancellation_reason: Option<String>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When its status last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<OrderDetail> for Order {
    fn from(detail: OrderDetail) -> Self {
        let order = detail.order;
        let currency = order.currency;
        let show = |value| amount(value, currency);
        let contact = detail.contact;
        Self {
            id: order.id.into(),
            version: order.version,
            status: order.status.into(),
            currency: currency.to_string(),
            items_total: show(order.items_total),
            discount_total: show(order.discount_total),
            shipping_total: show(order.shipping_total),
            tax_added_total: show(order.tax_added_total),
            tax_total: show(order.tax_total),
            total: show(order.total),
            erased: contact.erased,
            email: contact.email,
            notes: contact.notes,
            shipping_address: contact.shipping_address.map(Into::into),
            billing_address: contact.billing_address.map(Into::into),
            seller_orders: detail.parts.into_iter().map(SellerOrder::from).collect(),
            payment_due_at: order.payment_due_at,
            cancellation_reason: order.cancellation_reason,
            placed_at: order.placed_at,
            updated_at: order.updated_at,
            number: order.number,
        }
    }
}

/// One seller's part of an order.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SellerOrder {
    /// Its id.
    pub id: Uuid,
    /// The order.
    pub order_id: Uuid,
    /// Its number for people.
    pub number: String,
    /// The seller.
    pub seller_id: Uuid,
    /// Their name.
    pub seller_name: String,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Its status.
    pub status: OrderStatus,
    /// ISO 4217.
    pub currency: String,
    /// Goods before discount.
    pub items_total: String,
    /// Discounts.
    pub discount_total: String,
    /// Shipping, after discounts.
    pub shipping_total: String,
    /// What tax adds to the prices; none where they contain it.
    pub tax_added_total: String,
    /// The tax in `total`.
    pub tax_total: String,
    /// What the shopper pays for it.
    pub total: String,
    /// How it is shipped.
    pub shipping_method_name: Option<String>,
    /// What is in it.
    pub lines: Vec<OrderLine>,
    /// The seller accepts or rejects until then.
    pub accept_by: Option<DateTime<Utc>>,
    /// When all of it had arrived.
    pub delivered_at: Option<DateTime<Utc>>,
    /// A return can be asked for until then.
    pub return_window_ends_at: Option<DateTime<Utc>>,
    /// Why it was cancelled.
    pub cancellation_reason: Option<String>,
}

impl From<Part> for SellerOrder {
    fn from(part: Part) -> Self {
        let row = part.seller_order;
        let currency = row.currency;
        let show = |value| amount(value, currency);
        Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            seller_id: row.seller_id.into(),
            seller_name: part.seller_name,
            version: row.version,
            status: row.status.into(),
            currency: currency.to_string(),
            items_total: show(row.items_total),
            discount_total: show(row.discount_total),
            shipping_total: show(row.shipping_total),
            tax_added_total: show(row.tax_added_total),
            tax_total: show(row.tax_total),
            total: show(row.total),
            shipping_method_name: row.shipping_method_name,
            lines: part.lines.into_iter().map(|line| OrderLine::new(line, currency)).collect(),
            accept_by: row.accept_by,
            delivered_at: row.delivered_at,
            return_window_ends_at: row.return_window_ends_at,
            cancellation_reason: row.cancellation_reason,
            number: row.number,
        }
    }
}

/// A quantity of one offer, as it was priced at placement.
#[derive(Debug, Object)]
pub struct OrderLine {
    /// Its id.
    pub id: Uuid,
    /// The offer.
    pub offer_id: Uuid,
    /// The product's name then.
    pub product_name: String,
    /// The variant's name then.
    pub variant_name: String,
    /// The variant's SKU then.
    pub sku: String,
    /// Units ordered; 0 where the item was taken out before the order was paid.
    pub quantity: i64,
    /// Price of one unit then.
    pub unit_price: String,
    /// What promotions take off it.
    pub discount: String,
    /// The tax in `total`.
    pub tax: String,
    /// What the shopper pays for it.
    pub total: String,
    /// Units that will not be sent.
    pub cancelled_quantity: i64,
    /// Units that have left.
    pub shipped_quantity: i64,
    /// Units that have arrived.
    pub delivered_quantity: i64,
    /// Units that came back.
    pub returned_quantity: i64,
    /// Units that are paid back or about to be.
    pub refunded_quantity: i64,
}

impl OrderLine {
    fn new(row: order_line::Model, currency: CurrencyCode) -> Self {
        Self {
            id: row.id.into(),
            offer_id: row.offer_id.into(),
            product_name: row.product_name,
            variant_name: row.variant_name,
            sku: row.sku,
            quantity: row.quantity,
            unit_price: amount(row.unit_price, currency),
            discount: amount(row.discount, currency),
            tax: amount(row.tax, currency),
            total: amount(row.total, currency),
            cancelled_quantity: row.cancelled_quantity,
            shipped_quantity: row.shipped_quantity,
            delivered_quantity: row.delivered_quantity,
            returned_quantity: row.returned_quantity,
            refunded_quantity: row.refunded_quantity,
        }
    }
}

/// A seller order in its seller's list.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SellerOrderSummary {
    /// Its id.
    pub id: Uuid,
    /// Its number for people.
    pub number: String,
    /// Its status.
    pub status: OrderStatus,
    /// ISO 4217.
    pub currency: String,
    /// What the shopper pays for it.
    pub total: String,
    /// The marketplace's commission.
    pub commission_total: String,
    /// Accept or reject it until then.
    pub accept_by: Option<DateTime<Utc>>,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
}

impl From<seller_order::Model> for SellerOrderSummary {
    fn from(row: seller_order::Model) -> Self {
        Self {
            id: row.id.into(),
            status: row.status.into(),
            currency: row.currency.to_string(),
            total: amount(row.total, row.currency),
            commission_total: amount(row.commission_total, row.currency),
            accept_by: row.accept_by,
            created_at: row.created_at,
            number: row.number,
        }
    }
}

/// A payment attempt.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Payment {
    /// Its id.
    pub id: Uuid,
    /// The order.
    pub order_id: Uuid,
    /// The payment provider.
    pub provider: String,
    /// The provider's id.
    pub provider_ref: Option<String>,
    /// Its status.
    pub status: PaymentStatus,
    /// What is to be paid.
    pub amount: String,
    /// What was paid.
    pub captured_amount: String,
    /// ISO 4217.
    pub currency: String,
    /// Where the shopper confirms it.
    pub confirm_url: Option<String>,
    /// The provider's code for a decline.
    pub failure_code: Option<String>,
    /// When it was started.
    pub created_at: DateTime<Utc>,
}

impl From<payment::Model> for Payment {
    fn from(row: payment::Model) -> Self {
        Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            provider: row.provider,
            provider_ref: row.provider_ref,
            status: row.status.into(),
            amount: amount(row.amount, row.currency),
            captured_amount: amount(row.captured_amount, row.currency),
            currency: row.currency.to_string(),
            confirm_url: row.confirm_url,
            failure_code: row.failure_code,
            created_at: row.created_at,
        }
    }
}

/// Goods on their way back.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Return {
    /// Its id.
    pub id: Uuid,
    /// The order.
    pub order_id: Uuid,
    /// The seller order.
    pub seller_order_id: Uuid,
    /// Its status.
    pub status: ReturnStatus,
    /// A word of the shopper.
    pub note: Option<String>,
    /// Why the seller declined.
    pub decision_note: Option<String>,
    /// What is to come back, and what came.
    pub lines: Vec<ReturnLine>,
    /// The parcel with the return label, once approved.
    pub shipment_id: Option<Uuid>,
    /// The number that parcel is followed by.
    pub tracking_number: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// A quantity of one line in a return.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ReturnLine {
    /// The line.
    pub line_id: Uuid,
    /// Units asked for.
    pub quantity: i64,
    /// Why.
    pub reason: ReturnReason,
    /// Units that came.
    pub received_quantity: i64,
    /// In what state they came.
    pub condition: Option<ReturnCondition>,
    /// Units that went back on the shelf.
    pub restocked_quantity: i64,
}

impl Return {
    /// A return with what belongs to it.
    pub fn new(detail: returns::detail::Detail) -> Self {
        let returns::detail::Detail { request: row, note, lines, parcel } = detail;
        let lines = lines.into_iter().map(|line| ReturnLine {
            line_id: line.order_line_id.into(),
            quantity: line.quantity,
            reason: line.reason.into(),
            received_quantity: line.received_quantity,
            condition: line.condition.map(Into::into),
            restocked_quantity: line.restocked_quantity,
        });
        Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            seller_order_id: row.seller_order_id.into(),
            status: row.status.into(),
            note,
            decision_note: row.decision_note,
            lines: lines.collect(),
            shipment_id: parcel.as_ref().map(|parcel| parcel.id.into()),
            tracking_number: parcel.and_then(|parcel| parcel.tracking_number),
            created_at: row.created_at,
        }
    }
}
