//! Payments and refunds: what was taken, whose share it is, and what was paid back of it.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "payment_takes_at_most_what_is_held",
        5,
        "A payment takes at most what was authorized; all of its amount once captured, nothing before.",
        "SELECT id FROM payment WHERE captured_amount > authorized_amount OR captured_amount < 0 \
             OR (status = 'captured' AND captured_amount <> amount) \
             OR (status <> 'captured' AND captured_amount <> 0) \
             OR (status = 'authorized' AND authorized_amount <> amount)",
    ),
    rows(
        "order_has_one_live_payment",
        5,
        "An order has at most one payment that has neither failed nor been voided.",
        "SELECT p.id AS id FROM payment p \
         JOIN (SELECT order_id FROM payment WHERE status NOT IN ('failed', 'voided') \
             GROUP BY order_id HAVING count(*) > 1) d ON d.order_id = p.order_id \
         WHERE p.status NOT IN ('failed', 'voided')",
    ),
    rows(
        "provider_payment_is_one_payment",
        5,
        "What the provider calls a payment is one payment of ours.",
        "SELECT p.id AS id FROM payment p \
         JOIN (SELECT provider, provider_ref FROM payment WHERE provider_ref IS NOT NULL \
             GROUP BY provider, provider_ref HAVING count(*) > 1) d \
             ON d.provider = p.provider AND d.provider_ref = p.provider_ref",
    ),
    rows(
        "payment_is_the_sum_of_its_shares",
        5,
        "A payment is of its order's total and is the sum of its shares.",
        "SELECT p.id AS id FROM payment p JOIN orders o ON o.id = p.order_id \
         LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM payment_share GROUP BY payment_id) s \
             ON s.payment_id = p.id \
         WHERE p.amount <> o.total OR p.amount <> coalesce(s.amount, 0)",
    ),
    rows(
        "payment_share_is_its_seller_orders_total",
        5,
        "A share of a payment is the total of its seller order, which is of the payment's order.",
        "SELECT x.payment_id AS id, x.seller_order_id AS part FROM payment_share x \
         JOIN payment p ON p.id = x.payment_id JOIN seller_order s ON s.id = x.seller_order_id \
         WHERE x.amount <> s.total OR s.order_id <> p.order_id",
    ),
    rows(
        "share_refunded_is_the_sum_of_its_refunds",
        6,
        "What is refunded of a share is the sum of its refunds that have not failed.",
        "SELECT id, part FROM ( \
             SELECT payment_id AS id, seller_order_id AS part, refunded_amount AS amount FROM payment_share \
             UNION ALL SELECT payment_id, seller_order_id, -amount FROM refund WHERE status <> 'failed') m \
         GROUP BY id, part HAVING sum(amount) <> 0",
    ),
    rows(
        "share_is_refunded_at_most_whole",
        6,
        "At most the whole of a share is refunded.",
        "SELECT payment_id AS id, seller_order_id AS part FROM payment_share \
         WHERE refunded_amount < 0 OR refunded_amount > amount",
    ),
    rows(
        "refund_is_of_a_captured_payment",
        6,
        "Only captured money is paid back.",
        "SELECT r.id AS id FROM refund r JOIN payment p ON p.id = r.payment_id WHERE p.status <> 'captured'",
    ),
    rows(
        "refund_is_the_sum_of_its_lines",
        6,
        "A refund is not less than nothing, and is the sum of its lines.",
        "SELECT r.id AS id FROM refund r \
         LEFT JOIN (SELECT refund_id, sum(amount) AS amount FROM refund_line GROUP BY refund_id) l \
             ON l.refund_id = r.id \
         WHERE r.amount < 0 OR r.amount <> coalesce(l.amount, 0)",
    ),
    rows(
        "return_is_refunded_once",
        6,
        "A return has at most one refund that has not failed.",
        "SELECT r.id AS id FROM refund r \
         JOIN (SELECT return_request_id FROM refund WHERE return_request_id IS NOT NULL AND status <> 'failed' \
             GROUP BY return_request_id HAVING count(*) > 1) d ON d.return_request_id = r.return_request_id",
    ),
    rows(
        "line_is_refunded_at_most_whole",
        6,
        "At most a line's total is paid back for its units.",
        "SELECT l.id AS id FROM order_line l \
         JOIN (SELECT x.order_line_id AS line_id, sum(x.amount) AS amount FROM refund_line x \
             JOIN refund r ON r.id = x.refund_id WHERE r.status <> 'failed' GROUP BY x.order_line_id) p \
             ON p.line_id = l.id \
         WHERE p.amount > l.total",
    ),
    rows(
        "shipping_is_refunded_at_most_whole",
        6,
        "At most the shipping of a seller order is paid back as shipping.",
        "SELECT s.id AS id FROM seller_order s \
         JOIN (SELECT r.seller_order_id AS part_id, sum(x.amount) AS amount FROM refund_line x \
             JOIN refund r ON r.id = x.refund_id WHERE r.status <> 'failed' AND x.component = 'shipping' \
             GROUP BY r.seller_order_id) p ON p.part_id = s.id \
         WHERE p.amount > s.shipping_total",
    ),
    // Units that are worth nothing, or whose worth was paid as goodwill before, are counted
    // without a refund; so there may be more of them than refunds name, and never fewer.
    rows(
        "line_refunded_units_are_cancelled_or_returned",
        6,
        "The refunded units of a line are at least those its refunds name, and at most those cancelled or returned.",
        "SELECT l.id AS id FROM order_line l \
         LEFT JOIN (SELECT x.order_line_id AS line_id, sum(x.quantity) AS units FROM refund_line x \
             JOIN refund r ON r.id = x.refund_id WHERE r.status <> 'failed' GROUP BY x.order_line_id) p \
             ON p.line_id = l.id \
         WHERE l.refunded_quantity < coalesce(p.units, 0) \
             OR l.refunded_quantity > l.cancelled_quantity + l.returned_quantity",
    ),
    recomputed(
        "refunded_units_are_paid_back",
        6,
        "What the refunded units of a seller order are worth has been paid back, but for what goodwill paid before.",
        Recomputation::RefundedUnits,
    ),
    rows(
        "cancelled_seller_order_is_paid_back_whole",
        6,
        "All that was paid for a cancelled seller order is refunded, but for refunds that the provider refused.",
        "SELECT s.id AS id FROM seller_order s \
         JOIN payment_share x ON x.seller_order_id = s.id \
         JOIN payment p ON p.id = x.payment_id AND p.status = 'captured' \
         LEFT JOIN (SELECT payment_id, seller_order_id, sum(amount) AS amount FROM refund WHERE status = 'failed' \
             GROUP BY payment_id, seller_order_id) f \
             ON f.payment_id = x.payment_id AND f.seller_order_id = x.seller_order_id \
         WHERE s.status = 'cancelled' AND x.refunded_amount + coalesce(f.amount, 0) < x.amount",
    ),
    rows(
        "confirmed_order_is_paid",
        7,
        "At least the total of an order that is confirmed or further has been taken.",
        "SELECT o.id AS id FROM orders o \
         LEFT JOIN (SELECT order_id, sum(captured_amount) AS amount FROM payment GROUP BY order_id) p \
             ON p.order_id = o.id \
         WHERE o.status NOT IN ('pending', 'cancelled') AND coalesce(p.amount, 0) < o.total",
    ),
    rows(
        "paid_order_is_confirmed",
        7,
        "An order whose total has been taken does not wait for payment.",
        "SELECT o.id AS id FROM orders o \
         LEFT JOIN (SELECT order_id, sum(captured_amount) AS amount FROM payment GROUP BY order_id) p \
             ON p.order_id = o.id \
         WHERE o.status = 'pending' AND coalesce(p.amount, 0) >= o.total",
    ),
    rows(
        "order_is_not_paid_in_excess",
        7,
        "No more than its total is taken for an order.",
        "SELECT o.id AS id FROM orders o \
         JOIN (SELECT order_id, sum(captured_amount) AS amount FROM payment GROUP BY order_id) p \
             ON p.order_id = o.id \
         WHERE p.amount > o.total",
    ),
];
