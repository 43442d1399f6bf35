//! What has been tried: the only thing a searcher knows about the function it searches.

use crate::problem::Goal;
use crate::space::Configuration;

/// A configuration with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Counts from 0 in the order of suggestion.
    pub id: usize,
    /// What was tried.
    pub configuration: Configuration,
    /// Epochs it was given. `None`: a full training.
    pub epochs: Option<usize>,
    /// `None` while it is still running.
    pub outcome: Option<Outcome>,
}

impl Trial {
    /// A trial that trains in full.
    pub fn full(id: usize, configuration: Configuration, outcome: Option<Outcome>) -> Self {
        Self { id, configuration, epochs: None, outcome }
    }
}

/// What a trial showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// `None` if it could not be scored. One that isn't finite counts as none. Infeasible trials may
    /// have one.
    pub score: Option<f64>,
    /// Whether it met every constraint.
    pub feasible: bool,
    /// One per constraint of the problem, in its unit, to be held against
    /// [`Constraint::limit`](crate::Constraint::limit) by searchers that model values; `feasible` says
    /// all that those need which learn from labels. `None` where only the label is known, and where
    /// the trial ended before it was measured. Any finite number, 0 included.
    pub values: Vec<Option<f64>>,
}

impl Outcome {
    /// The score of a trial that met every constraint. A trial that cannot be scored is of no more use
    /// than one that does not fit, and searchers learn to stay away from both.
    pub fn feasible_score(&self) -> Option<f64> {
        self.score.filter(|score| self.feasible && score.is_finite())
    }
}

/// The trials of a study, pending ones included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History(pub Vec<Trial>);

impl History {
    /// Trials that have ended, with their outcomes.
    pub fn completed(&self) -> impl Iterator<Item = (&Trial, &Outcome)> {
        self.0.iter().filter_map(|trial| Some((trial, trial.outcome.as_ref()?)))
    }

    /// Trials that are still running.
    pub fn pending(&self) -> impl Iterator<Item = &Trial> {
        self.0.iter().filter(|trial| trial.outcome.is_none())
    }

    /// Feasible trials of full training with their scores.
    pub fn feasible(&self) -> impl Iterator<Item = (&Trial, f64)> {
        self.completed()
            .filter(|(trial, _)| trial.epochs.is_none())
            .filter_map(|(trial, outcome)| Some((trial, outcome.feasible_score()?)))
    }

    /// The feasible trial with the best score; of equals the first.
    pub fn best(&self, goal: Goal) -> Option<(&Trial, f64)> {
        self.feasible().reduce(|best, next| {
            if goal.utility(next.1) > goal.utility(best.1) { next } else { best }
        })
    }

    /// Every configuration that has been suggested, in order.
    pub(crate) fn configurations(&self) -> impl DoubleEndedIterator<Item = &Configuration> {
        self.0.iter().map(|trial| &trial.configuration)
    }

    /// Whether a configuration has been suggested before.
    pub fn contains(&self, configuration: &Configuration) -> bool {
        self.0.iter().any(|trial| trial.configuration == *configuration)
    }
}
