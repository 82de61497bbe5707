//! The log of privileged changes: whole, unchanged, and there for each of them.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    recomputed(
        "audit_chain_is_unbroken",
        17,
        "Every audit entry has the hash of what it says, follows the one before it without a gap, and is found by all that it changed.",
        Recomputation::AuditChain,
    ),
    rows(
        "audit_head_is_the_last_entry",
        17,
        "The head of the audit's chain is its last entry.",
        "SELECT 'audit_head' AS what FROM (SELECT count(*) AS heads, max(sequence) AS sequence, max(hash) AS hash \
             FROM audit_head) h \
         LEFT JOIN (SELECT max(sequence) AS sequence FROM audit_entry) m ON 1 = 1 \
         LEFT JOIN audit_entry e ON e.sequence = m.sequence \
         WHERE h.heads <> 1 OR h.sequence <> coalesce(m.sequence, 0) \
             OR h.hash <> coalesce(e.hash, '0000000000000000000000000000000000000000000000000000000000000000')",
    ),
    rows(
        "operator_change_is_audited",
        17,
        "Every change that history attributes to an operator has an audit entry of theirs, of the same transaction.",
        "SELECT h.entity_kind AS what, h.entity_id AS id FROM status_history h \
         WHERE h.actor_kind = 'operator' AND NOT EXISTS (SELECT 1 FROM audit_subject s \
             JOIN audit_entry e ON e.id = s.entry_id \
             WHERE s.kind = h.entity_kind AND s.subject_id = h.entity_id \
                 AND e.actor_id = h.actor_id AND e.occurred_at = h.occurred_at)",
    ),
];
