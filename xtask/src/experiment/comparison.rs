//! One comparison of an experiment: made by `autotinyml compare`, kept in `docs/experiments/`.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::figures::{Figures, Pair, Winner, fields, rows};
use super::program::Program;
use super::{Sitting, folder, read, unzip, write};

/// Full trainings that a search may spend.
pub const TRAININGS: usize = 100;

/// All that `autotinyml compare` knows.
pub const EVERY_SEARCHER: &[&str] = &[
    "grid",
    "random",
    "bayes",
    "tpe",
    "c-tpe",
    "hyperband",
    "bohb",
    "svm-cbo-published",
    "svm-cbo-published-forest",
    "svm-cbo",
    "svm-cbo-forest",
    "cbo",
];

/// Searchers on one problem.
pub struct Comparison {
    /// Of its files.
    pub name: String,
    /// Where the trainings are.
    pub table: Table,
    /// Options of `autotinyml compare`.
    pub options: Vec<String>,
    /// As `autotinyml compare` names them.
    pub searchers: &'static [&'static str],
    /// Searches of each.
    pub repeats: usize,
}

/// What a comparison looks its trials up in.
#[derive(Clone, Copy)]
pub enum Table {
    /// One in `tables/`, of every configuration.
    Whole(&'static str),
    /// One in `docs/experiments/data/` that grows, of the study of the same name.
    Growing(&'static str),
}

impl Table {
    /// From the project's root.
    pub fn path(self) -> String {
        match self {
            Self::Whole(name) => format!("tables/{name}.csv.gz"),
            Self::Growing(name) => format!("docs/experiments/data/{name}.csv.gz"),
        }
    }
}

/// The project's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Comparison {
    /// The line that makes it, as someone would type it, without where it is written.
    pub fn line(&self) -> String {
        let mut line = "autotinyml compare ".to_owned();
        if let Table::Growing(study) = self.table {
            line += &format!("docs/experiments/{study}.toml ");
        }
        line += &format!("--table {} {}", self.table.path(), self.options.join(" "));
        let (searchers, repeats) = (self.searchers.join(","), self.repeats);
        line + &format!(" --searchers {searchers} --repeats {repeats} --trials {TRAININGS}")
    }

    /// Makes it, or goes on, for so long at most, and keeps what came of it.
    pub fn run(
        &self,
        program: &Program,
        sitting: &Sitting,
        time: Option<Duration>,
    ) -> Result<(), String> {
        let out = root().join("target/experiments").join(&self.name);
        let mut arguments = vec!["compare".to_owned()];
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(|&word| word.to_owned()));
        let table = root().join(self.table.path()).display().to_string();
        if let Table::Growing(study) = self.table {
            add(&[&folder().join(format!("{study}.toml")).display().to_string()]);
            if study.starts_with("walking") {
                add(&["--data", &sitting.data.display().to_string()]);
            }
            if let Some(time) = time {
                add(&["--minutes", &time.as_secs().div_ceil(60).to_string()]);
            }
        }
        add(&["--table", &table, "--searchers", &self.searchers.join(",")]);
        add(&["--repeats", &self.repeats.to_string(), "--trials", &TRAININGS.to_string()]);
        add(&["--out", &out.display().to_string()]);
        if let Some(jobs) = sitting.jobs {
            add(&["--jobs", &jobs.to_string()]);
        }
        arguments.extend(self.options.iter().cloned());
        // What an earlier sitting wrote must not be taken for what this one did.
        if out.exists() {
            fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
        }
        program.run(&arguments)?;
        let written = fs::read_to_string(out.join("comparison.csv")).unwrap_or_default();
        let repeats = rows(&written).map(|row| Figures::of(&row, TRAININGS).repeats).next();
        match repeats {
            // A shorter sitting may not come as far as one before, unless it was to begin anew.
            Some(repeats) if sitting.again || repeats >= self.repeats_done() => self.keep(&out),
            _ => Ok(()),
        }
    }

    /// Takes over what the program has written.
    fn keep(&self, out: &Path) -> Result<(), String> {
        for file in ["winners.csv", "comparison.csv", "pairs.csv"] {
            write(&self.kept(file), read(&out.join(file))?)?;
        }
        for file in ["trials.svg", "time.svg"] {
            write(&self.picture(file), read(&out.join(file))?)?;
        }
        let trials = self.trials(&read(&out.join("trials.csv"))?)?;
        let mut encoder = GzEncoder::new(vec![], Compression::best());
        let compressed = encoder.write_all(trials.as_bytes()).and_then(|()| encoder.finish());
        write(&self.kept("trials.csv.gz"), compressed.map_err(|error| error.to_string())?)
    }

    /// The trials, each configuration by its number in the table: all else about it stands there.
    fn trials(&self, trials: &str) -> Result<String, String> {
        let table = unzip(&root().join(self.table.path()))?;
        let header = trials.lines().next().unwrap_or_default();
        let settings: Vec<&str> =
            header.split(',').skip_while(|name| *name != "best_so_far").skip(1).collect();
        let table: String = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        let number: HashMap<String, String> = rows(&table)
            .map(|row| (fields(&row, &settings).join(","), row["configuration"].to_owned()))
            .collect();
        let mut text = "searcher,seed,trial,configuration,share\n".to_owned();
        for row in rows(trials) {
            let configuration = &number[&fields(&row, &settings).join(",")];
            let [searcher, seed, trial, share] =
                ["searcher", "seed", "trial", "share"].map(|name| row[name]);
            text += &format!("{searcher},{seed},{trial},{configuration},{share}\n");
        }
        Ok(text)
    }

    fn kept(&self, file: &str) -> PathBuf {
        folder().join("data").join(&self.name).join(file)
    }

    fn picture(&self, file: &str) -> PathBuf {
        folder().join("pictures").join(format!("{}-{file}", self.name))
    }

    /// As a page in `docs/experiments/` shows it.
    pub fn picture_in_page(&self, file: &str, text: &str) -> String {
        format!("![{text}](pictures/{}-{file})\n", self.name)
    }

    /// The best networks of each repeat, the baseline's first; empty as long as there are none.
    pub fn winners(&self) -> Vec<Winner> {
        let text = fs::read_to_string(self.kept("winners.csv")).unwrap_or_default();
        rows(&text).map(|row| Winner::of(&row)).collect()
    }

    /// A line for each searcher.
    pub fn figures(&self) -> Vec<Figures> {
        let text = fs::read_to_string(self.kept("comparison.csv")).unwrap_or_default();
        rows(&text).map(|row| Figures::of(&row, TRAININGS)).collect()
    }

    /// A line for each pair of searchers.
    pub fn pairs(&self) -> Vec<Pair> {
        let text = fs::read_to_string(self.kept("pairs.csv")).unwrap_or_default();
        rows(&text).map(|row| Pair::of(&row)).collect()
    }

    /// Repeats that are there.
    pub fn repeats_done(&self) -> usize {
        self.figures().first().map_or(0, |figures| figures.repeats)
    }

    /// Whether all repeats of all searchers are there.
    pub fn is_complete(&self) -> bool {
        let figures = self.figures();
        let names: Vec<&str> = figures.iter().map(|figures| figures.name.as_str()).collect();
        names == self.searchers && self.repeats_done() >= self.repeats
    }
}
