//! The states of a seller order, and how an order's state follows from them.

use souk_entity::order_line;
use souk_entity::status::OrderStatus::{self, *};

use crate::transition::{Edge, edge};

/// What happens to a seller order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SellerOrderEvent {
    /// Its items, or what they cost, are changed before it is paid.
    Edit,
    /// The order is paid.
    Confirm,
    /// The seller takes it on.
    Accept,
    /// Some units have left.
    ShipPart,
    /// All units have left.
    ShipAll,
    /// Some units have arrived.
    DeliverPart,
    /// All units have arrived.
    DeliverAll,
    /// The return window has closed.
    Complete,
    /// Nothing of it will be sent.
    Cancel,
    /// Every unit is returned and refunded.
    Refund,
}

use SellerOrderEvent::*;

/// Every allowed change of a seller order. Scans can come late or not at all, so a parcel may be
/// delivered before it was seen moving; nothing ever goes back.
pub const SELLER_ORDER: &[Edge<OrderStatus, SellerOrderEvent>] = &[
    edge(Pending, Edit, Pending),
    edge(Pending, Confirm, Confirmed),
    edge(Pending, Cancel, Cancelled),
    edge(Confirmed, Accept, Processing),
    edge(Confirmed, Cancel, Cancelled),
    edge(Processing, Cancel, Cancelled),
    edge(Processing, ShipPart, PartiallyShipped),
    edge(Processing, ShipAll, Shipped),
    edge(Processing, DeliverPart, PartiallyDelivered),
    edge(Processing, DeliverAll, Delivered),
    edge(PartiallyShipped, ShipPart, PartiallyShipped),
    edge(PartiallyShipped, ShipAll, Shipped),
    edge(PartiallyShipped, DeliverPart, PartiallyDelivered),
    edge(PartiallyShipped, DeliverAll, Delivered),
    edge(Shipped, DeliverPart, PartiallyDelivered),
    edge(Shipped, DeliverAll, Delivered),
    edge(PartiallyDelivered, DeliverPart, PartiallyDelivered),
    edge(PartiallyDelivered, DeliverAll, Delivered),
    edge(Delivered, Complete, Completed),
    edge(Delivered, Refund, Refunded),
    edge(Completed, Refund, Refunded),
];

/// What the quantities of a seller order's lines say of its way to the shopper; `None` while
/// nothing has left.
pub fn progress(lines: &[order_line::Model]) -> Option<SellerOrderEvent> {
    let wanted: i64 = lines.iter().map(|line| line.quantity - line.cancelled_quantity).sum();
    let shipped: i64 = lines.iter().map(|line| line.shipped_quantity).sum();
    let delivered: i64 = lines.iter().map(|line| line.delivered_quantity).sum();
    match () {
        () if shipped == 0 => None,
        () if delivered == wanted => Some(DeliverAll),
        () if delivered > 0 => Some(DeliverPart),
        () if shipped == wanted => Some(ShipAll),
        () => Some(ShipPart),
    }
}

/// The state of an order, from those of its seller orders.
///
/// Cancelled parts are ignored unless all are cancelled. Where the rest agree, that is the state;
/// where they differ, it is the partial state of the farthest: some delivered, some shipped, some
/// taken on. Parts that have all arrived make a delivered order until the last is completed.
pub fn order_status(parts: &[OrderStatus]) -> OrderStatus {
    let live: Vec<OrderStatus> = parts.iter().copied().filter(|part| *part != Cancelled).collect();
    let Some(first) = live.first() else { return Cancelled };
    if live.iter().all(|part| part == first) {
        return *first;
    }
    let arrived = |part: &OrderStatus| matches!(part, Delivered | Completed | Refunded);
    if live.iter().all(|part| matches!(part, Completed | Refunded)) {
        Completed
    } else if live.iter().all(arrived) {
        Delivered
    } else if live.iter().any(|part| arrived(part) || *part == PartiallyDelivered) {
        PartiallyDelivered
    } else if live.iter().any(|part| matches!(part, PartiallyShipped | Shipped)) {
        PartiallyShipped
    } else if live.contains(&Processing) {
        Processing
    } else {
        Confirmed
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;
    use crate::error::Code;
    use crate::transition::next;

    const EVENTS: [SellerOrderEvent; 10] =
        [Edit, Confirm, Accept, ShipPart, ShipAll, DeliverPart, DeliverAll, Complete, Cancel, Refund];

    /// How far along a state is; an edge never leads back.
    fn rank(status: OrderStatus) -> u8 {
        match status {
            Pending => 0,
            Confirmed => 1,
            Processing => 2,
            PartiallyShipped => 3,
            Shipped => 4,
            PartiallyDelivered => 5,
            Delivered => 6,
            Completed => 7,
            Refunded | Cancelled => 8,
        }
    }

    #[test]
    fn every_pair_is_allowed_once_or_refused_with_a_reason() {
        for from in OrderStatus::iter() {
            for event in EVENTS {
                let edges = SELLER_ORDER.iter().filter(|edge| edge.from == from && edge.event == event).count();
                match next("seller order", SELLER_ORDER, from, event) {
                    Ok(to) => {
                        assert_eq!(edges, 1, "{from} {event:?}");
                        assert!(rank(to) >= rank(from), "{from} {event:?} goes back to {to}");
                    }
                    Err(error) => {
                        assert_eq!((edges, error.code), (0, Code::IllegalTransition));
                        assert!(error.message.contains(&from.to_string()));
                    }
                }
            }
        }
    }

    #[test]
    fn what_has_left_cannot_be_cancelled_and_ends_stay() {
        for from in [PartiallyShipped, Shipped, PartiallyDelivered, Delivered, Completed, Cancelled, Refunded] {
            assert!(next("seller order", SELLER_ORDER, from, Cancel).is_err());
        }
        for end in [Cancelled, Refunded] {
            assert!(SELLER_ORDER.iter().all(|edge| edge.from != end));
        }
    }

    #[test]
    fn an_order_follows_its_parts() {
        for (parts, expected) in [
            (vec![Pending, Pending], Pending),
            (vec![Cancelled, Cancelled], Cancelled),
            (vec![Cancelled, Shipped], Shipped),
            (vec![Confirmed, Processing], Processing),
            (vec![Confirmed, Shipped], PartiallyShipped),
            (vec![Shipped, Delivered], PartiallyDelivered),
            (vec![Processing, Completed], PartiallyDelivered),
            (vec![Delivered, Completed], Delivered),
            (vec![Delivered, Refunded], Delivered),
            (vec![Completed, Refunded], Completed),
            (vec![Refunded, Refunded, Cancelled], Refunded),
        ] {
            assert_eq!(order_status(&parts), expected, "{parts:?}");
            let mut turned = parts.clone();
            turned.reverse();
            assert_eq!(order_status(&turned), expected, "{turned:?}");
        }
    }
}
