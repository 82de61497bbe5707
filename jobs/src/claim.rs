//! Taking jobs: from queued, or from a lease that has ended, to running under a new lease.
//!
//! Each kind is looked for by itself, through the partial index on (kind, run_at) of unfinished
//! jobs. So what a claim looks at is bounded by what may start, and a backlog of a kind that may
//! not start is never looked at. A kind that this version does not know is left to the version
//! that does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, EntityTrait, FromQueryResult, Iterable, QueryFilter,
    Statement,
};
use souk_domain::job::{LEASE_MARGIN, Lease, policy};
use souk_domain::{Error, Result, Store, Tx};
use souk_entity::id::JobId;
use souk_entity::job;
use souk_entity::status::{JobKind, JobStatus};

use crate::room::Places;

/// A job that is ours until `leased_until`.
///
/// The payload is kept as the text that the row holds, so that a row nobody can read does not fail
/// the claim of its neighbours.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub lease: Lease,
    pub kind: JobKind,
    pub payload: String,
    pub max_attempts: i32,
    pub leased_until: DateTime<Utc>,
}

/// What to claim.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Announced jobs, each of which may start.
    pub ids: Vec<JobId>,
    /// Kinds to look for, and how many of each may start if none of another does.
    pub probes: Vec<(JobKind, usize)>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Caught {
    /// Jobs to run.
    pub claimed: Vec<Claimed>,
    /// Kinds of the jobs whose last claim ended without a word; they are dead now.
    pub dead: Vec<JobKind>,
    /// Kinds that were looked for and of which fewer were due than asked for.
    pub exhausted: Vec<JobKind>,
}

#[derive(FromQueryResult)]
struct ClaimedRow {
    id: JobId,
    kind: JobKind,
    payload: String,
    attempts: i32,
    max_attempts: i32,
    run_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct DueRow {
    id: JobId,
    kind: JobKind,
    status: JobStatus,
    attempts: i32,
    max_attempts: i32,
    run_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct NextRow {
    kind: JobKind,
    run_at: Option<DateTime<Utc>>,
}

/// Claims what is wanted: of the announced jobs those that are still queued and due; of the kinds
/// looked for the longest due, queued or running under a lease that has ended, as `places` allow.
/// One whose last allowed claim ended that way becomes dead, because what kills its worker each
/// time would go on killing workers.
///
/// # Errors
/// The database's.
pub(crate) async fn claim(store: &Store, wanted: &Wanted, places: &Places) -> Result<Caught> {
    store
        .write(async |tx| {
            let mut which = Condition::any();
            if !wanted.ids.is_empty() {
                let queued = Condition::all()
                    .add(job::Column::Id.is_in(wanted.ids.iter().copied()))
                    .add(job::Column::Status.eq(JobStatus::Queued))
                    .add(job::Column::Kind.is_in(JobKind::iter()))
                    .add(job::Column::RunAt.lte(tx.now));
                which = which.add(queued);
            }
            let mut caught = Caught::default();
            if !wanted.probes.is_empty() {
                let mut places = places.clone();
                let due = due(&tx, &wanted.probes).await?;
                let found = |kind| due.iter().filter(|row| row.kind == kind).count();
                caught.exhausted =
                    wanted.probes.iter().filter(|(kind, limit)| found(*kind) < *limit).map(|(kind, _)| *kind).collect();
                let (spent, open): (Vec<_>, Vec<_>) = due
                    .into_iter()
                    .partition(|row| row.status == JobStatus::Running && row.attempts >= row.max_attempts);
                if !spent.is_empty() {
                    bury(&tx, &spent).await?;
                    caught.dead = spent.into_iter().map(|row| row.kind).collect();
                }
                let open: Vec<_> = open.iter().filter(|row| places.take(row.kind, 1) == 1).map(|row| row.id).collect();
                if !open.is_empty() {
                    // The rows are locked, or we are the only writer: nothing has changed since.
                    which = which.add(job::Column::Id.is_in(open));
                }
            }
            if !which.is_empty() {
                caught.claimed = lease(&tx, which).await?;
            }
            Ok(caught)
        })
        .await
}

/// When the next job of each of `kinds` is due, or its lease ends; may lie in the past. Kinds
/// without a job are left out.
///
/// # Errors
/// The database's.
pub(crate) async fn next_due(store: &Store, kinds: &[JobKind]) -> Result<Vec<(JobKind, DateTime<Utc>)>> {
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    let each: Vec<_> = kinds
        .iter()
        .map(|kind| {
            format!(
                "SELECT '{kind}' AS kind, (SELECT run_at FROM job WHERE kind = '{kind}' \
                 AND status IN ('queued', 'running') ORDER BY run_at LIMIT 1) AS run_at"
            )
        })
        .collect();
    let database = store.read();
    let statement = Statement::from_string(database.get_database_backend(), each.join(" UNION ALL "));
    let rows = NextRow::find_by_statement(statement).all(database).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.kind, row.run_at?))).collect())
}

/// The longest due of each kind, locked. The words stand in the text and not as parameters, because
/// neither database uses a partial index for a condition it does not see. No order beside `run_at`:
/// thousands of jobs may be due at one instant, and sorting them would look at them all.
async fn due(tx: &Tx, probes: &[(JobKind, usize)]) -> Result<Vec<DueRow>> {
    let backend = tx.get_database_backend();
    // Rows that another worker is claiming are passed over; SQLite has one writer.
    let lock = if backend == DatabaseBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let mut sql = String::new();
    for (kind, limit) in probes {
        // In the text, because a plan for any limit might sort the whole backlog; a power of two,
        // because each text is prepared anew.
        let limit = limit.next_power_of_two();
        // Writing to a String cannot fail.
        let _ = write!(
            sql,
            "{} SELECT * FROM (SELECT id, kind, status, attempts, max_attempts, run_at FROM job \
             WHERE kind = '{kind}' AND status IN ('queued', 'running') AND run_at <= $1 \
             ORDER BY run_at LIMIT {limit} {lock}) AS due_{kind}",
            if sql.is_empty() { "" } else { " UNION ALL" },
        );
    }
    let statement = Statement::from_sql_and_values(backend, sql, [tx.now.into()]);
    let mut rows = DueRow::find_by_statement(statement).all(&**tx).await?;
    rows.sort_unstable_by_key(|row| (row.run_at, row.id));
    Ok(rows)
}

async fn lease(tx: &Tx, which: Condition) -> Result<Vec<Claimed>> {
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
    let mut kinds: BTreeMap<Duration, Vec<JobKind>> = BTreeMap::new();
    for kind in JobKind::iter() {
        kinds.entry(policy(kind).timeout).or_default().push(kind);
    }
    let end = |timeout: Duration| -> Result<SimpleExpr> {
        Ok(Expr::value(now + TimeDelta::from_std(timeout + LEASE_MARGIN).map_err(Error::internal)?))
    };
    let mut case = CaseStatement::new();
    for (timeout, kinds) in kinds {
        let words = kinds.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
        case = case.case(Expr::cust(format!("kind IN ({words})")), end(timeout)?);
    }
    // Only known kinds are claimed.
    Ok(case.finally(Expr::col(job::Column::RunAt)).into())
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
