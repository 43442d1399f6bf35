//! Searchers on a table: a trial is a look at its row.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::thread;

use autotinyml_deploy::{Accounting, Footprint, Limits};
use autotinyml_search::compare::quantile;
use autotinyml_search::{
    Configuration, Goal, History, Outcome, Problem, SearchError, Searcher, Suggestion, Trial,
};

use super::{Repeat, Searched, Step, share};
use crate::early_stopping::{Earlier, Hurdles, Place};
use crate::evidence;
use crate::study_file::{Check, Study};
use crate::table::growing::GrowingTable;
use crate::table::make::MakeError;
use crate::table::{Measured, Row, Table};

/// A search on a table that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// A searcher has nothing to suggest although something is left.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// What a table lacks could not be trained, or kept.
    #[error(transparent)]
    Train(#[from] MakeError),
}

/// A table under the limits of a study of the same space.
pub struct TableStudy<'a> {
    study: &'a Study,
    rows: Rows<'a>,
    /// What may be suggested, where limits are known before training.
    accepted: Option<HashSet<Configuration>>,
}

/// What became of each configuration.
enum Rows<'a> {
    /// Known of all.
    Whole(HashMap<&'a Configuration, &'a Row>),
    /// Found out when it is asked for.
    Growing(&'a GrowingTable<'a>),
}

impl<'a> TableStudy<'a> {
    /// The rows of the table's first seed under the study's limits, at its compression.
    pub fn new(table: &'a Table, study: &'a Study) -> Self {
        let rows = table.first_seed();
        let size = |row: &Row| Some((row.configuration.clone(), row.footprint(study)?.clone()));
        let accepted = accepted(study, rows.iter().filter_map(size));
        let rows = Rows::Whole(rows.iter().map(|row| (&row.configuration, row)).collect());
        Self { study, rows, accepted }
    }

    /// The same of a table that grows.
    pub fn growing(table: &'a GrowingTable<'a>, study: &'a Study) -> Self {
        let compression = study.deploy.compression;
        let size = |c: Configuration| {
            let footprint = table.footprint(&c, compression)?;
            Some((c, footprint))
        };
        let accepted = accepted(study, study.space.enumerate().filter_map(size));
        Self { study, rows: Rows::Growing(table), accepted }
    }

    /// Share of the space that is deployable, and the accuracy of the best of that, if there is any; None if
    /// the table does not know all of the space.
    pub fn deployable(&self) -> Option<(f64, Option<f64>)> {
        let Rows::Whole(rows) = &self.rows else { return None };
        let scores = rows.values().filter_map(|row| self.outcome(row).feasible_score());
        let scores: Vec<f64> = scores.collect();
        let share = scores.len() as f64 / rows.len() as f64;
        Some((share, scores.into_iter().reduce(f64::max)))
    }

    /// Lets each searcher search with each seed, `jobs` at a time. A trial learns from all before it. Once
    /// it is to `stop`, running searches are given up; kept are the seeds with which all have ended.
    ///
    /// # Errors
    /// The first failure of a search.
    pub fn compare(
        &self,
        searchers: &[Box<dyn Searcher>],
        seeds: &[u64],
        jobs: usize,
        stop: &(dyn Fn() -> bool + Sync),
        on_repeat: &(dyn Fn() + Sync),
    ) -> Result<Vec<Searched>, LookUpError> {
        let tasks: Vec<(u64, usize)> = seeds
            .iter()
            .flat_map(|&seed| (0..searchers.len()).map(move |searcher| (seed, searcher)))
            .collect();
        let queue = Mutex::new(tasks.iter().enumerate());
        let ended: Mutex<Vec<Option<Repeat>>> = Mutex::new(vec![None; tasks.len()]);
        let failure: Mutex<Option<LookUpError>> = Mutex::new(None);
        let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let work = || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((place, &(seed, searcher))) = next else { return };
                match self.search(&*searchers[searcher], seed, &|| stop() || failed()) {
                    Ok(repeat) => {
                        ended.lock().unwrap_or_else(PoisonError::into_inner)[place] = repeat;
                        on_repeat();
                    }
                    Err(error) => {
                        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                        failure.get_or_insert(error);
                    }
                }
            }
        };
        thread::scope(|scope| (0..jobs).for_each(|_| _ = scope.spawn(work)));
        if let Some(failure) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(failure);
        }
        let mut searched: Vec<Searched> = searchers
            .iter()
            .map(|searcher| Searched { name: searcher.name().to_owned(), repeats: vec![] })
            .collect();
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        for round in ended.chunks(searchers.len()) {
            if round.iter().all(Option::is_some) {
                let repeats = searched.iter_mut().zip(round.iter().flatten());
                repeats.for_each(|(searched, repeat)| searched.repeats.push(repeat.clone()));
            }
        }
        Ok(searched)
    }

    /// What a configuration trained with a seed of its own comes to, if the table has it or grows.
    ///
    /// # Errors
    /// It could not be trained, or kept.
    pub fn trained(
        &self,
        configuration: &Configuration,
        seed: u64,
    ) -> Result<Option<Step>, MakeError> {
        let row = match &self.rows {
            Rows::Whole(rows) => rows.get(configuration).filter(|row| row.seed == seed).copied(),
            Rows::Growing(table) => {
                return table.row(configuration, seed).map(|row| Some(self.step(&row, None)));
            }
        };
        Ok(row.map(|row| self.step(row, None)))
    }

    fn row(&self, configuration: &Configuration) -> Result<Cow<'a, Row>, MakeError> {
        match &self.rows {
            Rows::Whole(rows) => Ok(Cow::Borrowed(rows[configuration])),
            Rows::Growing(table) => table.row(configuration, table.seed()).map(Cow::Owned),
        }
    }

    fn outcome(&self, row: &Row) -> Outcome {
        let (evidence, goal) = (self.study.search.evidence, self.study.search.goal);
        evidence::outcome(&row.outcome(self.study), &self.study.deploy, evidence, goal)
    }

    /// What a trial of so many epochs (None: all) shows, and the seconds it takes. Of a shorter training
    /// the table knows the accuracy as trained; what is deployable in the end counts as deployable.
    pub(crate) fn trial(&self, row: &Row, epochs: Option<usize>) -> (Outcome, f64) {
        let outcome = self.outcome(row);
        let Measured { curve, seconds, .. } = &row.measured;
        match epochs {
            Some(epochs) if epochs < curve.len() => {
                let score = epochs.checked_sub(1).map(|last| curve[last]);
                let outcome = Outcome { score, ..outcome };
                (outcome, seconds * epochs as f64 / curve.len() as f64)
            }
            _ => (outcome, *seconds),
        }
    }

    fn step(&self, row: &Row, epochs: Option<usize>) -> Step {
        let (outcome, seconds) = self.trial(row, epochs);
        let share = share(epochs, self.study);
        Step {
            configuration: row.configuration.clone(),
            score: outcome.score,
            test_score: row.test_accuracy(self.study).filter(|_| share >= 1.0),
            footprint: row.footprint(self.study).cloned(),
            deployable: outcome.feasible,
            share,
            seconds,
        }
    }

    /// How long a trial is trained that has to clear what its study's early stopping makes of the `earlier`
    /// ones: None to the end, or the epochs after which it is stopped. Its own curve, as far as it came,
    /// follows the earlier ones.
    fn stopped(&self, row: &Row, earlier: &mut Vec<Reached>) -> Option<usize> {
        let stopping = self.study.search.early_stopping?;
        let Outcome { score, feasible, .. } = self.outcome(row);
        let curve = score.map_or(&[][..], |_| &row.measured.curve);
        let known: Vec<Earlier<'_>> = (earlier.iter())
            .map(|Reached { curve, end, deployable }| Earlier {
                curve,
                folds: &[],
                end: *end,
                deployable: *deployable,
            })
            .collect();
        let hurdles = Hurdles::new(stopping, &known);
        let missed = (1..curve.len()).find_map(|epochs| hurdles.missed(&curve[..epochs]));
        let epochs = missed.and_then(|missed| match missed.place {
            Place::Epoch(epoch) => Some(epoch),
            Place::Fold(_) => None,
        });
        earlier.push(Reached {
            curve: curve[..epochs.unwrap_or(curve.len())].to_vec(),
            end: score.filter(|_| epochs.is_none()),
            deployable: feasible,
        });
        epochs
    }

    /// One search, until it has spent the epochs of `search.trials` full trainings or used up the space.
    /// None: it was to stop.
    fn search(
        &self,
        searcher: &dyn Searcher,
        seed: u64,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Repeat>, LookUpError> {
        let study = self.study;
        let accepted = self.accepted.as_ref();
        let accepts = |c: &Configuration| accepted.is_none_or(|accepted| accepted.contains(c));
        let problem = Problem {
            constraints: evidence::constraints(&study.deploy, study.search.evidence),
            prescreen: accepted.is_some().then_some(&accepts),
            epochs: study.training.fixed_epochs(),
            ..Problem::new(&study.space, Goal::Maximise, study.search.trials)
        };
        let mut history = History::default();
        let mut repeat = Repeat { seed, steps: vec![] };
        let (mut spent, mut curves) = (0.0, vec![]);
        // Less than an epoch is left when rounding is all that is missing.
        while spent < study.search.trials as f64 - 1e-6 {
            if stop() {
                return Ok(None);
            }
            let id = repeat.steps.len();
            let Suggestion { configuration, epochs, .. } =
                match searcher.suggest(&problem, &history, id, seed) {
                    Ok(suggestion) => suggestion,
                    Err(SearchError::Exhausted { .. }) => break,
                    Err(error) => return Err(error.into()),
                };
            let row = self.row(&configuration)?;
            let trained = self.stopped(&row, &mut curves).or(epochs);
            let step = self.step(&row, trained);
            spent += step.share;
            let (outcome, _) = self.trial(&row, trained);
            history.0.push(Trial { id, configuration, epochs, outcome: Some(outcome) });
            repeat.steps.push(step);
        }
        Ok(Some(repeat))
    }
}

/// How far a trial has come.
struct Reached {
    /// Score after each epoch.
    curve: Vec<f64>,
    /// At its end, if it was not stopped.
    end: Option<f64>,
    deployable: bool,
}

/// What meets the limits of a study as far as they are known before training; None: nothing is.
fn accepted(
    study: &Study,
    sizes: impl Iterator<Item = (Configuration, Footprint)>,
) -> Option<HashSet<Configuration>> {
    let fits = |(_, footprint): &(Configuration, Footprint)| {
        let untrained = Footprint { cross_accuracy: None, ..footprint.clone() };
        study.deploy.limits.judge(&untrained).meets_limits
    };
    (study.deploy.check == Check::BeforeTraining)
        .then(|| sizes.filter(fits).map(|(configuration, _)| configuration).collect())
}

/// Quantiles that are tried for limits.
const STEPS: usize = 200;

/// RAM and ROM limits at about the same quantile of the table's figures, such that this share (0 to 1) of
/// the configurations is deployable, as nearly as sizes in steps allow; the other limits stay.
pub fn limits_for_share(table: &Table, study: &Study, share: f64) -> Limits {
    let rows = table.first_seed();
    let footprints: Vec<&Footprint> = rows.iter().filter_map(|row| row.footprint(study)).collect();
    let figures = |of: fn(&Footprint) -> (Option<usize>, Option<usize>)| {
        let pairs = footprints.iter().map(|footprint| of(footprint));
        let (ram, rom): (Vec<_>, Vec<_>) = pairs.unzip();
        [ram, rom].map(|all| all.into_iter().flatten().map(|x| x as f64).collect::<Vec<f64>>())
    };
    let [ram, rom] = match study.deploy.limits.accounting {
        Accounting::St => figures(|f| (Some(f.st_ram_bytes), Some(f.st_rom_bytes))),
        Accounting::Elf => figures(|f| (f.ram_bytes, f.flash_bytes)),
    };
    let deployable = |ram_bytes: Option<usize>, rom_bytes: Option<usize>| {
        let limits = Limits { ram_bytes, rom_bytes, ..study.deploy.limits };
        let fits = |row: &&Row| {
            let footprint = row.footprint(study).filter(|_| row.measured.deployed.is_some());
            footprint.is_some_and(|footprint| limits.judge(footprint).meets_limits)
        };
        rows.iter().filter(fits).count() as f64 / rows.len() as f64
    };
    // The share grows with the quantile, and ROM comes in finer steps than RAM.
    let at = |figures: &[f64], step: usize| {
        quantile(figures, step as f64 / STEPS as f64).map(|bytes| bytes as usize)
    };
    let steps: Vec<usize> = (0..=STEPS).collect();
    let too_few = |step: &usize| deployable(at(&ram, *step), at(&rom, *step)) < share;
    let ram_bytes = at(&ram, steps.partition_point(too_few).min(STEPS));
    let mut sizes: Vec<usize> = rom.iter().map(|bytes| *bytes as usize).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let first = sizes.partition_point(|&size| deployable(ram_bytes, Some(size)) < share);
    let candidates = sizes[first.saturating_sub(1)..].iter().take(2).copied();
    let off = |size: &usize| (deployable(ram_bytes, Some(*size)) - share).abs();
    let rom_bytes = candidates.min_by(|a, b| off(a).total_cmp(&off(b)));
    Limits { ram_bytes, rom_bytes, ..study.deploy.limits }
}
