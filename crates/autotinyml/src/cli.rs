//! The program: one file per subcommand.
//!
//! Progress goes to stderr, results to stdout. Exit codes: 0 done, 1 the work failed, 2 the input is
//! wrong, 3 finished, but nothing deployable was found, 130 and 143 interrupted by Ctrl-C and SIGTERM.

mod boards;
mod check;
mod combinations;
mod compare;
mod completions;
mod data;
mod doctor;
mod export;
mod failure;
mod job;
mod judge;
mod limits;
mod load;
mod man;
mod new;
mod opened;
mod optimize;
mod out;
mod preamble;
mod progress;
mod quickstart;
mod report;
mod searchers;
mod signals;
mod supervisor;
mod table;
mod temporary;

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use console::Term;
use textwrap::{WordSeparator, WordSplitter};

pub use failure::Failure;

use crate::in_print::unbroken;

/// Exit code when a study finished without a deployable network.
const NOTHING_DEPLOYABLE: u8 = 3;

/// Finds, for a data set and a microcontroller, the most accurate network that really fits the
/// chip, and hands over the C project that runs it.
#[derive(Parser)]
#[command(name = "autotinyml", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Quickstart(quickstart::Arguments),
    New(new::Arguments),
    Optimize(optimize::Arguments),
    Check(check::Arguments),
    Compare(compare::Arguments),
    Data(data::Arguments),
    Export(export::Arguments),
    Judge(judge::Arguments),
    Report(report::Arguments),
    Table(table::Arguments),
    Boards(boards::Arguments),
    /// The algorithms that can search.
    Searchers,
    Completions(completions::Arguments),
    Man(man::Arguments),
    /// What this machine has and lacks, and the line that installs it.
    Doctor,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let command = Arguments::parse().command;
    if matches!(command, Command::Quickstart(_) | Command::Optimize(_))
        && supervisor::study().is_none()
        && let Some(code) = supervisor::supervise()
    {
        return code;
    }
    let done = signals::watch().map_err(Failure::Signals).and_then(|()| run(command));
    signals::clean_up();
    done.unwrap_or_else(|failure| {
        failure.print();
        ExitCode::from(failure.exit_code())
    })
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Quickstart(arguments) => quickstart::run(&arguments),
        Command::New(arguments) => new::run(&arguments),
        Command::Optimize(arguments) => optimize::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Table(arguments) => table::run(&arguments),
        Command::Boards(arguments) => boards::run(&arguments),
        Command::Searchers => searchers::run(),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
        Command::Doctor => doctor::run(),
    }
}

/// How wide results may be: as the terminal, but not wider than reads well; elsewhere, 100 columns.
fn columns() -> u16 {
    const COLUMNS_MAX: u16 = 120;
    Term::stdout().size_checked().map_or(100, |(_, columns)| columns.min(COLUMNS_MAX))
}

/// Text broken between words, never within a name or a path, nor before a unit. A line that is indented
/// goes on so.
fn filled(text: &str, columns: u16) -> String {
    let line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        let options = textwrap::Options::new(columns.into());
        let at_spaces = options
            .subsequent_indent(indent)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        textwrap::fill(&unbroken(line), at_spaces).replace('\u{a0}', " ")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Prints a result.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
