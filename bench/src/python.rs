//! Python beside us: one environment per list of requirements, made when it is first needed.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

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

/// Runs a program to its end and reads each line that it prints. What Python's libraries log is of interest
/// only if they fail.
///
/// # Errors
/// If it cannot be started, ends badly or prints what cannot be read; with the command and its log.
pub fn lines<T>(
    command: &mut Command,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Result<Vec<T>, Failure> {
    let program = format!("{command:?}");
    let failed = |reason: String| Failure::Program { program: program.clone(), reason };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().map_err(|error| failed(error.to_string()))?;
    let (Some(answers), Some(mut log)) = (process.stdout.take(), process.stderr.take()) else {
        unreachable!("both were asked for");
    };
    // Read beside the answers: a program whose log nobody reads stands still when the pipe is full.
    let log = thread::spawn(move || {
        let mut text = vec![];
        let _ = log.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let read = |line: std::io::Result<String>| {
        let line = line.map_err(|error| error.to_string())?;
        read(&line).map_err(|error| format!("answered `{line}`: {error}"))
    };
    let all: Result<Vec<T>, String> = BufReader::new(answers).lines().map(read).collect();
    let status = process.wait().map_err(|error| failed(error.to_string()))?;
    let log = log.join().unwrap_or_default();
    match all {
        Ok(all) if status.success() => Ok(all),
        Ok(_) => Err(failed(format!("ended with {status}:\n{log}"))),
        Err(reason) => Err(failed(format!("{reason}\n{log}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_quoted() {
        let script = "echo 1; echo 2; echo 'no such optimizer' >&2; exit 3";
        let mut command = Command::new("sh");
        let mut read = vec![];
        let failure = lines(command.args(["-c", script]), |line| {
            read.push(line.to_owned());
            Ok(())
        });
        let said = failure.unwrap_err().to_string();
        assert_eq!(read, ["1", "2"]);
        for part in ["\"sh\" \"-c\"", "exit status: 3", "no such optimizer"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_quoted_with_the_log() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo seven; echo 'a warning' >&2"]);
        let number = |line: &str| line.parse::<u32>().map_err(|error| error.to_string());
        let said = lines(&mut command, number).unwrap_err().to_string();
        assert!(
            said.contains("answered `seven`: invalid digit") && said.contains("a warning"),
            "{said}"
        );
    }
}
