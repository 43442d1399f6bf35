//! `autotinyml table`: every configuration of a study, trained.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use autotinyml_deploy::Tools;
use autotinyml_nn::Metric;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::boards::OwnBoards;
use super::job::all_cores;
use super::load::{load_samples, one_combination};
use super::progress::Linking;
use super::{Failure, print};
use crate::evaluate::Evaluator;
use crate::in_print::counted;
use crate::study_file::{Study, StudyFile, read_text};
use crate::table::{self, make};

/// Trains every configuration of a finite study once and writes what came of each, so that searchers
/// can be compared on it in seconds.
///
/// Trains on the first fold of the study's split and ignores its limits. Run again, it goes on where it
/// was interrupted.
#[derive(clap::Args)]
pub struct Arguments {
    /// The study file.
    study: PathBuf,
    /// The table: CSV in gzip, such as digits.csv.gz.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where finished pieces are kept until the table is complete [default: FILE with .pieces].
    #[arg(long, value_name = "DIR")]
    pieces: Option<PathBuf>,
    /// Where the data is, instead of `path` in the study file.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    boards: OwnBoards,
    /// Train so many of the configurations with four more seeds, to show the noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    noise: usize,
    /// Trainings at once [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let source = read_text(&arguments.study)?;
    let mut study = StudyFile::parse(&source, &arguments.boards.read()?)?.into_study()?;
    one_combination(&study)?;
    if let Some(data) = &arguments.data {
        study.data.reader.read_from(data);
    }
    refuse_what_no_table_holds(&study)?;
    let pieces = arguments.pieces.clone().unwrap_or_else(|| beside(&arguments.out));
    if arguments.out.exists() && !pieces.exists() {
        return Err(Failure::Usage {
            message: format!(
                "{} exists already, and its pieces are not in {}",
                arguments.out.display(),
                pieces.display()
            ),
            help: "choose another file by --out, or move this one away, so that nothing is lost"
                .into(),
        });
    }
    let samples = load_samples(&study)?;
    let tools = Tools::find();
    let evaluator = Evaluator::new(&study, &samples, &tools);
    let jobs = arguments.jobs.map_or_else(all_cores, |jobs| jobs as usize);
    let shown = Shown::new();
    let linking = Linking::new(String::new(), "for their sizes", false);
    let table = make::make(
        &evaluator,
        arguments.noise,
        &pieces,
        jobs,
        &mut |progress| shown.show(progress),
        &|linked, all| linking.told(linked, all),
    )?;
    shown.finish();
    table::write(&table, &arguments.out)?;
    print(&format!("{} in {}\n", counted(table.rows.len(), "row"), arguments.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Studies whose trainings a table cannot tell.
///
/// # Errors
/// [`Failure::Usage`] with what to take out.
pub fn refuse_what_no_table_holds(study: &Study) -> Result<(), Failure> {
    if study.search.goal != Metric::Accuracy {
        return Err(Failure::Usage {
            message: "a table holds accuracies, and the study searches for something else".into(),
            help: "take goal out of [search]".into(),
        });
    }
    if study.training.early_stopping.is_some() {
        return Err(Failure::Usage {
            message:
                "a table holds the accuracy after every epoch, which early stopping leaves out"
                    .into(),
            help: "take early_stopping out of [training]".into(),
        });
    }
    Ok(())
}

fn beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".pieces");
    out.with_file_name(name)
}

/// How far the table is: a bar on a terminal, plain lines elsewhere.
struct Shown {
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Shown {
    fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}");
            ProgressBar::new(0).with_style(style.expect("the template is well formed"))
        });
        Self { start: Instant::now(), bar }
    }

    fn show(&self, progress: &make::Progress) {
        let make::Progress { total, before, done } = *progress;
        let rate = (done - before) as f64 / self.start.elapsed().as_secs_f64();
        let state = if rate > 0.0 {
            let left = Duration::from_secs_f64((total - done) as f64 / rate);
            format!("{rate:.2} trainings/s, {} left", HumanDuration(left))
        } else {
            format!("{before} from earlier runs")
        };
        match &self.bar {
            Some(bar) => {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
                bar.set_message(state);
            }
            None => eprintln!("{done}/{total} trained, {state}"),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
