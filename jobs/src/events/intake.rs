//! Payment events of other systems, read from a Redis stream into the inbox.
//!
//! The stream is `souk:{namespace}:payments`; each entry's field `event` is a CloudEvent. What is
//! stored is acknowledged after the commit, and stored once however often it comes. What cannot be
//! read goes to `souk:{namespace}:payments:dead` with the reason.

use std::collections::HashMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Value};
use souk_domain::event::cloud_event::PaymentNews;
use souk_domain::{Result, Store, inbox};
use souk_entity::status::InboxSource;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Workers share one group, and one name in it: the server hands each entry to one of them, and
/// what one of them left is claimed by how long it has been idle.
const GROUP: &str = "souk";
/// Entries read at once.
const BATCH: usize = 100;
/// How long the server holds a read of an empty stream, and for how long the connection waits.
const WAIT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// An entry that was handed out so long ago was left by a worker that died.
const LEFT: Duration = Duration::from_secs(60);
/// Between two looks for such entries.
const CLAIM_EVERY: Duration = Duration::from_secs(30);
/// Pause after a failure of Redis or the database.
const AGAIN: Duration = Duration::from_secs(1);
/// Unreadable entries that are kept, about.
const DEAD_KEPT: u32 = 10_000;

/// An entry: its id, and its fields unless it was deleted since.
type Entry = (String, Option<HashMap<String, Vec<u8>>>);

pub(super) struct Intake {
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) namespace: String,
}

impl Intake {
    /// Runs until `stop`; what was not acknowledged comes again.
    pub(super) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = self.work() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn work(&self) {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let mut failing = false;
        loop {
            // A connection of its own, because a read that waits holds up everything behind it.
            let error = match self.client.get_multiplexed_async_connection_with_config(&config).await {
                Ok(mut connection) => {
                    let Err(error) = self.read_until_error(&mut connection, &mut failing).await;
                    error
                }
                Err(error) => error,
            };
            // A wiped Redis has lost the group, which is made anew with the next connection.
            if !failing && error.code() != Some("NOGROUP") {
                tracing::warn!(%error, "payment events cannot be read from Redis; trying on");
                failing = true;
            }
            sleep(AGAIN).await;
        }
    }

    fn key(&self) -> String {
        format!("souk:{}:payments", self.namespace)
    }

    async fn read_until_error(
        &self,
        connection: &mut MultiplexedConnection,
        failing: &mut bool,
    ) -> RedisResult<std::convert::Infallible> {
        self.ensure_group(connection).await?;
        let mut claimed: Option<Instant> = None;
        loop {
            if claimed.is_none_or(|at| at.elapsed() >= CLAIM_EVERY) {
                self.claim(connection).await?;
                claimed = Some(Instant::now());
            }
            let read: Option<Vec<(String, Vec<Entry>)>> = redis::cmd("XREADGROUP")
                .arg(&["GROUP", GROUP, GROUP, "COUNT"])
                .arg(BATCH)
                .arg("BLOCK")
                .arg(u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX))
                .arg("STREAMS")
                .arg(self.key())
                .arg(">")
                .query_async(connection)
                .await?;
            *failing = false;
            for (_, entries) in read.unwrap_or_default() {
                self.take(connection, entries).await?;
            }
        }
    }

    /// From the first entry on: what was stored before is not stored again.
    async fn ensure_group(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let made: RedisResult<()> = redis::cmd("XGROUP")
            .arg("CREATE")
            .arg(self.key())
            .arg(&[GROUP, "0", "MKSTREAM"])
            .query_async(connection)
            .await;
        match made {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            other => other,
        }
    }

    /// Takes what dead workers left.
    async fn claim(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let mut cursor = "0-0".to_owned();
        loop {
            // Redis 7 tells of deleted entries in a third part; Redis 6.2 has none, and nothing in the
            // place of such an entry.
            let (next, entries): (String, Vec<Option<Entry>>) = match redis::cmd("XAUTOCLAIM")
                .arg(self.key())
                .arg(&[GROUP, GROUP])
                .arg(u64::try_from(LEFT.as_millis()).unwrap_or(u64::MAX))
                .arg(&cursor)
                .arg("COUNT")
                .arg(BATCH)
                .query_async(connection)
                .await?
            {
                Value::Array(mut parts) => {
                    parts.truncate(2);
                    redis::from_redis_value(Value::Array(parts))?
                }
                other => redis::from_redis_value(other)?,
            };
            self.take(connection, entries.into_iter().flatten().collect()).await?;
            if next == "0-0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Stores what can be read and sets aside what cannot, then acknowledges all of it.
    async fn take(&self, connection: &mut MultiplexedConnection, entries: Vec<Entry>) -> RedisResult<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut ids = Vec::with_capacity(entries.len());
        let mut news = Vec::new();
        let mut set_aside = redis::pipe();
        set_aside.atomic();
        for (id, fields) in entries {
            if let Some(mut fields) = fields {
                let body = fields.remove("event").unwrap_or_default();
                match PaymentNews::read(&body) {
                    Ok(read) => news.push((read, body)),
                    Err(reason) => {
                        tracing::warn!(id, reason, "a payment event cannot be read; it is set aside");
                        let key = format!("{}:dead", self.key());
                        set_aside.cmd("XADD").arg(key).arg("MAXLEN").arg("~").arg(DEAD_KEPT).arg("*");
                        set_aside.arg("id").arg(&id).arg("reason").arg(reason).arg("event").arg(body).ignore();
                    }
                }
            }
            ids.push(id);
        }
        self.store_all(&news).await;
        set_aside.cmd("XACK").arg(self.key()).arg(GROUP).arg(&ids).ignore();
        set_aside.query_async(connection).await
    }

    /// Stores them, however long the database is away; should another worker claim them meanwhile,
    /// they are stored once all the same.
    async fn store_all(&self, news: &[(PaymentNews, Vec<u8>)]) {
        if news.is_empty() {
            return;
        }
        let mut failing = false;
        while let Err(error) = self.try_store(news).await {
            if !failing {
                tracing::warn!(%error, source = ?error.source, "payment events cannot be stored; trying on");
                failing = true;
            }
            sleep(AGAIN).await;
        }
    }

    async fn try_store(&self, news: &[(PaymentNews, Vec<u8>)]) -> Result<()> {
        self.store
            .write(async |tx| {
                for (read, body) in news {
                    inbox::receive(&tx, InboxSource::Stream, &read.provider, &read.id, body).await?;
                }
                Ok(())
            })
            .await
    }
}
