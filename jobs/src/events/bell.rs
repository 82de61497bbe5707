//! How the pump of this process hears at once of what this process commits.

use async_trait::async_trait;
use souk_domain::store::{AfterCommit, Committed};
use tokio::sync::Notify;

/// Rung by each commit that wrote events; the events of other processes are found by looking.
#[derive(Default)]
pub struct Bell(Notify);

impl Bell {
    /// Waits until it is rung; a ring that nobody waited for counts, several count as one.
    pub(crate) async fn rung(&self) {
        self.0.notified().await;
    }
}

#[async_trait]
impl AfterCommit for Bell {
    async fn committed(&self, change: &Committed) {
        if change.events {
            self.0.notify_one();
        }
    }
}
