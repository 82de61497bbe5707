//! The domain log as an outbox: events are numbered after their commit, and consumers read them
//! in that order, each from its own position.

pub mod cloud_event;
pub mod consumer;
pub mod numbering;

use async_trait::async_trait;
use souk_entity::event;

use crate::error::Result;
use crate::port::PortError;
use crate::store::Tx;

/// A consumer whose effect is rows of ours: it commits with the position, so each event has its
/// effect once.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Its name, by which its position is kept; never changed.
    fn name(&self) -> &'static str;

    /// Writes what follows from `events`, which are in the order of the log.
    ///
    /// # Errors
    /// Any error: nothing is kept, and the same events come again.
    async fn take(&self, tx: &Tx, events: &[event::Model]) -> Result<()>;
}

/// A consumer whose effect is outside: an event may reach it more than once, with the same id.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Its name, by which its position is kept; never changed.
    fn name(&self) -> &'static str;

    /// Hands `events` over, which are in the order of the log.
    ///
    /// # Errors
    /// Any error: the same events come again.
    async fn deliver(&self, events: &[event::Model]) -> std::result::Result<(), PortError>;
}
