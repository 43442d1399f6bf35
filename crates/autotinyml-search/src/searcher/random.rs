//! Random search (Bergstra & Bengio, JMLR 2012): every active parameter is drawn uniformly.
//!
//! DIFFERENCE: nothing is drawn twice, and the prescreen filters the draws.

use super::{Phase, SearchError, Searcher, Suggestion};
use crate::draw::{draw_untried, stream};
use crate::history::History;
use crate::problem::Problem;

/// Draws configurations uniformly.
#[derive(Clone, Copy, Debug)]
pub struct Random;

impl Searcher for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError> {
        let configuration = draw_untried(problem, history, &mut stream(seed, trial))?;
        Ok(Suggestion::full(configuration, Phase::Random))
    }
}
