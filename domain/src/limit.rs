//! How often somebody may ask: so many times at once, and then evenly over time.
//!
//! This is the generic cell rate algorithm (ITU-T I.371): a bucket that each request fills by one
//! interval and that empties by itself. All that is remembered of a bucket is when it is empty.

use std::time::Duration;

use async_trait::async_trait;

/// A budget of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_minute: u32,
    burst: u32,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is within the budget.
    pub allowed: bool,
    /// So many more are at this moment.
    pub remaining: u32,
    /// After so long without a request, the whole budget is there again.
    pub reset: Duration,
    /// After so long one more is within the budget; zero when one is now.
    pub retry_after: Duration,
}

impl Rate {
    /// The largest number that either part may be.
    pub const MOST: u32 = 1_000_000;

    /// `burst` requests at once and `per_minute` over time; both are put within 1 and [`Rate::MOST`].
    pub const fn new(per_minute: u32, burst: u32) -> Self {
        const fn within(number: u32) -> u32 {
            match number {
                0 => 1,
                number if number > Rate::MOST => Rate::MOST,
                number => number,
            }
        }
        Self { per_minute: within(per_minute), burst: within(burst) }
    }

    /// So many at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// What one request fills a bucket by, in microseconds.
    pub fn interval(self) -> u64 {
        60_000_000 / u64::from(self.per_minute)
    }

    /// How full a bucket can be, in microseconds until it is empty.
    pub fn capacity(self) -> u64 {
        self.interval() * u64::from(self.burst)
    }

    /// How full a bucket is after one more request; `None` when there is no room for it. One that is
    /// fuller than can be, because the rate or the clock was changed, is full.
    pub fn admit(self, filled: u64) -> Option<u64> {
        let after = filled.min(self.capacity()) + self.interval();
        (after <= self.capacity()).then_some(after)
    }

    /// What is told of a bucket that is as full as this after a request.
    pub fn verdict(self, allowed: bool, filled: u64) -> Verdict {
        let filled = filled.min(self.capacity());
        let room = self.capacity() - filled;
        Verdict {
            allowed,
            remaining: u32::try_from(room / self.interval()).unwrap_or(u32::MAX),
            reset: Duration::from_micros(filled),
            retry_after: Duration::from_micros(self.interval().saturating_sub(room)),
        }
    }
}

/// Counts requests. It never fails: where what is shared is away, each process counts for itself.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts one request in the bucket of this name.
    async fn take(&self, bucket: &str, rate: Rate) -> Verdict;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rates() -> impl Strategy<Value = Rate> {
        (1_u32..=6_000, 1_u32..=200).prop_map(|(per_minute, burst)| Rate::new(per_minute, burst))
    }

    #[test]
    fn numbers_out_of_range_are_put_within() {
        assert_eq!(Rate::new(0, 0), Rate::new(1, 1));
        assert_eq!(Rate::new(u32::MAX, u32::MAX), Rate::new(Rate::MOST, Rate::MOST));
        assert!(Rate::new(u32::MAX, 1).interval() > 0);
    }

    proptest! {
        #[test]
        fn a_burst_and_no_more_is_taken_at_once(rate in rates()) {
            let mut filled = 0;
            for left in (0..rate.burst()).rev() {
                filled = rate.admit(filled).unwrap();
                let verdict = rate.verdict(true, filled);
                prop_assert_eq!(verdict.remaining, left);
                prop_assert_eq!(verdict.retry_after.is_zero(), left > 0);
            }
            prop_assert_eq!(rate.admit(filled), None);
        }

        #[test]
        fn no_stretch_of_time_takes_more_than_its_share(
            rate in rates(),
            pauses in prop::collection::vec(0_u64..2_000_000, 1..200),
        ) {
            let (mut filled, mut taken) = (0_u64, 0_u64);
            let mut times = Vec::new();
            let mut now = 0_u64;
            for pause in pauses {
                now += pause;
                filled = filled.saturating_sub(pause);
                if let Some(after) = rate.admit(filled) {
                    filled = after;
                    taken += 1;
                    times.push(now);
                }
            }
            prop_assert_eq!(times.len() as u64, taken);
            for (at, from) in times.iter().enumerate() {
                for (count, to) in times[at..].iter().enumerate() {
                    let most = u64::from(rate.burst()) + (to - from) / rate.interval();
                    prop_assert!((count as u64) < most, "{} in {} us", count + 1, to - from);
                }
            }
        }

        #[test]
        fn whoever_waits_as_long_as_told_is_let_in(rate in rates(), filled in 0_u64..1_000_000_000_000) {
            let told = match rate.admit(filled) {
                Some(after) => rate.verdict(true, after),
                None => rate.verdict(false, filled),
            };
            let full = u64::try_from(told.reset.as_micros()).unwrap();
            let wait = u64::try_from(told.retry_after.as_micros()).unwrap();
            prop_assert!(full <= rate.capacity());
            prop_assert!(rate.admit(full.saturating_sub(wait)).is_some());
            prop_assert!(wait == 0 || rate.admit(full - wait + 1).is_none(), "no longer than needed");
        }
    }
}
