//! The one maximiser of acquisitions over the configurations that may be suggested: accepted by the
//! prescreen and not yet in the history.
//!
//! A finite space is enumerated up to 100,000 configurations. Beyond, and in infinite spaces, samples are
//! scored, and the best of them, a few accepted ones and the best trials climb by exchanging one parameter
//! at a time. The prescreen, which may be dear, is asked only about configurations that score higher than
//! any accepted one before.

mod exchange;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::draw::draw_untried;
use crate::history::History;
use crate::problem::Problem;
use crate::space::{Configuration, Space};
pub(crate) use exchange::{Score, maximise_by_exchange};

/// Largest space that is enumerated.
const ENUMERATED_MAX: u128 = 100_000;

/// Configurations drawn where the space is too large.
const SAMPLES: usize = 2_000;

/// Accepted configurations that are drawn to climb from.
const DRAWN: usize = 4;

/// Best trials to climb from.
const TRIALS: usize = 4;

/// Times that a climber goes through all parameters, at most.
const SWEEPS_MAX: usize = 10;

/// Levels of one parameter that are tried as exchanges.
const EXCHANGED_LEVELS: usize = 8;

/// The configuration of greatest score; of equals the first. `score(x, floor)` gets encoded
/// coordinates and need not be exact, or anything at all, where it doesn't exceed `floor`. `None` if
/// nothing that may be suggested was found to have a score.
pub(crate) fn maximise(
    problem: &Problem,
    history: &History,
    rng: &mut Xoshiro256PlusPlus,
    mut score: impl FnMut(&[f64], f64) -> Option<f64>,
) -> Option<Configuration> {
    let mut best =
        Best { problem, history, found: None, coordinates: vec![0.0; problem.space.len()] };
    if problem.space.size().is_some_and(|size| size <= ENUMERATED_MAX) {
        for configuration in problem.space.enumerate() {
            best.consider(configuration, &mut score);
        }
    } else {
        search_locally(&mut best, rng, &mut score);
    }
    best.found.map(|(configuration, _)| configuration)
}

struct Best<'a> {
    problem: &'a Problem<'a>,
    history: &'a History,
    found: Option<(Configuration, f64)>,
    /// Scratch for the encoding.
    coordinates: Vec<f64>,
}

impl Best<'_> {
    fn floor(&self) -> f64 {
        self.found.as_ref().map_or(f64::NEG_INFINITY, |(_, score)| *score)
    }

    /// Keeps a configuration if it is better and may be suggested; says whether it did.
    fn consider(
        &mut self,
        configuration: Configuration,
        score: &mut impl FnMut(&[f64], f64) -> Option<f64>,
    ) -> bool {
        self.problem.space.encode_into(&configuration, &mut self.coordinates);
        let Some(score) = score(&self.coordinates, self.floor()) else { return false };
        let is_better = score > self.floor()
            && !self.history.contains(&configuration)
            && self.problem.accepts(&configuration);
        if is_better {
            self.found = Some((configuration, score));
        }
        is_better
    }
}

fn search_locally(
    best: &mut Best,
    rng: &mut Xoshiro256PlusPlus,
    score: &mut impl FnMut(&[f64], f64) -> Option<f64>,
) {
    let (problem, history) = (best.problem, best.history);
    let mut trials: Vec<_> = history.feasible().collect();
    trials.sort_by(|a, b| problem.goal.utility(b.1).total_cmp(&problem.goal.utility(a.1)));
    let mut climbers: Vec<Configuration> =
        trials.iter().take(TRIALS).map(|(trial, _)| trial.configuration.clone()).collect();
    // Accepted points to start from, however rare they are: the climb leads from accepted to accepted.
    climbers.extend((0..DRAWN).map_while(|_| draw_untried(problem, history, rng).ok()));
    for _ in 0..SAMPLES {
        best.consider(problem.space.sample(rng), score);
    }
    climbers.extend(best.found.as_ref().map(|(configuration, _)| configuration.clone()));
    for climber in climbers {
        climb(best, climber, rng, score);
    }
}

/// Takes the best accepted setting of one parameter after the other, for as long as that betters the
/// climber itself.
fn climb(
    best: &mut Best,
    mut at: Configuration,
    rng: &mut Xoshiro256PlusPlus,
    score: &mut impl FnMut(&[f64], f64) -> Option<f64>,
) {
    let everything = best.found.take();
    best.consider(at.clone(), score);
    for _ in 0..SWEEPS_MAX {
        let mut moved = false;
        for index in 0..best.problem.space.len() {
            for exchanged in exchanges(best.problem.space, &at, index, rng) {
                moved |= best.consider(exchanged, score);
            }
            if let Some((better, _)) = &best.found {
                at = better.clone();
            }
        }
        if !moved {
            break;
        }
    }
    if everything.as_ref().is_some_and(|(_, score)| *score >= best.floor()) {
        best.found = everything;
    }
}

/// Configurations that differ in one parameter: every level of a short list, else levels far and near.
fn exchanges(
    space: &Space,
    at: &Configuration,
    index: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<Configuration> {
    let Some(level) = space.level(at, index) else { return Vec::new() };
    let domain = &space.parameters()[index].domain;
    let levels: Vec<u64> = match domain.levels() {
        Some(levels) if levels <= EXCHANGED_LEVELS as u64 => (0..levels).collect(),
        _ => {
            let unit = domain.unit(level);
            let far_to_near = (0..EXCHANGED_LEVELS).map(|halvings| 0.5_f64.powi(halvings as i32));
            far_to_near
                .map(|reach| (unit + reach * (2.0 * rng.random::<f64>() - 1.0)).clamp(0.0, 1.0))
                .map(|unit| domain.at(unit))
                .collect()
        }
    };
    let others = levels.into_iter().filter(|&other| other != level);
    others.map(|other| space.exchanged(at, index, other, rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::stream;
    use crate::history::Trial;
    use crate::problem::Goal;
    use crate::space::{Domain, Parameter};

    fn cube(edge: usize, dimension: usize) -> Space {
        let levels = || Domain::Ordered((0..edge).map(|level| level as f64).collect());
        let parameter =
            |index| Parameter { name: format!("p{index}"), domain: levels(), when: None };
        Space::new((0..dimension).map(parameter).collect()).unwrap()
    }

    fn problem(space: &Space) -> Problem<'_> {
        Problem::new(space, Goal::Maximise, 100)
    }

    /// Greatest at 0.3 on every axis.
    fn score(x: &[f64], _: f64) -> Option<f64> {
        Some(-x.iter().map(|x| (x - 0.3).powi(2)).sum::<f64>())
    }

    fn coordinates(space: &Space, configuration: Option<Configuration>) -> Vec<f64> {
        space.encode(&configuration.unwrap())
    }

    #[test]
    fn local_search_finds_a_summit_among_four_billion_configurations() {
        let space = cube(4, 16);
        let found = maximise(&problem(&space), &History::default(), &mut stream(0, 0), score);
        assert_eq!(coordinates(&space, found), vec![1.0 / 3.0; 16]);
    }

    #[test]
    fn what_was_tried_or_is_refused_is_left_out() {
        for dimension in [3, 16] {
            let space = cube(4, dimension);
            let summit = space.at(&vec![0.3; dimension]);
            let history = History(vec![Trial::full(0, summit, None)]);
            let found = maximise(&problem(&space), &history, &mut stream(0, 0), score);
            // The next best: one axis a step off, to 0.
            let moved = coordinates(&space, found).iter().filter(|x| **x == 0.0).count();
            assert_eq!(moved, 1);

            let first_is_last = |c: &Configuration| space.level(c, 0) == Some(3);
            let refusing = Problem { prescreen: Some(&first_is_last), ..problem(&space) };
            let found = maximise(&refusing, &history, &mut stream(0, 0), score);
            let expected = [vec![1.0], vec![1.0 / 3.0; dimension - 1]].concat();
            assert_eq!(coordinates(&space, found), expected);
        }
    }

    #[test]
    fn without_any_score_nothing_is_found() {
        let space = cube(4, 3);
        assert_eq!(
            maximise(&problem(&space), &History::default(), &mut stream(0, 0), |_, _| None),
            None
        );
    }
}
