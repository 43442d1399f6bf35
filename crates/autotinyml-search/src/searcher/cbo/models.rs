//! What CBO learns from the history: one model of the score, one per constraint that has to be learned.

use crate::acquisition::log_expected_improvement;
use crate::history::{History, Outcome, Trial};
use crate::normal;
use crate::problem::{Known, Problem};
use crate::space::Axis;
use crate::surrogate::best_and_latest;
use crate::surrogate::gp::classifier::{classify, log_probability};
use crate::surrogate::gp::{Gp, Prior, log_plausibility};

/// Models learn from at most so many trials, the best half and the latest half of them: their cost grows with
/// the cube.
const TRIALS_MAX: usize = 300;

/// w for constraints with values.
const VALUE_WEIGHT: f64 = 1.0;

/// w for labels, at the beginning of the search and at its end: the later, the less use is made of what
/// a failed trial teaches.
const LABEL_WEIGHTS: [f64; 2] = [2.0, 7.0];

/// Of normal scores: what parameters add by themselves, and what comes of them together.
const SCORE: Prior = Prior { trend: (-1.0, 1.0), ..Prior::SCORE };

/// Of standardised values of a constraint: mostly trend.
const VALUE: Prior = Prior {
    length_scale: (-0.7, 1.0),
    amplitude: (0.0, 0.7),
    noise: (-6.0, 1.5),
    trend: (-1.0, 1.0),
};

/// Of the latent function behind labels: far beyond the 1 by which labels are uncertain, since whether a model
/// fits is no matter of chance.
const LABEL: Prior = Prior {
    length_scale: (-0.7, 1.0),
    amplitude: (2.5, 1.0),
    noise: (-9.0, 0.1),
    trend: (3.0, 1.0),
};

/// All that was learned.
pub(super) struct Models {
    /// With the best feasible trial's target; `None` before the first.
    score: Option<(Gp, f64)>,
    constraints: Vec<Constraint>,
    /// Share of the budget that is spent.
    spent: f64,
}

/// A model of one constraint, or of all that only a label tells about.
enum Constraint {
    Value { gp: Gp, limit: f64 },
    Label { latent: Gp },
}

/// A full trial that has ended.
struct Ended<'a> {
    point: Vec<f64>,
    outcome: &'a Outcome,
}

impl Models {
    /// `None` if no full trial has ended.
    pub(super) fn fit(problem: &Problem, history: &History) -> Option<Self> {
        let space = problem.space;
        let axes = space.axes();
        let full = |(trial, _): &(&Trial, &Outcome)| trial.epochs.is_none();
        let ended: Vec<Ended> = history
            .completed()
            .filter(full)
            .map(|(trial, outcome)| Ended { point: space.encode(&trial.configuration), outcome })
            .collect();
        if ended.is_empty() || axes.is_empty() {
            return None;
        }
        let running: Vec<Vec<f64>> =
            history.pending().map(|trial| space.encode(&trial.configuration)).collect();
        let utility = |trial: &Ended| {
            let score = trial.outcome.feasible_score();
            score.map_or(f64::NEG_INFINITY, |score| problem.goal.utility(score))
        };
        let kept = best_and_latest(&ended.iter().map(utility).collect::<Vec<f64>>(), TRIALS_MAX);
        let score = score(problem, &axes, &ended, &kept);
        let score = score.map(|(gp, best)| (gp.believing(&running), best));
        let mut constraints = Vec::new();
        let learned: Vec<usize> = (0..problem.constraints.len())
            .filter(|&j| {
                problem.constraints[j].known == Known::Measured || problem.prescreen.is_none()
            })
            .collect();
        for &j in &learned {
            if let Some((gp, limit)) = value(problem, j, &axes, &ended, &kept) {
                constraints.push(Constraint::Value { gp: gp.believing(&running), limit });
            }
        }
        if let Some(latent) = label(problem, &axes, &ended, &kept) {
            constraints.push(Constraint::Label { latent: latent.believing(&running) });
        }
        let spent = (history.0.len() as f64 / problem.budget.max(1) as f64).min(1.0);
        Some(Self { score, constraints, spent })
    }

    /// ln EI + w Σ ln P at each point.
    pub(super) fn acquisition(&self, points: &[Vec<f64>]) -> Vec<f64> {
        let [first, last] = LABEL_WEIGHTS;
        let label_weight = first + (last - first) * self.spent;
        let mut acquisition = vec![0.0; points.len()];
        let mut add = |gp: &Gp, term: &dyn Fn(f64, f64) -> f64| {
            for (sum, (mean, variance)) in acquisition.iter_mut().zip(gp.predict(points)) {
                *sum += term(mean, variance);
            }
        };
        if let Some((gp, best)) = &self.score {
            add(gp, &|mean, variance| log_expected_improvement(mean, variance.sqrt(), *best));
        }
        for constraint in &self.constraints {
            match constraint {
                Constraint::Value { gp, limit } => {
                    add(gp, &|mean, variance| {
                        VALUE_WEIGHT * normal::log_cdf((limit - mean) / variance.sqrt())
                    });
                }
                Constraint::Label { latent } => {
                    add(latent, &|mean, variance| label_weight * log_probability(mean, variance));
                }
            }
        }
        acquisition
    }
}

/// The model of the score and the target of the best feasible trial. Infeasible trials help, if they have
/// a score.
fn score(problem: &Problem, axes: &[Axis], ended: &[Ended], kept: &[usize]) -> Option<(Gp, f64)> {
    let utility = |i: usize| {
        let score = ended[i].outcome.score.filter(|score| score.is_finite());
        score.map(|score| problem.goal.utility(score))
    };
    let (scored, utilities): (Vec<usize>, Vec<f64>) =
        kept.iter().filter_map(|&i| Some((i, utility(i)?))).unzip();
    let targets = normal::scores(&utilities);
    let feasible = scored.iter().zip(&targets).filter(|(i, _)| ended[**i].outcome.feasible);
    let best = feasible.map(|(_, target)| *target).reduce(f64::max)?;
    let points = scored.iter().map(|&i| ended[i].point.clone()).collect();
    Some((Gp::fit(axes, points, targets, &SCORE), best))
}

/// The model of constraint j's value and the limit on its scale; `None` if there are not two values.
fn value(
    problem: &Problem,
    j: usize,
    axes: &[Axis],
    ended: &[Ended],
    kept: &[usize],
) -> Option<(Gp, f64)> {
    let limit = problem.constraints[j].limit?;
    let (known, values): (Vec<usize>, Vec<f64>) =
        kept.iter().filter_map(|&i| Some((i, measured(&ended[i], j)?))).unzip();
    if known.len() < 2 {
        return None;
    }
    let points: Vec<Vec<f64>> = known.iter().map(|&i| ended[i].point.clone()).collect();
    let scaled = Scaled::best(axes, &points, &values, limit);
    let limit = within_lattice(&scaled.targets, scaled.of(limit));
    Some((Gp::fit(axes, points, scaled.targets, &VALUE), limit))
}

/// The classifier of what no value explains: constraints that have only labels, and trials without a score.
/// `None` if no trial has failed for such a reason.
fn label(problem: &Problem, axes: &[Axis], ended: &[Ended], kept: &[usize]) -> Option<Gp> {
    let exceeds = |i: usize| {
        problem.constraints.iter().enumerate().any(|(j, constraint)| {
            measured(&ended[i], j).zip(constraint.limit).is_some_and(|(value, limit)| value > limit)
        })
    };
    let label = |&i: &usize| {
        let succeeded = ended[i].outcome.feasible_score().is_some();
        // A trial that a value has ruled out says nothing of the rest.
        (succeeded || !exceeds(i)).then_some((i, succeeded))
    };
    let (known, labels): (Vec<usize>, Vec<bool>) = kept.iter().filter_map(label).unzip();
    if labels.iter().all(|&succeeded| succeeded) {
        return None;
    }
    let points = known.iter().map(|&i| ended[i].point.clone()).collect();
    Some(classify(axes, points, &labels, &LABEL))
}

fn measured(trial: &Ended, j: usize) -> Option<f64> {
    trial.outcome.values.get(j).copied().flatten().filter(|value| value.is_finite())
}

/// Values, or their logarithms, brought to mean 0 and variance 1.
struct Scaled {
    targets: Vec<f64>,
    logarithmic: bool,
    mean: f64,
    deviation: f64,
}

impl Scaled {
    fn new(values: &[f64], logarithmic: bool) -> Self {
        let mut targets: Vec<f64> =
            values.iter().map(|value| if logarithmic { value.ln() } else { *value }).collect();
        let n = targets.len() as f64;
        let mean = targets.iter().sum::<f64>() / n;
        let variance = targets.iter().map(|target| (target - mean).powi(2)).sum::<f64>() / n;
        let deviation = if variance > 1e-24 * mean * mean { variance.sqrt() } else { 1.0 };
        targets.iter_mut().for_each(|target| *target = (*target - mean) / deviation);
        Self { targets, logarithmic, mean, deviation }
    }

    /// On the scale on which the values are more plausible; sizes are sums of some parameters and
    /// products of others. Without logarithms if anything is not positive.
    fn best(axes: &[Axis], points: &[Vec<f64>], values: &[f64], limit: f64) -> Self {
        let plain = Self::new(values, false);
        if limit <= 0.0 || values.iter().any(|value| *value <= 0.0) {
            return plain;
        }
        let logarithmic = Self::new(values, true);
        // The density of the values themselves: that of the targets times the slope of the scale.
        let log_density = |scaled: &Self| {
            let slopes = values.iter().map(|value| {
                let stretched = if scaled.logarithmic { value.ln() } else { 0.0 };
                -stretched - scaled.deviation.ln()
            });
            log_plausibility(axes, points, &scaled.targets, &VALUE) + slopes.sum::<f64>()
        };
        if log_density(&plain) > log_density(&logarithmic) { plain } else { logarithmic }
    }

    fn of(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.ln() } else { value };
        (value - self.mean) / self.deviation
    }
}

/// If most values repeat each other, the limit midway between the two about it; else the limit itself.
fn within_lattice(values: &[f64], limit: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let different = 1 + sorted.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let above = sorted.partition_point(|value| *value <= limit);
    if 2 * different > sorted.len() || above == 0 || above == sorted.len() {
        return limit;
    }
    0.5 * (sorted[above - 1] + sorted[above])
}
