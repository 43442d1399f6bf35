//! Trainers: ours and the peers', each run in a process of its own.

use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::case::Case;
use crate::failure::Failure;
use crate::{folders, python};

/// Who can train: its name, its program in `peers/` (None: ours) and what that is told.
pub const TRAINERS: [Trainer; 4] = [
    Trainer { name: "ours", program: None, arguments: &[] },
    Trainer { name: "keras", program: Some("keras_trainer.py"), arguments: &[] },
    Trainer { name: "pytorch", program: Some("pytorch_trainer.py"), arguments: &[] },
    Trainer { name: "pytorch-fused", program: Some("pytorch_trainer.py"), arguments: &["fused"] },
];

/// One who can train.
#[derive(Clone, Copy)]
pub struct Trainer {
    /// For `--trainers` and the table.
    pub name: &'static str,
    program: Option<&'static str>,
    arguments: &'static [&'static str],
}

/// What one process measured of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Of each epoch but the first.
    pub epoch_seconds: Vec<f64>,
    /// The most memory that the process ever held.
    pub peak_bytes: u64,
}

impl Trainer {
    /// The trainer of a name in [`TRAINERS`].
    ///
    /// # Errors
    /// If there is none.
    pub fn of_name(name: &str) -> Result<Self, Failure> {
        let found = TRAINERS.into_iter().find(|trainer| trainer.name == name);
        found.ok_or_else(|| Failure::Unknown {
            kind: "trainer",
            name: name.to_owned(),
            known: TRAINERS.map(|trainer| trainer.name).join(", "),
        })
    }

    /// Trains a case, on the cores that this thread may use; `more` is what else the program is told.
    ///
    /// # Errors
    /// If the program fails, or Python or its packages cannot be had.
    pub fn run(&self, case: &Case, more: &[&str]) -> Result<Measured, Failure> {
        let failed = |reason: String| Failure::Program { program: self.name.to_owned(), reason };
        let mut command = match self.program {
            None => {
                let this = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
                let mut command = Command::new(this);
                command.arg("trainer");
                command
            }
            Some(program) => {
                let folder = folders::sources().join("peers");
                let requirements = folder.join("training-requirements.txt");
                let mut command =
                    Command::new(python::interpreter("training-venv", &requirements)?);
                command.current_dir(folder).arg(program);
                command
            }
        };
        for library in ["OMP", "OPENBLAS", "MKL"] {
            command.env(format!("{library}_NUM_THREADS"), "1");
        }
        let case = match serde_json::to_string(case) {
            Ok(case) => case,
            Err(error) => unreachable!("plain data: {error}"),
        };
        // What Python's libraries log is of interest only if they fail.
        command.arg(case).args(self.arguments).args(more).stdin(Stdio::null());
        let output = command.output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let log = String::from_utf8_lossy(&output.stderr);
            return Err(failed(format!("ended with {}:\n{log}", output.status)));
        }
        let answer = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&answer)
            .map_err(|error| failed(format!("answered `{}`: {error}", answer.trim_end())))
    }
}
