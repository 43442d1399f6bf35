//! Chores of this workspace: `cargo xtask test` runs everything that must pass before a change lands.

mod packages;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of this workspace")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Installs what is missing, then format, lints, documentation and all tests.
    Test,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Test => packages::install_missing().and_then(|()| test::run()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
