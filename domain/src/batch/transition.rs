//! The states of a batch, once its file is complete.

use souk_entity::status::BatchStatus::{self, *};

use crate::transition::{Edge, edge};

/// What happens to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchEvent {
    /// A worker has begun.
    Start,
    /// Every row is done.
    Finish,
    /// Every row was tried and some failed.
    FinishWithErrors,
    /// No row could be done.
    Fail,
    /// Whoever uploaded it stops it.
    Cancel,
}

/// Every allowed change of a batch. One whose file is still being received is nobody's yet and has
/// no history.
pub const BATCH: &[Edge<BatchStatus, BatchEvent>] = &[
    edge(Queued, BatchEvent::Start, Running),
    edge(Queued, BatchEvent::Cancel, Cancelled),
    edge(Running, BatchEvent::Finish, Completed),
    edge(Running, BatchEvent::FinishWithErrors, CompletedWithErrors),
    edge(Running, BatchEvent::Fail, Failed),
    edge(Running, BatchEvent::Cancel, Cancelled),
];

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;
    use crate::transition::next;

    #[test]
    fn every_pair_is_allowed_at_most_once_and_ends_stay() {
        use BatchEvent::*;
        for from in BatchStatus::iter() {
            for event in [Start, Finish, FinishWithErrors, Fail, Cancel] {
                let edges = BATCH.iter().filter(|edge| edge.from == from && edge.event == event).count();
                assert_eq!(next("batch", BATCH, from, event).is_ok(), edges == 1);
            }
            assert_eq!(BATCH.iter().any(|edge| edge.from == from), matches!(from, Queued | Running));
        }
    }
}
