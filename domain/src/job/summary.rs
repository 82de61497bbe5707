//! How much work of each kind there is, at a bounded cost.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Iterable, Statement};
use souk_entity::status::JobKind;

use super::policy::{Policy, policy};
use crate::error::Result;

/// No number of a summary is counted further.
pub const COUNTED: i64 = 10_000;

/// The unfinished and dead jobs of a kind. Each number stops at [`COUNTED`], which then means "that
/// many or more"; done and discarded jobs are not counted, because nothing bounds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The kind.
    pub kind: JobKind,
    /// How it is run.
    pub policy: Policy,
    /// Queued and due.
    pub waiting: i64,
    /// Queued for later: scheduled, or waiting for another attempt.
    pub scheduled: i64,
    /// Running, those included whose worker died and whose lease has not ended yet.
    pub running: i64,
    /// Dead: an operator has to redrive or discard them.
    pub dead: i64,
    /// Since when the job that has been due the longest is waiting.
    pub oldest_due: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Row {
    what: String,
    kind: String,
    number: Option<i64>,
    due: Option<DateTime<Utc>>,
}

/// The work of each kind as of `now`: one statement, which looks at no more than a few times
/// [`COUNTED`] entries of two partial indexes per kind.
///
/// # Errors
/// The database's.
pub async fn summary(database: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<Summary>> {
    let unfinished = "status IN ('queued', 'running')";
    let mut sql = String::new();
    for kind in JobKind::iter() {
        // First, because PostgreSQL takes the types of a UNION from its first parts.
        let _ = write!(
            sql,
            "SELECT 'due' AS what, '{kind}' AS kind, CAST(NULL AS bigint) AS number, \
             (SELECT run_at FROM job WHERE kind = '{kind}' AND {unfinished} \
             AND status = 'queued' AND run_at <= $1 ORDER BY run_at LIMIT 1) AS due UNION ALL "
        );
        for (what, which) in [
            ("waiting", format!("{unfinished} AND status = 'queued' AND run_at <= $1")),
            ("scheduled", format!("{unfinished} AND status = 'queued' AND run_at > $1")),
            ("running", format!("{unfinished} AND status = 'running'")),
            ("dead", "status IN ('dead', 'discarded') AND status = 'dead'".to_owned()),
        ] {
            // Writing to a String cannot fail.
            let _ = write!(
                sql,
                "SELECT '{what}', '{kind}', count(*), NULL \
                 FROM (SELECT 1 FROM job WHERE kind = '{kind}' AND {which} LIMIT {COUNTED}) AS counted UNION ALL "
            );
        }
    }
    sql.truncate(sql.len() - " UNION ALL ".len());
    let statement = Statement::from_sql_and_values(database.get_database_backend(), sql, [now.into()]);
    let rows = Row::find_by_statement(statement).all(database).await?;
    let number = |what: &str, kind: &str| {
        rows.iter().find(|row| row.what == what && row.kind == kind).and_then(|row| row.number).unwrap_or_default()
    };
    Ok(JobKind::iter()
        .map(|kind| {
            let word = kind.to_string();
            Summary {
                kind,
                policy: policy(kind),
                waiting: number("waiting", &word),
                scheduled: number("scheduled", &word),
                running: number("running", &word),
                dead: number("dead", &word),
                oldest_due: rows.iter().find(|row| row.what == "due" && row.kind == word).and_then(|row| row.due),
            }
        })
        .collect())
}
