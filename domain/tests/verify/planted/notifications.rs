//! Violations among notifications.

use uuid::Uuid;

use super::{Gardener, LONG_AGO};
use crate::market::Market;

impl Gardener {
    pub fn notifications(&mut self, market: &Market) {
        let order = self.id(market.mixed.order.id);
        let id = Uuid::now_v7();
        let twice = self.told(id, "NULL", &order, "sent") + &self.told(Uuid::now_v7(), "NULL", &order, "sent");
        self.plant("person_is_told_once", id, twice);
        let stranger = self.id(Uuid::now_v7());
        let elsewhere = self.told(id, &stranger, &order, "sent");
        self.plant("seller_is_told_of_own_orders", id, elsewhere);
        let nobody = self.told(id, "NULL", "NULL", "suppressed");
        self.plant("notification_has_somebody_to_tell", id, nobody);
        let waiting = self.told(id, "NULL", &order, "pending");
        self.plant("notification_is_sent_in_time", id, waiting);
    }

    fn told(&self, id: Uuid, seller: &str, order: &str, status: &str) -> String {
        let id = self.id(id);
        let sent = if status == "sent" { LONG_AGO } else { "NULL" };
        format!(
            "INSERT INTO notification (id, kind, unique_key, order_id, seller_id, data, status, created_at, sent_at) \
             VALUES ({id}, 'order_confirmed', 'key', {order}, {seller}, '{{}}', '{status}', {LONG_AGO}, {sent}); "
        )
    }
}
