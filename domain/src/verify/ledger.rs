//! The ledger: balanced, complete, and in agreement with what moved the money.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

/// Movements without exactly one posting of their amount: `$movements` selects `id` and `amount`
/// of all that must be posted with the source type `$source`, where `amount` is the sum of the
/// entries on `$account`.
macro_rules! posted_once {
    ($source:literal, $account:literal, $movements:literal) => {
        concat!(
            "SELECT m.id AS id FROM (",
            $movements,
            ") m LEFT JOIN (SELECT t.source_id AS source_id, count(DISTINCT t.id) AS postings, \
                 sum(CASE WHEN e.account = '",
            $account,
            "' THEN e.amount ELSE 0 END) AS amount \
                 FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id WHERE t.source_type = '",
            $source,
            "' GROUP BY t.source_id) p ON p.source_id = m.id \
             WHERE p.source_id IS NULL OR p.postings <> 1 OR p.amount <> m.amount"
        )
    };
}

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "ledger_transaction_balances",
        8,
        "A ledger transaction has at least two entries, all in its currency, that sum to zero and whose debits are its \
         amount.",
        "SELECT t.id AS id FROM ledger_transaction t \
         LEFT JOIN (SELECT transaction_id, count(*) AS entries, sum(amount) AS balance, \
                 sum(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS debits, \
                 min(currency) AS least_currency, max(currency) AS most_currency \
             FROM ledger_entry GROUP BY transaction_id) e ON e.transaction_id = t.id \
         WHERE e.transaction_id IS NULL OR e.entries < 2 OR e.balance <> 0 OR e.debits <> t.amount \
             OR e.least_currency <> t.currency OR e.most_currency <> t.currency",
    ),
    rows(
        "ledger_trial_balance_is_zero",
        8,
        "The entries of a currency sum to zero.",
        "SELECT currency AS what FROM ledger_entry GROUP BY currency HAVING sum(amount) <> 0",
    ),
    rows(
        "ledger_seller_entry_is_of_its_seller_order",
        8,
        "What is owed to a seller is owed for one of their seller orders, and every entry belongs to a transaction.",
        "SELECT e.id AS id FROM ledger_entry e \
         LEFT JOIN ledger_transaction t ON t.id = e.transaction_id \
         LEFT JOIN seller_order s ON s.id = e.seller_order_id \
         WHERE t.id IS NULL OR (e.account = 'seller_payable') <> (e.seller_id IS NOT NULL) \
             OR (e.account = 'seller_payable' AND (s.id IS NULL OR s.seller_id <> e.seller_id))",
    ),
    rows(
        "captured_payment_is_posted_once",
        8,
        "A captured payment has one ledger transaction, which brings its amount to the provider's account.",
        posted_once!(
            "capture",
            "provider_clearing",
            "SELECT id, captured_amount AS amount FROM payment WHERE status = 'captured' AND captured_amount <> 0"
        ),
    ),
    rows(
        "succeeded_refund_is_posted_once",
        8,
        "A refund that succeeded has one ledger transaction, which takes its amount from the provider's account.",
        posted_once!(
            "refund",
            "provider_clearing",
            "SELECT id, -amount AS amount FROM refund WHERE status = 'succeeded' AND amount <> 0"
        ),
    ),
    rows(
        "bought_label_is_posted_once",
        8,
        "A bought label has one ledger transaction of what it cost; one that cost nothing has none.",
        posted_once!(
            "label",
            "carrier_payable",
            "SELECT id, -label_cost AS amount FROM shipment WHERE label_cost <> 0"
        ),
    ),
    rows(
        "commission_is_posted_once",
        8,
        "The commission of a paid seller order has one ledger transaction of its amount.",
        posted_once!(
            "commission",
            "commission_revenue",
            "SELECT s.id AS id, -s.commission_total AS amount FROM seller_order s \
             JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' WHERE s.commission_total <> 0"
        ),
    ),
    rows(
        "commission_reversal_is_posted_once",
        8,
        "The commission that a succeeded refund gives back has one ledger transaction of its amount.",
        posted_once!(
            "commission_reversal",
            "commission_revenue",
            "SELECT id, commission AS amount FROM refund WHERE status = 'succeeded' AND commission <> 0"
        ),
    ),
    rows(
        "ledger_transaction_has_its_source",
        8,
        "Every ledger transaction is of a captured payment, a paid seller order's commission, a refund that succeeded, \
         a bought label, or the bought label of a cancelled parcel given back for what it cost.",
        "SELECT t.id AS id FROM ledger_transaction t \
         LEFT JOIN payment p ON t.source_type = 'capture' AND p.id = t.source_id AND p.status = 'captured' \
         LEFT JOIN seller_order s ON t.source_type = 'commission' AND s.id = t.source_id AND EXISTS \
             (SELECT 1 FROM payment c WHERE c.order_id = s.order_id AND c.status = 'captured') \
         LEFT JOIN refund r ON t.source_type IN ('refund', 'commission_reversal') AND r.id = t.source_id \
             AND r.status = 'succeeded' \
         LEFT JOIN shipment h ON h.id = t.source_id AND h.label_cost = t.amount \
             AND (t.source_type = 'label' OR (t.source_type = 'label_void' AND h.status = 'cancelled')) \
         WHERE coalesce(p.order_id, s.order_id, r.order_id, h.order_id) IS NULL \
             OR t.order_id IS NULL OR t.order_id <> coalesce(p.order_id, s.order_id, r.order_id, h.order_id)",
    ),
    rows(
        "movement_is_posted_at_most_once",
        8,
        "A movement of money is posted at most once.",
        "SELECT t.id AS id FROM ledger_transaction t \
         JOIN (SELECT source_type, source_id FROM ledger_transaction \
             GROUP BY source_type, source_id HAVING count(*) > 1) d \
             ON d.source_type = t.source_type AND d.source_id = t.source_id",
    ),
    recomputed(
        "line_commission_is_its_rate_of_its_base",
        9,
        "A line's commission is its frozen rate of what the seller is credited for the goods.",
        Recomputation::Commission,
    ),
    rows(
        "commission_is_the_sum_of_the_lines",
        9,
        "A seller order's commission is the sum of those of its lines.",
        "SELECT s.id AS id FROM seller_order s \
         LEFT JOIN (SELECT seller_order_id, sum(commission) AS commission FROM order_line \
             GROUP BY seller_order_id) l ON l.seller_order_id = s.id \
         WHERE s.commission_total <> coalesce(l.commission, 0)",
    ),
    rows(
        "commission_is_reversed_at_most_whole",
        9,
        "Refunds give back at most the commission and the platform's discount of a seller order.",
        "SELECT s.id AS id FROM seller_order s \
         JOIN (SELECT seller_order_id, min(commission) AS least_commission, sum(commission) AS commission, \
                 min(platform_discount) AS least_discount, sum(platform_discount) AS discount \
             FROM refund WHERE status <> 'failed' GROUP BY seller_order_id) r ON r.seller_order_id = s.id \
         WHERE r.least_commission < 0 OR r.commission > s.commission_total \
             OR r.least_discount < 0 OR r.discount > s.platform_discount_total",
    ),
    rows(
        "provider_holds_what_was_captured_less_refunded",
        9,
        "The provider's account is, per currency, what was captured less what was refunded.",
        "SELECT currency AS what FROM ( \
             SELECT currency, captured_amount AS amount FROM payment \
             UNION ALL SELECT currency, -amount FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT currency, -amount FROM ledger_entry WHERE account = 'provider_clearing') m \
         GROUP BY currency HAVING sum(amount) <> 0",
    ),
    // Entries that are owed to the seller are credits, hence the sign of the last part.
    rows(
        "seller_is_owed_for_goods_less_commission_refunds_and_labels",
        9,
        "What the ledger owes a seller for a seller order is what was paid for it and made good by the platform, less \
         commission, refunds and labels.",
        "SELECT id FROM ( \
             SELECT s.id AS id, s.total + s.platform_discount_total - s.commission_total AS amount \
                 FROM seller_order s JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT seller_order_id, commission - amount - platform_discount FROM refund \
                 WHERE status = 'succeeded' \
             UNION ALL SELECT seller_order_id, -label_cost FROM shipment WHERE label_cost IS NOT NULL \
             UNION ALL SELECT h.seller_order_id, h.label_cost FROM shipment h \
                 JOIN ledger_transaction t ON t.source_type = 'label_void' AND t.source_id = h.id \
             UNION ALL SELECT seller_order_id, amount FROM ledger_entry WHERE account = 'seller_payable') m \
         GROUP BY id HAVING sum(amount) <> 0",
    ),
];
