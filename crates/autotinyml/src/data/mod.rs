//! Readers: from what a user has on disk (or what is built in) to a [`Dataset`] in memory.
//!
//! Files may be damaged or made to harm: every reader works in memory bounded by [`VALUES_MAX`],
//! believes no size that a file claims, and complains by a [`DataError`].

mod bottles;
pub mod csv;
mod csv_rows;
mod csv_windows;
mod digits;
pub mod download;
mod error;
mod files;
pub mod idx;
pub mod labelled;
mod names;
pub mod npz;
mod numbers;
pub mod published;

use std::path::Path;

use autotinyml_nn::{Dataset, Shape};

pub use bottles::{SAMPLES_MAX as BOTTLES_MAX, read as bottles};
pub use csv_rows::read as csv_rows;
pub use csv_windows::read as csv_windows;
pub use digits::read as digits;
pub use error::DataError;
pub(crate) use files::{Classes, csv_files, is_part_of_a_split};
pub use idx::read as idx;
pub use npz::read as npz;
pub(crate) use numbers::in_print;

/// Most values of a data set: 512 MiB of them, as floats. Networks of microcontroller size learn
/// from less: Fashion-MNIST has 55 million.
pub const VALUES_MAX: usize = 1 << 27;

/// A data set, and what its reader has to tell about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// All samples, in their own units.
    pub dataset: Dataset,
    /// Values after which the channels of a sample repeat, to standardise each channel by its own
    /// mean and deviation: 3 for windows of x, y, z; 1 for a grey picture.
    pub period: usize,
    /// Titles of the columns that the values of a period come from, if there are such.
    pub columns: Option<Vec<String>>,
    /// What was dropped and why, in print.
    pub notes: Vec<String>,
}

/// Which values of a sample share a mean and a deviation, to be standardised by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Those of a channel: pictures.
    Channels,
    /// Those of a column (and channel): measurements, each column by a sensor of its own.
    Columns,
    /// None: each value has its own.
    Values,
}

/// Scales go into the flash of the chip, so there may not be any number of them.
const SCALES_MAX: usize = 256;

impl Scale {
    /// Values after which the scales repeat.
    fn period(self, shape: Shape, path: &Path) -> Result<usize, DataError> {
        let period = match self {
            Self::Channels => shape.channels,
            Self::Columns => shape.width * shape.channels,
            Self::Values => shape.len(),
        };
        if period <= SCALES_MAX {
            return Ok(period);
        }
        let found = format!("{period} scales for samples of {shape}");
        let expected = format!("at most {SCALES_MAX}, which the chip keeps");
        let cure = "set `shape` and scale = \"channels\" in [data]";
        Err(DataError::new(path, found, expected, cure))
    }
}

/// A file, or several, with more than can be meant.
fn too_large(path: &Path, what: &str) -> DataError {
    let found = format!("more than {VALUES_MAX} {what}");
    DataError::new(path, found, "no more than that", "keep a part of it: boards are small")
}
