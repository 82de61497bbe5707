//! Bounded queues of ids, one per kind of job, that can be waited on from both ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use souk_entity::id::JobId;
use souk_entity::status::JobKind;
use tokio::sync::{Notify, watch};

/// Ids of the jobs of one queue on their way to workers of this process.
pub(super) struct Inbox {
    ids: Mutex<BTreeMap<JobKind, VecDeque<JobId>>>,
    /// Of each kind.
    capacity: usize,
    /// Counts what arrives, so that each of several listeners hears of it.
    arrivals: watch::Sender<u64>,
    /// For the one producer of each kind.
    taken: BTreeMap<JobKind, Notify>,
}

impl Inbox {
    pub(super) fn new(kinds: &[JobKind], capacity: usize) -> Self {
        Self {
            ids: Mutex::new(kinds.iter().map(|kind| (*kind, VecDeque::new())).collect()),
            capacity,
            arrivals: watch::Sender::new(0),
            taken: kinds.iter().map(|kind| (*kind, Notify::new())).collect(),
        }
    }

    /// Adds what there is room for and drops the rest; returns how many were dropped.
    pub(super) fn push(&self, kind: JobKind, ids: impl IntoIterator<Item = JobId>) -> usize {
        let mut dropped = 0;
        {
            let mut waiting = self.lock();
            let waiting = waiting.entry(kind).or_default();
            for id in ids {
                if waiting.len() < self.capacity {
                    waiting.push_back(id);
                } else {
                    dropped += 1;
                }
            }
        }
        self.arrivals.send_modify(|count| *count = count.wrapping_add(1));
        dropped
    }

    /// Takes the oldest ids of `kind`, at most `limit`.
    pub(super) fn pop(&self, kind: JobKind, limit: usize) -> Vec<JobId> {
        let ids = self.lock().get_mut(&kind).map(|waiting| {
            let count = limit.min(waiting.len());
            waiting.drain(..count).collect()
        });
        if let Some(taken) = self.taken.get(&kind) {
            taken.notify_one();
        }
        ids.unwrap_or_default()
    }

    /// The kinds that ids are waiting of.
    pub(super) fn waiting(&self) -> Vec<JobKind> {
        self.lock().iter().filter(|(_, ids)| !ids.is_empty()).map(|(kind, _)| *kind).collect()
    }

    /// Hears of every arrival.
    pub(super) fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    /// Waits until there is room for ids of `kind` and returns for how many; for one producer.
    pub(super) async fn room(&self, kind: JobKind) -> usize {
        loop {
            let room = self.capacity.saturating_sub(self.lock().get(&kind).map_or(0, VecDeque::len));
            match self.taken.get(&kind) {
                Some(taken) if room == 0 => taken.notified().await,
                _ => return room,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobKind, VecDeque<JobId>>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
