//! Which events an endpoint is told of.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::{Error, Result};

/// An endpoint names at most so many types and beginnings.
pub const MOST_PATTERNS: usize = 50;

/// Events of an order as a whole that each of its sellers is told of, with their own part only.
/// The others tell how far other sellers are; each has a counterpart of the seller order.
pub const OF_EVERY_PART: &[&str] = &["order.created", "order.cancelled"];

/// What is told of endpoints themselves, and only to those that ask for it.
const OF_ENDPOINTS: &str = "webhook_endpoint.";

/// Every type of event that sellers are told of.
pub const EVENT_TYPES: &[&str] = &[
    "batch.created",
    "batch.updated",
    "order.cancelled",
    "order.created",
    "payout.created",
    "payout.failed",
    "payout.paid",
    "payout.returned",
    "payout.submitted",
    "payout.unresolved",
    "refund.created",
    "refund.failed",
    "refund.submitted",
    "refund.succeeded",
    "refund.unresolved",
    "return.approved",
    "return.cancelled",
    "return.dispatched",
    "return.expired",
    "return.processed",
    "return.received",
    "return.rejected",
    "return.requested",
    "seller.applied",
    "seller.approved",
    "seller.closed",
    "seller.configured",
    "seller.rejected",
    "seller.suspended",
    "seller_order.accepted",
    "seller_order.cancelled",
    "seller_order.completed",
    "seller_order.confirmed",
    "seller_order.created",
    "seller_order.delivered",
    "seller_order.edited",
    "seller_order.refunded",
    "seller_order.shipped",
    "shipment.created",
    "shipment.updated",
    "webhook_endpoint.created",
    "webhook_endpoint.disabled",
    "webhook_endpoint.enabled",
    "webhook_endpoint.secret_rotated",
    "webhook_endpoint.tested",
    "webhook_endpoint.updated",
];

/// Types of events, or their beginnings such as `order.*`; none: every type but those of
/// endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(BTreeSet<String>);

impl Filter {
    /// Reads what a seller asks for; what is named twice counts once.
    ///
    /// # Errors
    /// [`Code::InvalidValue`](crate::Code::InvalidValue) for a type that is none, or for more than
    /// [`MOST_PATTERNS`].
    pub fn read(patterns: &[String]) -> Result<Self> {
        if patterns.len() > MOST_PATTERNS {
            return Err(Error::invalid(format!("event_types names at most {MOST_PATTERNS}.")));
        }
        for pattern in patterns {
            let known = EVENT_TYPES.iter().any(|known| matches(pattern, known));
            if !known {
                let message = format!(
                    "\"{pattern}\" is no type of event; event_types takes {}, and beginnings such as \"order.*\".",
                    EVENT_TYPES.join(", ")
                );
                return Err(Error::invalid(message));
            }
        }
        Ok(Self(patterns.iter().cloned().collect()))
    }

    /// As an endpoint's row holds it.
    pub fn stored(&self) -> Value {
        self.0.iter().cloned().collect()
    }

    /// Of an endpoint's row.
    pub fn of(stored: &Value) -> Self {
        let patterns = stored.as_array().into_iter().flatten();
        Self(patterns.filter_map(|pattern| pattern.as_str().map(str::to_owned)).collect())
    }

    /// What it names, in order.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether it lets events of a type through.
    pub fn lets_through(&self, event_type: &str) -> bool {
        if self.0.is_empty() {
            // An endpoint that asks for nothing in particular has no use for news of endpoints.
            return !event_type.starts_with(OF_ENDPOINTS);
        }
        self.0.iter().any(|pattern| matches(pattern, event_type))
    }
}

fn matches(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        // `order.*`, and neither `*` nor `ord*`.
        Some(beginning) => beginning.len() > 1 && beginning.ends_with('.') && event_type.starts_with(beginning),
        None => pattern == event_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(patterns: &[&str]) -> Result<Filter> {
        Filter::read(&patterns.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn types_and_beginnings_of_types_let_through() {
        let all = filter(&[]).expect("nothing is everything");
        assert!(all.lets_through("order.created") && all.lets_through("payout.paid"));
        assert!(!all.lets_through("webhook_endpoint.disabled"));
        let some = filter(&["seller_order.*", "payout.paid"]).expect("both are known");
        for (event_type, passes) in [
            ("seller_order.created", true),
            ("payout.paid", true),
            ("payout.failed", false),
            ("order.created", false),
            ("webhook_endpoint.disabled", false),
        ] {
            assert_eq!(some.lets_through(event_type), passes, "{event_type}");
        }
        assert!(filter(&["webhook_endpoint.*"]).expect("known").lets_through("webhook_endpoint.disabled"));
        assert_eq!(Filter::of(&some.stored()), some);
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for bad in ["", "*", ".*", "order", "order.", "ord*", "order.*.*", "order.sold", "Order.created", "unknown.*"] {
            assert!(filter(&[bad]).is_err(), "{bad}");
        }
        assert!(filter(&["order.*"; MOST_PATTERNS + 1]).is_err());
        assert_eq!(filter(&["order.*"; 2]).expect("twice").patterns().collect::<Vec<_>>(), ["order.*"]);
    }

    #[test]
    fn known_types_are_in_order_and_each_once() {
        assert!(EVENT_TYPES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(OF_EVERY_PART.iter().all(|shared| EVENT_TYPES.contains(shared)));
    }
}
