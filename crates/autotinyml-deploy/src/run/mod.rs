//! Programs built from a firmware folder that run its network: on this computer and under an
//! emulator. Same inputs, same answers.

pub mod compile;
pub mod emulator;
pub mod host;
pub mod objects;

pub use emulator::Emulator;
pub use host::Host;
pub use objects::SharedObjects;

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

/// By how much outputs of two runners may differ, relative to those larger than 1: one may fuse a
/// multiplication and an addition where the other rounds twice.
const TOLERANCE: f32 = 1e-3;

/// Compares the emulator's outputs with this computer's, `outputs` of each of these `inputs`.
///
/// # Errors
/// [`DeployError::RunnersDiffer`]: an output differs by more than rounding explains, or only one
/// is a number.
pub fn compare_runners(
    inputs: &[usize],
    host: &[f32],
    emulated: &[f32],
    outputs: usize,
) -> Result<(), DeployError> {
    for (index, (&host, &emulated)) in host.iter().zip(emulated).enumerate() {
        let near = match (host.is_finite(), emulated.is_finite()) {
            (true, true) => (host - emulated).abs() <= TOLERANCE * host.abs().max(1.0),
            (host_is_finite, emulated_is_finite) => host_is_finite == emulated_is_finite,
        };
        if !near {
            let (input, output) = (inputs[index / outputs], index % outputs);
            return Err(DeployError::RunnersDiffer { input, output, host, emulated });
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_may_differ_by_rounding_only() {
        let host = [0.25, 0.75, 2000.0, f32::NAN, 0.5, f32::INFINITY];
        let near = [0.2501, 0.7495, 2001.9, f32::INFINITY];
        assert!(compare_runners(&[4, 7, 9], &host, &near, 2).is_ok());
        for (index, far) in [(0, 0.2511), (2, 2002.1), (3, 0.0), (4, f32::NAN), (5, 1e38)] {
            let mut emulated = host;
            emulated[index] = far;
            let error = compare_runners(&[4, 7, 9], &host, &emulated, 2).unwrap_err();
            let DeployError::RunnersDiffer { input, output, .. } = error else { panic!("{error}") };
            assert_eq!((input, output), ([4, 7, 9][index / 2], index % 2));
        }
        insta::assert_snapshot!(
            compare_runners(&[4, 7, 9], &host, &[0.25, 0.5], 2).unwrap_err(),
            @"output 1 of input 4 (from 0) is 0.75 on this computer, but 0.5 under the emulator"
        );
    }
}
