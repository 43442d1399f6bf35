//! `autotinyml new`: a study file for data, after a look at it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::boards::{OwnBoards, named};
use super::{Failure, columns, print};
use crate::new_study::{self, Draft, NewStudyError, Wanted};
use crate::report::terminal::paragraphs;
use crate::samples::SamplesError;

/// Looks at data and writes a study file for it, which `optimize` runs as it is.
///
/// The data may be a folder with a CSV file (or a folder of them) for each class, CSV files with a column
/// of classes, a .npz file, or a folder of IDX files.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  autotinyml new recordings
  autotinyml new table.csv --label species --out flowers.toml --board nrf52840")]
pub struct Arguments {
    /// A file or folder with data.
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// The study file to write. Its name is that of the study.
    #[arg(long, value_name = "FILE", default_value = "study.toml")]
    out: PathBuf,
    /// The board, as in `autotinyml boards`.
    #[arg(long, value_name = "NAME", default_value = "stm32f303k8")]
    board: String,
    #[command(flatten)]
    boards: OwnBoards,
    /// In CSV files the column with the class, by its title or its number from 1 on.
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { data, out, board, boards, label } = arguments;
    if out.exists() {
        return Err(Failure::Usage {
            message: format!("{} is there already", out.display()),
            help: "choose another file by --out; nothing of yours is replaced".into(),
        });
    }
    let boards = boards.read()?;
    let board = named(&boards, board)?;
    let wanted = Wanted { data, out, label: label.as_deref(), board, boards: &boards };
    let Draft { text, seen } = new_study::draft(&wanted)?;
    let written = OpenOptions::new().write(true).create_new(true).open(out);
    written
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::Write { path: out.clone(), error })?;
    let seen: Vec<(String, String)> =
        seen.into_iter().map(|(label, text)| (label.to_owned(), text)).collect();
    let seen = paragraphs(&seen, columns());
    let out = out.display();
    print(&format!("{seen}\n\nwritten: {out}\nread it, then:  autotinyml optimize {out}\n"))?;
    Ok(ExitCode::SUCCESS)
}

impl From<NewStudyError> for Failure {
    fn from(error: NewStudyError) -> Self {
        match error {
            NewStudyError::Data(error) => Self::Samples(error.into()),
            NewStudyError::Samples(error @ SamplesError::Split { .. }) => Self::Usage {
                message: error.to_string(),
                help: "collect more samples of each class, or name the column with the classes by \
                       --label, if it is another"
                    .into(),
            },
            NewStudyError::Samples(error) => Self::Samples(error),
            NewStudyError::Input(error) => Self::Input(error),
            NewStudyError::Evaluate(error) => Self::Evaluate(error),
            NewStudyError::TooSmall { .. } => Self::Usage {
                message: error.to_string(),
                help: "choose a larger one by --board, or make the samples smaller".into(),
            },
        }
    }
}
