//! The maximiser for scores that are cheaper by the hundred: samples and the surroundings of the best
//! trials are scored together, and the best of them climb by exchanging one parameter at a time.
//!
//! The prescreen, which may be dear, is asked about a limited number of samples; of all that is found from
//! there, in the order of the scores, only until enough is accepted to climb from.

use std::collections::HashSet;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{EXCHANGED_LEVELS, exchanges};
use crate::history::History;
use crate::problem::Problem;
use crate::space::{Configuration, Space};

/// Configurations drawn from everywhere.
const SAMPLES: usize = 400;

/// With a prescreen, draws that are made for as many accepted ones.
const DRAWS_MAX: usize = 2_000;

/// Best trials whose surroundings are scored: everything one exchange away, and some of what is two away.
const TRIALS: usize = 5;
const TWO_EXCHANGES: usize = 30;

/// Best configurations that climb, and steps that they make at most.
const CLIMBERS: usize = 3;
const STEPS_MAX: usize = 6;

/// The configuration of the greatest score that was found. `score` gets encoded coordinates. `None` if
/// everything that was met is tried or refused.
pub(crate) fn maximise_by_exchange(
    problem: &Problem,
    history: &History,
    rng: &mut Xoshiro256PlusPlus,
    score: impl Fn(&[Vec<f64>]) -> Vec<f64>,
) -> Option<Configuration> {
    let met = history.configurations().cloned().collect();
    let mut climb = Climb { problem, met, ranked: vec![] };
    let mut candidates = samples(problem, rng);
    for trial in centres(problem, history) {
        candidates.extend(neighbours(problem, trial, rng));
        candidates.extend((0..TWO_EXCHANGES).map(|_| two_exchanges(problem, trial, rng)));
    }
    climb.rank(candidates, &score);
    for _ in 0..STEPS_MAX {
        let Some(before) = climb.best() else { break };
        let from: Vec<Configuration> = climb
            .ranked
            .iter()
            .take(CLIMBERS)
            .map(|(_, configuration)| configuration.clone())
            .collect();
        climb.rank(from.iter().flat_map(|at| neighbours(problem, at, rng)).collect(), &score);
        if climb.best() <= Some(before) {
            break;
        }
    }
    climb.ranked.into_iter().next().map(|(_, configuration)| configuration)
}

/// Configurations from everywhere, and such as the prescreen accepts: scored first and asked later, few would
/// be left where little is accepted.
fn samples(problem: &Problem, rng: &mut Xoshiro256PlusPlus) -> Vec<Configuration> {
    let draws = if problem.prescreen.is_some() { DRAWS_MAX } else { SAMPLES };
    let drawn = (0..draws).map(|_| problem.space.sample(rng));
    drawn.filter(|configuration| problem.accepts(configuration)).take(SAMPLES).collect()
}

/// The best trials, or the latest while none is feasible.
fn centres<'a>(problem: &Problem, history: &'a History) -> Vec<&'a Configuration> {
    let mut trials: Vec<_> = history.feasible().collect();
    trials.sort_by(|a, b| problem.goal.utility(b.1).total_cmp(&problem.goal.utility(a.1)));
    if trials.is_empty() {
        return history.configurations().rev().take(TRIALS).collect();
    }
    trials.iter().take(TRIALS).map(|(trial, _)| &trial.configuration).collect()
}

fn neighbours(
    problem: &Problem,
    at: &Configuration,
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<Configuration> {
    (0..problem.space.len()).flat_map(|index| exchanges(problem.space, at, index, rng)).collect()
}

fn two_exchanges(
    problem: &Problem,
    at: &Configuration,
    rng: &mut Xoshiro256PlusPlus,
) -> Configuration {
    let space = problem.space;
    let mut moved = at.clone();
    for _ in 0..2.min(space.len()) {
        let index = rng.random_range(0..space.len());
        if space.level(&moved, index).is_some() {
            let level = far_or_near(space, &moved, index, rng);
            moved = space.exchanged(&moved, index, level, rng);
        }
    }
    moved
}

/// Any level of a short list; of many levels one far or near, so that slopes aslant to the axes are met.
fn far_or_near(
    space: &Space,
    at: &Configuration,
    index: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> u64 {
    let domain = &space.parameters()[index].domain;
    let drawn: f64 = rng.random();
    match (domain.levels(), space.level(at, index)) {
        (Some(levels), _) if levels <= EXCHANGED_LEVELS as u64 => domain.at(drawn),
        (_, None) => domain.at(drawn),
        (_, Some(level)) => {
            let reach = 0.5_f64.powi(rng.random_range(0..EXCHANGED_LEVELS as i32));
            domain.at((domain.unit(level) + reach * (2.0 * drawn - 1.0)).clamp(0.0, 1.0))
        }
    }
}

struct Climb<'a> {
    problem: &'a Problem<'a>,
    /// Tried or scored.
    met: HashSet<Configuration>,
    /// The best accepted configurations, best first, with their scores.
    ranked: Vec<(f64, Configuration)>,
}

impl Climb<'_> {
    fn best(&self) -> Option<f64> {
        self.ranked.first().map(|(score, _)| *score)
    }

    /// Scores new configurations and keeps the best accepted of all.
    fn rank(
        &mut self,
        mut candidates: Vec<Configuration>,
        score: &impl Fn(&[Vec<f64>]) -> Vec<f64>,
    ) {
        candidates.retain(|configuration| self.met.insert(configuration.clone()));
        let encoded: Vec<Vec<f64>> = candidates
            .iter()
            .map(|configuration| self.problem.space.encode(configuration))
            .collect();
        let mut scored: Vec<(f64, Configuration)> =
            score(&encoded).into_iter().zip(candidates).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let accepted =
            scored.into_iter().filter(|(_, configuration)| self.problem.accepts(configuration));
        self.ranked.extend(accepted.take(CLIMBERS));
        self.ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.ranked.truncate(CLIMBERS);
    }
}
