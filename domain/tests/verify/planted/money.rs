//! Violations in payments, refunds and the ledger.

use uuid::Uuid;

use super::{Gardener, line, part};
use crate::market::Market;

impl Gardener {
    pub fn payments(&mut self, market: &Market) {
        let payment: Uuid = market.mixed_payment.into();
        let order: Uuid = market.mixed.order.id.into();
        let first = part(&market.mixed, 0);
        let share = format!("WHERE payment_id = {} AND seller_order_id = {}", self.id(payment), self.id(first));
        let both = format!("{payment} {first}");
        let invariant = "payment_takes_at_most_what_is_held";
        for set in ["authorized_amount = captured_amount - 1", "captured_amount = amount - 1", "status = 'failed'"] {
            self.change(invariant, "payment", payment, set);
        }
        self.change("order_has_one_live_payment", "payment", market.failed_payment, "status = 'pending'");
        let taken =
            format!("provider_ref = (SELECT provider_ref FROM payment WHERE id = {})", self.id(market.failed_payment));
        self.change("provider_payment_is_one_payment", "payment", payment, &taken);
        let more = format!("UPDATE payment_share SET amount = amount + 1 {share}");
        self.plant("payment_is_the_sum_of_its_shares", payment, more.clone());
        self.change("payment_is_the_sum_of_its_shares", "payment", payment, "amount = amount + 1");
        self.plant("payment_share_is_its_seller_orders_total", &both, more);
        let sql = format!("UPDATE payment_share SET refunded_amount = refunded_amount + 1 {share}");
        self.plant("share_refunded_is_the_sum_of_its_refunds", &both, sql);
        let sql = format!("UPDATE payment_share SET refunded_amount = amount + 1 {share}");
        self.plant("share_is_refunded_at_most_whole", &both, sql);
        self.change("confirmed_order_is_paid", "orders", market.unpaid.order.id, "status = 'confirmed'");
        let less = "captured_amount = captured_amount - 1";
        self.change_of("confirmed_order_is_paid", order, "payment", payment, less);
        self.change("paid_order_is_confirmed", "orders", order, "status = 'pending'");
        let more = "captured_amount = captured_amount + 1";
        self.change_of("order_is_not_paid_in_excess", order, "payment", payment, more);
    }

    pub fn refunds(&mut self, market: &Market) {
        let cancelled = part(&market.cancelled, 0);
        let of_cancelled = format!("WHERE seller_order_id = {}", self.id(cancelled));
        let lines_of_cancelled = format!("WHERE refund_id IN (SELECT id FROM refund {of_cancelled})");
        let sql = format!("UPDATE payment SET status = 'voided' WHERE id = {}", self.id(market.cancelled_payment));
        let offender = format!("SELECT id FROM refund {of_cancelled}");
        self.plant("refund_is_of_a_captured_payment", &offender, sql);
        for sql in [
            format!("UPDATE refund SET amount = amount + 1 {of_cancelled}"),
            format!("DELETE FROM refund_line {lines_of_cancelled}"),
        ] {
            self.plant("refund_is_the_sum_of_its_lines", &offender, sql);
        }
        let sql = "UPDATE refund SET return_request_id = (SELECT id FROM return_request ORDER BY id LIMIT 1)";
        self.plant("return_is_refunded_once", &offender, sql);
        let item = format!("{lines_of_cancelled} AND component = 'item'");
        let sql = format!("UPDATE refund_line SET amount = 100000 {item}");
        self.plant("line_is_refunded_at_most_whole", line(&market.cancelled, 0), sql);
        let sql = format!("UPDATE refund_line SET amount = amount + 1 {lines_of_cancelled} AND component = 'shipping'");
        self.plant("shipping_is_refunded_at_most_whole", cancelled, sql);
        let invariant = "line_refunded_units_are_cancelled_or_returned";
        let kept = line(&market.unaccepted, 0);
        self.change(invariant, "order_line", kept, "refunded_quantity = 1");
        self.change(invariant, "order_line", line(&market.refunded, 0), "refunded_quantity = 0");
        for set in ["component = 'goodwill'", "order_line_id = NULL"] {
            let sql = format!("UPDATE refund_line SET {set} {item}");
            self.plant("refund_line_is_of_what_it_names", &offender, sql);
        }
        for column in ["amount", "tax", "commission", "commission_tax", "platform_discount"] {
            let sql = format!("UPDATE refund_line SET {column} = {column} - 1 {item}");
            self.plant("refunded_units_have_their_slices", line(&market.cancelled, 0), sql);
        }
        let shipping = format!("{lines_of_cancelled} AND component = 'shipping'");
        let sql = format!("UPDATE refund_line SET tax = tax - 1 {shipping}");
        self.plant("refunded_units_have_their_slices", cancelled, sql);
        let sql = format!("UPDATE refund_line SET amount = 0 {item}");
        self.plant("refunded_units_are_paid_back", cancelled, sql);
        self.change_of(
            "refunded_units_are_paid_back",
            part(&market.unaccepted, 0),
            "order_line",
            kept,
            "refunded_quantity = 1",
        );
        let sql = format!("UPDATE payment_share SET refunded_amount = refunded_amount - 1 {of_cancelled}");
        self.plant("cancelled_seller_order_is_paid_back_whole", cancelled, sql);
    }

    pub fn return_terms(&mut self, market: &Market) {
        let (back, of) = (line(&market.refunded, 0), part(&market.refunded, 0));
        let refund = format!("SELECT id FROM refund WHERE seller_order_id = {} ORDER BY id LIMIT 1", self.id(of));
        let of_line = format!("WHERE order_line_id = {}", self.id(back));
        for sql in [
            format!("UPDATE return_line SET reason = 'damaged' {of_line}"),
            format!("UPDATE refund_line SET restocking_quantity = quantity + 1 {of_line}"),
            format!("UPDATE refund_line SET restocking_fee = amount + 1 {of_line}"),
        ] {
            self.plant("restocking_fee_is_for_what_came_back_without_fault", &refund, sql);
        }
        for change in ["restocking_fee = restocking_fee - 1", "restocking_fee = restocking_fee + 1"] {
            let sql = format!("UPDATE refund_line SET {change} {of_line}");
            self.plant("restocking_fees_have_their_slices", back, sql);
        }
        for column in ["restocking_fee", "return_label"] {
            let sql = format!("UPDATE refund SET {column} = {column} + 1 WHERE id = ({refund})");
            self.plant("refund_is_the_sum_of_its_lines", &refund, sql);
        }
        for sql in [
            format!("UPDATE seller_order SET return_label_payer = 'seller' WHERE id = {}", self.id(of)),
            format!("UPDATE return_line SET reason = 'too_late' {of_line}"),
            format!(
                "UPDATE shipment SET label_cost = 1 WHERE direction = 'return' AND seller_order_id = {}",
                self.id(of)
            ),
        ] {
            self.plant("return_label_is_charged_at_cost", &refund, sql);
        }
        let request = format!("SELECT return_request_id AS id FROM return_line {of_line} LIMIT 1");
        let sql = format!("UPDATE order_line SET returnable = false WHERE id = {}", self.id(back));
        self.plant("excluded_goods_come_back_by_fault_alone", request, sql);
    }

    pub fn ledger(&mut self, market: &Market) {
        let payment = self.id(market.mixed_payment);
        let capture =
            format!("SELECT id FROM ledger_transaction WHERE source_type = 'capture' AND source_id = {payment}");
        let one_entry = format!(
            "WHERE id = (SELECT id FROM ledger_entry WHERE account = 'provider_clearing' AND transaction_id IN ({capture}))"
        );
        let skewed = format!("UPDATE ledger_entry SET amount = amount + 1 {one_entry}");
        for sql in [
            skewed.clone(),
            format!("UPDATE ledger_entry SET currency = 'EUR' {one_entry}"),
            format!("DELETE FROM ledger_entry WHERE transaction_id IN ({capture})"),
            format!("UPDATE ledger_transaction SET amount = amount + 1 WHERE id IN ({capture})"),
        ] {
            self.plant("ledger_transaction_balances", &capture, sql);
        }
        self.plant("ledger_trial_balance_is_zero", "USD", skewed.clone());
        self.plant("provider_holds_what_was_captured_less_refunded_and_paid_out", "USD", skewed);
        let more = |account: &str| format!("UPDATE ledger_entry SET amount = amount - 1 WHERE account = '{account}'");
        self.plant("tax_owed_is_that_of_what_was_paid_less_refunded", "USD", more("tax_payable"));
        for account in ["commission_revenue", "commission_tax_payable", "promotion_expense", "goodwill_expense"] {
            let invariant = "income_and_expense_follow_from_orders_and_refunds";
            self.plant(invariant, format!("{account} USD"), more(account));
        }
        let invariant = "ledger_seller_entry_is_of_its_seller";
        let others = format!("seller_id = {}", self.id(Uuid::now_v7()));
        for set in [others.as_str(), "seller_order_id = NULL", "account = 'carrier_payable'"] {
            let entry = "SELECT id FROM ledger_entry WHERE account = 'seller_payable' ORDER BY id LIMIT 1";
            self.plant(invariant, entry, format!("UPDATE ledger_entry SET {set} WHERE id = ({entry})"));
        }
        let refund = "SELECT id FROM refund ORDER BY id LIMIT 1";
        for (invariant, kind, source, offender) in [
            ("captured_payment_is_posted_once", "capture", payment, market.mixed_payment.to_string()),
            ("succeeded_refund_is_posted_once", "refund", format!("({refund})"), refund.to_owned()),
            ("commission_reversal_is_posted_once", "commission_reversal", format!("({refund})"), refund.to_owned()),
            ("bought_label_is_posted_once", "label", self.id(market.sent_parcel), market.sent_parcel.to_string()),
            (
                "commission_is_posted_once",
                "commission",
                self.id(part(&market.mixed, 0)),
                part(&market.mixed, 0).to_string(),
            ),
        ] {
            self.unpost(invariant, &offender, kind, &source);
        }
        let parcel = self.id(market.voided_parcel);
        let voided =
            format!("SELECT id FROM ledger_transaction WHERE source_type = 'label_void' AND source_id = {parcel}");
        for set in ["amount = amount + 1".to_owned(), format!("order_id = {}", self.id(market.unpaid.order.id))] {
            let sql = format!("UPDATE ledger_transaction SET {set} WHERE source_id = {parcel}");
            self.plant("ledger_transaction_has_its_source", &voided, sql);
        }
        let owed = part(&market.mixed, 0);
        let sql = format!(
            "UPDATE ledger_entry SET amount = amount - 1 WHERE id = (SELECT id FROM ledger_entry \
             WHERE account = 'seller_payable' AND seller_order_id = {} ORDER BY id LIMIT 1)",
            self.id(owed)
        );
        self.plant("seller_is_owed_for_goods_less_commission_refunds_and_labels", owed, sql);
    }

    /// The posting of a movement is lost, doubled, of other amounts, of another account, or of another movement.
    pub fn unpost(&mut self, invariant: &'static str, offender: impl ToString, kind: &str, source: &str) {
        let filter = format!("source_type = '{kind}' AND source_id = {source}");
        let entries = format!("WHERE transaction_id IN (SELECT id FROM ledger_transaction WHERE {filter})");
        for sql in [
            format!("DELETE FROM ledger_transaction WHERE {filter}"),
            format!("UPDATE ledger_entry SET amount = amount + amount {entries}"),
            format!("UPDATE ledger_entry SET account = 'tax_payable' {entries} AND amount < 0"),
        ] {
            self.plant(invariant, offender.to_string(), sql);
        }
        let lost = format!("UPDATE ledger_transaction SET source_id = {} WHERE {filter}", self.id(Uuid::now_v7()));
        let posting = format!("SELECT id FROM ledger_transaction WHERE {filter}");
        self.plant("ledger_transaction_has_its_source", posting, lost);
        let (id, set) = self.new_id();
        self.double("movement_is_posted_at_most_once", id, "ledger_transaction", &filter, &set);
    }

    pub fn commission(&mut self, market: &Market) {
        let invariant = "line_commission_is_its_rate_of_its_base";
        for set in ["commission = commission + 1", "commission_rate_ppm = 200000", "platform_discount = 0"] {
            self.change(invariant, "order_line", line(&market.mixed, 0), set);
        }
        let invariant = "line_commission_tax_is_its_rate_of_the_commission";
        for set in ["commission_tax = commission_tax + 1", "commission_tax_ppm = 500000"] {
            self.change(invariant, "order_line", line(&market.mixed, 0), set);
        }
        let cancelled = part(&market.cancelled, 0);
        for column in ["commission", "commission_tax", "tax", "platform_discount"] {
            let sql =
                format!("UPDATE refund SET {column} = {column} + 1 WHERE seller_order_id = {}", self.id(cancelled));
            self.plant("commission_is_reversed_at_most_whole", cancelled, sql);
        }
    }
}
