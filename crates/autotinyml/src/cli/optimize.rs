//! `autotinyml optimize`: the main job.

use std::fs;
use std::io::{ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::available_parallelism;

use autotinyml_deploy::{Limits, Tool, Tools};
use autotinyml_nn::SplitError;
use autotinyml_search::by_name;

use super::progress::Progress;
use super::{Failure, NOTHING_DEPLOYABLE, report};
use crate::evaluate::Evaluator;
use crate::finalist::ranking;
use crate::prescreen::Prescreen;
use crate::record::{Finalist, Identity, TrialRecord};
use crate::samples::{Samples, SamplesError};
use crate::store::{Fact, Store};
use crate::study::{self, StudyError};
use crate::study_file::section::SourceText;
use crate::study_file::{Check, DataPlan, Reader, Study, StudyFile, read_text};

/// Searches for the most accurate network that fits the board, and takes it there.
///
/// Writes the study's folder: study.db (every trial), report.html, trials.csv, model/ (the best
/// network) and firmware/ (its C project).
#[derive(clap::Args)]
pub struct Arguments {
    /// The study file.
    study: PathBuf,
    /// The data folder, instead of `path` in the study file.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The study's folder [default: runs/NAME].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with a study that was interrupted.
    #[arg(long)]
    resume: bool,
    /// Trials in all, instead of `trials` in the study file.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// Trials that run at once; never more than `parallel` in the study file [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Decides every random number, instead of `seed` in the study file.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print one JSON object per trial, and the summary as the last one.
    #[arg(long)]
    json: bool,
}

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

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let source = read_text(&arguments.study)?;
    let study = load(&source, |study| {
        if let (Some(data), Reader::CsvWindows { path, .. }) =
            (&arguments.data, &mut study.data.reader)
        {
            path.clone_from(data);
        }
        study.search.trials = arguments.trials.map_or(study.search.trials, |n| n as usize);
        study.search.seed = arguments.seed.unwrap_or(study.search.seed);
    })?;
    Job {
        folder: arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(&study.name)),
        study,
        resume: arguments.resume,
        jobs: arguments.jobs.map_or_else(all_cores, |jobs| jobs as usize),
        json: arguments.json,
    }
    .run()
}

/// A study file with what the command line changes.
pub fn load(source: &SourceText, change: impl FnOnce(&mut Study)) -> Result<Study, Failure> {
    let mut study = StudyFile::parse(source)?.into_study()?;
    change(&mut study);
    Ok(study)
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
        if let Some(nothing) = self.nothing_fits(&prescreen) {
            eprintln!("{nothing}");
            return Ok(ExitCode::from(NOTHING_DEPLOYABLE));
        }
        self.introduce(&samples, &prescreen, &tools);

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

    fn introduce(&self, samples: &Samples, prescreen: &Prescreen<'_>, tools: &Tools) {
        let Study { name, search, deploy, .. } = &self.study;
        eprintln!(
            "{name}: {} trials of {} for the {}, {} samples of {} to search with, {} to test",
            search.trials,
            search.searcher,
            deploy.board.title,
            samples.train.len(),
            samples.summary.shape,
            samples.test.len(),
        );
        if let Some(deployable) = prescreen.deployable() {
            eprintln!("{deployable}");
        }
        if let Some(unchecked) = unchecked(tools) {
            eprintln!("{unchecked}");
        }
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
                    println!("{}", report::trial_json(space, trial));
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
        if let (Some(baseline), None) = (&self.study.baseline, store.finalist(Fact::Baseline)?) {
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
            if let Some(best) = store.finalist(Fact::Best)?
                && best.trial == Some(trial.id)
                && firmware.is_dir()
                && (best.verdict.unchecked.is_empty() || !evaluator.tools.missing().is_empty())
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

    /// What to say instead of a search, if arithmetic already refuses the whole space.
    fn nothing_fits(&self, prescreen: &Prescreen<'_>) -> Option<String> {
        let deploy = &self.study.deploy;
        let deployable = prescreen.deployable()?;
        if deployable.within_limits > 0 || deploy.check == Check::AfterTraining {
            return None;
        }
        let smallest = match prescreen.smallest() {
            Some((ram, rom)) => format!(
                "the smallest needs {:.1} KB of RAM, and the smallest {:.1} KB of ROM",
                ram as f64 / 1000.0,
                rom as f64 / 1000.0
            ),
            None => format!(
                "no network can be built: {}",
                deployable.unbuildable_reason.as_deref().unwrap_or("the space is empty")
            ),
        };
        Some(format!(
            "nothing in this space can fit: {smallest}; the limits are {}. Widen the limits or \
             [space] in {}.",
            limits_in_print(&deploy.limits),
            self.study.source.name
        ))
    }
}

/// One line on what this machine cannot check, with the command that changes it.
fn unchecked(tools: &Tools) -> Option<String> {
    let missing = tools.missing();
    let figure = |tool: &Tool| match tool {
        Tool::HostCompiler => "the C program's answers on this machine",
        Tool::CrossCompiler => "flash and RAM of the program for the chip",
        Tool::Emulator => "its instructions, stack and answers",
    };
    let figures: Vec<&str> = missing.iter().map(figure).collect();
    let packages: Vec<&str> = missing.iter().map(|tool| tool.packages()).collect();
    (!missing.is_empty()).then(|| {
        let (figures, packages) = (figures.join(", "), packages.join(" "));
        format!("not checked here: {figures}; to check: sudo apt install {packages}")
    })
}

fn limits_in_print(limits: &Limits) -> String {
    let kilobytes = |name, bytes: usize| format!("{name} {:.1} KB", bytes as f64 / 1000.0);
    let parts = [
        limits.ram_bytes.map(|bytes| kilobytes("RAM", bytes)),
        limits.rom_bytes.map(|bytes| kilobytes("ROM", bytes)),
        limits.macc.map(|macc| format!("MACC {macc}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
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

/// Prints a result.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
