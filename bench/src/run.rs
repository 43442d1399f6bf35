//! One run: a searcher on a problem with one seed.

use std::str::FromStr;

use autotinyml_search::{Configuration, Constraint, Goal, History, Known, Outcome, Problem, Trial};

use crate::contestant::Contestant;
use crate::failure::Failure;
use crate::problem::TableProblem;

/// What searchers get to know of the constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Regime {
    /// After a trial, the value of each constraint.
    Values,
    /// After a trial, whether it met all of them.
    Labels,
    /// Before a trial, whether it will meet them: nothing infeasible may be suggested.
    Known,
}

impl Regime {
    const NAMES: [(&str, Self); 3] =
        [("values", Self::Values), ("labels", Self::Labels), ("known", Self::Known)];

    /// For options and files.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, regime)| *regime == self).map_or("", |(name, _)| name)
    }
}

impl FromStr for Regime {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, regime)| *regime).ok_or_else(|| "expected values, labels or known".into())
    }
}

/// The rows that were tried, in order, and what it took to choose them.
pub struct Run {
    /// Starting rows first.
    pub rows: Vec<usize>,
    /// For all suggestions together.
    pub seconds: f64,
}

/// Tries the starting rows and then what the contestant suggests, `trials` in all (or until the space is
/// used up).
///
/// # Errors
/// If it finds nothing to suggest although something is left, or a peer fails.
pub fn run(
    on: &TableProblem,
    contestant: &mut Contestant,
    regime: Regime,
    starts: &[usize],
    trials: usize,
    seed: u64,
) -> Result<Run, Failure> {
    let accepts = |configuration: &Configuration| on.feasible[on.table.row(configuration)];
    let mut problem = problem(on, regime, trials);
    if regime == Regime::Known {
        problem.prescreen = Some(&accepts);
    }
    contestant.begin(&problem, seed)?;
    let mut history = History::default();
    let mut rows = Vec::with_capacity(trials);
    let mut seconds = 0.0;
    let trials = trials.min(match regime {
        Regime::Known => on.feasible.iter().filter(|feasible| **feasible).count(),
        _ => on.table.len(),
    });
    for trial in 0..trials {
        let row = match starts.get(trial) {
            Some(&row) => row,
            None => {
                let (configuration, took) = contestant.suggest(&problem, &history, seed)?;
                seconds += took;
                on.table.row(&configuration)
            }
        };
        let configuration = on.table.configuration(row).clone();
        history.0.push(Trial::full(trial, configuration, Some(outcome(on, regime, row))));
        rows.push(row);
    }
    Ok(Run { rows, seconds })
}

fn problem(on: &TableProblem, regime: Regime, trials: usize) -> Problem<'_> {
    let constraint = |(name, &limit): (&String, &f64)| Constraint {
        name: name.clone(),
        limit: (regime != Regime::Labels).then_some(limit),
        known: if regime == Regime::Known { Known::BeforeTraining } else { Known::Measured },
    };
    let constraints = on.constraints.iter().zip(&on.limits).map(constraint).collect();
    Problem { constraints, ..Problem::new(&on.table.space, Goal::Minimise, trials) }
}

/// An infeasible trial was trained all the same, so it has its loss.
fn outcome(on: &TableProblem, regime: Regime, row: usize) -> Outcome {
    let tell = |value| (regime != Regime::Labels).then_some(value);
    Outcome {
        score: Some(on.table.loss[row]),
        feasible: on.feasible[row],
        values: on.values(row).into_iter().map(tell).collect(),
    }
}
