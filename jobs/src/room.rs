//! Who may start: how many jobs of each kind of a queue there is room for.
//!
//! A queue that may do `n` jobs at once has `n - 1` shared places, and each of its kinds has one
//! place of its own besides. So no kind waits for another's slow jobs, however many there are, and
//! a kind that has the queue to itself gets all `n`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::Iterable;
use souk_domain::job::policy;
use souk_entity::status::{JobKind, JobQueue};
use tokio::sync::Notify;

/// The kinds of `queue`.
pub(crate) fn kinds(queue: JobQueue) -> Vec<JobKind> {
    JobKind::iter().filter(|kind| policy(*kind).queue == queue).collect()
}

/// The places of a queue in this process.
pub(crate) struct Room {
    shared: usize,
    kinds: BTreeMap<JobKind, usize>,
    running: Mutex<BTreeMap<JobKind, usize>>,
    left: Notify,
}

/// How many more jobs of each kind may start. A plan: taking a place here takes none in the room.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    shared: usize,
    /// Running and allowed.
    kinds: BTreeMap<JobKind, (usize, usize)>,
}

/// A place that is taken; free again when dropped.
pub(crate) struct Place {
    room: Arc<Room>,
    kind: JobKind,
}

impl Room {
    /// Room for `concurrency` jobs (1 or more) of `queue`, and for one more of each further kind.
    pub(crate) fn new(queue: JobQueue, concurrency: usize) -> Arc<Self> {
        Arc::new(Self {
            shared: concurrency.saturating_sub(1),
            kinds: kinds(queue).into_iter().map(|kind| (kind, policy(kind).concurrency.min(concurrency))).collect(),
            running: Mutex::default(),
            left: Notify::new(),
        })
    }

    /// The most that ever runs at once.
    pub(crate) fn size(&self) -> usize {
        self.shared + self.kinds.len()
    }

    /// The places that are free now.
    pub(crate) fn free(&self) -> Places {
        let running = self.running();
        let sharing: usize = running.values().map(|running| running.saturating_sub(1)).sum();
        Places {
            shared: self.shared.saturating_sub(sharing),
            kinds: self
                .kinds
                .iter()
                .map(|(kind, allowed)| (*kind, (running.get(kind).copied().unwrap_or(0), *allowed)))
                .collect(),
        }
    }

    /// Takes a place for a job of `kind`, which whoever claims has seen to be free.
    pub(crate) fn enter(self: &Arc<Self>, kind: JobKind) -> Place {
        *self.running().entry(kind).or_default() += 1;
        Place { room: Arc::clone(self), kind }
    }

    /// Waits until a place was left since the last call; for one who waits.
    pub(crate) async fn left(&self) {
        self.left.notified().await;
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<JobKind, usize>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(running) = self.room.running().get_mut(&self.kind) {
            *running = running.saturating_sub(1);
        }
        self.room.left.notify_one();
    }
}

impl Places {
    /// How many jobs of `kind` may start, if none of another kind does.
    pub(crate) fn of(&self, kind: JobKind) -> usize {
        let Some((running, allowed)) = self.kinds.get(&kind) else { return 0 };
        let own = usize::from(*running == 0);
        allowed.saturating_sub(*running).min(own + self.shared)
    }

    /// Takes up to `wanted` places of `kind`; returns how many.
    pub(crate) fn take(&mut self, kind: JobKind, wanted: usize) -> usize {
        let taken = wanted.min(self.of(kind));
        if let Some((running, _)) = self.kinds.get_mut(&kind) {
            let own = usize::from(*running == 0).min(taken);
            *running += taken;
            self.shared -= taken - own;
        }
        taken
    }

    /// The kinds of which a job may start.
    pub(crate) fn open(&self) -> Vec<JobKind> {
        self.kinds.keys().copied().filter(|kind| self.of(*kind) > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_keeps_a_place_of_its_own_whatever_the_others_take() {
        let room = Room::new(JobQueue::Money, 3);
        let slow: Vec<_> = (0..3).map(|_| room.enter(JobKind::CapturePayment)).collect();
        let free = room.free();
        assert_eq!(free.of(JobKind::CapturePayment), 0);
        for kind in kinds(JobQueue::Money).into_iter().filter(|kind| *kind != JobKind::CapturePayment) {
            assert_eq!(free.of(kind), 1, "{kind}");
        }
        drop(slow);
        assert_eq!(room.free().of(JobKind::CapturePayment), 3);
    }

    #[test]
    fn a_plan_never_takes_more_than_there_is() {
        let room = Room::new(JobQueue::Money, 8);
        let mut free = room.free();
        assert_eq!(free.take(JobKind::ExpireOrder, 100), policy(JobKind::ExpireOrder).concurrency);
        assert_eq!(free.take(JobKind::CapturePayment, 100), 5);
        assert_eq!(free.take(JobKind::CapturePayment, 100), 0);
        assert_eq!(free.take(JobKind::BuyLabel, 1), 0);
        let mut all = 9;
        for kind in kinds(JobQueue::Money) {
            all += free.take(kind, 100);
        }
        assert_eq!(all, room.size());
        assert!(free.open().is_empty());
        assert_eq!(room.free().of(JobKind::CapturePayment), 8);
    }
}
