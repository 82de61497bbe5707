//! The states of a seller.

use souk_entity::status::SellerStatus::{self, *};

use crate::transition::{Edge, edge};

/// What happens to a seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SellerEvent {
    /// The operator lets them sell.
    Approve,
    /// The operator declines the application.
    Reject,
    /// The applicant tries again.
    Reapply,
    /// No new orders for now.
    Suspend,
    /// They leave.
    Close,
}

/// Every allowed change of a seller.
pub const SELLER: &[Edge<SellerStatus, SellerEvent>] = &[
    edge(Applied, SellerEvent::Approve, Approved),
    edge(Applied, SellerEvent::Reject, Rejected),
    edge(Rejected, SellerEvent::Reapply, Applied),
    edge(Approved, SellerEvent::Suspend, Suspended),
    edge(Suspended, SellerEvent::Approve, Approved),
    edge(Approved, SellerEvent::Close, Closed),
    edge(Suspended, SellerEvent::Close, Closed),
];

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;
    use crate::transition::next;

    #[test]
    fn every_pair_is_allowed_at_most_once_and_ends_stay() {
        for from in SellerStatus::iter() {
            use SellerEvent::{Approve, Close, Reapply, Reject, Suspend};
            for event in [Approve, Reject, Reapply, Suspend, Close] {
                let edges = SELLER.iter().filter(|edge| edge.from == from && edge.event == event).count();
                assert_eq!(next("seller", SELLER, from, event).is_ok(), edges == 1);
            }
        }
        assert!(SELLER.iter().all(|edge| edge.from != Closed));
    }
}
