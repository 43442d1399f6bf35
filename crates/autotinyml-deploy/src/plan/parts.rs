//! Which maps can be streamed into the dense layer behind them, and in parts of how many pixels.

use autotinyml_nn::Source;

use super::lead::TILE_PIXELS;
use crate::lower::{Kernel, Operation};

/// For each kernel the pixels of a part of its output; `None`: it is written as a whole.
pub(super) type Parts = Vec<Option<usize>>;

/// A dense layer loads and stores its sums for each part. From so many values on, that is a few
/// percent of what adding them takes.
const PART_VALUES_MIN: usize = 64;

/// Every map that can be streamed is, by as few pixels as it can be without the C becoming slower.
pub(super) fn all_streamed(kernels: &[Kernel]) -> Parts {
    let part = |k: usize| {
        let Kernel { operation, output, .. } = kernels[k];
        let enough = PART_VALUES_MIN.div_ceil(output.channels);
        let pixels = match operation {
            // It computes so many pixels at once, or one as slowly.
            Operation::Conv2d { pool: None, .. } => enough.next_multiple_of(TILE_PIXELS),
            _ => enough,
        };
        (is_streamable(kernels, k) && pixels < output.height * output.width).then_some(pixels)
    };
    (0..kernels.len()).map(part).collect()
}

/// Whether a kernel writes its output pixel by pixel, and only the dense layer that comes next reads
/// it.
pub(super) fn is_streamable(kernels: &[Kernel], k: usize) -> bool {
    let writes_pixels = match kernels[k].operation {
        Operation::Conv2d { .. }
        | Operation::DepthwiseConv2d(_)
        | Operation::MaxPool2d(_)
        | Operation::AveragePool2d(_) => true,
        Operation::Dense | Operation::Add | Operation::Copy => false,
    };
    let output = Source::Node(kernels[k].writes);
    let mut readers = (k..kernels.len()).filter(|&reader| kernels[reader].inputs.contains(&output));
    writes_pixels
        && readers.next() == Some(k + 1)
        && readers.next().is_none()
        && kernels[k + 1].operation == Operation::Dense
}

/// Values of each output that exist at a time.
pub(super) fn lengths(kernels: &[Kernel], parts: &Parts) -> Vec<usize> {
    let length = |(kernel, part): (&Kernel, &Option<usize>)| match part {
        Some(pixels) => pixels * kernel.output.channels,
        None => kernel.output.len(),
    };
    kernels.iter().zip(parts).map(length).collect()
}
