//! The maximiser for scores that are cheaper by the hundred: samples and the surroundings of the best
//! trials are scored together, and the best of them climb by exchanging one parameter at a time.
//!
//! The prescreen, which may be dear, is asked about a limited number of samples; of all that is found from
//! there, only about what would be among the best. Scores come in two parts, of which the second only takes away:
//! it is asked for where the first is high enough, in the order of the first.

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

/// Points whose second part is asked for at once.
const AT_ONCE: usize = 32;

/// What is to be maximised, of encoded coordinates: the sum of both parts.
pub(crate) struct Score<Bound, Rest> {
    /// The first part.
    pub(crate) bound: Bound,
    /// The second part, never above 0.
    pub(crate) rest: Rest,
}

/// The configuration of the greatest score that was found. `None` if everything that was met is tried or refused.
pub(crate) fn maximise_by_exchange<Bound, Rest>(
    problem: &Problem,
    history: &History,
    rng: &mut Xoshiro256PlusPlus,
    score: &Score<Bound, Rest>,
) -> Option<Configuration>
where
    Bound: Fn(&[Vec<f64>]) -> Vec<f64>,
    Rest: Fn(&[Vec<f64>]) -> Vec<f64>,
{
    let met = history.configurations().cloned().collect();
    let mut climb = Climb { problem, met, age: 0, ranked: vec![] };
    let mut candidates = samples(problem, rng);
    for trial in centres(problem, history) {
        candidates.extend(neighbours(problem, trial, rng));
        candidates.extend((0..TWO_EXCHANGES).map(|_| two_exchanges(problem, trial, rng)));
    }
    climb.rank(candidates, score);
    for _ in 0..STEPS_MAX {
        let Some(before) = climb.best() else { break };
        let from: Vec<Configuration> =
            climb.ranked.iter().take(CLIMBERS).map(|ranked| ranked.configuration.clone()).collect();
        climb.rank(from.iter().flat_map(|at| neighbours(problem, at, rng)).collect(), score);
        if climb.best() <= Some(before) {
            break;
        }
    }
    climb.ranked.into_iter().next().map(|best| best.configuration)
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
    /// Configurations that were scored.
    age: usize,
    /// The best accepted configurations, best first.
    ranked: Vec<Ranked>,
}

impl Climb<'_> {
    fn best(&self) -> Option<f64> {
        self.ranked.first().map(|best| best.score)
    }

    /// Scores new configurations and keeps the best accepted of all; of equals those that came first.
    fn rank<Bound, Rest>(
        &mut self,
        mut candidates: Vec<Configuration>,
        Score { bound, rest }: &Score<Bound, Rest>,
    ) where
        Bound: Fn(&[Vec<f64>]) -> Vec<f64>,
        Rest: Fn(&[Vec<f64>]) -> Vec<f64>,
    {
        candidates.retain(|configuration| self.met.insert(configuration.clone()));
        let encoded: Vec<Vec<f64>> = candidates
            .iter()
            .map(|configuration| self.problem.space.encode(configuration))
            .collect();
        let bounds = bound(&encoded);
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by(|&a, &b| bounds[b].total_cmp(&bounds[a]));
        for some in order.chunks(AT_ONCE) {
            if !self.is_among_best(bounds[some[0]]) {
                break;
            }
            let points: Vec<Vec<f64>> = some.iter().map(|&i| encoded[i].clone()).collect();
            let scores = rest(&points);
            for (&i, rest) in some.iter().zip(scores) {
                self.consider(bounds[i] + rest, self.age + i, &candidates[i]);
            }
        }
        self.age += candidates.len();
    }

    fn is_among_best(&self, score: f64) -> bool {
        self.ranked.len() < CLIMBERS || score >= self.ranked[CLIMBERS - 1].score
    }

    fn consider(&mut self, score: f64, age: usize, configuration: &Configuration) {
        if !self.is_among_best(score) || !self.problem.accepts(configuration) {
            return;
        }
        self.ranked.push(Ranked { score, age, configuration: configuration.clone() });
        self.ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.age.cmp(&b.age)));
        self.ranked.truncate(CLIMBERS);
    }
}

/// An accepted configuration.
struct Ranked {
    score: f64,
    /// How many were met before it.
    age: usize,
    configuration: Configuration,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::draw::stream;
    use crate::problem::Goal;
    use crate::space::{Domain, Parameter};

    /// What is never asked for could not have been among the best: the same is found as if all were asked for.
    #[test]
    fn bounds_spare_work_and_change_nothing() {
        let levels = || Domain::Ordered((0..6).map(f64::from).collect());
        let parameter =
            |index| Parameter { name: format!("p{index}"), domain: levels(), when: None };
        let space = Space::new((0..6).map(parameter).collect()).unwrap();
        let is_even = |c: &Configuration| space.level(c, 0).is_some_and(|level| level % 2 == 0);
        let problem =
            Problem { prescreen: Some(&is_even), ..Problem::new(&space, Goal::Maximise, 100) };
        let first = |x: &Vec<f64>| -x.iter().map(|x| (x - 0.7).powi(2)).sum::<f64>();
        let second = |x: &Vec<f64>| -(2.0 * x[1] - x[2] - 0.3).abs();
        for seed in 0..20 {
            let asked = Cell::new(0);
            let rest = |points: &[Vec<f64>]| -> Vec<f64> {
                asked.set(asked.get() + points.len());
                points.iter().map(second).collect()
            };
            let split =
                Score { bound: |points: &[Vec<f64>]| points.iter().map(first).collect(), rest };
            let whole = Score {
                bound: |points: &[Vec<f64>]| vec![0.0; points.len()],
                rest: |points: &[Vec<f64>]| points.iter().map(|x| first(x) + second(x)).collect(),
            };
            let history = History::default();
            let found = maximise_by_exchange(&problem, &history, &mut stream(seed, 0), &split);
            let expected = maximise_by_exchange(&problem, &history, &mut stream(seed, 0), &whole);
            assert_eq!(found, expected);
            assert!(asked.get() < 300, "{} points", asked.get());
        }
    }
}
