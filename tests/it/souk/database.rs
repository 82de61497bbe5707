//! A database for each test.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectOptions, ConnectionTrait, Database as Connect, DatabaseConnection, DbErr, Statement, Value};
use souk_domain::Clock;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{Setup, process};

/// Held by whoever makes the template, so that it is made once.
const TEMPLATE_LOCK: &str = "SELECT pg_advisory_lock(8315)";

/// The database of an installation; dropped with it.
pub struct Database {
    url: String,
    /// The server and the name, where it is PostgreSQL.
    server: Option<(String, String)>,
    redis: Option<String>,
    connection: OnceCell<DatabaseConnection>,
}

impl Database {
    /// Makes one, in `directory` where it is a file.
    pub async fn create(directory: &Path) -> Self {
        let connection = OnceCell::new();
        match Setup::of_environment() {
            Setup::Embedded => {
                let url = format!("sqlite://{}?mode=rwc", directory.join("souk.db").display());
                Self { url, server: None, redis: None, connection }
            }
            Setup::Services => {
                let (server, redis) = (variable("DATABASE_URL"), variable("REDIS_URL"));
                let name = format!("souk_test_{}", Uuid::new_v4().simple());
                copy_template(&server, &name).await;
                Self { url: on(&server, &name), server: Some((server, name)), redis: Some(redis), connection }
            }
        }
    }

    /// Redis, where there is one.
    pub fn redis(&self) -> Option<&str> {
        self.redis.as_deref()
    }

    /// What separates this installation's keys in Redis from others'.
    pub fn name(&self) -> &str {
        self.server.as_ref().map_or("souk", |(_, name)| name)
    }

    /// Tells a process of souk which database and queue to use.
    pub fn configure(&self, command: &mut Command) {
        if self.server.is_some() {
            command.env("DATABASE_URL", &self.url).env("SOUK_SECRET", "a secret of the integration tests");
        }
        if let Some(redis) = &self.redis {
            command.env("REDIS_URL", redis);
        }
    }

    /// Runs a statement; returns how many rows it changed.
    pub async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> u64 {
        self.try_execute(sql, values).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs a statement on a server that may be away; returns how many rows it changed.
    ///
    /// # Errors
    /// The database's.
    pub async fn try_execute(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, DbErr> {
        let connection = self.connection().await;
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        Ok(connection.execute_raw(statement).await?.rows_affected())
    }

    /// Text of a query's first column.
    pub async fn words(&self, sql: &str) -> Vec<String> {
        let connection = self.connection().await;
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| row.try_get_by_index(0).expect("text")).collect()
    }

    /// What is kept of the bodies of outside events, as text.
    pub async fn inbox_bodies(&self) -> Vec<String> {
        let text = if self.server.is_some() { "convert_from(body, 'UTF8')" } else { "CAST(body AS TEXT)" };
        self.words(&format!("SELECT {text} FROM inbox")).await
    }

    /// Runs a query of one number.
    pub async fn number(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> i64 {
        let connection = self.connection().await;
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        let row = connection.query_one_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        row.and_then(|row| row.try_get_by_index(0).ok()).unwrap_or_else(|| panic!("{sql} tells no number"))
    }

    /// Makes the jobs of a business key due now, as if their time had come; the clock of souk
    /// cannot be set from outside.
    pub async fn make_due(&self, unique_key: &str) {
        let rows = self
            .execute(
                "UPDATE job SET run_at = $1 WHERE unique_key = $2 AND status IN ('queued', 'running')",
                [long_ago().into(), unique_key.into()],
            )
            .await;
        assert_eq!(rows, 1, "there is no open job {unique_key}");
    }

    /// Ends what killed processes hold: the leases of their jobs and of the simulated companies'
    /// deliveries, and of the consumers of events.
    pub async fn end_leases(&self) {
        self.execute("UPDATE job SET run_at = $1 WHERE status = 'running'", [long_ago().into()]).await;
        self.execute("UPDATE simulated_webhook SET due_at = $1 WHERE delivered_at IS NULL", [long_ago().into()]).await;
        self.execute("UPDATE event_consumer SET leased_until = NULL", []).await;
    }

    /// How much is going on: jobs that run or are due within a minute (a repetition after a failure
    /// is), events on their way to us or not acted on, and events of ours that a consumer has before
    /// it. Following a parcel goes on for days.
    pub async fn pending(&self) -> i64 {
        let sql = "SELECT (SELECT count(*) FROM job WHERE status = 'running' \
                   OR (status = 'queued' AND run_at < $1 AND kind <> 'sync_shipment')) \
                   + (SELECT count(*) FROM simulated_webhook WHERE delivered_at IS NULL) \
                   + (SELECT count(*) FROM inbox WHERE processed_at IS NULL) \
                   + (SELECT count(*) FROM event WHERE position IS NULL) \
                   + (SELECT count(*) FROM event_consumer WHERE NOT paused AND failing_since IS NULL \
                       AND position < (SELECT next_value - 1 FROM number_sequence WHERE name = 'event_position'))";
        self.number(sql, [(Clock::System.now() + TimeDelta::minutes(1)).into()]).await
    }

    pub(super) async fn connection(&self) -> &DatabaseConnection {
        self.connection.get_or_init(|| connect(&self.url)).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.server.take() else { return };
        // The test's own runtime cannot be waited for from inside of it.
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let server = connect(&server).await;
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                server.execute_unprepared(&sql).await.map(drop)
            })
        });
        if !matches!(dropping.join(), Ok(Ok(()))) {
            eprintln!("a test's database is left behind");
        }
    }
}

/// A time that is over on every clock.
pub fn long_ago() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(10_000)
}

/// Copies the migrated database, which is made by the first test that needs it and named by the
/// schema's source: another schema has another template.
async fn copy_template(server: &str, name: &str) {
    let connection = connect(server).await;
    let run = async |sql: String| {
        connection.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    let template = format!("souk_template_{:016x}", schema_hash());
    run(TEMPLATE_LOCK.to_owned()).await;
    let there = format!("SELECT 1 FROM pg_database WHERE datname = '{template}'");
    let there = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), there)).await;
    if there.expect("the server lists its databases").is_none() {
        let raw = format!("{template}_raw");
        run(format!("DROP DATABASE IF EXISTS {raw}")).await;
        run(format!("CREATE DATABASE {raw}")).await;
        let migrated = process::souk(&["migrate"]).env("DATABASE_URL", on(server, &raw)).output().expect("souk runs");
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        run(format!("ALTER DATABASE {raw} RENAME TO {template}")).await;
    }
    run("SELECT pg_advisory_unlock_all()".to_owned()).await;
    run(format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
}

fn schema_hash() -> u64 {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("migration/src");
    let mut files: Vec<_> = source.read_dir().expect("the migrations").map(|entry| entry.expect("a file")).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(file.path()).expect("a migration").hash(&mut hasher);
    }
    hasher.finish()
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    // One connection: the template's lock belongs to it.
    options.max_connections(1).sqlx_logging(false);
    Connect::connect(options).await.expect("the database of the tests")
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("SOUK_TEST_SETUP=services needs {name}"))
}

/// The URL of a database of this server.
fn on(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').map_or((server, ""), |(address, options)| (address, options));
    let (host, _) = address.rsplit_once('/').expect("DATABASE_URL names a database");
    let separator = if options.is_empty() { "" } else { "?" };
    format!("{host}/{name}{separator}{options}")
}
