//! Stock: what is on hand, what is held of it, and for which lines.

use super::{Invariant, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "stock_reserved_is_within_on_hand",
        1,
        "No stock level has less reserved than nothing or more than is on hand.",
        "SELECT id FROM inventory_level WHERE reserved < 0 OR reserved > on_hand",
    ),
    rows(
        "stock_reserved_is_what_reservations_hold",
        1,
        "What is reserved of a stock level is the sum of what its open reservations hold.",
        "SELECT l.id AS id FROM inventory_level l \
         LEFT JOIN (SELECT inventory_level_id, sum(open_quantity) AS units FROM reservation \
             WHERE status IN ('held', 'allocated') GROUP BY inventory_level_id) r ON r.inventory_level_id = l.id \
         WHERE l.reserved <> coalesce(r.units, 0)",
    ),
    rows(
        "stock_on_hand_is_the_sum_of_movements",
        1,
        "What is on hand of a stock level is the sum of its movements.",
        "SELECT l.id AS id FROM inventory_level l \
         LEFT JOIN (SELECT inventory_level_id, sum(delta) AS units FROM stock_movement \
             GROUP BY inventory_level_id) m ON m.inventory_level_id = l.id \
         WHERE l.on_hand <> coalesce(m.units, 0)",
    ),
    rows(
        "stock_moves_once_per_cause",
        1,
        "A cause moves a stock level once.",
        "SELECT m.id AS id FROM stock_movement m \
         JOIN (SELECT inventory_level_id, reason, source_id FROM stock_movement \
             GROUP BY inventory_level_id, reason, source_id HAVING count(*) > 1) d \
             ON d.inventory_level_id = m.inventory_level_id AND d.reason = m.reason AND d.source_id = m.source_id",
    ),
    rows(
        "reservations_are_one_per_line_and_level",
        1,
        "A line has at most one reservation of a stock level.",
        "SELECT r.id AS id FROM reservation r \
         JOIN (SELECT order_line_id, inventory_level_id FROM reservation \
             GROUP BY order_line_id, inventory_level_id HAVING count(*) > 1) d \
             ON d.order_line_id = r.order_line_id AND d.inventory_level_id = r.inventory_level_id",
    ),
    rows(
        "reservations_are_open_as_their_status_says",
        1,
        "A reservation holds units while it is held or allocated and none afterwards, never more than it was made \
         for, and only a held one expires.",
        "SELECT id FROM reservation WHERE open_quantity < 0 OR open_quantity > quantity \
             OR (open_quantity > 0) <> (status IN ('held', 'allocated')) \
             OR (expires_at IS NOT NULL) <> (status = 'held')",
    ),
    rows(
        "reservations_are_of_the_offer_and_quantity_of_their_line",
        1,
        "The reservations of a line are of its offer, and were made for all its units.",
        "SELECT l.id AS id FROM order_line l \
         LEFT JOIN (SELECT r.order_line_id AS line_id, sum(r.quantity) AS units FROM reservation r \
             JOIN inventory_level v ON v.id = r.inventory_level_id \
             JOIN order_line o ON o.id = r.order_line_id AND o.offer_id = v.offer_id \
             GROUP BY r.order_line_id) h ON h.line_id = l.id \
         WHERE l.quantity <> coalesce(h.units, 0)",
    ),
    rows(
        "reservations_hold_what_is_still_to_be_sent",
        1,
        "An unpaid line is held whole or not at all; of a paid one, exactly what is neither cancelled nor sent is \
         allocated.",
        "SELECT l.id AS id FROM order_line l JOIN seller_order s ON s.id = l.seller_order_id \
         LEFT JOIN (SELECT order_line_id, \
                 sum(CASE WHEN status = 'held' THEN open_quantity ELSE 0 END) AS held, \
                 sum(CASE WHEN status = 'allocated' THEN open_quantity ELSE 0 END) AS allocated \
             FROM reservation GROUP BY order_line_id) r ON r.order_line_id = l.id \
         WHERE CASE WHEN s.status = 'pending' \
             THEN coalesce(r.held, 0) NOT IN (0, l.quantity) OR coalesce(r.allocated, 0) <> 0 \
             ELSE coalesce(r.held, 0) <> 0 \
                 OR coalesce(r.allocated, 0) <> l.quantity - l.cancelled_quantity - l.shipped_quantity END",
    ),
];
