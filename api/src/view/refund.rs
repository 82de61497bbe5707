//! Refunds, and what can still be refunded.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_domain::payment::refund::{self, Amounts, Detail};
use souk_entity::id::SellerOrderId;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::{order_line, refund_line};
use uuid::Uuid;

use super::amount;
use super::words::{RefundComponent, RefundReason, RefundStatus};

/// Money paid back.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Refund {
    /// Its id.
    pub id: Uuid,
    /// The order.
    pub order_id: Uuid,
    /// The seller order.
    pub seller_order_id: Uuid,
    /// The return that it pays for.
    pub return_id: Option<Uuid>,
    /// Why.
    pub reason: RefundReason,
    /// The word of who made it.
    pub note: Option<String>,
    /// Its status.
    pub status: RefundStatus,
    /// How much: the lines, less `restocking_fee` and `return_label`.
    pub amount: String,
    /// What the seller keeps of the lines' amounts.
    pub restocking_fee: String,
    /// What the shopper pays of the return label.
    pub return_label: String,
    /// The tax in what is refunded; more than `amount` where goodwill had paid for it before.
    pub tax: String,
    /// What the marketplace bears of `amount` instead of the seller. Shoppers are not told.
    pub platform_amount: Option<String>,
    /// Commission that the seller gets back. Shoppers are not told.
    pub commission: Option<String>,
    /// Tax on it that the seller gets back. Shoppers are not told.
    pub commission_tax: Option<String>,
    /// What the marketplace had made good of discounts and takes back. Shoppers are not told.
    pub platform_discount: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// What it pays back.
    pub lines: Vec<RefundLine>,
    /// Why the provider refused it.
    pub failure_message: Option<String>,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
}

/// Units of a line, or an amount of shipping or goodwill.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RefundLine {
    /// What is paid back.
    pub component: RefundComponent,
    /// The line, of an item.
    pub line_id: Option<Uuid>,
    /// Units of the line; 0 for amounts.
    pub quantity: i64,
    /// How much, before `restocking_fee`.
    pub amount: String,
    /// What the seller keeps of it.
    pub restocking_fee: String,
    /// The tax in what is refunded; more than `amount` where goodwill had paid for it before.
    pub tax: String,
    /// Commission that the seller gets back. Shoppers are not told.
    pub commission: Option<String>,
    /// Tax on it that the seller gets back. Shoppers are not told.
    pub commission_tax: Option<String>,
    /// What the marketplace had made good of discounts and takes back. Shoppers are not told.
    pub platform_discount: Option<String>,
}

impl Refund {
    /// As its shopper sees it: what sellers and the marketplace settle is not for them.
    pub fn of_shopper(detail: Detail) -> Self {
        Self::new(detail, |_, _| None)
    }

    /// As its seller and operators see it.
    pub fn of_business(detail: Detail) -> Self {
        Self::new(detail, |value, currency| Some(amount(value, currency)))
    }

    fn new(detail: Detail, settled: fn(MinorUnits, CurrencyCode) -> Option<String>) -> Self {
        let row = detail.refund;
        let currency = row.currency;
        let lines = detail.lines.into_iter().map(|line: refund_line::Model| RefundLine {
            component: line.component.into(),
            line_id: line.order_line_id.map(Into::into),
            quantity: line.quantity,
            amount: amount(line.amount, currency),
            restocking_fee: amount(line.restocking_fee, currency),
            tax: amount(line.tax, currency),
            commission: settled(line.commission, currency),
            commission_tax: settled(line.commission_tax, currency),
            platform_discount: settled(line.platform_discount, currency),
        });
        Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            seller_order_id: row.seller_order_id.into(),
            return_id: row.return_request_id.map(Into::into),
            reason: row.reason.into(),
            note: detail.note,
            status: row.status.into(),
            amount: amount(row.amount, currency),
            restocking_fee: amount(row.restocking_fee, currency),
            return_label: amount(row.return_label, currency),
            tax: amount(row.tax, currency),
            platform_amount: settled(row.platform_amount, currency),
            commission: settled(row.commission, currency),
            commission_tax: settled(row.commission_tax, currency),
            platform_discount: settled(row.platform_discount, currency),
            currency: currency.to_string(),
            lines: lines.collect(),
            failure_message: row.failure_message,
            created_at: row.created_at,
        }
    }
}

/// What can still be refunded of a seller order.
#[derive(Debug, Object)]
pub struct Refundable {
    /// The seller order.
    pub seller_order_id: Uuid,
    /// ISO 4217.
    pub currency: String,
    /// All that can be paid back; goodwill paid before can make it less than lines and shipping.
    pub amount: String,
    /// The tax in what is refunded; more than `amount` where goodwill had paid for it before.
    pub tax: String,
    /// Commission that would come back with all of it.
    pub commission: String,
    /// Tax on it that would come back.
    pub commission_tax: String,
    /// What the marketplace made good of discounts and would take back.
    pub platform_discount: String,
    /// Each line by itself.
    pub lines: Vec<RefundableLine>,
    /// What was paid for shipping, by itself.
    pub shipping_amount: String,
    /// The tax in `shipping_amount`.
    pub shipping_tax: String,
}

/// What can still be refunded of a line.
#[derive(Debug, Object)]
pub struct RefundableLine {
    /// The line.
    pub line_id: Uuid,
    /// Its variant's SKU.
    pub sku: String,
    /// Units not refunded yet.
    pub quantity: i64,
    /// What they come to.
    pub amount: String,
    /// The tax in what is refunded; more than `amount` where goodwill had paid for it before.
    pub tax: String,
    /// Commission that would come back with them.
    pub commission: String,
    /// Tax on it that would come back.
    pub commission_tax: String,
    /// What the marketplace made good of discounts and would take back.
    pub platform_discount: String,
}

impl Refundable {
    /// Of a seller order.
    pub fn new(seller_order: SellerOrderId, left: refund::Refundable) -> Self {
        let show = |value| amount(value, left.currency);
        let line = |(line, quantity, of): (order_line::Model, i64, Amounts)| RefundableLine {
            line_id: line.id.into(),
            sku: line.sku,
            quantity,
            amount: show(of.amount),
            tax: show(of.tax),
            commission: show(of.commission),
            commission_tax: show(of.commission_tax),
            platform_discount: show(of.platform_discount),
        };
        Self {
            seller_order_id: seller_order.into(),
            currency: left.currency.to_string(),
            amount: show(left.total.amount),
            tax: show(left.total.tax),
            commission: show(left.total.commission),
            commission_tax: show(left.total.commission_tax),
            platform_discount: show(left.total.platform_discount),
            lines: left.lines.into_iter().map(line).collect(),
            shipping_amount: show(left.shipping.amount),
            shipping_tax: show(left.shipping.tax),
        }
    }
}
