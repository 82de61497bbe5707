//! Ending a claim that the handler did not end: a retry, death, or giving it back unused.

use std::error::Error as _;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, UpdateMany};
use souk_domain::job::Lease;
use souk_domain::{Code, Error, Result, Store, Tx};
use souk_entity::job;
use souk_entity::status::JobStatus;

/// What the column of the last error holds, in characters.
const LAST_ERROR_CHARS: usize = 2_000;

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

/// Completes a job whose handler said that it is done without ending its lease; `true` when that
/// was so. The usual case costs one read.
///
/// # Errors
/// The database's.
pub(crate) async fn complete_forgotten(store: &Store, lease: Lease) -> Result<bool> {
    let forgotten = job::Entity::find_by_id(lease.job_id)
        .filter(job::Column::Status.eq(JobStatus::Running))
        .filter(job::Column::Attempts.eq(lease.attempts));
    if sea_orm::PaginatorTrait::count(forgotten, store.read()).await? == 0 {
        return Ok(false);
    }
    match store.write(async |tx| lease.complete(&tx).await).await {
        Ok(()) => Ok(true),
        // The read was of a replica behind the primary, or the lease ended in between.
        Err(error) if error.code == Code::LeaseLost => Ok(false),
        Err(error) => Err(error),
    }
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
