//! Bulk uploads: every row counted, and told what became of it.

use super::{Invariant, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "batch_counts_its_rows",
        15,
        "A batch counts its rows, those that are done or failed, and those that failed, until its rows are removed.",
        "SELECT b.id AS id FROM batch b \
         LEFT JOIN (SELECT batch_id, count(*) AS total, count(CASE WHEN status <> 'pending' THEN 1 END) AS processed, \
                 count(CASE WHEN status = 'failed' THEN 1 END) AS failed \
             FROM batch_row GROUP BY batch_id) r ON r.batch_id = b.id \
         WHERE b.status <> 'receiving' AND b.rows_removed_at IS NULL AND (r.total IS NULL OR r.total <> b.total_rows \
             OR r.processed <> b.processed_rows OR r.failed <> b.failed_rows)",
    ),
    rows(
        "batch_ends_with_its_rows",
        15,
        "A batch is over when its last row is, and tells whether rows failed.",
        "SELECT b.id AS id FROM batch b WHERE CASE b.status \
             WHEN 'receiving' THEN b.total_rows <> 0 OR b.version <> 0 \
             WHEN 'queued' THEN b.processed_rows <> 0 \
             WHEN 'running' THEN b.processed_rows = b.total_rows \
             WHEN 'completed' THEN b.processed_rows <> b.total_rows OR b.failed_rows <> 0 \
             WHEN 'completed_with_errors' THEN b.processed_rows <> b.total_rows \
                 OR b.failed_rows = 0 OR b.failed_rows = b.total_rows \
             WHEN 'failed' THEN b.failed_rows <> b.total_rows \
             ELSE 1 = 0 END",
    ),
    rows(
        "batch_row_tells_what_became_of_it",
        15,
        "The rows of a batch are done in the order of the file; a failed one tells why, and only a done one has made \
         something.",
        "SELECT r.batch_id AS id FROM batch_row r JOIN batch b ON b.id = r.batch_id \
         WHERE (r.status = 'pending') <> (r.line > b.done_line) OR (r.status = 'failed') <> (r.error IS NOT NULL) \
             OR (r.result IS NOT NULL AND (r.status <> 'done' OR b.dry_run))",
    ),
    rows(
        "imported_order_is_a_row",
        15,
        "A batch has imported as many orders as it has done rows of them.",
        "SELECT b.id AS id FROM batch b \
         LEFT JOIN (SELECT batch_id, count(*) AS orders FROM order_import GROUP BY batch_id) i ON i.batch_id = b.id \
         WHERE coalesce(i.orders, 0) <> CASE WHEN b.kind = 'orders' AND NOT b.dry_run \
             THEN b.processed_rows - b.failed_rows ELSE 0 END",
    ),
];
