//! Python beside us: one environment per list of requirements, made when it is first needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::folders;

/// The interpreter of an environment that holds `requirements` (a file), below `target/bench/NAME`.
///
/// # Errors
/// If Python 3 is missing or the packages cannot be installed.
pub fn interpreter(name: &str, requirements: &Path) -> Result<PathBuf, Failure> {
    let folder = folders::made().join(name);
    let python = folder.join("bin/python");
    let wanted = std::fs::read_to_string(requirements).map_err(Failure::file(requirements))?;
    // Written when all is installed; an environment with other requirements is completed.
    let receipt = folder.join("installed.txt");
    if std::fs::read_to_string(&receipt).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("bench: installing {} into {}", requirements.display(), folder.display());
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    std::fs::write(&receipt, wanted).map_err(Failure::file(&receipt))?;
    Ok(python)
}

/// Runs a program to its end.
///
/// # Errors
/// If it cannot be started or ends badly.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let program = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Program { program, reason: format!("ended with {status}") }),
        Err(error) => Err(Failure::Program { program, reason: error.to_string() }),
    }
}
