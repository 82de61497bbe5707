//! How much work waits, for those who watch.

use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use souk_domain::{Result, Store, job};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::runtime::Phase;

/// Between looks. Each process looks by itself, and all see the same.
const INTERVAL: Duration = Duration::from_secs(15);

/// Keeps the gauges `job_waiting`, `job_dead` and `job_oldest_due_seconds` of each kind up to date
/// until the runtime drains.
pub(crate) async fn keep(store: Store, phase: watch::Receiver<Phase>) {
    loop {
        tokio::select! {
            () = Phase::Draining.reached(phase.clone()) => return,
            () = sleep(INTERVAL) => {}
        }
        if let Err(error) = look(&store, store.now()).await {
            tracing::debug!(%error, "the waiting jobs could not be counted");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stop at ten thousand, and ages need no more digits")]
async fn look(store: &Store, now: DateTimeUtc) -> Result<()> {
    for summary in job::summary(store.read(), now).await? {
        let kind = summary.kind.to_string();
        let oldest = summary.oldest_due.map_or(0, |due| (now - due).num_milliseconds().max(0));
        metrics::gauge!("job_waiting", "kind" => kind.clone()).set(summary.waiting as f64);
        metrics::gauge!("job_dead", "kind" => kind.clone()).set(summary.dead as f64);
        metrics::gauge!("job_oldest_due_seconds", "kind" => kind).set(oldest as f64 / 1_000.0);
    }
    Ok(())
}
