//! What `optimize` and `report` do about a study of several boards or compressions: each combination has a
//! folder in that of the study, which is that of a study of its own.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use autotinyml_deploy::{Limits, Tools};
use serde_json::{Value, json};
use toml::Table;

use super::job::Job;
use super::opened::Opened;
use super::report::{self, Finals, Stored};
use super::{Failure, columns, filled, print};
use crate::evaluate::Evaluator;
use crate::record::{Deployable, Identity, Summary, TrialRecord};
use crate::report::{combinations as printed, write_combinations};
use crate::samples::Samples;
use crate::store::{Fact, Store, StoreError};
use crate::study_file::Study;
use crate::study_file::section::SourceText;

impl Job {
    /// Gives each combination its folder: all trials as judged for it, its best network unless there are to
    /// be no `finals` yet, its report. Then the table of all.
    pub(super) fn conclude_combinations(
        &self,
        samples: &Samples,
        tools: &Tools,
        opened: &Opened,
        trials: &[TrialRecord],
        finals: bool,
    ) -> Result<All, Failure> {
        let identity: Option<Identity> = opened.store.fact(Fact::Identity)?;
        let identity = identity.expect("it was written when the store was opened");
        let deployable: Option<Vec<Option<Deployable>>> = opened.store.fact(Fact::Deployable)?;
        for combination in 0..self.study.combinations.len() {
            let study = alone(&self.study, combination);
            let folder = folder(&self.folder, &study);
            let store = Store::open(&folder)?;
            let of_it: Vec<TrialRecord> =
                trials.iter().map(|trial| trial.of(combination)).collect();
            add_missing(&store, &study, &of_it)?;
            let board = study.deploy.board.clone();
            store.set_fact(
                Fact::Identity,
                &Identity {
                    study_text: study.source.text.clone(),
                    board: Some(board),
                    boards: vec![],
                    ..identity.clone()
                },
            )?;
            store.set_fact(Fact::Data, &samples.summary)?;
            let known = deployable.as_ref().and_then(|all| all.get(combination).cloned().flatten());
            store.set_fact(Fact::Deployable, &known)?;
            if finals {
                self.tell(&format!("{}:", study.deploy.name()));
                let evaluator = Evaluator::new(&study, samples, tools);
                let job = Job {
                    study: study.clone(),
                    folder,
                    resume: true,
                    jobs: self.jobs,
                    json: self.json,
                    quiet: self.quiet,
                };
                job.finals(&evaluator, &store, &of_it)?;
            }
        }
        write(&self.folder, Stored::open(&self.folder)?)
    }
}

fn add_missing(store: &Store, study: &Study, trials: &[TrialRecord]) -> Result<(), Failure> {
    let there: HashSet<usize> =
        store.trials(&study.space)?.into_iter().map(|trial| trial.id).collect();
    let missing: Vec<TrialRecord> =
        trials.iter().filter(|trial| !there.contains(&trial.id)).cloned().collect();
    Ok(store.add_trials(&study.space, &missing)?)
}

/// A study of several combinations, as far as it went.
pub struct All {
    name: String,
    /// Each with its name, in the order of the study.
    pub combinations: Vec<(String, Summary)>,
}

/// Writes the report of each combination, and the table of all. Before the finals the trials are those of
/// the study itself.
///
/// # Errors
/// A store is damaged, or a file cannot be written.
pub fn write(study_folder: &Path, stored: Stored) -> Result<All, Failure> {
    let data = stored.data(study_folder)?;
    let Stored { store, study, .. } = stored;
    let trials = store.trials(&study.space)?;
    let deployable: Vec<Option<Deployable>> = store.fact(Fact::Deployable)?.unwrap_or_default();
    let mut combinations = vec![];
    for combination in 0..study.combinations.len() {
        let alone = alone(&study, combination);
        let (name, folder) = (alone.deploy.name(), folder(study_folder, &alone));
        let finals = match Store::read(&folder) {
            Err(StoreError::Missing(_) | StoreError::Empty(_)) => Finals::default(),
            store => Finals::read(&store?)?,
        };
        let of_it = trials.iter().map(|trial| trial.of(combination)).collect();
        let known = deployable.get(combination).cloned().flatten();
        let summary = finals.summary(alone, of_it, data.clone(), known, &folder);
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::Write { path: folder.clone(), error })?;
        crate::report::write(&summary, &folder)?;
        combinations.push((name, summary));
    }
    let all = All { name: study.name, combinations };
    write_combinations(&all.name, &all.named(), study_folder)?;
    Ok(all)
}

impl All {
    fn named(&self) -> Vec<printed::Named<'_>> {
        self.combinations.iter().map(|(name, summary)| (name.as_str(), summary)).collect()
    }

    /// For programs.
    fn json(&self) -> Value {
        let of = |(name, summary): &(String, Summary)| {
            let mut object = json!({ "name": name });
            if let (Some(object), Value::Object(summary)) =
                (object.as_object_mut(), report::summary_json(summary))
            {
                object.extend(summary);
            }
            object
        };
        json!({
            "study": self.name,
            "trials": self.combinations.first().map_or(0, |(_, summary)| summary.trials.len()),
            "finished": self.combinations.iter().all(|(_, summary)| summary.finished),
            "combinations": self.combinations.iter().map(of).collect::<Vec<_>>(),
        })
    }
}

/// Prints the table of all, or one object.
///
/// # Errors
/// Standard output is closed.
pub fn show(all: &All, study_folder: &Path, json: bool) -> Result<(), Failure> {
    if json {
        return print(&format!("{}\n", all.json()));
    }
    let table = printed::print(&all.name, &all.named(), columns());
    let folders = all.combinations.iter().map(|(name, _)| study_folder.join(name));
    let written: Vec<String> = [study_folder.join("report.html")]
        .into_iter()
        .chain(folders)
        .map(|path| path.display().to_string())
        .collect();
    let written = format!("written: {}", written.join(", "));
    print(&format!("{table}\n{}\n", filled(&written, columns())))
}

fn folder(study_folder: &Path, alone: &Study) -> PathBuf {
    study_folder.join(alone.deploy.name())
}

/// The study of a combination alone, with a study file that says so.
fn alone(study: &Study, combination: usize) -> Study {
    let mut alone = study.of(combination);
    alone.name = format!("{} {}", study.name, alone.deploy.name());
    let mut table: Table = study.source.text.parse().expect("it has been read before");
    table.insert("name".into(), toml::Value::String(alone.name.clone()));
    if let Some(toml::Value::Table(deploy)) = table.get_mut("deploy") {
        deploy.remove("boards");
        deploy.insert("board".into(), toml::Value::String(alone.deploy.board.name.clone()));
        deploy.insert(
            "compression".into(),
            toml::Value::String(alone.deploy.compression.to_string()),
        );
        deploy.insert("limits".into(), toml::Value::Table(limits(&alone.deploy.limits)));
    }
    alone.source = SourceText { name: study.source.name.clone(), text: table.to_string() };
    alone
}

/// As a study file says them.
fn limits(limits: &Limits) -> Table {
    let kilobytes = |bytes: usize| toml::Value::Float(bytes as f64 / 1000.0);
    let all = [
        ("ram_kb", limits.ram_bytes.map(kilobytes)),
        ("rom_kb", limits.rom_bytes.map(kilobytes)),
        ("macc", limits.macc.map(|macc| toml::Value::Integer(macc as i64))),
        ("cross_accuracy", limits.cross_accuracy.map(toml::Value::Float)),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}
