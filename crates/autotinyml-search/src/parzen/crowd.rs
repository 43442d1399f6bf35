//! Candidates to choose from.

use std::collections::HashSet;

use rand_xoshiro::Xoshiro256PlusPlus;

use crate::draw::draw;
use crate::history::History;
use crate::problem::Problem;
use crate::searcher::SearchError;
use crate::space::Configuration;

/// Draws for each candidate that is wanted, before it is drawn uniformly.
const DRAWS_PER_CANDIDATE: usize = 10;

/// Up to `count` different configurations that may be suggested, drawn by `sample`. If it finds none, they
/// are drawn uniformly; where the prescreen may make such draws dear, there is only one.
///
/// # Errors
/// If there is none at all, as far as [`draw`] can tell.
pub(crate) fn crowd(
    problem: &Problem,
    history: &History,
    count: usize,
    rng: &mut Xoshiro256PlusPlus,
    mut sample: impl FnMut(&mut Xoshiro256PlusPlus) -> Configuration,
) -> Result<Vec<Configuration>, SearchError> {
    let mut taken: HashSet<Configuration> =
        history.0.iter().map(|trial| trial.configuration.clone()).collect();
    let mut crowd = Vec::with_capacity(count);
    for _ in 0..count * DRAWS_PER_CANDIDATE {
        let drawn = sample(rng);
        if !taken.contains(&drawn) && problem.accepts(&drawn) {
            taken.insert(drawn.clone());
            crowd.push(drawn);
            if crowd.len() == count {
                return Ok(crowd);
            }
        }
    }
    if !crowd.is_empty() {
        return Ok(crowd);
    }
    let uniform = if problem.prescreen.is_some() { 1 } else { count };
    for _ in 0..uniform {
        match draw(problem, |configuration| taken.contains(configuration), rng) {
            Ok(drawn) => {
                taken.insert(drawn.clone());
                crowd.push(drawn);
            }
            Err(_) if !crowd.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(crowd)
}

/// The candidate with the greatest value; of equals the first.
pub(crate) fn most(
    crowd: Vec<Configuration>,
    value: impl Fn(&Configuration) -> f64,
) -> Configuration {
    let valued = crowd.into_iter().map(|x| (value(&x), x));
    let best = valued.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.expect("a crowd is never empty").1
}
