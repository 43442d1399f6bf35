//! Which pixels of its input a kernel reads for which of its output; `c/kernels/cascade.c` computes the
//! same.

use autotinyml_nn::Shape;

use crate::lower::{Kernel, Operation, Window};

/// A kernel's window, with the pooling behind it seen as part of it. Pixels are counted row by row.
pub(super) struct Reach {
    input: Shape,
    output_width: usize,
    stride: [usize; 2],
    before: [usize; 2],
    extent: [usize; 2],
}

impl Reach {
    /// `None`: the kernel slides no window over a map.
    pub(super) fn of(kernel: &Kernel) -> Option<Self> {
        let (window, pool) = match kernel.operation {
            Operation::Conv2d { window, pool } => (window, pool.unwrap_or(Window::SINGLE)),
            Operation::DepthwiseConv2d(window)
            | Operation::MaxPool2d(window)
            | Operation::AveragePool2d(window) => (window, Window::SINGLE),
            Operation::GlobalAveragePool2d
            | Operation::Dense
            | Operation::Add
            | Operation::Copy => return None,
        };
        let extent = |axis: usize| {
            (pool.size[axis] - 1) * window.stride[axis]
                + (window.size[axis] - 1) * window.dilation[axis]
                + 1
        };
        Some(Self {
            input: kernel.input,
            output_width: kernel.output.width,
            stride: [0, 1].map(|axis| window.stride[axis] * pool.stride[axis]),
            before: window.padding_before,
            extent: [0, 1].map(extent),
        })
    }

    /// The first pixel of the input that `pixel` of the output or a later one reads, or one before it.
    pub(super) fn first(&self, pixel: usize) -> usize {
        let [row, column] = self.corner(pixel);
        let from = |axis: usize, place: usize| place.checked_sub(self.before[axis]);
        match from(0, row) {
            // The next window may begin in the same row, further to the left.
            None => 0,
            Some(row) => row * self.input.width + from(1, column).unwrap_or(0),
        }
    }

    /// Behind the last pixel of the input that `pixel` of the output or an earlier one reads.
    pub(super) fn end(&self, pixel: usize) -> usize {
        let [row, column] = self.corner(pixel);
        let rows = (row + self.extent[0]).saturating_sub(self.before[0]);
        let columns = (column + self.extent[1]).saturating_sub(self.before[1]);
        if rows > self.input.height {
            return self.input.height * self.input.width;
        }
        rows.saturating_sub(1) * self.input.width + columns.min(self.input.width)
    }

    /// Row and column of the window's first value, the padding counted.
    fn corner(&self, pixel: usize) -> [usize; 2] {
        let place = [pixel / self.output_width, pixel % self.output_width];
        [0, 1].map(|axis| place[axis] * self.stride[axis])
    }
}
