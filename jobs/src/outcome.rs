//! Ending a claim that the handler did not end: a retry, death, or giving it back unused.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, UpdateMany};
use souk_domain::job::Lease;
use souk_domain::{Code, Error, Result, Store, Tx};
use souk_entity::id::JobId;
use souk_entity::job;
use souk_entity::status::JobStatus;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::worker::insist;

/// What the column of the last error holds, in characters.
const LAST_ERROR_CHARS: usize = 2_000;
/// Ends of jobs checked in one read.
const CHECKED_AT_ONCE: usize = 256;
/// How long a check waits for others to join it.
const CHECK_PAUSE: Duration = Duration::from_millis(20);

/// Queues the job again, due at `run_at`. `false`: the lease was not ours any more.
///
/// # Errors
/// The database's.
pub(crate) async fn retry(store: &Store, lease: Lease, run_at: DateTime<Utc>, reason: String) -> Result<bool> {
    store
        .write(async |tx| {
            let retried = held(&tx, lease)
                .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
                .col_expr(job::Column::RunAt, Expr::value(run_at))
                .col_expr(job::Column::LastError, Expr::value(reason.as_str()))
                .exec(&**tx)
                .await?;
            Ok(retried.rows_affected > 0)
        })
        .await
}

/// Ends the job until an operator redrives it. `false`: the lease was not ours any more.
///
/// # Errors
/// The database's.
pub(crate) async fn bury(store: &Store, lease: Lease, reason: String) -> Result<bool> {
    store
        .write(async |tx| {
            let dead = held(&tx, lease)
                .col_expr(job::Column::Status, Expr::value(JobStatus::Dead))
                .col_expr(job::Column::LastError, Expr::value(reason.as_str()))
                .exec(&**tx)
                .await?;
            Ok(dead.rows_affected > 0)
        })
        .await
}

/// Gives claims back that were not used, due at once and without counting.
///
/// The number of claims is the fencing token and never goes back; instead one more is allowed.
///
/// # Errors
/// The database's.
pub(crate) async fn release(store: &Store, leases: &[Lease]) -> Result<u64> {
    if leases.is_empty() {
        return Ok(0);
    }
    let ours = leases.iter().fold(Condition::any(), |ours, lease| {
        ours.add(job::Column::Id.eq(lease.job_id).and(job::Column::Attempts.eq(lease.attempts)))
    });
    store
        .write(async |tx| {
            let released = job::Entity::update_many()
                .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
                .col_expr(job::Column::RunAt, Expr::value(tx.now))
                .col_expr(job::Column::MaxAttempts, Expr::col(job::Column::MaxAttempts).add(1))
                .col_expr(job::Column::UpdatedAt, Expr::value(tx.now))
                .filter(job::Column::Status.eq(JobStatus::Running))
                .filter(ours.clone())
                .exec(&**tx)
                .await?;
            Ok(released.rows_affected)
        })
        .await
}

/// Takes note of jobs whose handlers said that they are done, to be checked by [`complete_forgotten`].
pub(crate) type Finished = mpsc::UnboundedSender<Lease>;

/// Completes jobs whose handler said that they are done without ending their lease. Many are
/// checked in one read, because almost none needs it. Ends when nobody is left who could finish one.
pub(crate) async fn complete_forgotten(store: Store, mut finished: mpsc::UnboundedReceiver<Lease>) {
    let mut leases = Vec::new();
    while finished.recv_many(&mut leases, CHECKED_AT_ONCE).await > 0 {
        if leases.len() < CHECKED_AT_ONCE {
            // More come while this waits, and one look serves them all.
            sleep(CHECK_PAUSE).await;
            while leases.len() < CHECKED_AT_ONCE
                && let Ok(lease) = finished.try_recv()
            {
                leases.push(lease);
            }
        }
        let (reading, ended) = (store.clone(), std::mem::take(&mut leases));
        let open = insist("checking the end of jobs", async move || open(&reading, &ended).await).await;
        for lease in open.unwrap_or_default() {
            let store = store.clone();
            let completed = insist("completing a job", async move || {
                match store.write(async |tx| lease.complete(&tx).await).await {
                    // The read was of a replica behind the primary, or the lease ended in between.
                    Err(error) if error.code == Code::LeaseLost => Ok(false),
                    ended => ended.map(|()| true),
                }
            });
            if completed.await == Some(true) {
                tracing::error!(
                    id = %lease.job_id,
                    "a handler reported success without ending its lease; the runtime completed the job"
                );
            }
        }
    }
}

/// Those of `leases` that have not ended.
async fn open(store: &Store, leases: &[Lease]) -> Result<Vec<Lease>> {
    let rows: Vec<(JobId, i32)> = job::Entity::find()
        .select_only()
        .columns([job::Column::Id, job::Column::Attempts])
        .filter(job::Column::Id.is_in(leases.iter().map(|lease| lease.job_id)))
        .filter(job::Column::Status.eq(JobStatus::Running))
        .into_tuple()
        .all(store.read())
        .await?;
    // A job that was claimed again since is somebody else's.
    Ok(rows
        .into_iter()
        .map(|(job_id, attempts)| Lease { job_id, attempts })
        .filter(|lease| leases.contains(lease))
        .collect())
}

/// `error` with its causes, as the row keeps it.
pub(crate) fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    fitting(&text)
}

/// `text` cut to what the column holds, without the one character that PostgreSQL refuses.
pub(crate) fn fitting(text: &str) -> String {
    text.chars().filter(|char| *char != '\0').take(LAST_ERROR_CHARS).collect()
}

fn held(tx: &Tx, lease: Lease) -> UpdateMany<job::Entity> {
    job::Entity::update_many()
        .col_expr(job::Column::UpdatedAt, Expr::value(tx.now))
        .filter(job::Column::Id.eq(lease.job_id))
        .filter(job::Column::Attempts.eq(lease.attempts))
        .filter(job::Column::Status.eq(JobStatus::Running))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_fits_its_column() {
        let cause = std::io::Error::other("the disk\0 is full");
        let text = describe(&Error::internal(cause));
        assert!(text.starts_with("INTERNAL: ") && text.ends_with(": the disk is full"), "{text}");
        assert_eq!(fitting(&"é".repeat(3_000)).chars().count(), LAST_ERROR_CHARS);
    }
}
