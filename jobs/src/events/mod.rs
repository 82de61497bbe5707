//! The domain log at work: a pump numbers what was committed, and each consumer reads on from its
//! own position under a lease, so that one that fails delays no other.

mod bell;
mod intake;
mod pump;
mod runner;

use std::sync::Arc;
use std::time::Duration;

use souk_domain::Store;
use souk_domain::event::{Projection, Sink, consumer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use bell::Bell;

use intake::Intake;
use pump::Pump;
use runner::{Consumer, Runner};

/// Pause between attempts to register the consumers.
const REGISTER_AGAIN: Duration = Duration::from_secs(1);

/// The pump and the consumers of a process.
pub struct EventRuntime {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl EventRuntime {
    /// Starts them; any number of processes may have the same consumers. Has to be called within a
    /// Tokio runtime. `bell` is to hear of the commits of `store`.
    ///
    /// A consumer that is new to the database begins at the present end of the log.
    #[must_use]
    pub fn start(
        store: Store,
        bell: Arc<Bell>,
        projections: Vec<Arc<dyn Projection>>,
        sinks: Vec<Arc<dyn Sink>>,
        stop: CancellationToken,
    ) -> Self {
        let consumers: Vec<Consumer> =
            projections.into_iter().map(Consumer::Projection).chain(sinks.into_iter().map(Consumer::Sink)).collect();
        let mut tasks = JoinSet::new();
        tasks.spawn(run(store, bell, consumers, stop.clone()));
        Self { stop, tasks }
    }

    /// Reads payment events of other systems from the Redis stream `souk:{namespace}:payments`,
    /// too; Redis 6.2 or later, and it need not be there yet.
    pub fn take_in(&mut self, store: Store, client: redis::Client, namespace: String) {
        self.tasks.spawn(Intake { store, client, namespace }.run(self.stop.clone()));
    }

    /// Stops: a batch under way is given up and taken again later, leases are given back.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the task of the events failed");
            }
        }
    }
}

async fn run(store: Store, bell: Arc<Bell>, consumers: Vec<Consumer>, stop: CancellationToken) {
    let names: Vec<&'static str> = consumers.iter().map(Consumer::name).collect();
    // Before anything is numbered: on a new database no consumer misses the first events.
    tokio::select! {
        () = register(&store, &names) => {}
        () = stop.cancelled() => return,
    }
    let (head, seen) = watch::channel(0);
    let mut tasks = JoinSet::new();
    for consumer in consumers {
        let runner = Runner::new(store.clone(), consumer, seen.clone());
        tasks.spawn(runner.run(stop.clone().cancelled_owned()));
    }
    let pump = Pump { store, bell, names, head };
    tokio::select! {
        () = pump.run() => {}
        () = stop.cancelled() => {}
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "the task of a consumer of events failed");
        }
    }
}

async fn register(store: &Store, names: &[&str]) {
    let mut failing = false;
    while let Err(error) = consumer::register(store, names).await {
        if !failing {
            tracing::warn!(%error, source = ?error.source, "the consumers of events cannot be registered; trying on");
        }
        failing = true;
        sleep(REGISTER_AGAIN).await;
    }
}
