//! Faults on demand: what a caller must survive, made to happen.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rand::Rng;
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
    /// `Carrier::find_label`.
    FindLabel,
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
            Self::FetchPayment
                | Self::FetchTransfer
                | Self::FindRefund
                | Self::FindTransfer
                | Self::FindLabel
                | Self::TrackParcel
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

/// Of a hundred; what is above is a hundred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percent(pub u32);

/// What becomes of a webhook on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It is sent.
    Sent,
    /// It is sent twice.
    Twice,
    /// It is sent later, after others.
    Late,
    /// It is never sent, and the company believes that it was.
    Lost,
}

/// The faults that wait for their calls, and those that come of bad luck; in memory, so of this
/// process only.
pub(super) struct Faults {
    waiting: Mutex<BTreeMap<Operation, (Fault, u32)>>,
    trouble: Percent,
}

impl Faults {
    /// `trouble` of the calls and webhooks have bad luck.
    pub fn new(trouble: Percent) -> Self {
        Self { waiting: Mutex::default(), trouble }
    }

    /// The next `calls` calls of `operation` meet `fault`, instead of what was set before; with
    /// 0 they go well again.
    pub fn set(&self, operation: Operation, fault: Fault, calls: u32) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(operation, (fault, calls));
    }

    /// The fault that this call of `operation` meets.
    pub fn take(&self, operation: Operation) -> Option<Fault> {
        self.asked_for(operation).or_else(|| match self.luck()? {
            0..2 => Some(Fault::AnswerLost),
            2 => Some(Fault::RequestLost),
            _ => Some(Fault::Unavailable),
        })
    }

    /// What becomes of a webhook.
    pub fn passage(&self) -> Passage {
        match self.luck() {
            None => Passage::Sent,
            Some(0) => Passage::Lost,
            Some(1) => Passage::Twice,
            Some(_) => Passage::Late,
        }
    }

    fn asked_for(&self, operation: Operation) -> Option<Fault> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, calls) = waiting.get_mut(&operation)?;
        *calls = calls.checked_sub(1)?;
        Some(*fault)
    }

    /// Which bad luck of four, if it is bad.
    fn luck(&self) -> Option<u8> {
        let mut rng = rand::rng();
        (rng.random_range(0..100) < self.trouble.0).then(|| rng.random_range(0..4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_luck_is_as_frequent_as_was_said() {
        let lucky = Faults::new(Percent(0));
        let unlucky = Faults::new(Percent(100));
        for _ in 0..100 {
            assert_eq!((lucky.take(Operation::BuyLabel), lucky.passage()), (None, Passage::Sent));
            assert!(unlucky.take(Operation::BuyLabel).is_some() && unlucky.passage() != Passage::Sent);
        }
    }

    #[test]
    fn a_fault_meets_as_many_calls_as_was_said() {
        let faults = Faults::new(Percent(0));
        faults.set(Operation::BuyLabel, Fault::AnswerLost, 2);
        assert_eq!(faults.take(Operation::VoidLabel), None);
        assert_eq!(faults.take(Operation::BuyLabel), Some(Fault::AnswerLost));
        assert_eq!(faults.take(Operation::BuyLabel), Some(Fault::AnswerLost));
        assert_eq!(faults.take(Operation::BuyLabel), None);
        assert_eq!(faults.take(Operation::BuyLabel), None);
    }
}
