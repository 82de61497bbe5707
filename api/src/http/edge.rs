//! What stands between the network and the operations: how it is set up.

use std::sync::Arc;
use std::time::Duration;

use souk_domain::limit::Limiter;

use super::cors::Origins;
use super::limit::RateLimits;
use super::peer::TrustedProxies;

/// The set-up.
pub struct Edge {
    /// Proxies that are believed when they say whom they speak for.
    pub proxies: TrustedProxies,
    /// Sites whose pages may call this API.
    pub origins: Origins,
    /// How often somebody may ask.
    pub limits: RateLimits,
    /// Counts it.
    pub limiter: Arc<dyn Limiter>,
    /// A body that is read as a whole has come in after so long.
    pub body_time: Duration,
}
