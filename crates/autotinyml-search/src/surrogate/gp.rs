//! Gaussian process regression (Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006,
//! algorithm 2.1 and equation 5.9), its hyperparameters fitted by maximum a posteriori.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | X, y | encoded points, targets of zero prior mean | n × d, n |
//! | ℓ, a, s | length scales, amplitude (a variance), noise (a variance) | d, 1, 1 |
//! | θ | (ln ℓ, ln a, ln s) | d + 2 |
//! | K | a·k(X, X) + s·I = L·Lᵀ | n × n |
//! | α | K⁻¹ y | n |

use crate::cholesky::{Cholesky, dot};
use crate::kernel::{Cross, Kernel};
use crate::space::Axis;

/// Hyperparameters are fitted on at most so many points, evenly spread over those given: beyond, they
/// hardly change, but their cost grows with the cube.
const FITTED_MAX: usize = 100;

/// Steps of the fit.
const STEPS: usize = 30;

/// Length scales, amplitude and noise.
#[derive(Clone, Debug)]
struct Hyperparameters {
    length_scales: Vec<f64>,
    amplitude: f64,
    noise: f64,
}

impl Hyperparameters {
    fn from_logarithms(theta: &[f64]) -> Self {
        let d = theta.len() - 2;
        Self {
            length_scales: theta[..d].iter().map(|log| log.exp()).collect(),
            amplitude: theta[d].exp(),
            noise: theta[d + 1].exp(),
        }
    }
}

/// A posterior over functions.
#[derive(Clone, Debug)]
pub(crate) struct Gp {
    hyperparameters: Hyperparameters,
    kernel: Kernel,
    points: Vec<Vec<f64>>,
    targets: Vec<f64>,
    factor: Cholesky,
    /// α.
    weights: Vec<f64>,
}

impl Gp {
    /// Fits hyperparameters and posterior to targets that are roughly standard normal.
    pub(crate) fn fit(axes: &[Axis], points: Vec<Vec<f64>>, targets: Vec<f64>) -> Self {
        let n = points.len();
        let kept: Vec<usize> = if n <= FITTED_MAX {
            (0..n).collect()
        } else {
            (0..FITTED_MAX).map(|i| i * n / FITTED_MAX).collect()
        };
        let some_points: Vec<Vec<f64>> = kept.iter().map(|&i| points[i].clone()).collect();
        let some_targets: Vec<f64> = kept.iter().map(|&i| targets[i]).collect();
        let theta = maximum_a_posteriori(axes, &some_points, &some_targets);
        Self::posterior(axes, points, targets, Hyperparameters::from_logarithms(&theta))
    }

    fn posterior(
        axes: &[Axis],
        points: Vec<Vec<f64>>,
        targets: Vec<f64>,
        hyperparameters: Hyperparameters,
    ) -> Self {
        let n = points.len();
        let kernel = Kernel::new(axes, &hyperparameters.length_scales);
        let mut covariance = kernel.matrix(&points);
        covariance.iter_mut().for_each(|element| *element *= hyperparameters.amplitude);
        (0..n).for_each(|i| covariance[i * n + i] += hyperparameters.noise);
        let factor = Cholesky::with_jitter(covariance, n);
        let weights = factor.solve(&targets);
        Self { hyperparameters, kernel, points, targets, factor, weights }
    }

    /// The posterior after believing that more points will turn out as predicted ("kriging believer",
    /// Ginsbourger et al. 2010): the mean stays, the uncertainty around them goes.
    pub(crate) fn believing(self, axes: &[Axis], more: &[Vec<f64>]) -> Self {
        if more.is_empty() {
            return self;
        }
        let mut predictor = self.predictor();
        let believed: Vec<f64> = more.iter().map(|point| predictor.predict(point).0).collect();
        let points = [self.points, more.to_vec()].concat();
        let targets = [self.targets, believed].concat();
        Self::posterior(axes, points, targets, self.hyperparameters)
    }

    /// Prepares for predictions at many points.
    pub(crate) fn predictor(&self) -> Predictor<'_> {
        let cross = self.kernel.cross(self.points.clone());
        Predictor { gp: self, cross, solved: vec![0.0; self.points.len()] }
    }
}

/// Predicts the function, without noise, point by point.
pub(crate) struct Predictor<'a> {
    gp: &'a Gp,
    cross: Cross,
    /// L⁻¹ k(X, x), up to where it was needed.
    solved: Vec<f64>,
}

impl Predictor<'_> {
    /// Mean and variance at `x`.
    pub(crate) fn predict(&mut self, x: &[f64]) -> (f64, f64) {
        self.predict_above(x, |_| f64::NEG_INFINITY).expect("every variance is above")
    }

    /// Mean and variance at `x`, or `None` as soon as it is clear that the variance does not exceed
    /// `least_variance(mean)`: every trial taken into account lowers a bound on it, so hopeless points are
    /// dropped after a few.
    pub(crate) fn predict_above(
        &mut self,
        x: &[f64],
        least_variance: impl Fn(f64) -> f64,
    ) -> Option<(f64, f64)> {
        let amplitude = self.gp.hyperparameters.amplitude;
        let similarities = self.cross.row(x);
        let mean = amplitude * dot(similarities, &self.gp.weights);
        let least = least_variance(mean);
        let mut variance = amplitude;
        for (i, similarity) in similarities.iter().enumerate() {
            if variance <= least {
                return None;
            }
            let row = self.gp.factor.row(i);
            let solved = (amplitude * similarity - dot(&row[..i], &self.solved[..i])) / row[i];
            self.solved[i] = solved;
            variance = (variance - solved * solved).max(0.0);
        }
        (variance > least).then_some((mean, variance))
    }
}

/// Mean and deviation of the normal prior of each logarithm: length scales grow with the square root of
/// the dimension, as distances do (Hvarfner et al. 2024); little noise.
fn prior(dimension: usize) -> Vec<(f64, f64)> {
    let length_scale = (0.5 * (dimension as f64).sqrt()).ln();
    let mut prior = vec![(length_scale, 1.0); dimension];
    prior.extend([(0.0, 0.7), (-6.0, 1.5)]);
    prior
}

/// θ of greatest posterior density, by iRprop⁻ (Igel & Hüsken 2000; for Gaussian processes Blum &
/// Riedmiller 2013): steps that grow while the gradient keeps its sign and shrink when it turns.
fn maximum_a_posteriori(axes: &[Axis], points: &[Vec<f64>], targets: &[f64]) -> Vec<f64> {
    let prior = prior(axes.len());
    let pairs = Pairs::new(axes, points);
    let mut theta: Vec<f64> = prior.iter().map(|(mean, _)| *mean).collect();
    let (mut best, mut best_density) = (theta.clone(), f64::NEG_INFINITY);
    let (mut steps, mut turned) = (vec![0.3; theta.len()], vec![0.0_f64; theta.len()]);
    for _ in 0..STEPS {
        let Some((likelihood, mut gradient)) = log_likelihood(&pairs, targets, &theta) else {
            break;
        };
        let mut density = likelihood;
        for ((gradient, value), (mean, deviation)) in gradient.iter_mut().zip(&theta).zip(&prior) {
            let z = (value - mean) / deviation;
            density -= 0.5 * z * z;
            *gradient -= z / deviation;
        }
        if density > best_density {
            (best, best_density) = (theta.clone(), density);
        }
        if gradient.iter().all(|gradient| gradient.abs() < 1e-3) {
            break;
        }
        for i in 0..theta.len() {
            let agreement = gradient[i] * turned[i];
            turned[i] = if agreement < 0.0 { 0.0 } else { gradient[i] };
            steps[i] = if agreement < 0.0 { steps[i] * 0.5 } else { f64::min(steps[i] * 1.2, 1.0) };
            let (mean, deviation) = prior[i];
            let moved =
                theta[i] + steps[i] * if turned[i] == 0.0 { 0.0 } else { turned[i].signum() };
            theta[i] = moved.clamp(mean - 4.0 * deviation, mean + 4.0 * deviation);
        }
    }
    best
}

/// Squared distances of all pairs of points, axis by axis.
struct Pairs {
    n: usize,
    /// `[pair][axis]` with pairs (1,0), (2,0), (2,1), (3,0), …
    squared: Vec<f64>,
    axis_count: usize,
}

impl Pairs {
    fn new(axes: &[Axis], points: &[Vec<f64>]) -> Self {
        let mut squared = Vec::with_capacity(points.len() * points.len() / 2 * axes.len());
        for (i, a) in points.iter().enumerate() {
            for b in &points[..i] {
                let distances = axes.iter().zip(a.iter().zip(b));
                squared.extend(distances.map(|(axis, (&a, &b))| axis.squared_distance(a, b)));
            }
        }
        Self { n: points.len(), squared, axis_count: axes.len() }
    }

    /// Of points i and j < i, per axis.
    fn squared_distances(&self, i: usize, j: usize) -> &[f64] {
        let pair = i * (i - 1) / 2 + j;
        &self.squared[pair * self.axis_count..][..self.axis_count]
    }
}

/// ln p(y | X, θ) and its gradient in θ, ½ tr((ααᵀ − K⁻¹) ∂K/∂θ); `None` if K is singular to rounding.
fn log_likelihood(pairs: &Pairs, targets: &[f64], theta: &[f64]) -> Option<(f64, Vec<f64>)> {
    let (n, d) = (pairs.n, pairs.axis_count);
    let Hyperparameters { length_scales, amplitude, noise } =
        Hyperparameters::from_logarithms(theta);
    let weights: Vec<f64> = length_scales.iter().map(|scale| 1.0 / (scale * scale)).collect();
    let mut covariance = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..i {
            let exponent = -0.5 * dot(pairs.squared_distances(i, j), &weights);
            covariance[i * n + j] = amplitude * exponent.exp();
        }
        covariance[i * n + i] = amplitude + noise;
    }
    let factor = Cholesky::new(&covariance, n)?;
    let alpha = factor.solve(targets);
    let likelihood = -0.5
        * (dot(targets, &alpha) + factor.log_determinant() + n as f64 * std::f64::consts::TAU.ln());

    let inverse = factor.inverse();
    let mut gradient = vec![0.0; d + 2];
    for i in 0..n {
        for j in 0..i {
            // Both (i, j) and (j, i), hence no ½.
            let slope = (alpha[i] * alpha[j] - inverse[i * n + j]) * covariance[i * n + j];
            for (gradient, distance) in gradient.iter_mut().zip(pairs.squared_distances(i, j)) {
                *gradient += slope * distance;
            }
            gradient[d] += slope;
        }
        let diagonal = 0.5 * (alpha[i] * alpha[i] - inverse[i * n + i]);
        gradient[d] += diagonal * amplitude;
        gradient[d + 1] += diagonal * noise;
    }
    gradient.iter_mut().zip(&weights).for_each(|(gradient, weight)| *gradient *= weight);
    Some((likelihood, gradient))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    const AXES: [Axis; 3] = [Axis::Numeric, Axis::Numeric, Axis::Categorical];

    /// What scikit-learn computes: tests/reference/dump.py.
    #[derive(Deserialize)]
    struct Reference {
        points: Vec<Vec<f64>>,
        targets: Vec<f64>,
        log_hyperparameters: Vec<f64>,
        at: Vec<Vec<f64>>,
        mean: Vec<f64>,
        deviation: Vec<f64>,
        log_likelihood: f64,
        gradient: Vec<f64>,
    }

    fn reference() -> Reference {
        serde_json::from_str(include_str!("../../tests/reference/gp.json")).unwrap()
    }

    #[test]
    fn predicts_as_scikit_learn_does() {
        let r = reference();
        let hyperparameters = Hyperparameters::from_logarithms(&r.log_hyperparameters);
        let gp = Gp::posterior(&AXES, r.points, r.targets, hyperparameters);
        let mut predictor = gp.predictor();
        for ((x, mean), deviation) in r.at.iter().zip(&r.mean).zip(&r.deviation) {
            let (found, variance) = predictor.predict(x);
            assert!((found - mean).abs() < 1e-9, "{found} {mean}");
            assert!((variance.sqrt() - deviation).abs() < 1e-9, "{variance} {deviation}");
        }
    }

    #[test]
    fn likelihood_and_gradient_are_scikit_learns() {
        let r = reference();
        let pairs = Pairs::new(&AXES, &r.points);
        let (likelihood, gradient) =
            log_likelihood(&pairs, &r.targets, &r.log_hyperparameters).unwrap();
        assert!((likelihood - r.log_likelihood).abs() < 1e-9, "{likelihood}");
        for (found, expected) in gradient.iter().zip(&r.gradient) {
            assert!((found - expected).abs() < 1e-8 * expected.abs().max(1.0), "{gradient:?}");
        }
    }

    /// No small change of θ betters the posterior density by much: the fit has found its summit.
    #[test]
    fn the_fit_ends_on_a_summit() {
        let r = reference();
        let pairs = Pairs::new(&AXES, &r.points);
        let density = |theta: &[f64]| {
            let z = theta
                .iter()
                .zip(prior(3))
                .map(|(value, (mean, deviation))| (value - mean) / deviation);
            log_likelihood(&pairs, &r.targets, theta).unwrap().0
                - 0.5 * z.map(|z| z * z).sum::<f64>()
        };
        let theta = maximum_a_posteriori(&AXES, &r.points, &r.targets);
        let summit = density(&theta);
        for i in 0..theta.len() {
            for change in [-0.2, 0.2] {
                let mut other = theta.clone();
                other[i] += change;
                assert!(
                    density(&other) < summit + 1e-3,
                    "{i} {change}: {} > {summit}",
                    density(&other)
                );
            }
        }
    }

    #[test]
    fn an_irrelevant_axis_gets_the_longest_scale() {
        let points: Vec<Vec<f64>> = (0..36)
            .map(|i| vec![f64::from(i % 6) / 5.0, f64::from(i / 6) / 5.0, f64::from(i % 2)])
            .collect();
        let targets: Vec<f64> = points.iter().map(|x| 2.0 * (5.0 * x[0]).sin()).collect();
        let Gp { hyperparameters, .. } = Gp::fit(&AXES, points, targets);
        let scales = hyperparameters.length_scales;
        assert!(scales[1] > 2.0 * scales[0] && scales[2] > 2.0 * scales[0], "{scales:?}");
    }

    #[test]
    fn believing_keeps_the_mean_and_removes_uncertainty() {
        let r = reference();
        let gp = Gp::fit(&AXES, r.points, r.targets);
        let before: Vec<_> = r.at.iter().map(|x| gp.predictor().predict(x)).collect();
        let gp = gp.believing(&AXES, &r.at[..2]);
        for (i, (x, (mean, variance))) in r.at.iter().zip(before).enumerate() {
            let (now, left) = gp.predictor().predict(x);
            assert!((now - mean).abs() < 1e-6, "{now} {mean}");
            assert!(left <= variance + 1e-9 && (i >= 2 || left < 0.02), "{left} {variance}");
        }
    }

    #[test]
    fn constant_and_repeated_trials_do_no_harm() {
        let points = vec![vec![0.5, 0.5, 1.0]; 20];
        let gp = Gp::fit(&AXES, points, vec![0.0; 20]);
        let (mean, variance) = gp.predictor().predict(&[0.5, 0.5, 1.0]);
        assert!(mean.abs() < 1e-6 && variance < 0.01, "{mean} {variance}");
        assert!(gp.predictor().predict(&[0.0, 1.0, 0.0]).1 > 0.1);
    }
}
