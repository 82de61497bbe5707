//! The states of a payment attempt, of a refund, and of one that takes a second operator.

use souk_entity::status::{PaymentStatus, RefundApprovalStatus, RefundStatus};

use crate::transition::{Edge, edge};

/// What happens to a payment attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentEvent {
    /// The shopper has a further step to take.
    RequireAction,
    /// The money is held.
    Authorize,
    /// The money is taken.
    Capture,
    /// The provider declined for good.
    Fail,
    /// The attempt was given up.
    Void,
    /// A call's outcome is not known.
    LoseTrack,
}

use PaymentEvent::*;

/// Every allowed change of a payment. A capture that is seen without its authorization passes
/// through `authorized`, so that history has both.
pub const PAYMENT: &[Edge<PaymentStatus, PaymentEvent>] = &[
    edge(PaymentStatus::Pending, RequireAction, PaymentStatus::RequiresAction),
    edge(PaymentStatus::Pending, Authorize, PaymentStatus::Authorized),
    edge(PaymentStatus::Pending, Fail, PaymentStatus::Failed),
    edge(PaymentStatus::Pending, Void, PaymentStatus::Voided),
    edge(PaymentStatus::RequiresAction, Authorize, PaymentStatus::Authorized),
    edge(PaymentStatus::RequiresAction, Fail, PaymentStatus::Failed),
    edge(PaymentStatus::RequiresAction, Void, PaymentStatus::Voided),
    edge(PaymentStatus::Authorized, Capture, PaymentStatus::Captured),
    edge(PaymentStatus::Authorized, Fail, PaymentStatus::Failed),
    edge(PaymentStatus::Authorized, Void, PaymentStatus::Voided),
    edge(PaymentStatus::Authorized, LoseTrack, PaymentStatus::Unresolved),
    edge(PaymentStatus::Unresolved, Authorize, PaymentStatus::Authorized),
    edge(PaymentStatus::Unresolved, Capture, PaymentStatus::Captured),
    edge(PaymentStatus::Unresolved, Fail, PaymentStatus::Failed),
    edge(PaymentStatus::Unresolved, Void, PaymentStatus::Voided),
];

/// What happens to a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundEvent {
    /// The provider is about to be asked.
    Submit,
    /// The provider has paid it back.
    Succeed,
    /// The provider refuses.
    Reject,
    /// The outcome of asking is not known.
    Lose,
}

/// Every allowed change of a refund.
pub const REFUND: &[Edge<RefundStatus, RefundEvent>] = &[
    edge(RefundStatus::Pending, RefundEvent::Submit, RefundStatus::Submitted),
    edge(RefundStatus::Submitted, RefundEvent::Succeed, RefundStatus::Succeeded),
    edge(RefundStatus::Submitted, RefundEvent::Reject, RefundStatus::Failed),
    edge(RefundStatus::Submitted, RefundEvent::Lose, RefundStatus::Unresolved),
    edge(RefundStatus::Unresolved, RefundEvent::Succeed, RefundStatus::Succeeded),
    edge(RefundStatus::Unresolved, RefundEvent::Reject, RefundStatus::Failed),
];

/// What happens to a refund that takes a second operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundApprovalEvent {
    /// Another operator agrees, and the refund is made.
    Approve,
    /// Another operator does not.
    Reject,
    /// Who has asked takes it back.
    Withdraw,
    /// Nobody has decided in time.
    Expire,
}

/// Every allowed change of a refund that takes a second operator.
pub const REFUND_APPROVAL: &[Edge<RefundApprovalStatus, RefundApprovalEvent>] = &[
    edge(RefundApprovalStatus::Pending, RefundApprovalEvent::Approve, RefundApprovalStatus::Approved),
    edge(RefundApprovalStatus::Pending, RefundApprovalEvent::Reject, RefundApprovalStatus::Rejected),
    edge(RefundApprovalStatus::Pending, RefundApprovalEvent::Withdraw, RefundApprovalStatus::Withdrawn),
    edge(RefundApprovalStatus::Pending, RefundApprovalEvent::Expire, RefundApprovalStatus::Expired),
];

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;
    use crate::transition::next;

    #[test]
    fn every_pair_of_a_payment_is_allowed_at_most_once_and_ends_stay() {
        for from in PaymentStatus::iter() {
            for event in [RequireAction, Authorize, Capture, Fail, Void, LoseTrack] {
                let edges = PAYMENT.iter().filter(|edge| edge.from == from && edge.event == event).count();
                assert_eq!(next("payment", PAYMENT, from, event).is_ok(), edges == 1);
            }
        }
        for end in [PaymentStatus::Captured, PaymentStatus::Failed, PaymentStatus::Voided] {
            assert!(PAYMENT.iter().all(|edge| edge.from != end));
        }
    }

    #[test]
    fn money_is_only_taken_of_what_is_held() {
        let before: Vec<_> = PAYMENT.iter().filter(|edge| edge.event == Capture).map(|edge| edge.from).collect();
        assert_eq!(before, [PaymentStatus::Authorized, PaymentStatus::Unresolved]);
    }

    #[test]
    fn a_refund_that_waits_is_decided_once() {
        use RefundApprovalEvent::{Approve, Expire, Reject, Withdraw};

        for from in RefundApprovalStatus::iter() {
            for event in [Approve, Reject, Withdraw, Expire] {
                let allowed = next("refund approval", REFUND_APPROVAL, from, event).is_ok();
                assert_eq!(allowed, from == RefundApprovalStatus::Pending);
            }
        }
    }

    #[test]
    fn every_pair_of_a_refund_is_allowed_at_most_once_and_ends_stay() {
        for from in RefundStatus::iter() {
            for event in [RefundEvent::Submit, RefundEvent::Succeed, RefundEvent::Reject, RefundEvent::Lose] {
                let edges = REFUND.iter().filter(|edge| edge.from == from && edge.event == event).count();
                assert_eq!(next("refund", REFUND, from, event).is_ok(), edges == 1);
            }
        }
        for end in [RefundStatus::Succeeded, RefundStatus::Failed] {
            assert!(REFUND.iter().all(|edge| edge.from != end));
        }
    }
}
