//! Constrained problems on the tables, after the protocol of c-TPE (Watanabe & Hutter 2023): limits on
//! model size, run time or both, each at one quantile of its column.

use std::str::FromStr;
use std::sync::Arc;

use autotinyml_search::{Goal, compare};
use rand::seq::{IteratorRandom, SliceRandom};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::failure::Failure;
use crate::table::Table;

/// A table with limits.
pub struct TableProblem {
    /// Table, constraints and quantile.
    pub id: String,
    /// What was trained.
    pub table: Arc<Table>,
    /// Names of the constraints.
    pub constraints: Vec<String>,
    /// Greatest allowed value of each constraint.
    pub limits: Vec<f64>,
    /// Per row, whether it keeps every limit.
    pub feasible: Vec<bool>,
    /// Loss (or its logarithm) of the best feasible row, and the median of the feasible rows.
    best: f64,
    median: f64,
}

impl TableProblem {
    /// Limits at a quantile of their columns.
    ///
    /// # Errors
    /// If the table has no such column.
    pub fn new(table: &Arc<Table>, constraints: &[&str], quantile: f64) -> Result<Self, Failure> {
        let id = format!("{}|{}|{quantile}", table.name, constraints.join("+"));
        let columns = constraints.iter().map(|&name| {
            table.constraints.get(name).ok_or_else(|| Failure::Unknown {
                kind: "constraint",
                name: name.to_owned(),
                known: table.constraints.keys().cloned().collect::<Vec<_>>().join(", "),
            })
        });
        let columns: Vec<&Vec<f64>> = columns.collect::<Result<_, _>>()?;
        let limits: Vec<f64> =
            columns.iter().filter_map(|column| compare::quantile(column, quantile)).collect();
        let feasible: Vec<bool> = (0..table.len())
            .map(|row| columns.iter().zip(&limits).all(|(column, limit)| column[row] <= *limit))
            .collect();
        let feasible_losses: Vec<f64> = (0..table.len())
            .filter(|&row| feasible[row])
            .map(|row| on_scale(table, table.loss[row]))
            .collect();
        Ok(Self {
            id,
            table: Arc::clone(table),
            constraints: constraints.iter().map(|&name| name.to_owned()).collect(),
            limits,
            feasible,
            best: feasible_losses.iter().copied().fold(f64::INFINITY, f64::min),
            median: compare::quantile(&feasible_losses, 0.5).unwrap_or(f64::INFINITY),
        })
    }

    /// Values of the constraints at a row, in their order.
    pub fn values(&self, row: usize) -> Vec<f64> {
        self.constraints.iter().map(|name| self.table.constraints[name][row]).collect()
    }

    /// Of the rows in the order of their trials: for each trial the normalised regret of the best so far.
    /// 0 is the best feasible row of the table; 1 the median feasible row, or worse, or none found.
    pub fn regret(&self, rows: &[usize]) -> Vec<f64> {
        let losses = rows
            .iter()
            .map(|&row| self.feasible[row].then(|| on_scale(&self.table, self.table.loss[row])));
        compare::best_so_far(Goal::Minimise, losses)
            .into_iter()
            .map(|best| compare::normalised_regret(Goal::Minimise, best, self.best, self.median))
            .collect()
    }

    /// Rows that every searcher begins with, drawn uniformly from the table, or from its feasible part.
    pub fn starts(&self, count: usize, only_feasible: bool, seed: u64) -> Vec<usize> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ fingerprint(&self.id));
        let candidates = (0..self.table.len()).filter(|&row| !only_feasible || self.feasible[row]);
        let mut rows = candidates.sample(&mut rng, count);
        // The sample is uniform, its order is not.
        rows.shuffle(&mut rng);
        rows
    }
}

fn on_scale(table: &Table, loss: f64) -> f64 {
    if table.logarithmic { loss.ln() } else { loss }
}

/// A number that depends on every byte of the text (FNV-1a), the same on every machine.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Named sets of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemSet {
    /// 12 problems of three tables: size, or size and time, at 0.1 and 0.5.
    Core,
    /// 16 problems of eight other tables, mostly at 0.1.
    Wide,
    /// 3 of the core's tables with both limits at 0.9: almost everything is feasible.
    Loose,
    /// 3 of core, for peers that take a second per suggestion.
    Slow,
    /// c-TPE's whole protocol: seven tables, size, time and both, at 0.1, 0.5 and 0.9.
    All,
}

/// The tables that searchers were designed on.
const CORE_TABLES: [&str; 3] = ["slice_localization", "protein_structure", "cifar10"];
const OTHER_TABLES: [&str; 4] =
    ["naval_propulsion", "parkinsons_telemonitoring", "cifar100", "imagenet"];
const MLP_TABLES: [&str; 4] = ["car", "phoneme", "segment", "kc1"];

impl ProblemSet {
    const NAMES: [(&str, Self); 5] = [
        ("core", Self::Core),
        ("wide", Self::Wide),
        ("g09", Self::Loose),
        ("slow", Self::Slow),
        ("all", Self::All),
    ];

    /// The problems, tables read once each.
    ///
    /// # Errors
    /// If a table cannot be had.
    pub fn problems(self) -> Result<Vec<TableProblem>, Failure> {
        let size: &[&str] = &["size"];
        let time: &[&str] = &["time"];
        let both: &[&str] = &["size", "time"];
        match self {
            Self::Core => combine(&CORE_TABLES, &[size, both], &[0.1, 0.5]),
            Self::Loose => combine(&CORE_TABLES, &[both], &[0.9]),
            Self::Slow => combine(&CORE_TABLES, &[both], &[0.1]),
            Self::Wide => {
                let mut problems = combine(&OTHER_TABLES, &[size, both], &[0.1])?;
                problems.extend(combine(&MLP_TABLES, &[time], &[0.1, 0.5])?);
                Ok(problems)
            }
            Self::All => {
                let tables = [&CORE_TABLES[..], &OTHER_TABLES[..]].concat();
                combine(&tables, &[size, time, both], &[0.1, 0.5, 0.9])
            }
        }
    }
}

impl FromStr for ProblemSet {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, set)| *set).ok_or_else(|| {
            let known: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}", known.join(", "))
        })
    }
}

fn combine(
    tables: &[&str],
    constraints: &[&[&str]],
    quantiles: &[f64],
) -> Result<Vec<TableProblem>, Failure> {
    let mut problems = Vec::new();
    for name in tables {
        let table = Arc::new(Table::load(name)?);
        for names in constraints {
            for &quantile in quantiles {
                problems.push(TableProblem::new(&table, names, quantile)?);
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folders;

    fn problem(quantile: f64) -> TableProblem {
        let table = Table::read(&folders::sources().join("tests/tiny.json")).unwrap();
        TableProblem::new(&Arc::new(table), &["size", "time"], quantile).unwrap()
    }

    /// By hand: at the median, size is limited to 20 and time to 3.5, so that rows 0, 1 and 2 are
    /// feasible, with losses 9, 8 and 5: the best is 5, the median 8.
    #[test]
    fn regret_is_0_at_the_best_feasible_row_and_1_at_the_median() {
        let problem = problem(0.5);
        assert_eq!(problem.limits, [20.0, 3.5]);
        assert_eq!(problem.feasible, [true, true, true, false, false, false]);
        assert_eq!(problem.regret(&[4, 0, 1, 2, 0]), [1.0, 1.0, 1.0, 0.0, 0.0]);
    }

    /// numpy.quantile([1, 2, 3, 4, 5, 6], 0.9) = 5.5.
    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(problem(0.9).limits, [40.0, 5.5]);
    }

    #[test]
    fn starts_depend_on_problem_and_seed_alone() {
        let problem = problem(0.5);
        assert_eq!(problem.starts(3, false, 1), problem.starts(3, false, 1));
        let firsts: Vec<usize> = (0..20).map(|seed| problem.starts(3, false, seed)[0]).collect();
        assert!((0..6).all(|row| firsts.contains(&row)), "{firsts:?}");
        let mut feasible = problem.starts(3, true, 0);
        feasible.sort_unstable();
        assert_eq!(feasible, [0, 1, 2]);
    }
}
