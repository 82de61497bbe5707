//! Events to a Kafka topic.

use std::time::Duration;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use souk_domain::event::Sink;
use souk_domain::event::cloud_event::{CONTENT_TYPE, cloud_event, key, source};
use souk_domain::port::PortError;
use souk_entity::event;
use tokio::sync::Mutex;

use super::away;

/// How long the brokers may take to confirm an event.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(8);

/// Sends each event to one topic, keyed by its order or else its thing, so that a partition has
/// those of one order in their order. The producer is idempotent: its own repetitions are not seen.
///
/// Without TLS and passwords: librdkafka is built without OpenSSL.
pub struct Kafka {
    config: ClientConfig,
    topic: String,
    source: String,
    /// Taken out while it is used: one that failed is not used again, so that nothing it still
    /// holds is sent later.
    producer: Mutex<Option<FutureProducer>>,
}

impl Kafka {
    /// `brokers` are addresses, comma-separated; they need not be there yet.
    ///
    /// # Errors
    /// When librdkafka refuses the settings.
    pub fn new(brokers: &str, topic: &str, namespace: &str) -> Result<Self, KafkaError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("client.id", "souk")
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("message.timeout.ms", CONFIRMED_WITHIN.as_millis().to_string());
        let producer: FutureProducer = config.create()?;
        let source = source(namespace);
        Ok(Self { config, topic: topic.to_owned(), source, producer: Mutex::new(Some(producer)) })
    }

    async fn send(&self, producer: &FutureProducer, events: &[event::Model]) -> Result<(), KafkaError> {
        let mut confirmations = Vec::with_capacity(events.len());
        for event in events {
            let (key, payload) = (key(event).to_string(), cloud_event(event, &self.source).to_string());
            let headers = OwnedHeaders::new().insert(Header { key: "content-type", value: Some(CONTENT_TYPE) });
            let record = FutureRecord::to(&self.topic).key(&key).payload(&payload).headers(headers);
            confirmations.push(producer.send_result(record).map_err(|(error, _)| error)?);
        }
        for confirmation in confirmations {
            // Cancelled is a producer that was dropped before it knew.
            confirmation.await.map_err(|_| KafkaError::Canceled)?.map_err(|(error, _)| error)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    async fn deliver(&self, events: &[event::Model]) -> Result<(), PortError> {
        let mut kept = self.producer.lock().await;
        let producer = match kept.take() {
            Some(producer) => producer,
            None => self.config.create().map_err(away)?,
        };
        match self.send(&producer, events).await {
            Ok(()) => {
                *kept = Some(producer);
                Ok(())
            }
            Err(error) => {
                // Its end throws away what is queued, and may take a moment.
                tokio::task::spawn_blocking(move || drop(producer));
                Err(away(error))
            }
        }
    }
}
