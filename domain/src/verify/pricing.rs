//! Prices: the record of how each amount came about, the rates in it, and the use of promotions.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "line_is_the_sum_of_its_price_steps",
        2,
        "The price, discount, tax and commission of a line are what the recorded steps of its pricing add up to.",
        "SELECT l.id AS id FROM order_line l \
         LEFT JOIN (SELECT order_line_id, \
                 sum(CASE WHEN kind = 'base' THEN amount ELSE 0 END) AS base, \
                 sum(CASE WHEN kind = 'promotion' THEN amount ELSE 0 END) AS promotion, \
                 sum(CASE WHEN kind IN ('tax', 'tax_relief') THEN amount ELSE 0 END) AS added, \
                 sum(CASE WHEN kind IN ('tax', 'tax_included') THEN amount ELSE 0 END) AS tax, \
                 sum(CASE WHEN kind = 'commission' THEN amount ELSE 0 END) AS commission, \
                 sum(CASE WHEN kind = 'commission_tax' THEN amount ELSE 0 END) AS commission_tax, \
                 sum(CASE WHEN kind = 'shipping' THEN 1 ELSE 0 END) AS foreign_steps \
             FROM price_step GROUP BY order_line_id) p ON p.order_line_id = l.id \
         WHERE l.quantity * l.unit_price <> coalesce(p.base, 0) OR l.discount <> -coalesce(p.promotion, 0) \
             OR l.tax_added <> coalesce(p.added, 0) OR l.tax <> coalesce(p.tax, 0) \
             OR l.commission <> coalesce(p.commission, 0) OR l.commission_tax <> coalesce(p.commission_tax, 0) \
             OR coalesce(p.foreign_steps, 0) <> 0",
    ),
    rows(
        "shipping_is_the_sum_of_its_price_steps",
        2,
        "The price, discount and tax of a seller order's shipping are what the recorded steps of its pricing add up to.",
        "SELECT s.id AS id FROM seller_order s \
         LEFT JOIN (SELECT seller_order_id, \
                 sum(CASE WHEN kind = 'shipping' THEN amount ELSE 0 END) AS price, \
                 sum(CASE WHEN kind = 'promotion' THEN amount ELSE 0 END) AS promotion, \
                 sum(CASE WHEN kind IN ('tax', 'tax_relief') THEN amount ELSE 0 END) AS added, \
                 sum(CASE WHEN kind IN ('tax', 'tax_included') THEN amount ELSE 0 END) AS tax, \
                 sum(CASE WHEN kind IN ('base', 'commission', 'commission_tax') THEN 1 ELSE 0 END) AS foreign_steps \
             FROM price_step WHERE order_line_id IS NULL GROUP BY seller_order_id) p ON p.seller_order_id = s.id \
         WHERE s.shipping_price <> coalesce(p.price, 0) OR s.shipping_discount <> -coalesce(p.promotion, 0) \
             OR s.shipping_tax_added <> coalesce(p.added, 0) OR s.shipping_tax <> coalesce(p.tax, 0) \
             OR coalesce(p.foreign_steps, 0) <> 0",
    ),
    // Who bears a promotion is never changed.
    rows(
        "platform_makes_good_what_its_promotions_take_off",
        2,
        "What the platform makes good of a line's discount, or of shipping's, is what promotions that it bears took off.",
        "SELECT m.id AS id FROM ( \
             SELECT id, platform_discount AS amount FROM order_line \
             UNION ALL SELECT id, shipping_platform_discount FROM seller_order \
             UNION ALL SELECT coalesce(p.order_line_id, p.seller_order_id), p.amount FROM price_step p \
                 JOIN promotion r ON r.id = p.rule_id AND r.borne_by = 'platform' WHERE p.kind = 'promotion') m \
         GROUP BY m.id HAVING sum(m.amount) <> 0",
    ),
    rows(
        "price_step_is_of_a_line_of_its_seller_order",
        3,
        "A step of a line's pricing is recorded with the line's seller order.",
        "SELECT p.seller_order_id AS id FROM price_step p LEFT JOIN order_line l ON l.id = p.order_line_id \
         WHERE p.order_line_id IS NOT NULL AND (l.id IS NULL OR l.seller_order_id <> p.seller_order_id)",
    ),
    rows(
        "divided_discount_is_shared_out_whole",
        2,
        "What a promotion takes off an order is shared out whole among lines or shippings, none of which has more \
         weight than all.",
        "SELECT s.order_id AS id, p.rule_id AS part FROM price_step p JOIN seller_order s ON s.id = p.seller_order_id \
         WHERE p.divided IS NOT NULL GROUP BY s.order_id, p.rule_id \
         HAVING -sum(p.amount) <> min(p.divided) OR min(p.divided) <> max(p.divided) \
             OR min(p.weights) <> max(p.weights) OR min(p.weight) < 0 OR sum(p.weight) > max(p.weights)",
    ),
    recomputed(
        "tax_step_is_its_rate_of_its_base",
        2,
        "A recorded tax, and tax on commission, is its rate of what it is worked out of, rounded half up.",
        Recomputation::TaxSteps,
    ),
    recomputed(
        "line_commission_is_its_rate_of_its_base",
        9,
        "A line's commission is what its frozen terms come to of what the seller is credited for the goods.",
        Recomputation::Commission,
    ),
    recomputed(
        "line_commission_tax_is_its_rate_of_the_commission",
        9,
        "The value added tax on a line's commission is its frozen rate of the commission.",
        Recomputation::CommissionTax,
    ),
    rows(
        "promotion_is_used_within_its_limits",
        16,
        "A promotion is used at most as often as its limit says, by all and by one shopper.",
        "SELECT id FROM promotion WHERE used < 0 OR used > usage_limit \
         UNION ALL SELECT p.id FROM promotion p JOIN promotion_shopper u ON u.promotion_id = p.id \
             WHERE u.used < 0 OR u.used > p.shopper_limit",
    ),
    rows(
        "promotion_uses_are_orders",
        16,
        "The uses of a promotion with a limit are the orders that count one, and a shopper's are theirs.",
        "SELECT p.id AS id FROM promotion p \
             LEFT JOIN (SELECT promotion_id, count(*) AS uses FROM order_promotion WHERE counted \
                 GROUP BY promotion_id) u ON u.promotion_id = p.id \
             WHERE p.used <> CASE WHEN p.usage_limit IS NULL THEN 0 ELSE coalesce(u.uses, 0) END \
         UNION ALL SELECT m.id FROM (SELECT promotion_id AS id, shopper, used AS uses FROM promotion_shopper \
                 UNION ALL SELECT o.promotion_id, o.shopper, -1 FROM order_promotion o \
                     JOIN promotion l ON l.id = o.promotion_id AND l.shopper_limit IS NOT NULL WHERE o.counted) m \
             GROUP BY m.id, m.shopper HAVING sum(m.uses) <> 0",
    ),
    // An order that is cancelled before it is paid gives its uses back, and that is the one way from
    // pending to cancelled.
    rows(
        "order_counts_the_promotions_it_used",
        16,
        "An order counts a use of each promotion that took something off it, and of no other; one that was cancelled \
         unpaid counts none.",
        "SELECT m.id AS id, m.part AS part FROM ( \
             SELECT x.order_id AS id, x.promotion_id AS part, 1 AS uses FROM order_promotion x WHERE x.counted \
             UNION ALL SELECT DISTINCT s.order_id, p.rule_id, -1 FROM price_step p \
                 JOIN seller_order s ON s.id = p.seller_order_id \
                 WHERE p.kind = 'promotion' AND NOT EXISTS (SELECT 1 FROM status_history h \
                     WHERE h.entity_kind = 'order' AND h.entity_id = s.order_id \
                         AND h.from_status = 'pending' AND h.to_status = 'cancelled')) m \
         GROUP BY m.id, m.part HAVING sum(m.uses) <> 0",
    ),
];
