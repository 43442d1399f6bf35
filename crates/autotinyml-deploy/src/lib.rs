//! A trained network and a board in; a footprint, a verdict and a C project out.

pub mod board;
pub mod check;
pub mod chip;
mod codebook;
pub mod compress;
pub mod compression;
pub mod cross_accuracy;
pub mod elf;
pub mod emit;
pub mod error;
pub mod fold;
pub mod footprint;
pub mod limits;
pub mod lower;
pub mod overhead;
pub mod plan;
pub mod run;
pub mod st;
pub mod toolchain;

pub use board::{Board, BoardError, Core, Region, RegionKind};
pub use check::{Checked, Subject, check, link, static_footprint};
pub use compress::{CompressedModel, StoredKernel, StoredWeights, compress};
pub use compression::{Compression, UnknownCompression};
pub use cross_accuracy::CrossAccuracy;
pub use elf::{Elf, ElfError};
pub use emit::{Project, write_project};
pub use error::DeployError;
pub use fold::{fold, fold_network};
pub use footprint::{Footprint, RegionUse};
pub use limits::{Accounting, Limits, Verdict};
pub use overhead::{Overhead, Program};
pub use run::{Emulator, Host, Run, Runner};
pub use st::{StAccount, account, compressed_nodes};
pub use toolchain::{CommandError, Ending, Tool, Tools, run_command};
