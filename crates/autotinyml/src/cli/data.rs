//! `autotinyml data`: published data sets, fetched and checked; and a look at pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use autotinyml_deploy::Boards;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, columns, filled, print};
use crate::contact_sheet::{contact_sheet, png};
use crate::data::download::{self, Got};
use crate::data::published::Published;
use crate::in_print::counted;
use crate::samples::{self, SamplesError};
use crate::study_file::{StudyFile, read_text};

/// Published data sets: what there is, and getting it. And a look at pictures.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The data sets that `get` knows.
    List,
    /// Fetches a published data set, checks it, and says how a study reads it.
    Get {
        /// As in `data list`.
        name: String,
        /// Where to put it [default: data/NAME].
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// A folder with the publisher's files, to copy and check instead of fetching them.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Draws the first samples of each class side by side, if they are pictures.
    Show {
        /// A study or network file with a [data] section.
        file: PathBuf,
        /// Where the data is, instead of `path` in the file.
        #[arg(long, value_name = "PATH")]
        data: Option<PathBuf>,
        /// Samples of each class.
        #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=100))]
        columns: u16,
        /// Where to draw them, a PNG file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::List => list(),
        Command::Get { name, out, from } => {
            let set = Published::catalogue().iter().find(|set| set.name == *name);
            let set = set.ok_or_else(|| {
                let names = Published::catalogue().iter().map(|set| set.name.as_str());
                Failure::Usage {
                    message: format!("\"{name}\" is not a data set that can be fetched"),
                    help: format!("known: {}", names.collect::<Vec<_>>().join(", ")),
                }
            })?;
            let folder = out.clone().unwrap_or_else(|| Path::new("data").join(name));
            get(set, &folder, from.as_deref())
        }
        Command::Show { file, data, columns, out } => {
            show(file, data.as_deref(), usize::from(*columns), out)
        }
    }
}

fn list() -> Result<ExitCode, Failure> {
    let mut text = String::new();
    for set in Published::catalogue() {
        let Published { name, title, license, citation, source, files, .. } = set;
        let size = match set.bytes() as f64 / 1000.0 {
            kilobytes if kilobytes < 1000.0 => format!("{kilobytes:.1} KB"),
            kilobytes => format!("{:.1} MB", kilobytes / 1000.0),
        };
        let count = counted(files.len(), "file");
        text += &format!("{name}  {title}\n    {size} in {count} from {source}\n");
        text += &format!("    licence: {license}\n    cite: {citation}\n");
    }
    print(&filled(&text, columns()))?;
    Ok(ExitCode::SUCCESS)
}

fn get(set: &Published, folder: &Path, from: Option<&Path>) -> Result<ExitCode, Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::Write { path: folder.to_owned(), error })?;
    let bar = ProgressBar::new(set.bytes());
    bar.set_style(
        ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes} {msg}")
            .expect("a template"),
    );
    let mut done = 0;
    let mut already = 0;
    for file in &set.files {
        bar.set_message(file.name.clone());
        let got = download::get(file, folder, from, &mut |bytes| bar.set_position(done + bytes))?;
        already += usize::from(got == Got::Already);
        done += file.bytes;
        bar.set_position(done);
    }
    bar.finish_and_clear();
    if already > 0 {
        eprintln!("{already} of {} files were there already", set.files.len());
    }
    let count = set.files.len();
    // A study file's paths count from its own folder.
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    let path = toml::Value::String(absolute.display().to_string());
    print(&format!(
        "files checked: {count}, in {}\n\n[data]\npath   = {path}\n{}\n",
        folder.display(),
        set.study
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn show(
    file: &Path,
    place: Option<&Path>,
    columns: usize,
    out: &Path,
) -> Result<ExitCode, Failure> {
    let usage = |message: String, help: &str| Failure::Usage { message, help: help.into() };
    let study = StudyFile::parse(&read_text(file)?, &Boards::default())?;
    let mut reader = study.data.map(|plan| plan.reader).ok_or_else(|| {
        usage(format!("{} has no [data]", file.display()), "name a study file, or add [data]")
    })?;
    if let Some(place) = place {
        reader.read_from(place);
    }
    let data = samples::read(&reader).map_err(SamplesError::Data)?.dataset;
    let sheet = contact_sheet(&data, columns).ok_or_else(|| {
        let message = format!("samples of {} are no pictures", data.shape);
        usage(message, "expected 1 or 3 channels, and at most 512 rows and columns")
    })?;
    fs::write(out, png::encode(&sheet))
        .map_err(|error| Failure::Write { path: out.to_owned(), error })?;
    let rows: Vec<String> = data.classes.iter().map(|class| format!("  {class}\n")).collect();
    print(&format!("written: {}, a row for each class:\n{}", out.display(), rows.concat()))?;
    Ok(ExitCode::SUCCESS)
}
