//! Runs on disk, one line each, written as they end: what is there is not run again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::run::Run;

/// What tells runs apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Of the problem.
    pub problem: String,
    /// Of the regime.
    pub regime: String,
    /// Of the searcher.
    pub searcher: String,
    /// Of the run.
    pub seed: u64,
    /// Budget.
    pub trials: usize,
    /// Trials that were given.
    pub starts: usize,
}

#[derive(Serialize, Deserialize)]
struct Line {
    problem: String,
    regime: String,
    searcher: String,
    seed: u64,
    trials: usize,
    starts: usize,
    seconds: f64,
    rows: String,
}

/// A CSV file of runs.
pub struct Results {
    path: PathBuf,
    known: HashMap<Key, Run>,
    file: Mutex<File>,
}

impl Results {
    /// Opens or begins a file. Runs for which `forget` holds are taken out of it.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn open(path: &Path, forget: impl Fn(&Key) -> bool) -> Result<Self, Failure> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
        }
        let mut known = if path.exists() { read(path)? } else { HashMap::new() };
        let before = known.len();
        known.retain(|key, _| !forget(key));
        // Otherwise left as it is: other processes may be adding to it.
        if known.is_empty() || known.len() < before {
            write(path, &known)?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(Failure::file(path))?;
        Ok(Self { path: path.to_owned(), known, file: Mutex::new(file) })
    }

    /// A run that was in the file.
    pub fn get(&self, key: &Key) -> Option<&Run> {
        self.known.get(key)
    }

    /// Writes a run that has ended.
    ///
    /// # Errors
    /// If the disk is full, and the like.
    pub fn add(&self, key: &Key, run: &Run) -> Result<(), Failure> {
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line(key, run).as_bytes()).map_err(Failure::file(&self.path))
    }
}

fn write(path: &Path, runs: &HashMap<Key, Run>) -> Result<(), Failure> {
    let mut lines: Vec<(&Key, &Run)> = runs.iter().collect();
    lines.sort_by_key(|(key, _)| {
        (&key.problem, &key.regime, &key.searcher, key.seed, key.trials, key.starts)
    });
    let mut text = String::from("problem,regime,searcher,seed,trials,starts,seconds,rows\n");
    text.extend(lines.into_iter().map(|(key, run)| line(key, run)));
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, text).map_err(Failure::file(&unfinished))?;
    std::fs::rename(&unfinished, path).map_err(Failure::file(path))
}

fn line(key: &Key, run: &Run) -> String {
    let rows: Vec<String> = run.rows.iter().map(usize::to_string).collect();
    let Key { problem, regime, searcher, seed, trials, starts } = key;
    let (seconds, rows) = (run.seconds, rows.join(" "));
    format!("{problem},{regime},{searcher},{seed},{trials},{starts},{seconds:.6},{rows}\n")
}

fn read(path: &Path) -> Result<HashMap<Key, Run>, Failure> {
    let content = |reason: String| Failure::Content { path: path.to_owned(), reason };
    let mut reader = csv::Reader::from_path(path).map_err(|error| content(error.to_string()))?;
    let mut runs = HashMap::new();
    for line in reader.deserialize::<Line>() {
        // The last line of a run that was killed may be cut short.
        let Ok(line) = line else { continue };
        let rows: Result<Vec<usize>, _> = line.rows.split(' ').map(str::parse).collect();
        let rows = rows.map_err(|error| content(format!("`{}`: {error}", line.rows)))?;
        let Line { problem, regime, searcher, seed, trials, starts, seconds, .. } = line;
        runs.insert(Key { problem, regime, searcher, seed, trials, starts }, Run { rows, seconds });
    }
    Ok(runs)
}
