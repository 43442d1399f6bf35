//! The evidence of a Gaussian process' hyperparameters and those of greatest posterior density (Rasmussen
//! & Williams 2006, sections 5.2 and 5.4).
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | θ | logarithms of d length scales, amplitude, noise, trend | d + 3 |
//! | K | covariance of the targets | n × n |
//! | α | K⁻¹ y | n |
//! | g | gradient of the logarithm of the posterior density | d + 3 |
//! | A | average information: about the curvature of that logarithm | (d + 3)² |

use super::Hyperparameters;
use super::covariance::{Covariances, Inputs, Pairs};
use crate::cholesky::{Cholesky, Inverse, dot};
use crate::vectors::{Loop, widest};

/// Evaluations of the evidence in a fit, at most.
const EVALUATIONS_MAX: usize = 8;

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
    /// For scores of variance 1: hardly any noise, no trend.
    pub(crate) const SCORE: Self = Self {
        length_scale: (-0.7, 1.0),
        amplitude: (0.0, 0.7),
        noise: (-6.0, 1.5),
        trend: (-9.0, 0.1),
    };

    /// For the latent function behind labels: far beyond the 1 by which labels are uncertain, since whether a
    /// model fits is no matter of chance; mostly trend.
    pub(crate) const LABEL: Self = Self {
        length_scale: (-0.7, 1.0),
        amplitude: (2.5, 1.0),
        noise: (-9.0, 0.1),
        trend: (3.0, 1.0),
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
pub(super) fn maximum_a_posteriori(inputs: &Inputs, targets: &[f64], prior: &Prior) -> Theta {
    let (pairs, targets) = (inputs.fitted_pairs(), inputs.fitted(targets));
    let exact = vec![0.0; targets.len()];
    let evidence = Evidence::new(pairs, &targets, &exact);
    climb(prior.mode(inputs.axes.len()), prior, EVALUATIONS_MAX, evidence)
}

/// How plausible targets are under the hyperparameters of greatest prior density.
pub(crate) struct Plausibility<'a> {
    inputs: &'a Inputs,
    factor: Option<Cholesky>,
}

impl<'a> Plausibility<'a> {
    pub(crate) fn new(inputs: &'a Inputs, prior: &Prior) -> Self {
        let hyperparameters = Hyperparameters::from(&prior.mode(inputs.axes.len()));
        let pairs = inputs.fitted_pairs();
        let covariances = pairs.covariances(&hyperparameters);
        let exact = vec![0.0; pairs.points()];
        let factor = factorise(covariances.matrix, &exact, hyperparameters.noise);
        Self { inputs, factor }
    }

    /// ln p(y | X) up to a constant; of many targets estimated from some of them.
    pub(crate) fn of(&self, targets: &[f64]) -> f64 {
        let some = self.inputs.fitted(targets);
        let share = some.len() as f64 / targets.len() as f64;
        let of_factor =
            |factor: &Cholesky| log_density(factor, &some, &factor.solve(&some)) / share;
        self.factor.as_ref().map_or(f64::NEG_INFINITY, of_factor)
    }
}

/// Factorises covariances with noise on their diagonal. `None` if they are singular to rounding.
fn factorise(mut covariances: Vec<f64>, known_noise: &[f64], noise: f64) -> Option<Cholesky> {
    let n = known_noise.len();
    (0..n).for_each(|i| covariances[i * n + i] += noise + known_noise[i]);
    Cholesky::new(covariances, n)
}

/// ln p(y | X, θ) up to a constant.
fn log_density(factor: &Cholesky, targets: &[f64], alpha: &[f64]) -> f64 {
    -0.5 * (dot(targets, alpha) + factor.log_determinant())
}

/// The evidence of many θ, all computed in the same memory.
pub(super) struct Evidence<'a> {
    pairs: &'a Pairs,
    targets: &'a [f64],
    /// Variance of each target, beside the one in θ.
    known_noise: &'a [f64],
    covariances: Covariances,
    inverse: Inverse,
    /// Derivative of the evidence in the covariance of each pair, and of each point with itself.
    pull: Vec<f64>,
    pull_itself: Vec<f64>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(pairs: &'a Pairs, targets: &'a [f64], known_noise: &'a [f64]) -> Self {
        Self {
            pairs,
            targets,
            known_noise,
            covariances: Covariances::default(),
            inverse: Inverse::default(),
            pull: vec![],
            pull_itself: vec![],
        }
    }

    /// ln p(y | X, θ) up to a constant. `None` if K is singular to rounding.
    pub(super) fn at(&mut self, theta: &Theta) -> Option<Height> {
        let hyperparameters = Hyperparameters::from(theta);
        self.pairs.covary(&hyperparameters, &mut self.covariances);
        let matrix = std::mem::take(&mut self.covariances.matrix);
        let factor = factorise(matrix, self.known_noise, hyperparameters.noise)?;
        let alpha = factor.solve(self.targets);
        let height = log_density(&factor, self.targets, &alpha);
        Some(Height { height, hyperparameters, factor, alpha })
    }

    /// Derivatives at the θ of the last height.
    pub(super) fn slope(&mut self, last: Height) -> Slope {
        let Self { pairs, covariances, pull, pull_itself, .. } = self;
        let Height { hyperparameters, factor, alpha, .. } = last;
        let Inverse { triangle, square } = factor.inverse(&mut self.inverse);
        let derivatives = pairs.derivatives(&hyperparameters, covariances, &alpha);
        let information = widest(AverageInformation { derivatives, triangle });
        widest(Pull { inverse: square, alpha: &alpha, pull, pull_itself });
        let gradient = pairs.gradient(&hyperparameters, covariances, pull, pull_itself);
        covariances.matrix = factor.into_matrix();
        Slope { gradient, information }
    }
}

/// The logarithm of a density at some θ, and what it was computed from.
pub(super) struct Height {
    pub(super) height: f64,
    hyperparameters: Hyperparameters,
    factor: Cholesky,
    alpha: Vec<f64>,
}

/// First derivatives and curvature of the logarithm of a density.
pub(super) struct Slope {
    /// g = ½ tr((ααᵀ − K⁻¹) ∂K/∂θ) for the evidence.
    pub(super) gradient: Vec<f64>,
    /// A, by rows.
    information: Vec<f64>,
}

/// A_ij = ½ αᵀ ∂K/∂θ_i K⁻¹ ∂K/∂θ_j α, the mean of the observed and the expected information (A. R. Gilmour, R.
/// Thompson, B. R. Cullis, Average information REML, Biometrics 51 (1995) 1440-1450, section 2): traces of products
/// of matrices cancel, and what is left costs no more than a product with a vector for each hyperparameter. It is
/// never negative, so that it always leads uphill.
struct AverageInformation<'a> {
    /// ∂K/∂θ_i α of each hyperparameter.
    derivatives: Vec<Vec<f64>>,
    /// L⁻¹ by rows, L·Lᵀ = K.
    triangle: &'a [f64],
}

impl Loop for AverageInformation<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let Self { mut derivatives, triangle } = self;
        for vector in &mut derivatives {
            // From below, so that L⁻¹ v may take the place of v.
            for (i, row) in triangle.chunks_exact(vector.len()).enumerate().rev() {
                vector[i] = dot(&row[..=i], &vector[..=i]);
            }
        }
        let rows = derivatives.iter();
        rows.flat_map(|a| derivatives.iter().map(move |b| 0.5 * dot(a, b))).collect()
    }
}

/// The derivatives of the evidence in the covariances, the lower triangle of ααᵀ − K⁻¹.
struct Pull<'a> {
    inverse: &'a [f64],
    alpha: &'a [f64],
    pull: &'a mut Vec<f64>,
    pull_itself: &'a mut Vec<f64>,
}

impl Loop for Pull<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { inverse, alpha, pull, pull_itself } = self;
        let n = alpha.len();
        pull.resize(n * n.saturating_sub(1) / 2, 0.0);
        pull_itself.clear();
        let mut rest = &mut pull[..];
        for (i, row) in inverse.chunks_exact(n).enumerate() {
            let (of_row, below) = rest.split_at_mut(i);
            rest = below;
            for ((pull, inverse), other) in of_row.iter_mut().zip(row).zip(alpha) {
                // Both (i, j) and (j, i), hence no ½.
                *pull = alpha[i] * other - inverse;
            }
            pull_itself.push(0.5 * (alpha[i] * alpha[i] - row[i]));
        }
    }
}

/// Climbs evidence plus prior density by Newton's steps, A⁻¹ g, each shortened until it leads higher.
pub(super) fn climb(
    start: Theta,
    prior: &Prior,
    evaluations_max: usize,
    evidence: Evidence,
) -> Theta {
    /// Ascent that is not worth another step.
    const ASCENT_MIN: f64 = 1e-3;
    let prior = prior.of(start.len() - 3);
    let mut posterior = Posterior { evidence, prior, evaluations_left: evaluations_max };
    let mut theta = start;
    let Some(mut at) = posterior.at(&theta) else { return theta };
    while posterior.evaluations_left > 0 {
        let height = at.height;
        let slope = posterior.slope(&theta, at);
        let Some(direction) = slope.direction() else { break };
        let ascent = dot(&direction, &slope.gradient);
        if ascent < ASCENT_MIN {
            break;
        }
        let line = Line { from: &theta, height, direction, ascent };
        let Some(next) = line.search(&mut posterior) else { break };
        (theta, at) = next;
    }
    theta
}

/// The posterior density of hyperparameters, up to a constant factor.
struct Posterior<'a> {
    evidence: Evidence<'a>,
    /// Mean and deviation of each logarithm.
    prior: Vec<(f64, f64)>,
    evaluations_left: usize,
}

impl Posterior<'_> {
    /// `None` if K is singular to rounding.
    fn at(&mut self, theta: &Theta) -> Option<Height> {
        self.evaluations_left -= 1;
        let mut at = self.evidence.at(theta)?;
        let z = theta
            .iter()
            .zip(&self.prior)
            .map(|(value, (mean, deviation))| (value - mean) / deviation);
        at.height -= 0.5 * z.map(|z| z * z).sum::<f64>();
        Some(at)
    }

    /// Derivatives at the θ of the last height.
    fn slope(&mut self, theta: &Theta, last: Height) -> Slope {
        let mut slope = self.evidence.slope(last);
        let d = theta.len();
        for (i, (value, (mean, deviation))) in theta.iter().zip(&self.prior).enumerate() {
            slope.gradient[i] -= (value - mean) / deviation / deviation;
            slope.information[i * d + i] += 1.0 / (deviation * deviation);
        }
        slope
    }
}

impl Slope {
    /// Newton's step, but no logarithm changes by more than 2. `None` if the curvature is not finite.
    fn direction(&self) -> Option<Vec<f64>> {
        let Self { gradient, information } = self;
        let mut direction = Cholesky::new(information.clone(), gradient.len())?.solve(gradient);
        let longest = direction.iter().fold(0.0, |longest: f64, step| longest.max(step.abs()));
        let scale = (2.0 / longest).min(1.0);
        direction.iter_mut().for_each(|step| *step *= scale);
        Some(direction)
    }
}

/// A way up.
struct Line<'a> {
    from: &'a Theta,
    height: f64,
    direction: Vec<f64>,
    /// What the gradient promises of the whole direction.
    ascent: f64,
}

impl Line<'_> {
    /// The first place along the line that is higher by a share of what the gradient promises.
    fn search(&self, posterior: &mut Posterior) -> Option<(Theta, Height)> {
        let mut stride = 1.0;
        while posterior.evaluations_left > 0 {
            let steps = self.from.iter().zip(&self.direction);
            let theta: Theta = steps.map(|(x, d)| x + stride * d).collect();
            let Some(at) = posterior.at(&theta) else {
                stride *= 0.25;
                continue;
            };
            let gain = at.height - self.height;
            if gain > 1e-4 * stride * self.ascent {
                return Some((theta, at));
            }
            // The summit of the parabola through both heights with the slope at the first.
            let promised = self.ascent * stride;
            stride *= (0.5 * promised / (promised - gain)).clamp(0.1, 0.5);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::trend::Trend;
    use super::*;
    use crate::space::Axis;

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
        let pairs = Pairs::new(&axes, &Trend::new(&axes, &[]), &points);
        let density = |theta: &Theta| {
            let z = theta
                .iter()
                .zip(prior.of(3))
                .map(|(value, (mean, deviation))| (value - mean) / deviation);
            Evidence::new(&pairs, &targets, &[0.0; 30]).at(theta).unwrap().height
                - 0.5 * z.map(|z| z * z).sum::<f64>()
        };
        let theta = climb(prior.mode(3), &prior, 100, Evidence::new(&pairs, &targets, &[0.0; 30]));
        let summit = density(&theta);
        for i in 0..theta.len() {
            for change in [-0.2, 0.2] {
                let mut other = theta.clone();
                other[i] += change;
                assert!(density(&other) < summit, "{i} {change}: {} > {summit}", density(&other));
            }
        }
        // The evaluations that a suggestion can afford come near it.
        let quick = density(&maximum_a_posteriori(&Inputs::new(&axes, points), &targets, &prior));
        let start = density(&prior.mode(3));
        assert!(summit - quick < 0.05 * (summit - start), "{start} {quick} {summit}");
    }
}
