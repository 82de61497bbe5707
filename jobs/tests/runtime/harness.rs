//! A fresh, migrated database with a lane, on everything that the environment offers: SQLite and
//! the in-process lane always, PostgreSQL with `DATABASE_URL`, Redis with `REDIS_URL`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, Statement,
};
use souk_domain::clock::Clock;
use souk_domain::job::{Lease, Task, enqueue_all};
use souk_domain::store::NoWake;
use souk_domain::vault::Vault;
use souk_domain::{Error, Result, Store};
use souk_entity::id::{CartId, JobId, PaymentId, ShipmentId};
use souk_entity::job;
use souk_entity::status::JobStatus;
use souk_jobs::{Handler, Lane, Runtime, WorkerConfig};
use souk_migration::{Migrator, MigratorTrait};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Where a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub postgres: bool,
    pub redis: bool,
}

/// Every place that the environment offers.
pub fn places() -> Vec<Place> {
    let mut places = vec![Place { postgres: false, redis: false }];
    let (postgres, redis) = (std::env::var("DATABASE_URL").is_ok(), std::env::var("REDIS_URL").is_ok());
    if postgres {
        places.push(Place { postgres: true, redis: false });
    }
    if redis {
        places.push(Place { postgres, redis: true });
    }
    places
}

pub struct World {
    /// Wakes through the lane.
    pub store: Store,
    pub clock: Clock,
    pub place: Place,
    namespace: String,
    lane: Lane,
    _directory: Option<tempfile::TempDir>,
    postgres: Option<(DatabaseConnection, String)>,
    pools: Vec<DatabaseConnection>,
}

impl World {
    pub async fn new(place: Place, clock: Clock) -> Self {
        let namespace = format!("test_{}", Uuid::new_v4().simple());
        let mut directory = None;
        let mut postgres = None;
        let (write, read) = if place.postgres {
            let url = std::env::var("DATABASE_URL").unwrap();
            let admin = Database::connect(&url).await.unwrap();
            admin.execute_unprepared(&format!("CREATE DATABASE {namespace}")).await.unwrap();
            let (server, _) = url.rsplit_once('/').unwrap();
            let mut options = ConnectOptions::new(format!("{server}/{namespace}"));
            options.max_connections(10).sqlx_logging(false);
            postgres = Some((admin, namespace.clone()));
            let pool = Database::connect(options).await.unwrap();
            (pool.clone(), pool)
        } else {
            let place = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}/jobs.db?mode=rwc", place.path().display());
            directory = Some(place);
            (sqlite(&url, 1).await, sqlite(&url, 4).await)
        };
        Migrator::up(&write, None).await.unwrap();
        let lane = lane(place, &namespace);
        let vault = Vault::new(None, &"a master secret of the tests".into()).unwrap();
        let store = Store::new(write.clone(), read.clone(), clock.clone(), Arc::new(lane.clone()), vault);
        Self { store, clock, place, namespace, lane, _directory: directory, postgres, pools: vec![write, read] }
    }

    /// The lane as another process would have it: the same through Redis, one of its own without.
    pub fn another_lane(&self) -> Lane {
        lane(self.place, &self.namespace)
    }

    pub fn start(&self, config: WorkerConfig, run: impl Run) -> Runtime {
        self.start_on(self.lane.clone(), config, run)
    }

    pub fn start_on(&self, lane: Lane, config: WorkerConfig, run: impl Run) -> Runtime {
        Runtime::start(self.store.clone(), lane, Arc::new(Scripted { store: self.store.clone(), run }), config)
    }

    /// Enqueues tasks due now and announces them.
    pub async fn enqueue(&self, tasks: Vec<Task>) {
        enqueue_on(&self.store, tasks, self.store.now()).await;
    }

    /// Enqueues tasks due now and tells nobody.
    pub async fn enqueue_silently(&self, tasks: Vec<Task>) {
        enqueue_on(&self.store.with_wake(Arc::new(NoWake)), tasks, self.store.now()).await;
    }

    pub async fn job(&self, task: &Task) -> job::Model {
        job::Entity::find().filter(job::Column::UniqueKey.eq(task.key())).one(self.store.read()).await.unwrap().unwrap()
    }

    pub async fn id(&self, task: &Task) -> JobId {
        self.job(task).await.id
    }

    pub async fn count(&self, status: JobStatus) -> u64 {
        job::Entity::find().filter(job::Column::Status.eq(status)).count(self.store.read()).await.unwrap()
    }

    /// Waits until `task` has `status`, and returns its row.
    pub async fn until(&self, task: &Task, status: JobStatus) -> job::Model {
        eventually(&format!("{} is {}", task.key(), status.to_value()), async || {
            let job = self.job(task).await;
            (job.status == status).then_some(job)
        })
        .await
    }

    /// Waits until `count` jobs have `status`.
    pub async fn until_count(&self, status: JobStatus, count: u64) {
        eventually(&format!("{count} jobs are {}", status.to_value()), async || {
            (self.count(status).await == count).then_some(())
        })
        .await;
    }

    /// Writes `each` jobs like each of `models`, due since an instant ago, and tells nobody: what
    /// enqueueing them one by one leaves, but sooner.
    pub async fn plant(&self, each: u64, models: &[Task]) {
        self.enqueue_silently(models.to_vec()).await;
        for model in models {
            let key = model.key();
            let (numbers, id) = if self.place.postgres {
                ("generate_series(2, $1) AS n(n)", "gen_random_uuid()")
            } else {
                (
                    "(WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < $1) SELECT n FROM n) AS n",
                    "randomblob(16)",
                )
            };
            let sql = format!(
                "INSERT INTO job (id, kind, queue, unique_key, payload, status, attempts, max_attempts, run_at, \
                 created_at, updated_at) SELECT {id}, kind, queue, unique_key || ':' || n, payload, status, attempts, \
                 max_attempts, run_at, created_at, updated_at FROM job, {numbers} WHERE unique_key = $2"
            );
            let values = [i64::try_from(each).unwrap().into(), key.into()];
            let statement = Statement::from_sql_and_values(self.store.backend(), sql, values);
            self.store
                .write(async |tx| {
                    tx.execute_raw(statement.clone()).await?;
                    Ok(())
                })
                .await
                .unwrap();
        }
    }

    /// How often the job that was begun most often was begun.
    pub async fn most_attempts(&self) -> i32 {
        let row = job::Entity::find().order_by_desc(job::Column::Attempts).one(self.store.read()).await.unwrap();
        row.unwrap().attempts
    }

    pub async fn sql(&self, sql: &str) {
        let sql = sql.to_owned();
        self.store
            .write(async |tx| {
                tx.execute_unprepared(&sql).await?;
                Ok(())
            })
            .await
            .unwrap();
    }

    pub async fn end(self) {
        for pool in self.pools {
            pool.close().await.unwrap();
        }
        if let Some((admin, name)) = self.postgres {
            admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
        }
    }
}

async fn sqlite(url: &str, connections: u32) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
        options.pragma("journal_mode", "WAL").pragma("synchronous", "NORMAL").busy_timeout(Duration::from_secs(5))
    });
    Database::connect(options).await.unwrap()
}

fn lane(place: Place, namespace: &str) -> Lane {
    if place.redis {
        let client = redis::Client::open(std::env::var("REDIS_URL").unwrap()).unwrap();
        Lane::redis(client, namespace).unwrap()
    } else {
        Lane::in_process()
    }
}

async fn enqueue_on(store: &Store, tasks: Vec<Task>, run_at: DateTime<Utc>) {
    let tasks: Vec<_> = tasks.into_iter().map(|task| (task, run_at)).collect();
    for part in tasks.chunks(500) {
        let part = part.to_vec();
        store.write(async |tx| enqueue_all(&tx, &part).await.map(drop)).await.unwrap();
    }
}

/// Asks again and again, for at most 20 s.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(Duration::from_secs(20), what, ask).await
}

/// Asks again and again, for at most `limit`.
pub async fn eventually_within<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a test's handler does, given the store to end the lease with.
pub trait Run: Fn(Store, Lease, Task) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static {}
impl<F: Fn(Store, Lease, Task) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static> Run for F {}

struct Scripted<F> {
    store: Store,
    run: F,
}

#[async_trait]
impl<F: Run> Handler for Scripted<F> {
    async fn run(&self, lease: Lease, task: Task) -> Result<()> {
        (self.run)(self.store.clone(), lease, task).await
    }
}

pub async fn complete(store: &Store, lease: Lease) -> Result<()> {
    store.write(async |tx| lease.complete(&tx).await).await
}

/// Sweeps often: what tests wait for is found at once.
pub fn quick() -> WorkerConfig {
    WorkerConfig { sweep_interval: Duration::from_millis(50), ..Default::default() }
}

/// Sweeps never again after the start: what runs was announced.
pub fn deaf_to_rows() -> WorkerConfig {
    WorkerConfig { sweep_interval: Duration::from_secs(3_600), ..Default::default() }
}

pub fn money() -> Task {
    Task::CapturePayment { payment_id: PaymentId(Uuid::new_v4()) }
}

pub fn void() -> Task {
    Task::VoidPayment { payment_id: PaymentId(Uuid::new_v4()) }
}

pub fn bulk() -> Task {
    Task::ExpireCart { cart_id: CartId(Uuid::new_v4()) }
}

pub fn fulfilment() -> Task {
    Task::BuyLabel { shipment_id: ShipmentId(Uuid::new_v4()) }
}

/// Ends jobs many in a transaction.
#[derive(Clone)]
pub struct Ends(mpsc::UnboundedSender<(Lease, oneshot::Sender<()>)>);

impl Ends {
    pub fn start(store: &Store) -> Self {
        let (sender, mut ends) = mpsc::unbounded_channel::<(Lease, oneshot::Sender<()>)>();
        let store = store.clone();
        tokio::spawn(async move {
            let mut some = Vec::new();
            while ends.recv_many(&mut some, 256).await > 0 {
                store
                    .write(async |tx| {
                        for (lease, _) in &some {
                            lease.complete(&tx).await?;
                        }
                        Ok(())
                    })
                    .await
                    .unwrap();
                for (_, ended) in some.drain(..) {
                    let _ = ended.send(());
                }
            }
        });
        Self(sender)
    }

    pub async fn complete(&self, lease: Lease) -> Result<()> {
        let (ended, end) = oneshot::channel();
        self.0.send((lease, ended)).map_err(Error::internal)?;
        end.await.map_err(Error::internal)
    }
}
