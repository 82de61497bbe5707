//! The job rows of one queue as an apalis backend.
//!
//! apalis' own way of asking (fetch, buffer, run, acknowledge) is kept, with three differences.
//! No more is claimed than can start at once, so that no lease runs down in a buffer. Claims run
//! in tasks of their own, because apalis stops polling a fetch while it drains and a transaction
//! under way would keep SQLite's only writer. And nothing here returns an error, because an error
//! ends the worker: a database that is away is waited for.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{Backend, Task, TaskBuilder, TaskId, WorkerContext};
use apalis_core::backend::BackendConfig;
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::persistence::{Persisted, Persistence, State, TaskEvent};
use souk_domain::job::Lease;
use souk_domain::{Error, Result, Store};
use souk_entity::status::{JobKind, JobQueue};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tower::layer::util::Identity;

use crate::claim::{self, Claimed, Wanted};
use crate::lane::Ears;
use crate::outcome;
use crate::room::{Place, Room, kinds};
use crate::runtime::Phase;
use crate::worker::{insist, record_dead};

/// apalis asks for a sign of life this often; ours is the lease of each job, so it does nothing.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// The first pause after a storage error; doubled up to the second.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A claimed job with the place it runs in.
pub(crate) struct Job {
    pub claimed: Claimed,
    /// Free again when the job is dropped, which is after its outcome is recorded.
    _place: Place,
}

/// Where the worker of one queue gets its jobs; clones are the same source.
#[derive(Clone)]
pub(crate) struct Source(Arc<Inner>);

struct Inner {
    queue: JobQueue,
    kinds: Vec<JobKind>,
    store: Store,
    ears: Ears,
    room: Arc<Room>,
    sweep_interval: Duration,
    known: Mutex<Known>,
    phase: watch::Receiver<Phase>,
}

/// What is known of the rows.
struct Known {
    /// When to look at them again.
    next_sweep: Instant,
    /// Kinds of which more may be due than was found; they are looked for as soon as one may start.
    backlog: BTreeSet<JobKind>,
}

impl Source {
    pub(crate) fn new(
        queue: JobQueue,
        store: Store,
        ears: Ears,
        room: Arc<Room>,
        sweep_interval: Duration,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let known = Mutex::new(Known { next_sweep: Instant::now(), backlog: BTreeSet::new() });
        Self(Arc::new(Inner { queue, kinds: kinds(queue), store, ears, room, sweep_interval, known, phase }))
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
            if *self.phase.borrow() >= Phase::Draining {
                return Vec::new();
            }
            match self.look().await {
                Ok(Some(jobs)) if jobs.is_empty() => pause = PAUSE,
                Ok(Some(jobs)) => return jobs,
                Ok(None) => {
                    let next_sweep = self.known().next_sweep;
                    // What arrived or left since it was looked at has left its mark, so that none
                    // of these waits for something that has been already.
                    tokio::select! {
                        biased;
                        () = self.draining() => return Vec::new(),
                        () = sleep_until(next_sweep) => {}
                        () = self.ears.arrived() => {}
                        () = self.room.left() => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(queue = %self.queue, %error, source = ?error.source, "claiming jobs failed, trying again");
                    // Whatever was announced in the meantime is best looked for in the rows.
                    self.known().next_sweep = Instant::now();
                    tokio::select! {
                        () = self.draining() => return Vec::new(),
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Claims what may start; `None` when there is nothing to be claimed that is known of.
    async fn look(&self) -> Result<Option<Vec<Job>>> {
        let waiting = self.ears.waiting();
        let free = self.room.free();
        let open = free.open();
        if self.known().next_sweep <= Instant::now() {
            self.sweep(&open).await?;
        }
        let (wanted, places) = {
            let known = self.known();
            let mut places = free;
            let mut wanted = Wanted::default();
            for kind in waiting.into_iter().filter(|kind| !known.backlog.contains(kind)) {
                let ids = self.ears.take(kind, places.of(kind));
                places.take(kind, ids.len());
                wanted.ids.extend(ids);
            }
            for kind in open.into_iter().filter(|kind| known.backlog.contains(kind)) {
                let limit = places.of(kind);
                if limit > 0 {
                    // Their rows were committed before they were announced, so the rows that are
                    // looked for now have them, or the kind stays in the backlog.
                    self.ears.forget(kind);
                    wanted.probes.push((kind, limit));
                }
            }
            (wanted, places)
        };
        if wanted.ids.is_empty() && wanted.probes.is_empty() {
            return Ok(None);
        }
        let store = self.store.clone();
        let caught = detached(async move { claim::claim(&store, &wanted, &places).await }).await?;
        for kind in caught.dead {
            tracing::error!(queue = %self.queue, %kind, "a job is dead: the lease of its last allowed claim ended without an outcome");
            record_dead(kind);
        }
        let mut known = self.known();
        for kind in &caught.exhausted {
            known.backlog.remove(kind);
        }
        drop(known);
        let seat = |claimed: Claimed| Job { _place: self.room.enter(claimed.kind), claimed };
        Ok(Some(caught.claimed.into_iter().map(seat).collect()))
    }

    /// Asks the rows when jobs are due that nobody announced. A read: an idle queue costs no write
    /// transaction.
    async fn sweep(&self, open: &[JobKind]) -> Result<()> {
        let next = claim::next_due(&self.store, open).await?;
        let now = self.store.now();
        let mut wait = self.sweep_interval;
        let mut known = self.known();
        for (kind, at) in next {
            match (at - now).to_std() {
                // A job known to be due soon is met in time.
                Ok(ahead) if !ahead.is_zero() => wait = wait.min(ahead),
                _ => {
                    known.backlog.insert(kind);
                }
            }
        }
        // Kinds that may not start are looked for once they may.
        known.backlog.extend(self.kinds.iter().filter(|kind| !open.contains(kind)));
        known.next_sweep = Instant::now() + wait;
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn draining(&self) {
        Phase::Draining.reached(self.phase.clone()).await;
    }
}

/// Runs `work` to its end even when nobody polls the caller.
async fn detached<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(work).await.map_err(Error::internal)?
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
