//! Random numbers, and configurations drawn with them.

use std::collections::HashSet;

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::guided_sampling::{descend, walk};
use crate::history::History;
use crate::problem::Problem;
use crate::searcher::SearchError;
use crate::space::Configuration;

/// A finite space up to this size is walked through as soon as drawing finds too little.
const WALK_SOON: u128 = 100_000;

/// A finite space up to this size is walked through where nothing else finds anything.
const WALK_MAX: u128 = 1 << 22;

/// Draws that are made before another way is taken.
const DRAWS: usize = 1_000;

/// A sample is drawn blindly unless less than one draw in so many is accepted.
const RARE: usize = 50;

/// Changes per parameter of a walk to a single configuration.
const FAR: usize = 20;

/// Changes per parameter of a walk on to the next configuration of a sample.
const NEAR: usize = 2;

/// Draws that are made before giving up.
const DRAWS_MAX: usize = 1_000_000;

/// Walks from accepted configurations that are made to find an untried one.
const WALKS_MAX: usize = 50;

/// Independent walks of which a sample is made up, where drawing finds too little.
const CHAINS: usize = 8;

/// The random numbers of one trial: independent for every pair of seed and trial.
pub(crate) fn stream(seed: u64, trial: usize) -> Xoshiro256PlusPlus {
    let key = Xoshiro256PlusPlus::seed_from_u64(seed).next_u64();
    Xoshiro256PlusPlus::seed_from_u64(key.wrapping_add(trial as u64))
}

/// Draws a configuration that the prescreen accepts and `is_taken` leaves, however small their share: where
/// blind draws find none, a small space is walked through, and a large one is sampled with guidance.
///
/// # Errors
/// If there is none, or none was found in a space too large to walk through.
pub(crate) fn draw(
    problem: &Problem,
    is_taken: impl Fn(&Configuration) -> bool,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Configuration, SearchError> {
    draw_near(problem, &[], is_taken, rng)
}

/// Draws an accepted configuration that the history doesn't hold.
///
/// # Errors
/// As [`draw`].
pub(crate) fn draw_untried(
    problem: &Problem,
    history: &History,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Configuration, SearchError> {
    let tried: HashSet<&Configuration> =
        history.0.iter().map(|trial| &trial.configuration).collect();
    let known: Vec<&Configuration> = history.0.iter().map(|trial| &trial.configuration).collect();
    draw_near(problem, &known, |configuration| tried.contains(configuration), rng)
}

/// As [`draw`]; `known` are configurations of which some may be accepted.
fn draw_near(
    problem: &Problem,
    known: &[&Configuration],
    is_taken: impl Fn(&Configuration) -> bool,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Configuration, SearchError> {
    let is_wanted = |c: &Configuration| !is_taken(c) && problem.accepts(c);
    let drawn = |draws, rng: &mut Xoshiro256PlusPlus| {
        (0..draws).map(|_| problem.space.sample(rng)).find(&is_wanted)
    };
    if let Some(configuration) = drawn(DRAWS, rng) {
        return Ok(configuration);
    }
    let is_at_most = |most| problem.space.size().is_some_and(|size| size <= most);
    if is_at_most(WALK_SOON) {
        return walk_through(problem, is_taken, rng);
    }
    if problem.prescreen.is_some()
        && let Some(configuration) = walk_to_untaken(problem, known, &is_taken, rng)
    {
        return Ok(configuration);
    }
    if is_at_most(WALK_MAX) {
        return walk_through(problem, is_taken, rng);
    }
    drawn(DRAWS_MAX, rng).ok_or(SearchError::NothingAccepted)
}

/// An accepted and untaken configuration, by walks from accepted ones.
fn walk_to_untaken(
    problem: &Problem,
    known: &[&Configuration],
    is_taken: impl Fn(&Configuration) -> bool,
    rng: &mut Xoshiro256PlusPlus,
) -> Option<Configuration> {
    let mut at = match descend(problem, rng) {
        Some((configuration, accepted)) => accepted.then_some(configuration)?,
        None => {
            let known: Vec<_> = known.iter().filter(|c| problem.accepts(c)).collect();
            (*known.choose(rng)?).to_owned().clone()
        }
    };
    (0..WALKS_MAX).find_map(|_| {
        at = walk(problem, &at, FAR, rng);
        (!is_taken(&at)).then(|| at.clone())
    })
}

/// The configuration that violates least what is known before training, as far as the measure
/// [`Problem::violation`] leads, and whether the prescreen accepts it. `None` without such a measure.
/// For a space too large to look at as a whole: it tells before the first trial that nothing fits.
pub fn least_violating(problem: &Problem, seed: u64) -> Option<(Configuration, bool)> {
    descend(problem, &mut stream(seed, usize::MAX - 1))
}

/// Each of the accepted configurations that are left with the same probability (reservoir sampling).
fn walk_through(
    problem: &Problem,
    is_taken: impl Fn(&Configuration) -> bool,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Configuration, SearchError> {
    let mut chosen = None;
    let (mut accepted, mut left) = (0_usize, 0_usize);
    for configuration in problem.space.enumerate().filter(|c| problem.accepts(c)) {
        accepted += 1;
        if !is_taken(&configuration) {
            left += 1;
            if rng.random_range(0..left) == 0 {
                chosen = Some(configuration);
            }
        }
    }
    chosen.ok_or(if accepted == 0 {
        SearchError::NothingAccepted
    } else {
        SearchError::Exhausted { accepted }
    })
}

/// `count` accepted configurations, some perhaps twice, or all there are if they are fewer: a sample of what
/// the prescreen accepts.
///
/// # Errors
/// If it accepts nothing, as far as [`draw`] can tell.
pub(crate) fn sample_accepted(
    problem: &Problem,
    count: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Vec<Configuration>, SearchError> {
    let mut accepted = Vec::with_capacity(count);
    for draws in 0.. {
        if accepted.len() == count {
            return Ok(accepted);
        }
        if draws >= DRAWS && accepted.len() * RARE < draws {
            break;
        }
        accepted.extend(Some(problem.space.sample(rng)).filter(|c| problem.accepts(c)));
    }
    if problem.space.size().is_some_and(|size| size <= WALK_SOON) {
        accepted = problem.space.enumerate().filter(|c| problem.accepts(c)).collect();
        accepted.shuffle(rng);
        accepted.truncate(count);
        return if accepted.is_empty() { Err(SearchError::NothingAccepted) } else { Ok(accepted) };
    }
    while accepted.len() < CHAINS.min(count) {
        accepted.push(draw(problem, |_| false, rng)?);
    }
    for previous in 0..count.saturating_sub(accepted.len()) {
        accepted.push(walk(problem, &accepted[previous], NEAR, rng));
    }
    Ok(accepted)
}
