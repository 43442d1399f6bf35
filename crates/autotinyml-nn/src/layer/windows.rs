//! Where the windows of a pooling lie.

use crate::Shape;

/// Windows that slide over a map and lie inside it.
pub(super) struct Windows {
    pub(super) input: Shape,
    output: Shape,
    stride: [usize; 2],
    /// Where the pixels of a window lie in a sample, row by row, seen from the first one.
    pub(super) offsets: Vec<usize>,
}

impl Windows {
    pub(super) fn new(input: Shape, output: Shape, window: [usize; 2], stride: [usize; 2]) -> Self {
        let offsets = (0..window[0] * window[1])
            .map(|i| (i / window[1] * input.width + i % window[1]) * input.channels)
            .collect();
        Self { input, output, stride, offsets }
    }

    /// Where the window of an output pixel begins in the batch of inputs. Pixels are numbered
    /// through the batch.
    pub(super) fn corner(&self, pixel: usize) -> usize {
        let pixels = self.output.height * self.output.width;
        let (sample, pixel) = (pixel / pixels, pixel % pixels);
        let row = pixel / self.output.width * self.stride[0];
        let column = pixel % self.output.width * self.stride[1];
        sample * self.input.len() + (row * self.input.width + column) * self.input.channels
    }
}
