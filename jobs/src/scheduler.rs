//! The clock of recurring work: asks for the run of each tick that is due.
//!
//! Every process with workers has one. Which of them is first to a tick does not matter: the
//! schedule's row is locked while it moves on, and the tick is the key of the job.

use std::time::Duration;

use souk_domain::schedule;
use souk_domain::{Result, Store, failpoint};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The rows are looked at this often at least, for a tick that an operator or another process has
/// moved, and after the machine's clock was set.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Asks for ticks until it is stopped.
pub struct Scheduler(JoinHandle<()>);

impl Scheduler {
    /// Starts it. Has to be called within a Tokio runtime.
    pub fn start(store: Store, stop: CancellationToken) -> Self {
        Self(tokio::spawn(async move {
            tokio::select! {
                () = run(&store) => {}
                () = stop.cancelled() => {}
            }
        }))
    }

    /// Waits until it has stopped; a tick that is being asked for then is rolled back, and due still.
    pub async fn stopped(self) {
        if let Err(error) = self.0.await {
            tracing::error!(%error, "the scheduler failed");
        }
    }
}

async fn run(store: &Store) {
    let mut registered = false;
    loop {
        let wait = match look(store, &mut registered).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, source = ?error.source, "schedules cannot be looked at, trying again");
                LOOK_EVERY
            }
        };
        sleep(wait).await;
    }
}

/// Asks for what is due; returns how long to wait.
async fn look(store: &Store, registered: &mut bool) -> Result<Duration> {
    if !*registered {
        store.write(async |tx| schedule::register(&tx).await).await?;
        *registered = true;
    }
    let rows = schedule::all(store.read()).await?;
    let now = store.now();
    for (name, row) in &rows {
        if !row.enabled || row.next_tick > now {
            continue;
        }
        let fired = store.write(async |tx| schedule::fire(&tx, *name).await);
        if failpoint::within("scheduler", fired).await? {
            tracing::info!(schedule = %name, tick = %row.next_tick, "a tick is due");
        }
    }
    let to_come = rows.iter().filter(|(_, row)| row.enabled && row.next_tick > now).map(|(_, row)| row.next_tick).min();
    let wait = to_come.map_or(LOOK_EVERY, |next| (next - now).to_std().unwrap_or_default());
    Ok(wait.min(LOOK_EVERY))
}
