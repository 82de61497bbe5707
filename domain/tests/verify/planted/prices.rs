//! Violations in the record of pricing and in promotions.

use super::{Gardener, line, part};
use crate::market::Market;

impl Gardener {
    pub fn prices(&mut self, market: &Market) {
        let of_line = line(&market.mixed, 0);
        let first = part(&market.mixed, 0);
        let steps = format!("UPDATE price_step SET amount = amount + 1 WHERE order_line_id = {}", self.id(of_line));
        for kind in ["base", "promotion", "tax", "commission", "commission_tax"] {
            self.plant("line_is_the_sum_of_its_price_steps", of_line, format!("{steps} AND kind = '{kind}'"));
        }
        for kind in ["tax", "commission_tax"] {
            self.plant("tax_step_is_its_rate_of_its_base", first, format!("{steps} AND kind = '{kind}'"));
        }
        let shipping = format!("WHERE order_line_id IS NULL AND seller_order_id = {}", self.id(first));
        for kind in ["shipping", "tax"] {
            let sql = format!("UPDATE price_step SET amount = amount + 1 {shipping} AND kind = '{kind}'");
            self.plant("shipping_is_the_sum_of_its_price_steps", first, sql);
        }
        let other = format!("seller_order_id = {}", self.id(part(&market.unpaid, 0)));
        let sql = format!(
            "UPDATE price_step SET {other}, position = position + 1000 WHERE order_line_id = {}",
            self.id(of_line)
        );
        self.plant("price_step_is_of_a_line_of_its_seller_order", part(&market.unpaid, 0), sql);
        let promoted = format!("WHERE kind = 'promotion' AND order_line_id = {}", self.id(of_line));
        for set in ["amount = amount + 1", "divided = divided + 1", "weights = weights - weight", "weight = -1"] {
            let sql = format!("UPDATE price_step SET {set} {promoted}");
            self.plant("divided_discount_is_shared_out_whole", market.mixed.order.id, sql);
        }
        let invariant = "platform_makes_good_what_its_promotions_take_off";
        self.change(invariant, "order_line", of_line, "platform_discount = platform_discount - 1");
        self.change_of(invariant, of_line, "promotion", market.promotion, "borne_by = 'seller'");
    }

    pub fn promotions(&mut self, market: &Market) {
        let promotion = market.promotion;
        self.change("promotion_is_used_within_its_limits", "promotion", promotion, "used = usage_limit + 1");
        self.change("promotion_is_used_within_its_limits", "promotion", promotion, "shopper_limit = 1");
        for set in ["used = used + 1", "used = used - 1"] {
            self.change("promotion_uses_are_orders", "promotion", promotion, set);
        }
        let sql = format!("UPDATE promotion_shopper SET used = used + 1 WHERE promotion_id = {}", self.id(promotion));
        self.plant("promotion_uses_are_orders", promotion, sql);
        let order = market.mixed.order.id;
        let counted = format!("UPDATE order_promotion SET counted = NOT counted WHERE order_id = {}", self.id(order));
        self.plant("order_counts_the_promotions_it_used", format!("{order} {promotion}"), counted);
        let forgotten = format!(
            "DELETE FROM price_step WHERE kind = 'promotion' AND seller_order_id IN \
             (SELECT id FROM seller_order WHERE order_id = {})",
            self.id(order)
        );
        self.plant("order_counts_the_promotions_it_used", format!("{order} {promotion}"), forgotten);
    }
}
