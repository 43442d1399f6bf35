//! Chores of this workspace: `cargo xtask test` runs everything that must pass before a change lands,
//! `cargo xtask bench` measures searchers and the trainer, `cargo xtask table` makes exhaustive tables,
//! `cargo xtask experiment` runs the talk's experiments again, `cargo xtask fuzz-c` tries random networks in C, `cargo xtask static` their sizes.

mod bench;
mod experiment;
mod firmware;
mod packages;
mod table;
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
    /// Searchers and the trainer against their peers; `bench --help` says how.
    #[command(disable_help_flag = true)]
    Bench {
        /// What to measure, and its options.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Random networks: their C under sanitizers and under the emulator against the Rust model.
    FuzzC {
        /// How many.
        #[arg(long, default_value_t = 10_000)]
        networks: u64,
        /// The number of the first: each network follows from its number.
        #[arg(long, default_value_t = 0)]
        first: u64,
    },
    /// Flash and RAM as they are said before linking, against linked programs of experiment 1's spaces.
    Static {
        /// How many.
        #[arg(long, default_value_t = 504)]
        networks: u64,
    },
    /// The talk's experiments, run again, in sittings; writes docs/experiments/.
    Experiment(experiment::Sitting),
    /// Every configuration of a study in tables/, trained: `table digits` takes hours, and goes on where
    /// it was interrupted.
    Table {
        /// The study, such as digits.
        name: String,
        /// Options of `autotinyml table`, such as --jobs.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Test => packages::install_missing().and_then(|()| test::run()),
        Chore::Bench { arguments } => bench::run(&arguments),
        Chore::FuzzC { networks, first } => {
            let settings =
                [("AUTOTINYML_FUZZ_NETWORKS", networks), ("AUTOTINYML_FUZZ_FIRST", first)];
            packages::install_missing().and_then(|()| firmware::run(firmware::FUZZ, &settings))
        }
        Chore::Static { networks } => {
            let settings = [("AUTOTINYML_STATIC_NETWORKS", networks)];
            packages::install_missing().and_then(|()| firmware::run(firmware::STATIC, &settings))
        }
        Chore::Experiment(sitting) => experiment::run(&sitting),
        Chore::Table { name, arguments } => table::run(&name, &arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
