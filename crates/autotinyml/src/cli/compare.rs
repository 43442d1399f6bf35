//! `autotinyml compare`: searchers side by side.

mod on_table;
mod searchers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use autotinyml_deploy::{Compression, Tools};
use autotinyml_search::Searcher;

use super::boards::OwnBoards;
use super::job::{Job, all_cores, guiding, reachable};
use super::load::{load_samples, one_combination};
use super::opened::Opened;
use super::out::refuse_occupied;
use super::preamble::limits_in_print;
use super::progress::{Linking, Progress};
use super::{Failure, columns, print, signals};
use crate::compare::live::{self, Contestant};
use crate::compare::{Comparison, Repeat, Searched};
use crate::evaluate::Evaluator;
use crate::evidence::Evidence;
use crate::in_print::counted;
use crate::prescreen::Prescreen;
use crate::report::comparison;
use crate::study_file::{Check, Study, StudyFile, read_text};

/// `parallel` where the study file says nothing: comparisons on different machines are of the same searches.
const PARALLEL: usize = 4;

/// Searchers side by side on one study, each with several seeds: which finds the best deployable
/// network, and how soon?
///
/// On a live study every trial is trained, and nothing is lost by an interruption: run again, it goes
/// on. On a table (--table) trials are looked up. With both, what the table lacks is trained and added.
/// Writes comparison.html with its curves (trials.svg, time.svg) and comparison.csv, pairs.csv, trials.csv,
/// winners.csv.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  autotinyml compare my-study.toml --searchers random,svm-cbo --repeats 5
  autotinyml compare --table digits --searchers cbo,tpe --repeats 50
  autotinyml compare my-study.toml --table my-table.csv.gz --searchers random,svm-cbo")]
pub struct Arguments {
    /// The study file.
    #[arg(required_unless_present = "table")]
    study: Option<PathBuf>,
    /// A table that `autotinyml table` has made, instead of a study: a file, or the name of one in tables/.
    /// Beside a study: a table of it that grows, made if it is not there.
    #[arg(long, value_name = "FILE|NAME")]
    table: Option<PathBuf>,
    /// Names as in `autotinyml searchers`, separated by commas; besides svm-cbo-forest,
    /// svm-cbo-published and svm-cbo-published-forest.
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', required = true)]
    searchers: Vec<String>,
    /// Searches of each, with the seeds that follow one another.
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Trials of each search, instead of `trials` in the study file.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// Seed of the first repeat, instead of `seed` in the study file.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// On a live study: trials at once, at most `parallel`; on a table: searches at once [default: all
    /// cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Where to write [default: runs/compare-NAME].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Where the data is, instead of `path` in the study file.
    #[arg(long, value_name = "DIR", requires = "study")]
    data: Option<PathBuf>,
    #[command(flatten)]
    boards: OwnBoards,
    /// Of a table that grows: begin nothing more after so many minutes. What is trained stays; only seeds
    /// with which all searches have ended count. Run again, it goes on.
    #[arg(long, value_name = "N", requires_all = ["study", "table"])]
    minutes: Option<u32>,
    /// With --table: other limits than the study's: ram_kb, rom_kb, macc, cross_accuracy; "none" lifts one.
    #[arg(long, value_name = "NAME=VALUE,…", value_delimiter = ',', requires = "table")]
    limits: Vec<String>,
    /// With --table: RAM and ROM limits such that this share of the space is deployable.
    #[arg(long, value_name = "PERCENT", requires = "table", conflicts_with = "study")]
    deployable: Option<f64>,
    /// With --table: when limits are checked, instead of `check` in its study file.
    #[arg(long, value_name = "WHEN", requires = "table")]
    #[arg(value_parser = ["before-training", "after-training"])]
    check: Option<String>,
    /// With --table: what searchers see of the limits, instead of `evidence` in its study file.
    #[arg(long, value_name = "WHAT", requires = "table", value_parser = ["values", "labels"])]
    evidence: Option<String>,
    /// With --table: when bad trials are stopped, as in its study file, for example
    /// '{ rule = "median" }'; "none": never.
    #[arg(long, value_name = "RULE", requires = "table")]
    early_stopping: Option<String>,
    /// With --table: x1, x4 or x8, instead of `compression` in its study file.
    #[arg(long, value_name = "x1|x4|x8", requires = "table")]
    compression: Option<Compression>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let comparison = match (&arguments.table, &arguments.study) {
        (Some(table), None) => on_table::whole(arguments, table)?,
        (Some(table), Some(study)) => on_table::growing(arguments, study, table)?,
        (None, Some(study)) => on_study(arguments, study)?,
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let interrupted = signals::asked();
    let code =
        interrupted.map_or(ExitCode::SUCCESS, |signal| ExitCode::from(signals::exit_code(signal)));
    if comparison.searchers.iter().all(|searched| searched.repeats.is_empty()) {
        eprintln!(
            "stopped before all searches with the first seed had ended; the same line goes on"
        );
        return Ok(code);
    }
    let folder = arguments.folder(&comparison.name);
    make_folder(&folder)?;
    comparison::write(&comparison, &folder)?;
    print(&comparison::terminal::print(&comparison, columns()))?;
    eprintln!("written: {}", folder.join("comparison.html").display());
    if interrupted.is_some() {
        eprintln!("interrupted; what was trained is kept, and the same line goes on");
    }
    Ok(code)
}

impl Arguments {
    fn folder(&self, name: &str) -> PathBuf {
        let default = || Path::new("runs").join(format!("compare-{name}"));
        self.out.clone().unwrap_or_else(default)
    }

    /// An earlier comparison may be replaced, but not what a study has written, say.
    fn refuse_occupied(&self, study: &Study) -> Result<(), Failure> {
        let written =
            ["comparison.csv", "trials.csv", "winners.csv", "pairs.csv", "trials.svg", "time.svg"];
        refuse_occupied(&self.folder(&study.name), &written, "comparison.html")
    }

    fn jobs(&self) -> usize {
        self.jobs.map_or_else(all_cores, |jobs| jobs as usize)
    }

    /// Seeds that follow one another.
    fn seeds(&self, study: &Study) -> Vec<u64> {
        let first = study.search.seed;
        (0..u64::from(self.repeats)).map(|repeat| first.wrapping_add(repeat)).collect()
    }

    /// The study with what the command line says instead.
    fn adapt(&self, study: &mut Study) {
        let trials = self.trials.map(|trials| trials as usize);
        study.search.trials = trials.unwrap_or(study.search.trials);
        study.search.seed = self.seed.unwrap_or(study.search.seed);
    }
}

fn on_study(arguments: &Arguments, path: &Path) -> Result<Comparison, Failure> {
    let mut study = StudyFile::parse(&read_text(path)?, &arguments.boards.read()?)?.into_study()?;
    one_combination(&study)?;
    if let Some(data) = &arguments.data {
        study.data.reader.read_from(data);
    }
    arguments.refuse_occupied(&study)?;
    arguments.adapt(&mut study);
    study.search.parallel.get_or_insert(PARALLEL);
    let searchers = searchers::named(&arguments.searchers, &study.search)?;
    let mut searched: Vec<Searched> = searchers
        .iter()
        .map(|searcher| Searched { name: searcher.name().to_owned(), repeats: vec![] })
        .collect();
    for seed in arguments.seeds(&study) {
        let mut seeded = study.clone();
        seeded.search.seed = seed;
        let repeats = repeat(arguments, &seeded, &searchers)?;
        for (searched, repeat) in searched.iter_mut().zip(repeats) {
            searched.repeats.push(repeat);
        }
    }
    Ok(Comparison {
        name: study.name.clone(),
        about: about(arguments, &study, arguments.repeats as usize),
        goal: study.search.goal,
        trials: study.search.trials,
        baselines: vec![],
        space: study.space,
        searchers: searched,
    })
}

/// One repeat of each searcher: the same split and the same trainings for all.
fn repeat(
    arguments: &Arguments,
    study: &Study,
    searchers: &[Box<dyn Searcher>],
) -> Result<Vec<Repeat>, Failure> {
    let samples = load_samples(study)?;
    let tools = Tools::find();
    let seed = study.search.seed;
    let folder = |searcher: &dyn Searcher| {
        arguments.folder(&study.name).join(searcher.name()).join(format!("seed-{seed}"))
    };
    let mut opened: Vec<Opened> = vec![];
    for searcher in searchers {
        let job = Job {
            study: study.clone(),
            folder: folder(&**searcher),
            resume: true,
            jobs: arguments.jobs(),
            json: false,
            quiet: false,
        };
        opened.push(job.open(&samples, &tools)?);
    }
    let links = opened[0].links;
    if opened.iter().any(|one| one.links != links) {
        return Err(Failure::Usage {
            message: "some of these searches were begun with a cross compiler, others without"
                .into(),
            help: "compare them anew in another folder by --out".into(),
        });
    }
    let tools = guiding(&tools, links);
    let evaluator = Evaluator::new(study, &samples, &tools);
    for Opened { store, .. } in &opened {
        store.trials(&study.space)?.iter().for_each(|trial| evaluator.remember(trial));
    }
    let linking = Linking::new(String::new(), "to know which configurations fit", false);
    let on_link = |linked, all| linking.told(linked, all);
    let prescreen = Prescreen::new(&evaluator, arguments.jobs(), &on_link)?;
    let mut repeats = vec![];
    for (searcher, &Opened { ref store, parallel, .. }) in searchers.iter().zip(&opened) {
        eprintln!("{}, seed {seed}", searcher.name());
        let earlier = store.trials(&study.space)?;
        let mut progress = Progress::new(study, &earlier, reachable(study, &prescreen), false);
        let contestant = Contestant { searcher: &**searcher, store, parallel };
        let on_trial = &mut |trial: &_| progress.trial(trial);
        repeats.push(live::repeat(
            &evaluator,
            &prescreen,
            &contestant,
            arguments.jobs(),
            on_trial,
        )?);
        progress.finish();
    }
    Ok(repeats)
}

/// What is compared.
fn about(arguments: &Arguments, study: &Study, repeats: usize) -> Vec<(String, String)> {
    let from = arguments.table.as_ref().or(arguments.study.as_ref());
    let from = from.map_or(String::new(), |path| path.display().to_string());
    let regime = match (study.deploy.check, study.search.evidence) {
        (Check::BeforeTraining, _) => "sizes known before training: what cannot fit is never tried",
        (Check::AfterTraining, Evidence::Values) => {
            "black box with numbers: trials tell RAM, ROM, MACC and cross accuracy"
        }
        (Check::AfterTraining, Evidence::Labels) => {
            "black box: trials tell deployable or not, nothing else"
        }
    };
    let limits = &study.deploy.limits;
    let compression = study.deploy.compression;
    let trials = study.search.trials;
    let repeats = match arguments.repeats as usize {
        asked if asked > repeats => format!("{repeats} (so far, of {asked})"),
        asked => asked.to_string(),
    };
    [
        (if arguments.table.is_some() { "table" } else { "study" }, from),
        (
            "searches",
            format!("{repeats} of {}, seeds from {}", counted(trials, "trial"), study.search.seed),
        ),
        ("limits", format!("{} ({}), {compression}", limits_in_print(limits), limits.accounting)),
        ("regime", regime.to_owned()),
        ("goal", format!("validation {}", study.search.goal.title())),
    ]
    .map(|(label, text)| (label.to_owned(), text))
    .to_vec()
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::Write { path: folder.to_owned(), error })
}
