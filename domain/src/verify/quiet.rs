//! What holds once no work is pending: nothing is overdue, unresolved or given up.

use super::{Check, Invariant, rows};

const fn overdue(name: &'static str, sentence: &'static str, sql: &'static str) -> Invariant {
    Invariant { name, number: 0, sentence, check: Check::Overdue(sql) }
}

pub(super) const INVARIANTS: &[Invariant] = &[
    overdue(
        "held_stock_is_let_go_in_time",
        "No reservation is held past its expiry.",
        "SELECT id FROM reservation WHERE status = 'held' AND expires_at < $1",
    ),
    overdue(
        "unpaid_order_is_cancelled_in_time",
        "No order waits for payment past its due time.",
        "SELECT id FROM orders WHERE status = 'pending' AND payment_due_at < $1",
    ),
    overdue(
        "unaccepted_seller_order_is_rejected_in_time",
        "No seller order waits for its seller past the time to accept.",
        "SELECT id FROM seller_order WHERE status = 'confirmed' AND accept_by < $1",
    ),
    overdue(
        "cart_is_closed_in_time",
        "No cart is open past its expiry.",
        "SELECT id FROM cart WHERE status = 'open' AND expires_at < $1",
    ),
    overdue(
        "due_job_is_run",
        "No job waits past its due time.",
        "SELECT kind AS what, id FROM job WHERE status = 'queued' AND run_at < $1",
    ),
    overdue(
        "running_job_has_its_lease",
        "No job runs past its lease.",
        "SELECT kind AS what, id FROM job WHERE status = 'running' AND run_at < $1",
    ),
    rows(
        "no_job_is_dead",
        0,
        "No job has been given up; an operator redrives those that have.",
        "SELECT kind AS what, id FROM job WHERE status = 'dead'",
    ),
    overdue(
        "outside_event_is_acted_on",
        "No event of a provider or carrier waits to be acted on.",
        "SELECT id FROM inbox WHERE processed_at IS NULL AND received_at < $1",
    ),
    rows(
        "payment_is_resolved",
        0,
        "No payment holds money that is neither taken nor given back, and none has an unknown outcome.",
        "SELECT id FROM payment WHERE status IN ('authorized', 'unresolved')",
    ),
    rows(
        "refund_is_resolved",
        0,
        "No refund is on its way to the provider, and none has an unknown outcome.",
        "SELECT id FROM refund WHERE status IN ('pending', 'submitted', 'unresolved')",
    ),
    rows(
        "payout_is_resolved",
        0,
        "No payout is on its way to the provider, and none has an unknown outcome.",
        "SELECT id FROM payout WHERE status IN ('pending', 'submitted', 'unresolved')",
    ),
    rows(
        "simulated_transfers_are_payouts",
        0,
        "The simulated provider's book of transfers is that of the payouts through it.",
        "SELECT 'payout ' || coalesce(p.provider_ref, '') AS what, p.id AS id FROM payout p \
             LEFT JOIN simulated_transfer x ON x.id = p.provider_ref \
             WHERE p.provider = 'simulated' AND p.status IN ('paid', 'returned') \
                 AND (x.id IS NULL OR x.amount <> p.amount OR x.currency <> p.currency OR x.account <> p.account \
                     OR x.status <> p.status) \
         UNION ALL SELECT 'transfer ' || x.id, NULL FROM simulated_transfer x \
             LEFT JOIN payout p ON p.provider = 'simulated' AND p.provider_ref = x.id \
             WHERE x.status IN ('paid', 'returned') AND (p.id IS NULL OR p.status <> x.status)",
    ),
    rows("label_is_resolved", 0, "No parcel waits for its label.", "SELECT id FROM shipment WHERE status = 'pending'"),
];
