//! What the runtime asks of the code that does the work.

use async_trait::async_trait;
use souk_domain::job::{Lease, Task};

/// Does the work of a claimed job.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does `task` and ends the lease ([`Lease::complete`] or [`Lease::continue_at`]) in the
    /// transaction that writes its effect.
    ///
    /// It may run more than once for one job and may be dropped at any await point (its time is
    /// up, or the process stops), so what it asks of others must be safe to ask again.
    ///
    /// # Errors
    /// Any error but a lost lease counts as a failed claim: the job is tried again later, until
    /// its claims are used up.
    async fn run(&self, lease: Lease, task: Task) -> souk_domain::Result<()>;
}
