//! Kept answers, in Redis or in this process, and what forgets them when orders change.
//!
//! After each commit, and before the writer is answered, the answers about the orders that changed
//! and the lists of their owners are forgotten. A process that cannot reach the cache then asks it
//! nothing until it has caught up. As a process may die between the two, the log's consumer
//! [`OrderCache`] forgets once more, from the events.

mod in_process;
mod redis;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use souk_domain::Store;
use souk_domain::cache::{AnswerCache, Kept, Lookup, Subject, Ticket};
use souk_domain::cart::Owner;
use souk_domain::event::Sink;
use souk_domain::port::PortError;
use souk_domain::store::{AfterCommit, Committed};
use souk_entity::id::{OrderId, UserId};
use souk_entity::{event, order};
use tokio::time::{sleep, timeout};

use in_process::InProcess;
use redis::InRedis;

/// Answers are kept for 10 to 30 minutes, so that what was kept together does not go together.
const SHORTEST: Duration = Duration::from_secs(10 * 60);
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Whose an order is does not change; so many are remembered.
const OWNERS: u64 = 100_000;
/// Reading whose orders are takes longer only when the database is in trouble.
const OWNERS_LIMIT: Duration = Duration::from_secs(2);
/// Between two attempts to catch up.
const CATCH_UP: Duration = Duration::from_millis(250);
/// So many orders are remembered while the cache is away; beyond that it is emptied afterwards.
const BACKLOG: usize = 100_000;

/// Where entries are.
#[async_trait]
trait Shelf: Send + Sync {
    /// As [`AnswerCache::find`].
    async fn find(&self, subject: &Subject, name: &str) -> Lookup;
    /// As [`AnswerCache::keep`].
    async fn keep(&self, subject: &Subject, name: &str, ticket: Ticket, answer: &Kept);
    /// Forgets all about subjects.
    async fn forget(&self, subjects: &[Subject]) -> Result<(), PortError>;
    /// Forgets everything.
    async fn clear(&self) -> Result<(), PortError>;
}

/// The answers about orders.
#[derive(Clone)]
pub struct OrderCache(Arc<Inner>);

struct Inner {
    shelf: Box<dyn Shelf>,
    store: Store,
    owners: moka::future::Cache<OrderId, Owner>,
    /// Orders whose change the shelf has not heard of.
    backlog: Mutex<Backlog>,
    /// Whether there are any.
    behind: AtomicBool,
}

#[derive(Default)]
struct Backlog {
    orders: HashSet<OrderId>,
    everything: bool,
}

impl OrderCache {
    /// Keeps answers in Redis, for all processes that name the same `namespace`.
    ///
    /// # Errors
    /// When the client cannot be made; a Redis that is away is none.
    pub fn in_redis(client: ::redis::Client, namespace: &str, store: Store) -> ::redis::RedisResult<Self> {
        let shelf = InRedis::new(client, namespace, store.vault().clone())?;
        Ok(Self::new(Box::new(shelf), store))
    }

    /// Keeps answers in this process: right only where it is the one that writes.
    pub fn in_process(store: Store) -> Self {
        Self::new(Box::new(InProcess::new()), store)
    }

    fn new(shelf: Box<dyn Shelf>, store: Store) -> Self {
        let owners = moka::future::Cache::new(OWNERS);
        Self(Arc::new(Inner { shelf, store, owners, backlog: Mutex::default(), behind: AtomicBool::new(false) }))
    }
}

impl Inner {
    async fn forget(&self, orders: &[OrderId]) -> Result<(), PortError> {
        let owners = match timeout(OWNERS_LIMIT, self.owners_of(orders)).await {
            Ok(owners) => owners.map_err(|error| PortError::Unavailable(error.to_string()))?,
            Err(_) => return Err(PortError::Unavailable("the database takes too long".into())),
        };
        let subjects: Vec<Subject> =
            orders.iter().copied().map(Subject::Order).chain(owners.into_iter().map(Subject::OrdersOf)).collect();
        self.shelf.forget(&subjects).await
    }

    async fn owners_of(&self, orders: &[OrderId]) -> Result<HashSet<Owner>, sea_orm::DbErr> {
        let (mut owners, mut unknown) = (HashSet::new(), Vec::new());
        for id in orders {
            match self.owners.get(id).await {
                Some(owner) => drop(owners.insert(owner)),
                None => unknown.push(*id),
            }
        }
        if unknown.is_empty() {
            return Ok(owners);
        }
        let rows: Vec<(OrderId, Option<UserId>, Option<String>)> = order::Entity::find()
            .select_only()
            .columns([order::Column::Id, order::Column::UserId, order::Column::GuestTokenHash])
            .filter(order::Column::Id.is_in(unknown))
            .into_tuple()
            .all(self.store.read())
            .await?;
        for (id, user, guest) in rows {
            let Some(owner) = user.map(Owner::User).or(guest.map(Owner::Guest)) else { continue };
            self.owners.insert(id, owner.clone()).await;
            owners.insert(owner);
        }
        Ok(owners)
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what could not be forgotten; `true` for the first, who has to catch up.
    fn fall_behind(&self, orders: &[OrderId]) -> bool {
        let mut backlog = self.backlog();
        backlog.orders.extend(orders);
        if backlog.orders.len() > BACKLOG {
            backlog.orders.clear();
            backlog.everything = true;
        }
        metrics::gauge!("cache_behind").set(1.0);
        !self.behind.swap(true, Ordering::SeqCst)
    }

    /// Tries until the shelf has heard of all that was remembered.
    async fn catch_up(&self) {
        loop {
            sleep(CATCH_UP).await;
            // Taken out and not only looked at: what changes again while the shelf is told is put
            // back by whoever changed it, and must not be struck off with what was told.
            let (told_of, everything) = {
                let mut backlog = self.backlog();
                let some: HashSet<OrderId> = backlog.orders.iter().copied().take(1_000).collect();
                backlog.orders.retain(|order| !some.contains(order));
                (some, std::mem::take(&mut backlog.everything))
            };
            let told = match everything {
                true => self.shelf.clear().await,
                false => self.forget(&told_of.iter().copied().collect::<Vec<_>>()).await,
            };
            let mut backlog = self.backlog();
            if let Err(error) = told {
                tracing::debug!(%error, "the cache is still away");
                backlog.orders.extend(told_of);
                backlog.everything |= everything;
                continue;
            }
            if backlog.orders.is_empty() && !backlog.everything {
                self.behind.store(false, Ordering::SeqCst);
                metrics::gauge!("cache_behind").set(0.0);
                tracing::info!("the cache has heard of all changes and is asked again");
                return;
            }
        }
    }
}

#[async_trait]
impl AnswerCache for OrderCache {
    async fn find(&self, subject: &Subject, name: &str) -> Lookup {
        let found = match self.0.behind.load(Ordering::SeqCst) {
            true => Lookup::Away,
            false => self.0.shelf.find(subject, name).await,
        };
        let outcome = match &found {
            Lookup::Kept(_) => "hit",
            Lookup::Missing(_) => "miss",
            Lookup::Away => "away",
        };
        metrics::counter!("cache_total", "outcome" => outcome).increment(1);
        found
    }

    async fn keep(&self, subject: &Subject, name: &str, ticket: Ticket, answer: &Kept) {
        self.0.shelf.keep(subject, name, ticket, answer).await;
    }
}

#[async_trait]
impl AfterCommit for OrderCache {
    async fn committed(&self, change: &Committed) {
        if change.orders.is_empty() {
            return;
        }
        let (inner, orders) = (Arc::clone(&self.0), change.orders.clone());
        // In a task of its own: the client of this request may hang up while it is awaited.
        let told = tokio::spawn(async move {
            let Err(error) = inner.forget(&orders).await else { return };
            if inner.fall_behind(&orders) {
                tracing::warn!(%error, "the cache cannot be told of changes and is not asked until it is");
                tokio::spawn(async move { inner.catch_up().await });
            }
        });
        if let Err(error) = told.await {
            tracing::error!(%error, "telling the cache of changes broke off");
        }
    }
}

#[async_trait]
impl Sink for OrderCache {
    fn name(&self) -> &'static str {
        "cache"
    }

    async fn deliver(&self, events: &[event::Model]) -> Result<(), PortError> {
        let orders: HashSet<OrderId> = events.iter().filter_map(|event| event.order_id).collect();
        if orders.is_empty() {
            return Ok(());
        }
        self.0.forget(&orders.into_iter().collect::<Vec<_>>()).await
    }
}

/// How long the next entry is kept.
fn lifetime() -> Duration {
    Duration::from_secs(rand::rng().random_range(SHORTEST.as_secs()..=LONGEST.as_secs()))
}

/// A subject in a key.
fn words(subject: &Subject) -> String {
    match subject {
        Subject::Order(id) => format!("order:{id}"),
        Subject::OrdersOf(owner) => format!("orders:{}", owner_words(owner)),
    }
}

fn owner_words(owner: &Owner) -> String {
    match owner {
        Owner::User(user) => format!("user:{user}"),
        Owner::Guest(hash) => format!("guest:{hash}"),
    }
}

#[cfg(test)]
mod tests;
