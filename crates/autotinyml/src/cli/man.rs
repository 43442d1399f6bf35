//! `autotinyml man`: the manual pages.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;

use super::{Failure, print};

/// Writes the manual pages: one of the program, one of each command.
#[derive(clap::Args)]
#[command(after_help = "Example:
  autotinyml man --out ~/.local/share/man/man1")]
pub struct Arguments {
    /// The folder to write them to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let folder = &arguments.out;
    fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(super::Arguments::command(), folder))
        .map_err(|error| Failure::Write { path: folder.clone(), error })?;
    print(&format!("written: {}\n", folder.join("autotinyml.1").display()))?;
    Ok(ExitCode::SUCCESS)
}
