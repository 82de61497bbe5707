//! Guessing passwords is slowed down, per account and per network; nobody is locked out.
//!
//! Whoever tries takes a turn before their password is looked at. After some free failures, turns
//! of the same account, or of the same network, come one after the other with a pause that
//! doubles. A network from which somebody has signed in to the account lately has turns of its own
//! there: however much strangers try, they keep nobody out who signs in from where they usually do.
//! Attempts at accounts that do not exist are counted just the same.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use souk_entity::sign_in_throttle as table;

use crate::error::Result;
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

impl Throttle {
    /// Of the installation's master secret, and the pause after [`FREE`] failures; the next ones
    /// double, up to [`LONGEST`] times the first.
    pub fn new(master: &SecretString, first_pause: TimeDelta) -> Self {
        let key = mac(master.expose_secret().as_bytes(), b"souk sign-in throttle");
        Self { key: Arc::new(SecretBox::new(Box::new(key))), first_pause }
    }

    /// An attempt at an account, from an address where that is known. `account` is what names it,
    /// whether there is one or not.
    pub fn attempt(&self, account: &str, from: Option<IpAddr>) -> Attempt {
        let account = account.trim().to_lowercase();
        let network = from.map(network);
        let subject = |what: &str| hex::encode(mac(self.key.expose_secret(), what.as_bytes()));
        Attempt {
            known: network.as_ref().map(|network| subject(&format!("known\0{network}\0{account}"))),
            network: network.map(|network| subject(&format!("network\0{network}"))),
            account: subject(&format!("account\0{account}")),
        }
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

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// All addresses that are likely in the same hands: of IPv6, the 64 bits that a customer gets at least.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits((address.to_bits() >> 64) << 64).into(),
        v4 => v4,
    }
}

/// An attempt at an account: what it counts for.
#[derive(Clone, Debug)]
pub struct Attempt {
    account: String,
    network: Option<String>,
    known: Option<String>,
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
    let mut subjects = vec![attempt.account.clone()];
    subjects.extend(attempt.network.clone());
    if let Some(known) = &attempt.known {
        let row = table::Entity::find_by_id(known.clone()).one(&**tx).await?;
        if row.and_then(|row| row.succeeded_at).is_some_and(|at| tx.now - at < KNOWN) {
            subjects = vec![known.clone()];
        }
    }
    // In one order for everybody, so that nobody waits for one who waits for them.
    subjects.sort();
    let rows = subjects.iter().map(|subject| none(subject, tx.now).into_active_model());
    table::Entity::insert_many(rows)
        .on_conflict_do_nothing_on([table::Column::Subject])
        .exec_without_returning(&**tx)
        .await?;
    let rows = table::Entity::find()
        .filter(table::Column::Subject.is_in(subjects.clone()))
        .order_by_asc(table::Column::Subject)
        .lock_exclusive()
        .all(&**tx)
        .await?;
    let turn = rows.iter().map(|row| row.next_at).fold(tx.now, DateTime::max);
    let wait = turn - tx.now;
    if wait > HELD {
        return Ok(Turn::Refused(wait));
    }
    for row in rows {
        let free = if Some(&row.subject) == attempt.network.as_ref() { FREE_FROM_NETWORK } else { FREE };
        let counted = counted_at(row, tx.now, turn, |failures| throttle.pause(failures, free));
        let all = counted.into_active_model().reset_all();
        table::Entity::update(all).exec_without_returning(&**tx).await?;
    }
    Ok(Turn::Taken(Taken { wait, attempt: attempt.clone(), subjects }))
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

impl Taken {
    /// The attempt was right: failures at the account are forgotten, and the network is known to it.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeeded(&self, tx: &Tx) -> Result<()> {
        for subject in &self.subjects {
            let own = Some(subject) != self.attempt.network.as_ref();
            // Whoever has an account must not, by signing in to it, get free failures at others.
            let failures = if own { Expr::value(0) } else { Expr::col(table::Column::Failures).sub(1) };
            let next_at = own.then(|| Expr::value(tx.now));
            let mut update = table::Entity::update_many().col_expr(table::Column::Failures, failures);
            if let Some(next_at) = next_at {
                update = update.col_expr(table::Column::NextAt, next_at);
            }
            let rows = update.filter(table::Column::Subject.eq(subject.as_str())).filter(table::Column::Failures.gt(0));
            rows.exec(&**tx).await?;
        }
        know(tx, &self.attempt).await
    }

    /// The attempt was neither right nor wrong, and does not count.
    ///
    /// # Errors
    /// The database's.
    pub async fn undone(&self, tx: &Tx) -> Result<()> {
        for subject in &self.subjects {
            table::Entity::update_many()
                .col_expr(table::Column::Failures, Expr::col(table::Column::Failures).sub(1))
                .filter(table::Column::Subject.eq(subject.as_str()))
                .filter(table::Column::Failures.gt(0))
                .exec(&**tx)
                .await?;
        }
        Ok(())
    }
}

/// Notes that somebody has signed in to an account from a network.
///
/// # Errors
/// The database's.
pub async fn know(tx: &Tx, attempt: &Attempt) -> Result<()> {
    let Some(known) = &attempt.known else { return Ok(()) };
    table::Entity::insert(none(known, tx.now).into_active_model())
        .on_conflict_do_nothing_on([table::Column::Subject])
        .exec_without_returning(&**tx)
        .await?;
    table::Entity::update_many()
        .col_expr(table::Column::SucceededAt, Expr::value(Some(tx.now)))
        .col_expr(table::Column::TouchedAt, Expr::value(tx.now))
        .filter(table::Column::Subject.eq(known.as_str()))
        .exec(&**tx)
        .await?;
    Ok(())
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
        let attempt = |account: &str, from: &str| throttle.attempt(account, Some(from.parse().unwrap()));
        let ann = attempt("ann@example.org", "2001:db8:1:2::3");
        let same = attempt(" Ann@Example.org", "2001:db8:1:2:ffff::9");
        assert_eq!((&ann.account, &ann.network, &ann.known), (&same.account, &same.network, &same.known));
        let elsewhere = attempt("ann@example.org", "2001:db8:1:3::3");
        assert_eq!(ann.account, elsewhere.account);
        assert!(ann.network != elsewhere.network && ann.known != elsewhere.known);
        assert_eq!(attempt("a@b.c", "::ffff:192.0.2.1").network, attempt("a@b.c", "192.0.2.1").network);
        assert!(!format!("{ann:?}").contains("ann"));
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

    #[test]
    fn failures_count_for_an_hour() {
        let row = table::Model { failures: 40, ..none("a", at(0)) };
        let later = |seconds| counted_at(row.clone(), at(seconds), at(seconds), |_| TimeDelta::zero());
        assert_eq!((later(3599).failures, later(3599).counted_since), (41, at(0)));
        assert_eq!((later(3600).failures, later(3600).counted_since), (1, at(3600)));
    }
}
