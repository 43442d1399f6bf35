//! A trained network and a board in; a footprint, a verdict and a C project out.

pub mod board;
pub mod elf;
pub mod error;
pub mod footprint;
pub mod toolchain;

pub use board::{Board, BoardError, Core, Region, RegionKind};
pub use elf::{Elf, ElfError};
pub use error::DeployError;
pub use footprint::{Accounting, Footprint, Limits, RegionUse, Verdict};
pub use toolchain::{CommandError, Ending, Tool, Tools, run_command};
