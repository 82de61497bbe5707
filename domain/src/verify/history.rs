//! The history of everything that has a state: gapless, legal, and told in events.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

/// Everything that has a history: its kind as history spells it, id, state and version.
macro_rules! versioned {
    () => {
        "(SELECT 'order' AS kind, id, status, version FROM orders \
          UNION ALL SELECT 'seller_order', id, status, version FROM seller_order \
          UNION ALL SELECT 'payment', id, status, version FROM payment \
          UNION ALL SELECT 'refund', id, status, version FROM refund \
          UNION ALL SELECT 'shipment', id, status, version FROM shipment \
          UNION ALL SELECT 'return_request', id, status, version FROM return_request \
          UNION ALL SELECT 'seller', id, status, version FROM seller \
          UNION ALL SELECT 'batch', id, status, version FROM batch WHERE status <> 'receiving' \
          UNION ALL SELECT 'payout', id, status, version FROM payout \
          UNION ALL SELECT 'refund_approval', id, status, version FROM refund_approval \
          UNION ALL SELECT 'webhook_endpoint', id, status, version FROM webhook_endpoint)"
    };
}

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "status_is_that_of_the_last_history_row",
        12,
        "The state of a thing is the one that the history row of its version led to.",
        concat!(
            "SELECT v.kind AS what, v.id AS id FROM ",
            versioned!(),
            " v LEFT JOIN status_history h ON h.entity_kind = v.kind AND h.entity_id = v.id AND h.version = v.version \
             WHERE h.id IS NULL OR h.to_status <> v.status"
        ),
    ),
    rows(
        "version_is_the_number_of_changes",
        12,
        "The history of a thing has one row per version, from 1 to the present one.",
        concat!(
            "SELECT v.kind AS what, v.id AS id FROM ",
            versioned!(),
            " v LEFT JOIN (SELECT entity_kind, entity_id, count(*) AS changes, count(DISTINCT version) AS versions, \
                     min(version) AS least, max(version) AS most \
                 FROM status_history GROUP BY entity_kind, entity_id) h \
                 ON h.entity_kind = v.kind AND h.entity_id = v.id \
             WHERE h.entity_id IS NULL OR h.changes <> v.version OR h.versions <> v.version \
                 OR h.least <> 1 OR h.most <> v.version"
        ),
    ),
    rows(
        "history_is_of_something",
        12,
        "Every history row is of a thing that is there.",
        concat!(
            "SELECT h.entity_kind AS what, h.entity_id AS id FROM status_history h LEFT JOIN ",
            versioned!(),
            " v ON v.kind = h.entity_kind AND v.id = h.entity_id WHERE v.id IS NULL"
        ),
    ),
    rows(
        "history_rows_follow_each_other",
        12,
        "A history row begins where the one before it ended; the first begins nowhere.",
        "SELECT h.entity_kind AS what, h.entity_id AS id FROM status_history h \
         LEFT JOIN status_history b ON b.entity_kind = h.entity_kind AND b.entity_id = h.entity_id \
             AND b.version = h.version - 1 \
         WHERE CASE WHEN h.version = 1 THEN h.from_status IS NOT NULL \
             ELSE b.id IS NULL OR h.from_status IS NULL OR h.from_status <> b.to_status END",
    ),
    recomputed(
        "history_has_only_legal_changes",
        12,
        "Every change in history is one that the state machine of its kind allows, and a first state is the machine's.",
        Recomputation::History,
    ),
    rows(
        "change_has_one_event",
        12,
        "Every history row has one event, and every event its history row.",
        "SELECT h.entity_kind AS what, h.entity_id AS id FROM status_history h \
             LEFT JOIN (SELECT entity_kind, entity_id, version, count(*) AS events FROM event \
                 GROUP BY entity_kind, entity_id, version) e \
                 ON e.entity_kind = h.entity_kind AND e.entity_id = h.entity_id AND e.version = h.version \
             WHERE e.events IS NULL OR e.events <> 1 \
         UNION ALL SELECT e.entity_kind, e.entity_id FROM event e \
             LEFT JOIN status_history h \
                 ON h.entity_kind = e.entity_kind AND h.entity_id = e.entity_id AND h.version = e.version \
             WHERE h.id IS NULL",
    ),
];
