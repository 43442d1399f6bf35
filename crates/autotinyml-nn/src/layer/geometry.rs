//! How the windows of a convolution lie on its input.

use crate::Shape;
use crate::network::{Padding, extent};

/// Shapes, and where the input lies between its zeros.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub(super) input: Shape,
    pub(super) output: Shape,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// Rows and columns of zeros before the input.
    pub(super) before: [usize; 2],
    /// Rows and columns of the input with its zeros.
    pub(super) padded: [usize; 2],
}

impl Geometry {
    pub(super) fn new(
        [input, output]: [Shape; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
    ) -> Self {
        let (size, extent) = ([input.height, input.width], extent(kernel, dilation));
        let written = [output.height, output.width];
        let before = [0, 1].map(|a| padding.before(size[a], extent[a], stride[a]));
        let padded = [0, 1].map(|a| match padding {
            Padding::Valid => size[a],
            Padding::Same => ((written[a] - 1) * stride[a] + extent[a]).max(size[a] + before[a]),
        });
        Self { input, output, kernel, stride, dilation, before, padded }
    }

    pub(super) fn is_padded(&self) -> bool {
        self.padded != [self.input.height, self.input.width]
    }

    /// Copies samples between their zeros, `[samples][padded height][padded width][channels]`.
    pub(super) fn pad(&self, input: &[f32], padded: &mut [f32]) {
        let channels = self.input.channels;
        let samples = input.chunks_exact(self.input.len());
        for (x, padded) in
            samples.zip(padded.chunks_exact_mut(self.padded[0] * self.padded[1] * channels))
        {
            let rows = padded.chunks_exact_mut(self.padded[1] * channels).skip(self.before[0]);
            let first = self.before[1] * channels;
            for (row, padded) in x.chunks_exact(self.input.width * channels).zip(rows) {
                padded[first..first + row.len()].copy_from_slice(row);
            }
        }
    }

    /// Values of a sample's input between its zeros.
    pub(super) fn padded_values(&self) -> usize {
        self.padded[0] * self.padded[1] * self.input.channels
    }

    /// Values of the gradient of a sample's output spread out.
    pub(super) fn spread_values(&self) -> usize {
        let [height, width] = self.spread_size();
        height * width * self.output.channels
    }

    /// Rows and columns of the output's gradient spread out.
    pub(super) fn spread_size(&self) -> [usize; 2] {
        let Self { input, before, .. } = self;
        let extent = extent(self.kernel, self.dilation);
        [input.height + before[0] + extent[0] - 1, input.width + before[1] + extent[1] - 1]
    }

    /// Copies the gradient of samples' outputs to where the gradient of the input is a convolution with
    /// stride 1 of it: `dy[r]` at `r s + extent − 1`. The zeros between stay.
    pub(super) fn spread(&self, output_gradient: &[f32], spread: &mut [f32]) {
        let Self { output, stride, .. } = self;
        let extent = extent(self.kernel, self.dilation);
        let [height, width] = self.spread_size();
        let channels = output.channels;
        let rows = output_gradient.chunks_exact(output.width * channels);
        for (index, row) in rows.enumerate() {
            let (sample, r) = (index / output.height, index % output.height);
            let start = (sample * height + r * stride[0] + extent[0] - 1) * width;
            for (c, pixel) in row.chunks_exact(channels).enumerate() {
                let place = (start + c * stride[1] + extent[1] - 1) * channels;
                spread[place..place + channels].copy_from_slice(pixel);
            }
        }
    }
}
