//! A cart with what it would cost now.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_domain::cart::Quote;
use souk_entity::id::OfferId;
use uuid::Uuid;

use super::amount;
use super::words::CartStatus;

/// A cart, priced.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Cart {
    /// Its id.
    pub id: Uuid,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Open, or what became of it.
    pub status: CartStatus,
    /// ISO 4217, such as `USD`.
    pub currency: String,
    /// The coupon put in.
    pub coupon_code: Option<String>,
    /// One part per seller.
    pub sellers: Vec<CartPart>,
    /// Goods before discount.
    pub items_total: String,
    /// Discounts.
    pub discount_total: String,
    /// Shipping.
    pub shipping_total: String,
    /// What the order would cost; send it as `expected_total`.
    pub total: String,
    /// Why an order cannot be placed now, when it cannot.
    pub obstacle: Option<CartObstacle>,
    /// The cart is closed then, unless it is changed before.
    pub expires_at: DateTime<Utc>,
}

/// Why an order cannot be placed now.
#[derive(Debug, Object)]
pub struct CartObstacle {
    /// The code that the order would be refused with.
    pub code: String,
    /// What to do.
    pub message: String,
}

/// One seller's part of a cart.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct CartPart {
    /// The seller.
    pub seller_id: Uuid,
    /// Their name.
    pub seller_name: String,
    /// What is bought of them.
    pub lines: Vec<CartLine>,
    /// The chosen shipping method, or else their cheapest.
    pub shipping_method_id: Option<Uuid>,
    /// Its name.
    pub shipping_method_name: Option<String>,
    /// Goods before discount.
    pub items_total: String,
    /// Discounts.
    pub discount_total: String,
    /// Shipping.
    pub shipping_total: String,
    /// All of this part.
    pub total: String,
}

/// One offer in a cart.
#[derive(Debug, Object)]
pub struct CartLine {
    /// The offer.
    pub offer_id: Uuid,
    /// The product's name.
    pub product_name: String,
    /// The variant's name.
    pub variant_name: String,
    /// The variant's SKU.
    pub sku: String,
    /// Units.
    pub quantity: i64,
    /// Units that could be had now.
    pub available_quantity: i64,
    /// Price of one unit now.
    pub unit_price: String,
    /// Its share of the discount.
    pub discount: String,
    /// What the line costs.
    pub total: String,
}

impl From<&Quote> for Cart {
    fn from(quote: &Quote) -> Self {
        let currency = quote.cart.currency;
        let show = |value| amount(value, currency);
        let by_offer: HashMap<OfferId, _> = quote.basket.lines.iter().map(|line| (line.offer_id, line)).collect();
        let sellers = quote.priced.parts.iter().map(|part| {
            let lines: Vec<CartLine> = part
                .lines
                .iter()
                .filter_map(|line| {
                    let source = by_offer.get(&line.offer_id)?;
                    Some(CartLine {
                        offer_id: line.offer_id.into(),
                        product_name: source.product_name.clone(),
                        variant_name: source.variant_name.clone(),
                        sku: source.sku.clone(),
                        quantity: line.quantity,
                        available_quantity: source.available(),
                        unit_price: show(line.unit_price),
                        discount: show(line.discount),
                        total: show(line.total),
                    })
                })
                .collect();
            let name = part.lines.first().and_then(|line| by_offer.get(&line.offer_id));
            CartPart {
                seller_id: part.seller_id.into(),
                seller_name: name.map(|line| line.seller_name.clone()).unwrap_or_default(),
                lines,
                shipping_method_id: part.shipping.as_ref().map(|method| method.method_id.into()),
                shipping_method_name: part.shipping.as_ref().map(|method| method.name.clone()),
                items_total: show(part.items_total),
                discount_total: show(part.discount_total),
                shipping_total: show(part.shipping_total),
                total: show(part.total),
            }
        });
        Self {
            id: quote.cart.id.into(),
            version: quote.cart.version,
            status: quote.cart.status.into(),
            currency: currency.to_string(),
            coupon_code: quote.coupon.as_ref().map(|coupon| coupon.code.clone()),
            sellers: sellers.collect(),
            items_total: show(quote.priced.items_total),
            discount_total: show(quote.priced.discount_total),
            shipping_total: show(quote.priced.shipping_total),
            total: show(quote.priced.total),
            obstacle: quote.obstacle.as_ref().map(|obstacle| CartObstacle {
                code: obstacle.code.as_str().to_owned(),
                message: obstacle.message.clone(),
            }),
            expires_at: quote.cart.expires_at,
        }
    }
}
