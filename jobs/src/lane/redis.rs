//! The lane through Redis: any number of API and worker processes.
//!
//! A list per kind holds ids and nothing else. Losing the list, or Redis, costs the time until
//! the next sweep.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::{AsyncCommands, AsyncConnectionConfig, Client, RedisResult};
use sea_orm::Iterable;
use souk_entity::id::JobId;
use souk_entity::status::JobKind;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::inbox::Inbox;

/// Ids waiting in this process to be pushed; what comes beyond is dropped.
const OUTBOX: usize = 10_000;
/// Ids pushed in one round trip.
const BATCH: usize = 512;
/// Ids kept in a list that is not taken from as fast: the newest, as the sweep begins with the
/// oldest. Few, because the sweep works off a backlog, and its ids are then stale.
const KEPT: isize = 1_000;
/// A push that takes longer has failed.
const PUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the server holds an empty pop; the connection itself is given up a while later.
const POP_WAIT: Duration = Duration::from_secs(5);
const POP_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between attempts to connect for popping.
const RECONNECT: Duration = Duration::from_millis(500);
/// Warnings about lost ids come at most this often.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// The sending half, and what is needed to listen.
pub(super) struct RedisLane {
    client: Client,
    prefix: String,
    outbox: mpsc::Sender<(JobKind, JobId)>,
    lost: Arc<AtomicU64>,
}

impl RedisLane {
    /// Starts the task that pushes; it ends with the last clone of the lane.
    pub(super) fn start(client: Client, namespace: &str) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PUSH_TIMEOUT))
            .set_response_timeout(Some(PUSH_TIMEOUT))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        let prefix = format!("souk:{namespace}:jobs");
        let (outbox, ids) = mpsc::channel(OUTBOX);
        let lost = Arc::new(AtomicU64::new(0));
        tokio::spawn(push(connection, prefix.clone(), ids, Arc::clone(&lost)));
        Ok(Self { client, prefix, outbox, lost })
    }

    pub(super) fn wake(&self, jobs: &[(JobKind, JobId)]) {
        for job in jobs {
            if self.outbox.try_send(*job).is_err() {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Starts the task that pops ids of `kind` into `inbox`, never more than it has room for, so
    /// that ids stay where another process can take them.
    pub(super) fn listen(&self, kind: JobKind, inbox: Arc<Inbox>) -> JoinHandle<()> {
        tokio::spawn(pop(self.client.clone(), self.prefix.clone(), kind, inbox))
    }
}

fn key(prefix: &str, kind: JobKind) -> String {
    format!("{prefix}:{kind}")
}

async fn push(
    mut connection: ConnectionManager,
    prefix: String,
    mut ids: mpsc::Receiver<(JobKind, JobId)>,
    lost: Arc<AtomicU64>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut quiet_until = Instant::now();
    while ids.recv_many(&mut batch, BATCH).await > 0 {
        let mut pipe = redis::pipe();
        for kind in JobKind::iter() {
            let ids: Vec<String> =
                batch.iter().filter(|(named, _)| *named == kind).map(|(_, id)| id.to_string()).collect();
            if !ids.is_empty() {
                let key = key(&prefix, kind);
                pipe.rpush(&key, ids).ignore().ltrim(&key, -KEPT, -1).ignore();
            }
        }
        let mut pushed: RedisResult<()> = pipe.query_async(&mut connection).await;
        if pushed.is_err() {
            // The first command after an outage hears of the outage; an id pushed twice does no harm.
            pushed = pipe.query_async(&mut connection).await;
        }
        if let Err(error) = &pushed {
            tracing::debug!(%error, ids = batch.len(), "pushing job ids to Redis failed");
            lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
        }
        batch.clear();
        if lost.load(Ordering::Relaxed) > 0 && Instant::now() >= quiet_until {
            let ids = lost.swap(0, Ordering::Relaxed);
            let error = pushed.err().map(|error| error.to_string());
            tracing::warn!(ids, error, "job ids did not reach Redis; the sweep will find their jobs");
            quiet_until = Instant::now() + WARN_EVERY;
        }
    }
}

async fn pop(client: Client, prefix: String, kind: JobKind, inbox: Arc<Inbox>) {
    let key = key(&prefix, kind);
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(PUSH_TIMEOUT)).set_response_timeout(Some(POP_TIMEOUT));
    let mut quiet_until = Instant::now();
    loop {
        // A connection of its own, because a blocking pop holds up everything behind it.
        let error = match client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => pop_until_error(connection, &key, kind, &inbox).await,
            Err(error) => error,
        };
        if Instant::now() >= quiet_until {
            tracing::warn!(%error, key, "popping job ids from Redis failed; until it is back the sweep finds the jobs");
            quiet_until = Instant::now() + WARN_EVERY;
        }
        sleep(RECONNECT).await;
    }
}

async fn pop_until_error(
    mut connection: MultiplexedConnection,
    key: &str,
    kind: JobKind,
    inbox: &Inbox,
) -> redis::RedisError {
    loop {
        let room = inbox.room(kind).await;
        let first: Option<(String, String)> = match connection.blpop(key, POP_WAIT.as_secs_f64()).await {
            Ok(popped) => popped,
            Err(error) => return error,
        };
        let Some((_, first)) = first else { continue };
        inbox.push(kind, parse(&first));
        if let Some(more) = std::num::NonZeroUsize::new(room - 1) {
            let more: Vec<String> = match connection.lpop(key, Some(more)).await {
                Ok(popped) => popped,
                Err(error) => return error,
            };
            inbox.push(kind, more.iter().filter_map(|id| parse(id)));
        }
    }
}

fn parse(id: &str) -> Option<JobId> {
    match Uuid::try_parse(id) {
        Ok(id) => Some(JobId(id)),
        Err(_) => {
            tracing::warn!(id, "something that is not a job id was in the Redis list; it is dropped");
            None
        }
    }
}
