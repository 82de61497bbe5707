//! Refunds: what was paid back, of what, and what was reversed with it.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
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
        "A refund is not less than nothing and is the sum of its lines, less their restocking fees and the return \
         label, with their tax and all that is reversed with them; the platform bears at most its goodwill.",
        "SELECT r.id AS id FROM refund r \
         LEFT JOIN (SELECT refund_id, sum(amount) AS amount, sum(tax) AS tax, sum(commission) AS commission, \
                 sum(commission_tax) AS commission_tax, sum(platform_discount) AS platform_discount, \
                 sum(restocking_fee) AS restocking_fee, sum(CASE WHEN component = 'goodwill' THEN amount ELSE 0 END) AS goodwill \
             FROM refund_line GROUP BY refund_id) l ON l.refund_id = r.id \
         WHERE r.amount < 0 OR r.amount <> coalesce(l.amount, 0) - r.restocking_fee - r.return_label \
             OR r.restocking_fee <> coalesce(l.restocking_fee, 0) OR r.tax <> l.tax OR r.commission <> l.commission \
             OR r.commission_tax <> l.commission_tax OR r.platform_discount <> l.platform_discount \
             OR r.platform_amount > l.goodwill",
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
        "At most a line's total is paid back for its units, and at most its tax, its commission and what the platform \
         made good is reversed with them.",
        "SELECT l.id AS id FROM order_line l \
         JOIN (SELECT x.order_line_id AS line_id, sum(x.amount) AS amount, sum(x.tax) AS tax, \
                 sum(x.commission) AS commission, sum(x.commission_tax) AS commission_tax, \
                 sum(x.platform_discount) AS platform_discount \
             FROM refund_line x JOIN refund r ON r.id = x.refund_id WHERE r.status <> 'failed' \
             GROUP BY x.order_line_id) p ON p.line_id = l.id \
         WHERE p.amount > l.total OR p.tax > l.tax OR p.commission > l.commission \
             OR p.commission_tax > l.commission_tax OR p.platform_discount > l.platform_discount",
    ),
    rows(
        "shipping_is_refunded_at_most_whole",
        6,
        "At most what was paid for the shipping of a seller order is paid back as shipping, and at most its tax and what \
         the platform made good of it is reversed with it.",
        "SELECT s.id AS id FROM seller_order s \
         JOIN (SELECT r.seller_order_id AS part_id, sum(x.amount) AS amount, sum(x.tax) AS tax, \
                 sum(x.platform_discount) AS platform_discount \
             FROM refund_line x JOIN refund r ON r.id = x.refund_id \
             WHERE r.status <> 'failed' AND x.component = 'shipping' GROUP BY r.seller_order_id) p ON p.part_id = s.id \
         WHERE p.amount > s.shipping_total + s.shipping_tax_added OR p.tax > s.shipping_tax \
             OR p.platform_discount > s.shipping_platform_discount",
    ),
    // Units that are worth nothing, or whose worth was paid as goodwill before, are counted
    // without a refund; so there may be more of them than refunds name, and never fewer.
    rows(
        "line_refunded_units_are_cancelled_or_returned",
        6,
        "The refunded units of a line are at least those its refunds name, and at most those cancelled, returned, or \
         refunded without a return; never more than it has.",
        "SELECT l.id AS id FROM order_line l \
         LEFT JOIN (SELECT x.order_line_id AS line_id, sum(x.quantity) AS units, \
                 sum(CASE WHEN r.reason = 'adjustment' THEN x.quantity ELSE 0 END) AS kept FROM refund_line x \
             JOIN refund r ON r.id = x.refund_id WHERE r.status <> 'failed' GROUP BY x.order_line_id) p \
             ON p.line_id = l.id \
         WHERE l.refunded_quantity < coalesce(p.units, 0) OR l.refunded_quantity > l.quantity \
             OR l.refunded_quantity > l.cancelled_quantity + l.returned_quantity + coalesce(p.kept, 0)",
    ),
    rows(
        "refund_line_is_of_what_it_names",
        6,
        "A line of a refund that pays for units names the line of the order and how many; one of shipping or goodwill \
         names neither, shipping reverses no commission, and goodwill nothing at all.",
        "SELECT refund_id AS id FROM refund_line WHERE (component = 'item') <> (order_line_id IS NOT NULL) \
             OR (component <> 'item' AND quantity <> 0) \
             OR (component <> 'item' AND (commission <> 0 OR commission_tax <> 0)) \
             OR (component = 'goodwill' AND (tax <> 0 OR platform_discount <> 0))",
    ),
    rows(
        "restocking_fee_is_for_what_came_back_without_fault",
        6,
        "A restocking fee is taken for units of a return that are not the seller's fault, at most all that the refund \
         pays for, and of no more than is paid back for them.",
        "SELECT x.refund_id AS id FROM refund_line x JOIN refund r ON r.id = x.refund_id \
         LEFT JOIN return_line t ON t.return_request_id = r.return_request_id AND t.order_line_id = x.order_line_id \
         WHERE (x.restocking_quantity <> 0 OR x.restocking_fee <> 0) AND (x.component <> 'item' OR t.reason IS NULL \
             OR t.reason NOT IN ('no_longer_wanted', 'other') OR x.restocking_quantity > x.quantity \
             OR x.restocking_fee > x.amount)",
    ),
    recomputed(
        "restocking_fees_have_their_slices",
        6,
        "What refunds keep of a line is the slice of its fee, at the rate of its order, for the units that it is kept of; \
         less where no more was paid back for them. Lines with a failed refund are rounded apart.",
        Recomputation::RestockingFees,
    ),
    rows(
        "return_label_is_charged_at_cost",
        6,
        "The shopper pays a return label where the order's policy says so, the return has a parcel that was labelled and \
         not cancelled, at most its cost, and nothing that came back is the seller's fault.",
        "SELECT r.id AS id FROM refund r JOIN seller_order s ON s.id = r.seller_order_id \
         LEFT JOIN shipment h ON h.return_request_id = r.return_request_id AND h.direction = 'return' \
             AND h.status <> 'cancelled' \
         WHERE r.return_label <> 0 AND (s.return_label_payer <> 'shopper' OR h.label_cost IS NULL \
             OR r.return_label > h.label_cost \
             OR EXISTS (SELECT 1 FROM return_line t WHERE t.return_request_id = r.return_request_id \
                 AND t.received_quantity > 0 AND t.reason NOT IN ('no_longer_wanted', 'other')))",
    ),
    rows(
        "excluded_goods_come_back_by_fault_alone",
        4,
        "What a seller did not take back when it was ordered is returned only where it is their fault.",
        "SELECT t.return_request_id AS id FROM return_line t JOIN order_line l ON l.id = t.order_line_id \
         WHERE NOT l.returnable AND t.reason IN ('no_longer_wanted', 'other')",
    ),
    recomputed(
        "refunded_units_have_their_slices",
        6,
        "What refunds hold of each amount of a line, and of a seller order's shipping, is exactly what its refunded \
         units, or the refunded part of it, are worth; unless a refund of it has failed, or goodwill paid for it before, \
         which lowers what is paid back for units and nothing that is reversed with them.",
        Recomputation::RefundedSlices,
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
        "operator_refund_is_known_as_one",
        17,
        "Every refund that an operator has made, but for one made anew, is entered with who asked for it and the limit of \
         that moment.",
        "SELECT r.id AS id FROM refund r \
         JOIN status_history h ON h.entity_kind = 'refund' AND h.entity_id = r.id AND h.version = 1 \
         LEFT JOIN operator_refund o ON o.refund_id = r.id \
         WHERE h.actor_kind = 'operator' AND r.retry_of IS NULL AND (o.refund_id IS NULL OR o.order_id <> r.order_id)",
    ),
    rows(
        "large_operator_refund_has_a_second_operator",
        17,
        "What operators refund of an order by themselves stays within the limit of that moment; all beyond it has been \
         approved by another one than who asked for it, for that seller order and not for less.",
        "SELECT o.refund_id AS id FROM operator_refund o JOIN refund r ON r.id = o.refund_id \
             WHERE o.approval_id IS NULL AND o.limit_amount IS NOT NULL AND r.status <> 'failed' \
                 AND o.limit_amount < (SELECT sum(x.amount) FROM operator_refund y JOIN refund x ON x.id = y.refund_id \
                     WHERE y.order_id = o.order_id AND y.approval_id IS NULL AND x.status <> 'failed' \
                         AND x.created_at <= r.created_at) \
         UNION ALL SELECT o.refund_id FROM operator_refund o JOIN refund r ON r.id = o.refund_id \
             JOIN refund_approval a ON a.id = o.approval_id \
             WHERE a.status <> 'approved' OR a.decided_by IS NULL OR a.decided_by = a.requested_by \
                 OR a.requested_by <> o.asked_by OR a.seller_order_id <> r.seller_order_id OR a.amount < r.amount \
         UNION ALL SELECT a.id FROM refund_approval a LEFT JOIN operator_refund o ON o.refund_id = a.refund_id \
             WHERE (a.status = 'approved') <> (o.approval_id IS NOT NULL AND o.approval_id = a.id)",
    ),
];
