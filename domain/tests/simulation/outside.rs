//! A payment provider and a carrier with books of their own, whose answers get lost, come late or are no.

use std::collections::BTreeMap;

use souk_domain::money::Money;
use souk_domain::port::{
    BoughtLabel, PortError, ProviderPayment, ProviderPaymentStatus, ProviderRefund, ProviderTransfer,
    ProviderTransferStatus,
};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::LabelFormat;

use crate::dice::Dice;

pub const PROVIDER: &str = "provider";
pub const CARRIER: &str = "carrier";

type Answer<T> = Result<T, PortError>;

#[derive(Default)]
pub struct Outside {
    /// Everything is done as asked, and answered.
    pub calm: bool,
    pub payments: BTreeMap<String, ProviderPayment>,
    /// By key.
    pub refunds: BTreeMap<String, (String, ProviderRefund)>,
    /// By key.
    pub transfers: BTreeMap<String, ProviderTransfer>,
    labels: BTreeMap<String, BoughtLabel>,
}

/// What becomes of a call.
enum Fate {
    Done,
    /// It is done, and the answer is lost.
    Unheard,
    /// It is not done, and nobody knows.
    Lost,
    Away,
    Refused,
}

fn refused(message: &str) -> PortError {
    PortError::Refused { code: "refused".into(), message: message.into() }
}

impl Outside {
    fn fate(&self, dice: &mut Dice) -> Fate {
        match dice.within(0, 99) {
            _ if self.calm => Fate::Done,
            0..=5 => Fate::Unheard,
            6..=9 => Fate::Lost,
            10..=13 => Fate::Away,
            14..=19 => Fate::Refused,
            _ => Fate::Done,
        }
    }

    /// Does it or not, and answers or not.
    fn call<T>(&mut self, dice: &mut Dice, act: impl FnOnce(&mut Self) -> Answer<T>) -> Answer<T> {
        match self.fate(dice) {
            Fate::Done => act(self),
            Fate::Unheard => {
                act(self)?;
                Err(PortError::Unknown("the answer was lost".into()))
            }
            Fate::Lost => Err(PortError::Unknown("the request was lost".into())),
            Fate::Away => Err(PortError::Unavailable("away".into())),
            Fate::Refused => Err(refused("not today")),
        }
    }

    pub fn create(&mut self, reference: &str, amount: Money) -> ProviderPayment {
        let nothing = Money { amount: MinorUnits::ZERO, ..amount };
        let made = ProviderPayment {
            provider_ref: format!("pay-{reference}"),
            status: ProviderPaymentStatus::RequiresConfirmation,
            authorized: nothing,
            captured: nothing,
            failure_code: None,
            confirm_url: None,
        };
        self.payments.entry(made.provider_ref.clone()).or_insert(made).clone()
    }

    /// The shopper confirms a payment of `amount`, and this comes of it.
    pub fn confirm(&mut self, provider_ref: &str, amount: Money, status: ProviderPaymentStatus) {
        let Some(payment) = self.payments.get_mut(provider_ref) else { return };
        let open = [ProviderPaymentStatus::RequiresConfirmation, ProviderPaymentStatus::RequiresAction]
            .contains(&payment.status);
        if open {
            payment.status = status;
            payment.failure_code = (status == ProviderPaymentStatus::Failed).then(|| "declined".into());
            if status == ProviderPaymentStatus::Authorized {
                payment.authorized = amount;
            }
        }
    }

    pub fn fetch(&mut self, provider_ref: &str) -> ProviderPayment {
        self.payments[provider_ref].clone()
    }

    pub fn capture(&mut self, dice: &mut Dice, provider_ref: &str, amount: Money) -> Answer<ProviderPayment> {
        self.call(dice, |own| {
            let payment = own.payments.get_mut(provider_ref).unwrap();
            match payment.status {
                ProviderPaymentStatus::Authorized => {
                    payment.status = ProviderPaymentStatus::Captured;
                    payment.captured = amount;
                    Ok(payment.clone())
                }
                ProviderPaymentStatus::Captured => Ok(payment.clone()),
                _ => Err(refused("nothing is held")),
            }
        })
    }

    /// Refused only for a reason that [`Outside::fetch`] tells.
    pub fn void(&mut self, dice: &mut Dice, provider_ref: &str) -> Answer<ProviderPayment> {
        if !self.calm && dice.chance(10) {
            return Err(PortError::Unavailable("away".into()));
        }
        let payment = self.payments.get_mut(provider_ref).unwrap();
        if [ProviderPaymentStatus::Captured, ProviderPaymentStatus::Failed].contains(&payment.status) {
            return Err(refused("it is over"));
        }
        payment.status = ProviderPaymentStatus::Voided;
        if !self.calm && dice.chance(5) {
            return Err(PortError::Unknown("the answer was lost".into()));
        }
        Ok(self.payments[provider_ref].clone())
    }

    pub fn refund(&mut self, dice: &mut Dice, provider_ref: &str, amount: Money, key: &str) -> Answer<ProviderRefund> {
        if let Some((_, done)) = self.refunds.get(key) {
            return Ok(done.clone());
        }
        self.call(dice, |own| {
            let before: i64 = own
                .refunds
                .values()
                .filter(|(of, _)| of == provider_ref)
                .map(|(_, refund)| refund.amount.amount.0)
                .sum();
            let captured = own.payments[provider_ref].captured;
            assert!(before + amount.amount.0 <= captured.amount.0, "{key}: more is paid back than was taken");
            let done = ProviderRefund { provider_ref: format!("at-provider-{key}"), amount };
            own.refunds.insert(key.into(), (provider_ref.into(), done.clone()));
            Ok(done)
        })
    }

    /// The transfer of a key; one that is pending may have gone on meanwhile.
    pub fn find_transfer(&mut self, dice: &mut Dice, key: &str) -> Option<ProviderTransfer> {
        let calm = self.calm;
        let known = self.transfers.get_mut(key)?;
        if known.status == ProviderTransferStatus::Pending && (calm || dice.chance(60)) {
            known.status =
                if calm || dice.chance(80) { ProviderTransferStatus::Paid } else { ProviderTransferStatus::Failed };
        }
        Some(known.clone())
    }

    pub fn transfer(&mut self, dice: &mut Dice, amount: Money, key: &str) -> Answer<ProviderTransfer> {
        let calm = self.calm;
        if let Some(known) = self.find_transfer(dice, key) {
            return Ok(known);
        }
        let status = match dice.within(0, 9) {
            0 | 1 if !calm => ProviderTransferStatus::Pending,
            2 if !calm => ProviderTransferStatus::Failed,
            _ => ProviderTransferStatus::Paid,
        };
        self.call(dice, |own| {
            let done =
                ProviderTransfer { provider_ref: format!("at-provider-{key}"), status, amount, failure_code: None };
            own.transfers.insert(key.into(), done.clone());
            Ok(done)
        })
    }

    pub fn buy(
        &mut self,
        dice: &mut Dice,
        currency: CurrencyCode,
        now: chrono::DateTime<chrono::Utc>,
        key: &str,
    ) -> Answer<BoughtLabel> {
        if let Some(bought) = self.labels.get(key) {
            return Ok(bought.clone());
        }
        let cost = if dice.chance(20) { 0 } else { dice.within(1, 900) };
        self.call(dice, |own| {
            let bought = BoughtLabel {
                carrier_ref: format!("label-{key}"),
                tracking_number: format!("track-{key}"),
                cost: Money { amount: MinorUnits(cost), currency },
                estimated_delivery: now,
                files: vec![(LabelFormat::Pdf, b"%PDF".to_vec())],
            };
            own.labels.insert(key.into(), bought.clone());
            Ok(bought)
        })
    }

    pub fn void_label(&mut self, dice: &mut Dice) -> Answer<()> {
        self.call(dice, |_| Ok(()))
    }
}
