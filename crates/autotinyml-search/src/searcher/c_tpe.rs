//! c-TPE: the tree-structured Parzen estimator under constraints, one pair of densities for the score and one for
//! each constraint.
//!
//! S. Watanabe, F. Hutter, c-TPE: tree-structured Parzen estimator with inequality constraints for expensive
//! hyperparameter optimization, IJCAI 2023, 4371–4379.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | N | trials that have ended | 1 |
//! | c, c* | value of a constraint, its limit | per constraint |
//! | l, g | densities of the good configurations and of the others | per split |
//! | γ | share of the good ones | per split |
//! | r | relative density ratio (γ + (1 − γ) g(x) / l(x))⁻¹: between 0 and 1/γ | per split |
//!
//! The acquisition is Πᵢ rᵢ(x): expected improvement times the probability of meeting each constraint, up to a
//! factor. A constraint that most trials meet has γ near 1, and so hardly any say.
//!
//! Splits: by score the good ones are the best, as many as it takes to have ⌈√N / 4⌉ feasible ones among them
//! (infeasible ones of better score included); by a constraint they are those with c ≤ c*, at least
//! the one of least c.
//!
//! DIFFERENCE: what the values don't explain is one more constraint, learned from labels: trials that meet every
//! limit that has values, and are feasible or not. So labels alone will do.
//! DIFFERENCE: constraints that the prescreen holds are not learned.
//! DIFFERENCE: a trial that shows no score is worse than any that does, and one that shows no value of a
//! constraint violates it.
//! DIFFERENCE: trials that are still running count as bad by their score, and not at all by constraints.
//! DIFFERENCE: the crowd holds only what may be suggested, as in `tpe`. The published package tries many
//! configurations more than once.
//! DIFFERENCE: the first ten trials are a Latin hypercube.

use super::tpe::{CROWD, density};
use super::{Phase, SearchError, Searcher, Suggestion};
use crate::draw::stream;
use crate::history::{History, Outcome, Trial};
use crate::initial_design::{designed, published_size};
use crate::parzen::{Parzen, crowd, most};
use crate::problem::{Known, Problem};
use crate::space::{Configuration, Space};

/// The tree-structured Parzen estimator under constraints.
#[derive(Clone, Copy, Debug)]
pub struct CTpe;

impl Searcher for CTpe {
    fn name(&self) -> &'static str {
        "c-tpe"
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        let points = published_size(problem.budget);
        if trial < points {
            return designed(problem, history, points, trial, seed);
        }
        let rng = &mut stream(seed, trial);
        let splits = splits(problem, history);
        let mut turn = 0;
        let crowd = crowd(problem, history, CROWD * splits.len(), rng, |rng| {
            turn = (turn + 1) % splits.len();
            splits[turn].l.draw(rng)
        })?;
        let best = most(crowd, |x| splits.iter().map(|split| split.log_ratio(x)).sum());
        Ok(Suggestion::full(best, Phase::Optimise))
    }
}

/// The densities on both sides of a threshold.
struct Split<'a> {
    l: Parzen<'a>,
    g: Parzen<'a>,
    gamma: f64,
}

impl<'a> Split<'a> {
    fn new(space: &'a Space, good: &[&Configuration], bad: &[&Configuration]) -> Self {
        let gamma = good.len() as f64 / (good.len() + bad.len()).max(1) as f64;
        Self { l: density(space, good), g: density(space, bad), gamma }
    }

    /// ln r(x)
    fn log_ratio(&self, x: &Configuration) -> f64 {
        let bad_to_good = (self.g.log_density(x) - self.l.log_density(x)).exp();
        -(self.gamma + (1.0 - self.gamma) * bad_to_good).ln()
    }
}

/// The split by score first, then one for each constraint that is learned.
fn splits<'a>(problem: &Problem<'a>, history: &History) -> Vec<Split<'a>> {
    let ended: Vec<(&Trial, &Outcome)> =
        history.completed().filter(|(trial, _)| trial.epochs.is_none()).collect();
    let learned: Vec<(usize, f64)> = problem
        .constraints
        .iter()
        .enumerate()
        .filter(|(_, c)| c.known == Known::Measured || problem.prescreen.is_none())
        .filter_map(|(index, constraint)| Some((index, constraint.limit?)))
        .collect();
    let mut splits = vec![by_score(problem, history, &ended)];
    splits.extend(
        learned.iter().map(|&(index, limit)| by_value(problem.space, &ended, index, limit)),
    );
    splits.extend(by_label(problem.space, &ended, &learned));
    splits
}

fn by_score<'a>(
    problem: &Problem<'a>,
    history: &History,
    ended: &[(&Trial, &Outcome)],
) -> Split<'a> {
    let utility = |outcome: &Outcome| {
        let score = outcome.score.filter(|score| score.is_finite());
        score.map_or(f64::NEG_INFINITY, |score| problem.goal.utility(score))
    };
    let mut ranked = ended.to_vec();
    ranked.sort_by(|a, b| utility(b.1).total_cmp(&utility(a.1)));
    let wanted = ((ended.len() as f64).sqrt() / 4.0).ceil() as usize;
    let feasible = ranked.iter().enumerate().filter(|(_, (_, o))| o.feasible_score().is_some());
    let good = feasible.map(|(index, _)| index + 1).nth(wanted.saturating_sub(1));
    let (good, bad) = ranked.split_at(good.unwrap_or(ranked.len()));
    let mut bad = configurations(bad);
    bad.extend(history.pending().map(|trial| &trial.configuration));
    Split::new(problem.space, &configurations(good), &bad)
}

fn by_value<'a>(
    space: &'a Space,
    ended: &[(&Trial, &Outcome)],
    index: usize,
    limit: f64,
) -> Split<'a> {
    let mut ranked = ended.to_vec();
    ranked.sort_by(|a, b| value(a.1, index).total_cmp(&value(b.1, index)));
    let met = ranked.iter().filter(|(_, outcome)| value(outcome, index) <= limit).count();
    let (good, bad) = ranked.split_at(met.max(1).min(ranked.len()));
    Split::new(space, &configurations(good), &configurations(bad))
}

/// `None` if the values explain every failure.
fn by_label<'a>(
    space: &'a Space,
    ended: &[(&Trial, &Outcome)],
    learned: &[(usize, f64)],
) -> Option<Split<'a>> {
    let meets = |outcome: &Outcome| learned.iter().all(|&(i, limit)| value(outcome, i) <= limit);
    let unexplained = ended.iter().copied().filter(|(_, outcome)| meets(outcome));
    let (good, bad): (Vec<_>, Vec<_>) =
        unexplained.partition(|(_, outcome)| outcome.feasible_score().is_some());
    (!bad.is_empty()).then(|| Split::new(space, &configurations(&good), &configurations(&bad)))
}

/// A constraint's value; worse than any limit where there is none.
fn value(outcome: &Outcome, index: usize) -> f64 {
    let value = outcome.values.get(index).copied().flatten();
    value.filter(|value| !value.is_nan()).unwrap_or(f64::INFINITY)
}

fn configurations<'h>(trials: &[(&'h Trial, &'h Outcome)]) -> Vec<&'h Configuration> {
    trials.iter().map(|(trial, _)| &trial.configuration).collect()
}
