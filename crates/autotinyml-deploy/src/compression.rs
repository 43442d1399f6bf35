//! The talk's compression factors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How dense kernels are stored. The names are the talk's and promise no ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// As floats.
    #[default]
    X1,
    /// A byte for each weight, and a codebook of 256 floats.
    X4,
    /// Half a byte for each weight, and a codebook of 16 floats.
    X8,
}

impl Compression {
    /// Bits of an index into the codebook. `None`: there is no codebook.
    pub fn index_bits(self) -> Option<u32> {
        match self {
            Self::X1 => None,
            Self::X4 => Some(8),
            Self::X8 => Some(4),
        }
    }

    /// Floats in a full codebook. `None`: there is no codebook.
    pub fn codebook_len(self) -> Option<usize> {
        self.index_bits().map(|bits| 1 << bits)
    }

    /// Bytes of a kernel of `weights` numbers when stored with a full codebook. `None`: there is no
    /// codebook.
    pub fn shared_bytes(self, weights: usize) -> Option<usize> {
        let indices = (weights * self.index_bits()? as usize).div_ceil(8);
        Some(indices + self.codebook_len()? * size_of::<f32>())
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X1 => "x1",
            Self::X4 => "x4",
            Self::X8 => "x8",
        })
    }
}

/// A text that names no compression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown compression \"{0}\", expected \"x1\", \"x4\" or \"x8\"")]
pub struct UnknownCompression(pub String);

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(text: &str) -> Result<Self, UnknownCompression> {
        match text {
            "x1" => Ok(Self::X1),
            "x4" => Ok(Self::X4),
            "x8" => Ok(Self::X8),
            _ => Err(UnknownCompression(text.to_string())),
        }
    }
}
