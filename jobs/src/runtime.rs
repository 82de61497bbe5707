//! The workers of a process: one per queue, watched over, and drained when the process stops.

use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{Monitor, MonitorError, ParallelizeExt, WorkerBuilder, WorkerBuilderExt};
use sea_orm::Iterable;
use souk_domain::Store;
use souk_entity::status::JobQueue;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::backend::{Job, QueueBackend, Source};
use crate::gauges;
use crate::handler::Handler;
use crate::lane::Lane;
use crate::outcome;
use crate::room::Room;
use crate::worker::Worker;

/// How long stopped jobs may take to be given back.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

/// How a process works the queues. A queue that may do `n` jobs at once does so for each of its
/// kinds, less where the kind's [policy](souk_domain::job::Policy) says so; one of them is the
/// kind's own, and the `n - 1` others are shared by the kinds of the queue. So a kind is never kept
/// waiting by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Jobs of the money queue at the same time; 0: this process leaves the queue to others.
    pub money: usize,
    /// The same for the fulfilment queue.
    pub fulfilment: usize,
    /// The same for the events queue.
    pub events: usize,
    /// The same for the webhooks queue.
    pub webhooks: usize,
    /// The same for the mail queue.
    pub mail: usize,
    /// The same for the bulk queue.
    pub bulk: usize,
    /// The same for the maintenance queue.
    pub maintenance: usize,
    /// How often each queue looks for due jobs that nobody announced, at least.
    pub sweep_interval: Duration,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            money: 8,
            fulfilment: 8,
            events: 8,
            webhooks: 64,
            mail: 4,
            bulk: 2,
            maintenance: 2,
            sweep_interval: Duration::from_secs(1),
        }
    }
}

impl WorkerConfig {
    fn concurrency(&self, queue: JobQueue) -> usize {
        match queue {
            JobQueue::Money => self.money,
            JobQueue::Fulfilment => self.fulfilment,
            JobQueue::Events => self.events,
            JobQueue::Webhooks => self.webhooks,
            JobQueue::Mail => self.mail,
            JobQueue::Bulk => self.bulk,
            JobQueue::Maintenance => self.maintenance,
        }
    }
}

/// How far a runtime is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Jobs are claimed and run.
    Working,
    /// Nothing is claimed; what runs may end.
    Draining,
    /// What runs is stopped and given back.
    Stopping,
}

impl Phase {
    /// Waits until a runtime is at least this far; one that was dropped drains and never stops jobs.
    pub(crate) async fn reached(self, mut phase: watch::Receiver<Self>) {
        if phase.wait_for(|now| *now >= self).await.is_err() && self > Self::Draining {
            std::future::pending::<()>().await;
        }
    }
}

/// Workers at work. Dropping it lets them end in the background; [`Runtime::shutdown`] waits.
pub struct Runtime {
    phase: watch::Sender<Phase>,
    sources: Vec<Source>,
    monitor: JoinHandle<Result<(), MonitorError>>,
    checks: JoinHandle<()>,
    gauges: JoinHandle<()>,
}

impl Runtime {
    /// Starts a worker for each queue. Has to be called within a Tokio runtime.
    pub fn start(store: Store, lane: Lane, handler: Arc<dyn Handler>, config: WorkerConfig) -> Self {
        let (phase, seen) = watch::channel(Phase::Working);
        let (finished, unchecked) = mpsc::unbounded_channel();
        let checks = tokio::spawn(outcome::complete_forgotten(store.clone(), unchecked));
        let worker = Worker::new(store.clone(), handler, finished, seen.clone());
        let mut monitor = Monitor::new().should_restart(|context, error| {
            // Nothing here ends a worker on purpose, so this is a bug; but other jobs must go on.
            tracing::error!(queue = context.name(), restarts = context.restarts(), %error, "a worker died, restarting it");
            true
        });
        let mut sources = Vec::new();
        for queue in JobQueue::iter() {
            let concurrency = config.concurrency(queue);
            if concurrency == 0 {
                continue;
            }
            let ears = lane.listen(queue, concurrency);
            let room = Room::new(queue, concurrency);
            let size = room.size();
            let source = Source::new(queue, store.clone(), ears, room, config.sweep_interval, seen.clone());
            sources.push(source.clone());
            let worker = worker.clone();
            monitor = monitor.register(move |_| {
                let worker = worker.clone();
                WorkerBuilder::new(queue.to_string())
                    .backend(QueueBackend::new(source.clone()))
                    .concurrency(size)
                    // A task each: without it all jobs of a worker would share one.
                    .parallelize(tokio::spawn)
                    // The handler's panics are caught and recorded further in; this is for ours.
                    .catch_panic()
                    .build(move |job: Job| {
                        let worker = worker.clone();
                        async move { worker.run(job).await }
                    })
            });
        }
        let gauges = tokio::spawn(gauges::keep(store, seen.clone()));
        let draining = Phase::Draining.reached(seen);
        let monitor = tokio::spawn(monitor.run_with_signal(async move {
            draining.await;
            Ok(())
        }));
        Self { phase, sources, monitor, checks, gauges }
    }

    /// Stops claiming, lets running jobs end within `limit`, and then stops the rest. What was
    /// claimed and not started, and what was stopped, is queued again for other workers.
    ///
    /// Returns whether all running jobs ended by themselves.
    pub async fn shutdown(mut self, limit: Duration) -> bool {
        self.phase.send_replace(Phase::Draining);
        for source in &self.sources {
            source.close();
        }
        let by_themselves = match timeout(limit, &mut self.monitor).await {
            Ok(ended) => {
                report(ended);
                true
            }
            Err(_) => {
                self.stop(limit).await;
                false
            }
        };
        self.gauges.abort();
        if timeout(RELEASE_LIMIT, &mut self.checks).await.is_err() {
            tracing::warn!(
                "the ends of some jobs could not be checked; what is not done runs again when its lease ends"
            );
            self.checks.abort();
        }
        by_themselves
    }

    async fn stop(&mut self, limit: Duration) {
        tracing::warn!(?limit, "jobs are still running at the limit; they are stopped and queued again");
        self.phase.send_replace(Phase::Stopping);
        match timeout(RELEASE_LIMIT, &mut self.monitor).await {
            Ok(ended) => report(ended),
            Err(_) => {
                tracing::error!("some jobs could not be given back; they run again when their leases end");
                self.monitor.abort();
            }
        }
    }
}

fn report(ended: Result<Result<(), MonitorError>, tokio::task::JoinError>) {
    match ended {
        Ok(Ok(())) => tracing::info!("the workers have stopped"),
        Ok(Err(error)) => tracing::error!(%error, "the workers stopped with an error"),
        Err(error) => tracing::error!(%error, "the task of the workers failed"),
    }
}
