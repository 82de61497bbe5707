//! A database per world: on SQLite a copy of one that was migrated once.

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use souk_domain::store::NoWake;
use souk_domain::vault::Vault;
use souk_domain::{Clock, Store};
use souk_migration::{Migrator, MigratorTrait};
use tempfile::TempDir;
use uuid::Uuid;

/// A migrated, empty database, to be copied.
pub struct Template(TempDir);

impl Template {
    pub async fn migrated() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let connection = open(&directory.path().join("souk.db")).await;
        Migrator::up(&connection, None).await.unwrap();
        connection.close().await.unwrap();
        Self(directory)
    }

    pub async fn copy(&self) -> Home {
        copy(self.0.path()).await
    }
}

/// Where a world's rows are.
pub struct Home {
    pub store: Store,
    connection: DatabaseConnection,
    directory: Option<TempDir>,
    /// On PostgreSQL: the server's own database and the name of this one.
    server: Option<(DatabaseConnection, String)>,
}

impl Home {
    /// On PostgreSQL, when tests are to run there.
    pub async fn postgres() -> Option<Self> {
        if std::env::var("SOUK_TEST_SETUP").is_ok_and(|setup| setup != "services") {
            return None;
        }
        let url = std::env::var("DATABASE_URL").ok()?;
        let name = format!("simulation_{}", Uuid::new_v4().simple());
        let server = Database::connect(&url).await.unwrap();
        server.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (address, _) = url.rsplit_once('/').unwrap();
        let mut options = ConnectOptions::new(format!("{address}/{name}"));
        options.max_connections(4).sqlx_logging(false);
        let connection = Database::connect(options).await.unwrap();
        Migrator::up(&connection, None).await.unwrap();
        Some(Self { store: store(&connection), connection, directory: None, server: Some((server, name)) })
    }

    /// The same rows again, on SQLite, with a clock of their own that goes on from here.
    pub async fn twin(&self) -> Self {
        let twin = copy(self.directory.as_ref().unwrap().path()).await;
        twin.store.clock().advance(self.store.now() - twin.store.now());
        twin
    }

    pub async fn end(self) {
        self.connection.close().await.unwrap();
        if let Some((server, name)) = self.server {
            server.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
        }
    }
}

async fn copy(from: &Path) -> Home {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("souk.db");
    std::fs::copy(from.join("souk.db"), &file).unwrap();
    let connection = open(&file).await;
    Home { store: store(&connection), connection, directory: Some(directory), server: None }
}

/// One connection, and nothing written but to the file: so that it can be copied at any time.
async fn open(file: &Path) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
        options.pragma("journal_mode", "MEMORY").pragma("synchronous", "OFF").statement_cache_capacity(1_000)
    });
    Database::connect(options).await.unwrap()
}

fn store(connection: &DatabaseConnection) -> Store {
    let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap());
    let vault = Vault::new(None, &"a master secret of the tests".into()).unwrap();
    Store::new(connection.clone(), connection.clone(), clock, Arc::new(NoWake), vault)
}
