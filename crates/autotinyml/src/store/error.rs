//! Why a store cannot be used, and what its user can do.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::SCHEMA_VERSION;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StoreError {
    /// There is none.
    #[error("{} does not exist", .0.display())]
    #[diagnostic(help("{}", .0.parent().map_or_else(String::new, what_was_expected)))]
    Missing(PathBuf),
    /// It was made, but interrupted before it knew its study.
    #[error("{} holds no study yet", .0.display())]
    #[diagnostic(help("run `autotinyml optimize` again, with --resume"))]
    Empty(PathBuf),
    /// Another process writes to it.
    #[error("another process is working on {}", .0.display())]
    #[diagnostic(help("wait for it, stop it, or give this study another folder with --out"))]
    Busy(PathBuf),
    /// Written by another version.
    #[error("{} has schema version {found}, expected {SCHEMA_VERSION}", path.display())]
    #[diagnostic(help("use the version of autotinyml that wrote it, or another folder (--out)"))]
    Version {
        /// The store.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// What it holds cannot be understood.
    #[error("{}: {problem}", path.display())]
    #[diagnostic(help(
        "the file was changed or damaged; the study can be run again elsewhere (--out)"
    ))]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// It, or its folder, may only be read.
    #[error("{} cannot be written", .0.display())]
    #[diagnostic(help(
        "a study is brought up to date and locked where it lies, even to be read: copy its folder to where \
         it can be written"
    ))]
    ReadOnly(PathBuf),
    /// SQLite failed: a full disk, a file that may not be read …
    #[error("{}: {error}", path.display())]
    #[diagnostic(help(
        "let this user read and write the file, see that the disk is not full, or give the study another \
         folder by --out"
    ))]
    Database {
        /// The store.
        path: PathBuf,
        /// As SQLite says.
        error: rusqlite::Error,
    },
    /// The folder or the lock file could not be made.
    #[error("cannot write {}: {error}", path.display())]
    #[diagnostic(help(
        "let this user write there, see that the disk is not full, or choose another folder by --out"
    ))]
    File {
        /// What was to be written.
        path: PathBuf,
        /// As the operating system says.
        error: std::io::Error,
    },
}

/// For `map_err`: what SQLite says of a store.
pub fn database_error(path: &Path) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly(path.to_owned()),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged { path: path.to_owned(), problem: error.to_string() }
        }
        _ => StoreError::Database { path: path.to_owned(), error },
    }
}

/// For `map_err`: what the operating system says of a file.
pub fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    move |error| StoreError::File { path: path.to_owned(), error }
}

/// Names the studies in a folder that is none itself, if there are any.
fn what_was_expected(folder: &Path) -> String {
    let expected = "expected the folder of a study, as `autotinyml optimize` writes it";
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let studies = entries.map(|entry| entry.path()).filter(|path| path.join("study.db").exists());
    let mut studies: Vec<String> = studies.map(|path| path.display().to_string()).collect();
    studies.sort();
    match studies.is_empty() {
        true => expected.to_owned(),
        false => format!("{expected}; there are {}", studies.join(", ")),
    }
}
