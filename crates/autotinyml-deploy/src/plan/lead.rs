//! In which order the kernels in `c/` read and write, and so how far an output may lie over an input.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::cascade::turns;
use super::reach::Reach;
use crate::lower::{Kernel, Operation};

/// Pixels that `conv2d.c` computes at once, the `TILE_WINDOWS` of `conv2d_tile.h`.
pub(super) const TILE_PIXELS: usize = 4;

/// The leads of cascades, each computed once.
pub(super) struct Leads<'a> {
    kernels: &'a [Kernel],
    /// By first kernel and the one behind the last.
    known: RefCell<BTreeMap<(usize, usize), usize>>,
}

impl<'a> Leads<'a> {
    pub(super) fn of(kernels: &'a [Kernel]) -> Self {
        Self { kernels, known: RefCell::default() }
    }

    /// See [`lead`].
    pub(super) fn lead(&self, cascade: &Range<usize>) -> usize {
        let mut known = self.known.borrow_mut();
        let lead = || lead(self.kernels, cascade.clone());
        *known.entry((cascade.start, cascade.end)).or_insert_with(lead)
    }
}

/// How many values before an input, which no later kernel reads, a cascade's output must begin at least
/// if they overlap: the most that it has written at any time beyond the first value that it has still
/// to read.
pub(super) fn lead(kernels: &[Kernel], cascade: Range<usize>) -> usize {
    let steps = steps(kernels, cascade);
    steps.iter().map(|step| step.written.saturating_sub(step.first_needed)).max().unwrap_or(0)
}

/// A moment in the run of a cascade.
pub(super) struct Step {
    /// Values of the output written so far.
    pub(super) written: usize,
    /// First value of an input that is still to be read.
    pub(super) first_needed: usize,
}

/// When the kernels of a cascade, or one by itself, write the output of the last and what of the
/// first one's input is then still needed.
pub(super) fn steps(kernels: &[Kernel], cascade: Range<usize>) -> Vec<Step> {
    if cascade.len() == 1 {
        return kernel_steps(&kernels[cascade.start]);
    }
    let (first, last) = (&kernels[cascade.start], &kernels[cascade.end - 1]);
    let reach = Reach::of(first).expect("only maps are streamed");
    let pixels = first.output.height * first.output.width;
    let mut computed = 0;
    let mut steps = vec![];
    for turn in turns(kernels, cascade.clone()) {
        if turn.kernel == cascade.start {
            computed = turn.end;
        } else if turn.kernel + 1 == cascade.end && computed < pixels {
            // All sums are written at each turn.
            let adds_up = last.operation.adds_up();
            let written = if adds_up { last.output.len() } else { turn.end * last.output.channels };
            let first_needed = reach.first(computed) * first.input.channels;
            steps.push(Step { written, first_needed });
        }
    }
    steps
}

fn kernel_steps(kernel: &Kernel) -> Vec<Step> {
    let output = kernel.output;
    match kernel.operation {
        // Copied at once, then changed in place.
        Operation::Copy => vec![Step { written: output.len(), first_needed: output.len() }],
        // A value at a time. Sums begin with the first pixel's values, in their place.
        Operation::Add | Operation::GlobalAveragePool2d => {
            vec![Step { written: 1, first_needed: 1 }]
        }
        // Every group of outputs reads the whole input.
        Operation::Dense => vec![Step { written: output.len(), first_needed: 0 }],
        // Channel by channel: none is written before all of its values were read.
        Operation::MaxPool2d(_) | Operation::AveragePool2d(_) | Operation::DepthwiseConv2d(_) => {
            window_steps(kernel, 0)
        }
        // Some channels of all pixels at once are written before the next channels are computed.
        Operation::Conv2d { pool: None, .. } => window_steps(kernel, TILE_PIXELS),
        Operation::Conv2d { pool: Some(_), .. } => window_steps(kernel, 1),
    }
}

/// Steps of a kernel that slides a window over its input and still reads the input of a pixel when
/// `ahead` pixels from there on are written, in groups of as many.
fn window_steps(kernel: &Kernel, ahead: usize) -> Vec<Step> {
    let Some(reach) = Reach::of(kernel) else { return vec![] };
    let total = kernel.output.height * kernel.output.width;
    let step = |pixel: usize| Step {
        written: (pixel + ahead).min(total) * kernel.output.channels,
        first_needed: reach.first(pixel) * kernel.input.channels,
    };
    (0..total).step_by(ahead.max(1)).map(step).collect()
}
