//! Counts requests: in Redis for all replicas, or in this process.

mod in_process;
mod in_redis;

pub use in_process::InProcess;
pub use in_redis::InRedis;
