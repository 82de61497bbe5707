//! A connection to Redis for what can do without it: nobody waits for long, and after a failure nobody
//! waits at all for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult};
use tokio::time::timeout;

use crate::guard::{Breaker, Health, Limits, Permit};

/// To connect takes a little longer.
const CONNECT_LIMIT: Duration = Duration::from_millis(150);
/// After a failure nobody waits for Redis for this long.
const PAUSE: Duration = Duration::from_millis(500);

/// A connection, and how long it is waited for.
pub(crate) struct Line {
    /// To be cloned for each command.
    pub(crate) connection: ConnectionManager,
    limit: Duration,
    breaker: Mutex<Breaker>,
}

impl Line {
    /// A line on which every command has this long.
    ///
    /// # Errors
    /// When the client cannot be made; a Redis that is away is none.
    pub(crate) fn new(client: Client, limit: Duration) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Ord::max(limit, CONNECT_LIMIT)))
            .set_response_timeout(Some(limit))
            .set_number_of_retries(0);
        let limits = Limits { failures: 1, percent: 1, window: PAUSE, pause: PAUSE };
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(client, config)?,
            limit,
            breaker: Mutex::new(Breaker::new(limits)),
        })
    }

    /// Waits for a command unless Redis has just failed; `None` when nothing is known of it.
    pub(crate) async fn run<T>(&self, command: impl Future<Output = RedisResult<T>>) -> Option<T> {
        let mut turn =
            Turn { breaker: &self.breaker, permit: lock(&self.breaker).ask(Instant::now())?, health: Health::GivenUp };
        let (value, health) = match timeout(self.limit + CONNECT_LIMIT, command).await {
            Ok(Ok(value)) => (Some(value), Health::Answered),
            Ok(Err(error)) => {
                tracing::debug!(%error, "Redis does not answer");
                (None, Health::Failed)
            }
            Err(_) => (None, Health::Failed),
        };
        turn.health = health;
        value
    }
}

/// A command under way; reported when dropped, as the request that waits for it may be.
struct Turn<'a> {
    breaker: &'a Mutex<Breaker>,
    permit: Permit,
    health: Health,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.breaker).report(&self.permit, self.health, Instant::now());
    }
}

fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}
