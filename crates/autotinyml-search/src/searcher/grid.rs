//! Grid search: as many evenly spaced settings of every parameter as the budget allows, in order.
//!
//! What the grid leaves of the budget, because its points are fewer or refused by the prescreen, goes
//! to the points of a grid for twice the budget, and so on until a finite space is used up.

use std::collections::HashSet;

use super::{Phase, SearchError, Searcher, Suggestion};
use crate::draw::{draw, stream};
use crate::history::History;
use crate::problem::Problem;
use crate::space::{Configuration, Domain, Space};

/// Walks through evenly spaced settings.
#[derive(Clone, Copy, Debug)]
pub struct Grid;

/// No finer grid than this is walked through, since every point may have to be asked of the prescreen; beyond
/// it points are drawn.
const POINTS_MAX: u64 = 1 << 16;

impl Searcher for Grid {
    fn name(&self) -> &'static str {
        "grid"
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        let tried: HashSet<&Configuration> =
            history.0.iter().map(|trial| &trial.configuration).collect();
        let is_taken = |configuration: &Configuration| tried.contains(configuration);
        let mut points = problem.budget.max(1) as u64;
        while points <= POINTS_MAX {
            let counts = settings_per_parameter(problem.space, points);
            let found = grid(problem.space, &counts).find(|c| !is_taken(c) && problem.accepts(c));
            if let Some(configuration) = found {
                return Ok(Suggestion::full(configuration, Phase::Sweep));
            }
            if problem.space.size().is_some_and(|size| u128::from(points) >= size) {
                break;
            }
            points *= 2;
        }
        let configuration = draw(problem, is_taken, &mut stream(seed, trial))?;
        Ok(Suggestion::full(configuration, Phase::Random))
    }
}

/// How many settings each parameter gets, as even as can be with a product of at most `points`.
fn settings_per_parameter(space: &Space, points: u64) -> Vec<u64> {
    let limits: Vec<u64> =
        space.parameters().iter().map(|p| p.domain.levels().unwrap_or(u64::MAX)).collect();
    let mut counts = vec![1_u64; limits.len()];
    loop {
        let product: u64 = counts.iter().product();
        let can_grow = |&index: &usize| {
            counts[index] < limits[index] && product / counts[index] <= points / (counts[index] + 1)
        };
        let Some(index) = (0..counts.len()).filter(can_grow).min_by_key(|&index| counts[index])
        else {
            return counts;
        };
        counts[index] += 1;
    }
}

/// The points of the grid; the last parameter changes fastest.
fn grid<'a>(space: &'a Space, counts: &'a [u64]) -> impl Iterator<Item = Configuration> + 'a {
    (0..counts.iter().product()).map(move |point: u64| {
        let mut digits = vec![0; counts.len()];
        let mut rest = point;
        for (digit, count) in digits.iter_mut().zip(counts).rev() {
            *digit = rest % count;
            rest /= count;
        }
        space.complete(|index, domain| evenly_spaced(domain, digits[index], counts[index]))
    })
}

/// The `digit`-th of `count` evenly spaced levels, from the first to the last; one alone is the middle.
fn evenly_spaced(domain: &Domain, digit: u64, count: u64) -> u64 {
    let position = if count == 1 { 0.5 } else { digit as f64 / (count - 1) as f64 };
    match domain.levels() {
        Some(levels) => (position * (levels - 1) as f64).round() as u64,
        None => domain.at(position),
    }
}
