//! The databases, and the one way to write to them.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rand::Rng;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use souk_entity::id::{JobId, OrderId};
use souk_entity::status::JobKind;

use crate::audit::{self, Trail};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::failpoint;
use crate::vault::Vault;

/// Tells workers of jobs whose transaction has committed.
///
/// A nudge, not a promise: it must return at once and may lose ids, because the sweep over the
/// job rows finds what it loses.
pub trait Wake: Send + Sync + 'static {
    /// Names jobs that are due now.
    fn wake(&self, jobs: &[(JobKind, JobId)]);
}

/// What a committed transaction changed, beyond its jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Orders of which something changed, their parts, parcels, payments, refunds and returns
    /// included; each once.
    pub orders: Vec<OrderId>,
    /// Whether there are new events in the log.
    pub events: bool,
}

/// Hears of each commit before the caller goes on: what keeps caches from being stale for the one
/// who wrote.
#[async_trait]
pub trait AfterCommit: Send + Sync + 'static {
    /// Must return soon, whatever is away.
    async fn committed(&self, change: &Committed);
}

/// Nobody is told; the sweep finds the jobs.
pub struct NoWake;

impl Wake for NoWake {
    fn wake(&self, _: &[(JobKind, JobId)]) {}
}

/// The database with its clock, shared by every request and job.
#[derive(Clone)]
pub struct Store {
    write: DatabaseConnection,
    read: DatabaseConnection,
    clock: Clock,
    wake: Arc<dyn Wake>,
    after_commit: Vec<Arc<dyn AfterCommit>>,
    vault: Vault,
    /// SQLite: empties the write-ahead log.
    log: Option<DatabaseConnection>,
}

/// A whole transaction is repeated at most this often when the database says that it collided.
const ATTEMPTS: u32 = 5;

impl Store {
    /// `write` and `read` may be the same pool; on SQLite `write` has one connection, because
    /// SQLite has one writer and queueing in the pool is fairer than its busy timeout.
    pub fn new(
        write: DatabaseConnection,
        read: DatabaseConnection,
        clock: Clock,
        wake: Arc<dyn Wake>,
        vault: Vault,
    ) -> Self {
        Self { write, read, clock, wake, after_commit: Vec::new(), vault, log: None }
    }

    /// The same databases with other ears for committed jobs.
    #[must_use]
    pub fn with_wake(&self, wake: Arc<dyn Wake>) -> Self {
        Self { wake, ..self.clone() }
    }

    /// The same databases, with one more who hears of commits.
    #[must_use]
    pub fn with_after_commit(&self, listener: Arc<dyn AfterCommit>) -> Self {
        let mut store = self.clone();
        store.after_commit.push(listener);
        store
    }

    /// The same databases, with a connection of its own that empties SQLite's write-ahead log.
    #[must_use]
    pub fn with_log(&self, log: Option<DatabaseConnection>) -> Self {
        Self { log, ..self.clone() }
    }

    /// Empties SQLite's write-ahead log, which otherwise keeps what was overwritten until it comes round.
    /// Whoever reads or writes at the moment may be in the way; then it is left to the next time. Nothing
    /// on PostgreSQL.
    pub async fn empty_log(&self) {
        let Some(log) = &self.log else { return };
        let statement = Statement::from_string(log.get_database_backend(), "PRAGMA wal_checkpoint(TRUNCATE)");
        match log.query_one_raw(statement).await.map(|row| row.map(|row| row.try_get_by_index::<i32>(0))) {
            Ok(Some(Ok(0))) => {}
            told => tracing::warn!(?told, "the write-ahead log is not emptied yet; the clean-up tries again"),
        }
    }

    /// For reading outside a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What opens and seals the personal data that is stored here.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Which database this is.
    pub fn backend(&self) -> DatabaseBackend {
        self.write.get_database_backend()
    }

    /// Runs `work` in one transaction and commits it; on any error nothing is written.
    ///
    /// When the database reports a collision (deadlock, serialization, busy), the whole of `work`
    /// runs again, so it must not have effects outside the transaction. Jobs enqueued by it are
    /// announced after the commit.
    ///
    /// When a privileged caller acts (see [`audit`]), the last that the transaction writes is an
    /// audit entry of what it has changed.
    ///
    /// The transaction is handed over in an [`Arc`] and not by reference, because a closure over a
    /// reference of any lifetime makes futures that the compiler cannot show to be `Send`; `work`
    /// must not keep it.
    ///
    /// # Errors
    /// What `work` returned, or the database's error.
    pub async fn write<T, F, W>(&self, work: F) -> Result<T>
    where
        F: Fn(Arc<Tx>) -> W,
        W: Future<Output = Result<T>>,
    {
        let mut attempt = 1;
        loop {
            match self.attempt(&work).await {
                Err(error) if error.code == Code::ConcurrentChange && attempt < ATTEMPTS => {
                    tracing::debug!(attempt, %error, "transaction collided, repeating it");
                    let pause = rand::rng().random_range(1..=(5 << attempt));
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn attempt<T, F, W>(&self, work: &F) -> Result<T>
    where
        F: Fn(Arc<Tx>) -> W,
        W: Future<Output = Result<T>>,
    {
        let conn = self
            .write
            .begin_with_options(TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..Default::default()
            })
            .await?;
        let tx = Arc::new(Tx::new(conn, self.clock.now(), self.vault.clone()));
        let outcome = work(tx.clone()).await;
        let tx =
            Arc::into_inner(tx).ok_or_else(|| Error::internal("a transaction outlived the work it was made for"))?;
        let outcome = match outcome {
            Ok(value) => tx.enter().await.map(|()| value),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(value) => {
                let woken = tx.woken.into_inner().unwrap_or_else(PoisonError::into_inner);
                let change = tx.change.into_inner().unwrap_or_else(PoisonError::into_inner);
                failpoint::reach("commit");
                tx.conn.commit().await?;
                failpoint::reach("committed");
                if !woken.is_empty() {
                    self.wake.wake(&woken);
                }
                if tx.destroyed.into_inner() {
                    self.empty_log().await;
                }
                if change != Committed::default() {
                    for listener in &self.after_commit {
                        listener.committed(&change).await;
                    }
                }
                Ok(value)
            }
            Err(error) => {
                // A failed rollback leaves a connection that the pool throws away; the error that
                // matters is the one that brought us here.
                if let Err(rollback) = tx.conn.rollback().await {
                    tracing::warn!(%rollback, "rollback failed");
                }
                Err(error)
            }
        }
    }
}

/// A transaction under way, with the one instant all its rows carry.
pub struct Tx {
    conn: DatabaseTransaction,
    /// The instant of everything written in this transaction.
    pub now: DateTime<Utc>,
    vault: Vault,
    woken: Mutex<Vec<(JobKind, JobId)>>,
    change: Mutex<Committed>,
    trail: Mutex<Trail>,
    destroyed: AtomicBool,
}

impl Tx {
    fn new(conn: DatabaseTransaction, now: DateTime<Utc>, vault: Vault) -> Self {
        Self {
            conn,
            now,
            vault,
            woken: Mutex::default(),
            change: Mutex::default(),
            trail: Mutex::default(),
            destroyed: AtomicBool::new(false),
        }
    }

    /// What opens and seals the personal data that is stored here.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Collects what is changed, for the audit.
    pub(crate) fn with_trail(&self, collect: impl FnOnce(&mut Trail)) {
        collect(&mut self.trail.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Writes the audit entry that is due.
    async fn enter(&self) -> Result<()> {
        let trail = std::mem::take(&mut *self.trail.lock().unwrap_or_else(PoisonError::into_inner));
        match trail.acting() {
            Some(acting) => audit::chain::append(self, acting, trail).await,
            None => Ok(()),
        }
    }

    /// Nothing that this transaction overwrites is to be left anywhere after the commit.
    pub(crate) fn destroy_after_commit(&self) {
        self.destroyed.store(true, Ordering::Relaxed);
    }

    /// Announces a job after the commit.
    pub(crate) fn wake_after_commit(&self, kind: JobKind, job: JobId) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).push((kind, job));
    }

    /// Runs `work` in a savepoint: when it fails, what it wrote is undone and this transaction can go on.
    ///
    /// # Errors
    /// What `work` returned, or the database's error.
    pub async fn savepoint<T, W>(&self, work: impl FnOnce(Arc<Self>) -> W) -> Result<T>
    where
        W: Future<Output = Result<T>>,
    {
        self.nested(work, true).await
    }

    /// Runs `work` and undoes what it wrote, whatever it returns; nobody is told of it.
    ///
    /// # Errors
    /// What `work` returned, or the database's error.
    pub async fn rehearse<T, W>(&self, work: impl FnOnce(Arc<Self>) -> W) -> Result<T>
    where
        W: Future<Output = Result<T>>,
    {
        self.nested(work, false).await
    }

    async fn nested<T, W>(&self, work: impl FnOnce(Arc<Self>) -> W, keep: bool) -> Result<T>
    where
        W: Future<Output = Result<T>>,
    {
        let conn = self.conn.begin().await?;
        let inner = Arc::new(Self::new(conn, self.now, self.vault.clone()));
        let outcome = work(inner.clone()).await;
        let inner =
            Arc::into_inner(inner).ok_or_else(|| Error::internal("a savepoint outlived the work it was made for"))?;
        if outcome.is_err() || !keep {
            inner.conn.rollback().await?;
            return outcome;
        }
        inner.conn.commit().await?;
        for (kind, job) in inner.woken.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.wake_after_commit(kind, job);
        }
        let trail = inner.trail.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.with_trail(|outer| outer.adopt(trail));
        self.destroyed.fetch_or(inner.destroyed.into_inner(), Ordering::Relaxed);
        let change = inner.change.into_inner().unwrap_or_else(PoisonError::into_inner);
        if change.events {
            self.tell_after_commit(None);
        }
        for order in change.orders {
            self.tell_after_commit(Some(order));
        }
        outcome
    }

    /// The first order of which this transaction has changed something.
    pub fn changed_order(&self) -> Option<OrderId> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner).orders.first().copied()
    }

    /// Tells of an event, and of the order that it is about, after the commit.
    pub(crate) fn tell_after_commit(&self, order: Option<OrderId>) {
        let mut change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        change.events = true;
        if let Some(order) = order
            && !change.orders.contains(&order)
        {
            change.orders.push(order);
        }
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &Self::Target {
        &self.conn
    }
}

/// An update that was to change exactly one row changed `rows`.
///
/// # Errors
/// [`Code::ConcurrentChange`] when it changed none.
pub fn changed_one(rows: u64) -> Result<()> {
    match rows {
        1 => Ok(()),
        0 => Err(Error::new(Code::ConcurrentChange, "Another request changed it at the same moment; read it again.")),
        more => Err(Error::internal(format!("an update of one row changed {more}"))),
    }
}

/// Compares a version given in If-Match with the present one.
///
/// # Errors
/// [`Code::StaleVersion`].
pub fn check_version(given: Option<i64>, present: i64) -> Result<()> {
    match given {
        Some(given) if given != present => Err(Error::new(
            Code::StaleVersion,
            format!("It is at version {present} and the request names {given}; read it again and decide anew."),
        )),
        _ => Ok(()),
    }
}
