//! How jobs of each kind are run. One row per kind, here and nowhere else.

use std::time::Duration;

use souk_entity::status::{JobKind, JobQueue};

/// How jobs of a kind are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The queue whose workers run it.
    pub queue: JobQueue,
    /// The most jobs of the kind at once in a process; never more than the process gives the queue.
    /// One of them is the kind's own, the rest is shared with the other kinds of the queue.
    pub concurrency: usize,
    /// After this many claims without success the job is dead, until an operator redrives it.
    pub max_attempts: i32,
    /// A run longer than this is stopped and counts as failed.
    pub timeout: Duration,
    /// The wait after the first failure; each further one doubles it, up to [`LONGEST_WAIT`].
    pub first_wait: Duration,
}

/// A lease outlives the longest run and the wait in a worker's buffer by this much.
pub const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// No two attempts are further apart.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// As many as the process gives the queue.
const ALL: usize = usize::MAX;

/// Five and a half days of waits that double from a second up to a day: an outage over a long
/// weekend costs no operator's work. With the jitter, between 2.7 and 5.5 days.
const DAYS: i32 = 22;
/// 18 to 36 hours: a night and the morning after it.
const A_DAY: i32 = 18;
/// 17 to 34 minutes: what comes again by itself, or has rows of its own to say what is left.
const HALF_AN_HOUR: i32 = 12;

/// The policy of a kind.
pub const fn policy(kind: JobKind) -> Policy {
    use JobQueue::{Bulk, Events, Fulfilment, Mail, Maintenance, Money, Webhooks};
    let (queue, concurrency, max_attempts, timeout, first_wait) = match kind {
        JobKind::CapturePayment | JobKind::VoidPayment | JobKind::ResolvePayment => (Money, ALL, DAYS, 30, 1),
        JobKind::RefundPayment | JobKind::ProcessReturn | JobKind::SubmitPayout => (Money, ALL, DAYS, 30, 1),
        // Asks nobody, and comes in waves when many orders are left unpaid.
        JobKind::ExpireOrder => (Money, 4, DAYS, 30, 1),
        // Longer than the others, because it may have the entries of a month to settle; and all
        // sellers are paid at the same hour.
        JobKind::PayOutSeller => (Money, 4, DAYS, 120, 1),
        JobKind::ProcessWebhook => (Events, ALL, A_DAY, 30, 1),
        JobKind::BuyLabel | JobKind::VoidLabel => (Fulfilment, ALL, DAYS, 30, 1),
        JobKind::SyncShipment => (Fulfilment, ALL, DAYS, 30, 1),
        JobKind::RejectUnaccepted | JobKind::CompleteSellerOrder | JobKind::ExpireReturn => {
            (Fulfilment, 4, DAYS, 30, 1)
        }
        // Two writers at most, so that the one writer of SQLite is free for money most of the time.
        JobKind::ExpireCart => (Bulk, 2, HALF_AN_HOUR, 30, 1),
        JobKind::ProcessBatch => (Bulk, ALL, HALF_AN_HOUR, 120, 1),
        JobKind::DeliverWebhooks => (Webhooks, ALL, DAYS, 60, 1),
        JobKind::SendNotification => (Mail, ALL, A_DAY, 60, 1),
        JobKind::CatchUp => (Maintenance, 1, HALF_AN_HOUR, 120, 1),
        JobKind::CleanUp => (Maintenance, 1, HALF_AN_HOUR, 600, 1),
        // Reads the whole database; a failure of it is worth a look and no haste.
        JobKind::Verify => (Maintenance, 1, 3, 3600, 60),
    };
    Policy {
        queue,
        concurrency,
        max_attempts,
        timeout: Duration::from_secs(timeout),
        first_wait: Duration::from_secs(first_wait),
    }
}

impl Policy {
    /// How long to wait after failure number `failures` (1 is the first); see [`backoff`].
    pub fn backoff(&self, failures: i32, jitter: u64) -> Duration {
        doubled(self.first_wait, failures, jitter)
    }
}

/// How long to wait after failure number `failures` (1 is the first): a second doubled per failure,
/// at most a day, of which `jitter` (0..=1000) takes up to a half away so that what failed together
/// does not return together.
pub fn backoff(failures: i32, jitter: u64) -> Duration {
    doubled(Duration::from_secs(1), failures, jitter)
}

fn doubled(first: Duration, failures: i32, jitter: u64) -> Duration {
    let exponent = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(30);
    let full = u64::try_from(first.saturating_mul(1 << exponent).min(LONGEST_WAIT).as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(full - full / 2 * jitter.min(1_000) / 1_000)
}

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// All waits together, the last attempt's excluded: the least and the most.
    fn span(policy: Policy) -> (Duration, Duration) {
        let all = |jitter| (1..policy.max_attempts).map(|failures| policy.backoff(failures, jitter)).sum();
        (all(1_000), all(0))
    }

    #[test]
    fn the_wait_doubles_to_a_day_and_is_never_less_than_half() {
        let money = policy(JobKind::CapturePayment);
        assert_eq!(money.backoff(1, 0), Duration::from_secs(1));
        assert_eq!(money.backoff(2, 0), Duration::from_secs(2));
        assert_eq!(money.backoff(17, 0), Duration::from_secs(65_536));
        assert_eq!(money.backoff(18, 0), LONGEST_WAIT);
        assert_eq!(money.backoff(i32::MAX, 0), LONGEST_WAIT);
        assert_eq!(money.backoff(1, 1_000), Duration::from_millis(500));
        assert_eq!(money.backoff(1, u64::MAX), Duration::from_millis(500));
    }

    #[test]
    fn attempts_span_the_time_that_the_table_states() {
        for kind in JobKind::iter() {
            let (least, most) = span(policy(kind));
            match policy(kind).queue {
                JobQueue::Money | JobQueue::Fulfilment | JobQueue::Webhooks => {
                    assert!(least >= HOUR * 65 && most <= HOUR * 133, "{kind}: {least:?} to {most:?}");
                }
                JobQueue::Events | JobQueue::Mail => {
                    assert!(least >= HOUR * 18 && most <= HOUR * 37, "{kind}: {least:?} to {most:?}");
                }
                JobQueue::Bulk | JobQueue::Maintenance => assert!(most < HOUR, "{kind}: {most:?}"),
            }
        }
    }

    #[test]
    fn every_kind_may_run() {
        assert!(JobKind::iter().all(|kind| policy(kind).concurrency > 0 && policy(kind).max_attempts > 0));
    }
}
