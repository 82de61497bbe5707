//! Recurring work.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use souk_domain::error::{Code, Result};
use souk_domain::job::Lease;
use souk_domain::schedule::{self, clean_up};
use souk_domain::verify::{self, Scope, Violation};
use souk_entity::status::{JobKind, ScheduleName};

use super::Work;
use crate::outcome;

/// After this long a clean-up goes on as its own continuation, so that one with much to remove is
/// not stopped by its time limit.
const CLEAN_UP_PART: TimeDelta = TimeDelta::minutes(5);

impl Work {
    /// Does what a schedule is for, and notes how it went.
    pub(super) async fn run_schedule(&self, lease: Lease, name: ScheduleName, tick: DateTime<Utc>) -> Result<()> {
        tracing::info!(schedule = %name, %tick, "a schedule runs");
        self.store.write(async |tx| schedule::started(&tx, name).await).await?;
        let ended = match name {
            ScheduleName::CleanUp => self.clean_up(lease).await,
            ScheduleName::Verify => self.verify_database(lease).await,
            _ => self.catch_up(lease, name).await,
        };
        match ended {
            Err(error) if error.code != Code::LeaseLost => {
                let why = outcome::describe(&error);
                self.store.write(async |tx| schedule::failed(&tx, name, &why).await).await?;
                Err(error)
            }
            ended => ended,
        }
    }

    async fn end_schedule(&self, lease: Lease, name: ScheduleName, outcome: &str) -> Result<()> {
        self.store
            .write(async |tx| {
                schedule::finished(&tx, name, outcome).await?;
                lease.complete(&tx).await
            })
            .await
    }

    async fn catch_up(&self, lease: Lease, name: ScheduleName) -> Result<()> {
        let caught = schedule::catch_up(&self.store, name).await?;
        if caught.asked + caught.released > 0 {
            tracing::warn!(schedule = %name, ?caught, "something was left behind by its own job");
        }
        self.end_schedule(lease, name, &caught.to_string()).await
    }

    /// Removes what is kept for a time only.
    async fn clean_up(&self, lease: Lease) -> Result<()> {
        let begin = self.store.now();
        let mut removed = BTreeMap::new();
        for retention in clean_up::RETENTIONS {
            loop {
                let (some, more) = clean_up::remove_some(&self.store, retention).await?;
                *removed.entry(retention.what).or_insert(0) += some;
                if !more {
                    break;
                }
                if self.store.now() - begin > CLEAN_UP_PART {
                    let outcome = format!("{} There is more, and it goes on.", told(&removed));
                    return self.continue_clean_up(lease, &outcome).await;
                }
            }
        }
        self.store.empty_log().await;
        self.end_schedule(lease, ScheduleName::CleanUp, &told(&removed)).await
    }

    async fn continue_clean_up(&self, lease: Lease, outcome: &str) -> Result<()> {
        self.store
            .write(async |tx| {
                schedule::finished(&tx, ScheduleName::CleanUp, outcome).await?;
                lease.continue_at(&tx, JobKind::CleanUp, tx.now).await
            })
            .await
    }

    /// Checks every invariant, outside of any transaction: each is one statement and so sees one
    /// moment. Those that hold only while nothing is under way are told of too, for a person to
    /// judge; on a busy installation some of them are broken at any time.
    async fn verify_database(&self, lease: Lease) -> Result<()> {
        let scope = Scope::Quiet(self.store.now());
        let violations = verify::verify_with(self.store.read(), self.store.vault(), scope).await?;
        let (quiet, broken): (Vec<_>, Vec<_>) = violations.iter().partition(|violation| violation.is_quiet());
        metrics::gauge!("invariant_violations", "scope" => "at_every_commit").set(number(broken.len()));
        metrics::gauge!("invariant_violations", "scope" => "quiet").set(number(quiet.len()));
        for violation in &broken {
            tracing::error!(%violation, "an invariant is violated");
        }
        for violation in &quiet {
            tracing::warn!(%violation, "something is overdue, unresolved or given up");
        }
        let checked = verify::rules(scope);
        let mut outcome = match broken.len() + quiet.len() {
            0 => format!("{checked} invariants hold."),
            violated => format!("{} of {checked} invariants hold.", checked - violated),
        };
        if !broken.is_empty() {
            outcome += &format!(" Violated: {}.", names(&broken));
        }
        if !quiet.is_empty() {
            outcome += &format!(" Not quiet: {}.", names(&quiet));
        }
        self.end_schedule(lease, ScheduleName::Verify, &outcome).await
    }
}

fn told(removed: &BTreeMap<&'static str, u64>) -> String {
    let told: Vec<String> =
        removed.iter().filter(|(_, rows)| **rows > 0).map(|(what, rows)| format!("{rows} {what}")).collect();
    if told.is_empty() { "Nothing to remove.".to_owned() } else { format!("Removed {}.", told.join(", ")) }
}

fn names(violations: &[&Violation]) -> String {
    violations.iter().map(|violation| violation.invariant).collect::<Vec<_>>().join(", ")
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_a_sentence() {
        assert_eq!(told(&BTreeMap::from([("jobs", 0)])), "Nothing to remove.");
        assert_eq!(told(&BTreeMap::from([("jobs", 2), ("refresh tokens", 0)])), "Removed 2 jobs.");
    }
}
