//! Where in the arena each buffer between two kernels lies.
//!
//! The network's input and output are the caller's. Any other buffer is live from the kernel that
//! writes it to the last one that reads it, and must keep away from all others that are live at the
//! same time, but for one case: a kernel's output may lie over an input that dies with that kernel, if
//! it begins at least a *lead* before it, so far that the kernel writes no value over one that it has
//! still to read (`plan/lead.rs`). How offsets are found is told in `plan/places.rs`.
//!
//! A map that only the next kernel reads, through windows, as a dense layer or for its mean, need not
//! exist as a whole. *Streamed*, just those of its pixels exist that are still to be read, and the kernels that
//! write and read it run by turns, as a *cascade* (`plan/cascade.rs`). Nothing is computed twice. What
//! the first kernel of a cascade reads stays live until the last turn, and what the last one writes is
//! live from its first. So it can also cost more than to lay whole maps over dying inputs; the plan
//! streams where that makes the arena smaller (`plan/choice.rs`).
//!
//! Where no memory region has room for all of it, the arena is in two pieces, and no buffer lies in both.
//!
//! [`Plan::check`] proves each plan anew by walking through what each kernel reads and writes.

mod cascade;
mod choice;
mod lead;
mod places;
mod reach;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use autotinyml_nn::{Shape, Source};

pub use cascade::turn_pixels;

use crate::lower::Kernel;
use cascade::{Extents, cascades, is_streamable, lost};
use choice::Choices;
use lead::{Step, steps};
use places::{least_size, places, rivals};

const FLOAT_BYTES: usize = 4;

/// Where each kernel's output lies. All sizes and offsets are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Buffers between kernels, in the order of the kernels: the output of kernel k is buffer k,
    /// except the last, which is the caller's.
    pub buffers: Vec<Buffer>,
    /// Size of the arena.
    pub arena_bytes: usize,
    /// Where its second piece begins, if it has two; `arena_bytes` is more then.
    pub border_bytes: Option<usize>,
}

/// The output of one kernel and the input of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Name of the kernel that writes it.
    pub name: String,
    /// Where in the arena it begins.
    pub offset_bytes: usize,
    /// Its size: of what exists at a time.
    pub length_bytes: usize,
    /// How much of the output that is.
    pub extent: Extent,
}

/// Its name, and how much of it there is: `conv2d, its last 3 rows`.
impl fmt::Display for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.extent {
            Extent::Whole => Ok(()),
            Extent::Rows(1) => f.write_str(", its last row"),
            Extent::Rows(rows) => write!(f, ", its last {rows} rows"),
            Extent::Pixels(1) => f.write_str(", a pixel at a time"),
            Extent::Pixels(pixels) => write!(f, ", {pixels} pixels at a time"),
        }
    }
}

/// How much of a map exists at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// As many pixels as so many rows have: the last that were written.
    Rows(usize),
    /// So many pixels, which the next kernel takes before others come in their place.
    Pixels(usize),
}

impl Extent {
    /// Pixels of a map of this shape that exist at a time.
    pub fn pixels(self, map: Shape) -> usize {
        match self {
            Self::Whole => map.height * map.width,
            Self::Rows(rows) => rows * map.width,
            Self::Pixels(pixels) => pixels,
        }
    }
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
    Ok(plan_with_border(kernels, None, usize::MAX)?.expect("it may be any size"))
}

/// The same for an arena in two pieces of so many bytes at the most: the smallest second piece that is
/// found. `None`: none is.
///
/// # Errors
/// The plan fails its own check: a defect.
pub fn plan_in_pieces(
    kernels: &[Kernel],
    [first, second]: [usize; 2],
) -> Result<Option<Plan>, PlanError> {
    plan_with_border(kernels, Some(first / FLOAT_BYTES), first.saturating_add(second))
}

fn plan_with_border(
    kernels: &[Kernel],
    border: Option<usize>,
    bytes_max: usize,
) -> Result<Option<Plan>, PlanError> {
    let plan = Choices::new(kernels, border).best(bytes_max);
    plan.as_ref().map_or(Ok(()), |plan| plan.check(kernels))?;
    Ok(plan)
}

/// Values of each output that exist at a time.
fn lengths(kernels: &[Kernel], extents: &[Extent]) -> Vec<usize> {
    let length = |(kernel, extent): (&Kernel, &Extent)| {
        extent.pixels(kernel.output) * kernel.output.channels
    };
    kernels.iter().zip(extents).map(length).collect()
}

/// The smallest arena that is found for maps of these extents, if no buffer may lie across the border.
/// `None`: none of so many bytes is.
fn smallest(choices: &Choices, extents: &Extents, bytes_max: usize) -> Option<Plan> {
    let Choices { kernels, border, .. } = *choices;
    let between = &kernels[..kernels.len() - 1];
    let lengths = lengths(kernels, extents);
    let lead = |cascade: &Range<usize>| choices.leads.lead(cascade);
    let rivals = rivals(choices, extents, &lengths, 0..kernels.len(), &lead);
    let lengths = &lengths[..between.len()];
    let start = border.unwrap_or(0);
    let (mut too_small, mut enough) = (None, start + lengths.iter().sum::<usize>());
    // Bisection between what is live at a time, which may be enough, and all buffers side by side.
    let mut trial = least_size(lengths, &rivals);
    let size_max = bytes_max / FLOAT_BYTES;
    if trial > size_max {
        return None;
    }
    if enough > size_max {
        places(lengths, &rivals, size_max, border)?;
        enough = size_max;
    }
    while trial < enough {
        match places(lengths, &rivals, trial, border) {
            Some(_) => enough = trial,
            None => too_small = Some(trial),
        }
        trial = too_small.map_or(enough, |small| usize::midpoint(small + 1, enough));
    }
    let side_by_side = || {
        let ends = lengths.iter().scan(start, |end, length| {
            *end += length;
            Some(*end - length)
        });
        ends.collect()
    };
    let offsets = places(lengths, &rivals, enough, border).unwrap_or_else(side_by_side);
    let buffer = |(k, offset): (usize, usize)| Buffer {
        name: between[k].name.clone(),
        offset_bytes: offset * FLOAT_BYTES,
        length_bytes: lengths[k] * FLOAT_BYTES,
        extent: extents[k],
    };
    let buffers = offsets.into_iter().enumerate().map(buffer).collect();
    let border_bytes = border.filter(|&border| enough > border).map(|border| border * FLOAT_BYTES);
    Some(Plan { buffers, arena_bytes: enough * FLOAT_BYTES, border_bytes })
}

/// The kernel that writes what is read; `None`: the network's input.
pub fn writer(kernels: &[Kernel], source: Source) -> Option<usize> {
    kernels.iter().position(|kernel| source == Source::Node(kernel.writes))
}

/// For each kernel the last one that runs while what it writes is needed: the last of the cascade of
/// its last reader. For the last kernel of all, itself.
fn last_needed(kernels: &[Kernel], extents: &[Extent]) -> Vec<usize> {
    let cascades = cascades(extents);
    let mut last: Vec<usize> = (0..kernels.len()).collect();
    for (k, kernel) in kernels.iter().enumerate() {
        for source in &kernel.inputs {
            if let Some(buffer) = writer(kernels, *source) {
                last[buffer] = last[buffer].max(cascades[k].end - 1);
            }
        }
    }
    last
}

impl Plan {
    /// Bytes of each piece of the arena: one or two.
    pub fn pieces(&self) -> Vec<usize> {
        match self.border_bytes {
            None => vec![self.arena_bytes],
            Some(border) => {
                let before = self.buffers.iter().filter(|buffer| buffer.offset_bytes < border);
                let ends = before.map(|buffer| buffer.offset_bytes + buffer.length_bytes);
                vec![ends.max().unwrap_or(0), self.arena_bytes - border]
            }
        }
    }

    /// The kernels in the order in which they run: those of a cascade by turns.
    pub fn cascades(&self) -> Vec<Range<usize>> {
        let mut cascades = cascades(&self.extents());
        cascades.dedup();
        cascades
    }

    /// For each buffer the kernels while which it must be there: from the first of the cascade of the
    /// one that writes it to the last of those of its readers.
    pub fn lives(&self, kernels: &[Kernel]) -> Vec<Range<usize>> {
        let extents = self.extents();
        let starts = cascades(&extents).into_iter().map(|cascade| cascade.start);
        let ends = last_needed(kernels, &extents).into_iter().map(|last| last + 1);
        starts.zip(ends).map(|(start, end)| start..end).take(self.buffers.len()).collect()
    }

    /// How much of each kernel's output exists at a time, the last one's included.
    fn extents(&self) -> Extents {
        self.buffers.iter().map(|buffer| buffer.extent).chain([Extent::Whole]).collect()
    }

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
            let inside = buffer.offset_bytes + 1..buffer.offset_bytes + buffer.length_bytes;
            if self.border_bytes.is_some_and(|border| inside.contains(&border)) {
                let problem = format!("the output of {} is in both pieces", buffer.name);
                return Err(PlanError { problem });
            }
        }
        let extents = self.extents();
        let is_streamed = |k: &usize| extents[*k] != Extent::Whole;
        if let Some(k) =
            (0..kernels.len()).filter(is_streamed).find(|&k| !is_streamable(kernels, k))
        {
            let problem = format!("the output of {} is needed as a whole", kernels[k].name);
            return Err(PlanError { problem });
        }
        let cascades = cascades(&extents);
        for cascade in cascades.iter().filter(|cascade| cascade.len() > 1) {
            if let Some(k) = lost(kernels, &extents, cascade.clone()) {
                let problem = format!("too little of the output of {} is kept", kernels[k].name);
                return Err(PlanError { problem });
            }
        }
        let last_needed = last_needed(kernels, &extents);
        for (k, output) in self.buffers.iter().enumerate() {
            let cascade = &cascades[k];
            for (buffer, other) in self.buffers[..k].iter().enumerate() {
                let behind = output.offset_bytes >= other.offset_bytes + other.length_bytes;
                let before = output.offset_bytes + output.length_bytes <= other.offset_bytes;
                if behind || before || last_needed[buffer] < k {
                    continue;
                }
                let safe = |step: &Step| {
                    output.offset_bytes + step.written * FLOAT_BYTES
                        <= other.offset_bytes + step.first_needed * FLOAT_BYTES
                };
                let problem = if last_needed[buffer] > k || cascade.contains(&buffer) {
                    format!("{} would overwrite the output of {}", output.name, other.name)
                } else if steps(kernels, cascade.clone()).iter().all(safe) {
                    continue;
                } else if cascade.len() == 1 {
                    format!("{} would overwrite its own input", output.name)
                } else {
                    format!("{} would overwrite the input of its cascade", output.name)
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
        let widest =
            self.buffers.iter().map(|buffer| buffer.to_string().len()).max().unwrap_or(0).max(6);
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
            let (name, offset, length) =
                (buffer.to_string(), buffer.offset_bytes, buffer.length_bytes);
            writeln!(f, "{name:widest$}  {offset:>8}  {length:>8}  {bar}")?;
        }
        write!(f, "{:widest$}  {:>8}  {:>8}", "arena", "", self.arena_bytes)?;
        match self.border_bytes {
            None => Ok(()),
            Some(border) => write!(f, "  in two pieces: the second begins at {border}"),
        }
    }
}
