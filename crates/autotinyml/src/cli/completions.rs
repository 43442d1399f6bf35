//! `autotinyml completions`: what a shell needs to complete commands and options.

use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Failure, print};

/// Prints what a shell needs to complete commands and options.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  autotinyml completions bash > ~/.local/share/bash-completion/completions/autotinyml
  autotinyml completions zsh > ~/.zfunc/_autotinyml")]
pub struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut program: Command = super::Arguments::command();
    let mut script = vec![];
    generate(arguments.shell, &mut program, "autotinyml", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
