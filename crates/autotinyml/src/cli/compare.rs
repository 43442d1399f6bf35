//! `autotinyml compare`: searchers side by side.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use autotinyml_deploy::{Compression, Tools};
use autotinyml_search::{CATALOGUE, Searcher, by_name};
use indicatif::{ProgressBar, ProgressStyle};

use super::boards::OwnBoards;
use super::job::{Job, all_cores, guiding, reachable};
use super::load::{load_samples, one_combination};
use super::opened::Opened;
use super::out::refuse_occupied;
use super::preamble::limits_in_print;
use super::progress::Progress;
use super::{Failure, print};
use crate::compare::live::{self, Contestant};
use crate::compare::on_table::{TableStudy, limits_for_share};
use crate::compare::{Comparison, Repeat, Searched};
use crate::early_stopping::EarlyStopping;
use crate::evaluate::Evaluator;
use crate::evidence::Evidence;
use crate::prescreen::Prescreen;
use crate::report::{comparison, percent};
use crate::study_file::section::nearest;
use crate::study_file::{Check, SearchPlan, Study, StudyFile, decides_epochs, read_text};
use crate::table;

/// `parallel` where the study file says nothing: comparisons on different machines are of the same searches.
const PARALLEL: usize = 4;

/// Searchers side by side on one study, each with several seeds: which finds the best deployable
/// network, and how soon?
///
/// On a live study every trial is trained, and nothing is lost by an interruption: run again, it goes
/// on. On a table (--table) trials are looked up. Writes comparison.html, comparison.csv and trials.csv.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  autotinyml compare my-study.toml --searchers random,svm-cbo --repeats 5
  autotinyml compare --table digits --searchers cbo,tpe --repeats 50")]
pub struct Arguments {
    /// The study file.
    #[arg(required_unless_present = "table", conflicts_with = "table")]
    study: Option<PathBuf>,
    /// A table that `autotinyml table` has made, instead of a study: a file, or the name of one in tables/.
    #[arg(long, value_name = "FILE|NAME")]
    table: Option<PathBuf>,
    /// Names as in `autotinyml searchers`, separated by commas.
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
    #[arg(long, value_name = "DIR", conflicts_with = "table")]
    data: Option<PathBuf>,
    #[command(flatten)]
    boards: OwnBoards,
    /// With --table: RAM and ROM limits such that this share of the space is deployable.
    #[arg(long, value_name = "PERCENT", requires = "table")]
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
        (Some(table), _) => on_table(arguments, table)?,
        (None, Some(study)) => on_study(arguments, study)?,
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let folder = arguments.folder(&comparison.name);
    make_folder(&folder)?;
    comparison::write(&comparison, &folder)?;
    print(&comparison::terminal::print(&comparison))?;
    eprintln!("{}", folder.join("comparison.html").display());
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn folder(&self, name: &str) -> PathBuf {
        let default = || Path::new("runs").join(format!("compare-{name}"));
        self.out.clone().unwrap_or_else(default)
    }

    /// An earlier comparison may be replaced, but not what a study has written, say.
    fn refuse_occupied(&self, study: &Study) -> Result<(), Failure> {
        let written = ["comparison.csv", "trials.csv"];
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

    fn searchers(&self, plan: &SearchPlan) -> Result<Vec<Box<dyn Searcher>>, Failure> {
        let names = || CATALOGUE.iter().map(|(name, _)| *name);
        let mut searchers: Vec<Box<dyn Searcher>> = vec![];
        for name in &self.searchers {
            let usage = |message: String, help: String| Failure::Usage { message, help };
            if searchers.iter().any(|searcher| searcher.name() == name) {
                return Err(usage(format!("{name} is there twice"), "keep one of them".into()));
            }
            if plan.early_stopping.is_some() && decides_epochs(name) {
                return Err(usage(
                    format!("{name} itself decides which trials are trained for how many epochs"),
                    "take early_stopping out of [search], or leave this searcher out".into(),
                ));
            }
            searchers.push(by_name(name, &plan.options).ok_or_else(|| {
                let guess = nearest(name, names());
                let guess =
                    guess.map_or(String::new(), |guess| format!("did you mean \"{guess}\"? "));
                let known: Vec<&str> = names().collect();
                let help = format!("{guess}known: {}", known.join(", "));
                usage(format!("\"{name}\" is not a searcher"), help)
            })?);
        }
        Ok(searchers)
    }
}

fn on_table(arguments: &Arguments, path: &Path) -> Result<Comparison, Failure> {
    let table = table::read(&table_file(path)?, &arguments.boards.read()?)?;
    let mut study = table.study.clone();
    arguments.refuse_occupied(&study)?;
    arguments.adapt(&mut study);
    study.search.early_stopping = match arguments.early_stopping.as_deref() {
        None => study.search.early_stopping,
        Some("none") => None,
        Some(rule) => Some(EarlyStopping::parse(rule, "--early-stopping")?),
    };
    let searchers = arguments.searchers(&study.search)?;
    study.deploy.check = match arguments.check.as_deref() {
        Some("before-training") => Check::BeforeTraining,
        Some(_) => Check::AfterTraining,
        None => study.deploy.check,
    };
    study.search.evidence = match arguments.evidence.as_deref() {
        Some("labels") => Evidence::Labels,
        Some(_) => Evidence::Values,
        None => study.search.evidence,
    };
    study.deploy.compression = arguments.compression.unwrap_or(study.deploy.compression);
    if !table::COMPRESSIONS.contains(&study.deploy.compression) {
        return Err(Failure::Usage {
            message: format!("a table tells nothing about {}", study.deploy.compression),
            help: "choose x1, x4 or x8 by --compression".into(),
        });
    }
    if let Some(percent) = arguments.deployable {
        if !(percent > 0.0 && percent <= 100.0) {
            return Err(Failure::Usage {
                message: format!("--deployable {percent} is no share of the space"),
                help: "expected more than 0 and at most 100, as in --deployable 20".into(),
            });
        }
        study.deploy.limits = limits_for_share(&table, &study, percent / 100.0);
    }
    let judged = TableStudy::new(&table, &study);
    let bar = ProgressBar::new((searchers.len() * arguments.repeats as usize) as u64);
    let style = ProgressStyle::with_template("{bar:24} search {pos}/{len}  {eta} left");
    let bar = bar.with_style(style.expect("the template is well formed"));
    let seeds = arguments.seeds(&study);
    let searched = judged.compare(&searchers, &seeds, arguments.jobs(), &|| bar.inc(1));
    bar.finish_and_clear();
    let best = judged.best().map_or("none".to_owned(), percent);
    let mut about = about(arguments, &study);
    let share = percent(judged.deployable_share());
    about.push(("space".into(), format!("{share} of it is deployable, the best at {best}")));
    Ok(Comparison {
        name: study.name.clone(),
        about,
        goal: study.search.goal,
        trials: study.search.trials,
        searchers: searched.map_err(crate::study::StudyError::Search)?,
    })
}

/// A bare name that is no file stands for a table among the project's own.
fn table_file(asked: &Path) -> Result<PathBuf, Failure> {
    let is_name = asked.components().count() == 1 && asked.extension().is_none();
    if asked.exists() || !is_name {
        return Ok(asked.to_owned());
    }
    let file = Path::new("tables").join(asked).with_extension("csv.gz");
    if file.exists() {
        return Ok(file);
    }
    let (name, file) = (asked.display(), file.display());
    Err(Failure::Usage {
        message: format!("there is no table {name}: {file} does not exist"),
        help: format!(
            "`cargo xtask table {name}` makes it if it is one of the project's, and \
             `autotinyml table STUDY.toml --out {file}` makes that of any study"
        ),
    })
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
    let searchers = arguments.searchers(&study.search)?;
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
        about: about(arguments, &study),
        goal: study.search.goal,
        trials: study.search.trials,
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
    let prescreen = Prescreen::new(&evaluator, arguments.jobs(), &|kinds| {
        eprintln!("linking {kinds} kinds of programs to know which configurations fit");
    })?;
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
fn about(arguments: &Arguments, study: &Study) -> Vec<(String, String)> {
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
    let cross = limits.cross_accuracy;
    let cross = cross.map(|share| format!("X-CROSS accuracy {}", percent(share)));
    let all = [limits_in_print(limits), cross.unwrap_or_default()];
    let all: Vec<&str> = all.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let compression = study.deploy.compression;
    let (trials, repeats) = (study.search.trials, arguments.repeats);
    [
        (if arguments.table.is_some() { "table" } else { "study" }, from),
        ("searches", format!("{repeats} of {trials} trials, seeds from {}", study.search.seed)),
        ("limits", format!("{} ({}), {compression}", all.join(", "), limits.accounting)),
        ("regime", regime.to_owned()),
        ("goal", format!("validation {}", study.search.goal.title())),
    ]
    .map(|(label, text)| (label.to_owned(), text))
    .to_vec()
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::Write { path: folder.to_owned(), error })
}
