//! The one maximiser of acquisitions over the configurations that may be suggested: accepted by the
//! prescreen and not yet in the history.
//!
//! A finite space is enumerated up to 100,000 configurations. Beyond, and for infinite spaces,
//! samples and the neighbours of good trials are scored, and the best of them climb by exchanging one
//! parameter at a time. The prescreen, which may be dear, is asked only about configurations that score
//! higher than any accepted one before.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::draw::draw;
use crate::history::History;
use crate::problem::Problem;
use crate::space::{Configuration, Space};

/// Largest space that is enumerated.
const ENUMERATED_MAX: u128 = 100_000;

/// Configurations drawn where the space is too large.
const SAMPLES: usize = 2_000;

/// Of them, those accepted that climb.
const CLIMBERS: usize = 4;

/// Good trials whose neighbours are scored, too.
const STARTS: usize = 4;

/// Exchanges in a row, at most.
const EXCHANGES_MAX: usize = 50;

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
        trials.iter().take(STARTS).map(|(trial, _)| trial.configuration.clone()).collect();
    // Accepted points to start from, however rare they are: the climb leads from accepted to accepted.
    climbers.extend((0..CLIMBERS).map_while(|_| draw(problem, |c| history.contains(c), rng).ok()));
    for _ in 0..SAMPLES {
        best.consider(problem.space.sample(rng), score);
    }
    climbers.extend(best.found.as_ref().map(|(configuration, _)| configuration.clone()));
    for climber in climbers {
        climb(best, climber, rng, score);
    }
}

/// Moves to the best accepted neighbour for as long as that betters the climber itself.
fn climb(
    best: &mut Best,
    from: Configuration,
    rng: &mut Xoshiro256PlusPlus,
    score: &mut impl FnMut(&[f64], f64) -> Option<f64>,
) {
    let everything = best.found.take();
    best.consider(from.clone(), score);
    let mut at = from;
    for _ in 0..EXCHANGES_MAX {
        let mut moved = false;
        for neighbour in neighbours(best.problem.space, &at, rng) {
            moved |= best.consider(neighbour, score);
        }
        match &best.found {
            Some((better, _)) if moved => at = better.clone(),
            _ => break,
        }
    }
    if everything.as_ref().is_some_and(|(_, score)| *score >= best.floor()) {
        best.found = everything;
    }
}

/// Configurations that differ in one parameter: every level of a short list, else levels near by and far.
fn neighbours(
    space: &Space,
    at: &Configuration,
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<Configuration> {
    let mut neighbours = Vec::new();
    for (index, parameter) in space.parameters().iter().enumerate() {
        let Some(level) = space.level(at, index) else { continue };
        let domain = &parameter.domain;
        let exchanged: Vec<u64> = match domain.levels() {
            Some(levels) if levels <= EXCHANGED_LEVELS as u64 => (0..levels).collect(),
            _ => {
                let unit = domain.unit(level);
                let mut reach = 1.0;
                let mut near = || {
                    reach *= 0.4;
                    domain.at((unit + reach * (2.0 * rng.random::<f64>() - 1.0)).clamp(0.0, 1.0))
                };
                (0..EXCHANGED_LEVELS).map(|_| near()).collect()
            }
        };
        for other in exchanged.into_iter().filter(|&other| other != level) {
            neighbours.push(space.exchanged(at, index, other, rng));
        }
    }
    neighbours
}
