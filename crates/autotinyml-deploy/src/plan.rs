//! Where in the arena each buffer between two kernels lies.
//!
//! The network's input and output are the caller's. Any other buffer is live from the kernel that
//! writes it to the last one that reads it, and must keep away from all others that are live at the
//! same time, but for one case: a kernel's output may lie over an input that dies with that kernel, if
//! it begins at least a *lead* before it, so far that the kernel writes no value over one that it has
//! still to read (`plan/lead.rs`). How offsets are found is told in `plan/places.rs`.
//!
//! A map that only a dense layer reads need not exist as a whole. *Streamed*, it is written some
//! pixels at a time, a *part*, and each part is added to the dense layer's sums before the next takes
//! its place (`plan/parts.rs`). Nothing is computed twice. The two kernels then run by turns: the
//! first one's inputs stay live until the last part, and the sums are live from the first. So it can
//! also cost more than to lay the whole map over a dying input; the plan streams where that makes the
//! arena smaller.
//!
//! [`Plan::check`] proves each plan anew by walking through what each kernel reads and writes.

mod lead;
mod parts;
mod places;
#[cfg(test)]
mod tests;

use std::fmt;

use autotinyml_nn::Source;

use crate::lower::Kernel;
use lead::{Step, steps};
use parts::{Parts, all_streamed, is_streamable};
use places::{places, rivals};

const FLOAT_BYTES: usize = 4;

/// Where each kernel's output lies. All sizes and offsets are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Buffers between kernels, in the order of the kernels: the output of kernel k is buffer k,
    /// except the last, which is the caller's.
    pub buffers: Vec<Buffer>,
    /// Size of the arena.
    pub arena_bytes: usize,
}

/// The output of one kernel and the input of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Name of the kernel that writes it.
    pub name: String,
    /// Where in the arena it begins.
    pub offset_bytes: usize,
    /// Its size: of a part if it is streamed.
    pub length_bytes: usize,
    /// Pixels of a part, the last one being smaller where they don't divide the map. `None`: it
    /// exists as a whole.
    pub part_pixels: Option<usize>,
}

/// A plan that would overwrite values before they were read: a defect of this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory plan: {problem}")]
pub struct PlanError {
    /// Which kernel, and what it would overwrite.
    pub problem: String,
}

/// The smallest arena that is found for these kernels.
///
/// # Errors
/// The plan fails its own check: a defect.
pub fn plan(kernels: &[Kernel]) -> Result<Plan, PlanError> {
    let mut parts = all_streamed(kernels);
    let mut plan = smallest(kernels, &parts);
    for k in 0..kernels.len() {
        let Some(pixels) = parts[k].take() else { continue };
        let whole = smallest(kernels, &parts);
        if whole.arena_bytes <= plan.arena_bytes {
            plan = whole;
        } else {
            parts[k] = Some(pixels);
        }
    }
    plan.check(kernels)?;
    Ok(plan)
}

/// The smallest arena that is found if these parts are streamed.
fn smallest(kernels: &[Kernel], parts: &Parts) -> Plan {
    let between = &kernels[..kernels.len() - 1];
    let lengths = parts::lengths(kernels, parts);
    let rivals = rivals(kernels, parts, &lengths);
    let lengths = &lengths[..between.len()];
    let (mut too_small, mut enough) = (None, lengths.iter().sum());
    // Bisection between the largest buffer, which may be enough, and all of them side by side.
    let mut trial = lengths.iter().copied().max().unwrap_or(0);
    while trial < enough {
        match places(lengths, &rivals, trial) {
            Some(_) => enough = trial,
            None => too_small = Some(trial),
        }
        trial = too_small.map_or(enough, |small| usize::midpoint(small + 1, enough));
    }
    let side_by_side = || {
        let ends = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end - length)
        });
        ends.collect()
    };
    let offsets = places(lengths, &rivals, enough).unwrap_or_else(side_by_side);
    let buffer = |(k, offset): (usize, usize)| Buffer {
        name: between[k].name.clone(),
        offset_bytes: offset * FLOAT_BYTES,
        length_bytes: lengths[k] * FLOAT_BYTES,
        part_pixels: parts[k],
    };
    let buffers = offsets.into_iter().enumerate().map(buffer).collect();
    Plan { buffers, arena_bytes: enough * FLOAT_BYTES }
}

/// The kernel that writes what is read; `None`: the network's input.
pub fn writer(kernels: &[Kernel], source: Source) -> Option<usize> {
    kernels.iter().position(|kernel| source == Source::Node(kernel.writes))
}

/// For each kernel the last one that reads what it writes; for the last one of all, itself. What a
/// kernel reads whose output is streamed is read until the next one has taken the last part.
fn last_readers(kernels: &[Kernel], parts: &Parts) -> Vec<usize> {
    let mut last: Vec<usize> = (0..kernels.len()).collect();
    for (k, kernel) in kernels.iter().enumerate() {
        let end = if parts[k].is_some() { k + 1 } else { k };
        for source in &kernel.inputs {
            if let Some(buffer) = writer(kernels, *source) {
                last[buffer] = last[buffer].max(end);
            }
        }
    }
    last
}

impl Plan {
    /// Proves that no kernel writes over a value that is still to be read, or outside the arena.
    ///
    /// # Errors
    /// Names the first kernel that would.
    pub fn check(&self, kernels: &[Kernel]) -> Result<(), PlanError> {
        for buffer in &self.buffers {
            if buffer.offset_bytes + buffer.length_bytes > self.arena_bytes {
                let problem = format!("the output of {} leaves the arena", buffer.name);
                return Err(PlanError { problem });
            }
        }
        let mut parts: Parts = self.buffers.iter().map(|buffer| buffer.part_pixels).collect();
        parts.push(None);
        if let Some(k) =
            (0..kernels.len()).find(|&k| parts[k].is_some() && !is_streamable(kernels, k))
        {
            let problem = format!("the output of {} is needed as a whole", kernels[k].name);
            return Err(PlanError { problem });
        }
        let last_readers = last_readers(kernels, &parts);
        for (k, output) in self.buffers.iter().enumerate() {
            for (other, last_reader) in self.buffers[..k].iter().zip(&last_readers) {
                let behind = output.offset_bytes >= other.offset_bytes + other.length_bytes;
                let before = output.offset_bytes + output.length_bytes <= other.offset_bytes;
                let safe = |step: &Step| {
                    output.offset_bytes + step.written * FLOAT_BYTES
                        <= other.offset_bytes + step.first_needed * FLOAT_BYTES
                };
                let problem = if behind || before || *last_reader < k {
                    continue;
                } else if *last_reader > k {
                    format!("{} would overwrite the output of {}", output.name, other.name)
                } else if steps(&kernels[k]).iter().all(safe) {
                    continue;
                } else {
                    format!("{} would overwrite its own input", output.name)
                };
                return Err(PlanError { problem });
            }
        }
        Ok(())
    }
}

/// A table of the buffers, with a bar each that shows its place in the arena.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BAR: usize = 40;
        let label = |buffer: &Buffer| match buffer.part_pixels {
            None => buffer.name.clone(),
            Some(1) => format!("{}, a pixel at a time", buffer.name),
            Some(pixels) => format!("{}, {pixels} pixels at a time", buffer.name),
        };
        let widest =
            self.buffers.iter().map(|buffer| label(buffer).len()).max().unwrap_or(0).max(6);
        let column = |bytes: usize| (bytes * BAR).div_ceil(self.arena_bytes.max(1));
        writeln!(f, "{:widest$}  {:>8}  {:>8}  place in the arena", "output", "offset", "bytes")?;
        for buffer in &self.buffers {
            let start = buffer.offset_bytes * BAR / self.arena_bytes;
            let end = column(buffer.offset_bytes + buffer.length_bytes).max(start + 1);
            let bar = format!(
                "{}{}{}",
                "·".repeat(start),
                "█".repeat(end - start),
                "·".repeat(BAR.saturating_sub(end))
            );
            let (name, offset, length) = (label(buffer), buffer.offset_bytes, buffer.length_bytes);
            writeln!(f, "{name:widest$}  {offset:>8}  {length:>8}  {bar}")?;
        }
        write!(f, "{:widest$}  {:>8}  {:>8}", "arena", "", self.arena_bytes)
    }
}
