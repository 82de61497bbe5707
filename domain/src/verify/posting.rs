//! Postings: each movement of money is in the ledger, on the accounts and of the amounts that it must be.

use super::{Invariant, rows};

/// Movements whose posting is not what it must be: `$expected` selects the id of the movement, the
/// account, the seller order (or nothing) and the amount of each entry that the source type
/// `$source` must have. One that is missing, superfluous, doubled or of another amount leaves a rest.
///
/// The entries that are there come first, as PostgreSQL takes the types of the columns from them.
macro_rules! posted {
    ($source:literal, $expected:literal) => {
        concat!(
            "SELECT m.id AS id FROM (SELECT t.source_id AS id, e.account AS account, e.seller_order_id AS part, \
                 -e.amount AS amount FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id \
                 WHERE t.source_type = '",
            $source,
            "' UNION ALL ",
            $expected,
            ") m GROUP BY m.id, m.account, m.part HAVING sum(m.amount) <> 0"
        )
    };
}

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "captured_payment_is_posted_once",
        8,
        "A captured payment has one posting: its amount at the provider and the discounts that the platform bears, what \
         each seller is owed without tax, and the tax.",
        posted!(
            "capture",
            "SELECT id, 'provider_clearing', NULL, captured_amount FROM payment WHERE status = 'captured' \
             UNION ALL SELECT p.id, 'promotion_expense', NULL, s.platform_discount_total FROM seller_order s \
                 JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT p.id, 'tax_payable', NULL, -s.tax_total FROM seller_order s \
                 JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT p.id, 'seller_payable', s.id, s.tax_total - s.total - s.platform_discount_total \
                 FROM seller_order s JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured'"
        ),
    ),
    rows(
        "commission_is_posted_once",
        8,
        "The commission of a paid seller order and the tax on it have one posting, against what its seller is owed.",
        posted!(
            "commission",
            "SELECT s.id, 'seller_payable', s.id, s.commission_total + s.commission_tax_total FROM seller_order s \
                 JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT s.id, 'commission_revenue', NULL, -s.commission_total FROM seller_order s \
                 JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT s.id, 'commission_tax_payable', NULL, -s.commission_tax_total FROM seller_order s \
                 JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured'"
        ),
    ),
    rows(
        "succeeded_refund_is_posted_once",
        8,
        "A refund that succeeded has one posting: its amount off the provider, its tax off the tax that is owed, the \
         platform's part of goodwill and of discounts, and the rest off what its seller is owed.",
        posted!(
            "refund",
            "SELECT id, 'provider_clearing', NULL, -amount FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT id, 'promotion_expense', NULL, -platform_discount FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT id, 'tax_payable', NULL, tax FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT id, 'goodwill_expense', NULL, platform_amount FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT id, 'seller_payable', seller_order_id, \
                 amount - tax - platform_amount + platform_discount FROM refund WHERE status = 'succeeded'"
        ),
    ),
    rows(
        "commission_reversal_is_posted_once",
        8,
        "The commission that a succeeded refund gives back, and the tax on it, have one posting.",
        posted!(
            "commission_reversal",
            "SELECT id, 'commission_revenue', NULL, commission FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT id, 'commission_tax_payable', NULL, commission_tax FROM refund \
                 WHERE status = 'succeeded' \
             UNION ALL SELECT id, 'seller_payable', seller_order_id, -commission - commission_tax FROM refund \
                 WHERE status = 'succeeded'"
        ),
    ),
    rows(
        "bought_label_is_posted_once",
        8,
        "A bought label has one posting of what it cost; one that cost nothing has none.",
        posted!(
            "label",
            "SELECT id, 'seller_payable', seller_order_id, label_cost FROM shipment WHERE label_cost IS NOT NULL \
             UNION ALL SELECT id, 'carrier_payable', NULL, -label_cost FROM shipment WHERE label_cost IS NOT NULL"
        ),
    ),
    rows(
        "payout_is_posted_once",
        8,
        "A payout has one posting, from what its seller is owed to what is on its way.",
        posted!(
            "payout",
            "SELECT id, 'seller_payable', NULL, amount FROM payout \
             UNION ALL SELECT id, 'payout_clearing', NULL, -amount FROM payout"
        ),
    ),
    rows(
        "paid_payout_is_posted_once",
        8,
        "A payout that was paid, also one that came back later, has one posting that takes it from the provider.",
        posted!(
            "payout_paid",
            "SELECT id, 'payout_clearing', NULL, amount FROM payout WHERE status IN ('paid', 'returned') \
             UNION ALL SELECT id, 'provider_clearing', NULL, -amount FROM payout WHERE status IN ('paid', 'returned')"
        ),
    ),
    rows(
        "failed_payout_is_posted_once",
        8,
        "A payout that failed has one posting by which its seller is owed it again.",
        posted!(
            "payout_failed",
            "SELECT id, 'payout_clearing', NULL, amount FROM payout WHERE status = 'failed' \
             UNION ALL SELECT id, 'seller_payable', NULL, -amount FROM payout WHERE status = 'failed'"
        ),
    ),
    rows(
        "returned_payout_is_posted_once",
        8,
        "A payout that came back has one posting by which the provider holds it and its seller is owed it again.",
        posted!(
            "payout_returned",
            "SELECT id, 'provider_clearing', NULL, amount FROM payout WHERE status = 'returned' \
             UNION ALL SELECT id, 'seller_payable', NULL, -amount FROM payout WHERE status = 'returned'"
        ),
    ),
    rows(
        "reserve_is_posted_once",
        8,
        "What is kept back of a payout has one posting from what its seller is owed to their reserve.",
        posted!(
            "reserve_hold",
            "SELECT payout_id, 'seller_payable', NULL, amount FROM payout_reserve \
             UNION ALL SELECT payout_id, 'seller_reserve', NULL, -amount FROM payout_reserve"
        ),
    ),
    rows(
        "released_reserve_is_posted_once",
        8,
        "A reserve that was released has one posting back to what its seller is owed.",
        posted!(
            "reserve_release",
            "SELECT payout_id, 'seller_reserve', NULL, amount FROM payout_reserve WHERE released_at IS NOT NULL \
             UNION ALL SELECT payout_id, 'seller_payable', NULL, -amount FROM payout_reserve \
                 WHERE released_at IS NOT NULL"
        ),
    ),
];
