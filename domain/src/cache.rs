//! Answers to shoppers that are kept for a while, so that reading an order again costs no
//! database; never the truth, and never older than a write that was acknowledged.

use async_trait::async_trait;
use souk_entity::id::OrderId;

use crate::cart::Owner;

/// What kept answers are about: all of a subject's answers are forgotten together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An order.
    Order(OrderId),
    /// The list of a shopper's orders.
    OrdersOf(Owner),
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whom it may be shown to; whoever reads it compares.
    pub owner: Owner,
    /// The version of what it shows, where that has one.
    pub version: Option<i64>,
    /// The answer's body.
    pub body: Vec<u8>,
}

/// The permission to keep what is read from the database from now on. It ends with the next change
/// of the subject, so what was read before that change is not kept after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(pub String);

/// What is known of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It is kept.
    Kept(Kept),
    /// It is not; what is read now may be kept with the ticket.
    Missing(Ticket),
    /// The cache is away, or behind: neither ask nor keep.
    Away,
}

/// Where answers are kept. Nothing here fails: without the cache, things are slower.
#[async_trait]
pub trait AnswerCache: Send + Sync {
    /// Looks for the answer of this name about a subject. Asked *before* the database is read.
    async fn find(&self, subject: &Subject, name: &str) -> Lookup;

    /// Keeps an answer that was read after [`AnswerCache::find`] had given the ticket; lost when the
    /// subject has changed since.
    async fn keep(&self, subject: &Subject, name: &str, ticket: Ticket, answer: &Kept);
}
