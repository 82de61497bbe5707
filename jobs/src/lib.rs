//! The durable job runtime: how rows of the job table become work done.
//!
//! The row is the truth. After a commit the ids of due jobs travel through a [`Lane`] (in process,
//! or Redis) to whichever worker is idle; that worker claims exactly those rows, runs the
//! [`Handler`] under a lease, and records a failure as a retry or as the job's death. A sweep
//! claims what no id announced: retries, jobs of a future hour, lost ids, and leases that ended
//! because their worker died. What the workers themselves are (concurrency, panics, restarts,
//! draining) is apalis; the backend below it is ours.

mod backend;
mod claim;
mod events;
mod gauges;
mod handler;
mod lane;
mod outcome;
mod room;
mod runtime;
mod scheduler;
mod work;
mod worker;

pub use events::{Bell, EventRuntime};
pub use handler::Handler;
pub use lane::Lane;
pub use runtime::{Runtime, WorkerConfig};
pub use scheduler::Scheduler;
pub use work::{Mail, Webhooks, Work};
