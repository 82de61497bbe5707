//! Violations in payouts, their items and reserves, and their postings.

use super::{Gardener, part};
use crate::market::Market;

impl Gardener {
    pub fn payouts(&mut self, market: &Market) {
        let [paid, failed, returned] = market.payouts;
        let seller = market.shops[0].seller;
        let items = format!("WHERE payout_id = {}", self.id(paid));
        self.change("payout_is_the_sum_of_its_items", "payout", paid, "amount = amount + 1");
        self.plant("payout_is_the_sum_of_its_items", paid, format!("DELETE FROM payout_item {items}"));
        let invariant = "payout_item_is_what_its_entry_owes_its_seller";
        self.plant(invariant, paid, format!("UPDATE payout_item SET amount = amount + 1 {items}"));
        for set in ["currency = 'EUR'", "created_at = '2020-01-01T00:00:00+00:00'"] {
            self.change(invariant, "payout", paid, set);
        }
        let other = format!("seller_id = {}", self.id(market.shops[1].seller));
        self.change(invariant, "payout", paid, &other);
        let entry = format!("SELECT ledger_entry_id FROM payout_item {items} ORDER BY ledger_entry_id LIMIT 1");
        let set = format!("payout_id = {}", self.id(returned));
        let filter = format!("ledger_entry_id = ({entry})");
        self.double("entry_is_settled_once", entry, "payout_item", &filter, &set);
        let settled = part(&market.sold, 0);
        for set in ["payable_at = NULL", "payable_at = '2100-01-01T00:00:00+00:00'"] {
            self.change_of("payout_waits_for_its_seller_orders", paid, "seller_order", settled, set);
        }
        let invariant = "payout_of_a_cancelled_seller_order_is_paid_back_whole";
        self.change_of(invariant, paid, "seller_order", settled, "status = 'cancelled'");
        let invariant = "seller_order_is_payable_once_it_is_over";
        self.change(invariant, "seller_order", settled, "payable_at = NULL");
        let early = "payable_at = '2100-01-01T00:00:00+00:00'";
        self.change(invariant, "seller_order", part(&market.unaccepted, 0), early);
        let history = format!("entity_kind = 'seller' AND entity_id = {}", self.id(seller));
        for sql in [
            format!("DELETE FROM status_history WHERE {history}"),
            format!(
                "UPDATE status_history SET to_status = 'suspended', occurred_at = '2020-01-01T00:00:00+00:00' \
                 WHERE {history} AND version > 2"
            ),
        ] {
            self.plant("payout_is_to_an_approved_seller", paid, sql);
        }
        let reserve = format!("WHERE payout_id = {}", self.id(paid));
        let invariant = "reserve_is_of_its_payout_and_settled_by_it";
        for set in ["amount = amount + 1", "currency = 'EUR'", "release_at = '2100-01-01T00:00:00+00:00'"] {
            self.plant(invariant, paid, format!("UPDATE payout_reserve SET {set} {reserve}"));
        }
        let invariant = "seller_reserve_is_what_was_kept_back";
        self.plant(invariant, seller, format!("UPDATE payout_reserve SET released_at = NULL {reserve}"));
        let invariant = "seller_is_owed_what_no_payout_has_settled";
        self.plant(invariant, seller, format!("DELETE FROM payout_item {items}"));
        self.change_of("payouts_on_their_way_are_in_clearing", "USD", "payout", paid, "status = 'submitted'");
        let invariant = "provider_transfer_is_one_payout";
        for set in ["provider_ref = NULL", "paid_at = NULL"] {
            self.change(invariant, "payout", paid, set);
        }
        let same = format!("provider_ref = (SELECT provider_ref FROM payout WHERE id = {})", self.id(returned));
        self.change(invariant, "payout", paid, &same);

        for (invariant, kind, payout) in [
            ("payout_is_posted_once", "payout", paid),
            ("paid_payout_is_posted_once", "payout_paid", paid),
            ("failed_payout_is_posted_once", "payout_failed", failed),
            ("returned_payout_is_posted_once", "payout_returned", returned),
            ("reserve_is_posted_once", "reserve_hold", paid),
            ("released_reserve_is_posted_once", "reserve_release", paid),
        ] {
            self.unpost(invariant, payout, kind, &self.id(payout));
        }
    }
}
