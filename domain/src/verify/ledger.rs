//! The ledger: balanced, whose its entries are, and balances that follow from what happened.

use super::{Invariant, rows};

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
        "ledger_seller_entry_is_of_its_seller",
        8,
        "What is owed to a seller is owed for one of their seller orders, or comes of payouts and their reserves; every \
         entry belongs to a transaction, and has its instant.",
        "SELECT e.id AS id FROM ledger_entry e \
         LEFT JOIN ledger_transaction t ON t.id = e.transaction_id \
         LEFT JOIN seller_order s ON s.id = e.seller_order_id \
         WHERE t.id IS NULL OR e.occurred_at <> t.occurred_at \
             OR (e.account IN ('seller_payable', 'seller_reserve')) <> (e.seller_id IS NOT NULL) \
             OR (e.seller_order_id IS NOT NULL AND (s.id IS NULL OR e.account <> 'seller_payable' \
                 OR s.seller_id <> e.seller_id)) \
             OR (e.account = 'seller_payable' AND (e.seller_order_id IS NULL) <> (t.source_type IN \
                 ('payout', 'payout_failed', 'payout_returned', 'reserve_hold', 'reserve_release'))) \
             OR (e.account = 'seller_reserve' AND t.source_type NOT IN ('reserve_hold', 'reserve_release'))",
    ),
    rows(
        "ledger_transaction_has_its_source",
        8,
        "Every ledger transaction is of a captured payment, a paid seller order's commission, a refund that succeeded, \
         a bought label, the bought label of a cancelled parcel given back for what it cost, or a payout, and names the \
         order of that.",
        "SELECT t.id AS id FROM ledger_transaction t \
         LEFT JOIN payment p ON t.source_type = 'capture' AND p.id = t.source_id AND p.status = 'captured' \
         LEFT JOIN seller_order s ON t.source_type = 'commission' AND s.id = t.source_id AND EXISTS \
             (SELECT 1 FROM payment c WHERE c.order_id = s.order_id AND c.status = 'captured') \
         LEFT JOIN refund r ON t.source_type IN ('refund', 'commission_reversal') AND r.id = t.source_id \
             AND r.status = 'succeeded' \
         LEFT JOIN shipment h ON h.id = t.source_id AND h.label_cost = t.amount \
             AND (t.source_type = 'label' OR (t.source_type = 'label_void' AND h.status = 'cancelled')) \
         LEFT JOIN payout o ON o.id = t.source_id AND t.source_type IN ('payout', 'payout_paid', 'payout_failed', \
             'payout_returned', 'reserve_hold', 'reserve_release') \
         WHERE coalesce(p.order_id, s.order_id, r.order_id, h.order_id, o.id) IS NULL \
             OR (o.id IS NULL AND (t.order_id IS NULL \
                 OR t.order_id <> coalesce(p.order_id, s.order_id, r.order_id, h.order_id))) \
             OR (o.id IS NOT NULL AND (t.order_id IS NOT NULL OR t.currency <> o.currency))",
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
    rows(
        "commission_is_reversed_at_most_whole",
        9,
        "Refunds give back at most the commission, its tax, the tax and the platform's discount of a seller order.",
        "SELECT s.id AS id FROM seller_order s \
         JOIN (SELECT seller_order_id, sum(commission) AS commission, sum(commission_tax) AS commission_tax, \
                 sum(tax) AS tax, sum(platform_discount) AS discount \
             FROM refund WHERE status <> 'failed' GROUP BY seller_order_id) r ON r.seller_order_id = s.id \
         WHERE r.commission > s.commission_total OR r.commission_tax > s.commission_tax_total \
             OR r.tax > s.tax_total OR r.discount > s.platform_discount_total",
    ),
    rows(
        "provider_holds_what_was_captured_less_refunded_and_paid_out",
        9,
        "The provider's account is, per currency, what was captured less what was refunded and paid out.",
        "SELECT currency AS what FROM ( \
             SELECT currency, captured_amount AS amount FROM payment \
             UNION ALL SELECT currency, -amount FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT currency, -amount FROM payout WHERE status = 'paid' \
             UNION ALL SELECT currency, -amount FROM ledger_entry WHERE account = 'provider_clearing') m \
         GROUP BY currency HAVING sum(amount) <> 0",
    ),
    rows(
        "tax_owed_is_that_of_what_was_paid_less_refunded",
        9,
        "The tax that is owed is, per currency, the tax of paid orders less the tax of succeeded refunds.",
        "SELECT currency AS what FROM ( \
             SELECT s.currency AS currency, s.tax_total AS amount FROM seller_order s \
                 JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT currency, -tax FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT currency, amount FROM ledger_entry WHERE account = 'tax_payable') m \
         GROUP BY currency HAVING sum(amount) <> 0",
    ),
    rows(
        "income_and_expense_follow_from_orders_and_refunds",
        9,
        "Commission, the tax on it, and what the platform bore of discounts and goodwill are, per currency, those of \
         paid orders less those of succeeded refunds.",
        "SELECT account || ' ' || currency AS what FROM ( \
             SELECT 'commission_revenue' AS account, s.currency AS currency, s.commission_total AS amount \
                 FROM seller_order s JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT 'commission_tax_payable', s.currency, s.commission_tax_total \
                 FROM seller_order s JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT 'promotion_expense', s.currency, -s.platform_discount_total \
                 FROM seller_order s JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT 'commission_revenue', currency, -commission FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT 'commission_tax_payable', currency, -commission_tax FROM refund \
                 WHERE status = 'succeeded' \
             UNION ALL SELECT 'promotion_expense', currency, platform_discount FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT 'goodwill_expense', currency, -platform_amount FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT account, currency, amount FROM ledger_entry WHERE account IN ('commission_revenue', \
                 'commission_tax_payable', 'promotion_expense', 'goodwill_expense')) m \
         GROUP BY account, currency HAVING sum(amount) <> 0",
    ),
    // Entries that are owed to the seller are credits, hence the sign of the last part.
    rows(
        "seller_is_owed_for_goods_less_commission_refunds_and_labels",
        9,
        "What the ledger owes a seller for a seller order is what was paid for it without tax and made good by the \
         platform, less commission and its tax, refunds and labels.",
        "SELECT id FROM ( \
             SELECT s.id AS id, s.total - s.tax_total + s.platform_discount_total - s.commission_total \
                     - s.commission_tax_total AS amount \
                 FROM seller_order s JOIN payment p ON p.order_id = s.order_id AND p.status = 'captured' \
             UNION ALL SELECT seller_order_id, commission + commission_tax - platform_discount \
                     - (amount - tax - platform_amount) FROM refund WHERE status = 'succeeded' \
             UNION ALL SELECT seller_order_id, -label_cost FROM shipment WHERE label_cost IS NOT NULL \
             UNION ALL SELECT h.seller_order_id, h.label_cost FROM shipment h \
                 JOIN ledger_transaction t ON t.source_type = 'label_void' AND t.source_id = h.id \
             UNION ALL SELECT seller_order_id, amount FROM ledger_entry WHERE account = 'seller_payable' \
                 AND seller_order_id IS NOT NULL) m \
         GROUP BY id HAVING sum(amount) <> 0",
    ),
];
