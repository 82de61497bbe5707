//! Work: each outside event, each request and each piece of work once.

use super::recomputed::Recomputation;
use super::{Invariant, recomputed, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "outside_event_is_stored_once",
        14,
        "An event of a provider or carrier is stored once.",
        "SELECT i.id AS id FROM inbox i \
         JOIN (SELECT source, provider, event_id FROM inbox GROUP BY source, provider, event_id \
             HAVING count(*) > 1) d \
             ON d.source = i.source AND d.provider = i.provider AND d.event_id = i.event_id",
    ),
    rows(
        "idempotency_key_is_used_once",
        14,
        "An idempotency key is used once per actor and route, and keeps the request's fingerprint.",
        "SELECT actor || ' ' || route || ' ' || key AS what FROM idempotency_key \
         GROUP BY actor, route, key HAVING count(*) > 1 OR min(length(fingerprint)) = 0",
    ),
    rows(
        "business_key_has_one_job",
        15,
        "A business key has one job.",
        "SELECT j.id AS id FROM job j \
         JOIN (SELECT unique_key FROM job GROUP BY unique_key HAVING count(*) > 1) d ON d.unique_key = j.unique_key",
    ),
    rows(
        "job_is_within_its_claims",
        15,
        "A job is claimed at most as often as it may be, and one that runs has been claimed.",
        "SELECT id FROM job WHERE attempts > max_attempts OR attempts < 0 OR (status = 'running' AND attempts = 0)",
    ),
    rows(
        "dead_job_says_why",
        15,
        "A dead job says why it last failed.",
        "SELECT id FROM job WHERE status = 'dead' AND (last_error IS NULL OR last_error = '')",
    ),
    recomputed(
        "job_has_the_key_kind_and_queue_of_its_task",
        15,
        "A job's business key, kind and queue are those of the task that it carries, so that no effect hides behind \
         another key.",
        Recomputation::JobKey,
    ),
];
