//! Where random numbers come from: one generator for each purpose, derived from the seed.

use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};

/// What random numbers are for. Each purpose has a stream of its own, so that drawing more for one
/// leaves the others as they were.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Initial weights of a node.
    Weights { node: usize },
    /// Order of the samples in an epoch.
    Order { epoch: usize },
    /// What a dropout node drops in a training step.
    Dropout { node: usize, step: u64 },
    /// Which samples are put aside.
    Split,
    /// What an optimizer step changes in its samples.
    Augmentation { step: u64 },
}

/// The generator of a seed and a purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose) -> Xoshiro256PlusPlus {
    let (kind, major, minor) = match purpose {
        Purpose::Weights { node } => (0, node as u64, 0),
        Purpose::Order { epoch } => (1, epoch as u64, 0),
        Purpose::Dropout { node, step } => (2, node as u64, step),
        Purpose::Split => (3, 0, 0),
        Purpose::Augmentation { step } => (4, step, 0),
    };
    let mixed = [kind, major, minor]
        .into_iter()
        .fold(seed, |state, part| SplitMix64::seed_from_u64(state).next_u64() ^ part);
    Xoshiro256PlusPlus::seed_from_u64(mixed)
}
