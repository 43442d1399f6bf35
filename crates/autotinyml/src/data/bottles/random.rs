//! Random numbers of a picture.

use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};

/// Draws one number after the other, by exact arithmetic.
pub(super) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// Those of one picture.
    pub(super) fn of(seed: u64, sample: usize) -> Self {
        let mixed = SplitMix64::seed_from_u64(seed).next_u64() ^ sample as u64;
        Self(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }

    /// At least `low`, less than `high`, all alike.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        let share = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        low + share * (high - low)
    }

    /// True in so large a `share` of all draws.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.between(0.0, 1.0) < share
    }

    /// One of several, all alike.
    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.0.next_u64() % choices.len() as u64) as usize]
    }

    /// Nearly normal, with mean 0 and deviation 1: a sum of four numbers that all are alike.
    pub(super) fn normal(&mut self) -> f64 {
        let bits = self.0.next_u64();
        let sum: u64 = (0..4).map(|quarter| bits >> (16 * quarter) & 0xffff).sum();
        (sum as f64 / 65_536.0 - 2.0) * 3.0_f64.sqrt()
    }
}
