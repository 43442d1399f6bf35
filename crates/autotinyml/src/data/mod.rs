//! Readers: from what a user has on disk to a [`Dataset`] in memory.

mod csv_windows;
mod digits;

use std::io;
use std::path::PathBuf;

use autotinyml_nn::Dataset;

pub use csv_windows::read as csv_windows;
pub use digits::read as digits;

/// A data set, and what its reader has to tell about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// All samples, in their own units.
    pub dataset: Dataset,
    /// Values after which the channels of a sample repeat, to standardise each channel by its own
    /// mean and deviation: 3 for windows of x, y, z; 1 for a grey picture.
    pub period: usize,
    /// What was dropped and why, in print.
    pub notes: Vec<String>,
}

/// Data that cannot be read. Every message names the place, the value, what was expected and the
/// cure.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The data folder is not there.
    #[error(
        "data folder {} does not exist: expected a folder with one .csv file per class; \
         give its place with --data DIR or as `path` in [data]",
        .folder.display()
    )]
    NoFolder {
        /// As the user named it.
        folder: PathBuf,
    },
    /// A file was named where a folder is needed.
    #[error(
        "{} is not a folder: expected a folder with one .csv file per class; name the folder \
         that holds the file",
        .path.display()
    )]
    NotAFolder {
        /// As the user named it.
        path: PathBuf,
    },
    /// No file ends in `.csv`.
    #[error(
        "data folder {} holds no .csv file: expected one per class, with rows of time, channel…",
        .folder.display()
    )]
    NoFiles {
        /// The folder searched.
        folder: PathBuf,
    },
    /// A classifier needs something to choose from.
    #[error(
        "{} is the only .csv file in its folder: expected one per class and at least two classes",
        .file.display()
    )]
    OneClass {
        /// The only file.
        file: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: cannot be read: {source}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file without a row.
    #[error(
        "{} has no rows: expected time, channel… in each line; fill it or take it out of the folder",
        .file.display()
    )]
    NoRows {
        /// The file.
        file: PathBuf,
    },
    /// A field that is no number.
    #[error(
        "{}, line {line}: {value:?} is not a number: expected time, channel… separated by commas; {}",
        .file.display(), cure_of_field(value)
    )]
    NotANumber {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The field.
        value: String,
    },
    /// NaN, infinity, or a number beyond single precision.
    #[error(
        "{}, line {line}: {value:?} is not a finite number: expected one within ±3.4e38; remove \
         the line or fill the value in",
        .file.display()
    )]
    NotFinite {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The field.
        value: String,
    },
    /// A line with a time and nothing else.
    #[error(
        "{}, line {line}: one column ({value:?}): expected time, channel… separated by commas",
        .file.display()
    )]
    OneColumn {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The line.
        value: String,
    },
    /// A line with more or fewer columns than those before.
    #[error(
        "{}, line {line}: {found} columns: expected {expected} as in {like}; make all lines of all \
         files alike",
        .file.display()
    )]
    Columns {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Columns of this line.
        found: usize,
        /// Columns of those before.
        expected: usize,
        /// What those before are, in print.
        like: String,
    },
    /// A file too short, or too often interrupted, for a single window.
    #[error(
        "{}: a window of {window} rows is longer than every recording in it: expected at most \
         {longest}, the most rows without a gap over 1 s or a step back in time; {}",
        .file.display(), cure_of_window(*longest)
    )]
    WindowTooLong {
        /// The file.
        file: PathBuf,
        /// Rows asked for.
        window: usize,
        /// Rows of the longest recording.
        longest: usize,
    },
    /// A window or a step of no rows.
    #[error("`{key} = 0` in [data]: expected at least 1 row")]
    ZeroRows {
        /// `window` or `step`.
        key: &'static str,
    },
}

fn cure_of_field(value: &str) -> &'static str {
    if value.contains(';') {
        "the file seems to have semicolons between fields: replace them (and decimal commas by points)"
    } else {
        "correct the field or remove the line"
    }
}

fn cure_of_window(longest: usize) -> &'static str {
    if longest <= 1 {
        "is its first column the time in seconds, not in milliseconds?"
    } else {
        "make `window` smaller or take the file out of the folder"
    }
}
