//! `autotinyml searchers`: the algorithms that can search.

use std::process::ExitCode;

use autotinyml_search::CATALOGUE;

use super::{Failure, print};

/// Every searcher with what it does.
pub fn run() -> Result<ExitCode, Failure> {
    let lines = CATALOGUE.iter().map(|(name, what)| format!("{name:<10} {what}\n"));
    print(&lines.collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}
