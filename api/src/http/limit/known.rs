//! API keys that have been let in a moment ago. Whether a key is one only the database knows, and a
//! limit that asks it for every request protects nothing: until a key has been let in once, its
//! requests are counted by where they come from.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So long a key that was let in is known.
const LASTS: Duration = Duration::from_secs(10 * 60);
/// So many are; more than there are sellers with systems of their own.
const MOST: usize = 20_000;

/// Keys, by their hashes.
#[derive(Default)]
pub struct Known(Mutex<HashMap<String, Instant>>);

impl Known {
    /// Whether this key has been let in.
    pub fn knows(&self, hash: &str) -> bool {
        self.lock().get(hash).is_some_and(|since| since.elapsed() < LASTS)
    }

    /// This key has been let in.
    pub fn remember(&self, hash: String) {
        let mut known = self.lock();
        if known.len() >= MOST && !known.contains_key(&hash) {
            known.retain(|_, since| since.elapsed() < LASTS);
        }
        if known.len() < MOST || known.contains_key(&hash) {
            known.insert(hash, Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_was_let_in_is_known_and_no_more_than_there_is_room_for() {
        let known = Known::default();
        assert!(!known.knows("a"));
        for number in 0..MOST + 10 {
            known.remember(number.to_string());
        }
        assert!(known.knows("0"));
        assert_eq!(known.lock().len(), MOST);
    }
}
