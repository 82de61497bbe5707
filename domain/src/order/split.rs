//! The split: priced parts become seller orders, lines, the record of their pricing, and holds on
//! stock. Lines are moved, never priced again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{EntityTrait, IntoActiveModel};
use souk_entity::id::{OfferId, OrderId, OrderLineId, ReservationId, SellerId, SellerOrderId};
use souk_entity::money::CurrencyCode;
use souk_entity::status::{OrderStatus, ReservationStatus};
use souk_entity::{order_line, price_step, reservation, seller_order};

use super::basket::{Basket, BasketLine};
use super::detail::Part;
use super::pricing::{Priced, PricedLine, PricedPart};
use super::stock;
use crate::error::{Code, Error, Result};
use crate::returns::policy::ReturnPolicy;
use crate::store::Tx;

/// The order that is split.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// The order.
    pub id: OrderId,
    /// Its number; the parts' begin with it.
    pub number: &'a str,
    /// Its currency.
    pub currency: CurrencyCode,
    /// When.
    pub now: DateTime<Utc>,
}

/// Seller orders and lines that are there already, where a pending order is priced again.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// By seller.
    pub parts: HashMap<SellerId, seller_order::Model>,
    /// By offer.
    pub lines: HashMap<OfferId, order_line::Model>,
}

impl Known {
    /// What an order consists of.
    pub fn new(parts: &[Part]) -> Self {
        Self {
            parts: parts.iter().map(|part| (part.seller_order.seller_id, part.seller_order.clone())).collect(),
            lines: parts.iter().flat_map(|part| &part.lines).map(|line| (line.offer_id, line.clone())).collect(),
        }
    }

    fn last_position(&self) -> i32 {
        self.lines.values().map(|line| line.position).max().unwrap_or(0)
    }
}

/// Makes the parts of an order, by seller.
///
/// # Errors
/// [`Code::Internal`] when the basket is not the one that was priced.
pub fn parts(whole: Whole<'_>, basket: &Basket, priced: &Priced, known: &Known) -> Result<Vec<Part>> {
    let by_offer: HashMap<OfferId, &BasketLine> = basket.lines.iter().map(|line| (line.offer_id, line)).collect();
    let mut position = known.last_position();
    let mut number = known.parts.len();
    let mut parts = Vec::with_capacity(priced.parts.len());
    for priced in &priced.parts {
        let there = known.parts.get(&priced.seller_id);
        let id = there.map_or_else(|| SellerOrderId::at(whole.now), |part| part.id);
        let mut lines = Vec::with_capacity(priced.lines.len());
        for line in &priced.lines {
            let source = by_offer
                .get(&line.offer_id)
                .ok_or_else(|| Error::internal("a priced line that is not in the basket"))?;
            let there = known.lines.get(&line.offer_id);
            let (line_id, at) = there.map_or_else(
                || {
                    position += 1;
                    (OrderLineId::at(whole.now), position)
                },
                |line| (line.id, line.position),
            );
            // What was taken back when it was ordered, is; whatever the seller excludes since.
            let returnable = there.map_or(source.returnable, |line| line.returnable);
            let row = order_line(line_id, (id, at), line, source);
            lines.push(order_line::Model { returnable, ..row });
        }
        let source = by_offer.get(&priced.lines[0].offer_id);
        let source = source.ok_or_else(|| Error::internal("a priced line that is not in the basket"))?;
        let seller_name = source.seller_name.clone();
        let seller_order = match there {
            Some(there) => amounts(there.clone(), priced),
            None => {
                number += 1;
                amounts(blank(whole, id, number, priced.seller_id, source.return_policy), priced)
            }
        };
        parts.push(Part { seller_order, seller_name, lines });
    }
    Ok(parts)
}

/// A new seller order without amounts.
fn blank(
    whole: Whole<'_>,
    id: SellerOrderId,
    number: usize,
    seller: SellerId,
    returns: ReturnPolicy,
) -> seller_order::Model {
    seller_order::Model {
        id,
        order_id: whole.id,
        seller_id: seller,
        number: format!("{}-{number}", whole.number),
        currency: whole.currency,
        status: OrderStatus::Pending,
        items_total: Default::default(),
        discount_total: Default::default(),
        shipping_price: Default::default(),
        shipping_discount: Default::default(),
        shipping_platform_discount: Default::default(),
        shipping_total: Default::default(),
        shipping_tax: Default::default(),
        shipping_tax_added: Default::default(),
        tax_added_total: Default::default(),
        tax_total: Default::default(),
        total: Default::default(),
        platform_discount_total: Default::default(),
        commission_total: Default::default(),
        commission_tax_total: Default::default(),
        shipping_method_id: None,
        shipping_method_name: None,
        accept_by: None,
        delivered_at: None,
        return_window_days: returns.window_days,
        return_label_payer: returns.label_paid_by,
        restocking_ppm: returns.restocking,
        return_window_ends_at: None,
        payable_at: None,
        cancellation_reason: None,
        version: 1,
        created_at: whole.now,
        updated_at: whole.now,
    }
}

/// The row with the amounts of `priced`.
fn amounts(row: seller_order::Model, priced: &PricedPart) -> seller_order::Model {
    seller_order::Model {
        items_total: priced.items_total,
        discount_total: priced.discount_total,
        shipping_price: priced.shipping_price,
        shipping_discount: priced.shipping_discount,
        shipping_platform_discount: priced.shipping_platform_discount,
        shipping_total: priced.shipping_total,
        shipping_tax: priced.shipping_tax,
        shipping_tax_added: priced.shipping_tax_added,
        tax_added_total: priced.tax_added_total,
        tax_total: priced.tax_total,
        total: priced.total,
        platform_discount_total: priced.platform_discount_total,
        commission_total: priced.commission_total,
        commission_tax_total: priced.commission_tax_total,
        shipping_method_id: priced.shipping.as_ref().map(|method| method.method_id),
        shipping_method_name: priced.shipping.as_ref().map(|method| method.name.clone()),
        ..row
    }
}

fn order_line(
    id: OrderLineId,
    (seller_order_id, position): (SellerOrderId, i32),
    line: &PricedLine,
    source: &BasketLine,
) -> order_line::Model {
    order_line::Model {
        id,
        seller_order_id,
        seller_id: source.seller_id,
        offer_id: line.offer_id,
        position,
        product_name: source.product_name.clone(),
        variant_name: source.variant_name.clone(),
        sku: source.sku.clone(),
        weight_grams: source.weight_grams,
        quantity: line.quantity,
        unit_price: line.unit_price,
        discount: line.discount,
        platform_discount: line.platform_discount,
        tax_class: source.tax_class.clone(),
        tax: line.tax,
        tax_added: line.tax_added,
        total: line.total,
        commission_rule_id: line.commission_rule_id,
        commission_rate_ppm: line.commission_terms.rate,
        commission_flat: line.commission_terms.flat,
        commission_minimum: line.commission_terms.minimum,
        commission_maximum: line.commission_terms.maximum,
        commission: line.commission,
        commission_tax_ppm: line.commission_tax_rate,
        commission_tax: line.commission_tax,
        returnable: source.returnable,
        cancelled_quantity: 0,
        shipped_quantity: 0,
        delivered_quantity: 0,
        returned_quantity: 0,
        refunded_quantity: 0,
    }
}

/// The record of how the parts' amounts came about.
///
/// # Errors
/// [`Code::Internal`] for a step of a line that is not there.
pub fn steps(parts: &[Part], priced: &Priced) -> Result<Vec<price_step::Model>> {
    let mut rows = Vec::new();
    for (part, priced) in parts.iter().zip(&priced.parts) {
        let lines: HashMap<OfferId, OrderLineId> = part.lines.iter().map(|line| (line.offer_id, line.id)).collect();
        for (at, step) in priced.steps.iter().enumerate() {
            let line = match step.offer_id {
                Some(offer) => {
                    let line = lines.get(&offer).copied();
                    Some(line.ok_or_else(|| Error::internal("a step of a line that is not there"))?)
                }
                None => None,
            };
            rows.push(price_step::Model {
                seller_order_id: part.seller_order.id,
                position: i32::try_from(at + 1).map_err(Error::internal)?,
                order_line_id: line,
                kind: step.kind,
                rule_id: step.rule_id,
                label: step.label.chars().take(200).collect(),
                base: step.base,
                rate_ppm: step.rate,
                divided: step.share.map(|share| share.whole),
                weight: step.share.map(|share| share.weight),
                weights: step.share.map(|share| share.weights),
                rounding_ppm: step.rounding_ppm,
                amount: step.amount,
            });
        }
    }
    Ok(rows)
}

/// Rows of one insert: SQLite takes 32,766 parameters in a statement, and a step has 13.
pub const ROWS_AT_ONCE: usize = 2_000;

/// Writes the record of pricing.
///
/// # Errors
/// The database's.
pub async fn write_steps(tx: &Tx, steps: &[price_step::Model]) -> Result<()> {
    for rows in steps.chunks(ROWS_AT_ONCE) {
        let rows = rows.iter().cloned().map(IntoActiveModel::into_active_model);
        price_step::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// The holds on stock of a line.
///
/// # Errors
/// [`Code::ConcurrentChange`] when the basket's stock does not suffice.
pub fn holds(
    line: &order_line::Model,
    basket: &Basket,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<reservation::Model>> {
    let source = basket.lines.iter().find(|source| source.offer_id == line.offer_id);
    let chosen = source.and_then(stock::choose);
    let chosen = chosen.ok_or_else(|| Error::new(Code::ConcurrentChange, "The stock changed at the same moment."))?;
    Ok(chosen
        .into_iter()
        .map(|(inventory_level_id, quantity)| reservation::Model {
            id: ReservationId::at(now),
            order_line_id: line.id,
            inventory_level_id,
            quantity,
            open_quantity: quantity,
            status: ReservationStatus::Held,
            expires_at: Some(until),
            created_at: now,
            updated_at: now,
        })
        .collect())
}
