//! Dead jobs: putting them back in the queue, or giving them up.

use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::JobId;
use souk_entity::job;
use souk_entity::status::{JobKind, JobStatus};

use super::policy::policy;
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// The most jobs that one [`redrive_all`] puts back.
pub const REDRIVE_LIMIT: u64 = 1_000;

/// The longest reason that a discarded job keeps, in characters.
pub const REASON_CHARS: usize = 500;

/// Puts a dead job back in the queue with its claims counted anew.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] when the job is not dead.
pub async fn redrive(tx: &Tx, id: JobId) -> Result<job::Model> {
    let row = dead(tx, id, "redriven").await?;
    tx.wake_after_commit(row.kind, row.id);
    audit::note(tx, "job", id, Fields::new().changed("status", JobStatus::Dead, JobStatus::Queued));
    let job = job::ActiveModel {
        id: Set(id),
        status: Set(JobStatus::Queued),
        max_attempts: Set(row.attempts.saturating_add(policy(row.kind).max_attempts)),
        run_at: Set(tx.now),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    Ok(job::Entity::update(job).exec(&**tx).await?)
}

/// [`redrive`] for the dead jobs of `kind`, the oldest first, at most `limit` and never more than
/// [`REDRIVE_LIMIT`]; returns how many. Those that another transaction has locked are passed over.
///
/// # Errors
/// The database's.
pub async fn redrive_all(tx: &Tx, kind: JobKind, limit: u64) -> Result<u64> {
    let ids: Vec<JobId> = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::Kind.eq(kind))
        .filter(in_status(JobStatus::Dead))
        .order_by_asc(job::Column::Id)
        .limit(Ord::min(limit, REDRIVE_LIMIT))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(&**tx)
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    for id in &ids {
        tx.wake_after_commit(kind, *id);
        audit::note(tx, "job", *id, Fields::new().changed("status", JobStatus::Dead, JobStatus::Queued));
    }
    let redriven = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
        .col_expr(job::Column::MaxAttempts, Expr::col(job::Column::Attempts).add(policy(kind).max_attempts))
        .col_expr(job::Column::RunAt, Expr::value(tx.now))
        .col_expr(job::Column::UpdatedAt, Expr::value(tx.now))
        .filter(job::Column::Id.is_in(ids))
        .exec(&**tx)
        .await?;
    Ok(redriven.rows_affected)
}

/// Gives a dead job up for good; `reason` and why it last failed are kept.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] when the job is not dead; [`Code::InvalidValue`]
/// when the reason is blank or too long.
pub async fn discard(tx: &Tx, id: JobId, reason: &str) -> Result<job::Model> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS {
        let message = format!("The reason must have 1 to {REASON_CHARS} characters that are not blank.");
        return Err(Error::new(Code::InvalidValue, message));
    }
    dead(tx, id, "discarded").await?;
    audit::note(tx, "job", id, Fields::new().changed("status", JobStatus::Dead, JobStatus::Discarded));
    let job = job::ActiveModel {
        id: Set(id),
        status: Set(JobStatus::Discarded),
        discard_reason: Set(Some(reason.to_owned())),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    Ok(job::Entity::update(job).exec(&**tx).await?)
}

/// The jobs of a status. For all but `done` the words stand in the text, because neither database
/// uses a partial index for a condition that it does not see.
pub fn in_status(status: JobStatus) -> Expr {
    match status {
        JobStatus::Queued | JobStatus::Running => {
            Expr::cust(format!("job.status IN ('queued', 'running') AND job.status = '{status}'"))
        }
        JobStatus::Dead | JobStatus::Discarded => {
            Expr::cust(format!("job.status IN ('dead', 'discarded') AND job.status = '{status}'"))
        }
        JobStatus::Done => job::Column::Status.eq(status),
    }
}

async fn dead(tx: &Tx, id: JobId, what: &str) -> Result<job::Model> {
    let row = job::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(|| Error::not_found("job"))?;
    if row.status == JobStatus::Dead {
        Ok(row)
    } else {
        let message = format!("The job is {}; only a dead job can be {what}.", row.status);
        Err(Error::new(Code::IllegalTransition, message))
    }
}
