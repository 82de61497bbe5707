//! One claimed job: run its handler within its time, and record how that ended.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::FutureExt;
use rand::Rng;
use souk_domain::error::Kind;
use souk_domain::job::{Task, policy};
use souk_domain::{Code, Result, Store, failpoint};
use souk_entity::status::JobKind;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;

use crate::backend::Job;
use crate::claim::Claimed;
use crate::handler::Handler;
use crate::outcome::{self, Finished};
use crate::runtime::Phase;

/// Pauses between attempts to record an outcome; after the last the lease is left to end, and the
/// job runs again.
const INSISTENCE: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// Runs jobs, whatever their queue.
#[derive(Clone)]
pub(crate) struct Worker {
    store: Store,
    handler: Arc<dyn Handler>,
    finished: Finished,
    phase: watch::Receiver<Phase>,
}

/// How a run ended.
enum Ended {
    Done,
    /// Another worker has the job; what was done here is thrown away.
    LeaseLost,
    /// To be tried again while claims are left.
    Failed(String),
    /// No attempt can succeed.
    Hopeless(String),
    /// Not for a reason of the job's own: the runtime stops, or stood still before it began.
    Unused,
}

impl Worker {
    pub(crate) fn new(
        store: Store,
        handler: Arc<dyn Handler>,
        finished: Finished,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self { store, handler, finished, phase }
    }

    /// Runs a job to its recorded end.
    pub(crate) async fn run(&self, job: Job) {
        let claimed = &job.claimed;
        let span = tracing::info_span!(
            "job",
            id = %claimed.lease.job_id,
            kind = %claimed.kind,
            attempt = claimed.lease.attempts
        );
        async {
            let started = Instant::now();
            let ended = self.attempt(claimed, policy(claimed.kind).timeout).await;
            metrics::histogram!("job_seconds", "kind" => claimed.kind.to_string()).record(started.elapsed());
            failpoint::within("outcome", self.record(claimed, ended)).await;
        }
        .instrument(span)
        .await;
        // The slot is free only now that the outcome is written.
        drop(job);
    }

    async fn attempt(&self, claimed: &Claimed, limit: Duration) -> Ended {
        let task = match read(claimed) {
            Ok(task) => task,
            Err(ended) => return ended,
        };
        let left = (claimed.leased_until - self.store.now()).to_std().unwrap_or_default();
        if left < limit {
            return Ended::Unused;
        }
        // A panic, also one before the first await, is the job's failure and not the worker's.
        let run = async {
            failpoint::reach("claimed");
            self.handler.run(claimed.lease, task).await
        };
        let run = AssertUnwindSafe(failpoint::within(claimed.kind, run)).catch_unwind();
        tokio::select! {
            biased;
            ended = timeout(limit, run) => match ended {
                Ok(Ok(Ok(()))) => Ended::Done,
                Ok(Ok(Err(error))) if error.code == Code::LeaseLost => Ended::LeaseLost,
                Ok(Ok(Err(error))) if error.code.kind() == Kind::Malformed => Ended::Hopeless(outcome::describe(&error)),
                Ok(Ok(Err(error))) => Ended::Failed(outcome::describe(&error)),
                Ok(Err(panic)) => Ended::Failed(outcome::fitting(&format!("PANIC: {}", words(panic.as_ref())))),
                Err(_) => Ended::Failed(format!("TIMEOUT: stopped after {limit:?}.")),
            },
            () = Phase::Stopping.reached(self.phase.clone()) => Ended::Unused,
        }
    }

    async fn record(&self, claimed: &Claimed, ended: Ended) {
        let (store, lease, kind) = (self.store.clone(), claimed.lease, claimed.kind);
        match ended {
            Ended::Done => {
                metrics::counter!("job_done_total", "kind" => kind.to_string()).increment(1);
                // Nobody listens only once the runtime is gone, and then the lease ends by itself.
                let _ = self.finished.send(lease);
            }
            Ended::LeaseLost => tracing::debug!("the lease passed to another worker; nothing was written"),
            Ended::Failed(reason) if lease.attempts < claimed.max_attempts => {
                let wait = policy(kind).backoff(failures(claimed), rand::rng().random_range(0..=1_000));
                let run_at = store.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
                let told = reason.clone();
                let retried = insist("queueing a job again", async move || {
                    outcome::retry(&store, lease, run_at, told.clone()).await
                })
                .await;
                if retried == Some(true) {
                    tracing::warn!(reason, %run_at, "the job failed and will be tried again");
                    metrics::counter!("job_retried_total", "kind" => kind.to_string()).increment(1);
                }
            }
            Ended::Failed(reason) | Ended::Hopeless(reason) => {
                let told = reason.clone();
                let dead = insist("ending a job", async move || outcome::bury(&store, lease, told.clone()).await).await;
                if dead == Some(true) {
                    tracing::error!(reason, "the job is dead until an operator redrives it");
                    record_dead(kind);
                }
            }
            Ended::Unused => {
                insist("releasing a job", async move || outcome::release(&store, &[lease]).await).await;
                tracing::info!("the job was given back");
            }
        }
    }
}

/// Reads what is to be done.
fn read(claimed: &Claimed) -> Result<Task, Ended> {
    match serde_json::from_str::<Task>(&claimed.payload) {
        Ok(task) if task.kind() == claimed.kind => Ok(task),
        Ok(task) => Err(Ended::Hopeless(format!("UNREADABLE_PAYLOAD: it is of a {}", task.kind()))),
        Err(error) => Err(Ended::Hopeless(outcome::fitting(&format!("UNREADABLE_PAYLOAD: {error}")))),
    }
}

/// How often the job has failed since it was queued, continued or redriven: claims given back and
/// claims of earlier parts raised `max_attempts` and do not make the wait longer.
fn failures(claimed: &Claimed) -> i32 {
    let attempts = claimed.lease.attempts;
    let left = claimed.max_attempts.saturating_sub(attempts);
    policy(claimed.kind).max_attempts.saturating_sub(left).clamp(1, attempts.max(1))
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Repeats a database operation through a short outage; `None` when it went on too long.
pub(crate) async fn insist<T>(what: &'static str, operation: impl AsyncFn() -> Result<T>) -> Option<T> {
    let mut pauses = INSISTENCE.iter();
    loop {
        match (operation().await, pauses.next()) {
            (Ok(value), _) => return Some(value),
            (Err(error), Some(pause)) => {
                tracing::warn!(%error, source = ?error.source, "{what} failed, trying again");
                sleep(*pause).await;
            }
            (Err(error), None) => {
                tracing::error!(%error, source = ?error.source, "{what} failed; the job runs again when its lease ends");
                return None;
            }
        }
    }
}

/// Counts a death.
pub(crate) fn record_dead(kind: JobKind) {
    metrics::counter!("job_dead_total", "kind" => kind.to_string()).increment(1);
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use chrono::{DateTime, Utc};
    use souk_domain::clock::Clock;
    use souk_domain::job::Lease;
    use souk_domain::store::NoWake;
    use souk_domain::vault::Vault;
    use souk_entity::id::JobId;

    use super::*;

    fn claimed(kind: JobKind, payload: &str, attempts: i32, max_attempts: i32) -> Claimed {
        Claimed {
            lease: Lease { job_id: JobId(uuid::Uuid::nil()), attempts },
            kind,
            payload: payload.into(),
            max_attempts,
            leased_until: DateTime::<Utc>::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_wait_counts_failures_and_not_earlier_parts() {
        let fresh = policy(JobKind::ProcessBatch).max_attempts;
        assert_eq!(failures(&claimed(JobKind::ProcessBatch, "", 1, fresh)), 1);
        assert_eq!(failures(&claimed(JobKind::ProcessBatch, "", 5, fresh)), 5);
        assert_eq!(failures(&claimed(JobKind::ProcessBatch, "", 51, 50 + fresh)), 1);
        assert_eq!(failures(&claimed(JobKind::ProcessBatch, "", 2, 3)), 2);
    }

    #[test]
    fn only_the_payload_of_its_own_kind_is_read() {
        let nil = uuid::Uuid::nil();
        let payload = format!(r#"{{"task":"expire_cart","cart_id":"{nil}"}}"#);
        assert!(matches!(read(&claimed(JobKind::ExpireCart, &payload, 1, 3)), Ok(Task::ExpireCart { .. })));
        assert!(matches!(read(&claimed(JobKind::CapturePayment, &payload, 1, 3)), Err(Ended::Hopeless(_))));
        assert!(matches!(read(&claimed(JobKind::ExpireCart, "{", 1, 3)), Err(Ended::Hopeless(_))));
    }

    struct Never;

    #[async_trait]
    impl Handler for Never {
        async fn run(&self, _: Lease, _: Task) -> Result<()> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_run_ends_with_its_time_and_does_not_begin_when_the_lease_would_end_first() {
        let database = sea_orm::Database::connect("sqlite::memory:").await.unwrap();
        let clock = Clock::manual(DateTime::<Utc>::UNIX_EPOCH);
        let vault = Vault::new(None, &"a master secret of the tests".into()).unwrap();
        let store = Store::new(database.clone(), database, clock, Arc::new(NoWake), vault);
        let (_phase, seen) = watch::channel(Phase::Working);
        let (finished, _checks) = tokio::sync::mpsc::unbounded_channel();
        let worker = Worker::new(store, Arc::new(Never), finished, seen);
        let nil = uuid::Uuid::nil();
        let mut claimed = claimed(JobKind::ExpireCart, &format!(r#"{{"task":"expire_cart","cart_id":"{nil}"}}"#), 1, 3);
        let limit = Duration::from_millis(20);
        claimed.leased_until += TimeDelta::milliseconds(20);
        let Ended::Failed(reason) = worker.attempt(&claimed, limit).await else { panic!("it did not fail") };
        assert_eq!(reason, "TIMEOUT: stopped after 20ms.");
        claimed.leased_until -= TimeDelta::milliseconds(1);
        assert!(matches!(worker.attempt(&claimed, limit).await, Ended::Unused));
    }
}
