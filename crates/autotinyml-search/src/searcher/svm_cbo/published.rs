//! SVM-CBO as its authors' program computes (github.com/ricky151192/SVMCBO), mistakes included, so that what
//! repairing them brings can be measured.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | v | variance of the encoded trials along an axis, mean over the axes | 1 |
//! | γ | 1 / 2v | 1 |
//! | α_i y_i, s_i | coefficients and support vectors of the classifier: kernel exp(−γ‖x − x'‖²), C = 1 | – |
//!
//! The mistakes: phase 1 measures the distance from the boundary by Σ α_i y_i exp(−‖x − s_i‖² / γ), without
//! the intercept and with 1/γ where the classifier has γ; its coverage term takes the variance v for a
//! deviation; phase 2 fits the classifier again only after a failure; its Gaussian process has mean 0,
//! amplitude 1 and no noise whatever the scores' scale, and one length scale for all axes.
//!
//! DIFFERENCE: with one class only the published program stops with an error. Here phase 1 goes on with its
//! coverage term alone, and phase 2 goes on with phase 1 until a trial was deployable.
//! DIFFERENCE: acquisitions are maximised as everywhere in this crate. The published inner searches are 30
//! descents in phase 1, and in phase 2 the best of 150,000 points: its search was meant to shrink, but doesn't.
//! DIFFERENCE: the length scale is the likeliest of a list; beyond its ends the kernel hardly changes.
//! DIFFERENCE: categories, running trials, repeats, the prescreen, and which trials of a long history
//! count: as in the repaired variant. The published program knows none of them.

use rand_xoshiro::Xoshiro256PlusPlus;

use super::evidence::Evidence;
use super::{Asked, Phase, SearchError, Suggestion};
use crate::cholesky::{Cholesky, dot};
use crate::draw::{draw_untried, stream};
use crate::feasibility::Svm;
use crate::history::History;
use crate::kernel::{self, Cross, Kernel};
use crate::maximise::maximise;
use crate::space::Axis;
use crate::surrogate::forest::Forest;
use crate::surrogate::{Surrogate, TRIALS_MAX, best_and_latest};

/// C.
const PENALTY: f64 = 1.0;

/// Added to the diagonal of the Gaussian process' covariance.
const JITTER: f64 = 1e-10;

/// Length scales of the Gaussian process: four of every decade from 0.01 to 100.
const LENGTH_SCALES: std::ops::RangeInclusive<i32> = -8..=8;

/// Phase 1: argmin |Σ α_i y_i exp(−‖x − s_i‖² / γ)| + Σᵢ exp(−‖x − xᵢ‖² / 2v²).
pub(super) fn determine_deployability(asked: Asked) -> Result<Suggestion, SearchError> {
    let Asked { problem, history, trial, seed } = asked;
    let evidence = Evidence::new(problem, history, separate);
    let axes = &evidence.axes;
    let covered = evidence.covered();
    let v = variance_along_an_axis(axes, &covered);
    let mut coverage = Kernel::isotropic(axes, v).cross(covered);
    // exp(−‖x − s‖² / γ) = exp(−½ ‖x − s‖² / ℓ²) with ℓ² = γ/2 = 1/4v.
    let wide = Kernel::isotropic(axes, 0.5 / v.sqrt());
    let mut surface = evidence.boundary.map(|boundary| boundary.without_intercept(&wide));
    let rng = &mut stream(seed, trial);
    let found = maximise(problem, history, rng, |x, _| {
        let from_boundary = surface.as_mut().map_or(0.0, |surface| surface.decision(x).abs());
        let crowding: f64 = coverage.row(x).iter().sum();
        Some(-from_boundary - crowding)
    });
    let configuration = found.map_or_else(|| draw_untried(problem, history, rng), Ok)?;
    Ok(Suggestion::full(configuration, Phase::Boundary))
}

/// Phase 2: argmax μ(x) + β σ(x) over what was predicted deployable after the latest failure, or at the end
/// of phase 1 (trial `boundary_end`); drawn if nothing is.
pub(super) fn optimise_deployable(
    asked: Asked,
    surrogate: Surrogate,
    beta: f64,
    boundary_end: usize,
) -> Result<Suggestion, SearchError> {
    let Asked { problem, history, trial, seed } = asked;
    let (trials, scores): (Vec<_>, Vec<f64>) = history.feasible().unzip();
    if trials.is_empty() {
        return determine_deployability(asked);
    }
    let utilities: Vec<f64> = scores.iter().map(|&score| problem.goal.utility(score)).collect();
    let kept = best_and_latest(&utilities, TRIALS_MAX);
    let points: Vec<Vec<f64>> =
        kept.iter().map(|&i| problem.space.encode(&trials[i].configuration)).collect();
    let targets: Vec<f64> = kept.iter().map(|&i| utilities[i]).collect();
    let mut evidence = Evidence::new(problem, &when_last_fitted(history, boundary_end), separate);
    let rng = &mut stream(seed, trial);
    let mut model = RawModel::fit(surrogate, &evidence.axes, points, &targets, rng);
    let found = maximise(problem, history, rng, |x, _| {
        let (mean, variance) = evidence.is_deployable(x).then(|| model.predict(x))?;
        Some(mean + beta * variance.sqrt())
    });
    let configuration = found.map_or_else(|| draw_untried(problem, history, rng), Ok)?;
    Ok(Suggestion::full(configuration, Phase::Optimise))
}

/// The trials that the classifier of phase 2 was last fitted on.
fn when_last_fitted(history: &History, boundary_end: usize) -> History {
    let failures = history
        .completed()
        .filter(|(_, outcome)| outcome.feasible_score().is_none())
        .map(|(trial, _)| trial.id + 1);
    let end = failures.max().unwrap_or(0).max(boundary_end);
    History(history.0.iter().filter(|trial| trial.id < end).cloned().collect())
}

fn variance_along_an_axis(axes: &[Axis], points: &[Vec<f64>]) -> f64 {
    kernel::variance(axes, points) / axes.len().max(1) as f64
}

fn separate(axes: &[Axis], points: &[Vec<f64>], labels: &[bool]) -> Option<Svm> {
    // exp(−γ‖x − x'‖²) with γ = 1/2v is the kernel whose squared length scale is v.
    let kernel = Kernel::isotropic(axes, variance_along_an_axis(axes, points).sqrt());
    Svm::fit(&kernel, points, labels, PENALTY)
}

/// The model of raw scores.
enum RawModel {
    Gp(UnscaledProcess),
    Forest(Forest),
}

impl RawModel {
    fn fit(
        surrogate: Surrogate,
        axes: &[Axis],
        points: Vec<Vec<f64>>,
        targets: &[f64],
        rng: &mut Xoshiro256PlusPlus,
    ) -> Self {
        match surrogate {
            Surrogate::Gp => Self::Gp(UnscaledProcess::likeliest(axes, points, targets)),
            Surrogate::Forest => Self::Forest(Forest::fit(axes, &points, targets, 0.0, rng)),
        }
    }

    /// Mean and variance at `x`.
    fn predict(&mut self, x: &[f64]) -> (f64, f64) {
        match self {
            Self::Gp(process) => process.predict(x),
            Self::Forest(forest) => forest.predict(x),
        }
    }
}

/// A Gaussian process of mean 0 and amplitude 1 (Rasmussen & Williams 2006, algorithm 2.1).
struct UnscaledProcess {
    cross: Cross,
    factor: Cholesky,
    /// K⁻¹ y.
    weights: Vec<f64>,
    /// L⁻¹ k(X, x).
    solved: Vec<f64>,
}

impl UnscaledProcess {
    /// The one whose length scale makes the targets likeliest.
    fn likeliest(axes: &[Axis], points: Vec<Vec<f64>>, targets: &[f64]) -> Self {
        let n = points.len();
        let fits = LENGTH_SCALES.filter_map(|quarter| {
            let kernel = Kernel::isotropic(axes, 10_f64.powf(f64::from(quarter) / 4.0));
            let mut covariance = kernel.matrix(&points);
            (0..n).for_each(|i| covariance[i * n + i] += JITTER);
            let factor = Cholesky::new(covariance, n)?;
            let weights = factor.solve(targets);
            let likelihood = -0.5 * (dot(targets, &weights) + factor.log_determinant());
            Some((likelihood, kernel, factor, weights))
        });
        let likeliest = fits.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let (_, kernel, factor, weights) = likeliest.unwrap_or_else(|| {
            // The same point twice is singular at every length scale.
            let kernel = Kernel::isotropic(axes, 1.0);
            let factor = Cholesky::with_jitter(kernel.matrix(&points), n);
            let weights = factor.solve(targets);
            (f64::NEG_INFINITY, kernel, factor, weights)
        });
        Self { cross: kernel.cross(points), factor, weights, solved: vec![0.0; n] }
    }

    fn predict(&mut self, x: &[f64]) -> (f64, f64) {
        let similarities = self.cross.row(x);
        let mean = dot(similarities, &self.weights);
        let mut variance = 1.0;
        for (i, similarity) in similarities.iter().enumerate() {
            let row = self.factor.row(i);
            let solved = (similarity - dot(&row[..i], &self.solved[..i])) / row[i];
            self.solved[i] = solved;
            variance -= solved * solved;
        }
        (mean, variance.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Outcome, Trial};
    use crate::space::{Domain, Parameter, Space};

    #[test]
    fn the_process_passes_through_its_targets_and_forgets_far_from_them() {
        let points: Vec<Vec<f64>> = (0..6).map(|i| vec![f64::from(i) / 5.0]).collect();
        let targets: Vec<f64> = points.iter().map(|x| 30.0 * (9.0 * x[0]).sin()).collect();
        let mut process = UnscaledProcess::likeliest(&[Axis::Numeric], points.clone(), &targets);
        for (x, target) in points.iter().zip(&targets) {
            let (mean, variance) = process.predict(x);
            assert!((mean - target).abs() < 1e-3 && variance < 1e-6, "{mean} {target} {variance}");
        }
        assert!(process.predict(&[50.0]).1 > 0.9);
    }

    #[test]
    fn successes_do_not_fit_the_classifier_again() {
        let domain = Domain::Ordered((0..20).map(f64::from).collect());
        let parameter = Parameter { name: "x".to_owned(), domain, when: None };
        let space = Space::new(vec![parameter]).unwrap();
        let trial = |(id, configuration)| {
            let feasible = id != 12;
            let outcome = Outcome { score: Some(1.0), feasible, values: vec![None] };
            Trial::full(id, configuration, Some(outcome))
        };
        let history = History(space.enumerate().enumerate().map(trial).collect());
        for (boundary_end, expected) in [(5, 13), (13, 13), (16, 16)] {
            assert_eq!(when_last_fitted(&history, boundary_end).0.len(), expected);
        }
    }
}
