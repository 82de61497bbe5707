//! The lane inside one process: API and workers in the same binary.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::Iterable;
use souk_entity::id::JobId;
use souk_entity::status::JobQueue;

use super::inbox::Inbox;

/// Ids kept per queue; what comes beyond is found by the sweep, which a backlog of this size
/// keeps busy anyway.
const CAPACITY: usize = 10_000;

/// One inbox per queue.
pub(super) struct InProcess {
    inboxes: BTreeMap<JobQueue, Arc<Inbox>>,
}

impl InProcess {
    pub(super) fn new() -> Self {
        Self { inboxes: JobQueue::iter().map(|queue| (queue, Arc::new(Inbox::new(CAPACITY)))).collect() }
    }

    pub(super) fn wake(&self, jobs: &[(JobQueue, JobId)]) {
        for (queue, inbox) in &self.inboxes {
            let mut ids = jobs.iter().filter(|(named, _)| named == queue).map(|(_, id)| *id).peekable();
            if ids.peek().is_some() {
                let dropped = inbox.push(ids);
                if dropped > 0 {
                    tracing::debug!(%queue, dropped, "the lane is full, the sweep will find these jobs");
                }
            }
        }
    }

    pub(super) fn inbox(&self, queue: JobQueue) -> Arc<Inbox> {
        // Every queue is in the map; an empty inbox for one that is not would only be slow.
        self.inboxes.get(&queue).cloned().unwrap_or_else(|| Arc::new(Inbox::new(CAPACITY)))
    }
}
