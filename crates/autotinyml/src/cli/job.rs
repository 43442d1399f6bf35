//! What `optimize` and `quickstart` do: search, take the best to the chip, report.

use std::fs;
use std::io::{ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::available_parallelism;

use autotinyml_deploy::Tools;
use autotinyml_nn::SplitError;
use autotinyml_search::by_name;

use super::preamble::{introduction, nothing_fits};
use super::progress::Progress;
use super::{Failure, NOTHING_DEPLOYABLE, report};
use crate::evaluate::Evaluator;
use crate::finalist::ranking;
use crate::prescreen::Prescreen;
use crate::record::{Finalist, Identity, TrialRecord};
use crate::samples::{Samples, SamplesError};
use crate::store::{Fact, Store};
use crate::study::{self, StudyError};
use crate::study_file::{DataPlan, Reader, Study};

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
        let samples = load_samples(&self.study)?;
        let tools = Tools::find();
        let evaluator = Evaluator::new(&self.study, &samples, &tools);
        let prescreen = Prescreen::new(&evaluator, self.jobs)?;
        if let Some(nothing) = nothing_fits(&self.study, &prescreen) {
            eprintln!("{nothing}");
            return Ok(ExitCode::from(NOTHING_DEPLOYABLE));
        }
        eprint!("{}", introduction(&self.study, &samples, &prescreen, &tools));

        let store = self.open(&samples)?;
        store.set_fact(Fact::Data, &samples.summary)?;
        store.set_fact(Fact::Deployable, &prescreen.deployable())?;
        let trials = self.search(&evaluator, &prescreen, &store)?;
        let best = self.finals(&evaluator, &store, &trials)?;
        let summary = report::write(&self.folder)?;
        report::show(&summary, &self.folder, self.json)?;
        Ok(match best {
            Some(_) => ExitCode::SUCCESS,
            None => ExitCode::from(NOTHING_DEPLOYABLE),
        })
    }

    /// Opens the store; if it holds a study, it must be this one.
    fn open(&self, samples: &Samples) -> Result<Store, Failure> {
        let Study { data, search, source, .. } = &self.study;
        let identity = Identity {
            study_text: source.text.clone(),
            study_path: source.name.clone(),
            data_path: match &data.reader {
                Reader::CsvWindows { path, .. } => {
                    Some(fs::canonicalize(path).unwrap_or_else(|_| path.clone()))
                }
                Reader::Digits => None,
            },
            data_digest: samples.digest.clone(),
            seed: search.seed,
            trials: search.trials,
        };
        let store = Store::open(&self.folder)?;
        if let Some(stored) = store.fact::<Identity>(Fact::Identity)?
            && let Some(change) = changed(&stored, &identity)
        {
            return Err(Failure::Usage {
                message: format!("{} holds another study: {change}", self.folder.display()),
                help: "put it back as it was to resume, or give this study another folder by --out"
                    .into(),
            });
        }
        store.set_fact(Fact::Identity, &identity)?;
        Ok(store)
    }

    fn search(
        &self,
        evaluator: &Evaluator<'_>,
        prescreen: &Prescreen<'_>,
        store: &Store,
    ) -> Result<Vec<TrialRecord>, StudyError> {
        let Study { search, space, .. } = &self.study;
        let searcher = by_name(&search.searcher, &search.options)
            .expect("the study file was checked against the catalogue");
        let mut progress = Progress::new(space, search.trials, &store.trials(space)?);
        let trials =
            study::run(evaluator, prescreen, &*searcher, store, self.jobs, &mut |trial| {
                progress.trial(trial);
                if self.json {
                    // A reader that went away must not stop the study.
                    let _ = writeln!(stdout(), "{}", report::trial_json(space, trial));
                }
            })?;
        progress.finish();
        Ok(trials)
    }

    /// Takes the best trials to the chip, in order, until one holds what its sizes promised.
    fn finals(
        &self,
        evaluator: &Evaluator<'_>,
        store: &Store,
        trials: &[TrialRecord],
    ) -> Result<Option<Finalist>, Failure> {
        // What a tool was missing for is made up for when it is there.
        let final_word = |finalist: &Finalist| {
            finalist.verdict.unchecked.is_empty() || !evaluator.tools.missing().is_empty()
        };
        let known = store.finalist(Fact::Baseline)?.filter(final_word);
        if let (Some(baseline), None) = (&self.study.baseline, known) {
            eprintln!("baseline: train, compile, run");
            let folder = tempfile::tempdir()
                .map_err(|error| Failure::Write { path: std::env::temp_dir(), error })?;
            let (finalist, _) =
                evaluator.finalist(baseline, None, &folder.path().join("firmware"))?;
            store.set_fact(Fact::Baseline, &finalist)?;
        }
        let mut rejected: Vec<Finalist> = store.fact(Fact::Rejected)?.unwrap_or_default();
        for trial in ranking(trials) {
            if rejected.iter().any(|finalist| finalist.trial == Some(trial.id)) {
                continue;
            }
            let firmware = self.folder.join("firmware");
            if let Some(best) = store.finalist(Fact::Best)?.filter(final_word)
                && best.trial == Some(trial.id)
                && firmware.is_dir()
            {
                return Ok(Some(best));
            }
            eprintln!("trial {}, the best: train on all folds, compile, run", trial.id);
            let partial = self.folder.join("firmware.partial");
            let (finalist, model) =
                evaluator.finalist(&trial.configuration, Some(trial), &partial)?;
            if finalist.verdict.deployable() {
                replace(&firmware, &partial)?;
                model.save(&self.folder.join("model"))?;
                store.set_fact(Fact::Best, &finalist)?;
                return Ok(Some(finalist));
            }
            remove(&partial)?;
            eprintln!("trial {} is refused: {}", trial.id, finalist.verdict.reasons.join("; "));
            rejected.push(finalist);
            store.set_fact(Fact::Rejected, &rejected)?;
        }
        store.remove_fact(Fact::Best)?;
        Ok(None)
    }
}

/// The data of a study, split; complains about the split where the study file says it.
pub fn load_samples(study: &Study) -> Result<Samples, Failure> {
    let DataPlan { split_place, .. } = &study.data;
    Samples::load(&study.data, study.search.seed).map_err(|error| match error {
        SamplesError::Split(error) => {
            let help = match error {
                SplitError::ClassTooSmall { .. } => {
                    "lower k_fold, collect more of that class, or take it out of the data"
                }
                SplitError::NoSpans => "by = \"stratified\" suits samples without recordings",
                _ => "more samples are needed for such a split, or a larger share for this side",
            };
            let message = format!("the data cannot be split like this: {error}");
            study.source.complain(split_place.clone(), message, "this split", help).into()
        }
        SamplesError::Data(error) => SamplesError::Data(error).into(),
    })
}

/// Cores of this machine.
pub fn all_cores() -> usize {
    available_parallelism().map_or(1, Into::into)
}

/// The first difference that matters between a stored study and the one to resume.
fn changed(stored: &Identity, now: &Identity) -> Option<&'static str> {
    [
        (stored.study_text != now.study_text, "its study file reads differently"),
        (stored.data_digest != now.data_digest, "its data is different"),
        (stored.seed != now.seed, "its seed is different"),
        (stored.trials > now.trials, "it has more trials"),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

/// Puts a finished folder in the place of an older one.
fn replace(folder: &Path, finished: &Path) -> Result<(), Failure> {
    remove(folder)?;
    fs::rename(finished, folder).map_err(|error| Failure::Write { path: folder.to_owned(), error })
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::Write { path: folder.to_owned(), error })
        }
        _ => Ok(()),
    }
}
