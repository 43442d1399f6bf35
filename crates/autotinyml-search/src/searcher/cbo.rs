//! CBO, constrained Bayesian optimisation: our own searcher, for constraints with numbers behind them and without.
//!
//! The next trial is the configuration of the greatest expected improvement times probability of being
//! feasible,
//!
//! argmax ln EI(x) + w Σ_j ln P(c_j(x) ≤ limit_j)
//!
//! (M. A. Gelbart, J. Snoek, R. P. Adams, Bayesian optimization with unknown constraints, UAI 2014, and
//! J. R. Gardner et al., Bayesian optimization with inequality constraints, ICML 2014; the logarithms as
//! in S. Ament et al., NeurIPS 2023).
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | x, X | encoded configuration, those of the trials | d, n × d |
//! | EI | expected improvement on the best feasible trial, under a Gaussian process of the score | – |
//! | c_j, limit_j | a constraint's value and its limit | – |
//! | P | from a Gaussian process of c_j or ln c_j; of a constraint with labels only, from a classifier | – |
//! | w | 1 where values are known; for labels 2 at the beginning, 7 at the end | – |
//!
//! What departs from those papers (what was measured of it stands in docs/adr/0008-cbo.md):
//!
//! DIFFERENCE: the models have an additive trend beside Matérn's kernel: sizes and run times are nearly sums
//! of what each parameter contributes. Parameters of the same domain share a part of it (`surrogate/gp/trend.rs`).
//! DIFFERENCE: the score's model sees a power of how far trials are behind the best, whichever it makes most
//! plausible (`surrogate/scale.rs`), of infeasible trials as well, if they have a score.
//! DIFFERENCE: P(feasible) of a classifier is raised to a power that grows as the budget is spent: a
//! failed trial teaches little where only labels are known, and the later the less.
//! DIFFERENCE: a constraint's model sees values or their logarithms, whichever it makes more plausible.
//! DIFFERENCE: models of constraints also see how many parameters of the same domain stand at each category
//! (`counts.rs`).
//! DIFFERENCE: values that repeat lie on a lattice; the limit is then anywhere between two of its points, and
//! is taken to be midway.
//! DIFFERENCE: constraints that the prescreen knows are not modelled: the maximiser asks the prescreen.
//! DIFFERENCE: trials that are still running are believed to end as predicted ("kriging believer").
//! DIFFERENCE: before the first feasible trial, P(feasible) alone decides. The models' uncertainty makes it a
//! search away from failures.

mod counts;
mod models;

use models::Models;

use super::{Phase, SearchError, Searcher, Suggestion};
use crate::draw::{draw_untried, stream};
use crate::history::History;
use crate::initial_design::{designed, published_size};
use crate::maximise::{Score, maximise_by_exchange};
use crate::problem::Problem;

/// Constrained Bayesian optimisation.
#[derive(Clone, Copy, Debug)]
pub struct Cbo;

impl Searcher for Cbo {
    fn name(&self) -> &'static str {
        "cbo"
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        let initial = published_size(problem.budget);
        if trial < initial {
            return designed(problem, history, initial, trial, seed);
        }
        let rng = &mut stream(seed, trial);
        let found = Models::fit(problem, history).and_then(|models| {
            let score = Score {
                bound: |points: &[Vec<f64>]| models.log_improvement(points),
                rest: |points: &[Vec<f64>]| models.log_feasibility(points),
            };
            maximise_by_exchange(problem, history, rng, &score)
        });
        let configuration = found.map_or_else(|| draw_untried(problem, history, rng), Ok)?;
        Ok(Suggestion::full(configuration, Phase::Optimise))
    }
}
