//! Dropout (Srivastava et al. 2014), inverted: what stays is scaled up while training, so that
//! inference does nothing.

use rand_xoshiro::rand_core::Rng;

use crate::random::{Purpose, generator};
use crate::vectors::{Loop, widest};

/// Drops values, others at each step.
pub(crate) struct Dropout {
    /// A value is dropped where 16 random bits are below this: the rate to 1/131,072.
    threshold: u32,
    /// 1 / (1 − rate)
    scale: f32,
    seed: u64,
    /// Index of the node: two dropout layers drop independently.
    node: usize,
    /// Factor of each value, 0 or `scale`.
    mask: Vec<f32>,
}

impl Dropout {
    pub(crate) fn new(rate: f32, length: usize, seed: u64, node: usize) -> Self {
        let threshold = (rate * 65536.0).round() as u32;
        Self { threshold, scale: 1.0 / (1.0 - rate), seed, node, mask: vec![0.0; length] }
    }

    /// `y = x · mask` in place, with a mask that follows from the seed and the step.
    pub(crate) fn forward(&mut self, values: &mut [f32], step: u64) {
        let mut random = generator(self.seed, Purpose::Dropout { node: self.node, step });
        let masks = self.mask[..values.len()].chunks_mut(4 * DRAWS);
        for (mask, values) in masks.zip(values.chunks_mut(4 * DRAWS)) {
            let mut bits = [0; DRAWS];
            bits[..mask.len().div_ceil(4)].fill_with(|| random.next_u64());
            widest(Forward { threshold: self.threshold, scale: self.scale, bits, mask, values });
        }
    }

    /// `dx = dy · mask` in place.
    pub(crate) fn backward(&self, gradient: &mut [f32]) {
        widest(Backward { mask: &self.mask, gradient });
    }
}

/// Draws of 64 random bits at a time, each for four values.
const DRAWS: usize = 64;

struct Forward<'a> {
    threshold: u32,
    scale: f32,
    bits: [u64; DRAWS],
    mask: &'a mut [f32],
    values: &'a mut [f32],
}

impl Loop for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { threshold, scale, bits, mask, values } = self;
        let mut factors = [0.0; 4 * DRAWS];
        for (factors, bits) in factors.chunks_exact_mut(4).zip(bits) {
            for (lane, factor) in factors.iter_mut().enumerate() {
                let dropped = (bits >> (16 * lane)) as u32 & 0xffff < threshold;
                *factor = if dropped { 0.0 } else { scale };
            }
        }
        for ((mask, value), factor) in mask.iter_mut().zip(values).zip(factors) {
            *mask = factor;
            *value *= factor;
        }
    }
}

struct Backward<'a> {
    mask: &'a [f32],
    gradient: &'a mut [f32],
}

impl Loop for Backward<'_> {
    #[inline(always)]
    fn run(self) {
        for (g, factor) in self.gradient.iter_mut().zip(self.mask) {
            *g *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_its_rate_and_keeps_the_mean() {
        let count = 200_000;
        let mut dropout = Dropout::new(0.3, count, 1, 0);
        let mut values = vec![1.0; count];
        dropout.forward(&mut values, 1);
        let kept = 1.0 / 0.7;
        assert!(values.iter().all(|&y| y == 0.0 || y == kept));
        let dropped = values.iter().filter(|&&y| y == 0.0).count() as f64 / count as f64;
        // Four standard deviations.
        assert!((dropped - 0.3).abs() < 4.0 * (0.3 * 0.7 / count as f64).sqrt(), "{dropped}");
    }

    #[test]
    fn each_step_node_and_seed_drops_otherwise() {
        let mask = |seed, node, step| {
            let mut values = vec![1.0; 101];
            Dropout::new(0.5, 101, seed, node).forward(&mut values, step);
            values
        };
        assert_eq!(mask(1, 2, 3), mask(1, 2, 3));
        for other in [mask(9, 2, 3), mask(1, 9, 3), mask(1, 2, 9)] {
            let same = mask(1, 2, 3).iter().zip(&other).filter(|(a, b)| a == b).count();
            assert!((25..76).contains(&same), "{same} of 101 the same");
        }
    }
}
