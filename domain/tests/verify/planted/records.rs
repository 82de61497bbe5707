//! Violations in history and work, and work that is overdue.

use uuid::Uuid;

use super::{Gardener, LONG_AGO, line, part};
use crate::market::Market;

impl Gardener {
    pub fn history(&mut self, market: &Market) {
        for (kind, table) in [
            ("order", "orders"),
            ("seller_order", "seller_order"),
            ("payment", "payment"),
            ("refund", "refund"),
            ("shipment", "shipment"),
            ("return_request", "return_request"),
            ("seller", "seller"),
            ("batch", "batch"),
            ("payout", "payout"),
            ("webhook_endpoint", "webhook_endpoint"),
            ("refund_approval", "refund_approval"),
        ] {
            let last = format!("SELECT id FROM {table} ORDER BY id DESC LIMIT 1");
            let change = format!("entity_kind = '{kind}' AND entity_id = ({last}) AND version =");
            let other = match kind {
                "order" | "seller_order" | "payment" | "refund" | "shipment" | "payout" | "refund_approval" => {
                    "pending"
                }
                "return_request" => "requested",
                "seller" => "applied",
                "webhook_endpoint" => "active",
                _ => "queued",
            };
            let sql = format!("UPDATE {table} SET status = '{other}' WHERE id = ({last})");
            self.plant("status_is_that_of_the_last_history_row", &last, sql);
            for sql in [
                format!("UPDATE {table} SET version = version + 1 WHERE id = ({last})"),
                format!("DELETE FROM status_history WHERE {change} 1"),
                format!("UPDATE status_history SET version = 7 WHERE {change} 1"),
            ] {
                self.plant("version_is_the_number_of_changes", &last, sql);
            }
            for sql in [
                format!("UPDATE status_history SET from_status = 'pending' WHERE {change} 1"),
                format!("UPDATE status_history SET from_status = 'lost' WHERE {change} 2"),
                format!("DELETE FROM status_history WHERE {change} 1"),
            ] {
                self.plant("history_rows_follow_each_other", &last, sql);
            }
            for version in 1..=2 {
                let sql = format!("UPDATE status_history SET to_status = 'lost' WHERE {change} {version}");
                self.plant("history_has_only_legal_changes", &last, sql);
            }
            self.plant("change_has_one_event", &last, format!("DELETE FROM event WHERE {change} 1"));
        }
        let payment = format!("entity_id = {}", self.id(market.mixed_payment));
        for set in
            ["from_status = 'captured', to_status = 'pending'", "from_status = 'pending', to_status = 'captured'"]
        {
            let sql = format!("UPDATE status_history SET {set} WHERE {payment} AND version = 2");
            self.plant("history_has_only_legal_changes", market.mixed_payment, sql);
        }
        let order = format!("entity_id = {}", self.id(market.mixed.order.id));
        let sql = format!("UPDATE status_history SET to_status = from_status WHERE {order} AND version = 3");
        self.plant("history_has_only_legal_changes", market.mixed.order.id, sql);
        let (id, set) = self.new_id();
        let nothing = format!("{set}, entity_id = {}", self.id(id));
        self.double("history_is_of_something", id, "status_history", &order, &nothing);
        let (_, set) = self.new_id();
        for version in ["version", "99"] {
            let set = format!("{set}, version = {version}");
            self.double("change_has_one_event", market.mixed.order.id, "event", &order, &set);
        }
    }

    pub fn work(&mut self, market: &Market) {
        let (id, set) = self.new_id();
        self.double("outside_event_is_stored_once", id, "inbox", "event_id = 'evt_1'", &set);
        let name = "user:1 POST /orders key-1";
        self.double("idempotency_key_is_used_once", name, "idempotency_key", "key = 'key-1'", "fingerprint = 'other'");
        self.plant("idempotency_key_is_used_once", name, "UPDATE idempotency_key SET fingerprint = ''");
        let key = format!("unique_key = 'capture:{}'", market.mixed_payment);
        let (id, set) = self.new_id();
        self.double("business_key_has_one_job", id, "job", &key, &set);
        let invariant = "job_has_the_key_kind_and_queue_of_its_task";
        let job = format!("SELECT id FROM job WHERE {key}");
        for set in ["unique_key = 'other'", "kind = 'void_payment'", "queue = 'bulk'", "payload = '{}'"] {
            self.plant(invariant, &job, format!("UPDATE job SET {set} WHERE {key}"));
        }
        for set in ["attempts = max_attempts + 1", "attempts = -1", "status = 'running', attempts = 0"] {
            self.plant("job_is_within_its_claims", &job, format!("UPDATE job SET {set} WHERE {key}"));
        }
        let sql = format!("UPDATE job SET status = 'dead', last_error = NULL WHERE {key}");
        self.plant("dead_job_says_why", &job, sql);
    }

    pub fn quiet(&mut self, market: &Market) {
        let unpaid: Uuid = market.unpaid.order.id.into();
        let held = format!("order_line_id = {}", self.id(line(&market.unpaid, 0)));
        let sql = format!("UPDATE reservation SET expires_at = {LONG_AGO} WHERE {held}");
        self.plant("held_stock_is_let_go_in_time", format!("SELECT id FROM reservation WHERE {held}"), sql);
        let due = format!("payment_due_at = {LONG_AGO}");
        self.change("unpaid_order_is_cancelled_in_time", "orders", unpaid, &due);
        let accept = format!("accept_by = {LONG_AGO}");
        let invariant = "unaccepted_seller_order_is_rejected_in_time";
        self.change(invariant, "seller_order", part(&market.unaccepted, 0), &accept);
        let cart: Uuid = market.unpaid.order.cart_id.into();
        let open = format!("status = 'open', expires_at = {LONG_AGO}");
        self.change("cart_is_closed_in_time", "cart", cart, &open);
        let key = format!("WHERE unique_key = 'capture:{}'", market.mixed_payment);
        for (invariant, set) in [
            ("due_job_is_run", format!("run_at = {LONG_AGO}")),
            ("running_job_has_its_lease", format!("status = 'running', run_at = {LONG_AGO}")),
            ("no_job_is_dead", "status = 'dead'".to_owned()),
        ] {
            self.plant(invariant, format!("SELECT id FROM job {key}"), format!("UPDATE job SET {set} {key}"));
        }
        let sql = format!("UPDATE inbox SET processed_at = NULL, received_at = {LONG_AGO}");
        self.plant("outside_event_is_acted_on", "SELECT id FROM inbox", sql);
        for status in ["authorized", "unresolved"] {
            let set = format!("status = '{status}'");
            self.change("payment_is_resolved", "payment", market.failed_payment, &set);
        }
        for status in ["pending", "submitted", "unresolved"] {
            let one = "SELECT id FROM refund ORDER BY id LIMIT 1";
            self.plant("refund_is_resolved", one, format!("UPDATE refund SET status = '{status}'"));
        }
        for status in ["pending", "submitted", "unresolved"] {
            self.change("payout_is_resolved", "payout", market.payouts[0], &format!("status = '{status}'"));
        }
        self.change("simulated_transfers_are_payouts", "payout", market.payouts[0], "provider = 'simulated'");
        let transfer = "INSERT INTO simulated_transfer (id, idempotency_key, account, amount, currency, status, created_at) \
             VALUES ('tr_1', 'key', 'account-1', 1, 'USD', 'paid', '2026-01-01T00:00:00+00:00')";
        self.plant("simulated_transfers_are_payouts", "tr_1", transfer);
        self.change("label_is_resolved", "shipment", market.sent_parcel, "status = 'pending'");
    }
}
