//! Violations in bulk uploads.

use uuid::Uuid;

use super::Gardener;
use crate::market::Market;

impl Gardener {
    /// The market has one batch: a row done, a row failed.
    pub fn batches(&mut self, market: &Market) {
        let batch = "SELECT id FROM batch";
        for set in ["total_rows = 3", "processed_rows = 1", "failed_rows = 2", "failed_rows = 0"] {
            self.plant("batch_counts_its_rows", batch, format!("UPDATE batch SET {set}"));
        }
        self.plant("batch_counts_its_rows", batch, "DELETE FROM batch_row");
        for status in ["receiving", "queued", "running", "completed", "failed"] {
            self.plant("batch_ends_with_its_rows", batch, format!("UPDATE batch SET status = '{status}'"));
        }
        for set in ["processed_rows = 1", "failed_rows = 0", "failed_rows = 2"] {
            self.plant("batch_ends_with_its_rows", batch, format!("UPDATE batch SET {set}"));
        }
        let invariant = "batch_row_tells_what_became_of_it";
        for set in [
            "status = 'pending' WHERE status = 'done'",
            "error = 'why' WHERE status = 'done'",
            "error = NULL WHERE status = 'failed'",
            "result = 'made' WHERE status = 'failed'",
        ] {
            self.plant(invariant, batch, format!("UPDATE batch_row SET {set}"));
        }
        self.plant(invariant, batch, "UPDATE batch SET done_line = 2");
        self.plant("imported_order_is_a_row", batch, "UPDATE batch SET kind = 'orders'");
        let order: Uuid = market.mixed.order.id.into();
        let import = format!(
            "INSERT INTO order_import (external_id, order_id, batch_id, imported_at) \
             SELECT 'their-1', {}, id, created_at FROM batch",
            self.id(order)
        );
        self.plant("imported_order_is_a_row", batch, import);
    }
}
