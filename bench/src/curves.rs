//! What a set of runs comes to.

use crate::problem::TableProblem;
use crate::run::Run;

/// The run of one searcher on one problem with one seed, judged.
pub struct Curve {
    /// Normalised regret of the best so far, after each trial.
    pub regret: Vec<f64>,
    /// Counted from 1; `None` if no trial was feasible.
    pub first_feasible: Option<usize>,
    /// Share of infeasible trials.
    pub infeasible: f64,
    /// Per suggestion.
    pub milliseconds: f64,
}

impl Curve {
    /// Judges a run whose first `starts` trials were given.
    pub fn new(on: &TableProblem, starts: usize, run: &Run) -> Self {
        let count = run.rows.len();
        let infeasible = run.rows.iter().filter(|&&row| !on.feasible[row]).count();
        Self {
            regret: on.regret(&run.rows),
            first_feasible: run.rows.iter().position(|&row| on.feasible[row]).map(|i| i + 1),
            infeasible: infeasible as f64 / count as f64,
            milliseconds: 1e3 * run.seconds / count.saturating_sub(starts).max(1) as f64,
        }
    }

    /// Regret after `trials` trials, or at the end if the space was used up before.
    pub fn regret_after(&self, trials: usize) -> f64 {
        self.regret[trials.min(self.regret.len()) - 1]
    }
}

/// Mean of what `of` says of each curve.
pub fn mean(curves: &[Curve], of: impl Fn(&Curve) -> f64) -> f64 {
    curves.iter().map(of).sum::<f64>() / curves.len() as f64
}
