//! Chance, from a seed: the same seed throws the same dice.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use souk_entity::money::RatePpm;

pub struct Dice(StdRng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Something that happens so often of a hundred times.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        self.0.random_range(least..=most)
    }

    pub fn index(&mut self, len: usize) -> usize {
        self.0.random_range(0..len)
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.index(from.len())].clone()) }
    }

    /// One of several that are there.
    pub fn one<T: Copy, const N: usize>(&mut self, from: [T; N]) -> T {
        from[self.index(N)]
    }

    /// A price: round and odd ones, a few that are next to nothing or nothing.
    pub fn price(&mut self) -> i64 {
        match self.within(0, 9) {
            0 => self.within(0, 3),
            1 | 2 => self.within(1, 99),
            3 => self.within(1, 300) * 100,
            _ => self.within(100, 20_000),
        }
    }

    pub fn rate(&mut self, most: i64) -> RatePpm {
        RatePpm(match self.within(0, 3) {
            0 => 0,
            1 => most,
            _ => self.within(1, most),
        })
    }

    /// Some of what is there, at least one where there is any, in its order.
    pub fn some_of<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        let mut left = from.to_vec();
        let count = self.index(most.min(from.len()).max(1)) + 1;
        while left.len() > count {
            let at = self.index(left.len());
            left.remove(at);
        }
        left
    }
}
