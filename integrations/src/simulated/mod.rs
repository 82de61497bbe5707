//! A payment provider and a carrier that exist in our database only.
//!
//! They behave as other companies do: they keep books of their own (the `simulated_*` tables, in
//! transactions of their own), deduplicate by the caller's key, refuse what makes no sense, and
//! tell of every change by signed webhooks over HTTP, at least once and possibly late. Their
//! books are in the database and not in memory, so every API and worker process sees the same
//! companies, and they outlive a kill.

mod books;
mod carrier;
mod control;
mod courier;
mod fault;
mod label;
mod line;
mod movement;
mod outbox;
mod payment;
pub mod signature;
mod transfer;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use souk_domain::Store;
use souk_domain::port::{Carrier, PaymentGateway};

pub use books::{Books, LabelBook, PaymentBook, TransferBook};
pub use carrier::{Parcel, ScanBody};
pub use control::{ConfirmOutcome, Control};
pub use courier::Courier;
pub use fault::{Fault, Operation, Percent};
pub use payment::Payment;
pub use transfer::Transfer;

use carrier::SimulatedCarrier;
use line::Shared;
use payment::SimulatedPayments;

/// The name of both companies in routes and rows.
pub const NAME: &str = "simulated";

/// What the simulated companies need to know.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// Where souk is reached, such as `http://127.0.0.1:8080`: webhooks go to
    /// `{public_url}/api/v1/webhooks/...`, and payments are confirmed at
    /// `{public_url}/simulator/payments/{id}/confirm`. Plain HTTP: the companies speak no TLS.
    pub public_url: String,
    /// What webhooks are signed with.
    pub webhook_secret: SecretString,
    /// How long a parcel takes from one scan to the next; `None`: it moves only when told to.
    pub transit: Option<Duration>,
    /// How long the companies take to answer a call.
    pub latency: Duration,
    /// How many of the calls fail (half of these after they had their effect), and how many of the
    /// webhooks are lost, doubled or late.
    pub trouble: Percent,
}

/// Both companies.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

impl Simulator {
    /// The companies whose books are in `store`.
    pub fn new(store: Store, config: SimulatorConfig) -> Self {
        Self { shared: Arc::new(Shared::new(store, config)) }
    }

    /// The payment provider.
    pub fn payments(&self) -> Arc<dyn PaymentGateway> {
        Arc::new(SimulatedPayments::new(Arc::clone(&self.shared)))
    }

    /// The carrier.
    pub fn carrier(&self) -> Arc<dyn Carrier> {
        Arc::new(SimulatedCarrier::new(Arc::clone(&self.shared)))
    }

    /// What a person or a test can make the companies do.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }

    /// What delivers their webhooks and moves their parcels. Any number of processes may run one.
    ///
    /// # Errors
    /// The HTTP client's, when it cannot be set up.
    pub fn courier(&self) -> reqwest::Result<Courier> {
        Courier::new(Arc::clone(&self.shared))
    }
}
