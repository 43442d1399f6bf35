//! What CBO learns from the history: one model of the score, one per constraint that has to be learned.

use std::rc::Rc;

use super::counts::Counts;
use crate::acquisition::{log_expected_improvement, log_feasibility};
use crate::history::{History, Outcome, Trial};
use crate::problem::{Constraint, Known, Problem};
use crate::surrogate::best_and_latest;
use crate::surrogate::gp::classifier::{classify, log_probability};
use crate::surrogate::gp::{Gp, Inputs, Prior};
use crate::surrogate::scale::{Scaled, ScoreScale};

/// Models learn from at most so many trials, the best half and the latest half of them: their cost grows with
/// the cube.
const TRIALS_MAX: usize = 300;

/// w for constraints with values.
const VALUE_WEIGHT: f64 = 1.0;

/// Where values lie on a lattice, their model is not trusted beyond this share of their deviation: wrong about the way
/// from one point to the next, but sure of itself, it might rule out for good what lies on the limit.
const LATTICE_DEVIATION: f64 = 0.02;

/// w for labels, at the beginning of the search and at its end: the later, the less use is made of what
/// a failed trial teaches.
const LABEL_WEIGHTS: [f64; 2] = [2.0, 7.0];

/// Of scores: what parameters add by themselves, and what comes of them together.
const SCORE: Prior = Prior { trend: (-1.0, 1.0), ..Prior::SCORE };

/// Scales on which a constraint's values are modelled, the second if all are positive: as they are, or by
/// their logarithms. Sizes are sums of some parameters and products of others.
const POWERS: [f64; 2] = [1.0, 0.0];

/// Of standardised values of a constraint: mostly trend.
const VALUE: Prior = Prior {
    length_scale: (-0.7, 1.0),
    amplitude: (0.0, 0.7),
    noise: (-6.0, 1.5),
    trend: (-1.0, 1.0),
};

/// All that was learned.
pub(super) struct Models {
    /// With the best feasible trial's target; `None` before the first.
    score: Option<(Gp, f64)>,
    limits: Vec<Limit>,
    /// What the models of the limits see beside the points.
    counts: Counts,
    /// Share of the budget that is spent.
    spent: f64,
}

/// A model of one constraint's value, or of all that only a label tells about.
enum Limit {
    Value { gp: Gp, threshold: Threshold },
    Label { latent: Gp },
}

impl Models {
    /// `None` if no full trial has ended.
    pub(super) fn fit(problem: &Problem, history: &History) -> Option<Self> {
        let ended = Ended::of(problem, history)?;
        let counts = Counts::of(problem);
        let encode = |trial: &Trial| problem.space.encode(&trial.configuration);
        let running: Vec<Vec<f64>> = history.pending().map(encode).collect();
        let score = score(problem, &ended);
        let score = score.map(|(gp, best)| (gp.believing(&running), best));
        let ended = ended.beside(&counts);
        let running = counts.beside_each(&running);
        let is_learned = |constraint: &Constraint| {
            constraint.known == Known::Measured || problem.prescreen.is_none()
        };
        let mut limits = Vec::new();
        for (j, _) in problem.constraints.iter().enumerate().filter(|(_, c)| is_learned(c)) {
            if let Some((gp, threshold)) = value(problem, j, &ended) {
                limits.push(Limit::Value { gp: gp.believing(&running), threshold });
            }
        }
        if let Some(latent) = label(problem, &ended) {
            limits.push(Limit::Label { latent: latent.believing(&running) });
        }
        let spent = (history.0.len() as f64 / problem.budget.max(1) as f64).min(1.0);
        Some(Self { score, limits, counts, spent })
    }

    /// ln EI at each point; 0 before the first feasible trial.
    pub(super) fn log_improvement(&self, points: &[Vec<f64>]) -> Vec<f64> {
        let Some((gp, best)) = &self.score else { return vec![0.0; points.len()] };
        let predictions = gp.predict(points).into_iter();
        predictions
            .map(|(mean, variance)| log_expected_improvement(mean, variance.sqrt(), *best))
            .collect()
    }

    /// w Σ ln P at each point.
    pub(super) fn log_feasibility(&self, points: &[Vec<f64>]) -> Vec<f64> {
        let [first, last] = LABEL_WEIGHTS;
        let label_weight = first + (last - first) * self.spent;
        let mut sums = vec![0.0; points.len()];
        let points = self.counts.beside_each(points);
        let mut add = |gp: &Gp, term: &dyn Fn(f64, f64) -> f64| {
            for (sum, (mean, variance)) in sums.iter_mut().zip(gp.predict(&points)) {
                *sum += term(mean, variance);
            }
        };
        for limit in &self.limits {
            match limit {
                Limit::Value { gp, threshold: Threshold { limit, deviation } } => {
                    add(gp, &|mean, variance| {
                        let deviation = variance.sqrt().hypot(*deviation);
                        VALUE_WEIGHT * log_feasibility(mean, deviation, *limit)
                    });
                }
                Limit::Label { latent } => {
                    add(latent, &|mean, variance| label_weight * log_probability(mean, variance));
                }
            }
        }
        sums
    }
}

/// Full trials that have ended, as many of them as models learn from.
struct Ended<'a> {
    outcomes: Vec<&'a Outcome>,
    inputs: Rc<Inputs>,
}

impl<'a> Ended<'a> {
    /// `None` if there are none, or nothing to choose.
    fn of(problem: &Problem, history: &'a History) -> Option<Self> {
        let full = |(trial, _): &(&Trial, &Outcome)| trial.epochs.is_none();
        let ended: Vec<_> = history.completed().filter(full).collect();
        let axes = problem.space.axes();
        if ended.is_empty() || axes.is_empty() {
            return None;
        }
        let utility = |(_, outcome): &(&Trial, &Outcome)| {
            let score = outcome.feasible_score();
            score.map_or(f64::NEG_INFINITY, |score| problem.goal.utility(score))
        };
        let kept = best_and_latest(&ended.iter().map(utility).collect::<Vec<f64>>(), TRIALS_MAX);
        let (points, outcomes) = kept
            .into_iter()
            .map(|i| (problem.space.encode(&ended[i].0.configuration), ended[i].1))
            .unzip();
        Some(Self {
            outcomes,
            inputs: Rc::new(Inputs::of_families(&axes, &problem.space.families(), points)),
        })
    }

    /// The same trials, seen with their counts.
    fn beside(self, counts: &Counts) -> Self {
        if counts.is_empty() {
            return self;
        }
        Self { inputs: Rc::new(self.inputs.with(|point| counts.beside(point))), ..self }
    }

    /// Indices of the trials of which something is known, with it.
    fn knowing<T>(&self, what: impl Fn(&Outcome) -> Option<T>) -> (Vec<usize>, Vec<T>) {
        let outcomes = self.outcomes.iter().enumerate();
        outcomes.filter_map(|(i, outcome)| Some((i, what(outcome)?))).unzip()
    }

    /// What models of these trials learn from.
    fn inputs(&self, of: &[usize]) -> Rc<Inputs> {
        if of.len() == self.outcomes.len() {
            Rc::clone(&self.inputs)
        } else {
            Rc::new(self.inputs.only(of))
        }
    }
}

/// The model of the score and the target of the best feasible trial. Infeasible trials help, if they have
/// a score.
fn score(problem: &Problem, ended: &Ended) -> Option<(Gp, f64)> {
    let (scored, utilities) = ended.knowing(|outcome| {
        let score = outcome.score.filter(|score| score.is_finite());
        score.map(|score| problem.goal.utility(score))
    });
    if scored.is_empty() {
        return None;
    }
    let inputs = ended.inputs(&scored);
    let targets = ScoreScale::new(&inputs, &utilities, &SCORE).targets();
    let feasible = scored.iter().zip(&targets).filter(|(i, _)| ended.outcomes[**i].feasible);
    let best = feasible.map(|(_, target)| *target).reduce(f64::max)?;
    Some((Gp::fit(inputs, targets, &SCORE), best))
}

/// The model of constraint j's value and the limit on its scale; `None` if there are not two values.
fn value(problem: &Problem, j: usize, ended: &Ended) -> Option<(Gp, Threshold)> {
    let limit = problem.constraints[j].limit?;
    let (known, values) = ended.knowing(|outcome| measured(outcome, j));
    if known.len() < 2 {
        return None;
    }
    let inputs = ended.inputs(&known);
    let is_positive = limit > 0.0 && values.iter().all(|value| *value > 0.0);
    let powers = if is_positive { &POWERS[..] } else { &POWERS[..1] };
    let scaled = Scaled::best(&inputs, &values, powers, &VALUE);
    let threshold = Threshold::among(&scaled.targets, scaled.of(limit));
    Some((Gp::fit(inputs, scaled.targets, &VALUE), threshold))
}

/// The classifier of what no value explains: constraints that have only labels, and trials without a score.
/// `None` if no trial has failed for such a reason.
fn label(problem: &Problem, ended: &Ended) -> Option<Gp> {
    let exceeds = |outcome: &Outcome| {
        problem.constraints.iter().enumerate().any(|(j, constraint)| {
            measured(outcome, j).zip(constraint.limit).is_some_and(|(value, limit)| value > limit)
        })
    };
    let (known, labels) = ended.knowing(|outcome| {
        let succeeded = outcome.feasible_score().is_some();
        // A trial that a value has ruled out says nothing of the rest.
        (succeeded || !exceeds(outcome)).then_some(succeeded)
    });
    if labels.iter().all(|&succeeded| succeeded) {
        return None;
    }
    Some(classify(ended.inputs(&known), &labels, &Prior::LABEL))
}

fn measured(outcome: &Outcome, j: usize) -> Option<f64> {
    outcome.values.get(j).copied().flatten().filter(|value| value.is_finite())
}

/// What a modelled value is held against.
struct Threshold {
    limit: f64,
    /// Of the value from its prediction, beside the model's own.
    deviation: f64,
}

impl Threshold {
    /// If most values repeat each other, the limit midway between the two about it; else the limit itself.
    fn among(values: &[f64], limit: f64) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let different = 1 + sorted.windows(2).filter(|pair| pair[0] < pair[1]).count();
        if 2 * different > sorted.len() {
            return Self { limit, deviation: 0.0 };
        }
        let above = sorted.partition_point(|value| *value <= limit);
        let is_between = 0 < above && above < sorted.len();
        let limit = if is_between { 0.5 * (sorted[above - 1] + sorted[above]) } else { limit };
        Self { limit, deviation: LATTICE_DEVIATION }
    }
}
