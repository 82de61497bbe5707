//! When recurring work is due: one table for all of it.

use chrono::{DateTime, TimeDelta, Utc};
use souk_entity::status::ScheduleName;

/// How often something is due. Ticks are counted from midnight UTC, so that every process comes to
/// the same ones, whenever it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// From one tick to the next; divides a day.
    period_minutes: i64,
    /// The first tick of a day, after midnight UTC; less than the period.
    offset_minutes: i64,
}

const fn every(period_minutes: i64, offset_minutes: i64) -> Cadence {
    Cadence { period_minutes, offset_minutes }
}

const fn daily(hour: i64, minute: i64) -> Cadence {
    Cadence { period_minutes: DAY, offset_minutes: hour * 60 + minute }
}

/// The minutes of a day.
const DAY: i64 = 24 * 60;

impl Cadence {
    /// The first tick after `now`.
    pub fn next_after(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let (period, offset) = (self.period_minutes * 60, self.offset_minutes * 60);
        let gone = (now.timestamp() - offset).div_euclid(period);
        DateTime::UNIX_EPOCH + TimeDelta::seconds((gone + 1) * period + offset)
    }
}

impl std::fmt::Display for Cadence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (hour, minute) = (self.offset_minutes / 60, self.offset_minutes % 60);
        match self.period_minutes {
            DAY => write!(f, "daily at {hour:02}:{minute:02} UTC"),
            60 => write!(f, "hourly at minute {minute}"),
            period => write!(f, "every {period} minutes from minute {minute}"),
        }
    }
}

/// What is due how often. The hourly ones are spread over the hour; what the day's first payouts
/// need is looked after before them, and the database is checked after it was cleaned up.
pub const fn cadence(name: ScheduleName) -> Cadence {
    match name {
        ScheduleName::ExpireOrders => every(10, 0),
        ScheduleName::ReleaseReservations => every(10, 5),
        ScheduleName::ExpireCarts => every(60, 12),
        ScheduleName::SyncShipments => every(60, 22),
        ScheduleName::CloseReturns => every(60, 32),
        ScheduleName::CompleteSellerOrders => every(60, 42),
        ScheduleName::PayOut => daily(5, 30),
        ScheduleName::CleanUp => daily(3, 0),
        ScheduleName::Verify => daily(4, 0),
    }
}

/// What it does, in a sentence.
pub const fn purpose(name: ScheduleName) -> &'static str {
    match name {
        ScheduleName::ExpireOrders => {
            "Asks again for the jobs that cancel orders not paid in time and reject seller orders not accepted in \
             time, where such a job is missing."
        }
        ScheduleName::ReleaseReservations => {
            "Releases stock that is still held for something cancelled, and has orders cancelled that hold stock past \
             their time to be paid."
        }
        ScheduleName::ExpireCarts => "Asks again for the jobs that close carts nobody touched, where one is missing.",
        ScheduleName::SyncShipments => {
            "Asks again for the jobs that follow parcels on their way, where one is missing."
        }
        ScheduleName::CloseReturns => {
            "Asks again for the jobs that close approved returns never sent, where one is missing."
        }
        ScheduleName::CompleteSellerOrders => {
            "Asks again for the jobs that complete delivered seller orders whose return window has closed, where one \
             is missing."
        }
        ScheduleName::PayOut => "Plans the next payout of each seller to whom money is due and who has none planned.",
        ScheduleName::CleanUp => "Removes what is kept for a time only and whose time is over.",
        ScheduleName::Verify => "Checks every invariant on the database.",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sea_orm::Iterable;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn ticks_are_counted_from_midnight() {
        let cases = [
            (every(10, 0), "2026-11-21T00:00:00Z", "2026-11-21T00:10:00Z"),
            (every(10, 0), "2026-11-21T00:09:59.999999Z", "2026-11-21T00:10:00Z"),
            (every(10, 5), "2026-11-21T23:56:00Z", "2026-11-22T00:05:00Z"),
            (every(60, 42), "2026-11-21T08:41:59Z", "2026-11-21T08:42:00Z"),
            (daily(3, 0), "2026-11-21T02:59:59Z", "2026-11-21T03:00:00Z"),
            (daily(3, 0), "2026-11-21T03:00:00Z", "2026-11-22T03:00:00Z"),
            (daily(5, 30), "2026-12-31T06:00:00Z", "2027-01-01T05:30:00Z"),
        ];
        for (cadence, now, next) in cases {
            assert_eq!(cadence.next_after(at(now)), at(next), "{cadence} after {now}");
        }
    }

    #[test]
    fn a_cadence_says_when() {
        assert_eq!(every(10, 5).to_string(), "every 10 minutes from minute 5");
        assert_eq!(every(60, 12).to_string(), "hourly at minute 12");
        assert_eq!(daily(5, 30).to_string(), "daily at 05:30 UTC");
    }

    #[test]
    fn every_cadence_divides_a_day() {
        for name in ScheduleName::iter() {
            let Cadence { period_minutes, offset_minutes } = cadence(name);
            assert_eq!(DAY % period_minutes, 0, "{name}");
            assert!((0..period_minutes).contains(&offset_minutes), "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_next_tick_is_one_period_at_most_away(seconds in -4_000_000_000_i64..4_000_000_000, which in 0_usize..9) {
            let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
            let cadence = cadence(ScheduleName::iter().nth(which).unwrap());
            let next = cadence.next_after(now);
            prop_assert!(next > now && next - now <= TimeDelta::minutes(cadence.period_minutes));
            prop_assert_eq!(cadence.next_after(next) - next, TimeDelta::minutes(cadence.period_minutes));
            let of_day = (next.timestamp() - cadence.offset_minutes * 60).rem_euclid(cadence.period_minutes * 60);
            prop_assert_eq!(of_day, 0);
        }
    }
}
