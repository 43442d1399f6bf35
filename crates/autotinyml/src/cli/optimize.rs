//! `autotinyml optimize`: the main job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Failure;
use super::boards::OwnBoards;
use super::job::{Job, all_cores};
use super::supervisor;
use crate::study_file::{StudyFile, read_text};

/// Searches for the most accurate network that fits the board, and takes it there.
///
/// Writes the study's folder: study.db (every trial), report.html, trials.csv, trials.parquet, model/
/// (the best network) and firmware/ (its C project).
#[derive(clap::Args)]
#[command(after_help = "Examples:
  autotinyml optimize examples/walking-tiny.toml --data data/walking
  autotinyml optimize my-study.toml --resume               (after an interruption)
  autotinyml optimize my-study.toml --resume --trials 200  (more trials)")]
pub struct Arguments {
    /// The study file.
    study: PathBuf,
    /// Where the data is, instead of `path` in the study file.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    boards: OwnBoards,
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
    /// Tell nothing but the results.
    #[arg(long)]
    quiet: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let source = read_text(&arguments.study)?;
    let mut study = StudyFile::parse(&source, &arguments.boards.read()?)?.into_study()?;
    if let Some(data) = &arguments.data {
        study.data.reader.read_from(data);
    }
    study.search.trials = arguments.trials.map_or(study.search.trials, |trials| trials as usize);
    study.search.seed = arguments.seed.unwrap_or(study.search.seed);
    Job {
        folder: arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(&study.name)),
        study,
        resume: arguments.resume || supervisor::goes_on(),
        jobs: arguments.jobs.map_or_else(all_cores, |jobs| jobs as usize),
        json: arguments.json,
        quiet: arguments.quiet,
    }
    .run()
}
