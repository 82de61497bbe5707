//! An order in souk beside the same order in the source.

use std::collections::{BTreeMap, BTreeSet};

use crate::cents::Cents;
use crate::goal::Goal;
use crate::market::{CURRENCY, Market};
use crate::source::Order;
use crate::state::State;
use crate::view::{AdminOrder, OrderStatus};

/// What souk says of an order, and where the source says something else.
#[derive(Debug, Default)]
pub struct Checked {
    pub seller_orders: usize,
    pub units: i64,
    /// Captured from the shopper.
    pub money_in: Cents,
    /// Refunded to the shopper.
    pub money_back: Cents,
    /// Each in a sentence.
    pub differences: Vec<String>,
}

/// Compares amounts to the cent, parts, lines, status and money.
pub fn check(order: &Order, seen: &AdminOrder, market: &Market<'_>, state: &State) -> Checked {
    let mut differences = Vec::new();
    let mut expect = |what: &str, source: &dyn std::fmt::Display, souk: &dyn std::fmt::Display| {
        let (source, souk) = (source.to_string(), souk.to_string());
        if source != souk {
            differences.push(format!("{what}: {source} in the source, {souk} in souk"));
        }
    };
    let placed = &seen.order;
    expect("currency", &CURRENCY, &placed.currency);
    expect("items", &order.items_total(), &placed.items_total);
    expect("freight", &order.freight_total(), &placed.shipping_total);
    expect("total", &order.total(), &placed.total);
    expect(
        "sum of the seller orders",
        &order.total(),
        &placed.seller_orders.iter().map(|part| part.total).sum::<Cents>(),
    );
    expect("seller orders", &order.freight.len(), &placed.seller_orders.len());
    let sellers: BTreeSet<_> = placed.seller_orders.iter().map(|part| part.seller_id).collect();
    expect("sellers", &order.freight.len(), &sellers.len());

    for part in &placed.seller_orders {
        let Ok(seller) = market.seller_by_id(part.seller_id) else {
            expect("seller", &"one of the source's", &part.seller_id);
            continue;
        };
        let freight = order.freight.get(&seller).copied().unwrap_or_default();
        expect(&format!("freight of seller {seller}"), &freight, &part.shipping_total);
        let lines = |(offer, price): &(uuid::Uuid, Cents), units: &i64| format!("{units} x {offer} at {price}");
        let mut source = BTreeMap::new();
        for line in order.lines.iter().filter(|line| line.offer.seller == seller) {
            *source.entry((state.offer(&line.offer).unwrap_or_default(), line.price)).or_insert(0) += line.quantity;
        }
        let mut souk = BTreeMap::new();
        for line in &part.lines {
            *souk.entry((line.offer_id, line.unit_price)).or_insert(0) += line.quantity;
        }
        let shown =
            |all: &BTreeMap<_, _>| all.iter().map(|(key, units)| lines(key, units)).collect::<Vec<_>>().join(", ");
        expect(&format!("lines of seller {seller}"), &shown(&source), &shown(&souk));
    }

    let goal = Goal::of(order);
    if !goal.is_reached(placed.status) {
        expect("status", &format!("{:?}", goal.status), &format!("{:?}", placed.status));
    }
    let money_in: Cents = seen.payments.iter().map(|payment| payment.captured_amount).sum();
    expect("money in", &if goal.paid { order.total() } else { Cents::default() }, &money_in);
    let succeeded = seen.refunds.iter().filter(|refund| refund.status == "succeeded");
    let money_back: Cents = succeeded.map(|refund| refund.amount).sum();
    let cancelled = goal.status == OrderStatus::Cancelled && goal.paid;
    expect("money back", &if cancelled { order.total() } else { Cents::default() }, &money_back);

    let units = placed.seller_orders.iter().flat_map(|part| &part.lines).map(|line| line.quantity).sum();
    Checked { seller_orders: placed.seller_orders.len(), units, money_in, money_back, differences }
}
