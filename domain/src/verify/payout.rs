//! Payouts: which entries each settles, to whom, when, and what is left to be paid.

use super::{Invariant, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "payout_is_the_sum_of_its_items",
        10,
        "A payout is more than nothing and the sum of the entries that it settles.",
        "SELECT p.id AS id FROM payout p \
         LEFT JOIN (SELECT payout_id, sum(amount) AS amount FROM payout_item GROUP BY payout_id) i ON i.payout_id = p.id \
         WHERE p.amount <= 0 OR p.amount <> coalesce(i.amount, 0)",
    ),
    rows(
        "payout_item_is_what_its_entry_owes_its_seller",
        10,
        "What a payout settles is an entry on what its seller is owed, in its currency and made not later than it, whole, \
         and not a payout's own debit.",
        "SELECT i.payout_id AS id, i.ledger_entry_id AS part FROM payout_item i \
         LEFT JOIN payout p ON p.id = i.payout_id LEFT JOIN ledger_entry e ON e.id = i.ledger_entry_id \
         LEFT JOIN ledger_transaction t ON t.id = e.transaction_id \
         WHERE p.id IS NULL OR e.id IS NULL OR i.amount <> -e.amount OR e.account <> 'seller_payable' \
             OR e.seller_id IS NULL OR e.seller_id <> p.seller_id OR e.currency <> p.currency \
             OR e.occurred_at > p.created_at OR t.source_type = 'payout' \
             OR (t.source_type = 'reserve_hold' AND t.source_id <> p.id)",
    ),
    rows(
        "entry_is_settled_once",
        10,
        "An entry is settled by one payout.",
        "SELECT ledger_entry_id AS id FROM payout_item GROUP BY ledger_entry_id HAVING count(*) > 1",
    ),
    rows(
        "payout_waits_for_its_seller_orders",
        10,
        "A payout settles entries of seller orders whose money could be paid out by then.",
        "SELECT p.id AS id, s.id AS part FROM payout_item i JOIN payout p ON p.id = i.payout_id \
         JOIN ledger_entry e ON e.id = i.ledger_entry_id JOIN seller_order s ON s.id = e.seller_order_id \
         WHERE s.payable_at IS NULL OR s.payable_at > p.created_at",
    ),
    // Nothing is paid out while a refund is under way, and one that has succeeded stays so.
    rows(
        "payout_of_a_cancelled_seller_order_is_paid_back_whole",
        10,
        "A payout settles entries of a cancelled seller order once the shopper has all of it back.",
        "SELECT i.payout_id AS id, s.id AS part FROM payout_item i JOIN ledger_entry e ON e.id = i.ledger_entry_id \
         JOIN seller_order s ON s.id = e.seller_order_id AND s.status = 'cancelled' \
         JOIN payment_share h ON h.seller_order_id = s.id \
         JOIN payment p ON p.id = h.payment_id AND p.status = 'captured' \
         WHERE h.amount <> (SELECT coalesce(sum(r.amount), 0) FROM refund r WHERE r.payment_id = h.payment_id \
             AND r.seller_order_id = s.id AND r.status = 'succeeded')",
    ),
    rows(
        "seller_order_is_payable_once_it_is_over",
        10,
        "Whether a seller order's money can be paid out is known once it is completed, cancelled or refunded.",
        "SELECT id FROM seller_order \
         WHERE (status IN ('completed', 'cancelled', 'refunded')) <> (payable_at IS NOT NULL)",
    ),
    // What was decided at the same instant may have come after it.
    rows(
        "payout_is_to_an_approved_seller",
        10,
        "A payout is made to a seller who is approved then.",
        "SELECT p.id AS id FROM payout p WHERE NOT EXISTS (SELECT 1 FROM status_history h \
             WHERE h.entity_kind = 'seller' AND h.entity_id = p.seller_id AND h.to_status = 'approved' \
                 AND h.occurred_at <= p.created_at AND NOT EXISTS (SELECT 1 FROM status_history n \
                     WHERE n.entity_kind = 'seller' AND n.entity_id = p.seller_id AND n.version > h.version \
                         AND n.to_status <> 'approved' AND n.occurred_at < p.created_at))",
    ),
    rows(
        "reserve_is_of_its_payout_and_settled_by_it",
        10,
        "A reserve is of its payout's seller and currency, is not released before its day, and is taken off that payout.",
        "SELECT r.payout_id AS id FROM payout_reserve r LEFT JOIN payout p ON p.id = r.payout_id \
         LEFT JOIN (SELECT i.payout_id AS payout_id, sum(i.amount) AS amount FROM payout_item i \
             JOIN ledger_entry e ON e.id = i.ledger_entry_id JOIN ledger_transaction t ON t.id = e.transaction_id \
             WHERE t.source_type = 'reserve_hold' GROUP BY i.payout_id) h ON h.payout_id = r.payout_id \
         WHERE p.id IS NULL OR r.seller_id <> p.seller_id OR r.currency <> p.currency OR r.amount <= 0 \
             OR r.release_at < p.created_at OR r.released_at < r.release_at OR coalesce(h.amount, 0) <> -r.amount",
    ),
    rows(
        "seller_reserve_is_what_was_kept_back",
        10,
        "What the ledger keeps back of a seller is the sum of their reserves that are not released.",
        "SELECT seller_id AS id FROM ( \
             SELECT seller_id, currency, amount FROM payout_reserve WHERE released_at IS NULL \
             UNION ALL SELECT seller_id, currency, amount FROM ledger_entry WHERE account = 'seller_reserve') m \
         GROUP BY seller_id, currency HAVING sum(amount) <> 0",
    ),
    rows(
        "seller_is_owed_what_no_payout_has_settled",
        10,
        "What a seller is owed is the sum of their entries that no payout has settled.",
        "SELECT m.seller_id AS id FROM ( \
             SELECT seller_id, currency, amount FROM ledger_entry WHERE account = 'seller_payable' \
             UNION ALL SELECT e.seller_id, e.currency, -e.amount FROM ledger_entry e \
                 JOIN ledger_transaction t ON t.id = e.transaction_id \
                 WHERE e.account = 'seller_payable' AND t.source_type <> 'payout' \
                     AND NOT EXISTS (SELECT 1 FROM payout_item i WHERE i.ledger_entry_id = e.id)) m \
         GROUP BY m.seller_id, m.currency HAVING sum(m.amount) <> 0",
    ),
    rows(
        "payouts_on_their_way_are_in_clearing",
        10,
        "What is on its way to sellers is, per currency, the payouts that are neither paid nor failed.",
        "SELECT currency AS what FROM ( \
             SELECT currency, amount FROM payout WHERE status IN ('pending', 'submitted', 'unresolved') \
             UNION ALL SELECT currency, amount FROM ledger_entry WHERE account = 'payout_clearing') m \
         GROUP BY currency HAVING sum(amount) <> 0",
    ),
    rows(
        "provider_transfer_is_one_payout",
        10,
        "What the provider calls a transfer is one payout of ours, and one that was paid has such a name and its instant.",
        "SELECT p.id AS id FROM payout p JOIN (SELECT provider, provider_ref FROM payout \
                 WHERE provider_ref IS NOT NULL GROUP BY provider, provider_ref HAVING count(*) > 1) d \
             ON d.provider = p.provider AND d.provider_ref = p.provider_ref \
         UNION ALL SELECT id FROM payout WHERE (status IN ('paid', 'returned')) <> (paid_at IS NOT NULL) \
             OR (paid_at IS NOT NULL AND provider_ref IS NULL)",
    ),
];
