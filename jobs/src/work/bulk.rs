//! Bulk uploads.

use souk_domain::catalogue::batch;
use souk_domain::error::Result;
use souk_domain::job::Lease;
use souk_entity::id::BatchId;
use souk_entity::status::JobKind;

use super::Work;

impl Work {
    /// Applies the next rows of a batch and comes back for more, so that other jobs of the queue
    /// get their turn and a crash repeats nothing that is done.
    pub(super) async fn import_inventory(&self, lease: Lease, id: BatchId) -> Result<()> {
        self.store
            .write(async |tx| {
                if batch::apply_next(&tx, id).await? {
                    lease.continue_at(&tx, JobKind::ImportInventory, tx.now).await
                } else {
                    lease.complete(&tx).await
                }
            })
            .await
    }
}
