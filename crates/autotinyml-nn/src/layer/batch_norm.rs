//! `y = γ (x − μ) / √(σ² + ε) + β`, channel by channel: with mean μ and variance σ² of the batch while
//! training, and with their moving averages in inference (Ioffe & Szegedy 2015).

use super::{Reads, Trained};
use crate::optimizer::Step;
use crate::vectors::{Loop, widest};

/// Batch normalisation with the statistics that the last forward pass has used.
pub(crate) struct BatchNorm {
    momentum: f32,
    epsilon: f32,
    /// μ
    mean: Vec<f32>,
    /// σ²
    variance: Vec<f32>,
    /// 1 / √(σ² + ε)
    inverse: Vec<f32>,
    /// γ / √(σ² + ε)
    scale: Vec<f32>,
    /// Of γ and β; empty unless training.
    gradients: [Vec<f32>; 2],
}

impl BatchNorm {
    pub(crate) fn new(channels: usize, momentum: f32, epsilon: f32, training: bool) -> Self {
        let [mean, variance, inverse, scale] = [(); 4].map(|()| vec![0.0; channels]);
        let gradients = [(); 2].map(|()| vec![0.0; if training { channels } else { 0 }]);
        Self { momentum, epsilon, mean, variance, inverse, scale, gradients }
    }

    pub(crate) fn forward(&mut self, weights: Reads, input: &[f32], output: &mut [f32]) {
        let Self { epsilon, mean, variance, inverse, scale, gradients, .. } = self;
        match weights.moving {
            Some(moving) if gradients[0].is_empty() => {
                mean.copy_from_slice(&moving.mean);
                variance.copy_from_slice(&moving.variance);
            }
            _ => widest(Moments { input, mean, variance }),
        }
        for ((inverse, scale), (variance, gamma)) in
            inverse.iter_mut().zip(scale.iter_mut()).zip(variance.iter().zip(weights.kernel))
        {
            *inverse = 1.0 / (variance + *epsilon).sqrt();
            *scale = gamma * *inverse;
        }
        widest(Normalise { mean, scale, beta: weights.bias, input, output });
    }

    /// With x̂ = (x − μ) / √(σ² + ε) and n values in a channel: `dγ = Σ x̂ dy`, `dβ = Σ dy`,
    /// `dx = γ / √(σ² + ε) · (dy − dβ / n − x̂ dγ / n)`. Moves the moving averages, too.
    pub(crate) fn backward(
        &mut self,
        trained: &mut Trained,
        step: &Step,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        let Self { momentum, mean, variance, inverse, scale, gradients: [gamma, beta], .. } = self;
        widest(Sums { mean, inverse, input, output_gradient, gamma, beta });
        if let Some(input_gradient) = input_gradient {
            widest(InputGradient {
                statistics: [mean, inverse, scale],
                sums: [gamma, beta],
                input,
                output_gradient,
                input_gradient,
            });
        }
        step.apply(&mut trained.kernel, 0, gamma);
        step.apply(&mut trained.bias, 0, beta);
        if let Some(moving) = &mut trained.moving {
            for (moving, batch) in [(&mut moving.mean, mean), (&mut moving.variance, variance)] {
                for (moving, batch) in moving.iter_mut().zip(batch) {
                    *moving = *moving * *momentum + *batch * (1.0 - *momentum);
                }
            }
        }
    }
}

/// Mean and variance of each channel.
struct Moments<'a> {
    input: &'a [f32],
    mean: &'a mut [f32],
    variance: &'a mut [f32],
}

impl Loop for Moments<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { input, mean, variance } = self;
        let pixels = (input.len() / mean.len()) as f32;
        mean.fill(0.0);
        for x in input.chunks_exact(mean.len()) {
            mean.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
        mean.iter_mut().for_each(|sum| *sum /= pixels);
        variance.fill(0.0);
        for x in input.chunks_exact(mean.len()) {
            for ((sum, mean), x) in variance.iter_mut().zip(&*mean).zip(x) {
                *sum += (x - mean) * (x - mean);
            }
        }
        variance.iter_mut().for_each(|sum| *sum /= pixels);
    }
}

struct Normalise<'a> {
    mean: &'a [f32],
    scale: &'a [f32],
    beta: &'a [f32],
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for Normalise<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { mean, scale, beta, input, output } = self;
        let pixels = input.chunks_exact(mean.len()).zip(output.chunks_exact_mut(mean.len()));
        for (x, y) in pixels {
            for ((x, y), ((mean, scale), beta)) in
                x.iter().zip(y).zip(mean.iter().zip(scale).zip(beta))
            {
                *y = (x - mean) * scale + beta;
            }
        }
    }
}

/// The gradients of γ and β.
struct Sums<'a> {
    mean: &'a [f32],
    inverse: &'a [f32],
    input: &'a [f32],
    output_gradient: &'a [f32],
    gamma: &'a mut [f32],
    beta: &'a mut [f32],
}

impl Loop for Sums<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { mean, inverse, input, output_gradient, gamma, beta } = self;
        gamma.fill(0.0);
        beta.fill(0.0);
        let pixels = input.chunks_exact(mean.len()).zip(output_gradient.chunks_exact(mean.len()));
        for (x, dy) in pixels {
            for ((x, dy), ((gamma, beta), mean)) in
                x.iter().zip(dy).zip(gamma.iter_mut().zip(beta.iter_mut()).zip(mean))
            {
                *gamma += (x - mean) * dy;
                *beta += dy;
            }
        }
        gamma.iter_mut().zip(inverse).for_each(|(gamma, inverse)| *gamma *= inverse);
    }
}

struct InputGradient<'a> {
    /// μ, 1 / √(σ² + ε), γ / √(σ² + ε)
    statistics: [&'a [f32]; 3],
    /// dγ, dβ
    sums: [&'a [f32]; 2],
    input: &'a [f32],
    output_gradient: &'a [f32],
    input_gradient: &'a mut [f32],
}

impl Loop for InputGradient<'_> {
    #[inline(always)]
    fn run(self) {
        let channels = self.statistics[0].len();
        // Cut to one length, which spares the loop a look at each.
        let [mean, inverse, scale] = self.statistics.map(|statistics| &statistics[..channels]);
        let [gamma, beta] = self.sums.map(|sums| &sums[..channels]);
        let share = channels as f32 / self.input.len() as f32;
        let pixels =
            self.input.chunks_exact(channels).zip(self.output_gradient.chunks_exact(channels));
        for ((x, dy), dx) in pixels.zip(self.input_gradient.chunks_exact_mut(channels)) {
            for k in 0..channels {
                let normalised = (x[k] - mean[k]) * inverse[k];
                dx[k] = scale[k] * (dy[k] - (beta[k] + normalised * gamma[k]) * share);
            }
        }
    }
}
