//! How ids of due jobs get from the commit that made them to an idle worker.
//!
//! A lane carries ids only and may lose them: the job rows are the truth and the sweep reads them.

mod in_process;
mod inbox;
mod redis;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use souk_domain::store::Wake;
use souk_entity::id::JobId;
use souk_entity::status::{JobKind, JobQueue};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::in_process::InProcess;
use self::inbox::Inbox;
use self::redis::RedisLane;
use crate::room::kinds;

/// The way of job ids to the workers; give one end to the store and the other to the runtime.
#[derive(Clone)]
pub struct Lane(Kind);

#[derive(Clone)]
enum Kind {
    InProcess(Arc<InProcess>),
    Redis(Arc<RedisLane>),
}

impl Lane {
    /// A lane within this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self(Kind::InProcess(Arc::new(InProcess::new())))
    }

    /// A lane that all processes with the same Redis and `namespace` share; `namespace` tells
    /// deployments apart (environment and database). The lists are
    /// `souk:{namespace}:jobs:{kind}`; Redis 6.2 or later.
    ///
    /// Redis need not be there yet: the connection is made, and made again, as needed. Has to be
    /// called within a Tokio runtime.
    ///
    /// # Errors
    /// When the client's settings cannot be used.
    pub fn redis(client: ::redis::Client, namespace: &str) -> Result<Self, ::redis::RedisError> {
        Ok(Self(Kind::Redis(Arc::new(RedisLane::start(client, namespace)?))))
    }

    /// The end where ids of `queue` come out. Of each kind `ahead` ids may wait there unclaimed; of
    /// the in-process lane as many as it keeps.
    pub(crate) fn listen(&self, queue: JobQueue, ahead: usize) -> Ears {
        let (inbox, tasks) = match &self.0 {
            Kind::InProcess(lane) => (lane.inbox(queue), Vec::new()),
            Kind::Redis(lane) => {
                let kinds = kinds(queue);
                let inbox = Arc::new(Inbox::new(&kinds, ahead.max(1)));
                let tasks = kinds.into_iter().map(|kind| lane.listen(kind, Arc::clone(&inbox))).collect();
                (inbox, tasks)
            }
        };
        let arrivals = Mutex::new(inbox.arrivals());
        Ears { inbox, arrivals, tasks }
    }
}

impl Wake for Lane {
    fn wake(&self, jobs: &[(JobKind, JobId)]) {
        match &self.0 {
            Kind::InProcess(lane) => lane.wake(jobs),
            Kind::Redis(lane) => lane.wake(jobs),
        }
    }
}

/// Where a worker hears of due jobs.
pub(crate) struct Ears {
    inbox: Arc<Inbox>,
    arrivals: Mutex<watch::Receiver<u64>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Ears {
    /// Waits until an id has arrived since the last [`Ears::waiting`].
    pub(crate) async fn arrived(&self) {
        let mut arrivals = self.arrivals().clone();
        if arrivals.changed().await.is_err() {
            // Nobody is left who could push.
            std::future::pending::<()>().await;
        }
    }

    /// The kinds that ids are waiting of; another worker of this process may still be quicker.
    pub(crate) fn waiting(&self) -> Vec<JobKind> {
        // Seen first: what arrives after this is heard of again.
        self.arrivals().mark_unchanged();
        self.inbox.waiting()
    }

    /// Takes at most `limit` ids of `kind`.
    pub(crate) fn take(&self, kind: JobKind, limit: usize) -> Vec<JobId> {
        self.inbox.pop(kind, limit)
    }

    /// Forgets the ids of `kind`, whose rows are about to be looked for.
    pub(crate) fn forget(&self, kind: JobKind) {
        self.inbox.pop(kind, usize::MAX);
    }

    /// Takes no more ids from other processes.
    pub(crate) fn close(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }

    fn arrivals(&self) -> MutexGuard<'_, watch::Receiver<u64>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.close();
    }
}
