//! How a command fails: what is printed, and the exit code.

use std::io::{self, Write};
use std::path::PathBuf;

use autotinyml_deploy::{BoardError, DeployError};
use autotinyml_search::SearchError;
use console::Term;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use textwrap::{WordSeparator, WordSplitter};

use crate::compare::on_table::LookUpError;
use crate::data::download::GetError;
use crate::evaluate::EvaluateError;
use crate::report::ReportError;
use crate::samples::SamplesError;
use crate::saved_model::SavedModelError;
use crate::store::StoreError;
use crate::study::StudyError;
use crate::study_file::Unreadable;
use crate::study_file::section::InputError;
use crate::table::TableError;
use crate::table::growing::GrowError;
use crate::table::make::MakeError;

/// Everything that can end a command early.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Failure {
    /// A file of the user's.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Input(#[from] InputError),
    /// A study file that is not there.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unreadable(#[from] Unreadable),
    /// Arguments that make no sense together, or not now.
    #[error("{message}")]
    #[diagnostic(help("{help}"))]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
    /// A board of the user's.
    #[error(transparent)]
    #[diagnostic(help(
        "what a board's file holds: `autotinyml boards NAME`, docs/boards-and-checking.md"
    ))]
    Board(#[from] BoardError),
    /// The data.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// A published data set.
    #[error(transparent)]
    Get(#[from] GetError),
    /// The study's database.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// A study that cannot go on.
    #[error(transparent)]
    Study(StudyError),
    /// A network that cannot be built, trained or compiled.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The compiler or the emulator.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A trained network that cannot be read.
    #[error(transparent)]
    Model(SavedModelError),
    /// The trained network cannot be written.
    #[error(transparent)]
    Save(SavedModelError),
    /// The report.
    #[error(transparent)]
    #[diagnostic(help("let this user write there, and see that the disk is not full"))]
    Report(#[from] ReportError),
    /// A table that cannot be read or written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Table(#[from] TableError),
    /// A table that cannot be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// A result could not be written.
    #[error("cannot write {}: {error}", path.display())]
    #[diagnostic(help(
        "let this user write there, see that the disk is not full, or choose another place"
    ))]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The system does not tell of Ctrl-C.
    #[error("cannot listen to signals: {0}")]
    Signals(io::Error),
    /// Standard output is closed or full.
    #[error("cannot print the results: {0}")]
    Print(#[from] io::Error),
}

impl From<StudyError> for Failure {
    /// What went wrong comes with its own cure.
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Store(error) => Self::Store(error),
            StudyError::Evaluate(error) => Self::Evaluate(error),
            StudyError::Search(_) => Self::Study(error),
        }
    }
}

impl From<LookUpError> for Failure {
    /// What went wrong comes with its own cure.
    fn from(error: LookUpError) -> Self {
        match error {
            LookUpError::Search(error) => Self::Study(error.into()),
            LookUpError::Train(error) => Self::Make(error),
        }
    }
}

impl From<GrowError> for Failure {
    /// What went wrong comes with its own cure.
    fn from(error: GrowError) -> Self {
        match error {
            GrowError::Table(error) => Self::Table(error),
            GrowError::Make(error) => Self::Make(error),
        }
    }
}

impl Failure {
    /// 2 if the user can mend it in the input, 3 if nothing in the space can fit, else 1.
    pub fn exit_code(&self) -> u8 {
        if let Self::Study(StudyError::Search(SearchError::NothingAccepted)) = self {
            return super::NOTHING_DEPLOYABLE;
        }
        let input = matches!(
            self,
            Self::Input(_)
                | Self::Unreadable(_)
                | Self::Usage { .. }
                | Self::Board(_)
                | Self::Samples(_)
                | Self::Get(GetError::NotThere { .. } | GetError::Another { .. })
                | Self::Model(_)
                | Self::Table(_)
                | Self::Make(MakeError::TooLarge | MakeError::Another { .. })
                | Self::Store(StoreError::Missing(_) | StoreError::Empty(_))
                | Self::Evaluate(EvaluateError::Training(_) | EvaluateError::Build(_))
        );
        if input { 2 } else { 1 }
    }

    /// Prints the report to stderr.
    pub fn print(&self) {
        let theme = if console_is_plain() {
            GraphicalTheme::unicode_nocolor()
        } else {
            GraphicalTheme::unicode()
        };
        let mut report = String::new();
        let columns = Term::stderr().size_checked().map_or(100, |(_, columns)| columns.min(100));
        // Names and paths stay whole.
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(columns.into())
            .with_break_words(false)
            .with_word_separator(WordSeparator::AsciiSpace)
            .with_word_splitter(WordSplitter::NoHyphenation);
        match handler.render_report(&mut report, self) {
            Ok(()) => eprint!("{report}"),
            Err(_) => eprintln!("Error: {self}"),
        }
        let _ = io::stderr().flush();
    }
}

fn console_is_plain() -> bool {
    use std::io::IsTerminal;
    std::env::var_os("NO_COLOR").is_some() || !io::stderr().is_terminal()
}
