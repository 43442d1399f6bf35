//! What may go wrong beside the search itself.

use std::path::PathBuf;

use autotinyml_search::SearchError;

/// Why a benchmark cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What was expected, and what was found.
        reason: String,
    },
    /// Another program failed.
    #[error("`{program}`: {reason}")]
    Program {
        /// Its name.
        program: String,
        /// What it said, or how it ended.
        reason: String,
    },
    /// An option names what doesn't exist.
    #[error("there is no {kind} `{name}`: {known}")]
    Unknown {
        /// Searcher, set of problems, …
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A searcher gave up before the budget was used.
    #[error("{searcher}, seed {seed}: {source}")]
    Searcher {
        /// Who.
        searcher: String,
        /// In which run.
        seed: u64,
        /// Why.
        source: SearchError,
    },
}

impl Failure {
    /// For `map_err`: what went wrong with a file.
    pub fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
