//! `autotinyml quickstart`: a whole study on built-in data.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use autotinyml_deploy::Boards;

use super::Failure;
use super::job::{Job, all_cores};
use crate::study_file::StudyFile;
use crate::study_file::section::SourceText;

const STUDY: &str = include_str!("../../../../examples/quickstart.toml");

/// A whole study on built-in data: handwritten digits on a chip with 64 KiB of flash.
///
/// Run again, it goes on where it was interrupted.
#[derive(clap::Args)]
pub struct Arguments {
    /// The study's folder.
    #[arg(long, value_name = "DIR", default_value = "runs/quickstart")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let source = SourceText { name: "examples/quickstart.toml".into(), text: STUDY.into() };
    Job {
        study: StudyFile::parse(&source, &Boards::default())?.into_study()?,
        folder: Path::new(&arguments.out).to_owned(),
        resume: true,
        jobs: all_cores(),
        json: false,
        quiet: false,
    }
    .run()
}
