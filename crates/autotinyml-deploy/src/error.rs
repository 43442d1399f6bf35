//! What can go wrong that is not a verdict.

use std::path::PathBuf;

use crate::command::CommandError;
use crate::elf::ElfError;
use crate::lower::LowerError;
use crate::plan::PlanError;

/// A failure of the machinery. A network that does not fit is not one: that is a
/// [`Verdict`](crate::limits::Verdict).
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A compiler, linker or emulator failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A linked program that could not be understood.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// Lowering failed its own check: a defect of this crate.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// The memory plan failed its own check: a defect of this crate.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The C program answers otherwise on this computer than under the emulator: a compiler, the
    /// emulator or the C is wrong, so that nothing is known of the network.
    #[error(
        "output {output} of input {input} (from 0) is {host} on this computer, but {emulated} under \
         the emulator"
    )]
    RunnersDiffer {
        /// Number of the input, from 0.
        input: usize,
        /// Number of the output, from 0.
        output: usize,
        /// On this computer.
        host: f32,
        /// Under the emulator.
        emulated: f32,
    },
    /// A program that ran to its end without giving all outputs.
    #[error("the program wrote {bytes} bytes of outputs, expected {expected_bytes}")]
    Outputs {
        /// What it wrote.
        bytes: usize,
        /// What all outputs take.
        expected_bytes: usize,
    },
}
