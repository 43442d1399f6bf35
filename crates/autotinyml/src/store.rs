//! `study.db`: everything a study must not lose, in SQLite.
//!
//! A trial is acknowledged when [`Store::add_trial`] returns: by then it is on the disk
//! (write-ahead log, `synchronous = FULL`), and survives `kill -9` and a power cut. Resuming is
//! reading it back, since a searcher is a function of the history.

mod error;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use autotinyml_search::{Phase, Setting, Space};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::record::{Finalist, TrialRecord};
pub use error::StoreError;
use error::{database_error, file_error};

/// Grows when the tables change. Version 2: trials have epochs. Version 3: and combinations.
const SCHEMA_VERSION: i64 = 3;

/// Facts of a study beside its trials. Each is a row of the table `facts`, as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// [`crate::record::Identity`]: what must not change when a study is resumed.
    Identity,
    /// [`crate::record::DataSummary`]
    Data,
    /// [`crate::record::Deployable`]
    Deployable,
    /// [`Finalist`]: the study's fixed network.
    Baseline,
    /// [`Finalist`]: the winner.
    Best,
    /// How many trials the finals chose from: they are done. `usize`
    Finished,
    /// Trials that looked deployable until they were taken to the chip: `Vec<Rejected>`.
    Rejected,
    /// What took the study's process down: `Vec<Crash>`.
    Crashes,
}

impl Fact {
    fn key(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Data => "data",
            Self::Deployable => "deployable",
            Self::Baseline => "baseline",
            Self::Best => "best",
            Self::Finished => "finished",
            Self::Rejected => "rejected",
            Self::Crashes => "crashes",
        }
    }
}

/// An open store. Only one process may write to it at a time.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    /// Held until the store is dropped; the system releases it even after `kill -9`.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store of a study's folder for writing, or makes a new one.
    ///
    /// # Errors
    /// Another process has it, the folder cannot be written, or the file is no store.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(file_error(folder))?;
        let lock_path = folder.join("study.lock");
        let lock = File::create(&lock_path).map_err(file_error(&lock_path))?;
        match try_lock(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(file_error(&lock_path)(error)),
        }
        let path = folder.join("study.db");
        let connection = Connection::open(&path);
        let store = Self {
            connection: connection.map_err(database_error(&path))?,
            path,
            _lock: Some(lock),
        };
        store.prepare().map_err(database_error(&store.path))?;
        store.migrate()?;
        store.check()?;
        Ok(store)
    }

    /// Opens the store of a study's folder to read it, even while another process writes.
    ///
    /// # Errors
    /// There is none, or it is no store.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("study.db");
        if !path.is_file() {
            return Err(StoreError::Missing(path));
        }
        // Not read-only: SQLite may have to replay the log of a writer that was killed.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)
            .or_else(|_| Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY))
            .map_err(database_error(&path))?;
        let store = Self { connection, path, _lock: None };
        store.migrate()?;
        store.check()?;
        Ok(store)
    }

    /// Looks for damage in places that may not be read for a long time: milliseconds for a thousand
    /// trials.
    fn check(&self) -> Result<(), StoreError> {
        let problem: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(database_error(&self.path))?;
        if problem != "ok" {
            return Err(self.damaged(problem.replace('\n', " ")));
        }
        // SQLite takes what is missing of the last page for zeros.
        let page_bytes: u32 = self
            .connection
            .query_row("PRAGMA page_size", [], |row| row.get(0))
            .map_err(database_error(&self.path))?;
        let bytes = fs::metadata(&self.path).map_err(file_error(&self.path))?.len();
        if bytes % u64::from(page_bytes) != 0 {
            return Err(self.damaged(format!("{bytes} bytes are no whole pages of {page_bytes}")));
        }
        Ok(())
    }

    /// Whether the folder holds a study.
    pub fn exists(folder: &Path) -> bool {
        folder.join("study.db").is_file()
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        let version: i64 =
            self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != 0 {
            return Ok(());
        }
        self.connection.execute_batch(&format!(
            "BEGIN;
             CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
             CREATE TABLE trials (
                 id INTEGER PRIMARY KEY,
                 phase TEXT NOT NULL,
                 epochs INTEGER,
                 settings TEXT NOT NULL,
                 outcome TEXT NOT NULL,
                 seconds REAL NOT NULL,
                 combinations TEXT
             ) STRICT;
             PRAGMA user_version = {SCHEMA_VERSION};
             COMMIT;"
        ))
    }

    /// Brings an older store up to date: in version 1 all trials trained in full, and until version 2 there
    /// was one combination.
    fn migrate(&self) -> Result<(), StoreError> {
        for (version, column) in [(1, "epochs INTEGER"), (2, "combinations TEXT")] {
            if self.version()? != version {
                continue;
            }
            let result = self.connection.execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 ALTER TABLE trials ADD COLUMN {column};
                 PRAGMA user_version = {};
                 COMMIT;",
                version + 1
            ));
            // Two readers may come at once, and the second finds it done.
            if let Err(error) = result {
                let _ = self.connection.execute_batch("ROLLBACK");
                if self.version()? == version {
                    return Err(database_error(&self.path)(error));
                }
            }
        }
        match self.version()? {
            0 => Err(StoreError::Empty(self.path.clone())),
            SCHEMA_VERSION => Ok(()),
            found => Err(StoreError::Version { path: self.path.clone(), found }),
        }
    }

    fn version(&self) -> Result<i64, StoreError> {
        self.connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(database_error(&self.path))
    }

    /// Remembers a fact, in place of what was known before.
    ///
    /// # Errors
    /// The disk is full, or SQLite fails otherwise; the store is as it was.
    pub fn set_fact(&self, fact: Fact, value: &impl Serialize) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)",
                params![fact.key(), to_json(value)],
            )
            .map_err(database_error(&self.path))?;
        Ok(())
    }

    /// Forgets a fact.
    ///
    /// # Errors
    /// As [`Store::set_fact`].
    pub fn remove_fact(&self, fact: Fact) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM facts WHERE name = ?1", params![fact.key()])
            .map_err(database_error(&self.path))?;
        Ok(())
    }

    /// A fact, if it is known.
    ///
    /// # Errors
    /// The store is damaged.
    pub fn fact<T: DeserializeOwned>(&self, fact: Fact) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self
            .connection
            .query_row("SELECT value FROM facts WHERE name = ?1", params![fact.key()], |row| {
                row.get(0)
            })
            .optional()
            .map_err(database_error(&self.path))?;
        text.map(|text| self.parse(&text, fact.key())).transpose()
    }

    /// The winner, the baseline: a [`Finalist`] fact.
    ///
    /// # Errors
    /// As [`Store::fact`].
    pub fn finalist(&self, fact: Fact) -> Result<Option<Finalist>, StoreError> {
        self.fact(fact)
    }

    /// Writes a finished trial; when this returns, it is durable.
    ///
    /// # Errors
    /// The disk is full, or SQLite fails otherwise; the store is as it was.
    pub fn add_trial(&self, space: &Space, trial: &TrialRecord) -> Result<(), StoreError> {
        let settings: serde_json::Map<_, _> = space
            .settings(&trial.configuration)
            .into_iter()
            .map(|(name, setting)| (name.to_string(), serde_json::json!(setting)))
            .collect();
        self.connection
            .execute(
                "INSERT INTO trials (id, phase, epochs, settings, outcome, seconds, combinations)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    trial.id as i64,
                    trial.phase.name(),
                    trial.epochs.map(|epochs| epochs as i64),
                    to_json(&settings),
                    to_json(&trial.outcome),
                    trial.seconds,
                    (!trial.combinations.is_empty()).then(|| to_json(&trial.combinations))
                ],
            )
            .map_err(database_error(&self.path))?;
        Ok(())
    }

    /// Writes finished trials, all or none.
    ///
    /// # Errors
    /// As [`Store::add_trial`].
    pub fn add_trials(&self, space: &Space, trials: &[TrialRecord]) -> Result<(), StoreError> {
        let transaction =
            self.connection.unchecked_transaction().map_err(database_error(&self.path))?;
        for trial in trials {
            self.add_trial(space, trial)?;
        }
        transaction.commit().map_err(database_error(&self.path))
    }

    /// How many trials there are.
    ///
    /// # Errors
    /// The store is damaged.
    pub fn count_trials(&self) -> Result<usize, StoreError> {
        self.connection
            .query_row("SELECT count(*) FROM trials", [], |row| row.get(0))
            .map(|count: i64| count as usize)
            .map_err(database_error(&self.path))
    }

    /// Every finished trial, in order of id.
    ///
    /// # Errors
    /// The store is damaged, or belongs to another space.
    pub fn trials(&self, space: &Space) -> Result<Vec<TrialRecord>, StoreError> {
        let mut statement = self
            .connection
            .prepare(
                "SELECT id, phase, epochs, settings, outcome, seconds, combinations FROM trials
                 ORDER BY id",
            )
            .map_err(database_error(&self.path))?;
        let rows = statement
            .query_map([], |row| {
                Ok(Row {
                    id: row.get(0)?,
                    phase: row.get(1)?,
                    epochs: row.get(2)?,
                    settings: row.get(3)?,
                    outcome: row.get(4)?,
                    seconds: row.get(5)?,
                    combinations: row.get(6)?,
                })
            })
            .map_err(database_error(&self.path))?;
        let rows: Vec<Row> = rows.collect::<Result<_, _>>().map_err(database_error(&self.path))?;
        rows.into_iter()
            .map(|Row { id, phase, epochs, settings, outcome, seconds, combinations }| {
                let what = format!("trial {id}");
                let settings: serde_json::Map<String, serde_json::Value> =
                    self.parse(&settings, &what)?;
                let settings: Vec<(String, Setting)> = settings
                    .into_iter()
                    .map(|(name, value)| Ok((name, self.parse(&value.to_string(), &what)?)))
                    .collect::<Result<_, StoreError>>()?;
                let damaged = |problem: String| self.damaged(format!("{what}: {problem}"));
                Ok(TrialRecord {
                    id: id as usize,
                    configuration: space
                        .configuration(&settings)
                        .map_err(|error| damaged(error.to_string()))?,
                    phase: Phase::from_name(&phase)
                        .ok_or_else(|| damaged(format!("unknown phase {phase:?}")))?,
                    epochs: epochs.map(|epochs| epochs as usize),
                    outcome: self.parse(&outcome, &what)?,
                    seconds,
                    combinations: match combinations {
                        Some(combinations) => self.parse(&combinations, &what)?,
                        None => vec![],
                    },
                })
            })
            .collect()
    }

    fn parse<T: DeserializeOwned>(&self, text: &str, what: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.damaged(format!("{what}: {error}")))
    }

    fn damaged(&self, problem: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), problem }
    }
}

/// How long a process takes at most that has to end since the one that watched over it was killed.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Locks a file, unless another process has it and keeps it.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < END_WITHIN => {
                sleep(Duration::from_millis(10));
            }
            ended => return ended,
        }
    }
}

/// A row of the table `trials`; settings and outcome are JSON.
struct Row {
    id: i64,
    phase: String,
    epochs: Option<i64>,
    settings: String,
    outcome: String,
    seconds: f64,
    combinations: Option<String>,
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("records have text keys and finite numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_may_only_be_read_cannot_be_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("CREATE TABLE trials (id INTEGER); PRAGMA user_version = 1;").unwrap();
        drop(writer);
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let store = Store { connection: connection.unwrap(), path, _lock: None };
        assert!(matches!(store.migrate(), Err(StoreError::ReadOnly(_))));
    }
}
