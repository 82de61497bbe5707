//! Buckets in this process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use souk_domain::limit::{Limiter, Rate, Verdict};

/// Requests seldom wait for each other.
const SHELVES: usize = 16;
/// So many buckets are on a shelf, some ten megabytes in all.
const MOST: usize = 8_192;
/// A full shelf is looked through for empty buckets once in so long.
const SWEEP: Duration = Duration::from_secs(1);

/// Counts for this process alone.
///
/// However many buckets are asked for, memory is bounded: where there is no room, the newcomers of a
/// rate share one bucket.
pub struct InProcess {
    began: Instant,
    hasher: RandomState,
    shelves: [Mutex<Shelf>; SHELVES],
}

#[derive(Default)]
struct Shelf {
    /// When each bucket is empty, in microseconds since the beginning.
    empty_at: HashMap<String, u64>,
    swept_at: u64,
}

impl Default for InProcess {
    fn default() -> Self {
        Self { began: Instant::now(), hasher: RandomState::new(), shelves: Default::default() }
    }
}

impl InProcess {
    /// Counts a request at a moment, in microseconds since the beginning.
    fn count(&self, bucket: &str, rate: Rate, now: u64) -> Verdict {
        let which = self.hasher.hash_one(bucket) as usize % SHELVES;
        let mut shelf = self.shelves[which].lock().unwrap_or_else(PoisonError::into_inner);
        shelf.count(bucket, rate, now)
    }
}

impl Shelf {
    fn count(&mut self, bucket: &str, rate: Rate, now: u64) -> Verdict {
        let shared;
        let bucket = if self.empty_at.contains_key(bucket) || self.has_room(now) {
            bucket
        } else {
            shared = format!("*:{}:{}", rate.interval(), rate.burst());
            &shared
        };
        let filled = self.empty_at.get(bucket).map_or(0, |at| at.saturating_sub(now));
        let Some(after) = rate.admit(filled) else { return rate.verdict(false, filled) };
        match self.empty_at.get_mut(bucket) {
            Some(at) => *at = now + after,
            None => drop(self.empty_at.insert(bucket.to_owned(), now + after)),
        }
        rate.verdict(true, after)
    }

    fn has_room(&mut self, now: u64) -> bool {
        let due = now.saturating_sub(self.swept_at) >= SWEEP.as_micros() as u64;
        if self.empty_at.len() >= MOST && due {
            self.empty_at.retain(|_, at| *at > now);
            self.swept_at = now;
        }
        self.empty_at.len() < MOST
    }
}

#[async_trait]
impl Limiter for InProcess {
    async fn take(&self, bucket: &str, rate: Rate) -> Verdict {
        self.count(bucket, rate, self.began.elapsed().as_micros() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000;

    #[test]
    fn each_bucket_is_its_own_and_empties_with_time() {
        let (limiter, rate) = (InProcess::default(), Rate::new(60, 3));
        let take = |bucket: &str, now| limiter.count(bucket, rate, now).allowed;
        assert_eq!([0; 4].map(|now| take("a", now)), [true, true, true, false]);
        assert!(take("b", 0));
        assert!(!take("a", 999_999));
        assert!(take("a", 1_000_000));
        assert!(!take("a", 1_000_001));
        assert_eq!([0; 4].map(|_| take("a", 2 * MINUTE)), [true, true, true, false]);
    }

    #[test]
    fn memory_is_bounded_and_so_is_what_newcomers_take() {
        let (limiter, rate) = (InProcess::default(), Rate::new(1, 2));
        let (most, newcomers) = (SHELVES * MOST, 50_000);
        let mut taken = 0;
        for name in 0..most + newcomers {
            taken += usize::from(limiter.count(&name.to_string(), rate, 0).allowed);
        }
        let kept: usize = limiter.shelves.iter().map(|shelf| shelf.lock().unwrap().empty_at.len()).sum();
        assert!(kept <= most + SHELVES, "{kept} buckets");
        assert!(taken <= most + SHELVES * 2, "{taken} requests");

        // Emptied buckets make room.
        assert!(limiter.count("new", rate, 10 * MINUTE).allowed);
        let kept: usize = limiter.shelves.iter().map(|shelf| shelf.lock().unwrap().empty_at.len()).sum();
        assert!(kept < most, "{kept} buckets");
    }
}
