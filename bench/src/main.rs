//! The proof: `cargo xtask bench search` lets searchers and their peers run on tables of real trainings.
//!
//! What is measured and why is in `docs/search.md`.

mod contestant;
mod failure;
mod folders;
mod peer;
mod problem;
mod python;
mod results;
mod run;
mod search;
mod summary;
mod table;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Searchers against each other and their peers")]
enum Bench {
    /// Regret on tables of real trainings.
    Search(search::Options),
}

fn main() -> ExitCode {
    let done = match Bench::parse() {
        Bench::Search(options) => search::search(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
