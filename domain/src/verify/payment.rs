//! Payments: what was taken, and whose share it is.

use super::{Invariant, rows};

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
    // One that has failed or was given up is of the order as it was then: it may have been edited since.
    rows(
        "payment_is_the_sum_of_its_shares",
        5,
        "A payment is the sum of its shares, and of its order's total unless it has failed or was given up.",
        "SELECT p.id AS id FROM payment p JOIN orders o ON o.id = p.order_id \
         LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM payment_share GROUP BY payment_id) s \
             ON s.payment_id = p.id \
         WHERE p.amount <> coalesce(s.amount, 0) \
             OR (p.amount <> o.total AND p.status NOT IN ('failed', 'voided'))",
    ),
    rows(
        "payment_share_is_its_seller_orders_total",
        5,
        "A share of a payment is of a seller order of the payment's order and of its total, unless the payment has \
         failed or was given up.",
        "SELECT x.payment_id AS id, x.seller_order_id AS part FROM payment_share x \
         JOIN payment p ON p.id = x.payment_id JOIN seller_order s ON s.id = x.seller_order_id \
         WHERE s.order_id <> p.order_id OR (x.amount <> s.total AND p.status NOT IN ('failed', 'voided'))",
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
