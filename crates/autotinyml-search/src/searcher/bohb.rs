//! BOHB: Hyperband, whose new configurations are drawn from a model of the good ones.
//!
//! S. Falkner, A. Klein, F. Hutter, BOHB: robust and efficient hyperparameter optimization at scale, ICML
//! 2018, PMLR 80, 1437–1446.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | b, D_b | epochs, and the trials that were given b epochs | 1, n |
//! | d | parameters | 1 |
//! | N_min | least observations of a density, d + 1 | 1 |
//! | q | share of the good, 15 % | 1 |
//! | l, g | densities of the best max(N_min, q n) of D_b, and of the worst max(N_min, (1 − q) n) | – |
//! | ρ | share of configurations that are drawn at random all the same, 1/3 | 1 |
//! | N_s | candidates, 64 | 1 |
//! | b_w | factor by which the bandwidths of l are widened to draw candidates, 3 | 1 |
//!
//! The model is that of the greatest b with at least N_min + 2 trials; before there is one, configurations
//! are drawn at random. The candidate with the greatest l(x) / g(x) begins. Brackets, rungs and the rest are
//! those of `hyperband`, with its DIFFERENCE lines.
//!
//! DIFFERENCE: infeasible trials are never good, however few are left; without a good one b has no model.
//! DIFFERENCE: Gaussians end with the parameter's range, and have their mass on a list's levels. Categories
//! have Aitchison & Aitken's kernel with the same rule of thumb, of their variance where two categories are at
//! distance 1, instead of that of their indices.
//! DIFFERENCE: a parameter that is not active in a configuration has a uniform kernel there, instead of a value
//! that is made up.
//! DIFFERENCE: candidates that were tried before, or that the prescreen refuses, are left out; if no
//! others are found, they are drawn uniformly.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::brackets;
use super::{Phase, SearchError, Searcher, Suggestion};
use crate::draw::{draw_untried, stream};
use crate::history::History;
use crate::parzen::{Bandwidth, Parzen, crowd, most};
use crate::problem::Problem;
use crate::space::Configuration;

/// q
const GOOD_SHARE: f64 = 0.15;

/// ρ
const RANDOM_SHARE: f64 = 1.0 / 3.0;

/// N_s
const CROWD: usize = 64;

/// b_w
const WIDENING: f64 = 3.0;

/// Densities below this are not told apart.
const DENSITY_MIN: f64 = 1e-32;

/// Hyperband with a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Bohb {
    /// η, 2 or more. Default: 3.
    pub eta: usize,
}

impl Default for Bohb {
    fn default() -> Self {
        Self { eta: 3 }
    }
}

impl Searcher for Bohb {
    fn name(&self) -> &'static str {
        "bohb"
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        brackets::suggest(problem, history, self.eta.max(2), || {
            let rng = &mut stream(seed, trial);
            let is_random = rng.random::<f64>() < RANDOM_SHARE;
            match good_and_bad(problem, history).filter(|_| !is_random) {
                Some((good, bad)) => {
                    Ok((likeliest(problem, history, &good, &bad, rng)?, Phase::Optimise))
                }
                None => Ok((draw_untried(problem, history, rng)?, Phase::Random)),
            }
        })
    }
}

/// The candidate that is likeliest among the good, compared with the bad.
fn likeliest(
    problem: &Problem,
    history: &History,
    good: &[&Configuration],
    bad: &[&Configuration],
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Configuration, SearchError> {
    let density = |of: &[&Configuration], factor| {
        let bandwidth = Bandwidth::NormalReference { factor };
        Parzen::fit(problem.space, of, &vec![1.0; of.len()], 0.0, bandwidth)
    };
    let (l, g, wide) = (density(good, 1.0), density(bad, 1.0), density(good, WIDENING));
    let crowd = crowd(problem, history, CROWD, rng, |rng| wide.draw(rng))?;
    let log = |density: &Parzen, x: &Configuration| density.log_density(x).max(DENSITY_MIN.ln());
    Ok(most(crowd, |x| log(&l, x) - log(&g, x)))
}

/// What the model of the greatest possible b learns from; `None` if no b has enough.
fn good_and_bad<'h>(
    problem: &Problem,
    history: &'h History,
) -> Option<(Vec<&'h Configuration>, Vec<&'h Configuration>)> {
    let least = problem.space.len() + 1;
    let full = problem.epochs.unwrap_or(1).max(1);
    let epochs_of = |epochs: Option<usize>| epochs.unwrap_or(full).min(full);
    let mut all_epochs: Vec<usize> =
        history.completed().map(|(trial, _)| epochs_of(trial.epochs)).collect();
    all_epochs.sort_unstable();
    all_epochs.dedup();
    all_epochs.into_iter().rev().find_map(|epochs| {
        let of_b = history.completed().filter(|(trial, _)| epochs_of(trial.epochs) == epochs);
        let mut ranked: Vec<(&Configuration, f64)> = of_b
            .map(|(trial, outcome)| {
                let utility = outcome.feasible_score().map(|score| problem.goal.utility(score));
                (&trial.configuration, utility.unwrap_or(f64::NEG_INFINITY))
            })
            .collect();
        let n = ranked.len();
        let feasible = ranked.iter().filter(|(_, utility)| utility.is_finite()).count();
        if n < least + 2 || feasible == 0 {
            return None;
        }
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let configurations: Vec<&Configuration> = ranked.into_iter().map(|(x, _)| x).collect();
        let good = least.max((GOOD_SHARE * n as f64) as usize).min(feasible);
        let bad = least.max(((1.0 - GOOD_SHARE) * n as f64) as usize).min(n);
        Some((configurations[..good].to_vec(), configurations[n - bad..].to_vec()))
    })
}
