//! The evidence of a Gaussian process' hyperparameters and those of greatest posterior density (Rasmussen
//! & Williams 2006, sections 5.2 and 5.4).
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | θ | logarithms of d length scales, amplitude, noise, trend | d + 3 |
//! | K | covariance of the targets | n × n |
//! | α | K⁻¹ y | n |

use super::covariance::{Covariances, Pairs};
use super::{Hyperparameters, spread};
use crate::cholesky::{Cholesky, dot};
use crate::space::Axis;

/// Evaluations of the evidence in a fit, at most.
const EVALUATIONS_MAX: usize = 12;

/// Hyperparameters are fitted on at most so many points: beyond, they hardly change, but their cost grows
/// with the cube.
const FITTED_MAX: usize = 100;

/// Logarithms of the hyperparameters.
pub(super) type Theta = Vec<f64>;

/// Mean and deviation of the normal prior of each logarithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prior {
    /// Of a space of one parameter; with d of them all distances grow by √d, and so do the length scales
    /// (Hvarfner et al. 2024).
    pub(crate) length_scale: (f64, f64),
    pub(crate) amplitude: (f64, f64),
    pub(crate) noise: (f64, f64),
    pub(crate) trend: (f64, f64),
}

impl Prior {
    /// For normal scores: hardly any noise, no trend.
    pub(crate) const SCORE: Self = Self {
        length_scale: (-0.7, 1.0),
        amplitude: (0.0, 0.7),
        noise: (-6.0, 1.5),
        trend: (-9.0, 0.1),
    };

    /// θ of greatest prior density.
    pub(super) fn mode(&self, dimension: usize) -> Theta {
        self.of(dimension).iter().map(|(mean, _)| *mean).collect()
    }

    fn of(&self, dimension: usize) -> Vec<(f64, f64)> {
        let (mean, deviation) = self.length_scale;
        let mut prior = vec![(mean + 0.5 * (dimension.max(1) as f64).ln(), deviation); dimension];
        prior.extend([self.amplitude, self.noise, self.trend]);
        prior
    }
}

/// θ of greatest posterior density.
pub(super) fn maximum_a_posteriori(
    axes: &[Axis],
    points: &[Vec<f64>],
    targets: &[f64],
    prior: &Prior,
) -> Theta {
    let kept = spread(points.len(), FITTED_MAX);
    let points: Vec<Vec<f64>> = kept.iter().map(|&i| points[i].clone()).collect();
    let targets: Vec<f64> = kept.iter().map(|&i| targets[i]).collect();
    let (pairs, exact) = (Pairs::new(axes, &points), vec![0.0; points.len()]);
    climb(prior.mode(axes.len()), prior, EVALUATIONS_MAX, |theta| {
        log_evidence(&pairs, &targets, &exact, theta)
    })
}

/// ln p(y | X) up to a constant, under the hyperparameters of greatest prior density; of many targets
/// estimated from some of them.
pub(crate) fn log_plausibility(
    axes: &[Axis],
    points: &[Vec<f64>],
    targets: &[f64],
    prior: &Prior,
) -> f64 {
    let kept = spread(points.len(), FITTED_MAX);
    let some_points: Vec<Vec<f64>> = kept.iter().map(|&i| points[i].clone()).collect();
    let some_targets: Vec<f64> = kept.iter().map(|&i| targets[i]).collect();
    let (pairs, exact) = (Pairs::new(axes, &some_points), vec![0.0; kept.len()]);
    let hyperparameters = Hyperparameters::from(&prior.mode(axes.len()));
    let mut covariances = pairs.covariances(&hyperparameters);
    let explained = Explained::new(&mut covariances, &some_targets, &exact, hyperparameters.noise);
    let share = kept.len() as f64 / targets.len() as f64;
    explained.map_or(f64::NEG_INFINITY, |explained| explained.log_evidence / share)
}

/// Targets as a covariance explains them.
struct Explained {
    factor: Cholesky,
    /// α.
    alpha: Vec<f64>,
    /// ln p(y | X, θ) up to a constant.
    log_evidence: f64,
}

impl Explained {
    /// Takes the matrix of the covariances. `None` if K is singular to rounding.
    fn new(
        covariances: &mut Covariances,
        targets: &[f64],
        known_noise: &[f64],
        noise: f64,
    ) -> Option<Self> {
        let n = targets.len();
        let mut matrix = std::mem::take(&mut covariances.matrix);
        (0..n).for_each(|i| matrix[i * n + i] += noise + known_noise[i]);
        let factor = Cholesky::new(matrix, n)?;
        let alpha = factor.solve(targets);
        let log_evidence = -0.5 * (dot(targets, &alpha) + factor.log_determinant());
        Some(Self { factor, alpha, log_evidence })
    }
}

/// ln p(y | X, θ) up to a constant, and its gradient in θ, ½ tr((ααᵀ − K⁻¹) ∂K/∂θ). `known_noise` is a
/// variance per target, beside the one in θ. `None` if K is singular to rounding.
pub(super) fn log_evidence(
    pairs: &Pairs,
    targets: &[f64],
    known_noise: &[f64],
    theta: &Theta,
) -> Option<(f64, Vec<f64>)> {
    let n = targets.len();
    let hyperparameters = Hyperparameters::from(theta);
    let mut covariances = pairs.covariances(&hyperparameters);
    let Explained { factor, alpha, log_evidence } =
        Explained::new(&mut covariances, targets, known_noise, hyperparameters.noise)?;
    let inverse = factor.inverse();
    // Derivative of the evidence in each pair's covariance: both (i, j) and (j, i), hence no ½.
    let mut pull = Vec::with_capacity(n * n / 2);
    let mut pull_itself = Vec::with_capacity(n);
    for i in 0..n {
        let row = &inverse[i * n..=i * n + i];
        pull.extend(row[..i].iter().zip(&alpha).map(|(inverse, other)| alpha[i] * other - inverse));
        pull_itself.push(0.5 * (alpha[i] * alpha[i] - row[i]));
    }
    let gradient = pairs.gradient(&hyperparameters, &covariances, &pull, &pull_itself);
    Some((log_evidence, gradient))
}

/// Climbs evidence plus prior density by BFGS (Nocedal & Wright, Numerical Optimization, 2006, algorithm
/// 6.1) with a line search that backtracks along parabolas.
pub(super) fn climb(
    start: Theta,
    prior: &Prior,
    evaluations_max: usize,
    evidence: impl Fn(&Theta) -> Option<(f64, Vec<f64>)>,
) -> Theta {
    /// Ascent that is not worth another step.
    const ASCENT_MIN: f64 = 1e-3;
    let prior = prior.of(start.len() - 3);
    let density = |theta: &Theta| {
        let (mut density, mut gradient) = evidence(theta)?;
        for ((gradient, value), (mean, deviation)) in gradient.iter_mut().zip(theta).zip(&prior) {
            let z = (value - mean) / deviation;
            density -= 0.5 * z * z;
            *gradient -= z / deviation;
        }
        Some((density, gradient))
    };
    let Some((height, gradient)) = density(&start) else { return start };
    let mut at = Place { theta: start, height, gradient };
    // At first as if the evidence were twice as sharp as the prior.
    let mut metric =
        Metric::diagonal(prior.iter().map(|(_, deviation)| 0.3 * deviation * deviation).collect());
    let mut evaluations = 1;
    while evaluations < evaluations_max {
        let direction = metric.direction(&at.gradient);
        let ascent = dot(&direction, &at.gradient);
        if ascent < ASCENT_MIN {
            break;
        }
        let Some(next) =
            line_search(&at, &direction, ascent, evaluations_max, &mut evaluations, &density)
        else {
            break;
        };
        metric.learn(&at, &next);
        at = next;
    }
    at.theta
}

/// θ with the posterior density there.
struct Place {
    theta: Theta,
    height: f64,
    gradient: Vec<f64>,
}

/// The first place along the direction that is higher by a share of what the gradient promises.
fn line_search(
    from: &Place,
    direction: &[f64],
    ascent: f64,
    evaluations_max: usize,
    evaluations: &mut usize,
    density: &impl Fn(&Theta) -> Option<(f64, Vec<f64>)>,
) -> Option<Place> {
    let mut stride = 1.0;
    while *evaluations < evaluations_max {
        *evaluations += 1;
        let theta = from.theta.iter().zip(direction).map(|(x, d)| x + stride * d).collect();
        let Some((height, gradient)) = density(&theta) else {
            stride *= 0.25;
            continue;
        };
        let gain = height - from.height;
        if gain > 1e-4 * stride * ascent {
            return Some(Place { theta, height, gradient });
        }
        // The summit of the parabola through both heights with the slope at the first.
        stride *= (0.5 * ascent * stride / (ascent * stride - gain)).clamp(0.1, 0.5);
    }
    None
}

/// Approximate inverse of the negative Hessian, d × d by rows.
struct Metric(Vec<f64>, usize);

impl Metric {
    fn diagonal(diagonal: Vec<f64>) -> Self {
        let d = diagonal.len();
        let mut metric = vec![0.0; d * d];
        (0..d).for_each(|i| metric[i * d + i] = diagonal[i]);
        Self(metric, d)
    }

    fn times(&self, vector: &[f64]) -> Vec<f64> {
        self.0.chunks_exact(self.1).map(|row| dot(row, vector)).collect()
    }

    /// Newton's step, but no logarithm changes by more than 2.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let direction = self.times(gradient);
        let longest = direction.iter().fold(0.0, |longest: f64, step| longest.max(step.abs()));
        let scale = (2.0 / longest).min(1.0);
        direction.iter().map(|step| scale * step).collect()
    }

    fn learn(&mut self, from: &Place, to: &Place) {
        let d = self.1;
        let s: Vec<f64> = to.theta.iter().zip(&from.theta).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = from.gradient.iter().zip(&to.gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&s, &y);
        if curvature < 1e-10 {
            return;
        }
        let hy = self.times(&y);
        let scale = (1.0 + dot(&y, &hy) / curvature) / curvature;
        for i in 0..d {
            for j in 0..d {
                self.0[i * d + j] +=
                    scale * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / curvature;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No small change of θ betters the posterior density by much: the fit has found its summit.
    #[test]
    fn the_fit_ends_on_a_summit() {
        let axes = [Axis::Numeric, Axis::Numeric, Axis::Categorical];
        let points: Vec<Vec<f64>> = (0..30)
            .map(|i| vec![f64::from(i % 5) / 4.0, f64::from(i * 7 % 6) / 5.0, f64::from(i % 3)])
            .collect();
        let targets: Vec<f64> =
            points.iter().map(|x| (4.0 * x[0]).sin() + x[1] * x[2] - 1.0).collect();
        let prior = Prior { trend: (-1.0, 1.0), ..Prior::SCORE };
        let pairs = Pairs::new(&axes, &points);
        let density = |theta: &Theta| {
            let z = theta
                .iter()
                .zip(prior.of(3))
                .map(|(value, (mean, deviation))| (value - mean) / deviation);
            log_evidence(&pairs, &targets, &[0.0; 30], theta).unwrap().0
                - 0.5 * z.map(|z| z * z).sum::<f64>()
        };
        let theta = climb(prior.mode(3), &prior, 100, |theta| {
            log_evidence(&pairs, &targets, &[0.0; 30], theta)
        });
        let summit = density(&theta);
        for i in 0..theta.len() {
            for change in [-0.2, 0.2] {
                let mut other = theta.clone();
                other[i] += change;
                assert!(density(&other) < summit, "{i} {change}: {} > {summit}", density(&other));
            }
        }
        // The evaluations that a suggestion can afford come near it.
        let quick = density(&maximum_a_posteriori(&axes, &points, &targets, &prior));
        let start = density(&prior.mode(3));
        assert!(summit - quick < 0.05 * (summit - start), "{start} {quick} {summit}");
    }
}
