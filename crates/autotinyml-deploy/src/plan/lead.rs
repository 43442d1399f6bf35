//! In which order the kernels in `c/` read and write, and so how far an output may lie over an input.

use autotinyml_nn::Shape;

use crate::lower::{Kernel, Operation, Window};

/// Pixels that `conv2d.c` computes at once, its `TILE_WINDOWS`.
pub(super) const TILE_PIXELS: usize = 4;

/// How many values before an input that it is the last to read a kernel's output must begin at least,
/// if they overlap: the most that it has written at any time beyond the first value that it has still
/// to read.
pub(super) fn lead(kernel: &Kernel) -> usize {
    let steps = steps(kernel);
    steps.iter().map(|step| step.written.saturating_sub(step.first_needed)).max().unwrap_or(0)
}

/// A moment in the run of a kernel.
pub(super) struct Step {
    /// Values of the output written so far.
    pub(super) written: usize,
    /// First value of an input that is still to be read.
    pub(super) first_needed: usize,
}

pub(super) fn steps(kernel: &Kernel) -> Vec<Step> {
    let (input, output) = (kernel.input, kernel.output);
    match kernel.operation {
        // Copied at once, then changed in place.
        Operation::Copy => vec![Step { written: output.len(), first_needed: output.len() }],
        // A value at a time.
        Operation::Add => vec![Step { written: 1, first_needed: 1 }],
        // Every group of outputs reads the whole input.
        Operation::Dense => vec![Step { written: output.len(), first_needed: 0 }],
        // Channel by channel: none is written before all of its values were read.
        Operation::MaxPool2d(window)
        | Operation::AveragePool2d(window)
        | Operation::DepthwiseConv2d(window) => window_steps(input, output, window, 0),
        // Some channels of all pixels at once are written before the next channels are computed.
        Operation::Conv2d { window, pool: None } => {
            window_steps(input, output, window, TILE_PIXELS)
        }
        Operation::Conv2d { window, pool: Some(pool) } => {
            let stride = [0, 1].map(|axis| window.stride[axis] * pool.stride[axis]);
            window_steps(input, output, Window { stride, ..window }, 1)
        }
    }
}

/// Steps of a kernel that slides `window` over its input and still reads the input of a pixel when
/// `ahead` pixels from there on are written, in groups of as many.
fn window_steps(input: Shape, output: Shape, window: Window, ahead: usize) -> Vec<Step> {
    let first_read = |pixel: usize| {
        let row =
            (pixel / output.width * window.stride[0]).saturating_sub(window.padding_before[0]);
        let column =
            (pixel % output.width * window.stride[1]).saturating_sub(window.padding_before[1]);
        (row * input.width + column) * input.channels
    };
    let total = output.height * output.width;
    let mut steps: Vec<Step> = vec![];
    let mut first_needed = usize::MAX;
    for pixel in (0..total).rev() {
        first_needed = first_needed.min(first_read(pixel));
        if pixel % ahead.max(1) == 0 {
            let written = (pixel + ahead).min(total) * output.channels;
            steps.push(Step { written, first_needed });
        }
    }
    steps.reverse();
    steps
}
