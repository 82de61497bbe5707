//! Taking jobs: from queued, or from a lease that has ended, to running under a new lease.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, LockBehavior, LockType, Query, SimpleExpr};
use sea_orm::{
    ActiveEnum, ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryFilter,
    QueryOrder, QuerySelect,
};
use souk_domain::job::{LEASE_MARGIN, Lease, policy};
use souk_domain::{Error, Result, Store, Tx};
use souk_entity::id::JobId;
use souk_entity::job;
use souk_entity::status::{JobKind, JobQueue, JobStatus};

/// The longest run of a kind that this version does not know.
const UNKNOWN_KIND_TIMEOUT: Duration = Duration::from_secs(30);

/// A job that is ours until `leased_until`.
///
/// Kind and payload are kept as the text that the row holds, so that a row nobody can read does
/// not fail the claim of its neighbours.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub lease: Lease,
    pub kind: String,
    pub payload: String,
    pub max_attempts: i32,
    pub leased_until: DateTime<Utc>,
}

/// What a sweep found.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// Jobs to run.
    pub claimed: Vec<Claimed>,
    /// Kinds of the jobs whose last claim ended without a word; they are dead now.
    pub dead: Vec<String>,
    /// Whether as many rows were due as were asked for, so that more may be.
    pub more: bool,
}

#[derive(FromQueryResult)]
struct ClaimedRow {
    id: JobId,
    kind: String,
    payload: String,
    attempts: i32,
    max_attempts: i32,
    run_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct DueRow {
    id: JobId,
    kind: String,
    status: JobStatus,
    attempts: i32,
    max_attempts: i32,
}

/// Claims those of `ids` that are queued and due in `queue`.
///
/// # Errors
/// The database's.
pub(crate) async fn named(store: &Store, queue: JobQueue, ids: Vec<JobId>) -> Result<Vec<Claimed>> {
    store
        .write(async |tx| {
            let queued = Condition::all()
                .add(job::Column::Id.is_in(ids.iter().copied()))
                .add(job::Column::Queue.eq(queue))
                .add(job::Column::Status.eq(JobStatus::Queued))
                .add(job::Column::RunAt.lte(tx.now));
            claim(&tx, queued).await
        })
        .await
}

/// Claims at most `limit` due jobs of `queue`, the longest due first: queued ones, and running
/// ones whose lease has ended. One whose last allowed claim ended that way becomes dead, because
/// what kills its worker each time would go on killing workers.
///
/// # Errors
/// The database's.
pub(crate) async fn due(store: &Store, queue: JobQueue, limit: usize) -> Result<Swept> {
    store
        .write(async |tx| {
            // On PostgreSQL rows that another worker is claiming are passed over; SQLite has one
            // writer and drops the clause.
            let due = job::Entity::find()
                .select_only()
                .columns([job::Column::Id, job::Column::Kind, job::Column::Status])
                .columns([job::Column::Attempts, job::Column::MaxAttempts])
                .filter(unfinished(queue))
                .filter(job::Column::RunAt.lte(tx.now))
                .order_by_asc(job::Column::RunAt)
                .order_by_asc(job::Column::Id)
                .limit(u64::try_from(limit).unwrap_or(u64::MAX))
                .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
                .into_model::<DueRow>()
                .all(&**tx)
                .await?;
            let more = due.len() >= limit;
            let (spent, open): (Vec<_>, Vec<_>) =
                due.into_iter().partition(|row| row.status == JobStatus::Running && row.attempts >= row.max_attempts);
            if !spent.is_empty() {
                bury(&tx, &spent).await?;
            }
            let claimed = if open.is_empty() {
                Vec::new()
            } else {
                // The rows are locked, or we are the only writer: nothing has changed since.
                claim(&tx, Condition::all().add(job::Column::Id.is_in(open.iter().map(|row| row.id)))).await?
            };
            Ok(Swept { claimed, dead: spent.into_iter().map(|row| row.kind).collect(), more })
        })
        .await
}

/// When the next job of `queue` is due, or its lease ends; may lie in the past.
///
/// # Errors
/// The database's.
pub(crate) async fn next_due(store: &Store, queue: JobQueue) -> Result<Option<DateTime<Utc>>> {
    let next = job::Entity::find()
        .select_only()
        .column(job::Column::RunAt)
        .filter(unfinished(queue))
        .order_by_asc(job::Column::RunAt)
        .limit(1)
        .into_tuple()
        .one(store.read())
        .await?;
    Ok(next)
}

/// Queued or running, in `queue`. The words stand in the text and not as parameters, because
/// neither database uses a partial index for a condition it does not see.
fn unfinished(queue: JobQueue) -> Condition {
    Condition::all().add(job::Column::Queue.eq(queue)).add(Expr::cust("status IN ('queued', 'running')"))
}

async fn claim(tx: &Tx, which: Condition) -> Result<Vec<Claimed>> {
    let mut update = Query::update();
    update
        .table(job::Entity)
        .value(job::Column::Status, Expr::value(JobStatus::Running))
        .value(job::Column::Attempts, Expr::col(job::Column::Attempts).add(1))
        .value(job::Column::RunAt, lease_end(tx.now)?)
        .value(job::Column::UpdatedAt, Expr::value(tx.now))
        .cond_where(which)
        .returning(Query::returning().exprs([
            Expr::col(job::Column::Id),
            Expr::col(job::Column::Kind),
            Expr::cust("CAST(payload AS text) AS payload"),
            Expr::col(job::Column::Attempts),
            Expr::col(job::Column::MaxAttempts),
            Expr::col(job::Column::RunAt),
        ]));
    let statement = tx.get_database_backend().build(&update);
    let mut rows = ClaimedRow::find_by_statement(statement).all(&**tx).await?;
    // RETURNING has no order; ids have that of their making.
    rows.sort_unstable_by_key(|row| row.id);
    Ok(rows
        .into_iter()
        .map(|row| Claimed {
            lease: Lease { job_id: row.id, attempts: row.attempts },
            kind: row.kind,
            payload: row.payload,
            max_attempts: row.max_attempts,
            leased_until: row.run_at,
        })
        .collect())
}

/// The end of a lease that begins `now`, which depends on how long the job's kind may run.
fn lease_end(now: DateTime<Utc>) -> Result<SimpleExpr> {
    let end = |timeout: Duration| -> Result<SimpleExpr> {
        Ok(Expr::value(now + TimeDelta::from_std(timeout + LEASE_MARGIN).map_err(Error::internal)?))
    };
    let mut kinds: BTreeMap<Duration, Vec<JobKind>> = BTreeMap::new();
    for kind in JobKind::iter() {
        kinds.entry(policy(kind).timeout).or_default().push(kind);
    }
    kinds.remove(&UNKNOWN_KIND_TIMEOUT);
    let otherwise = end(UNKNOWN_KIND_TIMEOUT)?;
    if kinds.is_empty() {
        return Ok(otherwise);
    }
    let mut case = CaseStatement::new();
    for (timeout, kinds) in kinds {
        case = case.case(job::Column::Kind.is_in(kinds), end(timeout)?);
    }
    Ok(case.finally(otherwise).into())
}

async fn bury(tx: &Tx, spent: &[DueRow]) -> Result<()> {
    job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Dead))
        .col_expr(
            job::Column::LastError,
            Expr::value("LEASE_EXPIRED: the lease of the last allowed claim ended without an outcome; the worker was killed or froze."),
        )
        .col_expr(job::Column::UpdatedAt, Expr::value(tx.now))
        .filter(job::Column::Id.is_in(spent.iter().map(|row| row.id)))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// How long a job of the kind named `kind` may run.
pub(crate) fn timeout_of(kind: &str) -> Duration {
    known_kind(kind).map_or(UNKNOWN_KIND_TIMEOUT, |kind| policy(kind).timeout)
}

/// The kind named `kind`, if this version knows it.
pub(crate) fn known_kind(kind: &str) -> Option<JobKind> {
    JobKind::try_from_value(&kind.to_owned()).ok()
}
