//! A migrated database of its own for each test, and the companies whose books are in it.

use std::time::Duration;

use chrono::DateTime;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use souk_domain::money::Money;
use souk_domain::port::{ParcelRequest, PostalAddress};
use souk_domain::store::NoWake;
use souk_domain::vault::Vault;
use souk_domain::{Clock, Store};
use souk_integrations::simulated::{Percent, Simulator, SimulatorConfig};
use souk_migration::{Migrator, MigratorTrait};

/// Keeps the database's file until the test is over.
pub struct World {
    pub store: Store,
    /// The server and the name of a database made for this test.
    postgres: Option<(String, String)>,
    _directory: tempfile::TempDir,
}

impl Drop for World {
    /// Drops the test's own database, on a thread of its own because dropping cannot wait.
    fn drop(&mut self) {
        let Some((server, name)) = self.postgres.take() else { return };
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = Database::connect(server).await.unwrap();
                admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
            });
        });
        dropping.join().unwrap();
    }
}

pub const SECRET: &str = "whsec_test";

impl World {
    /// On SQLite, or in a database of its own on the PostgreSQL server of `DATABASE_URL`.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut own = None;
        let (write, read) = match std::env::var("DATABASE_URL") {
            Ok(server) => {
                let (pool, name) = postgres(&server).await;
                own = Some((server, name));
                (pool.clone(), pool)
            }
            Err(_) => {
                let url = format!("sqlite://{}?mode=rwc", directory.path().join("souk.db").display());
                (sqlite(&url, 1).await, sqlite(&url, 4).await)
            }
        };
        Migrator::up(&write, None).await.unwrap();
        // The tests that wait for the courier wait in real time; all others do not look at it.
        let vault = Vault::new(None, &"a master secret of the tests".into()).unwrap();
        let store = Store::new(write, read, Clock::System, std::sync::Arc::new(NoWake), vault);
        Self { store, postgres: own, _directory: directory }
    }

    /// The companies, as another process would have them.
    pub fn simulator(&self) -> Simulator {
        self.simulator_with("http://souk.test/", None)
    }

    pub fn simulator_with(&self, public_url: &str, transit: Option<Duration>) -> Simulator {
        let config = SimulatorConfig {
            public_url: public_url.into(),
            webhook_secret: SECRET.into(),
            transit,
            latency: Duration::ZERO,
            trouble: Percent::default(),
        };
        Simulator::new(self.store.clone(), config)
    }
}

async fn sqlite(url: &str, connections: u32) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
        options
            .journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
    });
    Database::connect(options).await.unwrap()
}

async fn postgres(server: &str) -> (DatabaseConnection, String) {
    let name = format!("souk_test_{}", uuid::Uuid::new_v4().simple());
    let admin = Database::connect(server).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (address, _) = server.rsplit_once('/').unwrap();
    let mut options = ConnectOptions::new(format!("{address}/{name}"));
    options.max_connections(8).sqlx_logging(false);
    (Database::connect(options).await.unwrap(), name)
}

pub fn usd(amount: i64) -> Money {
    Money { amount: souk_entity::money::MinorUnits(amount), currency: "USD".parse().unwrap() }
}

pub fn parcel() -> ParcelRequest {
    let address = |name: &str, city: &str| PostalAddress {
        name: name.into(),
        line1: "1 Main Street".into(),
        line2: None,
        city: city.into(),
        region: None,
        postal_code: "12345".into(),
        country: "US".into(),
    };
    ParcelRequest {
        reference: "ORD-2026-00001-1".into(),
        from: address("Seller", "Austin"),
        to: address("Shopper", "Boston"),
        weight_grams: 1_200,
        currency: "USD".parse().unwrap(),
    }
}

/// An instant long past.
pub fn long_ago() -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(1_000_000_000, 0).unwrap()
}
