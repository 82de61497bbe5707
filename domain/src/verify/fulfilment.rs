//! Quantities on their way: sent, arrived, returned; parcels and their labels.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

/// The states of a parcel that has not left, as SQL; a test holds it against
/// [`crate::shipment::transition::has_left`].
macro_rules! not_left {
    () => {
        "('pending', 'labelled', 'cancelled')"
    };
}

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "line_quantities_are_within_what_was_ordered",
        4,
        "Of a line, sent and cancelled units together are at most the ordered ones, arrived at most the sent, returned \
         at most the arrived, and none is negative.",
        "SELECT id FROM order_line WHERE quantity < 0 OR cancelled_quantity < 0 OR shipped_quantity < 0 \
             OR delivered_quantity < 0 OR returned_quantity < 0 \
             OR shipped_quantity + cancelled_quantity > quantity OR delivered_quantity > shipped_quantity \
             OR returned_quantity > delivered_quantity",
    ),
    rows(
        "line_shipped_is_what_left_in_parcels",
        4,
        "The sent units of a line are those in parcels to the shopper that have left.",
        concat!(
            "SELECT l.id AS id FROM order_line l \
             LEFT JOIN (SELECT x.order_line_id AS line_id, sum(x.quantity) AS units FROM shipment_line x \
                 JOIN shipment h ON h.id = x.shipment_id WHERE h.direction = 'outbound' AND h.status NOT IN ",
            not_left!(),
            " GROUP BY x.order_line_id) p ON p.line_id = l.id WHERE l.shipped_quantity <> coalesce(p.units, 0)"
        ),
    ),
    rows(
        "line_delivered_is_what_arrived_in_parcels",
        4,
        "The arrived units of a line are those in parcels to the shopper that were delivered.",
        "SELECT l.id AS id FROM order_line l \
         LEFT JOIN (SELECT x.order_line_id AS line_id, sum(x.quantity) AS units FROM shipment_line x \
             JOIN shipment h ON h.id = x.shipment_id WHERE h.direction = 'outbound' AND h.status = 'delivered' \
             GROUP BY x.order_line_id) p ON p.line_id = l.id \
         WHERE l.delivered_quantity <> coalesce(p.units, 0)",
    ),
    rows(
        "line_returned_is_what_sellers_received",
        4,
        "The returned units of a line are those that its seller received in returns.",
        "SELECT l.id AS id FROM order_line l \
         LEFT JOIN (SELECT order_line_id, sum(received_quantity) AS units FROM return_line \
             GROUP BY order_line_id) r ON r.order_line_id = l.id \
         WHERE l.returned_quantity <> coalesce(r.units, 0)",
    ),
    rows(
        "cancelled_seller_order_has_no_live_units",
        4,
        "Every unit of a cancelled seller order is cancelled, and of no other all.",
        "SELECT s.id AS id FROM seller_order s \
         JOIN (SELECT seller_order_id, sum(quantity) AS ordered, sum(cancelled_quantity) AS cancelled \
             FROM order_line GROUP BY seller_order_id) l ON l.seller_order_id = s.id \
         WHERE (s.status = 'cancelled') <> (l.ordered = l.cancelled)",
    ),
    recomputed(
        "seller_order_status_follows_from_its_quantities",
        4,
        "A seller order is sent, delivered or waiting as the quantities of its lines say.",
        Recomputation::SellerOrderProgress,
    ),
    rows(
        "refunded_seller_order_is_returned_and_paid_back_whole",
        4,
        "Every unit of a refunded seller order has come back and has been paid back, by refunds that are over; goodwill \
         and shipping may still be on their way.",
        "SELECT s.id AS id FROM seller_order s JOIN order_line l ON l.seller_order_id = s.id \
             WHERE s.status = 'refunded' AND (l.returned_quantity <> l.quantity - l.cancelled_quantity \
                 OR l.refunded_quantity <> l.quantity) \
         UNION ALL SELECT s.id FROM seller_order s JOIN refund r ON r.seller_order_id = s.id \
             JOIN refund_line x ON x.refund_id = r.id AND x.component = 'item' \
             WHERE s.status = 'refunded' AND r.status IN ('pending', 'submitted', 'unresolved')",
    ),
    rows(
        "seller_order_that_is_returned_and_paid_back_is_refunded",
        4,
        "A delivered seller order of which every unit has come back and is paid back is refunded, once no return and no \
         refund of it but goodwill is under way.",
        "SELECT s.id AS id FROM seller_order s JOIN order_line l ON l.seller_order_id = s.id \
         WHERE s.status IN ('delivered', 'completed') AND NOT EXISTS (SELECT 1 FROM refund r \
             WHERE r.seller_order_id = s.id AND r.reason <> 'goodwill' \
                 AND r.status IN ('pending', 'submitted', 'unresolved')) \
             AND NOT EXISTS (SELECT 1 FROM return_request q WHERE q.seller_order_id = s.id \
                 AND q.status IN ('requested', 'approved', 'in_transit', 'received')) \
         GROUP BY s.id HAVING sum(CASE WHEN l.returned_quantity = l.quantity - l.cancelled_quantity \
             AND l.refunded_quantity = l.quantity THEN 0 ELSE 1 END) = 0",
    ),
    rows(
        "stock_moves_with_parcels_and_returns",
        4,
        "What parcels took off the shelf is what is in those that left, and what returns put back is what was restocked.",
        concat!(
            "SELECT id FROM ( \
                 SELECT source_id AS id, delta AS units FROM stock_movement WHERE reason = 'shipment' \
                 UNION ALL SELECT h.id, x.quantity FROM shipment h JOIN shipment_line x ON x.shipment_id = h.id \
                     WHERE h.direction = 'outbound' AND h.status NOT IN ",
            not_left!(),
            "    UNION ALL SELECT source_id, -delta FROM stock_movement WHERE reason = 'return' \
                 UNION ALL SELECT return_request_id, restocked_quantity FROM return_line) m \
             GROUP BY id HAVING sum(units) <> 0"
        ),
    ),
    rows(
        "tracking_number_is_one_parcels",
        11,
        "A carrier's tracking number belongs to one parcel.",
        "SELECT h.id AS id FROM shipment h \
         JOIN (SELECT carrier, tracking_number FROM shipment WHERE tracking_number IS NOT NULL \
             GROUP BY carrier, tracking_number HAVING count(*) > 1) d \
             ON d.carrier = h.carrier AND d.tracking_number = h.tracking_number",
    ),
    rows(
        "parcel_beyond_packing_has_a_bought_label",
        11,
        "A parcel that waits has no label; one that is labelled or has left has a bought one with a tracking number.",
        "SELECT id FROM shipment \
         WHERE (label_cost IS NULL) <> (carrier_ref IS NULL) OR (label_cost IS NULL) <> (tracking_number IS NULL) \
             OR (status = 'pending' AND label_cost IS NOT NULL) \
             OR (status NOT IN ('pending', 'cancelled') AND label_cost IS NULL)",
    ),
    rows(
        "label_file_is_of_a_labelled_parcel",
        11,
        "Only a parcel with a bought label has label files, and at most one of a format.",
        "SELECT f.shipment_id AS id FROM shipment_label f LEFT JOIN shipment h ON h.id = f.shipment_id \
             WHERE h.id IS NULL OR h.label_cost IS NULL \
         UNION ALL SELECT shipment_id FROM shipment_label GROUP BY shipment_id, format HAVING count(*) > 1",
    ),
    rows(
        "scan_is_kept_once",
        11,
        "A scan of a parcel is kept once.",
        "SELECT e.id AS id FROM shipment_event e \
         JOIN (SELECT shipment_id, occurred_at, tracking_status FROM shipment_event \
             GROUP BY shipment_id, occurred_at, tracking_status HAVING count(*) > 1) d \
             ON d.shipment_id = e.shipment_id AND d.occurred_at = e.occurred_at \
                 AND d.tracking_status = e.tracking_status",
    ),
];

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;
    use souk_entity::status::ShipmentStatus;

    use crate::shipment::transition::has_left;

    #[test]
    fn what_has_not_left_is_what_the_domain_says() {
        for status in ShipmentStatus::iter() {
            assert_eq!(not_left!().contains(&format!("'{status}'")), !has_left(status), "{status}");
        }
    }
}
