//! Places that many share, of which no one holds more than a few.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who holds how many places of this process. Only holders are remembered, so it is never larger than they are many.
#[derive(Clone, Debug)]
pub struct Shares<K: Eq + Hash> {
    most: usize,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// Each may hold `most` at once.
    pub fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// A place for this one until it is dropped; `None` while they hold as many as they may.
    pub fn take(&self, who: K) -> Option<Share<K>> {
        let mut held = locked(&self.held);
        let count = held.get(&who).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        held.insert(who.clone(), count + 1);
        Some(Share { who, held: Arc::clone(&self.held) })
    }
}

/// One place of [`Shares`].
#[derive(Debug)]
pub struct Share<K: Eq + Hash> {
    who: K,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = locked(&self.held);
        if let Some(count) = held.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.who);
            }
        }
    }
}

fn locked<K>(held: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nobody_holds_more_than_their_share_and_who_holds_none_is_forgotten(
            most in 1_usize..4,
            steps in prop::collection::vec((0_u8..3, any::<bool>()), 0..60),
        ) {
            let shares = Shares::new(most);
            let mut holders: HashMap<u8, Vec<Share<u8>>> = HashMap::new();
            for (who, takes) in steps {
                let mine = holders.entry(who).or_default();
                if takes {
                    let taken = shares.take(who);
                    prop_assert_eq!(taken.is_some(), mine.len() < most);
                    mine.extend(taken);
                } else {
                    mine.pop();
                }
                let held: HashMap<u8, usize> = holders
                    .iter()
                    .filter(|(_, mine)| !mine.is_empty())
                    .map(|(who, mine)| (*who, mine.len()))
                    .collect();
                prop_assert_eq!(&*locked(&shares.held), &held);
            }
        }
    }
}
