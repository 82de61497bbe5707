//! Webhooks to sellers: told to whom they concern, and written down as they went.

use super::{Check, Invariant, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "webhook_is_of_its_seller",
        14,
        "An endpoint is told of events of its own seller, and of those of a whole order that concern every part of it.",
        "SELECT d.id AS id FROM webhook_delivery d \
         JOIN webhook_endpoint w ON w.id = d.endpoint_id JOIN event e ON e.id = d.event_id \
         LEFT JOIN seller_order p ON p.order_id = e.order_id AND p.seller_id = w.seller_id \
         WHERE d.event_type <> e.type OR CASE WHEN e.seller_id IS NULL \
             THEN p.id IS NULL OR e.type NOT IN ('order.created', 'order.cancelled') \
             ELSE e.seller_id <> w.seller_id END",
    ),
    rows(
        "webhook_delivery_counts_its_attempts",
        14,
        "A delivery counts its attempts, which are numbered from 1, at most 10.",
        "SELECT d.id AS id FROM webhook_delivery d \
         LEFT JOIN (SELECT delivery_id, count(*) AS attempts, min(number) AS least, max(number) AS most \
             FROM webhook_attempt GROUP BY delivery_id) a ON a.delivery_id = d.id \
         WHERE coalesce(a.attempts, 0) <> d.attempts OR coalesce(a.most, 0) <> d.attempts OR a.least <> 1 \
             OR d.attempts > 10",
    ),
    rows(
        "webhook_delivery_is_as_its_last_attempt_left_it",
        14,
        "A delivery is delivered when its last attempt succeeded and no sooner, and failed after 10 attempts.",
        "SELECT d.id AS id FROM webhook_delivery d \
         LEFT JOIN webhook_attempt a ON a.delivery_id = d.id AND a.number = d.attempts \
         WHERE (d.status = 'delivered') <> (coalesce(a.response_status, 0) BETWEEN 200 AND 299) \
             OR (d.status = 'failed') <> (d.status <> 'delivered' AND d.attempts = 10)",
    ),
    rows(
        "webhook_redelivery_follows_what_has_ended",
        14,
        "An event is delivered to an endpoint again only when the delivery before has ended.",
        "SELECT d.id AS id FROM webhook_delivery d \
         LEFT JOIN webhook_delivery b ON b.endpoint_id = d.endpoint_id AND b.event_id = d.event_id \
             AND b.redelivery = d.redelivery - 1 \
         WHERE d.redelivery <> 0 AND (b.id IS NULL OR b.status = 'pending')",
    ),
    Invariant {
        name: "webhook_is_sent_in_time",
        number: 0,
        sentence: "No delivery to an active endpoint waits past its time.",
        check: Check::Overdue(
            "SELECT d.id AS id FROM webhook_delivery d JOIN webhook_endpoint w ON w.id = d.endpoint_id \
             WHERE d.status = 'pending' AND w.status = 'active' AND d.next_attempt_at < $1",
        ),
    },
];
