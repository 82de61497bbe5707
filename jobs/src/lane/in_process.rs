//! The lane inside one process: API and workers in the same binary.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::Iterable;
use souk_domain::job::policy;
use souk_entity::id::JobId;
use souk_entity::status::{JobKind, JobQueue};

use super::inbox::Inbox;
use crate::room::kinds;

/// Ids kept per kind; what comes beyond is found by the sweep, which a backlog of this size keeps
/// busy anyway.
const CAPACITY: usize = 1_000;

/// One inbox per queue.
pub(super) struct InProcess {
    inboxes: BTreeMap<JobQueue, Arc<Inbox>>,
}

impl InProcess {
    pub(super) fn new() -> Self {
        let inbox = |queue| (queue, Arc::new(Inbox::new(&kinds(queue), CAPACITY)));
        Self { inboxes: JobQueue::iter().map(inbox).collect() }
    }

    pub(super) fn wake(&self, jobs: &[(JobKind, JobId)]) {
        let mut ids: BTreeMap<JobKind, Vec<JobId>> = BTreeMap::new();
        for (kind, id) in jobs {
            ids.entry(*kind).or_default().push(*id);
        }
        for (kind, ids) in ids {
            let dropped = self.inbox(policy(kind).queue).push(kind, ids);
            if dropped > 0 {
                tracing::debug!(%kind, dropped, "the lane is full, the sweep will find these jobs");
            }
        }
    }

    pub(super) fn inbox(&self, queue: JobQueue) -> Arc<Inbox> {
        // Every queue is in the map; an empty inbox for one that is not would only be slow.
        self.inboxes.get(&queue).cloned().unwrap_or_else(|| Arc::new(Inbox::new(&kinds(queue), CAPACITY)))
    }
}
