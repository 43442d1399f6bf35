//! `autotinyml report`: the results again, from the store.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use autotinyml_deploy::{Boards, Footprint, MemoryMap, static_footprint};
use autotinyml_search::Space;
use serde_json::{Map, Value, json};

use super::{Failure, NOTHING_DEPLOYABLE, columns, combinations, filled, print};
use crate::record::{DataSummary, Deployable, Finalist, Identity, Rejected, Summary, TrialRecord};
use crate::report;
use crate::saved_model::SavedModel;
use crate::store::{Fact, Store, StoreError};
use crate::study_file::section::SourceText;
use crate::study_file::{Study, StudyFile};

/// Writes report.html, trials.csv and trials.parquet again and prints the results, even while the study runs.
#[derive(clap::Args)]
pub struct Arguments {
    /// The study's folder, such as runs/quickstart.
    folder: PathBuf,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let stored = Stored::open(&arguments.folder)?;
    if stored.study.combinations.len() > 1 {
        let all = combinations::write(&arguments.folder, stored)?;
        combinations::show(&all, &arguments.folder, arguments.json)?;
        return Ok(exit_code(all.combinations.iter().map(|(_, summary)| summary)));
    }
    let summary = write(&arguments.folder)?;
    show(&summary, &arguments.folder, arguments.json)?;
    Ok(exit_code([&summary]))
}

/// Whether there is nothing deployable in studies that are over.
pub fn exit_code<'a>(summaries: impl IntoIterator<Item = &'a Summary>) -> ExitCode {
    let fruitless = |summary: &Summary| summary.finished && summary.best.is_none();
    match summaries.into_iter().all(fruitless) {
        true => ExitCode::from(NOTHING_DEPLOYABLE),
        false => ExitCode::SUCCESS,
    }
}

/// A study as its store has it.
pub struct Stored {
    /// The store, open to read.
    pub store: Store,
    /// What the study is.
    pub study: Study,
    /// What must stay as it is.
    pub identity: Identity,
}

impl Stored {
    /// Reads a study's folder.
    ///
    /// # Errors
    /// There is none, or it is damaged, or it is of several combinations.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let stored = Self::open(folder)?;
        let names: Vec<String> = stored.study.combinations.iter().map(|it| it.name()).collect();
        if names.len() > 1 {
            return Err(Failure::Usage {
                message: format!(
                    "{} is a study of several boards or compressions",
                    folder.display()
                ),
                help: format!("name the folder of one of them in it: {}", names.join(", ")),
            });
        }
        Ok(stored)
    }

    /// Reads a study's folder, which may be of several combinations.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let store = Store::read(folder)?;
        let identity: Identity = store
            .fact(Fact::Identity)?
            .ok_or_else(|| StoreError::Empty(folder.join("study.db")))?;
        let source =
            SourceText { name: identity.study_path.clone(), text: identity.study_text.clone() };
        let boards = Boards::default();
        let own = identity.board.iter().chain(&identity.boards).cloned();
        let boards = own.fold(boards, Boards::with);
        let mut study = StudyFile::parse(&source, &boards)?.into_study()?;
        study.search.seed = identity.seed;
        study.search.trials = identity.trials;
        Ok(Self { store, study, identity })
    }

    fn summary(self, folder: &Path) -> Result<Summary, StoreError> {
        let deployable = self.store.fact(Fact::Deployable)?.flatten();
        let (trials, data) = (self.store.trials(&self.study.space)?, self.data(folder)?);
        let finals = Finals::read(&self.store)?;
        Ok(finals.summary(self.study, trials, data, deployable, folder))
    }

    /// What the study is about.
    ///
    /// # Errors
    /// The study was stopped before it had read its data.
    pub fn data(&self, folder: &Path) -> Result<DataSummary, StoreError> {
        let data = self.store.fact(Fact::Data)?;
        data.ok_or_else(|| StoreError::Empty(folder.join("study.db")))
    }
}

/// What the finals of a study came to; nothing before they have begun.
#[derive(Default)]
pub struct Finals {
    rejected: Vec<Rejected>,
    best: Option<Finalist>,
    baseline: Option<Finalist>,
    /// How many trials they chose from, once they are over.
    finished: Option<usize>,
}

impl Finals {
    /// From the store of one combination.
    ///
    /// # Errors
    /// The store is damaged.
    pub fn read(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            rejected: store.fact(Fact::Rejected)?.unwrap_or_default(),
            best: store.finalist(Fact::Best)?,
            baseline: store.finalist(Fact::Baseline)?,
            finished: store.fact(Fact::Finished)?,
        })
    }

    /// All that reports tell of a study of one combination, whose model, if any, is in `folder`.
    pub fn summary(
        self,
        study: Study,
        mut trials: Vec<TrialRecord>,
        data: DataSummary,
        deployable: Option<Deployable>,
        folder: &Path,
    ) -> Summary {
        let Self { rejected, best, baseline, finished } = self;
        // What the linker or the emulator found in the end counts more than what the trial knew.
        for Rejected { trial, verdict } in rejected {
            if let Some(trial) = trials.iter_mut().find(|record| record.id == trial) {
                trial.outcome.verdict = verdict;
            }
        }
        Summary {
            finished: finished == Some(trials.len()),
            trials,
            data,
            deployable,
            best_memory: best.as_ref().and_then(|best| memory_map(best, &study, folder)),
            best,
            baseline,
            name: study.name,
            study_text: study.source.text,
            board: study.deploy.board.title.clone(),
            compression: study.deploy.compression.to_string(),
            limits: study.deploy.limits,
            searcher: study.search.searcher,
            goal: study.search.goal,
            budget: study.search.trials,
            space: study.space,
        }
    }
}

/// Of a finalist whose model is in the study's folder.
fn memory_map(best: &Finalist, study: &Study, folder: &Path) -> Option<MemoryMap> {
    let network = SavedModel::load(&folder.join("model")).ok()?.model.network;
    let counted = static_footprint(&network, study.deploy.compression);
    let Footprint { parameters, macc, st_ram_bytes, .. } = best.footprint;
    let is_its_own = (counted.parameters, counted.macc, counted.st_ram_bytes)
        == (parameters, macc, st_ram_bytes);
    MemoryMap::of(&network, &study.deploy.board).ok().filter(|_| is_its_own)
}

/// Writes the files of a report.
pub fn write(folder: &Path) -> Result<Summary, Failure> {
    let summary = Stored::read(folder)?.summary(folder)?;
    report::write(&summary, folder)?;
    Ok(summary)
}

/// Prints a report.
pub fn show(summary: &Summary, folder: &Path, json: bool) -> Result<(), Failure> {
    if json {
        return print(&format!("{}\n", summary_json(summary)));
    }
    let files = ["report.html", "firmware", "model", "trials.csv", "trials.parquet", "study.db"]
        .map(|file| folder.join(file));
    let files: Vec<String> =
        files.iter().filter(|file| file.exists()).map(|file| file.display().to_string()).collect();
    let text = report::terminal::print(summary, columns());
    let written = format!("written: {}", files.join(", "));
    print(&format!("{text}\n{}\n", filled(&written, columns())))
}

/// One study for programs.
pub fn summary_json(summary: &Summary) -> Value {
    json!({
        "study": summary.name,
        "board": summary.board,
        "compression": summary.compression,
        "trials": summary.trials.len(),
        "finished": summary.finished,
        "deployable_trials": summary.trials.iter().filter(|trial| trial.is_deployable()).count(),
        "data": summary.data,
        "space": summary.deployable,
        "best": summary.best,
        "baseline": summary.baseline,
    })
}

/// One trial for programs.
pub fn trial_json(space: &Space, trial: &TrialRecord) -> Value {
    let settings: Map<String, Value> = space
        .settings(&trial.configuration)
        .into_iter()
        .map(|(name, setting)| (name.to_string(), json!(setting)))
        .collect();
    json!({
        "trial": trial.id,
        "phase": trial.phase.name(),
        "epochs": trial.epochs,
        "settings": settings,
        "accuracy": trial.outcome.accuracy,
        "balanced_accuracy": trial.outcome.balanced_accuracy,
        "macro_f1": trial.outcome.macro_f1,
        "deployable": trial.is_deployable(),
        "stopped": trial.outcome.stopped,
        "reasons": trial.outcome.verdict.reasons,
        "footprint": trial.outcome.footprint,
        "seconds": trial.seconds,
        "combinations": trial.combinations,
    })
}
