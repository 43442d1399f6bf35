//! The talk's compression factors, and the same for all layers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How kernels are stored. The names are the talk's and promise no ratio. Which kernels share weights,
/// and by how many bits, is told in [`crate::sharing`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// As floats.
    #[default]
    X1,
    /// Dense kernels: a byte for each weight, and a codebook of 256 floats.
    X4,
    /// Dense kernels: half a byte for each weight, and a codebook of 16 floats.
    X8,
    /// All kernels as the dense ones at ×4.
    X4All,
    /// All kernels as the dense ones at ×8, but for those that lose too much by that: they are as at
    /// ×4.
    X8All,
}

impl Compression {
    /// From the least to the most.
    pub const ALL: [Self; 5] = [Self::X1, Self::X4, Self::X8, Self::X4All, Self::X8All];

    /// As in a study file.
    pub fn name(self) -> &'static str {
        match self {
            Self::X1 => "x1",
            Self::X4 => "x4",
            Self::X8 => "x8",
            Self::X4All => "x4-all",
            Self::X8All => "x8-all",
        }
    }
}

/// Bits of an index into a codebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexBits {
    /// A codebook of 16 floats.
    Four,
    /// A codebook of 256 floats.
    Eight,
}

impl IndexBits {
    /// Floats in a full codebook.
    pub fn codebook_len(self) -> usize {
        match self {
            Self::Four => 16,
            Self::Eight => 256,
        }
    }

    /// Bytes of a full codebook.
    pub fn codebook_bytes(self) -> usize {
        self.codebook_len() * size_of::<f32>()
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no compression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown compression \"{0}\", expected \"x1\", \"x4\", \"x8\", \"x4-all\" or \"x8-all\"")]
pub struct UnknownCompression(pub String);

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(text: &str) -> Result<Self, UnknownCompression> {
        let named = Self::ALL.into_iter().find(|compression| compression.name() == text);
        named.ok_or_else(|| UnknownCompression(text.to_string()))
    }
}
