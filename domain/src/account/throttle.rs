//! Guessing passwords and codes is slowed down, per account and per network; nobody is locked out.
//!
//! Whoever tries takes a turn before what they show is looked at. After some free failures, turns
//! of the same account, or of the same network, come one after the other with a pause that
//! doubles. A network from which somebody has signed in to the account lately has turns of its own
//! there: however much strangers try, they keep nobody out who signs in from where they usually do.
//! Attempts at accounts that do not exist are counted just the same.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use souk_entity::id::UserId;
use souk_entity::sign_in_throttle as table;

use crate::audit;
use crate::error::Result;
use crate::keyed_hash::keyed_hash;
use crate::store::Tx;

/// So many failures at an account are free.
pub const FREE: i64 = 5;

/// So many failures from a network are free: many people may share one.
pub const FREE_FROM_NETWORK: i64 = 30;

/// Failures count for so long, from the first one on.
pub const WINDOW: TimeDelta = TimeDelta::hours(1);

/// The longest pause, in first pauses.
pub const LONGEST: i32 = 60;

/// A turn that is later than this is not waited for: whoever asks is told when to come back.
pub const HELD: TimeDelta = TimeDelta::seconds(5);

/// A network is known to an account for so long after a sign-in.
pub const KNOWN: TimeDelta = TimeDelta::days(30);

/// Slows down guessing. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Throttle {
    key: Arc<SecretBox<[u8; 32]>>,
    first_pause: TimeDelta,
}

/// What is guessed at.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The sign-in of this e-mail address, whether it has an account or not.
    Address(&'a str),
    /// What a signed-in person shows of themselves once more. It counts apart from their sign-in, so
    /// that no stranger keeps them from changing their password.
    Person(UserId),
}

impl Throttle {
    /// Of the installation's master secret, and the pause after [`FREE`] failures; the next ones
    /// double, up to [`LONGEST`] times the first.
    pub fn new(master: &SecretString, first_pause: TimeDelta) -> Self {
        let key = keyed_hash(master.expose_secret().as_bytes(), b"souk sign-in throttle");
        Self { key: Arc::new(SecretBox::new(Box::new(key))), first_pause }
    }

    /// An attempt from a network, which is what names all addresses that are likely in the same hands.
    pub fn attempt(&self, target: Target<'_>, network: &str) -> Attempt {
        let account = match target {
            Target::Address(email) => format!("address\0{}", email.trim().to_lowercase()),
            Target::Person(user) => format!("person\0{user}"),
        };
        Attempt {
            known: self.subject(&format!("known\0{network}\0{account}")),
            network: self.subject(&format!("network\0{network}")),
            account: self.subject(&format!("account\0{account}")),
        }
    }

    /// A keyed hash of what is counted, which is what is stored of it.
    pub(super) fn subject(&self, what: &str) -> String {
        hex::encode(keyed_hash(self.key.expose_secret(), what.as_bytes()))
    }

    fn pause(&self, failures: i64, free: i64) -> TimeDelta {
        if failures < free {
            return TimeDelta::zero();
        }
        let doublings = u32::try_from(failures - free).unwrap_or(u32::MAX);
        let times = 2_i32.checked_pow(doublings).unwrap_or(LONGEST).min(LONGEST);
        self.first_pause * times
    }
}

/// An attempt at an account: what it counts for.
#[derive(Clone, Debug)]
pub struct Attempt {
    account: String,
    network: String,
    known: String,
}

impl Attempt {
    fn free(&self, subject: &str) -> i64 {
        if subject == self.network { FREE_FROM_NETWORK } else { FREE }
    }
}

/// What became of an attempt that wanted its turn.
#[derive(Clone, Debug)]
pub enum Turn {
    /// It has one; it counts as a failure until [`Taken::succeeded`] or [`Taken::undone`].
    Taken(Taken),
    /// It would have to wait for longer than [`HELD`].
    Refused(TimeDelta),
}

/// A turn.
#[derive(Clone, Debug)]
pub struct Taken {
    /// How long to wait before the password is looked at.
    pub wait: TimeDelta,
    attempt: Attempt,
    subjects: Vec<String>,
}

/// Takes a turn. Counting it at once, and not when it has failed, is what makes many attempts at
/// the same moment wait for each other.
///
/// # Errors
/// The database's.
pub async fn take_turn(tx: &Tx, throttle: &Throttle, attempt: &Attempt) -> Result<Turn> {
    // Only what the attempt leads to is a change of anything.
    audit::nothing(tx);
    let known = table::Entity::find_by_id(attempt.known.clone()).one(&**tx).await?;
    let is_known = known.and_then(|row| row.succeeded_at).is_some_and(|at| tx.now - at < KNOWN);
    let subjects = match is_known {
        true => vec![attempt.known.clone()],
        false => vec![attempt.account.clone(), attempt.network.clone()],
    };
    let rows = lock(tx, subjects.clone()).await?;
    let turn = rows.iter().map(|row| row.next_at).fold(tx.now, DateTime::max);
    let wait = turn - tx.now;
    if wait > HELD {
        return Ok(Turn::Refused(wait));
    }
    for row in rows {
        let free = attempt.free(&row.subject);
        write(tx, counted_at(row, tx.now, turn, |failures| throttle.pause(failures, free))).await?;
    }
    Ok(Turn::Taken(Taken { wait, attempt: attempt.clone(), subjects }))
}

/// Counts something for each of these subjects, of which there may be so many within `window` from the first one on.
/// When one has had them all, nothing is counted: answers how long the window goes on.
///
/// # Errors
/// The database's.
pub(super) async fn count_within(tx: &Tx, limits: Vec<(String, i64)>, window: TimeDelta) -> Result<Option<TimeDelta>> {
    let rows = lock(tx, limits.iter().map(|(subject, _)| subject.clone()).collect()).await?;
    let most =
        |row: &table::Model| limits.iter().find(|(subject, _)| *subject == row.subject).map_or(0, |(_, most)| *most);
    let wait = rows.iter().filter_map(|row| spent_for(row, most(row), tx.now, window)).max();
    if wait.is_none() {
        for row in rows {
            write(tx, counted_within(row, tx.now, window)).await?;
        }
    }
    Ok(wait)
}

/// How long a row that has had `most` has no more.
fn spent_for(row: &table::Model, most: i64, now: DateTime<Utc>, window: TimeDelta) -> Option<TimeDelta> {
    let left = row.counted_since + window - now;
    (row.failures >= most && left > TimeDelta::zero()).then_some(left)
}

/// A row with one more, of which none holds anybody up.
fn counted_within(row: table::Model, now: DateTime<Utc>, window: TimeDelta) -> table::Model {
    let over = now - row.counted_since >= window;
    let (failures, counted_since) = if over { (1, now) } else { (row.failures + 1, row.counted_since) };
    table::Model { failures, counted_since, touched_at: now, ..row }
}

/// Locks the rows of these subjects, which are made where there are none; in one order for
/// everybody, so that nobody waits for one who waits for them.
async fn lock(tx: &Tx, mut subjects: Vec<String>) -> Result<Vec<table::Model>> {
    subjects.sort();
    let rows = subjects.iter().map(|subject| none(subject, tx.now).into_active_model());
    table::Entity::insert_many(rows)
        .on_conflict_do_nothing_on([table::Column::Subject])
        .exec_without_returning(&**tx)
        .await?;
    Ok(table::Entity::find()
        .filter(table::Column::Subject.is_in(subjects))
        .order_by_asc(table::Column::Subject)
        .lock_exclusive()
        .all(&**tx)
        .await?)
}

async fn write(tx: &Tx, row: table::Model) -> Result<()> {
    table::Entity::update(row.into_active_model().reset_all()).exec_without_returning(&**tx).await?;
    Ok(())
}

fn none(subject: &str, now: DateTime<Utc>) -> table::Model {
    table::Model {
        subject: subject.to_owned(),
        failures: 0,
        counted_since: now,
        next_at: now,
        succeeded_at: None,
        touched_at: now,
    }
}

/// A row with one failure more, whose turn is at `turn`.
fn counted_at(
    row: table::Model,
    now: DateTime<Utc>,
    turn: DateTime<Utc>,
    pause: impl FnOnce(i64) -> TimeDelta,
) -> table::Model {
    let over = now - row.counted_since >= WINDOW;
    let failures = if over { 1 } else { row.failures + 1 };
    table::Model {
        failures,
        counted_since: if over { now } else { row.counted_since },
        next_at: turn + pause(failures),
        touched_at: now,
        ..row
    }
}

/// A row without the failure that an attempt was counted as, and without a pause that only attempts
/// under way have caused.
fn given_back(row: table::Model, now: DateTime<Utc>, free: i64) -> table::Model {
    let failures = (row.failures - 1).max(0);
    let next_at = if failures < free { now } else { row.next_at };
    table::Model { failures, next_at, ..row }
}

impl Taken {
    /// The attempt was right: failures at the account are forgotten, and the network is known to it.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeeded(&self, tx: &Tx) -> Result<()> {
        let mut subjects = self.subjects.clone();
        if !subjects.contains(&self.attempt.known) {
            subjects.push(self.attempt.known.clone());
        }
        for row in lock(tx, subjects).await? {
            let is_known = row.subject == self.attempt.known;
            let row = match row.subject == self.attempt.network {
                // Whoever has an account must not, by signing in to it, get free failures at others.
                true => given_back(row, tx.now, FREE_FROM_NETWORK),
                false => table::Model { failures: 0, next_at: tx.now, ..row },
            };
            let succeeded_at = if is_known { Some(tx.now) } else { row.succeeded_at };
            write(tx, table::Model { succeeded_at, touched_at: tx.now, ..row }).await?;
        }
        Ok(())
    }

    /// The attempt was neither right nor wrong, and does not count.
    ///
    /// # Errors
    /// The database's.
    pub async fn undone(&self, tx: &Tx) -> Result<()> {
        audit::nothing(tx);
        for row in lock(tx, self.subjects.clone()).await? {
            let free = self.attempt.free(&row.subject);
            write(tx, given_back(row, tx.now, free)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(&SecretString::from("a master secret of the tests"), TimeDelta::seconds(1))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn pauses_double_after_the_free_failures_and_have_an_end() {
        let seconds = |failures| throttle().pause(failures, FREE).num_seconds();
        let pauses: Vec<i64> = (1..=13).map(seconds).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(seconds(i64::MAX), 60);
    }

    #[test]
    fn an_attempt_counts_for_the_account_however_it_is_written_and_for_the_network() {
        let throttle = throttle();
        let attempt = |account: &str, network: &str| throttle.attempt(Target::Address(account), network);
        let ann = attempt("ann@example.org", "192.0.2.1/32");
        let same = attempt(" Ann@Example.org", "192.0.2.1/32");
        assert_eq!((&ann.account, &ann.network, &ann.known), (&same.account, &same.network, &same.known));
        let elsewhere = attempt("ann@example.org", "192.0.2.2/32");
        assert_eq!(ann.account, elsewhere.account);
        assert!(ann.network != elsewhere.network && ann.known != elsewhere.known);
        assert!(!format!("{ann:?}").contains("ann"));
        // An address that is written like an id is no person's.
        let id = UserId(uuid::Uuid::from_u128(7));
        let person = throttle.attempt(Target::Person(id), "192.0.2.1/32");
        assert_ne!(person.account, attempt(&id.to_string(), "192.0.2.1/32").account);
    }

    proptest! {
        #[test]
        fn turns_come_one_after_the_other_and_never_later_than_the_longest_pause(
            gaps in prop::collection::vec(0_i64..20, 1..200)
        ) {
            let (throttle, mut now, mut last) = (throttle(), at(0), None);
            let mut row = none("a", now);
            for gap in gaps {
                now += TimeDelta::seconds(gap);
                let turn = row.next_at.max(now);
                prop_assert!(turn - now <= throttle.first_pause * LONGEST + HELD);
                if turn - now > HELD {
                    continue;
                }
                let before = row.failures;
                row = counted_at(row, now, turn, |failures| throttle.pause(failures, FREE));
                prop_assert!(row.failures == before + 1 || row.counted_since == now);
                if let Some(last) = last.replace(turn) {
                    prop_assert!(turn >= last);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_window_from_a_first_one_on_has_more_than_there_may_be(
            gaps in prop::collection::vec(0_i64..1_200, 1..200), most in 1_i64..8
        ) {
            let (window, mut now) = (TimeDelta::hours(1), at(0));
            let (mut row, mut had) = (none("a", now), Vec::new());
            for gap in gaps {
                now += TimeDelta::seconds(gap);
                match spent_for(&row, most, now, window) {
                    Some(wait) => {
                        prop_assert!(wait <= window);
                        prop_assert!(spent_for(&row, most, now + wait, window).is_none(), "it is as long as it says");
                    }
                    None => {
                        row = counted_within(row, now, window);
                        had.push((row.counted_since, now));
                    }
                }
            }
            for (begin, _) in &had {
                let of_window: Vec<_> = had.iter().filter(|(since, _)| since == begin).collect();
                prop_assert!(i64::try_from(of_window.len()).unwrap() <= most);
                prop_assert!(of_window.iter().all(|(_, at)| *at - *begin < window));
            }
        }
    }

    #[test]
    fn attempts_that_were_right_leave_no_pause_behind() {
        let throttle = throttle();
        // Somebody's own failures, and many who sign in from one network at one moment.
        for before in [0, FREE - 1, FREE, FREE + 3] {
            let begin = table::Model { failures: before, ..none("a", at(0)) };
            let row = (0..3).fold(begin, |row, _| {
                let turn = row.next_at.max(at(0));
                counted_at(row, at(0), turn, |failures| throttle.pause(failures, FREE))
            });
            let after = (0..3).fold(row, |row, _| given_back(row, at(0), FREE));
            assert_eq!(after.failures, before);
            assert_eq!(after.next_at > at(0), before >= FREE, "{before}");
        }
        assert_eq!(given_back(none("a", at(0)), at(0), FREE).failures, 0);
    }

    #[test]
    fn failures_count_for_an_hour() {
        let row = table::Model { failures: 40, ..none("a", at(0)) };
        let later = |seconds| counted_at(row.clone(), at(seconds), at(seconds), |_| TimeDelta::zero());
        assert_eq!((later(3599).failures, later(3599).counted_since), (41, at(0)));
        assert_eq!((later(3600).failures, later(3600).counted_since), (1, at(3600)));
    }
}
