//! What a searcher believes, for people to look at.

use crate::problem::Goal;

/// Of one configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// The score at μ − β σ, μ and μ + β σ, of which the last is what the searcher goes by: the higher, or
    /// with [`Goal::Minimise`] the lower, the more promising. None: no model of the score is at work.
    pub score: Option<[f64; 3]>,
    /// Positive where the configuration is believed to be feasible, 0 on the boundary. None: that is not
    /// asked, or all trials so far ended alike.
    pub decision: Option<f64>,
}

impl Belief {
    /// From utilities: more is better.
    pub(super) fn new(goal: Goal, utilities: Option<[f64; 3]>, decision: Option<f64>) -> Self {
        // The sign goes back as it came.
        let score = utilities.map(|utilities| utilities.map(|utility| goal.utility(utility)));
        Self { score, decision }
    }
}
