//! Where things are.

use std::path::{Path, PathBuf};

/// What is made here: the environment of Python, tables, results.
pub fn made() -> PathBuf {
    root().join("target/bench")
}

/// Sources of this crate: the Python programs.
pub fn sources() -> PathBuf {
    root().join("bench")
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_owned(), Path::to_owned)
}
