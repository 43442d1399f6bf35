//! The first configurations, spread over the space before anything is known.
//!
//! A Latin hypercube (McKay, Beckman & Conover 1979): with n points, every parameter's range is cut into
//! n parts of equal probability, and each part is used once. With a prescreen, "probability" is that of the
//! accepted configurations, and each point is the accepted configuration nearest to where it should be.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::draw::{draw, draw_untried, sample_accepted, stream};
use crate::history::History;
use crate::problem::Problem;
use crate::searcher::{Phase, SearchError, Suggestion};
use crate::space::{Axis, Configuration, Space};

/// Accepted configurations from which a design is chosen.
const POOL: usize = 500;

/// Sets the stream of the design apart from those of the trials, which count from 0.
const DESIGN: usize = usize::MAX;

/// `points` different accepted configurations, or all there are if they are fewer. It depends only on
/// the problem and the seed.
///
/// # Errors
/// If the prescreen accepts nothing.
pub(crate) fn initial_design(
    problem: &Problem,
    points: usize,
    seed: u64,
) -> Result<Vec<Configuration>, SearchError> {
    let rng = &mut stream(seed, DESIGN);
    let pool = match problem.prescreen {
        None => Vec::new(),
        Some(_) => sample_accepted(problem, POOL, rng)?,
    };
    let mut design: Vec<Configuration> = Vec::with_capacity(points);
    for unit in latin_hypercube(points, problem.space.len(), rng) {
        let wanted = if pool.is_empty() {
            problem.space.at(&unit)
        } else {
            nearest_of_pool(problem.space, &pool, &unit, &design)
        };
        let configuration = if design.contains(&wanted) {
            draw(problem, |configuration| design.contains(configuration), rng)
        } else {
            Ok(wanted)
        };
        match configuration {
            Ok(configuration) => design.push(configuration),
            Err(SearchError::Exhausted { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(design)
}

/// Points of the published design in a search of `budget` trials: 10, but at most 4 of every 10 trials,
/// rounded up.
pub(crate) fn published_size(budget: usize) -> usize {
    (budget * 4).div_ceil(10).clamp(1, 10)
}

/// A trial's point of the design of `points` points; any untried configuration if that was tried.
///
/// # Errors
/// As [`initial_design`], and if nothing is left to try.
pub(crate) fn designed(
    problem: &Problem,
    history: &History,
    points: usize,
    trial: usize,
    seed: u64,
) -> Result<Suggestion, SearchError> {
    let designed = initial_design(problem, points, seed)?.get(trial).cloned();
    let configuration = match designed.filter(|configuration| !history.contains(configuration)) {
        Some(configuration) => configuration,
        None => draw_untried(problem, history, &mut stream(seed, trial))?,
    };
    Ok(Suggestion::full(configuration, Phase::Initial))
}

/// n points of the d-dimensional unit cube.
fn latin_hypercube(n: usize, d: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<Vec<f64>> {
    let mut points = vec![vec![0.0; d]; n];
    let mut parts: Vec<usize> = (0..n).collect();
    for axis in 0..d {
        parts.shuffle(rng);
        for (point, part) in points.iter_mut().zip(&parts) {
            point[axis] = (*part as f64 + rng.random::<f64>()) / n as f64;
        }
    }
    points
}

/// The configuration of the pool, not yet in the design if possible, that is nearest to the pool's
/// marginal quantiles at `unit`.
fn nearest_of_pool(
    space: &Space,
    pool: &[Configuration],
    unit: &[f64],
    design: &[Configuration],
) -> Configuration {
    let axes = space.axes();
    let encoded: Vec<Vec<f64>> =
        pool.iter().map(|configuration| space.encode(configuration)).collect();
    let quantile = |(axis, unit): (usize, &f64)| {
        let mut marginal: Vec<f64> = encoded.iter().map(|point| point[axis]).collect();
        marginal.sort_by(f64::total_cmp);
        marginal[((unit * marginal.len() as f64) as usize).min(marginal.len() - 1)]
    };
    let wanted: Vec<f64> = unit.iter().enumerate().map(quantile).collect();
    let nearest =
        (0..pool.len()).filter(|&index| !design.contains(&pool[index])).min_by(|&a, &b| {
            distance(&axes, &encoded[a], &wanted).total_cmp(&distance(&axes, &encoded[b], &wanted))
        });
    pool[nearest.unwrap_or(0)].clone()
}

fn distance(axes: &[Axis], a: &[f64], b: &[f64]) -> f64 {
    axes.iter().zip(a.iter().zip(b)).map(|(axis, (&a, &b))| axis.squared_distance(a, b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Goal;
    use crate::space::{Domain, Parameter};

    fn problem(space: &Space) -> Problem<'_> {
        Problem::new(space, Goal::Maximise, 100)
    }

    fn space(domain: Domain, dimension: usize) -> Space {
        let parameter = |i| Parameter { name: format!("p{i}"), domain: domain.clone(), when: None };
        Space::new((0..dimension).map(parameter).collect()).unwrap()
    }

    fn sorted_coordinates(space: &Space, design: &[Configuration], axis: usize) -> Vec<f64> {
        let mut coordinates: Vec<f64> =
            design.iter().map(|point| space.encode(point)[axis]).collect();
        coordinates.sort_by(f64::total_cmp);
        coordinates
    }

    #[test]
    fn every_part_of_every_axis_is_used_once() {
        let space = space(Domain::Range { low: 1e-3, high: 10.0, step: None, log: true }, 4);
        let design = initial_design(&problem(&space), 10, 3).unwrap();
        for axis in 0..4 {
            for (part, x) in sorted_coordinates(&space, &design, axis).iter().enumerate() {
                assert_eq!((x * 10.0) as usize, part);
            }
        }
    }

    /// A triangle of 5 % of the square: all points lie in it, and reach into its corners.
    #[test]
    fn with_a_prescreen_the_points_spread_over_what_it_accepts() {
        let space = space(Domain::Range { low: 0.0, high: 1.0, step: None, log: false }, 2);
        let reach = 0.1_f64.sqrt();
        let accepts = |c: &Configuration| space.encode(c).iter().sum::<f64>() < reach;
        let problem = Problem { prescreen: Some(&accepts), ..problem(&space) };
        for seed in 0..5 {
            let design = initial_design(&problem, 10, seed).unwrap();
            assert!(design.len() == 10 && design.iter().all(accepts));
            for axis in 0..2 {
                let x = sorted_coordinates(&space, &design, axis);
                let widest = x.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
                assert!(x[0] < 0.1 * reach && x[9] > 0.6 * reach && widest < 0.35 * reach, "{x:?}");
            }
        }
    }

    #[test]
    fn a_space_smaller_than_the_design_is_used_up() {
        let space = space(Domain::Unordered(vec!["a".to_owned(), "b".to_owned()]), 2);
        let mut design = initial_design(&problem(&space), 10, 0).unwrap();
        design.sort();
        assert_eq!(design, space.enumerate().collect::<Vec<_>>());
    }
}
