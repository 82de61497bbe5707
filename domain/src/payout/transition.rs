//! The states of a payout.

use souk_entity::status::PayoutStatus::{self, *};

use crate::transition::{Edge, edge};

/// What happens to a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutEvent {
    /// The provider is about to be asked.
    Submit,
    /// The provider has sent it.
    Pay,
    /// The provider does not send it.
    Fail,
    /// The outcome of asking is not known.
    Lose,
    /// The seller's bank has sent it back.
    Return,
}

/// Every allowed change of a payout.
pub const PAYOUT: &[Edge<PayoutStatus, PayoutEvent>] = &[
    edge(Pending, PayoutEvent::Submit, Submitted),
    edge(Submitted, PayoutEvent::Pay, Paid),
    edge(Submitted, PayoutEvent::Fail, Failed),
    edge(Submitted, PayoutEvent::Lose, Unresolved),
    edge(Unresolved, PayoutEvent::Pay, Paid),
    edge(Unresolved, PayoutEvent::Fail, Failed),
    edge(Paid, PayoutEvent::Return, Returned),
];

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::PayoutEvent::*;
    use super::*;
    use crate::transition::next;

    #[test]
    fn every_pair_is_allowed_at_most_once_and_ends_stay() {
        for from in PayoutStatus::iter() {
            for event in [Submit, Pay, Fail, Lose, Return] {
                let edges = PAYOUT.iter().filter(|edge| edge.from == from && edge.event == event).count();
                assert_eq!(next("payout", PAYOUT, from, event).is_ok(), edges == 1);
            }
        }
        for end in [Failed, Returned] {
            assert!(PAYOUT.iter().all(|edge| edge.from != end));
        }
    }

    #[test]
    fn only_what_was_sent_comes_back_and_what_was_sent_does_not_fail() {
        let before = |event| PAYOUT.iter().filter(move |edge| edge.event == event).map(|edge| edge.from);
        assert_eq!(before(Return).collect::<Vec<_>>(), [Paid]);
        assert_eq!(before(Fail).collect::<Vec<_>>(), [Submitted, Unresolved]);
    }
}
