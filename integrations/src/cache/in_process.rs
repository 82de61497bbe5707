//! Entries in the memory of the one process that there is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moka::Expiry;
use moka::future::Cache;
use souk_domain::cache::{Kept, Lookup, Subject, Ticket};
use souk_domain::port::PortError;

use super::{Shelf, lifetime, words};

/// The bodies of all entries together, in bytes.
const ROOM: u64 = 64 * 1024 * 1024;
/// Subjects known at once.
const SUBJECTS: u64 = 200_000;

/// An entry counts only while its subject has the ticket that it was kept with: forgetting a
/// subject is forgetting its ticket, and what is kept with an old one is never found.
pub(super) struct InProcess {
    tickets: Cache<String, Ticket>,
    entries: Cache<String, Arc<Entry>>,
}

struct Entry {
    ticket: Ticket,
    answer: Kept,
    lifetime: Duration,
}

struct Lifetimes;

impl Expiry<String, Arc<Entry>> for Lifetimes {
    fn expire_after_create(&self, _: &String, entry: &Arc<Entry>, _: Instant) -> Option<Duration> {
        Some(entry.lifetime)
    }

    fn expire_after_update(&self, _: &String, entry: &Arc<Entry>, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.lifetime)
    }
}

impl InProcess {
    pub(super) fn new() -> Self {
        let weight = |key: &String, entry: &Arc<Entry>| {
            u32::try_from(key.len() + entry.answer.body.len() + 200).unwrap_or(u32::MAX)
        };
        Self {
            tickets: Cache::new(SUBJECTS),
            entries: Cache::builder().max_capacity(ROOM).weigher(weight).expire_after(Lifetimes).build(),
        }
    }
}

fn key(subject: &Subject, name: &str) -> String {
    format!("{}/{name}", words(subject))
}

#[async_trait]
impl Shelf for InProcess {
    async fn find(&self, subject: &Subject, name: &str) -> Lookup {
        let fresh = async { Ticket(uuid::Uuid::new_v4().to_string()) };
        let ticket = self.tickets.get_with(words(subject), fresh).await;
        match self.entries.get(&key(subject, name)).await {
            Some(entry) if entry.ticket == ticket => Lookup::Kept(entry.answer.clone()),
            _ => Lookup::Missing(ticket),
        }
    }

    async fn keep(&self, subject: &Subject, name: &str, ticket: Ticket, answer: &Kept) {
        let entry = Entry { ticket, answer: answer.clone(), lifetime: lifetime() };
        self.entries.insert(key(subject, name), Arc::new(entry)).await;
    }

    async fn forget(&self, subjects: &[Subject]) -> Result<(), PortError> {
        for subject in subjects {
            self.tickets.invalidate(&words(subject)).await;
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), PortError> {
        self.tickets.invalidate_all();
        self.entries.invalidate_all();
        Ok(())
    }
}
