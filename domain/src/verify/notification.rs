//! Notifications: each thing once, to whom it concerns.

use super::{Check, Invariant, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "person_is_told_once",
        15,
        "A business key has one notification.",
        "SELECT n.id AS id FROM notification n \
         JOIN (SELECT unique_key FROM notification GROUP BY unique_key HAVING count(*) > 1) d \
             ON d.unique_key = n.unique_key",
    ),
    rows(
        "seller_is_told_of_own_orders",
        15,
        "What a seller is told of an order is about an order that has a part of theirs.",
        "SELECT n.id AS id FROM notification n \
         WHERE n.seller_id IS NOT NULL AND n.order_id IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM seller_order s WHERE s.order_id = n.order_id AND s.seller_id = n.seller_id)",
    ),
    rows(
        "notification_has_somebody_to_tell",
        15,
        "A notification is about an order, for a seller, or about an account or an invitation.",
        "SELECT id FROM notification WHERE order_id IS NULL AND seller_id IS NULL \
             AND kind NOT IN ('verify_email', 'change_email', 'email_changed', 'reset_password', 'password_changed', \
                 'totp_enabled', 'totp_disabled', 'seller_invitation')",
    ),
    Invariant {
        name: "notification_is_sent_in_time",
        number: 0,
        sentence: "No notification waits to be sent.",
        check: Check::Overdue("SELECT kind AS what, id FROM notification WHERE status = 'pending' AND created_at < $1"),
    },
];
