//! `autotinyml judge`: the best trial of a study under other limits, or on another board.

use std::path::PathBuf;
use std::process::ExitCode;

use autotinyml_deploy::{Board, Limits};
use serde_json::{Value, json};

use super::boards::{OwnBoards, named};
use super::limits::limits;
use super::preamble::limits_in_print;
use super::report::{Stored, trial_json};
use super::{Failure, NOTHING_DEPLOYABLE, columns, filled, print};
use crate::finalist::ranking;
use crate::in_print::{counted, grouped, kilobytes, percent, setting};
use crate::judge::{Judge, is_untried};
use crate::record::{Rejected, TrialRecord};
use crate::store::Fact;
use crate::study_file::Study;

/// The best trial of a study under other limits, or on another board. Nothing is trained.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  autotinyml judge runs/quickstart --limits ram_kb=8,rom_kb=none
  autotinyml judge runs/quickstart --board stm32l476rg --limits ram_kb=128,rom_kb=1000")]
pub struct Arguments {
    /// The study's folder, such as runs/quickstart.
    #[arg(value_name = "FOLDER")]
    study: PathBuf,
    /// As in the study file: ram_kb, rom_kb, macc, cross_accuracy; "none" lifts one. Those that are not
    /// named stay as they are.
    #[arg(long, value_name = "NAME=VALUE,…", value_delimiter = ',')]
    limits: Vec<String>,
    /// Another board than the study's.
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
    #[command(flatten)]
    boards: OwnBoards,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Stored { store, study, .. } = Stored::read(&arguments.study)?;
    let boards = arguments.boards.read()?;
    let board = arguments.board.as_ref().map(|name| named(&boards, name)).transpose()?;
    let board = board.filter(|board| !board.is_same_hardware(&study.deploy.board));
    let limits = limits(study.deploy.limits, &arguments.limits)?;
    let before = &study.deploy.limits;
    let mut trials = Judge { before, limits: &limits, board }.judge(&store.trials(&study.space)?);
    let rejected: Vec<Rejected> = store.fact(Fact::Rejected)?.unwrap_or_default();
    // What did not hold on the chip does not hold there under other limits.
    for Rejected { trial, verdict } in rejected.into_iter().filter(|_| board.is_none()) {
        if let Some(trial) = trials.iter_mut().find(|record| record.id == trial) {
            trial.outcome.verdict = verdict;
        }
    }
    let judged = Judged { arguments, study: &study, limits, board, trials: &trials };
    print(&match arguments.json {
        true => format!("{}\n", judged.json()),
        false => filled(&judged.text(), columns()),
    })?;
    Ok(match judged.best() {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::from(NOTHING_DEPLOYABLE),
    })
}

/// A study under other limits.
struct Judged<'a> {
    arguments: &'a Arguments,
    study: &'a Study,
    limits: Limits,
    /// None: the study's own.
    board: Option<&'a Board>,
    trials: &'a [TrialRecord],
}

impl Judged<'_> {
    fn best(&self) -> Option<&TrialRecord> {
        ranking(self.trials, self.study.search.goal).first().copied()
    }

    fn deployable(&self) -> usize {
        self.trials.iter().filter(|trial| trial.is_deployable()).count()
    }

    fn untried(&self) -> usize {
        self.trials.iter().filter(|trial| is_untried(trial)).count()
    }

    fn json(&self) -> Value {
        let Limits { ram_bytes, rom_bytes, macc, cross_accuracy, .. } = self.limits;
        json!({
            "study": self.study.name,
            "board": self.board.unwrap_or(&self.study.deploy.board).name,
            "limits": {
                "ram_bytes": ram_bytes,
                "rom_bytes": rom_bytes,
                "macc": macc,
                "cross_accuracy": cross_accuracy,
            },
            "trials": self.trials.len(),
            "deployable_trials": self.deployable(),
            "untried_trials": self.untried(),
            "best": self.best().map(|trial| trial_json(&self.study.space, trial)),
        })
    }

    fn whose_limits(&self) -> &'static str {
        match (&self.arguments.limits[..], self.board) {
            ([], Some(_)) => "the study's, for its own board; others by --limits",
            ([], None) => "the study's",
            (_, _) => "those that --limits does not name are the study's",
        }
    }

    fn text(&self) -> String {
        let Self { study, limits, trials, .. } = self;
        let mut text = format!(
            "{} on the {}, {}: {} of {} deployable\n",
            study.name,
            self.board.unwrap_or(&study.deploy.board).title,
            match limits_in_print(limits).as_str() {
                "" => "without limits".to_owned(),
                limits => format!("limits {limits} ({})", self.whose_limits()),
            },
            self.deployable(),
            counted(trials.len(), "trial"),
        );
        text += &match self.best() {
            Some(best) => self.told(best),
            None => "none of those that were trained meets these limits\n".to_owned(),
        };
        if self.untried() > 0 {
            text += &format!(
                "{} more may meet these limits, but the study's own refused them untrained; a new study \
                 with these limits and warm_start = \"{}\" in [search] can try them\n",
                counted(self.untried(), "trial"),
                self.arguments.study.display()
            );
        }
        text
    }

    fn told(&self, best: &TrialRecord) -> String {
        let settings = self.study.space.settings(&best.configuration).into_iter();
        let settings: Vec<String> =
            settings.map(|(name, value)| format!("{name} = {}", setting(&value))).collect();
        let goal = self.study.search.goal;
        let score = best.outcome.score(goal).map_or(String::new(), percent);
        let mut text =
            format!("the best is trial {}: validation {} {score}\n", best.id, goal.title());
        text += &format!("  {}\n", settings.join(", "));
        if let Some(footprint) = &best.outcome.footprint {
            text += &format!(
                "  RAM {}, ROM {} (ST accounting), MACC {}, X-CROSS accuracy {}\n",
                kilobytes(footprint.st_ram_bytes as f64),
                kilobytes(footprint.st_rom_bytes as f64),
                grouped(footprint.macc),
                footprint.cross_accuracy.map_or("not measured".into(), percent),
            );
        }
        let folder = self.arguments.study.display();
        text + &match self.board {
            None => format!(
                "its C project: autotinyml export {folder} --trial {} --out FOLDER\n",
                best.id
            ),
            Some(board) => format!(
                "not checked: whether its program fits the {}; the memory of a linked program is that of \
                 the board that it was linked for\n",
                board.title
            ),
        }
    }
}
