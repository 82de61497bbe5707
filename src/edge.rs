//! Settings of what stands between the network and the API.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use souk_api::{Crowd, Edge, Origins, RateLimits, TrustedProxies};
use souk_domain::limit::Limiter;
use souk_integrations::limit::{InProcess, InRedis};

use crate::command::Failure;
use crate::server::Bounds;
use crate::tls::Tls;

/// Settings; each has an environment variable.
#[derive(Args, Clone, Debug)]
pub struct EdgeSettings {
    /// Networks (`10.0.0.0/8`) and addresses of proxies that are believed in `X-Forwarded-For` and `X-Forwarded-Proto`, comma-separated
    ///
    /// Without any, whoever connects is the peer.
    #[arg(long, env = "SOUK_TRUSTED_PROXIES", global = true, default_value = "", hide_default_value = true)]
    trusted_proxies: TrustedProxies,
    /// How often somebody may ask: `default`, `off`, or `class=per_minute:burst` for some classes, comma-separated
    #[arg(long, env = "SOUK_RATE_LIMITS", global = true, default_value = "default")]
    rate_limits: RateLimits,
    /// Sites whose pages may call the API from browsers: origins such as `https://shop.example`, comma-separated, or `*`
    #[arg(long, env = "SOUK_CORS_ORIGINS", global = true, default_value = "", hide_default_value = true)]
    cors_origins: Origins,
    /// A certificate and what it is signed by, in PEM: the API then speaks TLS
    ///
    /// Read again, with the key, when the process gets SIGHUP.
    #[arg(long, env = "SOUK_TLS_CERT", global = true, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, env = "SOUK_TLS_KEY", global = true, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Connections that are open at once; more wait to be accepted
    #[arg(long, env = "SOUK_MAX_CONNECTIONS", global = true, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_connections: u32,
    /// Connections that are open at once from one address, or one /64 of IPv6; more are closed at once
    ///
    /// Trusted proxies have no such bound, as they speak for many.
    #[arg(long, env = "SOUK_MAX_CONNECTIONS_PER_PEER", global = true, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_connections_per_peer: u32,
    /// Seconds in which the body of a request has to come in; files of rows have limits of their own
    #[arg(long, env = "SOUK_REQUEST_TIMEOUT_SECONDS", global = true, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600))]
    request_timeout_seconds: u32,
    /// Seconds after which a connection is closed on which no request is under way, the head of one does not come to its end, or nothing of an answer is taken
    ///
    /// A load balancer in front should give up idle connections sooner than this.
    #[arg(long, env = "SOUK_IDLE_TIMEOUT_SECONDS", global = true, default_value_t = 75, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    idle_timeout_seconds: u32,
}

impl EdgeSettings {
    /// For one person who plays everybody on one machine: nothing is limited, and nothing encrypted.
    pub fn open_house(&mut self) {
        self.rate_limits = RateLimits::OFF;
        self.max_connections_per_peer = self.max_connections;
        (self.tls_cert, self.tls_key) = (None, None);
    }

    /// TLS, where it is configured.
    ///
    /// # Errors
    /// [`Failure::Usage`] for files that are wrong.
    pub fn tls(&self) -> Result<Option<Arc<Tls>>, Failure> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Tls::open(certificate, key).map(Some),
            _ => Ok(None),
        }
    }

    /// What bounds connections, when the end may take this long.
    pub fn bounds(&self, shutdown: Duration) -> Bounds {
        Bounds { connections: self.max_connections, idle: seconds(self.idle_timeout_seconds), shutdown }
    }

    /// What bounds the connections of one site.
    pub fn crowd(&self) -> Crowd {
        Crowd::new(self.trusted_proxies.clone(), self.max_connections_per_peer as usize)
    }

    /// The API's own edge, which counts in Redis where there is one.
    ///
    /// # Errors
    /// [`Failure::Failed`] when the client of Redis cannot be made.
    pub fn edge(&self, redis: Option<&redis::Client>, namespace: &str) -> Result<Edge, Failure> {
        let limiter: Arc<dyn Limiter> = match redis {
            Some(client) => Arc::new(
                InRedis::new(client.clone(), namespace)
                    .map_err(|error| Failure::Failed(format!("REDIS_URL: {error}")))?,
            ),
            None => Arc::new(InProcess::default()),
        };
        Ok(Edge {
            proxies: self.trusted_proxies.clone(),
            origins: self.cors_origins.clone(),
            limits: self.rate_limits.clone(),
            limiter,
            body_time: seconds(self.request_timeout_seconds),
        })
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}
