//! Searchers on a table: a trial is a look at its row.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::thread;

use autotinyml_deploy::{Accounting, Footprint, Limits};
use autotinyml_search::compare::quantile;
use autotinyml_search::{
    Configuration, Goal, History, Outcome, Problem, SearchError, Searcher, Suggestion, Trial,
};

use super::{Repeat, Searched, Step};
use crate::early_stopping::Hurdles;
use crate::evidence;
use crate::study_file::{Check, Study};
use crate::table::{Measured, Row, Table};

/// A table under the limits of a study of the same space.
pub struct TableStudy<'a> {
    study: &'a Study,
    rows: HashMap<&'a Configuration, (&'a Row, Outcome)>,
    /// Of a full training, if it is the same for all rows.
    epochs: Option<usize>,
    /// What may be suggested, where limits are known before training.
    accepted: Option<HashSet<&'a Configuration>>,
    /// Share of the configurations that are deployable, and the accuracy of the best of them.
    deployable: Vec<f64>,
}

impl<'a> TableStudy<'a> {
    /// Judges every row of the table's first seed by the study's limits, at its compression.
    pub fn new(table: &'a Table, study: &'a Study) -> Self {
        let rows = table.first_seed();
        let outcome = |row: &Row| {
            let (evidence, goal) = (study.search.evidence, study.search.goal);
            evidence::outcome(&row.outcome(study), &study.deploy, evidence, goal)
        };
        let outcomes: HashMap<_, _> =
            rows.iter().map(|row| (&row.configuration, (row, outcome(row)))).collect();
        let accepted = (study.deploy.check == Check::BeforeTraining).then(|| {
            let fits = |row: &&Row| {
                row.footprint(study).is_some_and(|footprint| {
                    let untrained = Footprint { cross_accuracy: None, ..footprint.clone() };
                    study.deploy.limits.judge(&untrained).meets_limits
                })
            };
            rows.iter().filter(fits).map(|row| &row.configuration).collect()
        });
        Self {
            study,
            epochs: same_epochs(rows),
            accepted,
            deployable: outcomes.values().filter_map(|(_, o)| o.feasible_score()).collect(),
            rows: outcomes,
        }
    }

    /// Share of the space that is deployable, 0 to 1.
    pub fn deployable_share(&self) -> f64 {
        self.deployable.len() as f64 / self.rows.len() as f64
    }

    /// Accuracy of the best deployable configuration; None if there is none.
    pub fn best(&self) -> Option<f64> {
        self.deployable.iter().copied().reduce(f64::max)
    }

    /// Lets each searcher search with each seed, `jobs` at a time. A trial learns from all before it.
    ///
    /// # Errors
    /// A searcher has nothing to suggest although something is left.
    pub fn compare(
        &self,
        searchers: &[Box<dyn Searcher>],
        seeds: &[u64],
        jobs: usize,
        on_repeat: &(dyn Fn() + Sync),
    ) -> Result<Vec<Searched>, SearchError> {
        let tasks: Vec<(usize, u64)> = (0..searchers.len())
            .flat_map(|searcher| seeds.iter().map(move |&seed| (searcher, seed)))
            .collect();
        let queue = Mutex::new(tasks.iter().enumerate());
        let ended: Mutex<Vec<Option<Result<Repeat, SearchError>>>> =
            Mutex::new(tasks.iter().map(|_| None).collect());
        let work = || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((place, &(searcher, seed))) = next else { return };
                let repeat = self.search(&*searchers[searcher], seed);
                ended.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(repeat);
                on_repeat();
            }
        };
        thread::scope(|scope| (0..jobs).for_each(|_| _ = scope.spawn(work)));
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut repeats = ended.into_iter().flatten();
        let searched = searchers.iter().map(|searcher| {
            let repeats = repeats.by_ref().take(seeds.len()).collect::<Result<_, _>>()?;
            Ok(Searched { name: searcher.name().to_owned(), repeats })
        });
        searched.collect()
    }

    /// What a trial of so many epochs (None: all) shows, and the seconds it takes. Of a shorter training
    /// the table knows the accuracy as trained; what is deployable in the end counts as deployable.
    pub(crate) fn trial(
        &self,
        configuration: &Configuration,
        epochs: Option<usize>,
    ) -> (Outcome, f64) {
        let (row, outcome) = &self.rows[configuration];
        let Measured { curve, seconds, .. } = &row.measured;
        match epochs {
            Some(epochs) if epochs < curve.len() => {
                let score = epochs.checked_sub(1).map(|last| curve[last]);
                let outcome = Outcome { score, ..outcome.clone() };
                (outcome, seconds * epochs as f64 / curve.len() as f64)
            }
            _ => (outcome.clone(), *seconds),
        }
    }

    /// The curve of a trial that has to clear what its study's early stopping makes of the `earlier` curves:
    /// as far as it comes, and whether that is less than all of it.
    fn curve(&self, configuration: &Configuration, earlier: &[&'a [f64]]) -> (&'a [f64], bool) {
        let (row, outcome) = &self.rows[configuration];
        let curve = row.measured.curve.as_slice();
        let stopping = self.study.search.early_stopping.filter(|_| outcome.score.is_some());
        let Some(stopping) = stopping else { return (&[], false) };
        let hurdles = Hurdles::new(stopping, earlier);
        let missed = (1..curve.len()).find_map(|epochs| hurdles.missed(&curve[..epochs]));
        missed.map_or((curve, false), |missed| (&curve[..missed.epoch], true))
    }

    /// One search: `search.trials` trials, or fewer if the space is used up.
    fn search(&self, searcher: &dyn Searcher, seed: u64) -> Result<Repeat, SearchError> {
        let study = self.study;
        let accepted = self.accepted.as_ref();
        let accepts = |c: &Configuration| accepted.is_none_or(|accepted| accepted.contains(c));
        let problem = Problem {
            constraints: evidence::constraints(&study.deploy, study.search.evidence),
            prescreen: accepted.is_some().then_some(&accepts),
            epochs: self.epochs,
            ..Problem::new(&study.space, Goal::Maximise, study.search.trials)
        };
        let mut history = History::default();
        let mut steps = vec![];
        let mut curves: Vec<&[f64]> = vec![];
        for id in 0..study.search.trials {
            let Suggestion { configuration, epochs, .. } =
                match searcher.suggest(&problem, &history, id, seed) {
                    Ok(suggestion) => suggestion,
                    Err(SearchError::Exhausted { .. }) => break,
                    Err(error) => return Err(error),
                };
            let (curve, stopped) = self.curve(&configuration, &curves);
            curves.push(curve);
            let trained = if stopped { Some(curve.len()) } else { epochs };
            let (outcome, seconds) = self.trial(&configuration, trained);
            steps.push(Step {
                score: outcome.score,
                deployable: outcome.feasible,
                full: trained.is_none(),
                seconds,
            });
            history.0.push(Trial { id, configuration, epochs, outcome: Some(outcome) });
        }
        Ok(Repeat { seed, steps })
    }
}

/// Epochs that every training which did not diverge went through.
fn same_epochs(rows: &[Row]) -> Option<usize> {
    let trained = rows.iter().filter(|row| row.measured.deployed.is_some());
    let mut lengths = trained.map(|row| row.measured.curve.len());
    let first = lengths.next()?;
    lengths.all(|length| length == first).then_some(first)
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
