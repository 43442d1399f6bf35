//! A table that grows: what it lacks is trained when a searcher asks for it, and is durable before it is
//! answered. A training is a function of configuration, data, recipe and seed, so all searches on the same
//! study, whatever their limits and compression, share one such table, and a row is the one that an
//! exhaustive table would have.
//!
//! New rows go to a journal beside the table, a line of JSON each. [`GrowingTable::save`] writes all rows
//! as a table and then ends the journal: killed in between, the journal says again what the table has.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use autotinyml_deploy::{Boards, Compression, Footprint, static_footprint};
use autotinyml_search::{Configuration, Setting};
use serde::{Deserialize, Serialize};

use super::make::MakeError;
use super::{COMPRESSIONS, Measured, Row, Table, TableError, file, measure};
use crate::evaluate::{EvaluateError, Evaluator};

/// A table and who trains what it lacks.
pub struct GrowingTable<'a> {
    evaluator: &'a Evaluator<'a>,
    path: PathBuf,
    journal: Mutex<File>,
    slots: Mutex<HashMap<(Configuration, u64), Arc<Slot>>>,
    /// Rows that were there when it was opened.
    pub known: usize,
}

/// The row of a configuration and a seed, once it is trained. Whoever trains it holds the lock, so that
/// nobody else does at the same time.
type Slot = Mutex<Option<Row>>;

/// The first line of a journal.
#[derive(PartialEq, Serialize, Deserialize)]
struct Identity {
    study_text: String,
    data_digest: String,
}

/// Any further line.
#[derive(Serialize, Deserialize)]
struct Entry {
    settings: Vec<(String, Setting)>,
    seed: u64,
    measured: Measured,
}

impl<'a> GrowingTable<'a> {
    /// Opens the table at `path`, or begins one.
    ///
    /// # Errors
    /// The file holds something else, or another process lets it grow.
    pub fn open(
        evaluator: &'a Evaluator<'a>,
        path: &Path,
        boards: &Boards,
    ) -> Result<Self, GrowError> {
        let journal_path = journal_path(path);
        let journal = claim(&journal_path)?;
        let mut table = Self {
            evaluator,
            path: path.to_owned(),
            journal: Mutex::new(journal),
            slots: Mutex::default(),
            known: 0,
        };
        if path.exists() {
            let (stored, digest) = file::read_part(path, boards)?;
            table.refuse_another(path, &stored.study.source.text, digest.as_deref())?;
            stored.rows.into_iter().for_each(|row| table.keep(row));
        }
        table.read_journal(&journal_path)?;
        table.known = lock(&table.slots).len();
        Ok(table)
    }

    /// Seed of the study's own trainings.
    pub fn seed(&self) -> u64 {
        self.evaluator.study.search.seed
    }

    /// What a configuration takes, by arithmetic, before it is trained. None: it makes no network.
    pub fn footprint(
        &self,
        configuration: &Configuration,
        compression: Compression,
    ) -> Option<Footprint> {
        let network = self.evaluator.network(configuration).ok()?;
        Some(static_footprint(&network, compression))
    }

    /// What became of a configuration trained with a seed: known, or trained now and on the disk.
    ///
    /// # Errors
    /// It could not be trained, or kept.
    pub fn row(&self, configuration: &Configuration, seed: u64) -> Result<Row, MakeError> {
        let slot = lock(&self.slots).entry((configuration.clone(), seed)).or_default().clone();
        let mut slot = lock(&slot);
        if let Some(row) = &*slot {
            return Ok(row.clone());
        }
        // Whether it was trained now or in an earlier sitting, a row says the same.
        let measured = file::rounded(measure(self.evaluator, configuration, seed)?);
        self.append(configuration, seed, &measured)?;
        let row = self.complete(configuration.clone(), seed, measured);
        *slot = Some(row.clone());
        Ok(row)
    }

    /// Writes the table with all rows: those of the study's own seed in ascending order, then those of
    /// others.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self) -> Result<Table, GrowError> {
        let slots = lock(&self.slots);
        let mut rows: Vec<Row> = slots.values().filter_map(|slot| lock(slot).clone()).collect();
        rows.sort_by(|a, b| {
            let key = |row: &Row| (row.seed != self.seed(), row.configuration.clone(), row.seed);
            key(a).cmp(&key(b))
        });
        let table = Table { study: self.evaluator.study.clone(), rows };
        file::write_part(&table, Some(&self.evaluator.samples.digest), &self.path)?;
        let journal = lock(&self.journal);
        let emptied = journal.set_len(0).and_then(|()| journal.sync_all());
        emptied.map_err(|error| file_error(&journal_path(&self.path), error))?;
        Ok(table)
    }

    /// A measured row with the sizes that follow from its configuration.
    fn complete(&self, configuration: Configuration, seed: u64, measured: Measured) -> Row {
        let mut footprints =
            self.evaluator.network(&configuration).ok().map(|network| {
                COMPRESSIONS.map(|compression| static_footprint(&network, compression))
            });
        let deployed = measured.deployed.iter().flatten();
        for (footprint, deployed) in footprints.iter_mut().flatten().zip(deployed) {
            footprint.cross_accuracy = Some(deployed.cross_accuracy);
        }
        Row { configuration, seed, measured, footprints }
    }

    fn keep(&self, row: Row) {
        let key = (row.configuration.clone(), row.seed);
        lock(&self.slots).insert(key, Arc::new(Mutex::new(Some(row))));
    }

    fn identity(&self) -> Identity {
        Identity {
            study_text: self.evaluator.study.source.text.clone(),
            data_digest: self.evaluator.samples.digest.clone(),
        }
    }

    fn refuse_another(
        &self,
        path: &Path,
        study_text: &str,
        data_digest: Option<&str>,
    ) -> Result<(), MakeError> {
        let own = self.identity();
        let changes = [
            (study_text != own.study_text, "its study file is another"),
            (data_digest.is_some_and(|digest| digest != own.data_digest), "its data is different"),
        ];
        match changes.into_iter().find(|(differs, _)| *differs) {
            Some((_, change)) => Err(MakeError::Another { folder: path.to_owned(), change }),
            None => Ok(()),
        }
    }

    /// Takes what the journal holds; a last line that was cut short goes.
    fn read_journal(&self, path: &Path) -> Result<(), MakeError> {
        let mut journal = lock(&self.journal);
        let mut text = String::new();
        journal.read_to_string(&mut text).map_err(|error| file_error(path, error))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        journal.set_len(whole as u64).map_err(|error| file_error(path, error))?;
        let mut lines = text[..whole].lines();
        let Some(first) = lines.next() else { return Ok(()) };
        let damaged = |error: serde_json::Error| file_error(path, io::Error::other(error));
        let Identity { study_text, data_digest } = serde_json::from_str(first).map_err(damaged)?;
        self.refuse_another(path, &study_text, Some(&data_digest))?;
        for line in lines {
            let Entry { settings, seed, measured } = serde_json::from_str(line).map_err(damaged)?;
            let configuration = self.evaluator.study.space.configuration(&settings);
            let configuration =
                configuration.map_err(|error| file_error(path, io::Error::other(error)))?;
            self.keep(self.complete(configuration, seed, measured));
        }
        Ok(())
    }

    /// Durable when it returns.
    fn append(
        &self,
        configuration: &Configuration,
        seed: u64,
        measured: &Measured,
    ) -> Result<(), MakeError> {
        let settings = self.evaluator.study.space.settings(configuration).into_iter();
        let settings = settings.map(|(name, setting)| (name.to_owned(), setting)).collect();
        let entry = Entry { settings, seed, measured: measured.clone() };
        let mut journal = lock(&self.journal);
        let begun = journal.metadata().is_ok_and(|metadata| metadata.len() > 0);
        let mut text = if begun { String::new() } else { json_line(&self.identity()) };
        text += &json_line(&entry);
        let written = journal.write_all(text.as_bytes()).and_then(|()| journal.sync_data());
        written.map_err(|error| file_error(&journal_path(&self.path), error))
    }
}

/// A table that cannot be opened or saved.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// The table's file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Its journal, or a training.
    #[error(transparent)]
    Make(#[from] MakeError),
}

impl From<EvaluateError> for GrowError {
    fn from(error: EvaluateError) -> Self {
        Self::Make(error.into())
    }
}

/// `digits.csv.gz.journal`
fn journal_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".journal");
    path.with_file_name(name)
}

/// The journal, for this process alone.
fn claim(path: &Path) -> Result<File, MakeError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| file_error(folder, error))?;
    }
    let options = &mut OpenOptions::new();
    let journal = options.read(true).append(true).create(true).open(path);
    let journal = journal.map_err(|error| file_error(path, error))?;
    match journal.try_lock() {
        Ok(()) => Ok(journal),
        Err(TryLockError::WouldBlock) => Err(MakeError::Busy(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(file_error(path, error)),
    }
}

fn json_line(content: &impl Serialize) -> String {
    serde_json::to_string(content).expect("plain data with finite numbers") + "\n"
}

fn file_error(path: &Path, error: io::Error) -> MakeError {
    MakeError::File { path: path.to_owned(), error }
}

/// A panic elsewhere does no harm: rows are replaced as a whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
