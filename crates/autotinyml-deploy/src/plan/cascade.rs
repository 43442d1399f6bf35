//! Kernels that run by turns, so that the maps between them need not exist as a whole.
//!
//! Each kernel of a *cascade* reads what the one before it writes, some pixels at a *turn*. A kernel
//! has its turn as soon as what it reads then is there, and the one before it only until then. Nothing
//! is computed twice. What a window will read again stays: of each map between two kernels the last
//! pixels are kept, and the oldest make room for new ones, by moving the others to the front. So
//! there must be room for what the windows of a turn span, with the pixels that were written beyond
//! that in the same turn of the writer; it is made up to whole rows, so that little is moved. A dense
//! layer adds the pixels of each turn to its sums, as the mean of a map does, and none of them stays.
//!
//! [`turns`] is `c/kernels/cascade.c` without the arithmetic.

use std::ops::Range;

use autotinyml_nn::Source;

use super::Extent;
use super::lead::TILE_PIXELS;
use super::reach::Reach;
use crate::lower::{Kernel, Operation};

/// How much of each kernel's output exists at a time.
pub(super) type Extents = Vec<Extent>;

/// A dense layer loads and stores its sums at each turn. From so many values on, that is a few
/// percent of what adding them takes.
const DENSE_VALUES_MIN: usize = 64;

/// A turn takes some hundred instructions beside the kernel's own: with so much work not more than a
/// fifth, and mostly far less. More pixels at a turn are more to be kept.
const MULTIPLY_ADDS_MIN: usize = 400;

/// Pixels that kernel k computes at a turn, if it shares a cascade with others.
pub fn turn_pixels(kernels: &[Kernel], k: usize) -> usize {
    let Kernel { operation, input, output, .. } = kernels[k];
    let enough = if is_streamable(kernels, k) && kernels[k + 1].operation == Operation::Dense {
        DENSE_VALUES_MIN.div_ceil(output.channels)
    } else {
        let area = |size: [usize; 2]| size[0] * size[1];
        let work = match operation {
            Operation::Conv2d { window, pool } => {
                area(window.size) * input.channels * pool.map_or(1, |pool| area(pool.size))
            }
            Operation::DepthwiseConv2d(window)
            | Operation::MaxPool2d(window)
            | Operation::AveragePool2d(window) => area(window.size),
            Operation::GlobalAveragePool2d
            | Operation::Dense
            | Operation::Add
            | Operation::Copy => 1,
        };
        MULTIPLY_ADDS_MIN.div_ceil(work * output.channels)
    };
    match operation {
        // It computes so many pixels at once, or one as slowly.
        Operation::Conv2d { pool: None, .. } => enough.next_multiple_of(TILE_PIXELS),
        _ => enough,
    }
}

/// The least of its output that kernel k can do with.
pub(super) fn least_extent(kernels: &[Kernel], k: usize) -> Extent {
    if !is_streamable(kernels, k) {
        return Extent::Whole;
    }
    let total = pixels(&kernels[k]);
    let turn = turn_pixels(kernels, k);
    let Some(reach) = Reach::of(&kernels[k + 1]) else {
        return if turn < total { Extent::Pixels(turn) } else { Extent::Whole };
    };
    let reader_total = pixels(&kernels[k + 1]);
    let reader_turn = turn_pixels(kernels, k + 1);
    let spanned = |first: usize| {
        let end = reach.end((first + reader_turn).min(reader_total) - 1);
        end.next_multiple_of(turn).min(total).saturating_sub(reach.first(first))
    };
    let spanned = (0..reader_total).step_by(reader_turn).map(spanned).max();
    let rows = spanned.unwrap_or(0).max(turn).div_ceil(kernels[k].output.width);
    if rows < kernels[k].output.height { Extent::Rows(rows) } else { Extent::Whole }
}

/// Whether a kernel writes its output pixel by pixel, and only the kernel that comes next reads it:
/// pixel by pixel too, or one that adds them up.
pub(super) fn is_streamable(kernels: &[Kernel], k: usize) -> bool {
    let output = Source::Node(kernels[k].writes);
    let mut readers = (k..kernels.len()).filter(|&reader| kernels[reader].inputs.contains(&output));
    Reach::of(&kernels[k]).is_some()
        && readers.next() == Some(k + 1)
        && readers.next().is_none()
        && (kernels[k + 1].operation.adds_up() || Reach::of(&kernels[k + 1]).is_some())
}

/// The cascade of each kernel: itself only, if what it reads and writes exists as a whole.
pub(super) fn cascades(extents: &[Extent]) -> Vec<Range<usize>> {
    let joined = |k: usize| extents[k] != Extent::Whole;
    let of = |k: usize| {
        let start = (0..k).rev().take_while(|&before| joined(before)).last().unwrap_or(k);
        let end = (k..extents.len()).find(|&after| !joined(after)).unwrap_or(k);
        start..end + 1
    };
    (0..extents.len()).map(of).collect()
}

/// Kernel k computes the pixels `first` to `end` of its output, or adds up so many pixels of its
/// input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) kernel: usize,
    pub(super) first: usize,
    pub(super) end: usize,
}

/// The turns of a cascade of several kernels, in order.
pub(super) fn turns(kernels: &[Kernel], cascade: Range<usize>) -> Vec<Turn> {
    let into_sums = kernels[cascade.end - 1].operation.adds_up();
    let stages = if into_sums { cascade.start..cascade.end - 1 } else { cascade.clone() };
    let last = stages.end - 1;
    let reaches: Vec<Option<Reach>> = kernels[stages.clone()].iter().map(Reach::of).collect();
    let sizes: Vec<usize> = stages.clone().map(|k| turn_pixels(kernels, k)).collect();
    let mut ends = vec![0; stages.len()];
    let mut turns = vec![];
    let mut k = last;
    while ends[last - stages.start] < pixels(&kernels[last]) {
        let i = k - stages.start;
        let (first, end) = (ends[i], (ends[i] + sizes[i]).min(pixels(&kernels[k])));
        let needed = reaches[i].as_ref().map_or(0, |reach| reach.end(end - 1));
        if i > 0 && ends[i - 1] < needed {
            k -= 1;
            continue;
        }
        turns.push(Turn { kernel: k, first, end });
        ends[i] = end;
        if k < last {
            k += 1;
        } else if into_sums {
            turns.push(Turn { kernel: cascade.end - 1, first, end });
        }
    }
    turns
}

/// Proves that each turn of a cascade finds what it reads: the name of the kernel whose output has
/// lost it by then, if not.
pub(super) fn lost(kernels: &[Kernel], extents: &[Extent], cascade: Range<usize>) -> Option<usize> {
    // Pixels of each map that are there.
    let mut there: Vec<Range<usize>> = vec![0..0; cascade.len()];
    let reaches: Vec<Option<Reach>> = kernels[cascade.clone()].iter().map(Reach::of).collect();
    for Turn { kernel, first, end } in turns(kernels, cascade.clone()) {
        let i = kernel - cascade.start;
        if i > 0 {
            let read = match &reaches[i] {
                Some(reach) => reach.first(first)..reach.end(end - 1),
                None => first..end,
            };
            if read.start < there[i - 1].start || read.end > there[i - 1].end {
                return Some(kernel - 1);
            }
        }
        // Sums exist as a whole.
        if reaches[i].is_none() {
            continue;
        }
        let room = extents[kernel].pixels(kernels[kernel].output);
        let oldest = match reaches.get(i + 1) {
            _ if end - there[i].start <= room => there[i].start,
            Some(Some(reach)) => reach.first(there[i + 1].end).min(first),
            _ => first,
        };
        there[i] = oldest..end;
        if end - oldest > room {
            return Some(kernel);
        }
    }
    None
}

/// Pixels of a kernel's output.
fn pixels(kernel: &Kernel) -> usize {
    kernel.output.height * kernel.output.width
}
