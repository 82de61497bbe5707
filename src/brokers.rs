//! The message brokers that events are told to, as the settings name them.

use std::sync::Arc;

use souk_domain::event::Sink;
use souk_integrations::broker::redis_streams::RedisStream;

use crate::command::Failure;
use crate::config::BrokerSettings;

/// A sink for each broker of the settings; `namespace` tells installations apart that share one.
///
/// # Errors
/// [`Failure::Usage`] for a broker that this build knows nothing of, or whose settings are refused.
pub fn sinks(
    settings: &BrokerSettings,
    redis: Option<&redis::Client>,
    namespace: &str,
) -> Result<Vec<Arc<dyn Sink>>, Failure> {
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    if let Some(client) = redis.filter(|_| settings.redis_stream) {
        let stream = RedisStream::new(client.clone(), namespace)
            .map_err(|error| Failure::Failed(format!("REDIS_URL: {error}")))?;
        sinks.push(Arc::new(stream));
    }
    if let Some(brokers) = &settings.kafka_brokers {
        sinks.push(kafka(brokers, &settings.kafka_topic, namespace)?);
    }
    if let Some(url) = &settings.rabbitmq_url {
        sinks.push(rabbitmq(url, &settings.rabbitmq_exchange, namespace)?);
    }
    Ok(sinks)
}

#[cfg(feature = "kafka")]
fn kafka(brokers: &str, topic: &str, namespace: &str) -> Result<Arc<dyn Sink>, Failure> {
    let kafka = souk_integrations::broker::kafka::Kafka::new(brokers, topic, namespace)
        .map_err(|error| Failure::Usage(format!("SOUK_KAFKA_BROKERS: {error}.")))?;
    Ok(Arc::new(kafka))
}

#[cfg(not(feature = "kafka"))]
fn kafka(_: &str, _: &str, _: &str) -> Result<Arc<dyn Sink>, Failure> {
    Err(needs("SOUK_KAFKA_BROKERS", "kafka"))
}

#[cfg(feature = "rabbitmq")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn rabbitmq(url: &secrecy::SecretString, exchange: &str, namespace: &str) -> Result<Arc<dyn Sink>, Failure> {
    Ok(Arc::new(souk_integrations::broker::rabbitmq::RabbitMq::new(url.clone(), exchange, namespace)))
}

#[cfg(not(feature = "rabbitmq"))]
fn rabbitmq(_: &secrecy::SecretString, _: &str, _: &str) -> Result<Arc<dyn Sink>, Failure> {
    Err(needs("SOUK_RABBITMQ_URL", "rabbitmq"))
}

/// A setting for which this build lacks the code.
#[cfg(not(all(feature = "kafka", feature = "rabbitmq")))]
fn needs(setting: &str, feature: &str) -> Failure {
    Failure::Usage(format!("{setting}: this build has no {feature}; build souk with `--features {feature}`."))
}
