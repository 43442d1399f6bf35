//! `autotinyml compare --table`: trials are looked up, or trained once and kept.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autotinyml_deploy::Tools;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Arguments, about, searchers};
use crate::cli::Failure;
use crate::cli::limits::limits;
use crate::cli::load::{load_samples, one_combination};
use crate::cli::signals::Orderly;
use crate::cli::table::refuse_what_no_table_holds;
use crate::compare::Comparison;
use crate::compare::on_table::{TableStudy, limits_for_share};
use crate::early_stopping::EarlyStopping;
use crate::evaluate::Evaluator;
use crate::evidence::Evidence;
use crate::in_print::{counted, percent};
use crate::study_file::{Check, Study, StudyFile, read_text};
use crate::table;
use crate::table::growing::GrowingTable;

/// On a table that holds every configuration.
pub fn whole(arguments: &Arguments, path: &Path) -> Result<Comparison, Failure> {
    let table = table::read(&table_file(path)?, &arguments.boards.read()?)?;
    let mut study = table.study.clone();
    arguments.refuse_occupied(&study)?;
    adapt(arguments, &mut study)?;
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
    look_up(arguments, &study, &judged, table.study.search.seed, &|| false)
}

/// On a table of a study: what it lacks is trained and added.
pub fn growing(
    arguments: &Arguments,
    path: &Path,
    table_path: &Path,
) -> Result<Comparison, Failure> {
    let boards = arguments.boards.read()?;
    let mut study = StudyFile::parse(&read_text(path)?, &boards)?.into_study()?;
    if let Some(data) = &arguments.data {
        study.data.reader.read_from(data);
    }
    one_combination(&study)?;
    refuse_what_no_table_holds(&study)?;
    arguments.refuse_occupied(&study)?;
    let samples = load_samples(&study)?;
    let tools = Tools::default();
    let evaluator = Evaluator::new(&study, &samples, &tools);
    let table = GrowingTable::open(&evaluator, table_path, &boards)?;
    let mut asked = study.clone();
    adapt(arguments, &mut asked)?;
    let orderly = Orderly::begin();
    let end = arguments.minutes.map(|minutes| Instant::now() + Duration::from_secs(60) * minutes);
    let stop = || orderly.asked().is_some() || end.is_some_and(|end| Instant::now() >= end);
    let judged = TableStudy::growing(&table, &asked);
    let compared = look_up(arguments, &asked, &judged, study.search.seed, &stop);
    let grown = table.save()?;
    eprintln!(
        "{} in {}, {} of them new",
        counted(grown.rows.len(), "row"),
        table_path.display(),
        grown.rows.len() - table.known
    );
    compared
}

/// All searches on a table, and the baseline's trainings that it has or can make: one for each repeat.
fn look_up(
    arguments: &Arguments,
    study: &Study,
    judged: &TableStudy<'_>,
    training_seed: u64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Comparison, Failure> {
    let searchers = searchers::named(&arguments.searchers, &study.search)?;
    let mut baselines = vec![];
    if let Some((baseline, _)) = &study.baseline {
        for repeat in (0..u64::from(arguments.repeats)).take_while(|_| !stop()) {
            let seed = training_seed.wrapping_add(repeat);
            baselines.extend(judged.trained(baseline, seed)?.map(|step| (seed, step)));
        }
    }
    let bar = ProgressBar::new((searchers.len() * arguments.repeats as usize) as u64);
    let style = ProgressStyle::with_template("{bar:24} search {pos}/{len}  {eta} left");
    let bar = bar.with_style(style.expect("the template is well formed"));
    let seeds = arguments.seeds(study);
    let on_repeat = || bar.inc(1);
    let searched = judged.compare(&searchers, &seeds, arguments.jobs(), stop, &on_repeat)?;
    bar.finish_and_clear();
    let ended = searched.first().map_or(0, |searched| searched.repeats.len());
    let mut about = about(arguments, study, ended);
    if let Some((share, best)) = judged.deployable() {
        let (share, best) = (percent(share), best.map_or("none".to_owned(), percent));
        about.push(("space".into(), format!("{share} of it is deployable, the best at {best}")));
    }
    Ok(Comparison {
        name: study.name.clone(),
        about,
        goal: study.search.goal,
        space: study.space.clone(),
        trials: study.search.trials,
        baselines,
        searchers: searched,
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

/// The study with what the command line says instead, and what only a table can be asked.
fn adapt(arguments: &Arguments, study: &mut Study) -> Result<(), Failure> {
    arguments.adapt(study);
    study.search.early_stopping = match arguments.early_stopping.as_deref() {
        None => study.search.early_stopping,
        Some("none") => None,
        Some(rule) => Some(EarlyStopping::parse(rule, "--early-stopping")?),
    };
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
    study.deploy.limits = limits(study.deploy.limits, &arguments.limits)?;
    study.deploy.compression = arguments.compression.unwrap_or(study.deploy.compression);
    if !table::COMPRESSIONS.contains(&study.deploy.compression) {
        return Err(Failure::Usage {
            message: format!("a table tells nothing about {}", study.deploy.compression),
            help: "choose x1, x4 or x8 by --compression".into(),
        });
    }
    Ok(())
}
