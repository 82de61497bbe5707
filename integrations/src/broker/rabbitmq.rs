//! Events to a RabbitMQ exchange.

use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use secrecy::{ExposeSecret, SecretString};
use souk_domain::event::Sink;
use souk_domain::event::cloud_event::{CONTENT_TYPE, cloud_event, source};
use souk_domain::port::PortError;
use souk_entity::event;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::away;

/// How long connecting may take.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);

/// A message that is kept on disk.
const PERSISTENT: u8 = 2;

/// Publishes each event to a durable topic exchange, with its type as the routing key, as a
/// persistent message; done when the broker has confirmed it. What no queue is bound for, the broker
/// drops.
pub struct RabbitMq {
    url: SecretString,
    exchange: String,
    source: String,
    /// Taken out while it is used: one that failed, or did not answer, is not used again.
    link: Mutex<Option<Link>>,
}

struct Link {
    channel: Channel,
    /// Closed when it is dropped.
    _connection: Connection,
}

impl RabbitMq {
    /// `url` is `amqp://` or `amqps://`; the broker need not be there yet.
    pub fn new(url: SecretString, exchange: &str, namespace: &str) -> Self {
        Self { url, exchange: exchange.to_owned(), source: source(namespace), link: Mutex::new(None) }
    }

    async fn connect(&self) -> Result<Link, lapin::Error> {
        let connection = Connection::connect(self.url.expose_secret(), ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let exchange = self.exchange.as_str().into();
        channel.exchange_declare(exchange, ExchangeKind::Topic, durable, FieldTable::default()).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Link { channel, _connection: connection })
    }

    async fn publish(&self, link: &Link, events: &[event::Model]) -> Result<(), PortError> {
        let mut confirmations = Vec::with_capacity(events.len());
        for event in events {
            let properties = BasicProperties::default()
                .with_delivery_mode(PERSISTENT)
                .with_content_type(CONTENT_TYPE.into())
                .with_message_id(event.id.to_string().into())
                .with_type(event.r#type.as_str().into());
            let payload = cloud_event(event, &self.source).to_string();
            let confirmation = link
                .channel
                .basic_publish(
                    self.exchange.as_str().into(),
                    event.r#type.as_str().into(),
                    BasicPublishOptions::default(),
                    payload.as_bytes(),
                    properties,
                )
                .await
                .map_err(away)?;
            confirmations.push(confirmation);
        }
        for confirmation in confirmations {
            if !confirmation.await.map_err(away)?.is_ack() {
                return Err(away("the broker could not keep an event"));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for RabbitMq {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    async fn deliver(&self, events: &[event::Model]) -> Result<(), PortError> {
        let mut kept = self.link.lock().await;
        let link = match kept.take() {
            Some(link) => link,
            None => timeout(CONNECTED_WITHIN, self.connect())
                .await
                .map_err(|_| away(format!("no connection within {CONNECTED_WITHIN:?}")))?
                .map_err(away)?,
        };
        self.publish(&link, events).await?;
        *kept = Some(link);
        Ok(())
    }
}
