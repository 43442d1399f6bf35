//! The network on this computer: `host.c`, built by its C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::compile::{Compiling, link, network_sources};
use super::{Run, Runner, read_floats, write_floats};
use crate::command::run_command;
use crate::error::DeployError;

/// A large network takes a few hundredths of a second; this is for a machine that is busy.
const TIMEOUT_PER_INPUT: Duration = Duration::from_millis(200);

/// For the program to start and to write its file.
const TIMEOUT_AT_LEAST: Duration = Duration::from_secs(60);

/// A program for this computer.
#[derive(Debug)]
pub struct Host {
    compiling: Compiling,
    lengths: [usize; 2],
}

impl Host {
    /// Builds the firmware folder `project`, whose network has `lengths` inputs and outputs, with
    /// further `options` of the compiler.
    ///
    /// # Errors
    /// The compiler's, with its command line and what it said.
    pub fn build(
        compiler: &Path,
        options: &[&str],
        project: &Path,
        lengths: [usize; 2],
    ) -> Result<Self, DeployError> {
        let compiling = Compiling::new(compiler, options, project)?;
        let mut sources = network_sources(project)?;
        sources.push(PathBuf::from("host.c"));
        let objects = compiling.compile(&sources)?;
        link(compiler, options, &objects, &compiling.folder().join("host"))?;
        Ok(Self { compiling, lengths })
    }
}

impl Runner for Host {
    fn run(&self, inputs: &[f32]) -> Result<Run, DeployError> {
        let [input, output] = self.lengths;
        let (folder, samples) = (self.compiling.folder(), inputs.len() / input);
        write_floats(&folder.join("inputs.bin"), inputs)?;
        let mut command = Command::new(folder.join("host"));
        command.current_dir(folder).args(["inputs.bin", "outputs.bin"]);
        run_command(command, TIMEOUT_AT_LEAST + TIMEOUT_PER_INPUT * samples as u32)?;
        let outputs = read_floats(&folder.join("outputs.bin"), samples * output)?;
        Ok(Run { outputs, instructions: None, stack_bytes: None })
    }
}
