//! When a delivery is tried again, and when an endpoint is given up.

use chrono::TimeDelta;

/// How long after a failed attempt the next one follows; after the last of them there is none.
const WAITS: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];

/// A delivery is tried at most this often: over about three days.
pub const MOST_ATTEMPTS: i32 = 10;

/// An endpoint that has answered nothing well for so long is disabled.
pub const PATIENCE: TimeDelta = TimeDelta::days(5);

/// How long to wait after the failed attempt number `attempts`; `None`: it was the last.
pub fn wait_after(attempts: i32) -> Option<TimeDelta> {
    WAITS.get(usize::try_from(attempts).ok()?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_are_made_each_later_than_the_one_before() {
        assert_eq!(wait_after(1), Some(TimeDelta::seconds(5)));
        assert_eq!(wait_after(MOST_ATTEMPTS - 1), Some(TimeDelta::hours(24)));
        assert_eq!((wait_after(0), wait_after(MOST_ATTEMPTS), wait_after(-1)), (None, None, None));
        assert!(WAITS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(WAITS.iter().sum::<TimeDelta>() < PATIENCE, "one event alone does not disable an endpoint");
    }
}
