//! Buckets in Redis, for all replicas.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use redis::{Client, RedisResult, Script};
use souk_domain::limit::{Limiter, Rate, Verdict};

use super::InProcess;
use crate::line::Line;

/// A Redis that takes longer is not waited for, and then not asked for a while. Longer than a busy machine
/// pauses: each time, a process lets in as many as the budget says once more.
const LIMIT: Duration = Duration::from_millis(200);

/// [`Rate::admit`] where the buckets are: the key holds when the bucket is empty, in microseconds of
/// Redis' own clock, and goes when it is.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local filled = (tonumber(redis.call('GET', KEYS[1])) or now) - now
        filled = math.min(math.max(filled, 0), capacity)
        if filled + interval > capacity then return {0, filled} end
        filled = filled + interval
        redis.call('SET', KEYS[1], string.format('%.0f', now + filled), 'PX', math.ceil(filled / 1000))
        return {1, filled}",
    )
});

/// Counts for all processes that name the same namespace; for this one alone while Redis is away.
pub struct InRedis {
    line: Line,
    prefix: String,
    alone: InProcess,
}

impl InRedis {
    /// Counts in the Redis of this client.
    ///
    /// # Errors
    /// When the client cannot be made; a Redis that is away is none.
    pub fn new(client: Client, namespace: &str) -> RedisResult<Self> {
        Ok(Self {
            line: Line::new(client, LIMIT)?,
            prefix: format!("souk:{namespace}:limit"),
            alone: InProcess::default(),
        })
    }
}

#[async_trait]
impl Limiter for InRedis {
    async fn take(&self, bucket: &str, rate: Rate) -> Verdict {
        let mut connection = self.line.connection.clone();
        let mut take = TAKE.key(format!("{}:{bucket}", self.prefix));
        take.arg(rate.interval()).arg(rate.capacity());
        if let Some((allowed, filled)) = self.line.run(take.invoke_async::<(bool, u64)>(&mut connection)).await {
            return rate.verdict(allowed, filled);
        }
        metrics::counter!("rate_limit_alone_total").increment(1);
        self.alone.take(bucket, rate).await
    }
}
