//! The talk's experiments, run again: `cargo xtask experiment walking`, `bottle` and `searchers`.
//!
//! Each is a list of comparisons of searchers, made one after the other by `autotinyml compare` and kept in
//! `docs/experiments/`: tables of trainings that grow from sitting to sitting, the trials, the pictures, and
//! the page that is made of them. What has been made is not made again.

mod baselines;
mod bottle;
mod comparison;
mod figures;
mod page;
mod program;
mod searchers;
mod walking;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use program::Program;

/// Which experiment.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Name {
    /// Experiment 1: who is walking?
    Walking,
    /// Experiment 2: how full is the bottle?
    Bottle,
    /// All searchers on the exhaustive table of digits.
    Searchers,
}

/// A sitting.
#[derive(clap::Args)]
pub struct Sitting {
    /// Which experiment.
    #[arg(value_enum)]
    name: Name,
    /// Begin nothing more after so many minutes; run again, it goes on [default: to the end].
    #[arg(long, value_name = "N")]
    minutes: Option<u32>,
    /// Searches at once [default: all cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Of `walking`: where 1.csv … 22.csv are.
    #[arg(long, value_name = "DIR", default_value = "../shared/data/uiwad")]
    data: PathBuf,
    /// Only these comparisons, by the beginning of their names, such as walking-tiny-random-x8.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Make them again, though they are there: with searchers that have changed.
    #[arg(long)]
    again: bool,
    /// The program, if it is built already.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Only write the page anew.
    #[arg(long, conflicts_with_all = ["minutes", "only", "again"])]
    page: bool,
}

/// Where studies, data, pictures and pages are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/experiments")
}

/// Runs a sitting, and writes the page of what there is after it.
pub fn run(sitting: &Sitting) -> Result<(), String> {
    let program = match &sitting.program {
        Some(file) => Program::there(file),
        None => Program::build()?,
    };
    let comparisons = match sitting.name {
        Name::Walking => walking::comparisons(),
        Name::Bottle => bottle::comparisons(),
        Name::Searchers => searchers::comparisons(),
    };
    let minutes = if sitting.page { Some(0) } else { sitting.minutes };
    let end = minutes.map(|minutes| Instant::now() + Duration::from_secs(60) * minutes);
    let left = || end.map(|end| end.saturating_duration_since(Instant::now()));
    let is_over = || left() == Some(Duration::ZERO);
    if let Name::Bottle = sitting.name
        && !is_over()
    {
        bottle::train_baseline(&program)?;
    }
    let asked = |name: &str| {
        sitting.only.is_empty() || sitting.only.iter().any(|start| name.starts_with(start))
    };
    for comparison in comparisons.iter().filter(|comparison| asked(&comparison.name)) {
        if is_over() || (comparison.is_complete() && !sitting.again) {
            continue;
        }
        eprintln!("xtask: {}", comparison.name);
        comparison.run(&program, sitting, left())?;
    }
    let text = match sitting.name {
        Name::Walking => walking::page(&program, &comparisons)?,
        Name::Bottle => bottle::page(&program, &comparisons)?,
        Name::Searchers => searchers::page(&comparisons)?,
    };
    let file = folder().join(match sitting.name {
        Name::Walking => "walking.md",
        Name::Bottle => "bottle.md",
        Name::Searchers => "searchers.md",
    });
    write(&file, &text)?;
    eprintln!("xtask: {}", file.display());
    match comparisons.iter().find(|comparison| !comparison.is_complete()) {
        Some(next) => eprintln!("xtask: not complete yet: {} and what follows", next.name),
        None => eprintln!("xtask: complete"),
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The text of a file in gzip.
fn unzip(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| GzDecoder::new(file).read_to_string(&mut text));
    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text)
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), String> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, content))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
