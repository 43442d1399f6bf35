//! Programs built from a firmware folder that run its network: on this computer and under an
//! emulator. Same inputs, same answers.

pub mod compile;
pub mod emulator;
pub mod host;

pub use emulator::Emulator;
pub use host::Host;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::error::DeployError;

/// A program that runs a network.
pub trait Runner {
    /// Runs it on inputs as a sensor gives them (not standardised), `n × input.len()` values.
    ///
    /// # Errors
    /// The program fails, takes too long, or writes fewer outputs than it got inputs.
    fn run(&self, inputs: &[f32]) -> Result<Run, DeployError>;
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// `n × output.len()` values.
    pub outputs: Vec<f32>,
    /// Mean instructions of one call of `network_run`. `None`: this runner cannot count.
    pub instructions: Option<u64>,
    /// Deepest stack of the calls. `None`: this runner cannot measure.
    pub stack_bytes: Option<usize>,
}

fn temporary_folder() -> Result<TempDir, DeployError> {
    TempDir::with_prefix("autotinyml-")
        .map_err(|source| DeployError::File { path: std::env::temp_dir(), source })
}

fn write_floats(path: &Path, values: &[f32]) -> Result<(), DeployError> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(path, bytes).map_err(|source| DeployError::File { path: path.to_path_buf(), source })
}

fn read_floats(path: &Path, expected: usize) -> Result<Vec<f32>, DeployError> {
    let bytes =
        fs::read(path).map_err(|source| DeployError::File { path: path.to_path_buf(), source })?;
    let (chunks, rest) = bytes.as_chunks::<4>();
    if chunks.len() != expected || !rest.is_empty() {
        return Err(DeployError::Outputs { bytes: bytes.len(), expected_bytes: expected * 4 });
    }
    Ok(chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}
