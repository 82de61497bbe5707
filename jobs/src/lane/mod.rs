//! How ids of due jobs get from the commit that made them to an idle worker.
//!
//! A lane carries ids only and may lose them: the job rows are the truth and the sweep reads them.

mod in_process;
mod inbox;
mod redis;

use std::sync::Arc;

use souk_domain::store::Wake;
use souk_entity::id::JobId;
use souk_entity::status::JobQueue;
use tokio::task::JoinHandle;

use self::in_process::InProcess;
use self::inbox::Inbox;
use self::redis::RedisLane;

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
    /// `souk:{namespace}:jobs:{queue}`; Redis 6.2 or later.
    ///
    /// Redis need not be there yet: the connection is made, and made again, as needed. Has to be
    /// called within a Tokio runtime.
    ///
    /// # Errors
    /// When the client's settings cannot be used.
    pub fn redis(client: ::redis::Client, namespace: &str) -> Result<Self, ::redis::RedisError> {
        Ok(Self(Kind::Redis(Arc::new(RedisLane::start(client, namespace)?))))
    }

    /// The end where ids of `queue` come out. `ahead` ids may wait there unclaimed; of the
    /// in-process lane any number.
    pub(crate) fn listen(&self, queue: JobQueue, ahead: usize) -> Ears {
        match &self.0 {
            Kind::InProcess(lane) => Ears { inbox: lane.inbox(queue), task: None },
            Kind::Redis(lane) => {
                let inbox = Arc::new(Inbox::new(ahead.max(1)));
                let task = lane.listen(queue, Arc::clone(&inbox));
                Ears { inbox, task: Some(task) }
            }
        }
    }
}

impl Wake for Lane {
    fn wake(&self, jobs: &[(JobQueue, JobId)]) {
        match &self.0 {
            Kind::InProcess(lane) => lane.wake(jobs),
            Kind::Redis(lane) => lane.wake(jobs),
        }
    }
}

/// Where a worker hears of due jobs.
pub(crate) struct Ears {
    inbox: Arc<Inbox>,
    task: Option<JoinHandle<()>>,
}

impl Ears {
    /// Waits until an id is there; another worker of this process may still be quicker to take it.
    pub(crate) async fn ready(&self) {
        self.inbox.ready().await;
    }

    /// Takes at most `limit` ids.
    pub(crate) fn take(&self, limit: usize) -> Vec<JobId> {
        self.inbox.pop(limit)
    }

    /// Takes no more ids from other processes.
    pub(crate) fn close(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.close();
    }
}
