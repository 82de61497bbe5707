//! What is in a cart, read with all that its price and its stock depend on.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement};
use souk_entity::id::{CartId, InventoryLevelId, OfferId, SellerId, ShippingMethodId, VariantId};
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::shipping_method;
use souk_entity::status::SellerStatus;

use super::pricing::{Item, Shipping};
use crate::error::{Code, Error, Result};

/// A line of a cart with its offer, product, seller, shipping and stock.
#[derive(Clone, Debug)]
pub struct BasketLine {
    /// The offer.
    pub offer_id: OfferId,
    /// Whose offer it is.
    pub seller_id: SellerId,
    /// The seller's name.
    pub seller_name: String,
    /// The variant.
    pub variant_id: VariantId,
    /// The product's name.
    pub product_name: String,
    /// The variant's name.
    pub variant_name: String,
    /// The variant's SKU.
    pub sku: String,
    /// Grams per unit.
    pub weight_grams: i32,
    /// Units.
    pub quantity: i64,
    /// The offer's price now.
    pub unit_price: MinorUnits,
    /// The offer's currency.
    pub currency: CurrencyCode,
    /// Whether it can be bought: offer and product active, seller approved.
    pub for_sale: bool,
    /// The seller's commission rate now.
    pub commission_rate: RatePpm,
    /// The seller's return window now.
    pub return_window_days: i32,
    /// What could be reserved, per stock level; most first.
    pub stock: Vec<(InventoryLevelId, i64)>,
}

impl BasketLine {
    /// Units that could be reserved now.
    pub fn available(&self) -> i64 {
        self.stock.iter().map(|(_, available)| available).sum()
    }
}

/// A cart's lines and the shipping chosen for each seller.
#[derive(Clone, Debug)]
pub struct Basket {
    /// The lines, by seller and offer.
    pub lines: Vec<BasketLine>,
    /// The chosen, or else the cheapest, method of each seller that has one.
    pub shipping: BTreeMap<SellerId, Shipping>,
}

#[derive(FromQueryResult)]
struct Row {
    offer_id: OfferId,
    seller_id: SellerId,
    seller_name: String,
    seller_status: SellerStatus,
    variant_id: VariantId,
    product_name: String,
    product_active: bool,
    variant_name: String,
    sku: String,
    weight_grams: i32,
    quantity: i64,
    price: MinorUnits,
    currency: CurrencyCode,
    offer_active: bool,
    commission_rate_ppm: RatePpm,
    return_window_days: i32,
    method_id: Option<ShippingMethodId>,
    method_name: Option<String>,
    method_price: Option<MinorUnits>,
    method_free_over: Option<MinorUnits>,
    level_id: Option<InventoryLevelId>,
    available: Option<i64>,
}

/// One statement for everything; several rows for a line that is in several warehouses.
const LINES: &str = "SELECT o.id AS offer_id, o.seller_id AS seller_id, s.name AS seller_name, s.status AS seller_status, \
    v.id AS variant_id, p.name AS product_name, p.active AS product_active, v.name AS variant_name, v.sku AS sku, \
    v.weight_grams AS weight_grams, l.quantity AS quantity, o.price AS price, o.currency AS currency, \
    o.active AS offer_active, s.commission_rate_ppm AS commission_rate_ppm, \
    s.return_window_days AS return_window_days, m.id AS method_id, m.name AS method_name, m.price AS method_price, \
    m.free_over AS method_free_over, i.id AS level_id, i.on_hand - i.reserved AS available \
    FROM cart_line l \
    JOIN offer o ON o.id = l.offer_id \
    JOIN product_variant v ON v.id = o.variant_id \
    JOIN product p ON p.id = v.product_id \
    JOIN seller s ON s.id = o.seller_id \
    LEFT JOIN cart_shipping c ON c.cart_id = l.cart_id AND c.seller_id = o.seller_id \
    LEFT JOIN shipping_method m ON m.id = c.shipping_method_id AND m.active \
    LEFT JOIN inventory_level i ON i.offer_id = o.id \
    WHERE l.cart_id = $1";

/// Reads a cart's lines.
///
/// # Errors
/// The database's.
pub async fn read(db: &impl ConnectionTrait, cart: CartId, currency: CurrencyCode) -> Result<Basket> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), LINES, [cart.into()]);
    let mut rows = Row::find_by_statement(statement).all(db).await?;
    rows.sort_by_key(|row| (row.seller_id, row.offer_id, std::cmp::Reverse(row.available), row.level_id));
    let mut lines: Vec<BasketLine> = Vec::new();
    let mut shipping = BTreeMap::new();
    for row in rows {
        if let (Some(method_id), Some(name), Some(price)) = (row.method_id, row.method_name, row.method_price) {
            let method = Shipping { method_id, name, price, free_over: row.method_free_over };
            shipping.insert(row.seller_id, method);
        }
        let stock = row.level_id.zip(row.available).filter(|(_, available)| *available > 0);
        match lines.last_mut().filter(|line| line.offer_id == row.offer_id) {
            Some(line) => line.stock.extend(stock),
            None => lines.push(BasketLine {
                offer_id: row.offer_id,
                seller_id: row.seller_id,
                seller_name: row.seller_name,
                variant_id: row.variant_id,
                product_name: row.product_name,
                variant_name: row.variant_name,
                sku: row.sku,
                weight_grams: row.weight_grams,
                quantity: row.quantity,
                unit_price: row.price,
                currency: row.currency,
                for_sale: row.offer_active && row.product_active && row.seller_status == SellerStatus::Approved,
                commission_rate: row.commission_rate_ppm,
                return_window_days: row.return_window_days,
                stock: stock.into_iter().collect(),
            }),
        }
    }
    let sellers: BTreeSet<SellerId> = lines.iter().map(|line| line.seller_id).collect();
    let open: Vec<SellerId> = sellers.into_iter().filter(|seller| !shipping.contains_key(seller)).collect();
    if !open.is_empty() {
        let methods = shipping_method::Entity::find()
            .filter(shipping_method::Column::SellerId.is_in(open))
            .filter(shipping_method::Column::Currency.eq(currency))
            .filter(shipping_method::Column::Active.eq(true))
            .order_by_asc(shipping_method::Column::Price)
            .order_by_asc(shipping_method::Column::Id)
            .all(db)
            .await?;
        for method in methods {
            shipping.entry(method.seller_id).or_insert(Shipping {
                method_id: method.id,
                name: method.name,
                price: method.price,
                free_over: method.free_over,
            });
        }
    }
    Ok(Basket { lines, shipping })
}

impl Basket {
    /// What the pricing takes.
    pub fn items(&self) -> Vec<Item> {
        self.lines
            .iter()
            .map(|line| Item {
                offer_id: line.offer_id,
                seller_id: line.seller_id,
                unit_price: line.unit_price,
                quantity: line.quantity,
                commission_rate: line.commission_rate,
            })
            .collect()
    }

    /// Whether all of it can be bought in `currency`.
    ///
    /// # Errors
    /// [`Code::CartEmpty`], [`Code::OfferUnavailable`], [`Code::InvalidMoney`],
    /// [`Code::ShippingUnavailable`].
    pub fn check(&self, currency: CurrencyCode) -> Result<()> {
        if self.lines.is_empty() {
            return Err(Error::new(Code::CartEmpty, "The cart is empty; add an offer first."));
        }
        let gone: Vec<_> = self.lines.iter().filter(|line| !line.for_sale).collect();
        if !gone.is_empty() {
            let details = gone.iter().map(|line| serde_json::json!({"offer_id": line.offer_id, "sku": line.sku}));
            return Err(Error::new(Code::OfferUnavailable, "Some offers are not for sale any more; remove them.")
                .with_details(details.collect()));
        }
        if let Some(line) = self.lines.iter().find(|line| line.currency != currency) {
            let message = format!("{} is priced in {} and the cart is in {currency}.", line.sku, line.currency);
            return Err(Error::new(Code::InvalidMoney, message));
        }
        if let Some(line) = self.lines.iter().find(|line| !self.shipping.contains_key(&line.seller_id)) {
            let message = format!("{} has no shipping method in {currency}.", line.seller_name);
            return Err(Error::new(Code::ShippingUnavailable, message));
        }
        Ok(())
    }
}
