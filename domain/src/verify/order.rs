//! Orders: sums of parts and lines, whose they are, and the states that follow from others.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "order_is_the_sum_of_its_seller_orders",
        2,
        "Each amount of an order is the sum of those of its seller orders, of which it has at least one.",
        "SELECT o.id AS id FROM orders o \
         LEFT JOIN (SELECT order_id, sum(items_total) AS items, sum(discount_total) AS discount, \
                 sum(shipping_total) AS shipping, sum(tax_added_total) AS tax_added, sum(tax_total) AS tax, \
                 sum(total) AS total \
             FROM seller_order GROUP BY order_id) s ON s.order_id = o.id \
         WHERE s.order_id IS NULL OR o.items_total <> s.items OR o.discount_total <> s.discount \
             OR o.shipping_total <> s.shipping OR o.tax_added_total <> s.tax_added OR o.tax_total <> s.tax \
             OR o.total <> s.total",
    ),
    rows(
        "seller_order_is_the_sum_of_its_lines",
        2,
        "Each amount of a seller order is the sum of those of its lines, of which it has at least one, and of its \
         shipping.",
        "SELECT s.id AS id FROM seller_order s \
         LEFT JOIN (SELECT seller_order_id, sum(quantity * unit_price) AS items, sum(discount) AS discount, \
                 sum(platform_discount) AS platform_discount, sum(tax_added) AS tax_added, sum(tax) AS tax, \
                 sum(total) AS total, sum(commission) AS commission, sum(commission_tax) AS commission_tax \
             FROM order_line GROUP BY seller_order_id) l ON l.seller_order_id = s.id \
         WHERE l.seller_order_id IS NULL OR s.items_total <> l.items OR s.discount_total <> l.discount \
             OR s.platform_discount_total <> l.platform_discount + s.shipping_platform_discount \
             OR s.tax_added_total <> l.tax_added + s.shipping_tax_added OR s.tax_total <> l.tax + s.shipping_tax \
             OR s.total <> l.total + s.shipping_total + s.shipping_tax_added \
             OR s.commission_total <> l.commission OR s.commission_tax_total <> l.commission_tax",
    ),
    rows(
        "seller_order_total_is_goods_less_discount_plus_shipping_and_tax",
        2,
        "A seller order's total is its goods less discount, plus shipping and what tax adds, and not negative; its \
         shipping is the method's price less discount, of which the platform bears at most all.",
        "SELECT id FROM seller_order \
         WHERE total <> items_total - discount_total + shipping_total + tax_added_total OR total < 0 \
             OR shipping_total <> shipping_price - shipping_discount OR shipping_total < 0 OR shipping_discount < 0 \
             OR shipping_platform_discount < 0 OR shipping_platform_discount > shipping_discount",
    ),
    rows(
        "line_total_is_price_times_quantity_less_discount",
        2,
        "A line's total is its quantity times the unit price, less discount, plus what tax adds, and not negative; the \
         platform bears at most the discount.",
        "SELECT id FROM order_line WHERE total <> quantity * unit_price - discount + tax_added OR total < 0 \
             OR discount < 0 OR platform_discount < 0 OR platform_discount > discount",
    ),
    rows(
        "tax_is_added_or_contained_or_relieved",
        2,
        "Tax is added to a price, or contained in it, or, for who is exempt, taken off it; and is part of what is paid.",
        "SELECT 'line' AS what, id FROM order_line WHERE tax < 0 OR tax > total \
             OR NOT (tax_added = tax OR tax_added = 0 OR (tax = 0 AND tax_added < 0)) \
         UNION ALL SELECT 'shipping', id FROM seller_order \
             WHERE shipping_tax < 0 OR shipping_tax > shipping_total + shipping_tax_added \
             OR NOT (shipping_tax_added = shipping_tax OR shipping_tax_added = 0 \
                 OR (shipping_tax = 0 AND shipping_tax_added < 0))",
    ),
    rows(
        "what_was_taken_out_costs_nothing",
        2,
        "A line whose item was taken out before payment has no amounts; a seller order without items is cancelled and \
         has none either.",
        "SELECT 'line' AS what, id FROM order_line WHERE quantity = 0 AND (discount <> 0 OR platform_discount <> 0 \
             OR tax <> 0 OR tax_added <> 0 OR total <> 0 OR commission <> 0 OR commission_tax <> 0) \
         UNION ALL SELECT 'seller order', s.id FROM seller_order s \
             WHERE NOT EXISTS (SELECT 1 FROM order_line l WHERE l.seller_order_id = s.id AND l.quantity > 0) \
             AND (s.status <> 'cancelled' OR s.total <> 0 OR s.shipping_price <> 0 OR s.shipping_discount <> 0 \
                 OR s.shipping_tax <> 0 OR s.shipping_tax_added <> 0)",
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
             UNION ALL SELECT order_id, currency FROM ledger_transaction WHERE order_id IS NOT NULL) c \
             ON c.order_id = o.id \
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
];
