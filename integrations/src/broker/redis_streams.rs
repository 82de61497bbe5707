//! Events to a Redis stream.

use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use souk_domain::event::Sink;
use souk_domain::event::cloud_event::{cloud_event, source};
use souk_domain::port::PortError;
use souk_entity::event;

use super::away;

/// Redis drops the oldest entries beyond about this many.
pub const KEPT: u32 = 1_000_000;

/// What a round trip may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Adds each event to `souk:{namespace}:events`, as the fields `type` and `event`, the CloudEvent.
pub struct RedisStream {
    connection: ConnectionManager,
    key: String,
    source: String,
}

impl RedisStream {
    /// Redis need not be there yet: the connection is made, and made again, as needed. Has to be
    /// called within a Tokio runtime.
    ///
    /// # Errors
    /// When the client's settings cannot be used.
    pub fn new(client: redis::Client, namespace: &str) -> Result<Self, redis::RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(Self { connection, key: format!("souk:{namespace}:events"), source: source(namespace) })
    }
}

#[async_trait]
impl Sink for RedisStream {
    fn name(&self) -> &'static str {
        "redis_stream"
    }

    async fn deliver(&self, events: &[event::Model]) -> Result<(), PortError> {
        let mut pipe = redis::pipe();
        for event in events {
            pipe.cmd("XADD")
                .arg(&self.key)
                .arg("MAXLEN")
                .arg("~")
                .arg(KEPT)
                .arg("*")
                .arg("type")
                .arg(&event.r#type)
                .arg("event")
                .arg(cloud_event(event, &self.source).to_string())
                .ignore();
        }
        pipe.query_async::<()>(&mut self.connection.clone()).await.map_err(away)
    }
}
