//! The invariants of the marketplace, each a query that returns no rows on a sound database.
//!
//! Most are one SQL text that PostgreSQL and SQLite read alike and that names the offending rows.
//! Where the rule is a function of the domain (an order's state, a commission, the legal edges of
//! a history), rows are read in batches and held against that very function, so that rule and
//! check cannot drift apart.
//!
//! Every query is one statement and so sees one moment: nothing is reported because somebody
//! wrote between two reads, and a busy system may be checked while it works.

mod account;
mod audit;
mod batch;
mod event;
mod fulfilment;
mod history;
mod ledger;
mod notification;
mod order;
mod payment;
mod payout;
mod posting;
mod pricing;
mod privacy;
mod quiet;
mod recomputed;
mod refund;
mod sealed;
mod stock;
mod webhook;
mod work;

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::error::Result;
use crate::vault::Vault;
use recomputed::Recomputation;

/// At most this many offenders are named per invariant.
pub const MOST_OFFENDERS: usize = 20;

/// What was due longer ago than this is overdue: workers and sweeps need a moment.
pub const GRACE: TimeDelta = TimeDelta::seconds(60);

/// A rule that every sound database obeys.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Unique, `snake_case`, and itself a statement.
    pub name: &'static str,
    /// Its number in the list of the design; 0 for those that hold only once no work is pending.
    pub number: u8,
    /// The rule, for people.
    pub sentence: &'static str,
    check: Check,
}

/// How offenders are found.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// Each row of this query is one; see [`name`] for its columns.
    Rows(&'static str),
    /// The same, with `$1` the instant before which things due are overdue.
    Overdue(&'static str),
    /// Rows are held against functions of the domain.
    Recomputed(Recomputation),
}

/// What can be asked of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What holds after every commit, whatever is under way.
    AtEveryCommit,
    /// That, and what holds at the given instant once no work is pending.
    Quiet(DateTime<Utc>),
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// Its rule.
    pub sentence: &'static str,
    /// The rows that break it, by id, at most [`MOST_OFFENDERS`].
    pub offenders: Vec<String>,
    /// Whether there are more of them.
    pub more: bool,
}

impl Violation {
    /// Whether its rule holds only once no work is pending.
    pub fn is_quiet(&self) -> bool {
        invariants().iter().any(|invariant| invariant.name == self.invariant && invariant.is_quiet())
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let more = if self.more { ", and more" } else { "" };
        write!(f, "{}: not so for {}{more}. {}", self.invariant, self.offenders.join(", "), self.sentence)
    }
}

/// A rule whose offenders a query names.
const fn rows(name: &'static str, number: u8, sentence: &'static str, sql: &'static str) -> Invariant {
    Invariant { name, number, sentence, check: Check::Rows(sql) }
}

/// A rule that is held against a function of the domain.
const fn recomputed(name: &'static str, number: u8, sentence: &'static str, check: Recomputation) -> Invariant {
    Invariant { name, number, sentence, check: Check::Recomputed(check) }
}

/// The invariants by area.
const AREAS: &[&[Invariant]] = &[
    stock::INVARIANTS,
    order::INVARIANTS,
    pricing::INVARIANTS,
    fulfilment::INVARIANTS,
    payment::INVARIANTS,
    refund::INVARIANTS,
    ledger::INVARIANTS,
    posting::INVARIANTS,
    payout::INVARIANTS,
    history::INVARIANTS,
    event::INVARIANTS,
    work::INVARIANTS,
    batch::INVARIANTS,
    notification::INVARIANTS,
    webhook::INVARIANTS,
    audit::INVARIANTS,
    account::INVARIANTS,
    privacy::INVARIANTS,
    quiet::INVARIANTS,
];

/// Every invariant, in the order of areas.
pub fn invariants() -> &'static [Invariant] {
    static ALL: LazyLock<Vec<Invariant>> = LazyLock::new(|| AREAS.concat());
    &ALL
}

impl Invariant {
    /// Whether it holds only once no work is pending.
    pub fn is_quiet(&self) -> bool {
        self.number == 0
    }
}

/// Looks for violations of every invariant of `scope`; an empty answer is a sound database.
///
/// One statement per area tells which of its queries find something; only those are asked for whom.
///
/// # Errors
/// The database's; a value that the domain cannot read (a state that it does not know) is one too.
pub async fn verify(db: &impl ConnectionTrait, scope: Scope) -> Result<Vec<Violation>> {
    let overdue_before = match scope {
        Scope::Quiet(now) => Some(now - GRACE),
        Scope::AtEveryCommit => None,
    };
    let mut violations = Vec::new();
    for area in AREAS {
        let asked: Vec<&Invariant> =
            area.iter().filter(|invariant| overdue_before.is_some() || !invariant.is_quiet()).collect();
        let suspects = suspects(db, &asked, overdue_before).await?;
        for invariant in asked {
            let mut offenders = match invariant.check {
                Check::Recomputed(recomputation) => recomputed::offenders(db, recomputation).await?,
                Check::Rows(_) | Check::Overdue(_) if !suspects.iter().any(|name| name == invariant.name) => continue,
                Check::Rows(sql) => offenders(db, sql, []).await?,
                Check::Overdue(sql) => offenders(db, sql, overdue_before.map(Value::from)).await?,
            };
            if !offenders.is_empty() {
                let more = offenders.len() > MOST_OFFENDERS;
                offenders.truncate(MOST_OFFENDERS);
                violations.push(Violation { invariant: invariant.name, sentence: invariant.sentence, offenders, more });
            }
        }
    }
    Ok(violations)
}

/// [`verify`], and whether what is sealed opens, which takes the vault.
///
/// # Errors
/// As [`verify`].
pub async fn verify_with(db: &impl ConnectionTrait, vault: &Vault, scope: Scope) -> Result<Vec<Violation>> {
    let mut violations = verify(db, scope).await?;
    violations.extend(sealed::sealed(db, vault).await?);
    Ok(violations)
}

/// How many rules [`verify_with`] looks at.
pub fn rules(scope: Scope) -> usize {
    let asked = |invariant: &&Invariant| matches!(scope, Scope::Quiet(_)) || !invariant.is_quiet();
    invariants().iter().filter(asked).count() + 1
}

/// The names of those whose query finds something.
async fn suspects(
    db: &impl ConnectionTrait,
    asked: &[&Invariant],
    overdue_before: Option<DateTime<Utc>>,
) -> Result<Vec<String>> {
    let mut values = None;
    let mut questions = Vec::with_capacity(asked.len());
    for invariant in asked {
        let (Check::Rows(sql) | Check::Overdue(sql)) = invariant.check else { continue };
        if matches!(invariant.check, Check::Overdue(_)) {
            values = overdue_before.map(Value::from);
        }
        questions.push(format!("SELECT '{}' AS name WHERE EXISTS (SELECT 1 FROM ({sql}) AS found)", invariant.name));
    }
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let sql = questions.join(" UNION ALL ");
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.query_all_raw(statement).await?.iter().map(|row| Ok(row.try_get("", "name")?)).collect()
}

/// One offender more than are named, so that it shows whether there are more.
async fn offenders(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<String>> {
    let sql = format!("SELECT DISTINCT * FROM ({sql}) AS offenders ORDER BY 1 LIMIT {}", MOST_OFFENDERS + 1);
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.query_all_raw(statement).await?.iter().map(name).collect()
}

/// A row as people read it: the text `what` and the ids `id` and `part`, as far as it has them.
fn name(row: &QueryResult) -> Result<String> {
    let columns = row.column_names();
    let has = |column: &str| columns.iter().any(|name| name == column);
    let mut words = Vec::new();
    if has("what") {
        words.push(row.try_get::<String>("", "what")?);
    }
    for column in ["id", "part"] {
        if has(column) {
            // On an unsound database even an id may be missing.
            let id = row.try_get::<Option<Uuid>>("", column)?;
            words.push(id.map_or_else(|| "nothing".to_owned(), |id| id.to_string()));
        }
    }
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_snake_case_and_sentences_are_sentences() {
        let names: BTreeSet<&str> = invariants().iter().map(|invariant| invariant.name).collect();
        assert_eq!(names.len(), invariants().len());
        for Invariant { name, sentence, .. } in invariants() {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{name}: {sentence}");
        }
    }

    #[test]
    fn only_quiet_invariants_go_by_the_time() {
        for invariant in invariants() {
            assert!(invariant.is_quiet() || !matches!(invariant.check, Check::Overdue(_)), "{}", invariant.name);
        }
    }
}
