//! A cart with what it would cost now.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_domain::cart::{self, Quote};
use souk_entity::id::OfferId;
use souk_entity::money::CurrencyCode;
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
    /// Where the goods are to go, as far as it was told.
    pub ship_to_country: Option<String>,
    /// The state or province there.
    pub ship_to_region: Option<String>,
    /// The promotions that are taken off, and the codes that are put in.
    pub promotions: Vec<CartPromotion>,
    /// One part per seller.
    pub sellers: Vec<CartPart>,
    /// Goods before discount.
    pub items_total: String,
    /// Discounts.
    pub discount_total: String,
    /// Shipping, after discounts.
    pub shipping_total: String,
    /// What tax adds to the prices; none where they contain it, and while the destination is not known.
    pub tax_added_total: String,
    /// The tax in `total`.
    pub tax_total: String,
    /// What the order would cost; send it as `expected_total`.
    pub total: String,
    /// Why an order cannot be placed now, when it cannot.
    pub obstacle: Option<CartObstacle>,
    /// The cart is closed then, unless it is changed before.
    pub expires_at: DateTime<Utc>,
}

/// A promotion of a cart.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct CartPromotion {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The code that was put in; absent where it applies by itself.
    pub code: Option<String>,
    /// Whether it takes something off now.
    pub applied: bool,
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
    /// Days to delivery by that method, at least and at most.
    pub delivery_days: Option<Vec<i32>>,
    /// Shipping, after discounts.
    pub shipping_total: String,
    /// What tax adds to the prices.
    pub tax_added_total: String,
    /// The tax in `total`.
    pub tax_total: String,
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
    /// The tax in `total`.
    pub tax: String,
    /// What the line costs.
    pub total: String,
}

/// A way one seller's part of a cart can be shipped.
#[derive(Debug, Object)]
pub struct ShippingOption {
    /// The seller.
    pub seller_id: Uuid,
    /// The method.
    pub shipping_method_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its price for what is in the cart, before discounts on shipping and without added tax.
    pub price: String,
    /// ISO 4217.
    pub currency: String,
    /// Days to delivery, at least.
    pub min_days: i32,
    /// Days to delivery, at most.
    pub max_days: i32,
    /// Whether the cart is priced with it.
    pub selected: bool,
}

impl ShippingOption {
    /// An option of a cart in `currency`.
    pub fn new(option: &cart::ShippingOption, currency: CurrencyCode) -> Self {
        Self {
            seller_id: option.seller_id.into(),
            shipping_method_id: option.method.method_id.into(),
            name: option.method.name.clone(),
            price: amount(option.price, currency),
            currency: currency.to_string(),
            min_days: option.method.days.0,
            max_days: option.method.days.1,
            selected: option.selected,
        }
    }
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
                        tax: show(line.tax),
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
                delivery_days: part.shipping.as_ref().map(|method| vec![method.days.0, method.days.1]),
                shipping_total: show(part.shipping_total),
                tax_added_total: show(part.tax_added_total),
                tax_total: show(part.tax_total),
                total: show(part.total),
            }
        });
        Self {
            id: quote.cart.id.into(),
            version: quote.cart.version,
            status: quote.cart.status.into(),
            currency: currency.to_string(),
            ship_to_country: quote.cart.ship_to_country.clone(),
            ship_to_region: quote.cart.ship_to_region.clone().filter(|region| !region.is_empty()),
            promotions: promotions(quote),
            sellers: sellers.collect(),
            items_total: show(quote.priced.items_total),
            discount_total: show(quote.priced.discount_total),
            shipping_total: show(quote.priced.shipping_total),
            tax_added_total: show(quote.priced.tax_added_total),
            tax_total: show(quote.priced.tax_total),
            total: show(quote.priced.total),
            obstacle: quote.obstacle.as_ref().map(|obstacle| CartObstacle {
                code: obstacle.code.as_str().to_owned(),
                message: obstacle.message.clone(),
            }),
            expires_at: quote.cart.expires_at,
        }
    }
}

/// The codes that are put in, and what else applies; not those that could apply and do not.
fn promotions(quote: &Quote) -> Vec<CartPromotion> {
    let told = quote.promotions.iter().map(|row| CartPromotion {
        id: row.id.into(),
        name: row.name.clone(),
        code: row.code.clone(),
        applied: quote.priced.promotions.contains(&row.id),
    });
    told.filter(|promotion| promotion.applied || promotion.code.is_some()).collect()
}
