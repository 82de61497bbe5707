//! Message brokers that the log's events are told to, as CloudEvents: at least once, and each
//! order's in the order in which they happened. A broker that is away delays itself alone.

#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
pub mod redis_streams;

use souk_domain::port::PortError;

/// Nothing is known of what became of the events: they are told again.
fn away(error: impl std::fmt::Display) -> PortError {
    PortError::Unavailable(error.to_string())
}
