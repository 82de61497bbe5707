//! Violations in what sellers' endpoints were told.

use super::{Gardener, LONG_AGO};
use crate::market::Market;

impl Gardener {
    pub fn webhooks(&mut self, market: &Market) {
        let [own, other] = [&market.shops[0], &market.shops[1]].map(|shop| self.id(shop.seller));
        let told = |status: &str| {
            format!("SELECT id FROM webhook_delivery WHERE status = '{status}' AND redelivery = 0 ORDER BY id LIMIT 1")
        };
        let delivered = told("delivered");
        let of_order = "SELECT d.id FROM webhook_delivery d JOIN event e ON e.id = d.event_id \
                        WHERE e.seller_id IS NULL ORDER BY d.id LIMIT 1";
        let event_of = |delivery: &str| format!("(SELECT event_id FROM webhook_delivery WHERE id = ({delivery}))");
        let invariant = "webhook_is_of_its_seller";
        self.plant(
            invariant,
            &delivered,
            format!("UPDATE webhook_delivery SET event_type = 'x' WHERE id = ({delivered})"),
        );
        let sql = format!("UPDATE event SET seller_id = {other} WHERE id = {}", event_of(&delivered));
        self.plant(invariant, &delivered, sql);
        for set in ["order_id = NULL", "type = 'order.shipped'"] {
            let both = if set.starts_with("type") {
                format!("; UPDATE webhook_delivery SET event_type = 'order.shipped' WHERE id = ({of_order})")
            } else {
                String::new()
            };
            let sql = format!("UPDATE event SET {set} WHERE id = {}{both}", event_of(of_order));
            self.plant(invariant, of_order, sql);
        }
        let sql = format!("UPDATE webhook_endpoint SET seller_id = {other} WHERE seller_id = {own}");
        self.plant(invariant, &delivered, sql);

        let invariant = "webhook_delivery_counts_its_attempts";
        for sql in [
            format!("UPDATE webhook_delivery SET attempts = attempts + 1 WHERE id = ({delivered})"),
            format!("UPDATE webhook_attempt SET number = number + 1 WHERE delivery_id = ({delivered})"),
            format!("DELETE FROM webhook_attempt WHERE delivery_id = ({delivered})"),
        ] {
            self.plant(invariant, &delivered, sql);
        }
        let invariant = "webhook_delivery_is_as_its_last_attempt_left_it";
        for set in ["response_status = 302", "response_status = NULL"] {
            let sql = format!("UPDATE webhook_attempt SET {set} WHERE delivery_id = ({delivered})");
            self.plant(invariant, &delivered, sql);
        }
        let failing = told("pending");
        for status in ["delivered", "failed"] {
            let sql = format!("UPDATE webhook_delivery SET status = '{status}' WHERE id = ({failing})");
            self.plant(invariant, &failing, sql);
        }
        let again = "SELECT id FROM webhook_delivery WHERE redelivery = 1";
        for set in ["redelivery = 2", "redelivery = -1"] {
            let sql = format!("UPDATE webhook_delivery SET {set} WHERE redelivery = 1");
            self.plant("webhook_redelivery_follows_what_has_ended", again, sql);
        }
        let sql = format!("UPDATE webhook_delivery SET status = 'pending' WHERE id = ({delivered})");
        self.plant("webhook_redelivery_follows_what_has_ended", again, sql);
        let sql = format!("UPDATE webhook_delivery SET next_attempt_at = {LONG_AGO} WHERE id = ({failing})");
        self.plant("webhook_is_sent_in_time", &failing, sql);
    }
}
