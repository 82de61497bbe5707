//! Configuration from environment variables and flags, checked before anything is begun.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use souk_domain::payment::refund::approval::Limits;
use souk_domain::vault::Vault;
use souk_domain::webhook::target::Targets;

use crate::command::Failure;
use crate::edge::EdgeSettings;

/// Settings that every command shares; each has an environment variable.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// PostgreSQL (`postgres://…`) or SQLite (`sqlite://path?mode=rwc`); a SQLite file in the data directory when left out
    #[arg(long, env = "DATABASE_URL", global = true, hide_env_values = true)]
    database_url: Option<SecretString>,
    /// Redis (`redis://…`) that wakes workers of other processes; left out, jobs are woken in this process
    #[arg(long, env = "REDIS_URL", global = true, hide_env_values = true)]
    redis_url: Option<SecretString>,
    /// Where the embedded database, its secret and the demo's labels are
    #[arg(long, env = "SOUK_DATA_DIR", global = true, default_value = "souk-data")]
    pub data_dir: PathBuf,
    /// Address that the API listens on; port 0 takes a free one
    #[arg(long, env = "SOUK_BIND", global = true, default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,
    /// Where the API is reached from outside; the bound address when left out
    #[arg(long, env = "SOUK_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// Master secret of at least 32 characters, the same for all processes; needed with PostgreSQL, made in the data directory otherwise
    #[arg(long, env = "SOUK_SECRET", global = true, hide_env_values = true)]
    secret: Option<SecretString>,
    /// Keys that sign access tokens, `id:base64` of 32 bytes or more, separated by commas: the first signs, all verify
    ///
    /// To replace one, put the new one first, and take the old one away ten minutes after the last process has it.
    /// When left out, one is derived from the master secret.
    #[arg(long, env = "SOUK_TOKEN_KEYS", global = true, hide_env_values = true)]
    pub token_keys: Option<SecretString>,
    /// Keys that wrap the keys of persons, as `name:base64 of 32 bytes`, comma-separated: the first wraps, all open; left out, one follows from the master secret
    ///
    /// `souk keys rotate` goes over to the first. The key of the master secret still opens what it has wrapped.
    #[arg(long, env = "SOUK_DATA_KEYS", global = true, hide_env_values = true)]
    data_keys: Option<SecretString>,
    /// E-mail address of an administrator that is made when there is none of this address
    #[arg(long, env = "SOUK_ADMIN_EMAIL", global = true, requires = "admin_password")]
    pub admin_email: Option<String>,
    /// The administrator's password, 10 characters or more
    #[arg(long, env = "SOUK_ADMIN_PASSWORD", global = true, hide_env_values = true, requires = "admin_email")]
    pub admin_password: Option<SecretString>,
    /// Token of 16 characters or more that `/metrics` takes as a bearer token; without it only this machine is answered
    #[arg(long, env = "SOUK_METRICS_TOKEN", global = true, hide_env_values = true)]
    metrics_token: Option<SecretString>,
    /// Milliseconds between attempts to sign in after five failures at an account, or thirty from a network, 1 to 60000
    ///
    /// They double with every further failure, up to sixty times as long.
    #[arg(long, env = "SOUK_SIGN_IN_DELAY_MS", global = true, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub sign_in_delay_ms: u32,
    /// Minutes for which an unpaid order holds its stock
    #[arg(long, env = "SOUK_PAYMENT_WINDOW_MINUTES", global = true, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub payment_window_minutes: u32,
    /// What operators may refund of one order without a second operator's approval, by currency
    ///
    /// `USD:500.00,JPY:60000,*:500`: `*` has to be there for all other currencies, in whole units of each; `none` in
    /// place of an amount is no limit, and `*:none` alone switches approvals off.
    #[arg(long, env = "SOUK_REFUND_APPROVAL_ABOVE", global = true, default_value = "*:500", value_parser = limits)]
    pub refund_approval_above: Limits,
    /// The shortest return window that sellers may set, in days: what the law of the marketplace's countries asks for
    ///
    /// Up to the 30 days that a new seller begins with. Windows that are set already, and orders, keep theirs.
    #[arg(long, env = "SOUK_RETURN_WINDOW_MINIMUM_DAYS", global = true, default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..=30))]
    pub return_window_minimum_days: i32,
    /// Database connections of this process, 2 to 200 (SQLite: readers)
    #[arg(long, env = "SOUK_DB_CONNECTIONS", global = true, default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=200))]
    pub db_connections: u32,
    /// Jobs of each of the queues money, fulfilment and events at once, 1 to 256; bulk takes a quarter
    ///
    /// Each kind of a queue has one place of its own, so that none waits for another; the rest is shared.
    #[arg(long, env = "SOUK_WORKER_CONCURRENCY", global = true, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub worker_concurrency: u32,
    /// Seconds that running requests and jobs get to end when the process is asked to stop
    #[arg(long, env = "SOUK_SHUTDOWN_SECONDS", global = true, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=600))]
    shutdown_seconds: u32,
    /// Where e-mail goes: `smtp://user:password@host:587` (with `?tls=none` where there is no TLS), `smtps://…`, `file` or `log`
    ///
    /// `file` writes each message into `mail` of the data directory and is what happens with the embedded database;
    /// `log` only names it in the log, and is what happens with PostgreSQL when this is left out.
    #[arg(long, env = "SOUK_MAIL", global = true, hide_env_values = true)]
    pub mail: Option<SecretString>,
    /// Who e-mail is from: `name@example.com` or `Name <name@example.com>`; needed with a mail server
    #[arg(long, env = "SOUK_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,
    /// Where people see their orders (`/orders/{id}`, for sellers `/seller/orders/{id}` and `/seller/inventory`); left out, e-mail has no links
    #[arg(long, env = "SOUK_STOREFRONT_URL", global = true)]
    pub storefront_url: Option<String>,
    /// What stands between the network and the API
    #[command(flatten)]
    pub edge: EdgeSettings,
    /// Where events are told
    #[command(flatten)]
    pub brokers: BrokerSettings,
    /// Whether answers about orders are kept for 10 to 30 minutes: in Redis, or in this process on the embedded database
    ///
    /// PostgreSQL without Redis keeps none.
    #[arg(long, env = "SOUK_CACHE", global = true, value_enum, default_value_t = Switch::On)]
    pub cache: Switch,
    /// So many of the newest open orders are put into the cache at the start, up to 10000
    #[arg(long, env = "SOUK_CACHE_WARM", global = true, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub cache_warm: u32,
    /// Whether the simulated payment provider and carrier are there; never where real money is meant
    #[arg(long, env = "SOUK_SIMULATOR", global = true, default_value_t = true, action = clap::ArgAction::Set)]
    pub simulator: bool,
    /// Seconds between scans of the simulated carrier; left out, parcels move only when told to
    #[arg(long, env = "SOUK_SIMULATOR_TRANSIT_SECONDS", global = true, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    simulator_transit_seconds: Option<u32>,
    /// Milliseconds that the simulated provider and carrier take to answer
    #[arg(long, env = "SOUK_SIMULATOR_LATENCY_MS", global = true, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=60_000))]
    simulator_latency_ms: u32,
    /// Percent of the calls to the simulated provider and carrier that fail, half of them after their effect, and of their webhooks that are lost, doubled or late
    #[arg(long, env = "SOUK_SIMULATOR_TROUBLE_PERCENT", global = true, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50))]
    pub simulator_trouble_percent: u32,
    /// Whether sellers' webhooks may go to private addresses and over http: for development on one machine, never where sellers are strangers
    #[arg(long, env = "SOUK_WEBHOOK_PRIVATE_TARGETS", global = true, default_value_t = false, action = clap::ArgAction::Set)]
    webhook_private_targets: bool,
    /// What is logged, as a tracing filter
    ///
    /// `warn,souk=info,souk::http=warn` when left out (the demo: `warn`); `souk::http=info` logs each request.
    #[arg(long, env = "SOUK_LOG", global = true)]
    pub log: Option<String>,
    /// How log lines look
    #[arg(long, env = "SOUK_LOG_FORMAT", global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// Message brokers that events are told to.
#[derive(Args, Clone, Debug)]
pub struct BrokerSettings {
    /// Whether events are told to the Redis stream `souk:{database}:events`, when there is a REDIS_URL; it keeps the last million or so
    #[arg(long, env = "SOUK_REDIS_STREAM", global = true, default_value_t = true, action = clap::ArgAction::Set)]
    pub redis_stream: bool,
    /// Addresses of Kafka brokers (`host:9092`, comma-separated) that events are told to; takes a build with the feature kafka
    #[arg(long, env = "SOUK_KAFKA_BROKERS", global = true)]
    pub kafka_brokers: Option<String>,
    /// The topic of events in Kafka
    #[arg(long, env = "SOUK_KAFKA_TOPIC", global = true, default_value = "souk.events")]
    pub kafka_topic: String,
    /// RabbitMQ (`amqp://…` or `amqps://…`) that events are told to; takes a build with the feature rabbitmq
    #[arg(long, env = "SOUK_RABBITMQ_URL", global = true, hide_env_values = true)]
    pub rabbitmq_url: Option<SecretString>,
    /// The topic exchange of events in RabbitMQ, made when it is not there
    #[arg(long, env = "SOUK_RABBITMQ_EXCHANGE", global = true, default_value = "souk.events")]
    pub rabbitmq_exchange: String,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// Which database is used; an address may hold a password.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A server.
    Postgres(SecretString),
    /// A file.
    Sqlite(SecretString),
}

impl Settings {
    /// The database, with the embedded one's directory made.
    ///
    /// # Errors
    /// [`Failure::Usage`] for another kind of URL.
    pub fn database(&self) -> Result<DatabaseUrl, Failure> {
        match &self.database_url {
            None => {
                std::fs::create_dir_all(&self.data_dir).map_err(|error| {
                    Failure::Usage(format!("SOUK_DATA_DIR: {} cannot be made: {error}", self.data_dir.display()))
                })?;
                Ok(DatabaseUrl::Sqlite(sqlite_url(&self.data_dir.join("souk.db"))))
            }
            Some(url) => match url.expose_secret().split_once(':') {
                Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                    Ok(DatabaseUrl::Postgres(url.clone()))
                }
                Some(("sqlite", _)) => Ok(DatabaseUrl::Sqlite(url.clone())),
                _ => Err(Failure::Usage("DATABASE_URL must begin with postgres:// or sqlite://.".into())),
            },
        }
    }

    /// Uses this SQLite file, whatever the environment says.
    pub fn use_sqlite(&mut self, file: &Path) {
        self.database_url = Some(sqlite_url(file));
        self.redis_url = None;
    }

    /// Redis, where there is one.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a URL that is not Redis'.
    pub fn redis(&self) -> Result<Option<redis::Client>, Failure> {
        self.redis_url
            .as_ref()
            .map(|url| {
                // Why not is left out, as it may quote the address with its password.
                redis::Client::open(url.expose_secret()).map_err(|_| {
                    let how = "REDIS_URL is not a Redis address: it must be like redis://user:password@host:6379/0 \
                               (or rediss://), with special characters of the password percent-encoded.";
                    Failure::Usage(how.into())
                })
            })
            .transpose()
    }

    /// The master secret: given, or for the embedded database made once and kept beside it.
    ///
    /// # Errors
    /// [`Failure::Usage`] when it is too short, or missing with PostgreSQL.
    pub fn secret(&self) -> Result<SecretString, Failure> {
        if let Some(secret) = &self.secret {
            return if secret.expose_secret().len() >= 32 {
                Ok(secret.clone())
            } else {
                Err(Failure::Usage("SOUK_SECRET must have at least 32 characters.".into()))
            };
        }
        if let DatabaseUrl::Postgres(_) = self.database()? {
            return Err(Failure::Usage(
                "SOUK_SECRET is needed with PostgreSQL, the same for all processes: 32 characters or more, for \
                 example from `openssl rand -hex 32`."
                    .into(),
            ));
        }
        keep_secret(&self.data_dir)
    }

    /// What opens and seals personal data.
    ///
    /// # Errors
    /// [`Failure::Usage`] for keys or a secret that are none.
    pub fn vault(&self) -> Result<Vault, Failure> {
        // As docker-compose.yml hands it on where it is not set.
        let keys = self.data_keys.as_ref().filter(|keys| !keys.expose_secret().is_empty());
        Vault::new(keys, &self.secret()?).map_err(|error| Failure::Usage(format!("SOUK_DATA_KEYS: {}", error.message)))
    }

    /// The token that `/metrics` takes.
    ///
    /// # Errors
    /// [`Failure::Usage`] for one that could be guessed.
    pub fn metrics_token(&self) -> Result<Option<SecretString>, Failure> {
        if self.metrics_token.as_ref().is_some_and(|token| token.expose_secret().len() < 16) {
            return Err(Failure::Usage("SOUK_METRICS_TOKEN must have at least 16 characters.".into()));
        }
        Ok(self.metrics_token.clone())
    }

    /// How long the end of the process may take.
    pub fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds.into())
    }

    /// Where sellers' webhooks may go.
    pub fn webhook_targets(&self) -> Targets {
        if self.webhook_private_targets { Targets::Any } else { Targets::Public }
    }

    /// How the simulated companies behave.
    pub fn simulator_pace(&self) -> (Option<Duration>, Duration) {
        let transit = self.simulator_transit_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        (transit, Duration::from_millis(self.simulator_latency_ms.into()))
    }
}

fn limits(text: &str) -> Result<Limits, String> {
    text.parse().map_err(|error: souk_domain::Error| error.message)
}

fn sqlite_url(file: &Path) -> SecretString {
    format!("sqlite://{}?mode=rwc", file.display()).into()
}

fn keep_secret(directory: &Path) -> Result<SecretString, Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    std::fs::create_dir_all(directory)?;
    let file = directory.join("secret");
    let made: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
        Ok(mut new) => {
            new.write_all(made.as_bytes())?;
            Ok(SecretString::from(made))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let kept = std::fs::read_to_string(&file)?;
            if kept.len() < 32 {
                return Err(Failure::Usage(format!("{} is damaged; delete it to make a new one.", file.display())));
            }
            Ok(SecretString::from(kept))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn settings_are_shown_without_their_secrets() {
        let line = Line::parse_from([
            "souk",
            "--database-url=postgres://souk:hidden-1@db/souk",
            "--redis-url=redis://:hidden-2@cache",
            "--secret=hidden-3",
            "--token-keys=a:hidden-4",
            "--admin-email=admin@example.com",
            "--admin-password=hidden-5",
            "--mail=smtp://souk:hidden-6@mail:587",
            "--rabbitmq-url=amqp://souk:hidden-7@broker",
        ]);
        let shown = format!("{:?} {:?}", line.settings, line.settings.database().unwrap());
        assert!(shown.contains("admin@example.com") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn an_address_that_is_refused_is_not_repeated() {
        let read = |name: &str, url: &str| Line::parse_from(["souk", format!("--{name}={url}").as_str()]).settings;
        for url in ["mysql://souk:hidden@db/souk", "souk:hidden@db", "postgres:souk:hidden@db", "hidden"] {
            let refused = read("database-url", url).database().unwrap_err().to_string();
            assert!(refused.starts_with("DATABASE_URL") && !refused.contains("hidden"), "{refused}");
        }
        for url in ["redis://souk:hidden@cache:port", "http://souk:hidden@cache", "hidden", "redis://a:hidden@c/x"] {
            let refused = read("redis-url", url).redis().map(drop).unwrap_err().to_string();
            assert!(refused.starts_with("REDIS_URL") && !refused.contains("hidden"), "{refused}");
        }
    }
}
