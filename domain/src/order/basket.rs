//! What is in a cart, read with all that its price and its stock depend on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use serde_json::json;
use souk_entity::id::{CartId, CategoryId, InventoryLevelId, OfferId, SellerId, ShippingMethodId, VariantId};
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::status::{LabelPayer, SellerStatus, ShippingPricing};

use super::pricing::shipping::{Shipping, Tariff};
use crate::account::holiday::Holiday;
use crate::error::{Code, Error, Result};
use crate::place::Place;
use crate::returns::policy::ReturnPolicy;

/// A line of a cart with its offer, product, seller and stock.
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
    /// What it is sorted under.
    pub category_id: Option<CategoryId>,
    /// Which tax rates apply.
    pub tax_class: String,
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
    /// Whether it can be bought: offer active, seller approved, and the product neither hidden by an operator nor,
    /// of its maker's offer, by its maker.
    pub for_sale: bool,
    /// The value added tax on the seller's commission now.
    pub commission_tax: RatePpm,
    /// When the seller takes no orders, if they have said so.
    pub holiday: Option<Holiday>,
    /// The seller's return policy now.
    pub return_policy: ReturnPolicy,
    /// Whether they take it back also where it is not their fault.
    pub returnable: bool,
    /// What could be reserved, per stock level; most first.
    pub stock: Vec<(InventoryLevelId, i64)>,
}

impl BasketLine {
    /// Units that could be reserved now.
    pub fn available(&self) -> i64 {
        self.stock.iter().map(|(_, available)| available).sum()
    }
}

/// A cart's lines and the shipping of each seller.
#[derive(Clone, Debug)]
pub struct Basket {
    /// The lines, by seller and offer.
    pub lines: Vec<BasketLine>,
    /// The methods of each seller that ship there, the cheapest first.
    pub methods: BTreeMap<SellerId, Vec<Shipping>>,
    /// The method that the shopper has chosen of a seller.
    pub chosen: BTreeMap<SellerId, ShippingMethodId>,
    /// The chosen method of each seller, or else the cheapest that can carry the goods; without
    /// those sellers that have none.
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
    category_id: Option<CategoryId>,
    tax_class: String,
    product_on: bool,
    variant_name: String,
    sku: String,
    weight_grams: i32,
    quantity: i64,
    price: MinorUnits,
    currency: CurrencyCode,
    offer_active: bool,
    commission_tax_ppm: RatePpm,
    return_window_days: i32,
    return_label_payer: LabelPayer,
    restocking_ppm: RatePpm,
    on_holiday: bool,
    holiday_starts_at: Option<DateTime<Utc>>,
    holiday_ends_at: Option<DateTime<Utc>>,
    holiday_message: Option<String>,
    return_excluded: bool,
    chosen_method_id: Option<ShippingMethodId>,
    level_id: Option<InventoryLevelId>,
    available: Option<i64>,
}

/// One statement for everything; several rows for a line that is in several warehouses. What is above a
/// line's category is looked for only where its seller excludes something from returns.
const LINES: &str = "SELECT o.id AS offer_id, o.seller_id AS seller_id, s.name AS seller_name, s.status AS seller_status, \
    v.id AS variant_id, p.name AS product_name, p.category_id AS category_id, p.tax_class AS tax_class, \
    p.hidden_at IS NULL AND (p.active OR p.created_by_seller_id <> s.id) AS product_on, v.name AS variant_name, v.sku AS sku, \
    v.weight_grams AS weight_grams, l.quantity AS quantity, o.price AS price, o.currency AS currency, \
    o.active AS offer_active, s.commission_tax_ppm AS commission_tax_ppm, \
    s.return_window_days AS return_window_days, s.return_label_payer AS return_label_payer, \
    s.restocking_ppm AS restocking_ppm, s.on_holiday AS on_holiday, s.holiday_starts_at AS holiday_starts_at, \
    s.holiday_ends_at AS holiday_ends_at, s.holiday_message AS holiday_message, \
    EXISTS (SELECT 1 FROM seller_return_exclusion x WHERE x.seller_id = s.id AND x.category_id IN ( \
        WITH RECURSIVE above (category) AS (SELECT p.category_id UNION SELECT k.parent_id FROM above a \
            JOIN category k ON k.id = a.category WHERE k.parent_id IS NOT NULL) \
        SELECT category FROM above)) AS return_excluded, c.shipping_method_id AS chosen_method_id, \
    i.id AS level_id, i.on_hand - i.reserved AS available \
    FROM cart_line l \
    JOIN offer o ON o.id = l.offer_id \
    JOIN product_variant v ON v.id = o.variant_id \
    JOIN product p ON p.id = v.product_id \
    JOIN seller s ON s.id = o.seller_id \
    LEFT JOIN cart_shipping c ON c.cart_id = l.cart_id AND c.seller_id = o.seller_id \
    LEFT JOIN inventory_level i ON i.offer_id = o.id \
    WHERE l.cart_id = $1";

#[derive(FromQueryResult)]
struct MethodRow {
    id: ShippingMethodId,
    seller_id: SellerId,
    name: String,
    pricing: ShippingPricing,
    price: MinorUnits,
    free_over: Option<MinorUnits>,
    min_days: i32,
    max_days: i32,
    up_to_grams: Option<i64>,
    step_price: Option<MinorUnits>,
}

/// The methods of some sellers in currency `$1` that ship to country `$2`, region `$3`; without a
/// country, all. The sellers are named one by one: looked up by the cart they would cost PostgreSQL
/// ten times as much.
fn methods_of(sellers: usize) -> String {
    let named: Vec<String> = (4..4 + sellers).map(|at| format!("${at}")).collect();
    format!(
        "SELECT m.id AS id, m.seller_id AS seller_id, m.name AS name, m.pricing AS pricing, \
         m.price AS price, m.free_over AS free_over, m.min_days AS min_days, m.max_days AS max_days, \
         w.up_to_grams AS up_to_grams, w.price AS step_price \
         FROM shipping_method m LEFT JOIN shipping_weight_step w ON w.shipping_method_id = m.id \
         WHERE m.seller_id IN ({}) AND m.currency = $1 AND m.active AND (m.shipping_zone_id IS NULL OR $2 = '' OR EXISTS \
             (SELECT 1 FROM shipping_zone_place z WHERE z.shipping_zone_id = m.shipping_zone_id \
                 AND z.country = $2 AND z.region IN ('', $3))) \
         ORDER BY m.id, w.up_to_grams",
        named.join(", ")
    )
}

/// Reads a cart's lines and the shipping to a destination; while that is not known, all shipping.
///
/// # Errors
/// The database's.
pub async fn read(
    db: &impl ConnectionTrait,
    cart: CartId,
    currency: CurrencyCode,
    destination: Option<&Place>,
) -> Result<Basket> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), LINES, [cart.into()]);
    let mut rows = Row::find_by_statement(statement).all(db).await?;
    rows.sort_by_key(|row| (row.seller_id, row.offer_id, std::cmp::Reverse(row.available), row.level_id));
    let mut lines: Vec<BasketLine> = Vec::new();
    let mut chosen = BTreeMap::new();
    for row in rows {
        if let Some(method) = row.chosen_method_id {
            chosen.insert(row.seller_id, method);
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
                category_id: row.category_id,
                tax_class: row.tax_class,
                variant_name: row.variant_name,
                sku: row.sku,
                weight_grams: row.weight_grams,
                quantity: row.quantity,
                unit_price: row.price,
                currency: row.currency,
                for_sale: row.offer_active && row.product_on && row.seller_status == SellerStatus::Approved,
                commission_tax: row.commission_tax_ppm,
                holiday: row.on_holiday.then_some(Holiday {
                    starts_at: row.holiday_starts_at,
                    ends_at: row.holiday_ends_at,
                    message: row.holiday_message,
                }),
                return_policy: ReturnPolicy {
                    window_days: row.return_window_days,
                    label_paid_by: row.return_label_payer,
                    restocking: row.restocking_ppm,
                },
                returnable: !row.return_excluded,
                stock: stock.into_iter().collect(),
            }),
        }
    }
    let mut basket = Basket { lines, methods: BTreeMap::new(), chosen, shipping: BTreeMap::new() };
    let sellers: Vec<SellerId> = basket.sellers().collect();
    if !sellers.is_empty() {
        basket.methods = methods(db, &sellers, currency, destination).await?;
    }
    basket.choose_shipping();
    Ok(basket)
}

async fn methods(
    db: &impl ConnectionTrait,
    sellers: &[SellerId],
    currency: CurrencyCode,
    destination: Option<&Place>,
) -> Result<BTreeMap<SellerId, Vec<Shipping>>> {
    let (country, region) = destination.map(|to| (to.country.clone(), to.region.clone())).unwrap_or_default();
    let mut values: Vec<Value> = vec![currency.into(), country.into(), region.into()];
    values.extend(sellers.iter().map(|seller| Value::from(*seller)));
    let statement = Statement::from_sql_and_values(db.get_database_backend(), methods_of(sellers.len()), values);
    let mut methods: BTreeMap<SellerId, Vec<Shipping>> = BTreeMap::new();
    for row in MethodRow::find_by_statement(statement).all(db).await? {
        let own = methods.entry(row.seller_id).or_default();
        let step = row.up_to_grams.zip(row.step_price);
        match (own.last_mut().filter(|method| method.method_id == row.id), step) {
            (Some(Shipping { tariff: Tariff::ByWeight(steps), .. }), Some(step)) => steps.push(step),
            (Some(_), _) => {}
            (None, step) => own.push(Shipping {
                method_id: row.id,
                name: row.name,
                tariff: match row.pricing {
                    ShippingPricing::Flat => Tariff::Flat(row.price),
                    ShippingPricing::Weight => Tariff::ByWeight(step.into_iter().collect()),
                },
                free_over: row.free_over,
                days: (row.min_days, row.max_days),
            }),
        }
    }
    Ok(methods)
}

impl Basket {
    /// The sellers of its goods.
    pub fn sellers(&self) -> impl Iterator<Item = SellerId> {
        self.lines.iter().map(|line| line.seller_id).collect::<BTreeSet<_>>().into_iter()
    }

    /// What a seller's goods weigh, in grams.
    pub fn grams(&self, seller: SellerId) -> i64 {
        let own = self.lines.iter().filter(|line| line.seller_id == seller);
        own.map(|line| i64::from(line.weight_grams).saturating_mul(line.quantity)).fold(0, i64::saturating_add)
    }

    /// Takes for each seller the chosen method, or else the cheapest, of those that ship there and
    /// can carry the goods. One that was chosen and cannot is not silently replaced.
    fn choose_shipping(&mut self) {
        for seller in self.sellers().collect::<Vec<_>>() {
            let grams = self.grams(seller);
            let able = |method: &&Shipping| method.price(grams).is_some();
            let Some(methods) = self.methods.get(&seller) else { continue };
            let method = match self.chosen.get(&seller) {
                Some(chosen) => methods.iter().filter(able).find(|method| method.method_id == *chosen),
                None => methods.iter().filter(able).min_by_key(|method| (method.price(grams), method.method_id)),
            };
            if let Some(method) = method {
                self.shipping.insert(seller, method.clone());
            }
        }
    }

    /// Whether all of it can be bought at `now`, in `currency`.
    ///
    /// # Errors
    /// [`Code::CartEmpty`], [`Code::OfferUnavailable`], [`Code::SellerOnHoliday`], [`Code::InvalidMoney`],
    /// [`Code::ShippingUnavailable`].
    pub fn check(&self, currency: CurrencyCode, now: DateTime<Utc>) -> Result<()> {
        if self.lines.is_empty() {
            return Err(Error::new(Code::CartEmpty, "The cart is empty; add an offer first."));
        }
        let gone: Vec<_> = self.lines.iter().filter(|line| !line.for_sale).collect();
        if !gone.is_empty() {
            let details = gone.iter().map(|line| json!({"offer_id": line.offer_id, "sku": line.sku}));
            return Err(Error::new(Code::OfferUnavailable, "Some offers are not for sale any more; remove them.")
                .with_details(details.collect()));
        }
        if let Some(away) = self.away(now) {
            return Err(away);
        }
        if let Some(line) = self.lines.iter().find(|line| line.currency != currency) {
            let message = format!("{} is priced in {} and the cart is in {currency}.", line.sku, line.currency);
            return Err(Error::new(Code::InvalidMoney, message));
        }
        if let Some(line) = self.lines.iter().find(|line| !self.shipping.contains_key(&line.seller_id)) {
            return Err(Error::new(Code::ShippingUnavailable, self.no_shipping(line, currency)));
        }
        Ok(())
    }

    /// The refusal of goods whose sellers are on holiday, naming all of them.
    fn away(&self, now: DateTime<Utc>) -> Option<Error> {
        let away = self.lines.iter().filter_map(|line| {
            let holiday = line.holiday.as_ref().filter(|holiday| holiday.is_on(now))?;
            Some((line, holiday))
        });
        let away: Vec<_> = away.collect();
        let (first, holiday) = away.first()?;
        let details = away.iter().map(|(line, holiday)| {
            let (until, message) = (holiday.ends_at, &holiday.message);
            json!({"offer_id": line.offer_id, "seller_id": line.seller_id, "ends_at": until, "message": message})
        });
        Some(holiday.refuse(&first.seller_name).with_details(details.collect()))
    }

    fn no_shipping(&self, line: &BasketLine, currency: CurrencyCode) -> String {
        let name = &line.seller_name;
        if self.chosen.contains_key(&line.seller_id) {
            return format!("The shipping method chosen of {name} cannot carry these goods there; choose another.");
        }
        if self.methods.contains_key(&line.seller_id) {
            let grams = self.grams(line.seller_id);
            return format!("{name} has no shipping method for goods of {grams} g; order less of theirs at once.");
        }
        format!("{name} has no shipping method in {currency} to this destination.")
    }
}
