//! Scaling of inputs to mean 0 and standard deviation 1, the same on the chip as in training.

use serde::{Deserialize, Serialize};

use crate::Dataset;

/// Value `i` of a sample becomes `(x − mean[i % m]) / deviation[i % m]`, with `m = mean.len()`.
///
/// `m` is 1 for one scale over all values, or the number of interleaved channels of the data: 3 for
/// windows of 90×3×1 values from a three-axis accelerometer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardisation {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel (divisor n); 1 where a channel is constant.
    pub deviation: Vec<f32>,
}

impl Standardisation {
    /// Means and deviations of the given samples, those of the training side.
    ///
    /// # Panics
    /// If there are no samples, or `period` doesn't divide the length of a sample.
    pub fn fit(data: &Dataset, samples: &[usize], period: usize) -> Self {
        assert!(!samples.is_empty(), "standardisation needs samples");
        assert_eq!(data.shape.len() % period, 0, "the period divides a sample");
        let rows = || samples.iter().flat_map(|&sample| data.sample(sample).chunks_exact(period));
        let count = (samples.len() * data.shape.len() / period) as f64;

        let mut mean = vec![0.0f64; period];
        for row in rows() {
            for (mean, &value) in mean.iter_mut().zip(row) {
                *mean += f64::from(value);
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        let mut squares = vec![0.0f64; period];
        for row in rows() {
            for ((squares, mean), &value) in squares.iter_mut().zip(&mean).zip(row) {
                *squares += (f64::from(value) - mean).powi(2);
            }
        }
        let deviation = |&squares: &f64| match (squares / count).sqrt() as f32 {
            0.0 => 1.0,
            deviation => deviation,
        };
        Self {
            mean: mean.iter().map(|&mean| mean as f32).collect(),
            deviation: squares.iter().map(deviation).collect(),
        }
    }

    /// Standardises whole samples in place.
    pub fn apply(&self, values: &mut [f32]) {
        for row in values.chunks_exact_mut(self.mean.len()) {
            for ((value, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *value = (*value - mean) / deviation;
            }
        }
    }
}
