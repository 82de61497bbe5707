//! A migrated database of a test's own, and the removal of everything that guards it.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement};
use souk_domain::store::NoWake;
use souk_domain::vault::Vault;
use souk_domain::{Clock, Store};
use souk_migration::{Migrator, MigratorTrait};
use uuid::Uuid;

pub struct TestDatabase {
    pub store: Store,
    connection: DatabaseConnection,
    /// The server's own database and the name of this one.
    server: Option<(DatabaseConnection, String)>,
    _directory: Option<tempfile::TempDir>,
}

impl TestDatabase {
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = ConnectOptions::new(format!("sqlite://{}/souk.db?mode=rwc", directory.path().display()));
        // One connection: its pragmas are those of everything that the test does.
        options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
            options.pragma("journal_mode", "WAL").pragma("synchronous", "OFF").busy_timeout(Duration::from_secs(5))
        });
        Self::migrated(Database::connect(options).await.unwrap(), None, Some(directory)).await
    }

    pub async fn postgres() -> Option<Self> {
        let url = std::env::var("DATABASE_URL").ok()?;
        let name = format!("test_{}", Uuid::new_v4().simple());
        let server = Database::connect(&url).await.unwrap();
        server.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (address, _) = url.rsplit_once('/').unwrap();
        let mut options = ConnectOptions::new(format!("{address}/{name}"));
        options.max_connections(4).sqlx_logging(false);
        Some(Self::migrated(Database::connect(options).await.unwrap(), Some((server, name)), None).await)
    }

    async fn migrated(
        connection: DatabaseConnection,
        server: Option<(DatabaseConnection, String)>,
        directory: Option<tempfile::TempDir>,
    ) -> Self {
        Migrator::up(&connection, None).await.unwrap();
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap());
        let vault = Vault::new(None, &"a master secret of the tests".into()).unwrap();
        let store = Store::new(connection.clone(), connection.clone(), clock, Arc::new(NoWake), vault);
        Self { store, connection, server, _directory: directory }
    }

    pub fn backend(&self) -> DatabaseBackend {
        self.store.backend()
    }

    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Takes away checks, keys, unique indexes and triggers, so that anything can be planted.
    pub async fn unguard(&self) {
        match self.backend() {
            DatabaseBackend::Sqlite => self.unguard_sqlite().await,
            _ => self.run(UNGUARD_POSTGRES).await,
        }
    }

    async fn unguard_sqlite(&self) {
        self.run("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA legacy_alter_table = ON")
            .await;
        for name in self.texts("SELECT name FROM sqlite_master WHERE type = 'trigger'").await {
            self.run(&format!("DROP TRIGGER {name}")).await;
        }
        // Keys that stand in a table's own text go by making the table anew without them; its
        // indexes, the unique ones too, go with it.
        let tables = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        for sql in self.texts(tables).await {
            let Some((name, columns)) = sql.strip_prefix("CREATE TABLE ").and_then(|rest| rest.split_once(" (")) else {
                continue;
            };
            let uncommented: Vec<&str> = columns.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
            let columns = without_keys(&uncommented.join("\n"));
            self.run(&format!("CREATE TABLE unguarded ({columns}; INSERT INTO unguarded SELECT * FROM {name}")).await;
            self.run(&format!("DROP TABLE {name}; ALTER TABLE unguarded RENAME TO {name}")).await;
        }
    }

    async fn run(&self, sql: &str) {
        self.connection.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{error} in {sql}"));
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.connection.query_all_raw(Statement::from_string(self.backend(), sql)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// The id that a query begins with.
    pub async fn id(&self, sql: &str) -> Uuid {
        let row = self.connection.query_one_raw(Statement::from_string(self.backend(), sql)).await.unwrap();
        row.unwrap_or_else(|| panic!("nothing is found by {sql}")).try_get_by_index(0).unwrap()
    }

    pub async fn end(self) {
        self.connection.close().await.unwrap();
        if let Some((server, name)) = self.server {
            server.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
        }
    }
}

/// A table's columns and constraints without `CONSTRAINT … UNIQUE …` and `CONSTRAINT … PRIMARY KEY …`.
fn without_keys(columns: &str) -> String {
    let mut kept = String::new();
    let mut rest = columns;
    while let Some((before, constraint)) = rest.split_once("CONSTRAINT ") {
        let (_, definition) = constraint.split_once(' ').unwrap();
        let key = ["UNIQUE", "PRIMARY KEY"].into_iter().find_map(|word| definition.strip_prefix(word));
        match key {
            None => {
                kept.push_str(before);
                kept.push_str("CONSTRAINT ");
                rest = constraint;
            }
            Some(after) => {
                match after.strip_prefix(" (") {
                    // Of the table: the comma before it goes, too.
                    Some(list) => {
                        kept.push_str(before.trim_end().strip_suffix(',').unwrap());
                        rest = list.split_once(')').unwrap().1;
                    }
                    // Of a column.
                    None => {
                        kept.push_str(before);
                        rest = after;
                    }
                }
            }
        }
    }
    kept + rest
}

/// Foreign keys first, because they stand on the unique ones.
const UNGUARD_POSTGRES: &str = "DO $$ DECLARE guard record; BEGIN
    FOR guard IN SELECT conrelid::regclass AS owner, conname AS name FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'c', 'u', 'p')
        ORDER BY position(contype::text IN 'fcup')
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', guard.owner, guard.name); END LOOP;
    FOR guard IN SELECT indexrelid::regclass AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indisunique AND relnamespace = 'public'::regnamespace
    LOOP EXECUTE format('DROP INDEX %s', guard.name); END LOOP;
    FOR guard IN SELECT tgrelid::regclass AS owner, tgname AS name FROM pg_trigger WHERE NOT tgisinternal
    LOOP EXECUTE format('DROP TRIGGER %I ON %s', guard.name, guard.owner); END LOOP;
END $$";
