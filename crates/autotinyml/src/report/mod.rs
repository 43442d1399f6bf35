//! What a study tells: in the terminal, as a page, and as a table of all trials.

pub mod combinations;
pub mod comparison;
mod csv;
mod findings;
mod html;
mod parquet;
mod plot;
mod side_by_side;
pub mod terminal;
mod trial_table;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::record::Summary;

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", .path.display())]
pub struct ReportError {
    /// The file.
    pub path: PathBuf,
    /// What the operating system says.
    pub source: io::Error,
}

/// Writes `report.html`, a page that needs nothing but itself, and all trials as `trials.csv` and
/// `trials.parquet` into `directory`, which is there.
///
/// # Errors
/// If a file cannot be written. A reader meets either the old file or the new one, never a part.
pub fn write(summary: &Summary, directory: &Path) -> Result<(), ReportError> {
    write_whole(&directory.join("trials.csv"), csv::trials(summary))?;
    write_whole(&directory.join("trials.parquet"), parquet::trials(summary))?;
    write_whole(&directory.join("report.html"), html::page(summary))
}

/// Writes `report.html` of a study of several combinations.
///
/// # Errors
/// As [`write()`].
pub fn write_combinations(
    name: &str,
    all: &[combinations::Named<'_>],
    directory: &Path,
) -> Result<(), ReportError> {
    write_whole(&directory.join("report.html"), combinations::page(name, all))
}

fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<(), ReportError> {
    let partial = path.with_extension("partial");
    let written = File::create(&partial)
        .and_then(|mut file| file.write_all(content.as_ref()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| ReportError { path: path.to_owned(), source })
}

#[cfg(test)]
mod example;
#[cfg(test)]
mod tests;
