//! Connecting to PostgreSQL or SQLite, each in the way that suits it.

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr, sqlx};
use secrecy::{ExposeSecret, SecretString};
use tracing::log::LevelFilter;

use crate::command::Failure;
use crate::config::DatabaseUrl;

/// A writing and a reading pool; on PostgreSQL they are one.
#[derive(Clone)]
pub struct Pools {
    /// For transactions.
    pub write: DatabaseConnection,
    /// For reads outside of one.
    pub read: DatabaseConnection,
    /// SQLite: for emptying the write-ahead log.
    pub log: Option<DatabaseConnection>,
}

/// Whoever empties the write-ahead log waits so long for others, and lets nobody write meanwhile.
const EMPTYING: Duration = Duration::from_millis(500);

/// A statement that takes longer is logged.
const SLOW: Duration = Duration::from_millis(500);

/// Connects.
///
/// # Errors
/// [`Failure::Failed`] when the database does not answer, without the address, which may hold a password.
pub async fn connect(url: &DatabaseUrl, connections: u32) -> Result<Pools, Failure> {
    match url {
        DatabaseUrl::Postgres(url) => {
            let mut options = common(url, connections);
            options.min_connections(connections.min(4)).map_sqlx_postgres_opts(|options| {
                // Planning each statement again costs more than running it; every statement here
                // is a look-up by key, for which one plan is as good as another.
                // A process that is frozen in the middle of a transaction does not hold its locks, such
                // as that of the log's next position, for longer than this.
                options
                    .options([
                        ("plan_cache_mode", "force_generic_plan"),
                        ("idle_in_transaction_session_timeout", "30s"),
                    ])
                    .statement_cache_capacity(500)
            });
            let pool = open(options).await?;
            Ok(Pools { write: pool.clone(), read: pool, log: None })
        }
        DatabaseUrl::Sqlite(url) => {
            // SQLite has one writer: a pool of one lets writers queue fairly instead of colliding.
            let write = open(sqlite(url, 1)).await?;
            let read = open(sqlite(url, connections)).await?;
            let mut log = sqlite(url, 1);
            log.min_connections(0)
                .connect_lazy(true)
                .map_sqlx_sqlite_opts(|options| settings(options).busy_timeout(EMPTYING));
            Ok(Pools { write, read, log: Some(open(log).await?) })
        }
    }
}

fn sqlite(url: &SecretString, connections: u32) -> ConnectOptions {
    let mut options = common(url, connections);
    options.map_sqlx_sqlite_opts(settings);
    options
}

fn settings(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .journal_mode(SqliteJournalMode::Wal)
        // A commit that was answered survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        // A person's key that is destroyed is overwritten in the file, too.
        .pragma("secure_delete", "ON")
        // Without it what INSERT OR REPLACE deletes passes by the triggers that keep history from being rewritten.
        .pragma("recursive_triggers", "ON")
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .statement_cache_capacity(500)
}

fn common(url: &SecretString, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose_secret());
    options
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .sqlx_logging(true)
        .sqlx_logging_level(LevelFilter::Off)
        .sqlx_slow_statements_logging_settings(LevelFilter::Warn, SLOW)
        // A ping before each use would be one more round trip for every request.
        .test_before_acquire_if_idle_for(Duration::from_secs(10));
    options
}

async fn open(options: ConnectOptions) -> Result<DatabaseConnection, Failure> {
    let url = SecretString::from(options.get_url());
    Database::connect(options).await.map_err(|error| {
        let why = match error {
            // Whoever cannot read an address may quote it in pieces.
            DbErr::Conn(RuntimeErr::SqlxError(why)) if matches!(*why, sqlx::Error::Configuration(_)) => {
                "the address cannot be read; special characters of a password are percent-encoded".to_owned()
            }
            why => why.to_string().replace(url.expose_secret(), "the address"),
        };
        Failure::Failed(format!("DATABASE_URL: the database cannot be reached: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;
    use souk_migration::{Migrator, MigratorTrait};

    use super::*;

    #[tokio::test]
    async fn history_on_sqlite_is_not_replaced_either() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("souk.db").display());
        let pools = connect(&DatabaseUrl::Sqlite(url.into()), 1).await.expect("a database");
        Migrator::up(&pools.write, None).await.expect("the schema");
        let row = |verb: &str, id: u32, to: &str| {
            format!(
                "{verb} INTO status_history (id, entity_kind, entity_id, version, to_status, actor_kind, occurred_at) \
                 VALUES ('{id}', 'order', 'x', 1, '{to}', 'system', '2026-01-02 03:04:05+00:00')"
            )
        };
        pools.write.execute_unprepared(&row("INSERT", 1, "pending")).await.expect("a row");
        for pool in [&pools.write, &pools.read] {
            // By the same key, and by what else is unique.
            for id in [1, 2] {
                for verb in ["INSERT OR REPLACE", "REPLACE"] {
                    let error = pool.execute_unprepared(&row(verb, id, "paid")).await.expect_err("it is refused");
                    assert!(error.to_string().contains("status_history is append-only"), "{error}");
                }
            }
        }
    }
}
