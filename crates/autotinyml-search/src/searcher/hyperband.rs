//! Hyperband: many configurations are trained a little, the best of them more, the best of those in full.
//!
//! L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar, Hyperband: a novel bandit-based approach to
//! hyperparameter optimization, Journal of Machine Learning Research 18 (2018) 1–52.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | R | epochs of a full training, [`Problem::epochs`] | 1 |
//! | η | of η configurations of a rung one goes on, for η times the epochs | 1 |
//! | s | bracket: successive halving that begins with R η^−s epochs; from ⌊log_η R⌋ down to 0 | – |
//! | nᵢ, rᵢ | configurations and epochs of a bracket's rung i | – |
//!
//! A trial is the training of one configuration up to one rung: one that goes on is a trial again, with more
//! epochs. So a trial costs rᵢ epochs at most, less what was trained before, and only those of the last rungs
//! are full. After the bracket s = 0 it begins anew.
//!
//! DIFFERENCE: while trials of a rung are running, the next brackets begin.
//! DIFFERENCE: infeasible trials never go on, even if fewer than nᵢ are left.
//! DIFFERENCE: rᵢ is rounded to whole epochs. Where the budget has fewer trials than one round of all
//! brackets, the brackets have fewer rungs.
//! DIFFERENCE: nothing begins twice. When everything has begun, the best that was not trained in full goes on.
//! Where a training has no epochs all this is random search.

use super::brackets;
use super::{Phase, SearchError, Searcher, Suggestion};
use crate::draw::{draw_untried, stream};
use crate::history::History;
use crate::problem::Problem;

/// Hyperband.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperband {
    /// η, 2 or more. Default: 3.
    pub eta: usize,
}

impl Default for Hyperband {
    fn default() -> Self {
        Self { eta: 3 }
    }
}

impl Searcher for Hyperband {
    fn name(&self) -> &'static str {
        "hyperband"
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        brackets::suggest(problem, history, self.eta.max(2), || {
            let drawn = draw_untried(problem, history, &mut stream(seed, trial))?;
            Ok((drawn, Phase::Random))
        })
    }
}
