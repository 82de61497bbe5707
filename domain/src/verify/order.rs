//! Orders: sums of parts and lines, whose they are, and the states that follow from others.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "order_is_the_sum_of_its_seller_orders",
        2,
        "An order's goods, discount, shipping, tax and total are the sums of those of its seller orders, of which it \
         has at least one.",
        "SELECT o.id AS id FROM orders o \
         LEFT JOIN (SELECT order_id, sum(items_total) AS items, sum(discount_total) AS discount, \
                 sum(shipping_total) AS shipping, sum(tax_total) AS tax, sum(total) AS total \
             FROM seller_order GROUP BY order_id) s ON s.order_id = o.id \
         WHERE s.order_id IS NULL OR o.items_total <> s.items OR o.discount_total <> s.discount \
             OR o.shipping_total <> s.shipping OR o.tax_total <> s.tax OR o.total <> s.total",
    ),
    rows(
        "seller_order_is_the_sum_of_its_lines",
        2,
        "A seller order's goods, discounts and tax are the sums of those of its lines, of which it has at least one.",
        "SELECT s.id AS id FROM seller_order s \
         LEFT JOIN (SELECT seller_order_id, sum(quantity * unit_price) AS items, sum(discount) AS discount, \
                 sum(platform_discount) AS platform_discount, sum(tax) AS tax \
             FROM order_line GROUP BY seller_order_id) l ON l.seller_order_id = s.id \
         WHERE l.seller_order_id IS NULL OR s.items_total <> l.items OR s.discount_total <> l.discount \
             OR s.platform_discount_total <> l.platform_discount OR s.tax_total <> l.tax",
    ),
    rows(
        "seller_order_total_is_goods_less_discount_plus_shipping_and_tax",
        2,
        "A seller order's total is its goods less discount, plus shipping and tax, and not negative.",
        "SELECT id FROM seller_order \
         WHERE total <> items_total - discount_total + shipping_total + tax_total OR total < 0 OR shipping_total < 0",
    ),
    rows(
        "line_total_is_price_times_quantity_less_discount",
        2,
        "A line's total is its quantity times the unit price, less discount, plus tax, and not negative; the platform \
         bears at most the discount.",
        "SELECT id FROM order_line WHERE total <> quantity * unit_price - discount + tax OR total < 0 OR discount < 0 \
             OR platform_discount < 0 OR platform_discount > discount",
    ),
    rows(
        "order_has_one_currency",
        2,
        "Everything of an order is in its currency: seller orders, payments, refunds, parcels and ledger.",
        "SELECT o.id AS id FROM orders o JOIN ( \
             SELECT order_id, currency FROM seller_order \
             UNION ALL SELECT order_id, currency FROM payment \
             UNION ALL SELECT order_id, currency FROM refund \
             UNION ALL SELECT order_id, currency FROM shipment \
             UNION ALL SELECT order_id, currency FROM ledger_transaction) c ON c.order_id = o.id \
         WHERE c.currency <> o.currency",
    ),
    rows(
        "order_has_one_part_per_seller",
        3,
        "An order has one seller order per seller.",
        "SELECT s.id AS id FROM seller_order s \
         JOIN (SELECT order_id, seller_id FROM seller_order GROUP BY order_id, seller_id HAVING count(*) > 1) d \
             ON d.order_id = s.order_id AND d.seller_id = s.seller_id",
    ),
    rows(
        "line_offer_and_seller_order_agree_on_the_seller",
        3,
        "The seller of a line is that of its offer and of its seller order.",
        "SELECT l.id AS id FROM order_line l \
         LEFT JOIN seller_order s ON s.id = l.seller_order_id LEFT JOIN offer f ON f.id = l.offer_id \
         WHERE s.id IS NULL OR f.id IS NULL OR s.seller_id <> l.seller_id OR f.seller_id <> l.seller_id",
    ),
    rows(
        "parcels_returns_and_refunds_are_of_their_seller_order",
        3,
        "Parcels, returns and refunds name the order and seller of their seller order, a parcel goes through a \
         warehouse of its seller, and their lines are lines of that seller order.",
        "SELECT 'shipment' AS what, h.id AS id FROM shipment h \
             JOIN seller_order s ON s.id = h.seller_order_id JOIN warehouse w ON w.id = h.warehouse_id \
             WHERE h.order_id <> s.order_id OR h.seller_id <> s.seller_id OR w.seller_id <> s.seller_id \
         UNION ALL SELECT 'return', r.id FROM return_request r JOIN seller_order s ON s.id = r.seller_order_id \
             WHERE r.order_id <> s.order_id OR r.seller_id <> s.seller_id \
         UNION ALL SELECT 'refund', r.id FROM refund r \
             JOIN seller_order s ON s.id = r.seller_order_id JOIN payment p ON p.id = r.payment_id \
             WHERE r.order_id <> s.order_id OR r.order_id <> p.order_id \
         UNION ALL SELECT 'shipment', h.id FROM shipment h JOIN shipment_line x ON x.shipment_id = h.id \
             JOIN order_line l ON l.id = x.order_line_id WHERE l.seller_order_id <> h.seller_order_id \
         UNION ALL SELECT 'return', r.id FROM return_request r JOIN return_line x ON x.return_request_id = r.id \
             JOIN order_line l ON l.id = x.order_line_id WHERE l.seller_order_id <> r.seller_order_id \
         UNION ALL SELECT 'refund', r.id FROM refund r JOIN refund_line x ON x.refund_id = r.id \
             JOIN order_line l ON l.id = x.order_line_id WHERE l.seller_order_id <> r.seller_order_id",
    ),
    recomputed(
        "order_status_follows_from_its_seller_orders",
        13,
        "An order's state is the one that follows from those of its seller orders.",
        Recomputation::OrderStatus,
    ),
    rows(
        "coupon_is_used_within_its_limit",
        16,
        "A coupon is used at most as often as its limit says.",
        "SELECT id FROM coupon WHERE used < 0 OR used > usage_limit",
    ),
    // An order that is cancelled before it is paid gives its use back, and that is the one way from
    // pending to cancelled.
    rows(
        "coupon_uses_are_orders",
        16,
        "A coupon's uses are the orders placed with it, but for those that were cancelled unpaid.",
        "SELECT c.id AS id FROM coupon c \
         LEFT JOIN (SELECT o.coupon_id AS coupon_id, count(*) AS uses FROM orders o \
             WHERE o.coupon_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM status_history h \
                 WHERE h.entity_kind = 'order' AND h.entity_id = o.id \
                     AND h.from_status = 'pending' AND h.to_status = 'cancelled') \
             GROUP BY o.coupon_id) u ON u.coupon_id = c.id \
         WHERE c.used <> coalesce(u.uses, 0)",
    ),
];
