//! What a training changes in its samples each time it sees them, so that a network learns what makes no
//! difference. Nothing of it reaches validation, tests or the chip.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use crate::Shape;
use crate::random::{Purpose, generator};

/// Random changes of a sample, made in the order of the fields. The default changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augmentation {
    /// A sample is moved by up to so many rows and columns either way, as far as it has them; what comes in
    /// is what went out at that edge, reversed.
    pub shift: [usize; 2],
    /// Every other sample is mirrored, left to right.
    pub mirror: bool,
    /// A sample is multiplied by a normal number of mean 1 and this standard deviation.
    pub scale: f32,
    /// A normal number of this standard deviation is added to each value. Data is standardised as a rule: 1
    /// is then as much as it varies by itself.
    pub noise: f32,
    /// A rectangle of so many rows and columns is set to 0, the mean of standardised data; part of it may lie
    /// outside (cutout, DeVries & Taylor 2017). `usize::MAX` columns: all.
    pub mask: [usize; 2],
}

impl Augmentation {
    /// Whether it leaves samples as they are.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Changes the samples of a batch, one behind the other, as at an optimizer step.
    pub(super) fn change(&self, shape: Shape, batch: &mut [f32], seed: u64, step: u64) {
        let random = &mut generator(seed, Purpose::Augmentation { step });
        let mut before =
            vec![0.0; if self.shift != [0, 0] || self.mirror { shape.len() } else { 0 }];
        for sample in batch.chunks_exact_mut(shape.len()) {
            if !before.is_empty() {
                before.copy_from_slice(sample);
                self.arrange(shape, &before, sample, random);
            }
            if self.scale > 0.0 {
                let factor = 1.0 + self.scale * normal(random);
                sample.iter_mut().for_each(|value| *value *= factor);
            }
            if self.noise > 0.0 {
                sample.iter_mut().for_each(|value| *value += self.noise * normal(random));
            }
            if self.mask[0] > 0 {
                self.blot_out(shape, sample, random);
            }
        }
    }

    /// Shift and mirror.
    fn arrange(
        &self,
        shape: Shape,
        before: &[f32],
        sample: &mut [f32],
        random: &mut Xoshiro256PlusPlus,
    ) {
        let Shape { height, width, channels } = shape;
        let down = moved(self.shift[0], height, random);
        let right = moved(self.shift[1], width, random);
        let mirrored = self.mirror && random.random();
        for (at, pixel) in sample.chunks_exact_mut(channels).enumerate() {
            let row = at / width;
            let column = if mirrored { width - 1 - at % width } else { at % width };
            let from = within(row, down, height) * width + within(column, right, width);
            pixel.copy_from_slice(&before[from * channels..][..channels]);
        }
    }

    fn blot_out(&self, shape: Shape, sample: &mut [f32], random: &mut Xoshiro256PlusPlus) {
        let Shape { height, width, channels } = shape;
        let rows = stretch(self.mask[0], height, random);
        let columns = stretch(self.mask[1], width, random);
        for row in rows {
            let begin = (row * width + columns.start) * channels;
            sample[begin..begin + columns.len() * channels].fill(0.0);
        }
    }
}

/// A move by up to `shift` either way, less than the length.
fn moved(shift: usize, length: usize, random: &mut Xoshiro256PlusPlus) -> i64 {
    let most = shift.min(length - 1) as i64;
    random.random_range(-most..=most)
}

/// Where the value at `position` came from: beyond an edge as far inside.
fn within(position: usize, moved: i64, length: usize) -> usize {
    let (from, last) = (position as i64 - moved, length as i64 - 1);
    from.abs().min(2 * last - from) as usize
}

/// `mask` positions around a random one, as far as they are there.
fn stretch(mask: usize, length: usize, random: &mut Xoshiro256PlusPlus) -> std::ops::Range<usize> {
    let centre = random.random_range(0..length);
    let begin = centre.saturating_sub(mask / 2);
    begin..(centre + mask.div_ceil(2)).min(length)
}

/// A nearly normal number of mean 0 and variance 1: the sum of four uniform ones, which takes a nanosecond and
/// is the same to the bit everywhere. None is beyond 3.5.
fn normal(random: &mut Xoshiro256PlusPlus) -> f32 {
    let bits = random.next_u64();
    let sum: u32 = (0..4).map(|part| (bits >> (16 * part)) as u32 & 0xffff).sum();
    /// Standard deviation of the sum: 4 · (2³² − 1) / 12 under the root.
    const DEVIATION: f32 = 37_837.227;
    (sum as f32 - 2.0 * 65_535.0) / DEVIATION
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SHAPE: Shape = Shape::new(5, 4, 2);
    const DRAWS: usize = 500;

    /// No two values are alike, and none is 0.
    fn picture() -> Vec<f32> {
        (1..=SHAPE.len()).map(|value| value as f32).collect()
    }

    fn changed(augmentation: Augmentation) -> Vec<Vec<f32>> {
        let mut batch = picture().repeat(DRAWS);
        augmentation.change(SHAPE, &mut batch, 7, 3);
        batch.chunks_exact(SHAPE.len()).map(<[f32]>::to_vec).collect()
    }

    /// What lies at row, column, channel of the picture, or of its reflection beyond the edge.
    fn at(row: i64, column: i64, channel: usize) -> f32 {
        let row = [2, 1, 0, 1, 2, 3, 4, 3, 2][(row + 2) as usize];
        let column = [2, 1, 0, 1, 2, 3, 2, 1][(column + 2) as usize];
        (1 + (row * SHAPE.width + column) * SHAPE.channels + channel) as f32
    }

    fn moved(down: i64, right: i64) -> Vec<f32> {
        let pixels = (0..5).flat_map(|row| (0..4).map(move |column| (row, column)));
        pixels
            .flat_map(|(row, column)| [0, 1].map(|channel| at(row - down, column - right, channel)))
            .collect()
    }

    #[test]
    fn a_shift_takes_every_way_and_reflects_at_the_edges() {
        let ways = || (-2..=2).flat_map(|down| (-2..=2).map(move |right| (down, right)));
        let way = |sample: &Vec<f32>| ways().find(|&(down, right)| moved(down, right) == *sample);
        let seen: BTreeSet<_> = changed(Augmentation { shift: [2, 2], ..Default::default() })
            .iter()
            .map(|sample| way(sample).expect("moved by two at most"))
            .collect();
        assert_eq!(seen.len(), 25);
    }

    #[test]
    fn no_shift_is_longer_than_the_series() {
        let shape = Shape::new(6, 1, 1);
        let mut batch: Vec<f32> =
            (0..6).map(|value| value as f32).collect::<Vec<_>>().repeat(DRAWS);
        Augmentation { shift: [100, 0], ..Default::default() }.change(shape, &mut batch, 0, 0);
        for sample in batch.chunks_exact(6) {
            assert!(sample.windows(2).all(|pair| (pair[1] - pair[0]).abs() == 1.0));
        }
    }

    #[test]
    fn every_other_sample_is_mirrored() {
        let mirrored: Vec<f32> = (0..5)
            .flat_map(|row| (0..4).rev().map(move |column| (row, column)))
            .flat_map(|(row, column)| [0, 1].map(|channel| at(row, column, channel)))
            .collect();
        let samples = changed(Augmentation { mirror: true, ..Default::default() });
        let count = samples.iter().filter(|sample| **sample == mirrored).count();
        assert!(samples.iter().all(|sample| *sample == mirrored || *sample == picture()));
        assert!((200..300).contains(&count), "{count}");
    }

    #[test]
    fn scale_and_noise_have_the_deviations_they_say() {
        let moments = |values: &[f32]| {
            let n = values.len() as f32;
            let mean = values.iter().sum::<f32>() / n;
            (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / n).sqrt())
        };
        let samples = changed(Augmentation { scale: 0.25, ..Default::default() });
        let factors: Vec<f32> = samples.iter().map(|sample| sample[0]).collect();
        for (sample, factor) in samples.iter().zip(&factors) {
            let expected: Vec<f32> = picture().iter().map(|value| value * factor).collect();
            assert_eq!(*sample, expected);
        }
        let (mean, deviation) = moments(&factors);
        assert!((mean - 1.0).abs() < 0.04 && (deviation - 0.25).abs() < 0.03, "{mean} {deviation}");

        let samples = changed(Augmentation { noise: 0.5, ..Default::default() });
        let added: Vec<f32> = samples
            .iter()
            .flat_map(|sample| sample.iter().zip(picture()).map(|(a, b)| a - b))
            .collect();
        let (mean, deviation) = moments(&added);
        assert!(mean.abs() < 0.02 && (deviation - 0.5).abs() < 0.01, "{mean} {deviation}");
    }

    #[test]
    fn a_mask_blots_out_one_rectangle() {
        let mut areas = BTreeSet::new();
        for sample in changed(Augmentation { mask: [3, 3], ..Default::default() }) {
            let pixels: Vec<usize> = (0..20).filter(|pixel| sample[2 * pixel] == 0.0).collect();
            let kept = |pixel: &usize| sample[2 * pixel..][..2] == picture()[2 * pixel..][..2];
            assert!((0..20).filter(|pixel| !pixels.contains(pixel)).all(|pixel| kept(&pixel)));
            let rows: BTreeSet<usize> = pixels.iter().map(|pixel| pixel / 4).collect();
            let columns: BTreeSet<usize> = pixels.iter().map(|pixel| pixel % 4).collect();
            assert_eq!(pixels.len(), rows.len() * columns.len());
            areas.insert((rows.len(), columns.len()));
        }
        assert!(areas.contains(&(3, 3)) && areas.iter().all(|area| *area <= (3, 3)), "{areas:?}");
    }

    #[test]
    fn changes_follow_from_seed_and_step() {
        let all = Augmentation {
            shift: [1, 0],
            mirror: true,
            scale: 0.1,
            noise: 0.1,
            mask: [2, usize::MAX],
        };
        let change = |seed, step| {
            let mut batch = picture().repeat(3);
            all.change(SHAPE, &mut batch, seed, step);
            batch
        };
        assert_eq!(change(1, 2), change(1, 2));
        assert_ne!(change(1, 2), change(1, 3));
        assert_ne!(change(1, 2), change(2, 2));
        let samples = change(1, 2);
        assert_ne!(samples[..SHAPE.len()], samples[SHAPE.len()..2 * SHAPE.len()]);
    }
}
