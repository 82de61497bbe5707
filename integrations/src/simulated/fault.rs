//! Faults on demand: what a caller must survive, made to happen.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A call of the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `PaymentGateway::create`.
    CreatePayment,
    /// `PaymentGateway::fetch`.
    FetchPayment,
    /// `PaymentGateway::capture`.
    CapturePayment,
    /// `PaymentGateway::void`.
    VoidPayment,
    /// `PaymentGateway::refund`.
    RefundPayment,
    /// `PaymentGateway::transfer`.
    Transfer,
    /// `PaymentGateway::fetch_transfer`.
    FetchTransfer,
    /// `PaymentGateway::find_refund`.
    FindRefund,
    /// `PaymentGateway::find_transfer`.
    FindTransfer,
    /// `Carrier::buy`.
    BuyLabel,
    /// `Carrier::void`.
    VoidLabel,
    /// `Carrier::track`.
    TrackParcel,
}

impl Operation {
    /// Whether it changes nothing, so that its failure leaves nothing unknown.
    pub(super) fn only_reads(self) -> bool {
        matches!(
            self,
            Self::FetchPayment | Self::FetchTransfer | Self::FindRefund | Self::FindTransfer | Self::TrackParcel
        )
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The company is away: no effect, and the caller knows.
    Unavailable,
    /// The company says no: no effect, and asking again is in vain.
    Refused,
    /// The request gets lost: no effect, but the caller cannot know.
    RequestLost,
    /// The answer gets lost: the effect is there, but the caller cannot know.
    AnswerLost,
}

/// The faults that wait for their calls; in memory, so of this process only.
#[derive(Default)]
pub(super) struct Faults(Mutex<BTreeMap<Operation, (Fault, u32)>>);

impl Faults {
    /// The next `calls` calls of `operation` meet `fault`, instead of what was set before; with
    /// 0 they go well again.
    pub fn set(&self, operation: Operation, fault: Fault, calls: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(operation, (fault, calls));
    }

    /// The fault that this call of `operation` meets.
    pub fn take(&self, operation: Operation) -> Option<Fault> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, calls) = waiting.get_mut(&operation)?;
        *calls = calls.checked_sub(1)?;
        Some(*fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_meets_as_many_calls_as_was_said() {
        let faults = Faults::default();
        faults.set(Operation::BuyLabel, Fault::AnswerLost, 2);
        assert_eq!(faults.take(Operation::VoidLabel), None);
        assert_eq!(faults.take(Operation::BuyLabel), Some(Fault::AnswerLost));
        assert_eq!(faults.take(Operation::BuyLabel), Some(Fault::AnswerLost));
        assert_eq!(faults.take(Operation::BuyLabel), None);
        assert_eq!(faults.take(Operation::BuyLabel), None);
    }
}
