//! A bounded queue of ids that can be waited on from both ends.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use souk_entity::id::JobId;
use tokio::sync::Notify;

/// Ids on their way to a worker of this process.
pub(super) struct Inbox {
    ids: Mutex<VecDeque<JobId>>,
    capacity: usize,
    arrived: Notify,
    taken: Notify,
}

impl Inbox {
    pub(super) fn new(capacity: usize) -> Self {
        Self { ids: Mutex::default(), capacity, arrived: Notify::new(), taken: Notify::new() }
    }

    /// Adds what there is room for and drops the rest; returns how many were dropped.
    pub(super) fn push(&self, ids: impl IntoIterator<Item = JobId>) -> usize {
        let mut dropped = 0;
        let mut waiting = self.lock();
        for id in ids {
            if waiting.len() < self.capacity {
                waiting.push_back(id);
            } else {
                dropped += 1;
            }
        }
        drop(waiting);
        self.arrived.notify_one();
        dropped
    }

    /// Takes the oldest ids, at most `limit`.
    pub(super) fn pop(&self, limit: usize) -> Vec<JobId> {
        let mut waiting = self.lock();
        let count = limit.min(waiting.len());
        let ids = waiting.drain(..count).collect();
        let more = !waiting.is_empty();
        drop(waiting);
        if more {
            // One push wakes one worker; what it leaves is for the next.
            self.arrived.notify_one();
        }
        self.taken.notify_one();
        ids
    }

    /// Waits until there is an id to take; another worker may still be quicker.
    pub(super) async fn ready(&self) {
        while self.lock().is_empty() {
            self.arrived.notified().await;
        }
    }

    /// Waits until there is room and returns for how many; for one producer.
    pub(super) async fn room(&self) -> usize {
        loop {
            let room = self.capacity.saturating_sub(self.lock().len());
            if room > 0 {
                return room;
            }
            self.taken.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<JobId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
