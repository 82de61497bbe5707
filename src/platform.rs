//! The parts put together: database, ports, lane, workers, API.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use souk_api::{ApiConfig, Context};
use souk_domain::audit::{self, Fields, acting_as};
use souk_domain::cache::AnswerCache;
use souk_domain::event::{Projection, Sink};
use souk_domain::notification::projection::Notifications;
use souk_domain::port::Ports;
use souk_domain::vault::{master, rotation};
use souk_domain::webhook::projection::SellerWebhooks;
use souk_domain::webhook::secret::WebhookSecrets;
use souk_domain::{Clock, Store, account};
use souk_entity::status::UserRole;
use souk_integrations::cache::OrderCache;
use souk_integrations::guard::{self, GuardConfig};
use souk_integrations::simulated::{Control, Percent, Simulator, SimulatorConfig};
use souk_integrations::webhook::HttpSender;
use souk_jobs::{Bell, EventRuntime, Lane, Mail, Runtime, Scheduler, Webhooks, Work, WorkerConfig};
use souk_migration::{Migrator, MigratorTrait};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::command::Failure;
use crate::config::{DatabaseUrl, Settings, Switch};
use crate::database::{self, Pools};
use crate::server::Door;
use crate::{beside, brokers, mail, telemetry};

/// The largest JSON body.
const BODY_LIMIT: usize = 1024 * 1024;

/// Everything that a process of souk shares.
pub struct Platform {
    settings: Settings,
    /// The database.
    pub store: Store,
    bell: Arc<Bell>,
    cache: Option<OrderCache>,
    lane: Lane,
    ports: Ports,
    mail: Mail,
    simulator: Option<Simulator>,
    redis: Option<redis::Client>,
    namespace: String,
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
        let vault = settings.vault()?;
        let url = settings.database()?;
        let redis = settings.redis()?;
        let mail = mail::open(&settings, &secret)?;
        let namespace = namespace(&url);
        let pools = database::connect(&url, settings.db_connections).await?;
        match &url {
            DatabaseUrl::Sqlite(_) => migrate(&pools).await?,
            DatabaseUrl::Postgres(_) => check_schema(&pools).await?,
        }
        let lane = match &redis {
            Some(client) => Lane::redis(client.clone(), &namespace)
                .map_err(|error| Failure::Failed(format!("REDIS_URL: {error}")))?,
            None => Lane::in_process(),
        };
        let bell = Arc::new(Bell::default());
        let store = Store::new(pools.write, pools.read, Clock::System, Arc::new(lane.clone()), vault)
            .with_log(pools.log)
            .with_after_commit(bell.clone());
        check_keys(&store).await?;
        let cache = match (settings.cache, &redis, &url) {
            (Switch::Off, ..) => None,
            (Switch::On, Some(client), _) => Some(
                OrderCache::in_redis(client.clone(), &namespace, store.clone())
                    .map_err(|error| Failure::Failed(format!("REDIS_URL: {error}")))?,
            ),
            // One process is all there is.
            (Switch::On, None, DatabaseUrl::Sqlite(_)) => Some(OrderCache::in_process(store.clone())),
            // There may be others, which nothing would tell of changes.
            (Switch::On, None, DatabaseUrl::Postgres(_)) => None,
        };
        let store = match &cache {
            Some(cache) => store.with_after_commit(Arc::new(cache.clone())),
            None => store,
        };
        let simulator = settings.simulator.then(|| {
            let (transit, latency) = settings.simulator_pace();
            let webhook_secret = SecretString::from(derive(&secret, "simulator webhooks"));
            let trouble = Percent(settings.simulator_trouble_percent);
            let config =
                SimulatorConfig { public_url: public_url.to_owned(), webhook_secret, transit, latency, trouble };
            Simulator::new(store.clone(), config)
        });
        let ports = match &simulator {
            Some(simulator) => Ports::new(
                vec![guard::payments(simulator.payments(), GuardConfig::default())],
                vec![guard::carrier(simulator.carrier(), GuardConfig::default())],
            ),
            None => Ports::default(),
        };
        let platform = Self { settings, store, bell, cache, lane, ports, mail, simulator, redis, namespace, secret };
        platform.ensure_admin().await?;
        Ok(platform)
    }

    async fn ensure_admin(&self) -> Result<(), Failure> {
        let (Some(email), Some(password)) = (&self.settings.admin_email, &self.settings.admin_password) else {
            return Ok(());
        };
        if account::find_by_email(self.store.read(), self.store.vault(), email).await?.is_some() {
            return Ok(());
        }
        let hash = souk_api::hash_password(password.clone()).await?;
        let make = self.store.write(async |tx| {
            let user = account::register(&tx, email, "Administrator", hash.clone(), UserRole::Admin).await?;
            account::vouch(&tx, user.id).await?;
            audit::note(&tx, "user", user.id, Fields::new().made("role", user.role));
            Ok(user)
        });
        let made = acting_as(audit::Acting::command("cli:administrator"), make).await;
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
        let work = Work::new(self.store.clone(), self.ports.clone(), self.mail.clone(), self.webhooks()?);
        let runtime = Runtime::start(self.store.clone(), self.lane.clone(), Arc::new(work), config);
        let stop = CancellationToken::new();
        let mut events = EventRuntime::start(
            self.store.clone(),
            self.bell.clone(),
            self.projections(),
            self.sinks()?,
            stop.child_token(),
        );
        if let Some(redis) = &self.redis {
            events.take_in(self.store.clone(), redis.clone(), self.namespace.clone());
        }
        let scheduler = Scheduler::start(self.store.clone(), stop.clone());
        let courier = match &self.simulator {
            Some(simulator) => {
                let courier =
                    simulator.courier().map_err(|error| Failure::Failed(format!("the HTTP client: {error}")))?;
                Some(tokio::spawn(courier.run(stop.clone())))
            }
            None => None,
        };
        Ok(Workers { runtime, events, scheduler, courier, stop, limit: self.settings.shutdown() })
    }

    /// Starts a worker for bulk uploads only.
    ///
    /// # Errors
    /// [`Failure`] when a part cannot be started.
    pub fn start_bulk_workers(&self) -> Result<Runtime, Failure> {
        let config = WorkerConfig {
            money: 0,
            fulfilment: 0,
            events: 0,
            webhooks: 0,
            mail: 0,
            bulk: 1,
            maintenance: 0,
            ..WorkerConfig::default()
        };
        let work = Work::new(self.store.clone(), self.ports.clone(), self.mail.clone(), self.webhooks()?);
        Ok(Runtime::start(self.store.clone(), self.lane.clone(), Arc::new(work), config))
    }

    /// What posts to sellers' endpoints.
    fn webhooks(&self) -> Result<Webhooks, Failure> {
        let sender = HttpSender::new(self.settings.webhook_targets())
            .map_err(|error| Failure::Failed(format!("the HTTP client of webhooks: {error}")))?;
        Ok(Webhooks { sender: Arc::new(sender), secrets: WebhookSecrets::new(&self.secret) })
    }

    /// The consumers of events whose effects are rows of ours.
    fn projections(&self) -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(Notifications), Arc::new(SellerWebhooks)]
    }

    /// The consumers of events whose effects are outside.
    fn sinks(&self) -> Result<Vec<Arc<dyn Sink>>, Failure> {
        let mut sinks = brokers::sinks(&self.settings.brokers, self.redis.as_ref(), &self.namespace)?;
        if let Some(cache) = &self.cache {
            sinks.push(Arc::new(cache.clone()));
        }
        Ok(sinks)
    }

    /// Serves the API at `door` until `stop` is cancelled and running requests have ended.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn serve(&self, door: Door, stop: CancellationToken) -> Result<(), Failure> {
        let config = ApiConfig {
            secret: self.secret.clone(),
            token_keys: self.settings.token_keys.clone(),
            webhook_targets: self.settings.webhook_targets(),
            payment_window: TimeDelta::minutes(self.settings.payment_window_minutes.into()),
            refund_limits: self.settings.refund_approval_above.clone(),
            least_return_window_days: self.settings.return_window_minimum_days,
            sign_in_delay: TimeDelta::milliseconds(self.settings.sign_in_delay_ms.into()),
            body_limit: BODY_LIMIT,
        };
        let cache = self.cache.clone().map(|cache| Arc::new(cache) as Arc<dyn AnswerCache>);
        let context = Context::new(self.store.clone(), self.ports.clone(), config, cache, self.redis_probe())
            .map_err(|error| Failure::Usage(format!("SOUK_TOKEN_KEYS: {}.", error.message)))?;
        if self.cache.is_some() && self.settings.cache_warm > 0 {
            let (context, orders) = (context.clone(), self.settings.cache_warm.into());
            tokio::spawn(async move { souk_api::warm(&context, orders).await });
        }
        let mut beside = vec![("/metrics", beside::metrics_route(self.settings.metrics_token()?))];
        if let Some(control) = self.control() {
            beside.push(("/simulator", beside::routes(control)));
        }
        let edge = self.settings.edge.edge(self.redis.as_ref(), &self.namespace)?;
        let app = souk_api::app(context, edge, beside);
        let upkeep = tokio::spawn(async {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                telemetry::upkeep();
            }
        });
        let renewal = door.tls.clone().map(|tls| tokio::spawn(tls.renew()));
        let edge = &self.settings.edge;
        door.serve(app, edge.bounds(self.settings.shutdown()), edge.crowd(), stop).await;
        upkeep.abort();
        if let Some(renewal) = renewal {
            renewal.abort();
        }
        Ok(())
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
    events: EventRuntime,
    scheduler: Scheduler,
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
        self.events.shutdown().await;
        self.stop.cancel();
        self.scheduler.stopped().await;
        if let Some(courier) = self.courier {
            let _ = courier.await;
        }
    }
}

/// Listens on the configured address, and tells it and the URL that it is reached by.
///
/// # Errors
/// [`Failure::Usage`] when the address is taken, or the certificate is wrong.
pub async fn listen(settings: &Settings, address: SocketAddr) -> Result<(Door, String), Failure> {
    let tls = settings.edge.tls()?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Usage(format!("SOUK_BIND: {address} cannot be listened on: {error}.")))?;
    let address = listener.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = settings.public_url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
    Ok((Door { listener, address, tls }, url.trim_end_matches('/').to_owned()))
}

/// Brings the schema up to date.
///
/// # Errors
/// [`Failure::Failed`].
pub async fn migrate(pools: &Pools) -> Result<(), Failure> {
    Migrator::up(&pools.write, None).await.map_err(|error| Failure::Failed(format!("migration: {error}")))
}

/// Refuses a database whose schema is behind.
///
/// # Errors
/// [`Failure::Usage`] when it is; [`Failure::Failed`] when it cannot be read.
pub async fn check_schema(pools: &Pools) -> Result<(), Failure> {
    let pending = Migrator::get_pending_migrations(&pools.write)
        .await
        .map_err(|error| Failure::Failed(format!("the schema cannot be read: {error}")))?;
    match pending.len() {
        0 => Ok(()),
        steps => Err(Failure::Usage(format!("The schema is {steps} steps behind; run `souk migrate` first."))),
    }
}

/// Refuses to begin without a key that persons' keys are wrapped by: their data could not be read; and
/// with another master secret than ever: nobody would be found by their address any more.
///
/// # Errors
/// [`Failure::Usage`] when one is missing, or the secret another.
pub async fn check_keys(store: &Store) -> Result<(), Failure> {
    if let Some(name) = rotation::missing_key(store).await? {
        return Err(Failure::Usage(format!(
            "The key {name} wraps keys of persons in this database and is not configured: SOUK_DATA_KEYS must have \
             it, or SOUK_SECRET must be the one that it follows from."
        )));
    }
    if !master::is_ours(store).await? {
        return Err(Failure::Usage(
            "SOUK_SECRET is another one than this database has been written with: accounts and orders would not be \
             found by their addresses. Set the one that it was; it cannot be changed."
                .into(),
        ));
    }
    Ok(())
}

/// Separates the queues of installations that share a Redis.
fn namespace(url: &DatabaseUrl) -> String {
    let text = match url {
        DatabaseUrl::Postgres(url) | DatabaseUrl::Sqlite(url) => url.expose_secret(),
    };
    let path = text.split('?').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    if plain.is_empty() { "souk".to_owned() } else { plain }
}

/// A secret for one purpose, from the master secret.
fn derive(secret: &SecretString, purpose: &str) -> String {
    account::token_hash(&format!("{purpose}\0{}", secret.expose_secret()))
}
