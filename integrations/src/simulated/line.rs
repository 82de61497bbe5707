//! The line between souk and the simulated companies: latency, faults, and what the caller is
//! told when something breaks.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use souk_domain::error::{Code, Error, Result};
use souk_domain::port::PortError;
use souk_domain::{Store, Tx, failpoint};
use tokio::sync::Notify;

use super::SimulatorConfig;
use super::fault::{Fault, Faults, Operation};

/// What both companies, their courier and their control share.
pub(super) struct Shared {
    pub store: Store,
    /// Without a slash at its end.
    pub public_url: String,
    pub webhook_secret: SecretString,
    pub transit: Option<Duration>,
    pub faults: Faults,
    /// Rung when webhooks may have been queued.
    pub bell: Notify,
    latency: Duration,
}

/// A company's answer to a call that reached it: the result, or a no.
pub(super) type Answer<T> = std::result::Result<T, Refusal>;

/// A company's no.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Refusal> for PortError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.code.to_owned(), message: refusal.message }
    }
}

impl Shared {
    pub fn new(store: Store, config: SimulatorConfig) -> Self {
        Self {
            store,
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            webhook_secret: config.webhook_secret,
            transit: config.transit,
            faults: Faults::new(config.trouble),
            bell: Notify::new(),
            latency: config.latency,
        }
    }

    /// One of the companies' own transactions, after which the courier looks for webhooks.
    pub async fn transact<T, F, W>(&self, work: F) -> Result<T>
    where
        F: Fn(Arc<Tx>) -> W,
        W: Future<Output = Result<T>>,
    {
        let done = self.store.write(work).await;
        self.bell.notify_one();
        done
    }

    /// Carries a call to a company and its answer back, with the latency and faults of the line.
    pub async fn call<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<Answer<T>>>,
    ) -> Result<T, PortError> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let worked = async {
            failpoint::reach("asking");
            // What the company commits is no step of its caller's.
            let answer = failpoint::within("simulator", work).await;
            failpoint::reach("asked");
            answer
        };
        match self.faults.take(operation) {
            None => match worked.await {
                Ok(answer) => answer.map_err(PortError::from),
                Err(error) => Err(broken(operation, &error)),
            },
            Some(Fault::Unavailable) => Err(PortError::Unavailable("a fault was asked for".into())),
            Some(Fault::Refused) => Err(Refusal::new("fault", "A fault was asked for.").into()),
            Some(Fault::RequestLost) => Err(PortError::Unknown("the request was lost, as asked for".into())),
            Some(Fault::AnswerLost) => {
                if let Err(error) = worked.await {
                    return Err(broken(operation, &error));
                }
                Err(PortError::Unknown("the answer was lost, as asked for".into()))
            }
        }
    }
}

/// What a caller can know when the company itself failed.
fn broken(operation: Operation, error: &Error) -> PortError {
    tracing::warn!(?operation, %error, source = ?error.source, "the simulated company failed");
    // A collision is always rolled back. Any other failure may have hit the commit itself, after
    // which nobody can tell without asking again.
    if operation.only_reads() || error.code == Code::ConcurrentChange {
        PortError::Unavailable(error.to_string())
    } else {
        PortError::Unknown(error.to_string())
    }
}
