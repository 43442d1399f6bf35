//! Softmax over each vector, and its loss.

use crate::exponential::exp;

/// `yᵢ = e^xᵢ / Σ e^xⱼ` over vectors of `size` values.
pub(crate) struct Softmax {
    size: usize,
}

impl Softmax {
    pub(crate) fn new(size: usize) -> Self {
        Self { size }
    }

    pub(crate) fn forward(&self, values: &mut [f32]) {
        for vector in values.chunks_exact_mut(self.size) {
            let sum = exponentials(vector).1;
            vector.iter_mut().for_each(|x| *x /= sum);
        }
    }

    /// `dxᵢ = yᵢ (dyᵢ − Σ yⱼ dyⱼ)`
    pub(crate) fn backward(&self, output: &[f32], gradient: &mut [f32]) {
        for (y, g) in output.chunks_exact(self.size).zip(gradient.chunks_exact_mut(self.size)) {
            let mean: f32 = y.iter().zip(&*g).map(|(y, g)| y * g).sum();
            g.iter_mut().zip(y).for_each(|(g, y)| *g = y * (*g - mean));
        }
    }
}

/// Replaces each x by `e^(x − max x)`; returns the largest x and the sum.
fn exponentials(vector: &mut [f32]) -> (f32, f32) {
    let largest = vector.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for x in vector {
        *x = exp(*x - largest);
        sum += *x;
    }
    (largest, sum)
}

/// Sums over a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    /// Categorical cross-entropy, in nats.
    pub(crate) loss: f64,
    /// Samples whose largest output is their class.
    pub(crate) hits: usize,
}

/// Softmax and categorical cross-entropy in one: replaces the logits (inputs of the softmax) by the
/// gradient of the batch's mean loss, `(y − [i = label]) / batch`.
pub(crate) fn cross_entropy(
    logits: &mut [f32],
    labels: impl ExactSizeIterator<Item = usize>,
) -> Score {
    let batch = labels.len();
    let mut score = Score::default();
    for (vector, label) in logits.chunks_exact_mut(logits.len() / batch).zip(labels) {
        let logit = vector[label];
        score.hits += usize::from(largest(vector) == label);
        let (largest, sum) = exponentials(vector);
        score.loss += f64::from(largest - logit) + f64::from(sum).ln();
        let scale = 1.0 / (sum * batch as f32);
        vector.iter_mut().for_each(|y| *y *= scale);
        vector[label] -= 1.0 / batch as f32;
    }
    score
}

/// Index of the largest value, the first of equals: the class that a network's outputs choose. NaN
/// is larger than nothing; outputs with one choose no class, which is the caller's to see.
pub fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}
