//! Searchers: functions from the history of a study to the next configuration.

mod bayes;
mod belief;
mod bohb;
mod brackets;
mod c_tpe;
mod cbo;
mod grid;
mod hyperband;
mod random;
mod svm_cbo;
mod tpe;

use crate::history::History;
use crate::problem::Problem;
use crate::space::Configuration;

pub use bayes::Bayes;
pub use belief::Belief;
pub use bohb::Bohb;
pub use c_tpe::CTpe;
pub use cbo::Cbo;
pub use grid::Grid;
pub use hyperband::Hyperband;
pub use random::Random;
pub use svm_cbo::{SvmCbo, Variant};
pub use tpe::Tpe;

/// An algorithm that suggests configurations.
///
/// A searcher is a pure function: the same problem, history, trial and seed give the same suggestion,
/// so resuming a study is reading its history. Random numbers derive from seed and trial.
pub trait Searcher: Sync {
    /// As in [`CATALOGUE`].
    fn name(&self) -> &'static str;

    /// The configuration for a trial, given all earlier ones. Trials of `history` without an outcome
    /// are running elsewhere. Nothing is suggested twice, unless for more epochs, and nothing that the
    /// prescreen refuses.
    ///
    /// # Errors
    /// If no configuration is left, or the prescreen accepts none.
    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<Suggestion, SearchError>;
}

/// What to try next, and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// What to try.
    pub configuration: Configuration,
    /// The part of the search that chose it.
    pub phase: Phase,
    /// Epochs to train for in all, fewer than [`Problem::epochs`]. `None`: a full training.
    pub epochs: Option<usize>,
    /// The earlier trial whose training this one takes further: the same configuration, more epochs.
    pub resumes: Option<usize>,
}

impl Suggestion {
    /// A configuration to train in full.
    pub fn full(configuration: Configuration, phase: Phase) -> Self {
        Self { configuration, phase, epochs: None, resumes: None }
    }
}

/// The part of a search that a suggestion belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Spread over the space before anything is known.
    Initial,
    /// The talk's phase 1: where does deployability end?
    Boundary,
    /// The talk's phase 2: the best of what is deployable.
    Optimise,
    /// A step of a grid.
    Sweep,
    /// Drawn.
    Random,
    /// One of the best so far, trained for more epochs.
    Promotion,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 6] =
        [Self::Initial, Self::Boundary, Self::Optimise, Self::Sweep, Self::Random, Self::Promotion];

    /// Stable name for stores and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Boundary => "phase 1",
            Self::Optimise => "phase 2",
            Self::Sweep => "grid",
            Self::Random => "random",
            Self::Promotion => "promotion",
        }
    }

    /// The phase of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// Why there is no suggestion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Every configuration of a finite space that the prescreen accepts has been tried.
    #[error(
        "all {accepted} configurations of the space that can meet the constraints have been tried"
    )]
    Exhausted {
        /// How many there are.
        accepted: usize,
    },
    /// The prescreen refuses everything.
    #[error("no configuration of the space meets the constraints that are known before training")]
    NothingAccepted,
}

/// Settings of searchers; each reads what concerns it. No value makes a searcher panic: what lies
/// outside its range is taken as the nearest end of the range.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SearcherOptions {
    /// Of `bayes`.
    pub bayes: Bayes,
    /// Of `bohb`.
    pub bohb: Bohb,
    /// Of `hyperband`.
    pub hyperband: Hyperband,
    /// Of `svm-cbo`.
    pub svm_cbo: SvmCbo,
}

/// Name of every searcher, and what it does.
pub const CATALOGUE: &[(&str, &str)] = &[
    ("bayes", "the best upper confidence bound of the score, deployable or not"),
    ("bohb", "hyperband, with a model of the good ones to draw from"),
    ("c-tpe", "tpe, with densities of what meets each constraint and of what doesn't"),
    ("cbo", "the best expected improvement times probability of meeting each limit"),
    ("grid", "evenly spaced settings of every parameter, in order"),
    ("hyperband", "many trained a little, the best of them longer, the best of those in full"),
    ("random", "configurations drawn uniformly"),
    ("svm-cbo", "phase 1 learns where models are deployable, phase 2 finds the best of them"),
    ("tpe", "what is likelier among the good trials than among the bad"),
];

/// The searcher of a name in [`CATALOGUE`].
pub fn by_name(name: &str, options: &SearcherOptions) -> Option<Box<dyn Searcher>> {
    match name {
        "bayes" => Some(Box::new(options.bayes.clone())),
        "bohb" => Some(Box::new(options.bohb.clone())),
        "c-tpe" => Some(Box::new(CTpe)),
        "cbo" => Some(Box::new(Cbo)),
        "grid" => Some(Box::new(Grid)),
        "hyperband" => Some(Box::new(options.hyperband.clone())),
        "random" => Some(Box::new(Random)),
        "svm-cbo" => Some(Box::new(options.svm_cbo.clone())),
        "tpe" => Some(Box::new(Tpe)),
        _ => None,
    }
}
