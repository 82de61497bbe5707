//! The parts put together: database, ports, lane, workers, API.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use poem::listener::{Acceptor, Listener, TcpAcceptor, TcpListener};
use secrecy::SecretString;
use souk_api::{ApiConfig, Context};
use souk_domain::port::Ports;
use souk_domain::{Clock, Store, account};
use souk_entity::status::UserRole;
use souk_integrations::simulated::{Control, Simulator, SimulatorConfig};
use souk_jobs::{Lane, Runtime, Work, WorkerConfig};
use souk_migration::{Migrator, MigratorTrait};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::command::Failure;
use crate::config::{DatabaseUrl, Settings};
use crate::database::{self, Pools};
use crate::{beside, telemetry};

/// The largest JSON body.
const BODY_LIMIT: usize = 1024 * 1024;

/// The largest file upload.
const UPLOAD_LIMIT: usize = 16 * 1024 * 1024;

/// Everything that a process of souk shares.
pub struct Platform {
    settings: Settings,
    /// The database.
    pub store: Store,
    lane: Lane,
    ports: Ports,
    simulator: Option<Simulator>,
    redis: Option<redis::Client>,
    secret: SecretString,
}

impl Platform {
    /// Connects; on the embedded database, the schema is brought up to date too.
    ///
    /// `public_url` is where this installation is reached.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn start(settings: Settings, public_url: &str) -> Result<Self, Failure> {
        let secret = settings.secret()?;
        let url = settings.database()?;
        let redis = settings.redis()?;
        let pools = database::connect(&url, settings.db_connections).await?;
        match url {
            DatabaseUrl::Sqlite(_) => migrate(&pools).await?,
            DatabaseUrl::Postgres(_) => check_schema(&pools).await?,
        }
        let lane = match &redis {
            Some(client) => Lane::redis(client.clone(), &namespace(&url))
                .map_err(|error| Failure::Failed(format!("REDIS_URL: {error}")))?,
            None => Lane::in_process(),
        };
        let store = Store::new(pools.write, pools.read, Clock::System, Arc::new(lane.clone()));
        let simulator = settings.simulator.then(|| {
            let (transit, latency) = settings.simulator_pace();
            let webhook_secret = SecretString::from(derive(&secret, "simulator webhooks"));
            let config = SimulatorConfig { public_url: public_url.to_owned(), webhook_secret, transit, latency };
            Simulator::new(store.clone(), config)
        });
        let ports = match &simulator {
            Some(simulator) => Ports::new(vec![simulator.payments()], vec![simulator.carrier()]),
            None => Ports::default(),
        };
        let platform = Self { settings, store, lane, ports, simulator, redis, secret };
        platform.ensure_admin().await?;
        Ok(platform)
    }

    async fn ensure_admin(&self) -> Result<(), Failure> {
        let (Some(email), Some(password)) = (&self.settings.admin_email, &self.settings.admin_password) else {
            return Ok(());
        };
        if account::find_by_email(self.store.read(), email).await?.is_some() {
            return Ok(());
        }
        let hash = souk_api::hash_password(password.clone()).await?;
        let made = self
            .store
            .write(async |tx| account::register(&tx, email, "Administrator", hash.clone(), UserRole::Admin).await)
            .await;
        match made {
            // Another process that started at the same moment has made it.
            Err(error) if error.code == souk_domain::Code::AlreadyExists => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    /// What a person or a test can make the simulated companies do.
    pub fn control(&self) -> Option<Control> {
        self.simulator.as_ref().map(Simulator::control)
    }

    /// Starts the workers, and the simulated companies' deliveries.
    ///
    /// # Errors
    /// [`Failure`] when a part cannot be started.
    pub fn start_workers(&self) -> Result<Workers, Failure> {
        let each = self.settings.worker_concurrency as usize;
        let config = WorkerConfig {
            money: each,
            fulfilment: each,
            events: each,
            bulk: (each / 4).max(1),
            ..WorkerConfig::default()
        };
        let work = Work::new(self.store.clone(), self.ports.clone());
        let runtime = Runtime::start(self.store.clone(), self.lane.clone(), Arc::new(work), config);
        let stop = CancellationToken::new();
        let courier = match &self.simulator {
            Some(simulator) => {
                let courier =
                    simulator.courier().map_err(|error| Failure::Failed(format!("the HTTP client: {error}")))?;
                Some(tokio::spawn(courier.run(stop.clone())))
            }
            None => None,
        };
        Ok(Workers { runtime, courier, stop, limit: self.settings.shutdown() })
    }

    /// Serves the API on `acceptor` until `stop` is cancelled and running requests have ended.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn serve(&self, acceptor: TcpAcceptor, stop: CancellationToken) -> Result<(), Failure> {
        let config = ApiConfig {
            secret: self.secret.clone(),
            payment_window: TimeDelta::minutes(self.settings.payment_window_minutes.into()),
            body_limit: BODY_LIMIT,
            upload_limit: UPLOAD_LIMIT,
        };
        let context = Context::new(self.store.clone(), self.ports.clone(), config, self.redis_probe());
        let mut beside = vec![("/metrics", beside::metrics_route())];
        if let Some(control) = self.control() {
            beside.push(("/simulator", beside::routes(control)));
        }
        let app = souk_api::app(context, beside);
        let upkeep = tokio::spawn(async {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                telemetry::upkeep();
            }
        });
        let served = poem::Server::new_with_acceptor(acceptor)
            .run_with_graceful_shutdown(app, stop.cancelled_owned(), Some(self.settings.shutdown()))
            .await;
        upkeep.abort();
        Ok(served?)
    }

    fn redis_probe(&self) -> Option<souk_api::RedisProbe> {
        let client = self.redis.clone()?;
        Some(Arc::new(move || {
            let client = client.clone();
            Box::pin(async move {
                let ping = async {
                    let mut connection = client.get_multiplexed_async_connection().await?;
                    redis::cmd("PING").query_async::<String>(&mut connection).await
                };
                matches!(tokio::time::timeout(Duration::from_secs(1), ping).await, Ok(Ok(_)))
            })
        }))
    }
}

/// Workers at work.
pub struct Workers {
    runtime: Runtime,
    courier: Option<JoinHandle<()>>,
    stop: CancellationToken,
    limit: Duration,
}

impl Workers {
    /// Lets running jobs end within the limit; what does not is picked up again later.
    pub async fn shutdown(self) {
        if !self.runtime.shutdown(self.limit).await {
            tracing::warn!("some jobs did not end in time; they are given back and run again");
        }
        self.stop.cancel();
        if let Some(courier) = self.courier {
            let _ = courier.await;
        }
    }
}

/// Listens on the configured address, and tells it and the URL that it is reached by.
///
/// # Errors
/// [`Failure::Usage`] when the address is taken.
pub async fn listen(settings: &Settings, address: SocketAddr) -> Result<(TcpAcceptor, String), Failure> {
    let acceptor = TcpListener::bind(address)
        .into_acceptor()
        .await
        .map_err(|error| Failure::Usage(format!("SOUK_BIND: {address} cannot be listened on: {error}.")))?;
    let bound = acceptor.local_addr().into_iter().find_map(|address| address.as_socket_addr().copied());
    let url = settings.public_url.clone().unwrap_or_else(|| format!("http://{}", bound.unwrap_or(address)));
    Ok((acceptor, url.trim_end_matches('/').to_owned()))
}

/// Brings the schema up to date.
///
/// # Errors
/// [`Failure::Failed`].
pub async fn migrate(pools: &Pools) -> Result<(), Failure> {
    Migrator::up(&pools.write, None).await.map_err(|error| Failure::Failed(format!("migration: {error}")))
}

async fn check_schema(pools: &Pools) -> Result<(), Failure> {
    let pending = Migrator::get_pending_migrations(&pools.write)
        .await
        .map_err(|error| Failure::Failed(format!("the schema cannot be read: {error}")))?;
    match pending.len() {
        0 => Ok(()),
        steps => Err(Failure::Usage(format!("The schema is {steps} steps behind; run `souk migrate` first."))),
    }
}

/// Separates the queues of installations that share a Redis.
fn namespace(url: &DatabaseUrl) -> String {
    let text = match url {
        DatabaseUrl::Postgres(url) | DatabaseUrl::Sqlite(url) => url,
    };
    let path = text.split('?').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    if plain.is_empty() { "souk".to_owned() } else { plain }
}

/// A secret for one purpose, from the master secret.
fn derive(secret: &SecretString, purpose: &str) -> String {
    use secrecy::ExposeSecret;
    account::token_hash(&format!("{purpose}\0{}", secret.expose_secret()))
}
