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

/// What the loss asks of a network's outputs.
pub(crate) struct Targets {
    /// How much a sample of each class counts.
    pub(crate) class_weights: Vec<f32>,
    /// Share of a label that is spread evenly over all classes.
    pub(crate) smoothing: f32,
}

impl Targets {
    /// Softmax and categorical cross-entropy in one: replaces the logits x (inputs of the softmax) by the
    /// gradient of the batch's mean loss, `weight (y − t) / batch`, where t is the label, smoothed.
    ///
    /// `−Σ tᵢ ln yᵢ = ln Σ e^xᵢ − Σ tᵢ xᵢ`
    pub(crate) fn cross_entropy(
        &self,
        logits: &mut [f32],
        labels: impl ExactSizeIterator<Item = usize>,
    ) -> Score {
        let batch = labels.len();
        let classes = self.class_weights.len();
        let mut score = Score::default();
        for (vector, label) in logits.chunks_exact_mut(classes).zip(labels) {
            let weight = self.class_weights[label];
            score.hits += usize::from(is_hit(vector, label));
            let expected = self.expected(vector, label);
            let (largest, sum) = exponentials(vector);
            let loss = f64::from(largest - expected) + f64::from(sum).ln();
            score.loss += f64::from(weight) * loss;
            let scale = weight / (sum * batch as f32);
            vector.iter_mut().for_each(|y| *y *= scale);
            let each = weight / batch as f32;
            if self.smoothing > 0.0 {
                let others = each * self.smoothing / classes as f32;
                vector.iter_mut().for_each(|y| *y -= others);
            }
            vector[label] -= each * (1.0 - self.smoothing);
        }
        score
    }

    /// `Σ tᵢ xᵢ`
    fn expected(&self, logits: &[f32], label: usize) -> f32 {
        if self.smoothing == 0.0 {
            return logits[label];
        }
        let mean = logits.iter().sum::<f32>() / logits.len() as f32;
        (1.0 - self.smoothing) * logits[label] + self.smoothing * mean
    }
}

/// Whether outputs choose the class; those that are not all numbers choose none.
pub(crate) fn is_hit(outputs: &[f32], label: usize) -> bool {
    is_decided(outputs) && largest(outputs) == label
}

/// Whether outputs choose any class.
pub(crate) fn is_decided(outputs: &[f32]) -> bool {
    outputs.iter().all(|x| x.is_finite())
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
