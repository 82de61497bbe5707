//! Numbers events as they are committed and tells the consumers of this process.

use std::sync::Arc;
use std::time::Duration;

use souk_domain::event::{consumer, numbering};
use souk_domain::{Result, Store, failpoint};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::bell::Bell;

/// Between two rounds: one transaction numbers what many have committed meanwhile.
const GAP: Duration = Duration::from_millis(50);
/// Between two looks for what other processes have committed, while there is something …
const ALERT: Duration = Duration::from_millis(250);
/// … and when nothing happens.
const IDLE: Duration = Duration::from_secs(1);

/// The pump of a process; any number of processes may have one.
pub(super) struct Pump {
    pub(super) store: Store,
    pub(super) bell: Arc<Bell>,
    pub(super) names: Vec<&'static str>,
    pub(super) head: watch::Sender<i64>,
}

impl Pump {
    /// Runs for good.
    pub(super) async fn run(self) {
        let mut pause = ALERT;
        let mut failing = false;
        let mut seen_at: Option<Instant> = None;
        loop {
            let mut found = failpoint::within("pump", self.round()).await;
            if found.is_ok() && seen_at.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
                match consumer::seen(&self.store, &self.names).await {
                    Ok(()) => seen_at = Some(Instant::now()),
                    Err(error) => found = Err(error),
                }
            }
            match found {
                Ok(true) => {
                    failing = false;
                    pause = ALERT;
                }
                Ok(false) => {
                    failing = false;
                    pause = Ord::min(pause * 2, IDLE);
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, source = ?error.source, "events cannot be numbered; trying on");
                    }
                    failing = true;
                    pause = IDLE;
                }
            }
            sleep(GAP).await;
            tokio::select! {
                () = self.bell.rung() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Numbers what there is, and returns whether there was anything.
    async fn round(&self) -> Result<bool> {
        let mut any = false;
        loop {
            let head = numbering::head(self.store.read()).await?;
            self.head.send_if_modified(|position| std::mem::replace(position, head.position) != head.position);
            if !head.unnumbered {
                return Ok(any);
            }
            any = true;
            numbering::number(&self.store).await?;
        }
    }
}

/// How often the rows of this process's consumers are looked at for when they were last seen.
const SAY_EVERY: Duration = Duration::from_secs(10);
