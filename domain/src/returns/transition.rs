//! The states of a return.

use souk_entity::status::ReturnStatus::{self, *};

use crate::transition::{Edge, edge};

/// What happens to a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnEvent {
    /// The seller agrees; a return label is made.
    Approve,
    /// The seller declines.
    Reject,
    /// The shopper changes their mind.
    Cancel,
    /// The carrier has the parcel.
    Dispatch,
    /// The seller has it back and has said what came.
    Receive,
    /// It was never sent.
    Expire,
    /// Its refund has succeeded, or there was nothing to refund.
    Settle,
}

use ReturnEvent::*;

/// Every allowed change of a return.
pub const RETURN_REQUEST: &[Edge<ReturnStatus, ReturnEvent>] = &[
    edge(Requested, Approve, Approved),
    edge(Requested, Reject, Rejected),
    edge(Requested, Cancel, Cancelled),
    edge(Approved, Dispatch, InTransit),
    edge(Approved, Receive, Received),
    edge(Approved, Expire, Expired),
    edge(Approved, Cancel, Cancelled),
    edge(InTransit, Receive, Received),
    edge(Received, Settle, Processed),
];

/// Whether units of a return in this state may still come back or be paid for.
pub fn is_open(status: ReturnStatus) -> bool {
    matches!(status, Requested | Approved | InTransit | Received)
}

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;
    use crate::transition::next;

    #[test]
    fn every_pair_is_allowed_at_most_once_and_ends_stay() {
        for from in ReturnStatus::iter() {
            for event in [Approve, Reject, Cancel, Dispatch, Receive, Expire, Settle] {
                let edges = RETURN_REQUEST.iter().filter(|edge| edge.from == from && edge.event == event).count();
                assert_eq!(next("return", RETURN_REQUEST, from, event).is_ok(), edges == 1);
            }
            let leaves = RETURN_REQUEST.iter().any(|edge| edge.from == from);
            assert_eq!(leaves, is_open(from), "{from}");
        }
    }
}
