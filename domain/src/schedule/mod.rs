//! Recurring work: when it is due, that each tick is run once, and what it came to.
//!
//! Most of what time brings has a job of its own, written by the transaction that causes it. Most
//! schedules are the net beneath those jobs: they ask again for what is missing. A tick is a job
//! like any other, with the schedule and the tick for its key.

pub mod cadence;
pub mod clean_up;
mod overdue;
mod payouts;
mod reservations;

use std::fmt;

use chrono::{SubsecRound, TimeDelta};
use sea_orm::{
    ActiveEnum, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QueryFilter, QuerySelect,
};
use souk_entity::status::{JobStatus, ScheduleName};
use souk_entity::{job as jobs, schedule};

use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::job::{self, Task};
use crate::store::{Store, Tx};
use cadence::cadence;

/// What is due for less than this is left to its own job, which may just be at it.
pub const GRACE: TimeDelta = TimeDelta::minutes(5);

/// At most so many things are read at once.
const BATCH: u64 = 500;

/// The longest outcome or error that is kept, in characters.
const LONGEST: usize = 2_000;

/// Makes the rows of schedules that have none, switched on and due at their next tick; what an
/// operator has changed stays.
///
/// # Errors
/// The database's.
pub async fn register(tx: &Tx) -> Result<()> {
    let rows = ScheduleName::iter().map(|name| schedule::ActiveModel {
        name: Set(name.to_string()),
        enabled: Set(true),
        next_tick: Set(cadence(name).next_after(tx.now)),
        last_tick: Set(None),
        last_started_at: Set(None),
        last_finished_at: Set(None),
        last_outcome: Set(None),
        last_error: Set(None),
        updated_at: Set(tx.now),
    });
    schedule::Entity::insert_many(rows)
        .on_conflict_do_nothing_on([schedule::Column::Name])
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}

/// All schedules, in the order of [`ScheduleName`]. Rows of another version's schedules are left out.
///
/// # Errors
/// The database's.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<(ScheduleName, schedule::Model)>> {
    let rows = schedule::Entity::find().all(db).await?;
    let mut known: Vec<_> =
        rows.into_iter().filter_map(|row| Some((ScheduleName::try_from_value(&row.name).ok()?, row))).collect();
    known.sort_by_key(|(name, _)| *name);
    Ok(known)
}

/// Asks for the run of a tick that is due, and moves on to the next tick after now: ticks that were
/// missed are run once and not once each. Of any number of processes that do this at the same
/// moment one succeeds; returns whether this one did.
///
/// # Errors
/// The database's.
pub async fn fire(tx: &Tx, name: ScheduleName) -> Result<bool> {
    let due = schedule::Entity::find_by_id(name.to_string())
        .filter(schedule::Column::Enabled.eq(true))
        .filter(schedule::Column::NextTick.lte(tx.now))
        .lock_exclusive()
        .one(&**tx)
        .await?;
    let Some(row) = due else { return Ok(false) };
    let next = schedule::ActiveModel {
        name: Set(row.name),
        next_tick: Set(cadence(name).next_after(tx.now)),
        last_tick: Set(Some(row.next_tick)),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    schedule::Entity::update(next).exec_without_returning(&**tx).await?;
    job::enqueue(tx, &Task::RunSchedule { schedule: name, tick: row.next_tick }, tx.now).await
}

/// Runs a schedule now, also one that is switched off; its next tick stays where it is.
///
/// # Errors
/// [`Code::AlreadyExists`] while its last run is still to come or under way; [`Code::NotFound`]
/// before any worker has started on this database.
pub async fn run_now(tx: &Tx, name: ScheduleName) -> Result<schedule::Model> {
    let row = lock(tx, name).await?;
    if let Some(tick) = row.last_tick {
        let last = jobs::Entity::find()
            .filter(jobs::Column::UniqueKey.eq(Task::RunSchedule { schedule: name, tick }.key()))
            .filter(jobs::Column::Status.is_in([JobStatus::Queued, JobStatus::Running]))
            .one(&**tx)
            .await?;
        if last.is_some() {
            let message = format!("A run of {name} is under way; its outcome will show at the schedule.");
            return Err(Error::new(Code::AlreadyExists, message));
        }
    }
    let tick = tx.now.trunc_subsecs(0);
    let asked = schedule::ActiveModel {
        name: Set(row.name),
        last_tick: Set(Some(tick)),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    let row = schedule::Entity::update(asked).exec(&**tx).await?;
    audit::note_named(tx, "schedule", &row.name, Fields::new().made("asked_for_tick", tick));
    // Awakened, as a run of the very same second may be over.
    job::awaken(tx, &Task::RunSchedule { schedule: name, tick }, tx.now).await?;
    Ok(row)
}

/// Switches a schedule on or off. One that is switched on again goes on with its next tick after
/// now, and does not make up for what it missed on purpose.
///
/// # Errors
/// [`Code::NotFound`] before any worker has started on this database.
pub async fn set_enabled(tx: &Tx, name: ScheduleName, enabled: bool) -> Result<schedule::Model> {
    let row = lock(tx, name).await?;
    if row.enabled == enabled {
        return Ok(row);
    }
    audit::note_named(tx, "schedule", &row.name, Fields::new().changed("enabled", row.enabled, enabled));
    let changed = schedule::ActiveModel {
        name: Set(row.name),
        enabled: Set(enabled),
        next_tick: Set(if enabled { cadence(name).next_after(tx.now) } else { row.next_tick }),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    Ok(schedule::Entity::update(changed).exec(&**tx).await?)
}

async fn lock(tx: &Tx, name: ScheduleName) -> Result<schedule::Model> {
    let row = schedule::Entity::find_by_id(name.to_string()).lock_exclusive().one(&**tx).await?;
    row.ok_or_else(|| Error::not_found("schedule"))
}

/// Notes that a run has begun.
///
/// # Errors
/// The database's.
pub async fn started(tx: &Tx, name: ScheduleName) -> Result<()> {
    note(tx, name, schedule::ActiveModel { last_started_at: Set(Some(tx.now)), ..Default::default() }).await
}

/// Notes what a run that has ended found and did.
///
/// # Errors
/// The database's.
pub async fn finished(tx: &Tx, name: ScheduleName, outcome: &str) -> Result<()> {
    let row = schedule::ActiveModel {
        last_finished_at: Set(Some(tx.now)),
        last_outcome: Set(Some(fitting(outcome))),
        last_error: Set(None),
        ..Default::default()
    };
    note(tx, name, row).await
}

/// Notes why a run failed; its job tries again.
///
/// # Errors
/// The database's.
pub async fn failed(tx: &Tx, name: ScheduleName, why: &str) -> Result<()> {
    note(tx, name, schedule::ActiveModel { last_error: Set(Some(fitting(why))), ..Default::default() }).await
}

async fn note(tx: &Tx, name: ScheduleName, row: schedule::ActiveModel) -> Result<()> {
    let row = schedule::ActiveModel { updated_at: Set(tx.now), ..row };
    schedule::Entity::update_many().set(row).filter(schedule::Column::Name.eq(name.to_string())).exec(&**tx).await?;
    Ok(())
}

fn fitting(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// What a catch-up found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caught {
    /// Jobs that were missing or over too early, and are asked for again.
    pub asked: u64,
    /// Things let go of at once.
    pub released: u64,
    /// Things whose job is dead, or that no operation of ours can mend: for an operator.
    pub stuck: u64,
    /// Things whose job an operator has discarded; left alone.
    pub discarded: u64,
}

impl Caught {
    fn and(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            released: self.released + other.released,
            stuck: self.stuck + other.stuck,
            discarded: self.discarded + other.discarded,
        }
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = [
            (self.asked, "asked for again"),
            (self.released, "released"),
            (self.stuck, "needs an operator"),
            (self.discarded, "left alone, as its job was discarded"),
        ];
        let told: Vec<String> =
            told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        match told.as_slice() {
            [] => f.write_str("Nothing was left behind."),
            told => write!(f, "Left behind: {}.", told.join(", ")),
        }
    }
}

/// Looks for what is overdue by more than [`GRACE`] although no job of its own is queued or
/// running, and sees to it that one is. Safe at any time and in any number of processes; each
/// batch is a transaction of its own. Schedules that catch up with nothing find nothing.
///
/// # Errors
/// The database's.
pub async fn catch_up(store: &Store, name: ScheduleName) -> Result<Caught> {
    match name {
        ScheduleName::ExpireCarts => overdue::catch_up(store, &overdue::CARTS).await,
        ScheduleName::ExpireOrders => {
            let orders = overdue::catch_up(store, &overdue::ORDERS).await?;
            Ok(orders.and(overdue::catch_up(store, &overdue::UNACCEPTED).await?))
        }
        ScheduleName::ReleaseReservations => reservations::catch_up(store).await,
        ScheduleName::SyncShipments => overdue::catch_up(store, &overdue::PARCELS).await,
        ScheduleName::CloseReturns => overdue::catch_up(store, &overdue::RETURNS).await,
        ScheduleName::CompleteSellerOrders => overdue::catch_up(store, &overdue::DELIVERED).await,
        ScheduleName::PayOut => payouts::catch_up(store).await,
        ScheduleName::CleanUp | ScheduleName::Verify => Ok(Caught::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_a_sentence() {
        assert_eq!(Caught::default().to_string(), "Nothing was left behind.");
        let caught = Caught { asked: 3, stuck: 1, ..Caught::default() };
        assert_eq!(caught.to_string(), "Left behind: 3 asked for again, 1 needs an operator.");
    }
}
