//! The job rows of one queue as an apalis backend.
//!
//! apalis' own way of asking (fetch, buffer, run, acknowledge) is kept, with three differences.
//! No more is claimed than can start at once, so that no lease runs down in a buffer. Claims run
//! in tasks of their own, because apalis stops polling a fetch while it drains and a transaction
//! under way would keep SQLite's only writer. And nothing here returns an error, because an error
//! ends the worker: a database that is away is waited for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{Backend, Task, TaskBuilder, TaskId, WorkerContext};
use apalis_core::backend::BackendConfig;
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::persistence::{Persisted, Persistence, State, TaskEvent};
use souk_domain::job::Lease;
use souk_domain::{Error, Result, Store};
use souk_entity::id::JobId;
use souk_entity::status::JobQueue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tower::layer::util::Identity;

use crate::claim::{self, Claimed};
use crate::lane::Ears;
use crate::outcome;
use crate::runtime::Phase;
use crate::worker::{insist, record_dead};

/// apalis asks for a sign of life this often; ours is the lease of each job, so it does nothing.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// The first pause after a storage error; doubled up to the second.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A claimed job with the slot it runs in.
#[derive(Debug)]
pub(crate) struct Job {
    pub claimed: Claimed,
    /// Free again when the job is dropped, which is after its outcome is recorded.
    _slot: OwnedSemaphorePermit,
}

/// Where the worker of one queue gets its jobs; clones are the same source.
#[derive(Clone)]
pub(crate) struct Source(Arc<Inner>);

struct Inner {
    queue: JobQueue,
    store: Store,
    ears: Ears,
    slots: Arc<Semaphore>,
    concurrency: usize,
    sweep_interval: Duration,
    next_sweep: Mutex<Instant>,
    phase: watch::Receiver<Phase>,
}

impl Source {
    pub(crate) fn new(
        queue: JobQueue,
        store: Store,
        ears: Ears,
        concurrency: usize,
        sweep_interval: Duration,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self(Arc::new(Inner {
            queue,
            store,
            ears,
            slots: Arc::new(Semaphore::new(concurrency)),
            concurrency,
            sweep_interval,
            next_sweep: Mutex::new(Instant::now()),
            phase,
        }))
    }

    /// Hears of no more jobs; what is announced goes to other processes.
    pub(crate) fn close(&self) {
        self.0.ears.close();
    }
}

impl Inner {
    /// Waits for jobs and claims them; nothing only when the runtime stops.
    async fn next(&self) -> Vec<Job> {
        let mut pause = PAUSE;
        loop {
            let Some(mut slots) = self.slot().await else { return Vec::new() };
            let next_sweep = *self.next_sweep.lock().unwrap_or_else(PoisonError::into_inner);
            let announced = tokio::select! {
                biased;
                () = self.draining() => return Vec::new(),
                () = sleep_until(next_sweep) => false,
                () = self.ears.ready() => true,
            };
            self.widen(&mut slots);
            let found = if announced {
                self.announced(slots.num_permits()).await
            } else {
                self.swept(slots.num_permits()).await
            };
            match found {
                Ok(claimed) if claimed.is_empty() => pause = PAUSE,
                Ok(claimed) => return seat(claimed, slots),
                Err(error) => {
                    tracing::warn!(queue = %self.queue, %error, source = ?error.source, "claiming jobs failed, trying again");
                    // Whatever was announced in the meantime is best looked for in the rows.
                    self.sweep_at(Instant::now());
                    tokio::select! {
                        () = self.draining() => return Vec::new(),
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Waits for a free slot.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = self.draining() => None,
            // The semaphore is never closed.
            slot = Arc::clone(&self.slots).acquire_owned() => slot.ok(),
        }
    }

    /// Takes what other slots are free.
    fn widen(&self, slots: &mut OwnedSemaphorePermit) {
        while slots.num_permits() < self.concurrency
            && let Ok(more) = Arc::clone(&self.slots).try_acquire_owned()
        {
            slots.merge(more);
        }
    }

    async fn announced(&self, limit: usize) -> Result<Vec<Claimed>> {
        let ids: Vec<JobId> = self.ears.take(limit);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (store, queue) = (self.store.clone(), self.queue);
        detached(async move { claim::named(&store, queue, ids).await }).await
    }

    async fn swept(&self, limit: usize) -> Result<Vec<Claimed>> {
        let (store, queue) = (self.store.clone(), self.queue);
        let (swept, wait) = detached(async move {
            // A read first: an idle queue costs no write transaction.
            let ahead = claim::next_due(&store, queue).await?.map(|at| (at - store.now()).to_std());
            Ok(match ahead {
                None => (claim::Swept::default(), None),
                Some(Ok(ahead)) if !ahead.is_zero() => (claim::Swept::default(), Some(ahead)),
                Some(_) => (claim::due(&store, queue, limit).await?, None),
            })
        })
        .await?;
        for kind in swept.dead {
            tracing::error!(%queue, kind, "a job is dead: the lease of its last allowed claim ended without an outcome");
            record_dead(&kind);
        }
        // A full catch means that there may be more; a job known to be due soon is met in time.
        let wait =
            if swept.more { Duration::ZERO } else { wait.unwrap_or(self.sweep_interval).min(self.sweep_interval) };
        self.sweep_at(Instant::now() + wait);
        Ok(swept.claimed)
    }

    fn sweep_at(&self, at: Instant) {
        *self.next_sweep.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    async fn draining(&self) {
        Phase::Draining.reached(self.phase.clone()).await;
    }
}

/// Runs `work` to its end even when nobody polls the caller.
async fn detached<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(work).await.map_err(Error::internal)?
}

/// A slot to each job; what is left over is free again.
fn seat(claimed: Vec<Claimed>, mut slots: OwnedSemaphorePermit) -> Vec<Job> {
    // There are as many slots as were asked for at least, so `split` gives one to each.
    claimed.into_iter().filter_map(|claimed| slots.split(1).map(|slot| Job { claimed, _slot: slot })).collect()
}

impl Persistence for Source {
    type Compact = Job;
    type Response = ();
    type Error = Infallible;

    async fn register(&mut self, _: &WorkerContext) -> Result<(), Infallible> {
        Ok(())
    }

    async fn heartbeat(&mut self, _: &WorkerContext) -> Result<(), Infallible> {
        Ok(())
    }

    /// Never empty before the end: after an empty fetch apalis sleeps until something else wakes it.
    async fn fetch_next(&mut self, _: &WorkerContext) -> Result<Vec<Task<Job>>, Infallible> {
        let jobs = self.0.next().await;
        Ok(jobs
            .into_iter()
            .map(|job| {
                let id = TaskId::from_string(job.claimed.lease.job_id.to_string());
                TaskBuilder::new(job).task_id(id).build()
            })
            .collect())
    }

    /// Gives back what was claimed and not started when the worker stopped.
    async fn reenqueue_abandoned(&mut self, tasks: Vec<Task<Job>>, _: &WorkerContext) -> Result<u64, Infallible> {
        let leases: Vec<Lease> = tasks.iter().map(|task| task.args.claimed.lease).collect();
        let store = self.0.store.clone();
        let released = detached(async move {
            Ok(insist("releasing unstarted jobs", async move || outcome::release(&store, &leases).await).await)
        })
        .await;
        Ok(released.ok().flatten().unwrap_or(0))
    }

    /// Nothing: the outcome is recorded where it is known in full, around the handler.
    async fn handle_events(&mut self, _: Vec<TaskEvent<()>>, _: &WorkerContext) -> Result<(), Infallible> {
        Ok(())
    }

    /// Nothing: jobs are made by the transactions that cause them, never through apalis.
    async fn push_tasks(&mut self, _: Vec<Task<Job>>) -> Result<(), Infallible> {
        Ok(())
    }
}

/// [`Source`] as apalis polls it.
pub(crate) struct QueueBackend(Persisted<Source>);

impl QueueBackend {
    pub(crate) fn new(source: Source) -> Self {
        Self(Persisted::new(source))
    }
}

impl Backend for QueueBackend {
    type Task = Task<Job>;
    type Error = Infallible;

    fn poll_ready(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx, worker, HEARTBEAT)
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Task<Job>, Infallible>>> {
        self.0.poll_next(cx, worker)
    }

    /// Lets a fetch under way end first (it does, as soon as it sees that the runtime drains), so
    /// that what it claims is given back with the rest.
    fn poll_close(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        while matches!(self.0.state(), State::Fetch(_)) {
            match self.0.poll_next(cx, worker) {
                Poll::Ready(Some(Ok(task))) => match self.0.state_mut() {
                    State::Buffered(buffer) => buffer.push_front(task),
                    state => *state = State::Buffered(VecDeque::from([task])),
                },
                Poll::Ready(_) => break,
                Poll::Pending if matches!(self.0.state(), State::Fetch(_)) => return Poll::Pending,
                // The fetch ended with nothing.
                Poll::Pending => break,
            }
        }
        self.0.poll_close(cx, worker)
    }
}

impl BackendConfig for QueueBackend {
    type Args = Job;
    type Id = String;
    /// Nothing to decode: jobs travel as they are, and their payload is read where a failure to
    /// read it can be recorded.
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
