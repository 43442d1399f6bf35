//! What a reader complains about.

use std::fmt::Display;
use std::io;
use std::path::Path;

/// Data that cannot be read. The message names the place, what stands there, what was expected and
/// the cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {found}: expected {expected}; {cure}")]
pub struct DataError {
    /// The file, with its line or array.
    pub place: String,
    /// What is there.
    pub found: String,
    /// What should be.
    pub expected: String,
    /// What to do.
    pub cure: String,
}

impl DataError {
    /// Something about a file as a whole.
    pub(crate) fn new(
        file: &Path,
        found: impl Display,
        expected: impl Display,
        cure: impl Display,
    ) -> Self {
        Self::at(file.display(), found, expected, cure)
    }

    /// Something about a line of a file, counted from 1.
    pub(crate) fn in_line(
        file: &Path,
        line: usize,
        found: impl Display,
        expected: impl Display,
        cure: impl Display,
    ) -> Self {
        Self::at(format_args!("{}, line {line}", file.display()), found, expected, cure)
    }

    /// Something about any place.
    pub(crate) fn at(
        place: impl Display,
        found: impl Display,
        expected: impl Display,
        cure: impl Display,
    ) -> Self {
        Self {
            place: place.to_string(),
            found: found.to_string(),
            expected: expected.to_string(),
            cure: cure.to_string(),
        }
    }

    /// The operating system refused; `expected`: what should have been at that path.
    pub(crate) fn unreadable(path: &Path, error: &io::Error, expected: &str) -> Self {
        let cure = match error.kind() {
            io::ErrorKind::NotFound => "give its place with --data or as `path` in [data]",
            io::ErrorKind::PermissionDenied => "let this user read it",
            _ => "check the disk, and that the file is whole",
        };
        match error.kind() {
            io::ErrorKind::NotFound => Self::new(path, "does not exist", expected, cure),
            _ => Self::new(path, format_args!("cannot be read ({error})"), expected, cure),
        }
    }
}
