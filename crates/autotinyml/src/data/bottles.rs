//! Pictures of bottles, made up: how full is it?
//!
//! The talk's second experiment classifies the level in a bottle, on pictures that are not public.
//! These stand in for them: 32×32 pixels of red, green and blue from 0 to 255, four classes. A
//! [`Scene`](scene::Scene) is drawn at random, its shape, liquid, tilt, light, background, glare and
//! noise, and [painted](paint::paint). The level goes through all of its class, so that pictures
//! close to the next class are there too.
//!
//! Picture i depends on nothing but the seed and i: more pictures begin with the same ones. Every
//! machine makes the same bits, as only +, −, ×, ÷ and √ are used, which IEEE 754 leaves no choice.

mod paint;
mod random;
mod scene;

use autotinyml_nn::{Dataset, Shape};

use super::{Loaded, VALUES_MAX};
use random::Random;
use scene::Scene;

/// Height and width of a picture.
const PIXELS: usize = 32;

/// The picture's middle, in pixels.
const MIDDLE: f64 = PIXELS as f64 / 2.0;

/// Red, green, blue.
const CHANNELS: usize = 3;

/// Most pictures that there may be at a time.
pub const SAMPLES_MAX: usize = VALUES_MAX / (PIXELS * PIXELS * CHANNELS);

/// Up to where a bottle is filled, with the share of the way from its foot to its neck.
const LEVELS: [(&str, [f64; 2]); 4] = [
    ("quarter", [0.05, 0.21]),
    ("half", [0.31, 0.47]),
    ("three quarters", [0.57, 0.73]),
    ("full", [0.83, 0.99]),
];

/// So many pictures, as many of each class (the last few aside).
pub fn read(samples: usize, seed: u64) -> Loaded {
    let mut inputs = Vec::with_capacity(samples * PIXELS * PIXELS * CHANNELS);
    for sample in 0..samples {
        let (_, shares) = LEVELS[sample % LEVELS.len()];
        let mut random = Random::of(seed, sample);
        let scene = Scene::draw(shares, &mut random);
        inputs.extend(paint::paint(&scene, &mut random));
    }
    let dataset = Dataset {
        shape: Shape::new(PIXELS, PIXELS, CHANNELS),
        classes: LEVELS.iter().map(|(name, _)| (*name).to_string()).collect(),
        inputs,
        labels: (0..samples).map(|sample| sample % LEVELS.len()).collect(),
        spans: None,
        groups: None,
    };
    let notes = vec![format!("{samples} pictures of bottles, made up from seed {seed}")];
    Loaded { dataset, period: CHANNELS, columns: None, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: usize = PIXELS * PIXELS * CHANNELS;

    #[test]
    fn pictures_are_whole_numbers_and_classes_alike() {
        let dataset = read(40, 0).dataset;
        assert_eq!(dataset.inputs.len(), 40 * VALUES);
        assert!(dataset.inputs.iter().all(|v| v.fract() == 0.0 && (0.0..=255.0).contains(v)));
        assert_eq!(dataset.samples_per_class(), [10; 4]);
    }

    #[test]
    fn more_pictures_begin_with_the_same_and_another_seed_makes_others() {
        let [few, more, others] = [(4, 7), (9, 7), (4, 8)].map(|(n, seed)| read(n, seed).dataset);
        assert_eq!(few.inputs, more.inputs[..few.inputs.len()]);
        assert_ne!(few.inputs, others.inputs);
    }

    /// Any machine has to make these bits: FNV-1a (64 bits) of the first pictures, a byte a value.
    #[test]
    fn pictures_do_not_depend_on_the_machine() {
        let values = read(8, 0).dataset.inputs;
        let hash = values.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &value| {
            (hash ^ value as u64).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(hash, 16_810_646_742_359_147_926);
    }
}
