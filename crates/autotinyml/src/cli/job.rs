//! What `optimize` and `quickstart` do: search, take the best to the chip, report.

use std::fs;
use std::io::{ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::available_parallelism;

use autotinyml_deploy::Tools;
use autotinyml_search::by_name;

use super::load::load_samples;
use super::opened::Opened;
use super::out::refuse_occupied;
use super::preamble::{idle, introduction, nothing_fits};
use super::progress::{Linking, Progress, wrapped};
use super::report::Stored;
use super::signals::{self, Orderly, Unfinished};
use super::{Failure, NOTHING_DEPLOYABLE, combinations, report, supervisor};
use crate::evaluate::Evaluator;
use crate::finalist::{Final, ranking};
use crate::in_print::counted;
use crate::prescreen::Prescreen;
use crate::record::{Crash, Deployable, Finalist, Rejected, TrialRecord, refusal};
use crate::samples::Samples;
use crate::store::{Fact, Store};
use crate::study::{self, Combination, Event, Search};
use crate::study_file::{Check, Study, decides_epochs};
use crate::warm_start::{self, WarmStart};

/// What a study writes beside its store, which tells whose they are.
const WRITTEN: [&str; 5] = ["report.html", "trials.csv", "trials.parquet", "model", "firmware"];

/// A study about to run.
pub struct Job {
    /// What to study.
    pub study: Study,
    /// Where everything is written.
    pub folder: PathBuf,
    /// Go on if the folder holds this study already.
    pub resume: bool,
    /// Trials at once.
    pub jobs: usize,
    /// Results as JSON.
    pub json: bool,
    /// Nothing but results and errors.
    pub quiet: bool,
}

impl Job {
    /// Searches, takes the best to the chip, writes the report.
    pub fn run(&self) -> Result<ExitCode, Failure> {
        if Store::exists(&self.folder) && !self.resume {
            return Err(Failure::Usage {
                message: format!("{} already holds a study", self.folder.display()),
                help: "go on with it by --resume, or give this one another folder by --out".into(),
            });
        }
        refuse_occupied(&self.folder, &WRITTEN, "study.db")?;
        let samples = load_samples(&self.study)?;
        let tools = Tools::find();
        let evaluator = Evaluator::new(&self.study, &samples, &tools);
        self.check_baseline(&evaluator)?;
        self.tell(introduction(&self.study, &samples, &tools).trim_end());
        for study in self.alone() {
            let evaluator = Evaluator::new(&study, &samples, &tools);
            if let Some(nothing) = nothing_fits(&study, &Prescreen::by_arithmetic(&evaluator)?) {
                eprintln!("{nothing}");
                return Ok(ExitCode::from(NOTHING_DEPLOYABLE));
            }
        }
        let warm_start = self.warm_start(&samples)?;
        let opened = self.open(&samples, &tools)?;
        let store = &opened.store;
        signals::resumable();
        if let Some(WarmStart { trials, .. }) = warm_start {
            store.add_trials(&self.study.space, &trials)?;
        }
        store.set_fact(Fact::Data, &samples.summary)?;
        let (trials, interrupted) = self.search(&samples, &opened, &tools)?;
        if self.study.combinations.len() > 1 {
            return self.conclude_all(&samples, &tools, &opened, &trials, interrupted);
        }
        // Whatever becomes of the finals, the trials are reported.
        let summary = report::write(&self.folder)?;
        if let Some(signal) = interrupted {
            report::show(&summary, &self.folder, self.json)?;
            return Ok(self.interrupted(&trials, signal));
        }
        let best = self.finals(&evaluator, store, &trials);
        let summary = report::write(&self.folder)?;
        let best = best?;
        report::show(&summary, &self.folder, self.json)?;
        Ok(match best {
            Some(_) => ExitCode::SUCCESS,
            None => ExitCode::from(NOTHING_DEPLOYABLE),
        })
    }

    /// As above, of several combinations.
    fn conclude_all(
        &self,
        samples: &Samples,
        tools: &Tools,
        opened: &Opened,
        trials: &[TrialRecord],
        interrupted: Option<i32>,
    ) -> Result<ExitCode, Failure> {
        let finals = interrupted.is_none();
        let all = self.conclude_combinations(samples, tools, opened, trials, finals)?;
        combinations::show(&all, &self.folder, self.json)?;
        if let Some(signal) = interrupted {
            return Ok(self.interrupted(trials, signal));
        }
        Ok(report::exit_code(all.combinations.iter().map(|(_, summary)| summary)))
    }

    fn interrupted(&self, trials: &[TrialRecord], signal: i32) -> ExitCode {
        eprintln!(
            "interrupted after {} of {}; the same line with --resume goes on",
            trials.len(),
            counted(self.study.search.trials, "trial")
        );
        ExitCode::from(signals::exit_code(signal))
    }

    /// A study for each combination.
    fn alone(&self) -> Vec<Study> {
        (0..self.study.combinations.len()).map(|combination| self.study.of(combination)).collect()
    }

    /// Tells how it goes, unless nothing is to be told.
    pub(super) fn tell(&self, line: &str) {
        if !self.quiet {
            eprintln!("{}", wrapped(line));
        }
    }

    /// What the study begins with, if it says so and has not begun yet.
    fn warm_start(&self, samples: &Samples) -> Result<Option<WarmStart>, Failure> {
        let study = &self.study;
        let Some((folder, place)) = &study.search.warm_start else { return Ok(None) };
        if Store::exists(&self.folder) && Store::open(&self.folder)?.count_trials()? > 0 {
            return Ok(None);
        }
        let Stored { store, study: other, identity } = Stored::read(folder)?;
        if let Some(obstacle) = warm_start::obstacle(&other, study, &identity.data_digest, samples)
        {
            let message =
                format!("no trial of {} is one of this study: {obstacle}", folder.display());
            let help = "make them alike, or leave warm_start out";
            return Err(study.source.complain(place.clone(), message, "this study", help).into());
        }
        let warm = WarmStart::from(&other, &store.trials(&other.space)?, study, samples);
        let (taken, of) = (warm.trials.len(), warm.of);
        self.tell(&format!(
            "{taken} of the {} of {} are the first of this",
            counted(of, "trial"),
            folder.display()
        ));
        for (reason, count) in &warm.left_out {
            self.tell(&format!("  {count} left out: {reason}"));
        }
        Ok(Some(warm))
    }

    /// A baseline of which no network can be made is a mistake in the study file.
    fn check_baseline(&self, evaluator: &Evaluator<'_>) -> Result<(), Failure> {
        let Some((baseline, place)) = &self.study.baseline else { return Ok(()) };
        evaluator.network(baseline).map(|_| ()).map_err(|reason| {
            let message = format!("[baseline] makes no network: {reason}");
            let help = "change its values so that every layer fits its input";
            self.study.source.complain(place.clone(), message, "this configuration", help).into()
        })
    }

    /// Runs the trials that are left, and tells of the signal that stopped it.
    fn search(
        &self,
        samples: &Samples,
        opened: &Opened,
        tools: &Tools,
    ) -> Result<(Vec<TrialRecord>, Option<i32>), Failure> {
        let &Opened { ref store, links, parallel } = opened;
        let study = &self.study;
        let Study { search, space, .. } = study;
        let earlier = store.trials(space)?;
        if earlier.len() >= search.trials {
            return Ok((earlier, None));
        }
        let tools = guiding(tools, links);
        let studies = self.alone();
        let evaluators: Vec<Evaluator<'_>> =
            studies.iter().map(|study| Evaluator::new(study, samples, &tools)).collect();
        let prescreens = self.prescreens(&evaluators, store)?;
        let searcher = by_name(&search.searcher, &search.options)
            .expect("the study file was checked against the catalogue");
        let orderly = Orderly::begin();
        let stop = &|| orderly.asked().is_some();
        let reachable = match &prescreens[..] {
            [prescreen] => reachable(study, prescreen),
            _ => None,
        };
        let mut progress = Progress::new(study, &earlier, reachable, self.quiet);
        let on_event = &mut |event: Event<'_>| {
            progress.event(&event);
            supervised(&event);
            if self.json
                && let Event::Finished(trial) = event
            {
                // A reader that went away must not stop the study.
                let _ = writeln!(stdout(), "{}", report::trial_json(space, trial));
            }
        };
        let (searcher, jobs) = (&*searcher, self.jobs);
        let crashes = &crashes(store)?;
        let search = Search { study, searcher, store, parallel, jobs, stop, crashes };
        let combinations: Vec<Combination<'_>> = (evaluators.iter().zip(&prescreens))
            .map(|(evaluator, prescreen)| Combination { evaluator, prescreen })
            .collect();
        let trials = study::run(&search, &combinations, on_event)?;
        progress.finish();
        Ok((trials, orderly.asked()))
    }

    /// What can fit, of each combination; it is told, and kept.
    fn prescreens<'e>(
        &self,
        evaluators: &'e [Evaluator<'e>],
        store: &Store,
    ) -> Result<Vec<Prescreen<'e>>, Failure> {
        let mut prescreens = vec![];
        for evaluator in evaluators {
            let of = match evaluators.len() {
                1 => String::new(),
                _ => format!("{}: ", evaluator.study.deploy.name()),
            };
            let purpose = "to know which configurations fit";
            let linking = Linking::new(of.clone(), purpose, self.quiet);
            let on_link = |linked, all| linking.told(linked, all);
            let prescreen = Prescreen::new(evaluator, self.jobs, &on_link)?;
            if let Some(saved) = prescreen.idle_compression() {
                let compression = evaluator.study.deploy.compression;
                self.tell(&format!("{of}{}", idle(compression, saved, "these networks at most")));
            }
            if let Some(deployable) = prescreen.deployable() {
                self.tell(&format!("{of}{deployable}"));
            }
            if let Some(unbuildable) = prescreen.unbuildable() {
                self.tell(&format!("{of}{unbuildable}"));
            }
            prescreens.push(prescreen);
        }
        match &prescreens[..] {
            [prescreen] => store.set_fact(Fact::Deployable, &prescreen.deployable())?,
            all => {
                let all: Vec<_> = all.iter().map(Prescreen::deployable).collect();
                store.set_fact(Fact::Deployable, &all)?;
            }
        }
        Ok(prescreens)
    }

    /// Takes the best trials to the chip, in order, until one holds what its sizes promised; then
    /// the baseline.
    pub(super) fn finals(
        &self,
        evaluator: &Evaluator<'_>,
        store: &Store,
        trials: &[TrialRecord],
    ) -> Result<Option<Finalist>, Failure> {
        let best = self.best(evaluator, store, trials)?;
        match &best {
            Some(best) => store.set_fact(Fact::Best, best)?,
            None => store.remove_fact(Fact::Best)?,
        }
        let known = store.finalist(Fact::Baseline)?;
        if let Some((baseline, _)) = &self.study.baseline
            && known.is_none_or(|known| leaves_open(&known, evaluator.tools))
        {
            self.tell("baseline: train, compile, run");
            let folder = tempfile::tempdir()
                .map_err(|error| Failure::Write { path: std::env::temp_dir(), error })?;
            match evaluator.finalist(baseline, None, &folder.path().join("firmware"))? {
                Final::Ran(finalist, _) => store.set_fact(Fact::Baseline, &*finalist)?,
                Final::Diverged(reason) => eprintln!("the baseline is left out: {reason}"),
            }
        }
        store.set_fact(Fact::Finished, &trials.len())?;
        Ok(best)
    }

    fn best(
        &self,
        evaluator: &Evaluator<'_>,
        store: &Store,
        trials: &[TrialRecord],
    ) -> Result<Option<Finalist>, Failure> {
        let firmware = self.folder.join("firmware");
        let mut rejected: Vec<Rejected> = store.fact(Fact::Rejected)?.unwrap_or_default();
        for trial in ranking(trials, self.study.search.goal) {
            if rejected.iter().any(|rejected| rejected.trial == trial.id) {
                continue;
            }
            if let Some(best) = store.finalist(Fact::Best)?
                && best.trial == Some(trial.id)
                && firmware.is_dir()
                && !leaves_open(&best, evaluator.tools)
            {
                return Ok(Some(best));
            }
            self.tell(&format!("trial {}, the best: train on all folds, compile, run", trial.id));
            let partial = self.folder.join("firmware.partial");
            remove(&partial)?;
            let _unfinished = Unfinished::begin(&partial);
            let verdict = match evaluator.finalist(&trial.configuration, Some(trial), &partial)? {
                Final::Ran(finalist, model) if finalist.verdict.deployable() => {
                    replace(&firmware, &partial)?;
                    model.save(&self.folder.join("model")).map_err(Failure::Save)?;
                    return Ok(Some(*finalist));
                }
                Final::Ran(finalist, _) => finalist.verdict,
                Final::Diverged(reason) => refusal(reason),
            };
            remove(&partial)?;
            self.tell(&format!("trial {} is refused: {}", trial.id, verdict.reasons.join("; ")));
            rejected.push(Rejected { trial: trial.id, verdict });
            store.set_fact(Fact::Rejected, &rejected)?;
        }
        Ok(None)
    }
}

/// What took the study's processes down so far.
fn crashes(store: &Store) -> Result<Vec<Crash>, Failure> {
    let mut crashes: Vec<Crash> = store.fact(Fact::Crashes)?.unwrap_or_default();
    if let Some(supervised) = supervisor::study()
        && !supervised.crashes.is_empty()
    {
        crashes.extend(supervised.crashes.iter().cloned());
        store.set_fact(Fact::Crashes, &crashes)?;
    }
    Ok(crashes)
}

/// Lets the supervisor know which trials run.
fn supervised(event: &Event<'_>) {
    let Some(study) = supervisor::study() else { return };
    match event {
        Event::Begun(trial) => study.begun(*trial),
        Event::Finished(trial) => study.ended(trial.id),
        Event::Hanging(trial) => {
            study.hangs(*trial);
            signals::end(1);
        }
        Event::Stopping(_) => {}
    }
}

/// How many trials there can be: each configuration of a finite space once, but for those that are
/// trained a little first.
pub fn reachable(study: &Study, prescreen: &Prescreen<'_>) -> Option<usize> {
    let Deployable { space, within_limits, .. } = prescreen.deployable()?;
    (!decides_epochs(&study.search.searcher)).then_some(match study.deploy.check {
        Check::BeforeTraining => *within_limits,
        Check::AfterTraining => *space,
    })
}

/// The tools that may guide a search: one begun without a cross compiler goes on without, so that
/// its trials are what they would have been.
pub fn guiding(tools: &Tools, links: bool) -> Tools {
    Tools { cross_cc: tools.cross_cc.clone().filter(|_| links), ..tools.clone() }
}

/// Whether something about this finalist was not checked that these tools can check.
fn leaves_open(finalist: &Finalist, tools: &Tools) -> bool {
    let Tools { cross_cc, emulator, .. } = tools;
    let footprint = &finalist.footprint;
    let chip = footprint.flash_bytes.is_none() && cross_cc.is_some();
    let run = footprint.emulated_inputs.is_none() && cross_cc.is_some() && emulator.is_some();
    chip || run
}

/// Cores of this machine.
pub fn all_cores() -> usize {
    available_parallelism().map_or(1, Into::into)
}

/// Puts a finished folder in the place of an older one, which is kept beside it: its user may have
/// changed it.
fn replace(folder: &Path, finished: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::Write { path: folder.to_owned(), error };
    if folder.exists() {
        let old = (1..).map(|number| folder.with_extension(format!("old-{number}")));
        let free = old.into_iter().find(|old| !old.exists()).expect("numbers do not end");
        eprintln!("the firmware of an earlier result is now in {}", free.display());
        fs::rename(folder, free).map_err(failed)?;
    }
    fs::rename(finished, folder).map_err(failed)
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::Write { path: folder.to_owned(), error })
        }
        _ => Ok(()),
    }
}
