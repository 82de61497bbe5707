//! State machines as data: an allow-list of edges, checked in one way and served to whoever asks.

use serde::Serialize;

use crate::error::{Code, Error, Result};
use crate::{order, payment, payout, returns, shipment};

/// An allowed change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge<S, E> {
    /// The state before.
    pub from: S,
    /// What happens.
    pub event: E,
    /// The state after.
    pub to: S,
}

/// Builds an edge.
pub const fn edge<S, E>(from: S, event: E, to: S) -> Edge<S, E> {
    Edge { from, event, to }
}

/// The state that `event` leads to from `from`.
///
/// # Errors
/// [`Code::IllegalTransition`], naming the state and what it allows.
pub fn next<S, E>(machine: &str, edges: &[Edge<S, E>], from: S, event: E) -> Result<S>
where
    S: Copy + PartialEq + std::fmt::Display,
    E: Copy + PartialEq + std::fmt::Debug,
{
    edges.iter().find(|edge| edge.from == from && edge.event == event).map(|edge| edge.to).ok_or_else(|| {
        let allowed: Vec<String> =
            edges.iter().filter(|edge| edge.from == from).map(|edge| name(&edge.event)).collect();
        let allowed = if allowed.is_empty() { "nothing more".to_owned() } else { allowed.join(", ") };
        Error::new(
            Code::IllegalTransition,
            format!("The {machine} is {from}; \"{}\" is not possible then (possible: {allowed}).", name(&event)),
        )
    })
}

/// A machine, for people and programs to look at.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Its name.
    pub name: &'static str,
    /// Its edges: from, event, to.
    pub edges: Vec<[String; 3]>,
}

/// Every machine.
pub fn machines() -> Vec<Machine> {
    vec![
        describe("seller_order", order::transition::SELLER_ORDER),
        describe("payment", payment::transition::PAYMENT),
        describe("refund", payment::transition::REFUND),
        describe("refund_approval", payment::transition::REFUND_APPROVAL),
        describe("shipment", shipment::transition::SHIPMENT),
        describe("return_request", returns::transition::RETURN_REQUEST),
        describe("payout", payout::transition::PAYOUT),
        describe("seller", crate::account::transition::SELLER),
        describe("batch", crate::batch::transition::BATCH),
        describe("webhook_endpoint", crate::webhook::transition::WEBHOOK_ENDPOINT),
    ]
}

fn describe<S: std::fmt::Display, E: std::fmt::Debug>(name: &'static str, edges: &[Edge<S, E>]) -> Machine {
    let edges =
        edges.iter().map(|edge| [edge.from.to_string(), self::name(&edge.event), edge.to.to_string()]).collect();
    Machine { name, edges }
}

/// `ShipAll` as `ship_all`.
fn name<E: std::fmt::Debug>(event: &E) -> String {
    let mut text = String::new();
    for letter in format!("{event:?}").chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
