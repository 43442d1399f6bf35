//! What `optimize` and `report` do about a study of several boards or compressions: each combination has a
//! folder in that of the study, which is that of a study of its own.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use autotinyml_deploy::{Limits, Tools};
use toml::{Table, Value};

use super::job::Job;
use super::opened::Opened;
use super::report;
use super::{Failure, columns, filled, print};
use crate::evaluate::Evaluator;
use crate::record::{Deployable, Identity, Summary, TrialRecord};
use crate::report::{combinations as printed, write_combinations};
use crate::samples::Samples;
use crate::store::{Fact, Store};
use crate::study_file::section::SourceText;
use crate::study_file::{DeployPlan, Study};

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
    ) -> Result<Vec<Summary>, Failure> {
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
        write(&self.folder, &self.study)
    }
}

fn add_missing(store: &Store, study: &Study, trials: &[TrialRecord]) -> Result<(), Failure> {
    let there: HashSet<usize> =
        store.trials(&study.space)?.into_iter().map(|trial| trial.id).collect();
    let missing: Vec<TrialRecord> =
        trials.iter().filter(|trial| !there.contains(&trial.id)).cloned().collect();
    Ok(store.add_trials(&study.space, &missing)?)
}

/// Writes the report of each combination that has a folder, and the table of all.
///
/// # Errors
/// A store is damaged, or a file cannot be written.
pub fn write(study_folder: &Path, study: &Study) -> Result<Vec<Summary>, Failure> {
    let mut names = vec![];
    let mut summaries: Vec<Summary> = vec![];
    for combination in 0..study.combinations.len() {
        let alone = study.of(combination);
        let folder = folder(study_folder, &alone);
        if Store::exists(&folder) {
            summaries.push(report::write(&folder)?);
            names.push(alone.deploy.name());
        }
    }
    let all: Vec<printed::Named<'_>> = names.iter().map(String::as_str).zip(&summaries).collect();
    write_combinations(&study.name, &all, study_folder)?;
    Ok(summaries)
}

/// Prints the table of all.
///
/// # Errors
/// Standard output is closed.
pub fn show(
    summaries: &[Summary],
    study_folder: &Path,
    study: &Study,
    json: bool,
) -> Result<(), Failure> {
    if json {
        let lines = summaries.iter().map(|summary| format!("{}\n", report::summary_json(summary)));
        return print(&lines.collect::<String>());
    }
    let names: Vec<String> = study.combinations.iter().map(DeployPlan::name).collect();
    let all: Vec<printed::Named<'_>> = names.iter().map(String::as_str).zip(summaries).collect();
    let table = printed::print(&study.name, &all, columns());
    let folders: Vec<String> =
        names.iter().map(|name| study_folder.join(name).display().to_string()).collect();
    let page = study_folder.join("report.html");
    let written = format!("written: {}, {}", page.display(), folders.join(", "));
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
    table.insert("name".into(), Value::String(alone.name.clone()));
    if let Some(Value::Table(deploy)) = table.get_mut("deploy") {
        deploy.remove("boards");
        deploy.insert("board".into(), Value::String(alone.deploy.board.name.clone()));
        deploy.insert("compression".into(), Value::String(alone.deploy.compression.to_string()));
        deploy.insert("limits".into(), Value::Table(limits(&alone.deploy.limits)));
    }
    alone.source = SourceText { name: study.source.name.clone(), text: table.to_string() };
    alone
}

/// As a study file says them.
fn limits(limits: &Limits) -> Table {
    let kilobytes = |bytes: usize| Value::Float(bytes as f64 / 1000.0);
    let all = [
        ("ram_kb", limits.ram_bytes.map(kilobytes)),
        ("rom_kb", limits.rom_bytes.map(kilobytes)),
        ("macc", limits.macc.map(|macc| Value::Integer(macc as i64))),
        ("cross_accuracy", limits.cross_accuracy.map(Value::Float)),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}
