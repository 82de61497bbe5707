//! Violations in the log of privileged changes.

use super::Gardener;
use crate::market::Market;

impl Gardener {
    pub fn two_operators(&mut self) {
        let alone = "SELECT refund_id FROM operator_refund WHERE approval_id IS NULL";
        let approved = "SELECT refund_id FROM operator_refund WHERE approval_id IS NOT NULL";
        let invariant = "operator_refund_is_known_as_one";
        self.plant(invariant, alone, format!("DELETE FROM operator_refund WHERE refund_id = ({alone})"));
        let other = "order_id = (SELECT id FROM orders ORDER BY id LIMIT 1)";
        self.plant(invariant, alone, format!("UPDATE operator_refund SET {other} WHERE refund_id = ({alone})"));

        let invariant = "large_operator_refund_has_a_second_operator";
        for (offender, sql) in [
            (alone, "UPDATE operator_refund SET limit_amount = 6 WHERE approval_id IS NULL"),
            (approved, "UPDATE operator_refund SET approval_id = NULL WHERE approval_id IS NOT NULL"),
            (approved, "UPDATE refund_approval SET decided_by = requested_by"),
            (approved, "UPDATE refund_approval SET decided_by = NULL"),
            (approved, "UPDATE refund_approval SET requested_by = decided_by, decided_by = requested_by"),
            (approved, "UPDATE refund_approval SET status = 'rejected'"),
            (approved, "UPDATE refund_approval SET amount = amount - 1"),
            ("SELECT id FROM refund_approval", "UPDATE refund_approval SET refund_id = NULL"),
        ] {
            self.plant(invariant, offender, sql);
        }
    }

    pub fn audit(&mut self, market: &Market) {
        let entry = |sequence: u8| format!("SELECT id FROM audit_entry WHERE sequence = {sequence}");
        let (second, third) = (entry(2), entry(3));
        let invariant = "audit_chain_is_unbroken";
        for set in ["operation = 'x'", "changes = '[]'", "actor_id = NULL", "request = 'GET /'"] {
            self.plant(invariant, &second, format!("UPDATE audit_entry SET {set} WHERE sequence = 2"));
        }
        // The hash made to fit nothing, a row taken out, and what leads to an entry taken away.
        self.plant(invariant, &third, "UPDATE audit_entry SET hash = previous_hash WHERE sequence = 2");
        self.plant(invariant, &third, "DELETE FROM audit_entry WHERE sequence = 2");
        self.plant(invariant, &second, format!("DELETE FROM audit_subject WHERE entry_id = ({second})"));

        let invariant = "audit_head_is_the_last_entry";
        for sql in [
            "UPDATE audit_head SET sequence = sequence + 1",
            "UPDATE audit_head SET hash = 'forged'",
            "DELETE FROM audit_head",
            "DELETE FROM audit_entry WHERE sequence = (SELECT max(sequence) FROM audit_entry)",
        ] {
            self.plant(invariant, "audit_head", sql);
        }

        let seller = market.shops[0].seller;
        let of_seller = format!("kind = 'seller' AND subject_id = {}", self.id(seller));
        let invariant = "operator_change_is_audited";
        self.plant(invariant, seller, format!("DELETE FROM audit_subject WHERE {of_seller}"));
        let entries = format!("id IN (SELECT entry_id FROM audit_subject WHERE {of_seller})");
        self.plant(invariant, seller, format!("UPDATE audit_entry SET actor_id = NULL WHERE {entries}"));
    }
}
