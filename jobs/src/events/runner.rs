//! Works for one consumer of the log, whenever no other process does.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use rand::Rng;
use souk_domain::event::consumer::{self, Lease};
use souk_domain::event::{Projection, Sink};
use souk_domain::job::backoff;
use souk_domain::{Code, Error, Result, Store, failpoint};
use souk_entity::event;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Events taken at once; after a failure one, and then twice as many with each success.
const BATCH: u64 = 500;
/// How long a sink may take for a batch; less than a lease, so that no other has it meanwhile.
const DELIVERY_LIMIT: Duration = Duration::from_secs(10);
/// A lease that ends sooner is renewed before a batch is begun.
const LEAST_LEASE: Duration = Duration::from_secs(12);
/// Between two looks at the row, when nothing is heard.
const LOOK: Duration = Duration::from_secs(1);
/// The longest pause after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What consumes.
#[derive(Clone)]
pub(super) enum Consumer {
    Projection(Arc<dyn Projection>),
    Sink(Arc<dyn Sink>),
}

impl Consumer {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Projection(projection) => projection.name(),
            Self::Sink(sink) => sink.name(),
        }
    }
}

/// How a step ended.
enum Step {
    /// Events were taken; there may be more.
    Taken,
    /// There is nothing to do.
    Idle,
    /// Another process works for it.
    Elsewhere,
}

pub(super) struct Runner {
    store: Store,
    consumer: Consumer,
    head: watch::Receiver<i64>,
    lease: Option<Lease>,
    batch: u64,
    failures: i32,
    reason: Option<String>,
}

impl Runner {
    pub(super) fn new(store: Store, consumer: Consumer, head: watch::Receiver<i64>) -> Self {
        Self { store, consumer, head, lease: None, batch: BATCH, failures: 0, reason: None }
    }

    /// Runs until `stop`, and gives the lease back then. A batch that is under way is given up: its
    /// transaction is rolled back, and what a sink got of it, it gets again.
    pub(super) async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        tokio::select! {
            () = self.work() => {}
            () = &mut stop => {}
        }
        if let Some(lease) = self.lease
            && let Err(error) = consumer::release(&self.store, self.consumer.name(), lease).await
        {
            tracing::debug!(%error, consumer = self.consumer.name(), "the lease was not given back and will end");
        }
    }

    async fn work(&mut self) {
        loop {
            match failpoint::within(self.consumer.name(), self.step()).await {
                Ok(Step::Taken) => self.recovered(),
                Ok(Step::Idle) => {
                    // The sender lives as long as the pump; without one there is nothing to hear.
                    let heard = timeout(LOOK, self.head.changed()).await;
                    if matches!(heard, Ok(Err(_))) {
                        sleep(LOOK).await;
                    }
                }
                Ok(Step::Elsewhere) => sleep(LOOK).await,
                Err(error) if error.code == Code::LeaseLost => self.lease = None,
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn step(&mut self) -> Result<Step> {
        let name = self.consumer.name();
        let head = *self.head.borrow_and_update();
        let row = consumer::find(self.store.read(), name).await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and no lag is that long")]
        metrics::gauge!("event_consumer_lag", "consumer" => name).set((head - row.position).max(0) as f64);
        if row.paused || row.position >= head {
            return Ok(Step::Idle);
        }
        let left = row.leased_until.and_then(|until| (until - self.store.now()).to_std().ok()).unwrap_or_default();
        let ours = self.lease.filter(|lease| lease.token == row.lease);
        let lease = match ours.map(|lease| Lease { position: row.position, ..lease }) {
            Some(lease) if left >= LEAST_LEASE => Some(lease),
            Some(lease) => consumer::renew_lease(&self.store, name, lease).await?.then_some(lease),
            None if left.is_zero() => consumer::take_lease(&self.store, name).await?,
            None => None,
        };
        self.lease = lease;
        let Some(lease) = lease else { return Ok(Step::Elsewhere) };
        let events = consumer::read(self.store.read(), lease.position, self.batch).await?;
        let Some(last) = events.last().and_then(|event| event.position) else { return Ok(Step::Idle) };
        let taken = AssertUnwindSafe(self.take(lease, &events, last)).catch_unwind().await;
        match taken.unwrap_or_else(|panic| Err(Error::internal(format!("PANIC: {}", words(panic.as_ref()))))) {
            Ok(()) => {
                metrics::counter!("event_consumer_events_total", "consumer" => name).increment(events.len() as u64);
                Ok(Step::Taken)
            }
            Err(error) if error.code == Code::LeaseLost => Err(error),
            Err(error) => Err(Error { message: format!("{}: {}", place(&events), told(&error)), ..error }),
        }
    }

    async fn take(&self, lease: Lease, events: &[event::Model], last: i64) -> Result<()> {
        let name = self.consumer.name();
        match &self.consumer {
            Consumer::Projection(projection) => {
                self.store
                    .write(async |tx| {
                        // First, so that who has lost the lease does nothing.
                        consumer::advance(&tx, name, lease, last).await?;
                        projection.take(&tx, events).await
                    })
                    .await
            }
            Consumer::Sink(sink) => {
                failpoint::reach("asking");
                let delivered = timeout(DELIVERY_LIMIT, sink.deliver(events)).await;
                failpoint::reach("asked");
                delivered
                    .map_err(|_| format!("not taken within {DELIVERY_LIMIT:?}"))
                    .and_then(|delivered| delivered.map_err(|error| error.to_string()))
                    .map_err(|reason| Error::new(Code::ProviderUnavailable, reason))?;
                self.store.write(async |tx| consumer::advance(&tx, name, lease, last).await).await
            }
        }
    }

    fn recovered(&mut self) {
        let name = self.consumer.name();
        if self.failures > 0 {
            tracing::info!(consumer = name, "the consumer of events gets on again");
            metrics::gauge!("event_consumer_failing", "consumer" => name).set(0);
            self.failures = 0;
            self.reason = None;
        }
        self.batch = Ord::min(self.batch * 2, BATCH);
    }

    /// Notes a failure where operators see it, and waits.
    async fn failed(&mut self, error: &Error) {
        let name = self.consumer.name();
        self.failures += 1;
        self.batch = 1;
        let reason = told(error);
        if self.failures == 1 {
            tracing::warn!(consumer = name, reason, "the consumer of events does not get on; trying on");
            metrics::gauge!("event_consumer_failing", "consumer" => name).set(1);
        }
        if let Some(lease) = self.lease
            && self.reason.as_ref() != Some(&reason)
        {
            match consumer::fail(&self.store, name, lease, &reason).await {
                Ok(_) => self.reason = Some(reason),
                Err(error) => tracing::debug!(%error, consumer = name, "the failure cannot be noted"),
            }
        }
        let wait = backoff(self.failures, rand::rng().random_range(0..=1_000)).min(LONGEST_WAIT);
        let until = Instant::now() + wait;
        while Instant::now() < until {
            sleep(Ord::min(LOOK, until - Instant::now())).await;
            if self.was_moved().await {
                return;
            }
        }
    }

    /// Whether an operator has paused or moved the consumer, or another process took it over.
    async fn was_moved(&self) -> bool {
        let row = consumer::find(self.store.read(), self.consumer.name()).await;
        row.is_ok_and(|row| self.lease.is_some_and(|lease| lease.token != row.lease))
    }
}

/// Which events a failure is about.
fn place(events: &[event::Model]) -> String {
    match events {
        [event] => format!("event {} ({} {})", event.position.unwrap_or_default(), event.r#type, event.id),
        [first, .., last] => {
            format!("events {} to {}", first.position.unwrap_or_default(), last.position.unwrap_or_default())
        }
        [] => "no event".to_owned(),
    }
}

/// A failure with its cause, for operators.
fn told(error: &Error) -> String {
    let cause = error.source.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!("{}{cause}", error.message)
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
