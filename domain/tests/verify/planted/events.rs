//! Violations in the order of the log, and consumers of it that go astray.

use super::{Gardener, LONG_AGO};
use crate::market::Market;

impl Gardener {
    pub fn events(&mut self, market: &Market) {
        let order = self.id(market.mixed.order.id);
        let of = |version: i32| format!("SELECT id FROM event WHERE entity_id = {order} AND version = {version}");
        let (first, second) = (of(1), of(2));
        // The event after it misses the one before it.
        let next =
            format!("SELECT id FROM event WHERE position = 1 + (SELECT position FROM event WHERE id = ({second}))");
        for position in ["NULL", "1000000"] {
            let sql = format!("UPDATE event SET position = {position} WHERE id = ({second})");
            self.plant("positions_are_dense", &next, sql);
        }
        let zero = format!("UPDATE event SET position = 0 WHERE id = ({second})");
        self.plant("positions_are_dense", &second, zero);
        let twice = format!(
            "UPDATE event SET position = (SELECT position FROM event WHERE id = ({first})) WHERE id = ({second})"
        );
        self.plant("positions_are_dense", &second, twice);
        for sql in [
            "UPDATE number_sequence SET next_value = next_value + 1 WHERE name = 'event_position'",
            "UPDATE number_sequence SET next_value = next_value - 1 WHERE name = 'event_position'",
            "DELETE FROM number_sequence WHERE name = 'event_position'",
        ] {
            self.plant("next_position_follows_the_last", "event_position", sql);
        }
        for position in ["NULL", "1000000"] {
            let sql = format!("UPDATE event SET position = {position} WHERE id = ({first})");
            self.plant("changes_of_a_thing_are_numbered_in_order", market.mixed.order.id, sql);
        }
        let further = "UPDATE event_consumer SET position = position + 1";
        self.plant("consumer_is_within_the_log", "reader", further);
        let late = format!("UPDATE event SET position = NULL, occurred_at = {LONG_AGO} WHERE id = ({first})");
        self.plant("event_is_numbered_in_time", &first, late);
        let behind = format!(
            "UPDATE event SET occurred_at = {LONG_AGO}; \
             UPDATE event_consumer SET position = position - 1, updated_at = {LONG_AGO}"
        );
        self.plant("consumer_keeps_up", "reader", behind);
    }
}
