//! What is asked of a searcher.

use crate::space::{Configuration, Space};

/// A search: the space, what is wanted, what is required, and how many trials there are.
#[derive(Clone)]
pub struct Problem<'a> {
    /// Where to search.
    pub space: &'a Space,
    /// What a better score is.
    pub goal: Goal,
    /// What a trial must satisfy to be feasible.
    pub constraints: Vec<Constraint>,
    /// True for configurations that meet the constraints known before training. It must always give
    /// the same answer. Searchers suggest nothing that it refuses; `None` accepts everything.
    pub prescreen: Option<&'a (dyn Fn(&Configuration) -> bool + Sync)>,
    /// How much a configuration violates the constraints known before training: 0 where it meets them,
    /// more the further it is from that, infinite where nothing can be said. It guides sampling to
    /// what the prescreen accepts where that is rare; `None` leaves it to chance.
    pub violation: Option<&'a (dyn Fn(&Configuration) -> f64 + Sync)>,
    /// Trials in all; phases of a searcher are shares of it.
    pub budget: usize,
    /// Epochs of a full training, for searchers that give most trials fewer. `None`: a trial has no
    /// epochs, and all are full.
    pub epochs: Option<usize>,
}

impl<'a> Problem<'a> {
    /// A problem without constraints, prescreen or epochs.
    pub fn new(space: &'a Space, goal: Goal, budget: usize) -> Self {
        Self {
            space,
            goal,
            constraints: vec![],
            prescreen: None,
            violation: None,
            budget,
            epochs: None,
        }
    }

    /// Whether the prescreen, if there is one, accepts a configuration.
    pub fn accepts(&self, configuration: &Configuration) -> bool {
        self.prescreen.is_none_or(|prescreen| prescreen(configuration))
    }
}

/// What a better score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// More is better.
    Maximise,
    /// Less is better.
    Minimise,
}

impl Goal {
    /// The score with its sign such that more is better.
    pub fn utility(self, score: f64) -> f64 {
        match self {
            Self::Maximise => score,
            Self::Minimise => -score,
        }
    }
}

/// One requirement on a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// For reports.
    pub name: String,
    /// Greatest allowed value, in the unit of [`Outcome::values`](crate::Outcome::values), for
    /// searchers that model values; those that learn from labels, as `svm-cbo`, do without. `None` if
    /// trials have no value for it, only a label: an infeasible trial of which no value exceeds its
    /// limit has violated a constraint without one.
    pub limit: Option<f64>,
    /// When its value or label becomes known: what is known before training need not be learned.
    pub known: Known,
}

/// When a constraint can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It follows from the configuration, and [`Problem::prescreen`] refuses what violates it. If
    /// every constraint is of this kind, `svm-cbo` has no boundary to find and leaves phase 1 out.
    /// Without a prescreen it is learned from trials like any other.
    BeforeTraining,
    /// Only a trial shows it.
    Measured,
}
