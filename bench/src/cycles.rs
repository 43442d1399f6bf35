//! A model of the cycles that a Cortex-M4F takes for an inference, from the instructions that the emulator
//! ran: each counts what Arm's Cortex-M4 Technical Reference Manual (r0p1, tables 3-1 and 7-1) says. It was
//! never held against a chip: how far it is from one is not known.
//!
//! - `n` registers loaded or stored at once take 1 + n cycles, single ones 2, or 1 right behind another.
//! - A fused multiply-add takes 3, a division of floats 14, of integers 12 (2 to 12 by its operands).
//! - A branch that is taken takes 2 more to fill the pipeline (1 to 3 by what it leads to).
//! - Code comes without wait states, as from a cache or a prefetch buffer. [`flash_reads`] counts what is
//!   read of the weights.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use autotinyml_deploy::c_function::{c_function, has_pairs};
use autotinyml_deploy::lower::{Kernel, Operation, Window, lower};
use autotinyml_deploy::{Compression, Core, DeployError, IndexBits, run_command, shared_kernels};
use autotinyml_nn::Network;

/// Cycles to fill the pipeline behind a branch that is taken.
const REFILL: u64 = 2;

/// Wait states of an STM32L476's flash at 80 MHz.
pub const WAIT_STATES: u64 = 4;

/// Its clock.
pub const CYCLES_PER_MS: f64 = 80_000.0;

/// Bytes that its flash reads at once.
const FLASH_BYTES: u64 = 8;

/// What was run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Instructions.
    pub instructions: u64,
    /// Cycles that the model gives them.
    pub cycles: u64,
}

/// Instructions that run one after the other.
struct Block {
    end: u32,
    executed: Executed,
}

/// Runs the selftest `program` for a `core` on one `input` and counts what `network_run` and all that it
/// calls execute. Its files go into `folder`.
///
/// # Errors
/// The emulator's.
pub fn trace(
    program: &Path,
    core: Core,
    emulator: &Path,
    input: &[f32],
    folder: &Path,
) -> Result<Executed, DeployError> {
    let path = folder.join("inputs.bin");
    std::fs::write(&path, input.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
        .map_err(|source| DeployError::File { path, source })?;
    let log = folder.join("trace.log");
    let machine = core.machine().flags();
    let mut command = Command::new(emulator);
    // Without the exact clock, so that blocks are not cut to its ticks.
    let flags = machine.iter().filter(|flag| !["-icount", "shift=4"].contains(flag));
    command.current_dir(folder).args(flags);
    command.args(["-d", "in_asm,exec,nochain", "-D"]).arg(&log).arg("-kernel").arg(program);
    run_command(command, Duration::from_secs(600))?;
    let unreadable = |source| DeployError::File { path: log.clone(), source };
    count(BufReader::new(File::open(&log).map_err(unreadable)?)).map_err(unreadable)
}

/// Reads QEMU's log. Each block of instructions is listed before it runs first:
///
/// ```text
/// IN: autotinyml_dense
/// 0x00000b02:  2900       cmp      r1, #0
/// 0x00000b04:  dd5d       ble      #0xbc2
///
/// Trace 0: 0x7f4518005540 [00800408/00000b02/00000010/ff000200] autotinyml_dense
/// ```
fn count(log: impl BufRead) -> std::io::Result<Executed> {
    let mut blocks: HashMap<u32, Block> = HashMap::new();
    let mut listed: Vec<(u32, String)> = vec![];
    let mut total = Executed::default();
    let (mut is_inside, mut last_end) = (false, None);
    for line in log.lines() {
        let line = line?;
        if let Some(instruction) = line.strip_prefix("0x") {
            let (address, text) = instruction.split_once(':').unwrap_or_default();
            let address = u32::from_str_radix(address, 16).unwrap_or_default();
            listed.push((address, text.to_string()));
        } else if line.starts_with("Trace ") {
            if let Some(&(first, _)) = listed.first() {
                blocks.insert(first, block(&listed));
                listed.clear();
            }
            let address = line.split('/').nth(1).and_then(|at| u32::from_str_radix(at, 16).ok());
            let name = line.rsplit(' ').next().unwrap_or_default();
            if name == "SysTick_Handler" {
                continue; // The clock's interrupts come when they will.
            }
            is_inside = name == "network_run" || is_inside && name != "main";
            let Some(block) = address.and_then(|address| blocks.get(&address)) else { continue };
            if is_inside {
                let is_branched = last_end.is_some() && last_end != address;
                total.instructions += block.executed.instructions;
                total.cycles += block.executed.cycles + u64::from(is_branched) * REFILL;
            }
            last_end = Some(block.end);
        }
    }
    Ok(total)
}

/// Of address and listing of each instruction: its bytes, its name, its operands.
fn block(listed: &[(u32, String)]) -> Block {
    let mut executed = Executed::default();
    let (mut end, mut is_behind_access) = (0, false);
    for (address, text) in listed {
        let words: Vec<&str> = text.split_whitespace().collect();
        let halves = words.iter().take_while(|word| is_half_word(word)).count();
        let name = words.get(halves).map_or("", |name| name.split('.').next().unwrap_or(name));
        let operands = words.get(halves + 1..).unwrap_or_default().join(" ");
        let is_access = is_single_access(name);
        executed.instructions += 1;
        executed.cycles +=
            if is_access && is_behind_access { 1 } else { cycles_of(name, &operands) };
        is_behind_access = is_access;
        end = address + 2 * halves as u32;
    }
    Block { end, executed }
}

fn is_half_word(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_single_access(name: &str) -> bool {
    let is_of = |start| name.starts_with(start) && !name.starts_with(&format!("{start}d"));
    ["ldr", "str"].into_iter().any(is_of) || name.starts_with("vldr") || name.starts_with("vstr")
}

/// Of an instruction that follows no single load or store.
fn cycles_of(name: &str, operands: &str) -> u64 {
    let starts = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    if let Some((_, list)) = operands.split_once('{') {
        let each = if list.starts_with('d') { 2 } else { 1 };
        1 + each * (1 + list.matches(',').count() as u64)
    } else if starts(&["ldrd", "strd"]) {
        3
    } else if is_single_access(name) {
        2
    } else if starts(&["vfm", "vfnm", "vmla", "vmls", "vnml"]) {
        3
    } else if starts(&["vdiv", "vsqrt"]) {
        14
    } else if starts(&["udiv", "sdiv"]) {
        12
    } else if starts(&["vmov"]) && operands.matches(',').count() >= 2 {
        2
    } else {
        1
    }
}

/// How often an inference reads the flash for weights: eight bytes at a time where they follow each other,
/// once for each that is looked up in a codebook, for each two in a table of pairs. A convolution reads its
/// weights for four windows at a time. What a cache for data spares is not taken off.
///
/// # Errors
/// Lowering fails its own check: a defect.
pub fn flash_reads(network: &Network, compression: Compression) -> Result<u64, DeployError> {
    let shared = shared_kernels(network, compression);
    let reads = |kernel: &Kernel| {
        let Some(node) = kernel.weights else { return 0 };
        let (input, output) = (kernel.input, kernel.output);
        let (weights, times) = match kernel.operation {
            Operation::Conv2d { window: Window { size, .. }, pool } => {
                let of_pool = pool.map_or(1, |pool| pool.size[0] * pool.size[1]);
                let windows = output.height * output.width * of_pool;
                (size[0] * size[1] * input.channels * output.channels, windows.div_ceil(4))
            }
            Operation::Dense => (input.len() * output.len(), 1),
            _ => return 0,
        };
        let weights = (weights * times) as u64;
        let bits = shared.iter().find(|kernel| kernel.node == node).map(|kernel| kernel.bits);
        match bits {
            None => weights * 4 / FLASH_BYTES,
            Some(IndexBits::Eight) => weights / FLASH_BYTES + weights,
            Some(IndexBits::Four) if has_pairs(c_function(kernel, bits)) => {
                weights / 2 / FLASH_BYTES + weights / 2
            }
            Some(IndexBits::Four) => weights / 2 / FLASH_BYTES + weights,
        }
    };
    Ok(lower(network)?.iter().map(reads).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_take_what_the_manual_says() {
        for (name, operands, cycles) in [
            ("add", "r4, r4, r9, lsl #2", 1),
            ("ldr", "r3, [r5, #0xc]", 2),
            ("ldrd", "r2, r1, [r5]", 3),
            ("ldmia", "r1!, {r4, r5}", 3),
            ("vldmia", "r1!, {s16, s17, s18, s19, s20, s21, s22, s23}", 9),
            ("vpush", "{d8}", 3),
            ("vfma", "s0, s24, s16", 3),
            ("vdiv", "s0, s1, s2", 14),
            ("vmov", "s0, s1", 1),
            ("vmov", "s0, s1, r2, r3", 2),
        ] {
            assert_eq!(cycles_of(name, operands), cycles, "{name} {operands}");
        }
    }

    #[test]
    fn blocks_count_as_often_as_they_run_and_only_inside() {
        let log = "\
IN: main
0x00000100:  f000 f800  bl       #0x200
Trace 0: 0x7f [00/00000100/10/ff] main
----------------
IN: network_run
0x00000200:  6803       ldr      r3, [r0]
0x00000202:  6844       ldr      r4, [r0, #4]
0x00000204:  3b01       subs     r3, #1
0x00000206:  d1fb       bne      #0x200
Trace 0: 0x7f [00/00000200/10/ff] network_run
Trace 0: 0x7f [00/00000200/10/ff] network_run
IN: network_run
0x00000208:  4770       bx       lr
Trace 0: 0x7f [00/00000208/10/ff] network_run
Trace 0: 0x7f [00/00000100/10/ff] main
";
        // Two loads in a row 2 + 1, two more, twice; a call, a loop; a return.
        let executed = count(log.as_bytes()).unwrap();
        assert_eq!(executed, Executed { instructions: 9, cycles: 2 * 5 + 1 + 2 * REFILL });
    }
}
