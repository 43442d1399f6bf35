//! The network on an emulated Cortex-M: `selftest.c`, built by the cross compiler, under QEMU.
//!
//! The [machine](crate::cortex::Machine) has room for networks of many megabytes; the chip's limits
//! are the linker script's business. Instructions are counted exactly: `-icount` lets the virtual
//! clock advance by a fixed time for each, and the program reads that clock (SysTick). QEMU knows
//! nothing of flash wait states or pipelines: the count is not a latency.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::compile::ChipObjects;
use super::{Run, Runner, read_floats, write_floats};
use crate::chip::overflows;
use crate::command::run_command;
use crate::cortex::{Core, Machine};
use crate::elf::{Object, objects};
use crate::error::DeployError;

/// `shift=4`: every instruction takes 2⁴ ns of virtual time.
const NANOSECONDS_PER_INSTRUCTION: u64 = 16;

/// Instructions for each MACC of a network, about; time limits leave twenty times as long: 3.4 for experiment
/// 1's baseline at ×4 on a Cortex-M4F; where floats are the library's work 82 on a Cortex-M3 and 169 on a
/// Cortex-M0 for the small network that the tests run on every core, which takes a Cortex-M4F 5.6.
pub fn instructions_per_macc(core: Core) -> u64 {
    if core.has_float_unit() { 5 } else { 200 }
}

/// QEMU runs about 100 million a second; this is for a machine that is busy.
const INSTRUCTIONS_PER_SECOND: u64 = 5_000_000;

/// For QEMU to start.
const TIMEOUT_AT_LEAST: Duration = Duration::from_secs(60);

/// A program for the emulated machine.
#[derive(Debug)]
pub struct Emulator {
    emulator: PathBuf,
    machine: Machine,
    folder: TempDir,
    lengths: [usize; 2],
    timeout_at_least: Duration,
    timeout_per_input: Duration,
}

impl Emulator {
    /// Links the selftest of a network with `lengths` inputs and outputs, to be run by the QEMU
    /// program `emulator`; how long that may take follows from the network's `macc`. `None`: the
    /// program is larger than the memory of the emulated machine.
    ///
    /// # Errors
    /// The linker's, with its command line and what it said.
    pub fn link(
        objects: &ChipObjects,
        emulator: &Path,
        lengths: [usize; 2],
        macc: u64,
    ) -> Result<Option<Self>, DeployError> {
        let folder = super::temporary_folder()?;
        let program = folder.path().join("selftest.elf");
        match objects.link("emulator.ld", &["selftest", "semihosting"], &[], &program) {
            Err(DeployError::Command(error)) if overflows(&error.stderr).is_some() => {
                return Ok(None);
            }
            linked => linked?,
        }
        let instructions = macc.saturating_mul(instructions_per_macc(objects.core()));
        let milliseconds = instructions.saturating_mul(1000) / INSTRUCTIONS_PER_SECOND;
        Ok(Some(Self {
            emulator: emulator.to_path_buf(),
            machine: objects.core().machine(),
            folder,
            lengths,
            timeout_at_least: TIMEOUT_AT_LEAST,
            timeout_per_input: Duration::from_millis(milliseconds),
        }))
    }
}

impl Emulator {
    /// The program, an ELF file that is there as long as this is.
    pub fn program(&self) -> PathBuf {
        self.folder.path().join("selftest.elf")
    }

    /// The same program with weights of 0 and biases of 1: no layer finds zeros to pass over, so that this
    /// takes the most instructions that there can be, but for the few by which activation functions and pooling differ from
    /// value to value.
    ///
    /// # Errors
    /// The program cannot be read or written.
    pub fn without_zeros(&self) -> Result<Self, DeployError> {
        let folder = super::temporary_folder()?;
        let (from, to) = (self.program(), folder.path().join("selftest.elf"));
        let unreadable = |source| DeployError::File { path: from.clone(), source };
        let mut program = fs::read(&from).map_err(unreadable)?;
        for Object { name, range } in objects(&program, &from)? {
            let values = program[range].as_chunks_mut::<4>().0;
            if is_network_array(&name, &["weights", "codebook"]) {
                values.fill(0.0_f32.to_le_bytes());
            } else if is_network_array(&name, &["bias"]) {
                values.fill(1.0_f32.to_le_bytes());
            }
        }
        fs::write(&to, program).map_err(|source| DeployError::File { path: to, source })?;
        let emulator = self.emulator.clone();
        Ok(Self { emulator, folder, ..*self })
    }
}

/// Whether a symbol is that of an array in `weights.bin` of one of these kinds.
fn is_network_array(symbol: &str, kinds: &[&str]) -> bool {
    let kind = symbol.strip_prefix("network_").and_then(|name| name.rsplit('_').next());
    kind.is_some_and(|kind| kinds.contains(&kind))
}

impl Runner for Emulator {
    fn run(&self, inputs: &[f32]) -> Result<Run, DeployError> {
        let [input, output] = self.lengths;
        let (folder, samples) = (self.folder.path(), inputs.len() / input);
        write_floats(&folder.join("inputs.bin"), inputs)?;
        let mut command = Command::new(&self.emulator);
        // The program opens its files where QEMU runs.
        command.current_dir(folder).args(self.machine.flags()).args(["-kernel", "selftest.elf"]);
        run_command(command, self.timeout_at_least + self.timeout_per_input * samples as u32)?;
        let outputs = read_floats(&folder.join("outputs.bin"), samples * output)?;
        let path = folder.join("measurements.txt");
        let text =
            fs::read_to_string(&path).map_err(|source| DeployError::File { path, source })?;
        let measured = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|number| number.trim().parse::<u64>().ok())
        };
        let instructions = |ticks| {
            ticks * self.machine.nanoseconds_per_tick
                / NANOSECONDS_PER_INSTRUCTION
                / samples.max(1) as u64
        };
        Ok(Run {
            outputs,
            instructions: measured("ticks ").map(instructions),
            stack_bytes: measured("stack_bytes ").map(|bytes| bytes as usize),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_emulator_that_hangs_is_an_error_that_names_it() {
        let folder = TempDir::new().unwrap();
        let hangs = folder.path().join("qemu");
        fs::write(&hangs, "#!/bin/sh\necho waiting >&2\nsleep 60\n").unwrap();
        fs::set_permissions(&hangs, fs::Permissions::from_mode(0o755)).unwrap();
        let emulator = Emulator {
            emulator: hangs,
            machine: Core::CortexM4f.machine(),
            folder,
            lengths: [1, 1],
            timeout_at_least: Duration::from_millis(200),
            timeout_per_input: Duration::from_millis(100),
        };
        let message = emulator.run(&[1.0]).unwrap_err().to_string();
        assert!(message.contains("/qemu -machine mps2-an386"), "{message}");
        assert!(message.contains("did not end within 0.3 s and was killed"), "{message}");
        assert!(message.contains("waiting"), "{message}");
        // The more inputs, the more time.
        let message = emulator.run(&[1.0; 5]).unwrap_err().to_string();
        assert!(message.contains("did not end within 0.7 s"), "{message}");
    }
}
