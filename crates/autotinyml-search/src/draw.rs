//! Random numbers, and configurations drawn with them.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::history::History;
use crate::problem::Problem;
use crate::searcher::SearchError;
use crate::space::Configuration;

/// A finite space up to this size is walked through where drawing finds nothing.
const WALK_MAX: u128 = 1 << 22;

/// Draws that are made before walking through a finite space.
const DRAWS_FINITE: usize = 1_000;

/// Draws that are made before giving up on a space too large to walk through.
const DRAWS_MAX: usize = 200_000;

/// The random numbers of one trial: independent for every pair of seed and trial.
pub(crate) fn stream(seed: u64, trial: usize) -> Xoshiro256PlusPlus {
    let key = Xoshiro256PlusPlus::seed_from_u64(seed).next_u64();
    Xoshiro256PlusPlus::seed_from_u64(key.wrapping_add(trial as u64))
}

/// Draws a configuration that the prescreen accepts and `is_taken` leaves. Small accepted shares of a
/// finite space are found by walking through it.
///
/// # Errors
/// If there is none, or a space too large to walk through yields none in 200,000 draws.
pub(crate) fn draw(
    problem: &Problem,
    is_taken: impl Fn(&Configuration) -> bool,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Configuration, SearchError> {
    let can_walk = problem.space.size().is_some_and(|size| size <= WALK_MAX);
    let draws = if can_walk { DRAWS_FINITE } else { DRAWS_MAX };
    let drawn = (0..draws)
        .map(|_| problem.space.sample(rng))
        .find(|configuration| !is_taken(configuration) && problem.accepts(configuration));
    match drawn {
        Some(configuration) => Ok(configuration),
        None if can_walk => walk(problem, is_taken, rng),
        None => Err(SearchError::NothingAccepted),
    }
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
    draw(problem, |configuration| history.contains(configuration), rng)
}

/// Each of the accepted configurations that are left with the same probability (reservoir sampling).
fn walk(
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

/// Up to `count` accepted configurations, some perhaps twice: a sample of what the prescreen accepts.
///
/// # Errors
/// If it accepts nothing, as far as [`draw`] can tell.
pub(crate) fn sample_accepted(
    problem: &Problem,
    count: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Vec<Configuration>, SearchError> {
    let can_walk = problem.space.size().is_some_and(|size| size <= WALK_MAX);
    let draws = if can_walk { 10 * count } else { DRAWS_MAX };
    let mut accepted: Vec<Configuration> = (0..draws)
        .map(|_| problem.space.sample(rng))
        .filter(|configuration| problem.accepts(configuration))
        .take(count)
        .collect();
    if accepted.len() < count && can_walk {
        accepted = problem.space.enumerate().filter(|c| problem.accepts(c)).collect();
        accepted.shuffle(rng);
        accepted.truncate(count);
    }
    if accepted.is_empty() { Err(SearchError::NothingAccepted) } else { Ok(accepted) }
}
