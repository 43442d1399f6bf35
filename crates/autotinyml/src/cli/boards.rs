//! `autotinyml boards`: the boards that there are.

use std::path::PathBuf;
use std::process::ExitCode;

use autotinyml_deploy::{Board, Boards, RegionKind};

use super::{Failure, print};
use crate::study_file::section::nearest;

/// The user's own boards, for every command that names one.
#[derive(clap::Args)]
pub struct OwnBoards {
    /// A folder of boards of your own, a TOML file each.
    #[arg(long = "boards", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl OwnBoards {
    /// The catalogue with them.
    pub fn read(&self) -> Result<Boards, Failure> {
        Ok(match &self.folder {
            Some(folder) => Boards::with_folder(folder)?,
            None => Boards::default(),
        })
    }
}

/// The boards that networks can be fitted to, and where their figures come from.
#[derive(clap::Args)]
pub struct Arguments {
    /// The board to tell all about [default: a table of all boards].
    name: Option<String>,
    #[command(flatten)]
    own: OwnBoards,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let boards = arguments.own.read()?;
    print(&match &arguments.name {
        Some(name) => details(named(&boards, name)?),
        None => table(&boards),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The board with this name.
pub fn named<'a>(boards: &'a Boards, name: &str) -> Result<&'a Board, Failure> {
    boards.named(name).ok_or_else(|| {
        let guess = nearest(name, boards.names().into_iter());
        let guess = guess.map_or(String::new(), |guess| format!("did you mean \"{guess}\"? "));
        Failure::Usage {
            message: format!("\"{name}\" is not a board"),
            help: format!("{guess}`autotinyml boards` lists them; --boards DIR adds your own"),
        }
    })
}

/// Columns of a terminal.
const WIDTH: usize = 80;

/// A line for each board, as long as a terminal is wide.
fn table(boards: &Boards) -> String {
    let longest = boards.names().iter().map(|name| name.len()).max().unwrap_or(0);
    let line = |name: &str, core: &str, flash: &str, ram: &str, title: &str| {
        let line = format!("{name:<longest$} {core:<6} {flash:>5} {ram:<14} {title}");
        match line.char_indices().nth(WIDTH) {
            None => format!("{}\n", line.trim_end()),
            Some(_) => format!("{}…\n", line.chars().take(WIDTH - 1).collect::<String>()),
        }
    };
    let mut text = line("name", "Cortex", "flash", "RAM in KiB", "chip");
    for board in boards.iter() {
        let kib = |kind| {
            let regions = board.regions.iter().filter(|region| region.kind == kind);
            let sizes = regions.map(|region| (region.length_bytes / 1024).to_string());
            sizes.collect::<Vec<_>>().join("+")
        };
        let core = board.core.name().trim_start_matches("cortex-").to_uppercase();
        let core = core.replace("PLUS", "+");
        text +=
            &line(&board.name, &core, &kib(RegionKind::Flash), &kib(RegionKind::Ram), &board.title);
    }
    text + "\n`autotinyml boards NAME` tells all of one board, with sources.\n"
}

fn details(board: &Board) -> String {
    let mut text = format!("{}: {}\n\n", board.name, board.title);
    text += &format!("{}, {} MHz\n", board.core.name(), board.clock_hz / 1_000_000);
    text += &format!("    {}\n", board.clock_source);
    for region in &board.regions {
        let kind = match region.kind {
            RegionKind::Flash => "flash",
            RegionKind::Ram => "RAM",
        };
        let stack = if region.name == board.stack { ", holds the stack" } else { "" };
        text += &format!(
            "{}: {} bytes of {kind} at {:#010x}{stack}\n    {}\n",
            region.name, region.length_bytes, region.origin, region.source
        );
    }
    if let Some(flashing) = &board.flashing {
        text += &format!("\nTo flash it: {flashing}\n");
    }
    text
}
