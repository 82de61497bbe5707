//! What a person or a test can make the simulated companies do, and read of their books.

use std::sync::Arc;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use souk_domain::error::{Code, Error, Result};
use souk_entity::status::{SimulatedPaymentStatus, TrackingStatus};
use souk_entity::{simulated_parcel, simulated_payment, simulated_webhook};

use super::books::{self, Books};
use super::carrier::Parcel;
use super::fault::{Fault, Operation};
use super::line::Shared;
use super::movement;
use super::payment::{self, Payment};
use super::transfer::{self, Transfer};

/// The shopper, the carrier's staff, bad luck, and the auditor.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

/// How a payment's confirmation ends, spelled as the test payment method that the shopper pays with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfirmOutcome {
    /// The card is good: the money is held.
    #[serde(rename = "pm_ok")]
    Authorized,
    /// The card is declined.
    #[serde(rename = "pm_declined")]
    Declined,
    /// The bank wants a further step of the shopper; see [`Control::complete_action`].
    #[serde(rename = "pm_action")]
    ActionRequired,
}

impl Control {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The shopper confirms a payment.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::IllegalTransition`] when it does not wait for that.
    pub async fn confirm_payment(&self, id: &str, outcome: ConfirmOutcome) -> Result<Payment> {
        let (to, failure_code) = match outcome {
            ConfirmOutcome::Authorized => (SimulatedPaymentStatus::Authorized, None),
            ConfirmOutcome::Declined => (SimulatedPaymentStatus::Failed, Some("card_declined")),
            ConfirmOutcome::ActionRequired => (SimulatedPaymentStatus::RequiresAction, None),
        };
        let from = SimulatedPaymentStatus::RequiresConfirmation;
        self.shared.transact(async |tx| payment::answer_shopper(&tx, id, from, to, failure_code).await).await
    }

    /// The shopper passes the bank's further step, or fails it.
    ///
    /// # Errors
    /// As for [`Control::confirm_payment`].
    pub async fn complete_action(&self, id: &str, approve: bool) -> Result<Payment> {
        let (to, failure_code) = if approve {
            (SimulatedPaymentStatus::Authorized, None)
        } else {
            (SimulatedPaymentStatus::Failed, Some("authentication_failed"))
        };
        let from = SimulatedPaymentStatus::RequiresAction;
        self.shared.transact(async |tx| payment::answer_shopper(&tx, id, from, to, failure_code).await).await
    }

    /// The bank of the account's owner sends a transfer back.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::IllegalTransition`] when it was not sent, or came back before.
    pub async fn return_transfer(&self, id: &str) -> Result<Transfer> {
        self.shared.transact(async |tx| transfer::send_back(&tx, id).await).await
    }

    /// The parcel gets to `to`, with every scan that belongs before it; with `jump`, the carrier
    /// forgets those. A parcel that is there already stays, and nothing is told.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::IllegalTransition`] when no road leads there.
    pub async fn advance_parcel(&self, tracking_number: &str, to: TrackingStatus, jump: bool) -> Result<Parcel> {
        self.shared
            .transact(async |tx| {
                let parcel =
                    movement::lock(&tx, tracking_number).await?.ok_or_else(|| Error::not_found("simulated parcel"))?;
                let had: Vec<_> =
                    movement::scans(&**tx, tracking_number).await?.into_iter().map(|scan| scan.status).collect();
                let Some(road) = movement::road(parcel.status, &had, to) else {
                    let message = format!("A parcel that is {} does not become {to}.", parcel.status);
                    return Err(Error::new(Code::IllegalTransition, message));
                };
                let stops = if jump { &road[road.len().saturating_sub(1)..] } else { &road[..] };
                let parcel = movement::append(&self.shared, &tx, parcel, stops).await?;
                Ok(Parcel::new(parcel, movement::scans(&**tx, tracking_number).await?))
            })
            .await
    }

    /// The next `calls` calls of `operation` made by this process meet `fault`.
    pub fn fail_next(&self, operation: Operation, fault: Fault, calls: u32) {
        self.shared.faults.set(operation, fault, calls);
    }

    /// A payment in the provider's books.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn payment(&self, id: &str) -> Result<Payment> {
        let row = simulated_payment::Entity::find_by_id(id).one(self.shared.store.read()).await?;
        row.map(Payment::from).ok_or_else(|| Error::not_found("simulated payment"))
    }

    /// A parcel in the carrier's books.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn parcel(&self, tracking_number: &str) -> Result<Parcel> {
        let conn = self.shared.store.read();
        let row = simulated_parcel::Entity::find_by_id(tracking_number).one(conn).await?;
        let row = row.ok_or_else(|| Error::not_found("simulated parcel"))?;
        Ok(Parcel::new(row, movement::scans(conn, tracking_number).await?))
    }

    /// The sums of the books, for reconciliation.
    ///
    /// # Errors
    /// The database's.
    pub async fn books(&self) -> Result<Books> {
        books::add_up(self.shared.store.read()).await
    }

    /// How many webhooks are still to be delivered.
    ///
    /// # Errors
    /// The database's.
    pub async fn undelivered_webhooks(&self) -> Result<u64> {
        let undelivered = simulated_webhook::Entity::find().filter(simulated_webhook::Column::DeliveredAt.is_null());
        Ok(undelivered.count(self.shared.store.read()).await?)
    }
}
