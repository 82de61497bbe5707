//! The log as consumers read it: every event once, in an order that follows what happened.

use super::{Check, Invariant, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "positions_are_dense",
        12,
        "Numbered events have the positions from 1 on, each once and without a gap.",
        "SELECT e.id AS id FROM event e LEFT JOIN event b ON b.position = e.position - 1 \
             WHERE e.position < 1 OR (e.position > 1 AND b.id IS NULL) \
         UNION ALL SELECT e.id FROM event e \
             JOIN (SELECT position FROM event WHERE position IS NOT NULL GROUP BY position HAVING count(*) > 1) d \
             ON d.position = e.position",
    ),
    rows(
        "next_position_follows_the_last",
        12,
        "The next position is one more than the last that was given.",
        "SELECT 'event_position' AS what WHERE NOT EXISTS (SELECT 1 FROM number_sequence s \
             WHERE s.name = 'event_position' \
                 AND s.next_value = (SELECT coalesce(max(position), 0) + 1 FROM event))",
    ),
    rows(
        "changes_of_a_thing_are_numbered_in_order",
        12,
        "Of the changes of a thing an earlier one has the lower position.",
        "SELECT e.entity_kind AS what, e.entity_id AS id FROM event e \
         JOIN event b ON b.entity_kind = e.entity_kind AND b.entity_id = e.entity_id AND b.version = e.version - 1 \
         WHERE e.position IS NOT NULL AND (b.position IS NULL OR b.position > e.position)",
    ),
    rows(
        "consumer_is_within_the_log",
        12,
        "No consumer is further than the last event.",
        "SELECT name AS what FROM event_consumer WHERE position > (SELECT coalesce(max(position), 0) FROM event)",
    ),
    Invariant {
        name: "event_is_numbered_in_time",
        number: 0,
        sentence: "No event waits for its position.",
        check: Check::Overdue("SELECT id FROM event WHERE position IS NULL AND occurred_at < $1"),
    },
    Invariant {
        name: "consumer_keeps_up",
        number: 0,
        sentence: "No consumer that a process has and nobody paused stands still with events before it.",
        // One that no process has any more is behind for good and on purpose.
        check: Check::Overdue(
            "SELECT c.name AS what, e.id AS id FROM event_consumer c JOIN event e ON e.position = c.position + 1 \
             WHERE NOT c.paused AND c.seen_at >= $1 AND c.updated_at < $1 AND e.occurred_at < $1",
        ),
    },
];
