//! Gaussian process regression (Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006,
//! algorithm 2.1), its hyperparameters fitted by maximum a posteriori.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | X, y | encoded points, targets of zero prior mean | n × d, n |
//! | K | covariance of the targets (`covariance.rs`), noise on the diagonal, = L·Lᵀ | n × n |
//! | α | K⁻¹ y | n |

mod block;
pub(crate) mod classifier;
mod covariance;
mod cross;
mod evidence;
mod trend;

use std::rc::Rc;

use crate::cholesky::{Cholesky, dot};
use crate::vectors::{Loop, widest};
use block::{BLOCK, Block};
pub(crate) use covariance::Inputs;
use cross::Cross;
pub(crate) use evidence::{Plausibility, Prior};
use evidence::{Theta, maximum_a_posteriori};

/// What is fitted.
#[derive(Clone, Debug)]
struct Hyperparameters {
    /// ℓ⁻², one over the squared length scale, per axis.
    weights: Vec<f64>,
    /// a, variance of what the kernel describes.
    amplitude: f64,
    /// Variance of the targets about the function.
    noise: f64,
    /// b, variance of the trend.
    trend: f64,
}

impl Hyperparameters {
    fn from(theta: &Theta) -> Self {
        let d = theta.len() - 3;
        Self {
            weights: theta[..d].iter().map(|log| (-2.0 * log).exp()).collect(),
            amplitude: theta[d].exp(),
            noise: theta[d + 1].exp(),
            trend: theta[d + 2].exp(),
        }
    }
}

/// Indices of at most `most` of n, evenly spread.
fn spread(n: usize, most: usize) -> Vec<usize> {
    let kept = n.min(most);
    (0..kept).map(|i| i * n / kept).collect()
}

/// A posterior over functions.
#[derive(Clone, Debug)]
pub(crate) struct Gp {
    inputs: Rc<Inputs>,
    hyperparameters: Hyperparameters,
    targets: Vec<f64>,
    /// Variance of each target about the function.
    noise: Vec<f64>,
    factor: Cholesky,
    alpha: Vec<f64>,
}

impl Gp {
    /// Fits hyperparameters and posterior to targets of about unit variance.
    pub(crate) fn fit(inputs: Rc<Inputs>, targets: Vec<f64>, prior: &Prior) -> Self {
        let theta = maximum_a_posteriori(&inputs, &targets, prior);
        let hyperparameters = Hyperparameters::from(&theta);
        let noise = vec![hyperparameters.noise; targets.len()];
        Self::posterior(inputs, targets, noise, hyperparameters)
    }

    fn posterior(
        inputs: Rc<Inputs>,
        targets: Vec<f64>,
        noise: Vec<f64>,
        hyperparameters: Hyperparameters,
    ) -> Self {
        let n = targets.len();
        let mut covariance = inputs.pairs.covariances(&hyperparameters).matrix;
        (0..n).for_each(|i| covariance[i * n + i] += noise[i]);
        let factor = Cholesky::with_jitter(covariance, n);
        let alpha = factor.solve(&targets);
        Self { inputs, hyperparameters, targets, noise, factor, alpha }
    }

    /// The posterior after believing that more points will turn out as predicted ("kriging believer",
    /// Ginsbourger et al. 2010): the mean stays, the uncertainty around them goes.
    pub(crate) fn believing(self, more: &[Vec<f64>]) -> Self {
        if more.is_empty() {
            return self;
        }
        let believed = self.predict(more).into_iter().map(|(mean, _)| mean);
        let targets = self.targets.iter().copied().chain(believed).collect();
        let inputs = Rc::new(self.inputs.and(more));
        let noise = [self.noise, vec![self.hyperparameters.noise; more.len()]].concat();
        Self::posterior(inputs, targets, noise, self.hyperparameters)
    }

    /// Mean and variance of the function, without noise, at each point.
    pub(crate) fn predict(&self, at: &[Vec<f64>]) -> Vec<(f64, f64)> {
        widest(Predict { gp: self, at })
    }

    /// Means and variances of a block; `solved` is scratch for L⁻¹ k(X, block).
    #[inline(always)]
    fn predict_block(
        &self,
        block: &Block,
        solved: &mut [[f64; BLOCK]],
    ) -> ([f64; BLOCK], [f64; BLOCK]) {
        let mut mean = [0.0; BLOCK];
        let Inputs { axes, trend, points, shared, .. } = &*self.inputs;
        let prior = block.variances(axes, trend, &self.hyperparameters);
        let mut variance = prior;
        for (i, (point, shared)) in points.iter().zip(shared).enumerate() {
            let mut rest = block.covariances(axes, trend, &self.hyperparameters, point, shared);
            for lane in 0..BLOCK {
                mean[lane] += rest[lane] * self.alpha[i];
            }
            let (done, row) = (&solved[..i], self.factor.row(i));
            for (element, solved) in row.iter().zip(done) {
                for lane in 0..BLOCK {
                    rest[lane] -= element * solved[lane];
                }
            }
            let inverse = 1.0 / row[i];
            for lane in 0..BLOCK {
                rest[lane] *= inverse;
                variance[lane] -= rest[lane] * rest[lane];
            }
            solved[i] = rest;
        }
        for lane in 0..BLOCK {
            variance[lane] = variance[lane].max(VARIANCE_MIN * prior[lane]);
        }
        (mean, variance)
    }

    /// Prepares for predictions point by point.
    pub(crate) fn predictor(&self) -> Predictor<'_> {
        let cross = Cross::new(&self.inputs, &self.hyperparameters);
        Predictor { gp: self, cross, solved: vec![0.0; self.targets.len()] }
    }
}

/// Mean and variance at each point.
struct Predict<'a> {
    gp: &'a Gp,
    at: &'a [Vec<f64>],
}

impl Loop for Predict<'_> {
    type Output = Vec<(f64, f64)>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut predictions = Vec::with_capacity(self.at.len());
        let mut solved = vec![[0.0; BLOCK]; self.gp.targets.len()];
        for points in self.at.chunks(BLOCK) {
            let (mean, variance) =
                self.gp.predict_block(&Block::new(&self.gp.inputs.trend, points), &mut solved);
            predictions.extend(mean.into_iter().zip(variance).take(points.len()));
        }
        predictions
    }
}

/// Share of the prior variance that is left where rounding would leave none.
const VARIANCE_MIN: f64 = 1e-10;

/// Predicts the function, without noise, point by point.
pub(crate) struct Predictor<'a> {
    gp: &'a Gp,
    /// Prior covariances k(X, x).
    cross: Cross<'a>,
    /// L⁻¹ k(X, x), up to where it was needed.
    solved: Vec<f64>,
}

impl Predictor<'_> {
    /// Mean and variance at `x`, or `None` as soon as it is clear that the variance does not exceed
    /// `least_variance(mean)`: every trial taken into account lowers a bound on it, so hopeless points are
    /// dropped after a few.
    pub(crate) fn predict_above(
        &mut self,
        x: &[f64],
        least_variance: impl Fn(f64) -> f64,
    ) -> Option<(f64, f64)> {
        let gp = self.gp;
        let mut variance = self.cross.variance(x);
        let covariances = self.cross.covariances(x);
        let mean = dot(covariances, &gp.alpha);
        let least = least_variance(mean);
        for (i, covariance) in covariances.iter().enumerate() {
            if variance <= least {
                return None;
            }
            let row = gp.factor.row(i);
            let solved = (covariance - dot(&row[..i], &self.solved[..i])) / row[i];
            self.solved[i] = solved;
            variance = (variance - solved * solved).max(0.0);
        }
        (variance > least).then_some((mean, variance))
    }
}

#[cfg(test)]
mod tests;
