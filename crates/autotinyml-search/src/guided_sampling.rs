//! Sampling where next to nothing is accepted.
//!
//! Blind draws find a region of one in 100,000 too seldom. With a measure of how much a configuration violates
//! what is known before training, a descent finds it: changes of one parameter at a time, far and near, are
//! kept unless they violate more. From an accepted configuration a random walk over accepted ones (Metropolis
//! et al. 1953, all accepted equally likely) then spreads over the region.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::problem::Problem;
use crate::space::{Axis, Configuration};

/// Descents before giving up.
const DESCENTS_MAX: usize = 20;

/// Configurations that are drawn for the start of a descent.
const STARTS: usize = 20;

/// Changes in a row that bring nothing, per parameter, before a descent ends.
const IDLE_MAX: usize = 60;

/// Numbers change by at most 2⁻ᵏ of their range, k drawn up to this.
const HALVINGS_MAX: i32 = 16;

/// The configuration of least violation that was found, and whether the prescreen accepts it. `None` without
/// a measure of violation.
pub(crate) fn descend(
    problem: &Problem,
    rng: &mut Xoshiro256PlusPlus,
) -> Option<(Configuration, bool)> {
    let measure = problem.violation?;
    let violation = |configuration: &Configuration| {
        let violation = measure(configuration);
        if violation.is_nan() { f64::INFINITY } else { violation }
    };
    let mut least: Option<(Configuration, f64)> = None;
    for _ in 0..DESCENTS_MAX {
        let drawn = (0..STARTS).map(|_| problem.space.sample(rng));
        let (mut at, mut violated) = drawn
            .map(|start| (violation(&start), start))
            .reduce(|least, next| if next.0 < least.0 { next } else { least })
            .map(|(violated, start)| (start, violated))
            .expect("there is more than one start");
        let mut idle = 0;
        while idle <= IDLE_MAX * problem.space.len() {
            if violated <= 0.0 && problem.accepts(&at) {
                return Some((at, true));
            }
            let changed = changed(problem, &at, rng);
            let now = violation(&changed);
            idle = if now < violated { 0 } else { idle + 1 };
            if now <= violated {
                (at, violated) = (changed, now);
            }
        }
        if least.as_ref().is_none_or(|(_, least)| violated < *least) {
            least = Some((at, violated));
        }
    }
    least.map(|(configuration, _)| (configuration, false))
}

/// An accepted configuration that many changes per parameter from an accepted one.
pub(crate) fn walk(
    problem: &Problem,
    from: &Configuration,
    changes: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Configuration {
    let mut at = from.clone();
    for _ in 0..changes * problem.space.len() {
        let changed = changed(problem, &at, rng);
        if problem.accepts(&changed) {
            at = changed;
        }
    }
    at
}

/// A configuration with one parameter changed: a category to any, a number by far or near.
fn changed(problem: &Problem, from: &Configuration, rng: &mut Xoshiro256PlusPlus) -> Configuration {
    let space = problem.space;
    if space.len() == 0 {
        return from.clone();
    }
    let index = rng.random_range(0..space.len());
    let Some(level) = space.level(from, index) else { return from.clone() };
    let domain = &space.parameters()[index].domain;
    let level = if domain.axis() == Axis::Categorical {
        domain.at(rng.random())
    } else {
        let reach = 0.5_f64.powi(rng.random_range(0..=HALVINGS_MAX));
        let to = domain.unit(level) + reach * (2.0 * rng.random::<f64>() - 1.0);
        // Reflected at the ends, so that there and back are equally likely.
        let to = if to < 0.0 { -to } else { to };
        domain.at(if to > 1.0 { 2.0 - to } else { to })
    };
    space.exchanged(from, index, level, rng)
}
