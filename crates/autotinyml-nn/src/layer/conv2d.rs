//! `y[r, c, f] = b[f] + Σ x[r·s₀ + i·d₀ − p₀, c·s₁ + j·d₁ − p₁, k] W[i, j, k, f]`, as a product of
//! matrices: each window of the input becomes a row of `columns` ("im2col", Chellapilla et al. 2006).

use super::Trained;
use super::dense::sum_rows;
use crate::Shape;
use crate::matmul::{Matrix, multiply, multiply_add};
use crate::network::{Padding, extent, same_padding_before};
use crate::optimizer::Step;

/// A convolution with the memory for its windows and gradients.
pub(crate) struct Conv2d {
    geometry: Geometry,
    filters: usize,
    /// Samples in a whole batch.
    batch: usize,
    /// Samples whose windows are laid out at a time, so that they stay in the cache. If these are
    /// the whole batch, backward finds them where forward has laid them.
    samples: usize,
    /// `[samples · output pixels][kernel height · kernel width · input channels]`
    columns: Vec<f32>,
    kernel_gradient: Vec<f32>,
    bias_gradient: Vec<f32>,
}

/// How windows lie on the input.
struct Geometry {
    input: Shape,
    output: Shape,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Rows and columns of zeros before the input.
    before: [usize; 2],
}

/// Values in `columns` that still leave the second-level cache to the others: 128 KiB.
const COLUMNS_MAX: usize = 32 * 1024;

impl Conv2d {
    pub(crate) fn new(
        [input, output]: [Shape; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
        batch: usize,
        training: bool,
    ) -> Self {
        let before = match padding {
            Padding::Valid => [0, 0],
            Padding::Same => [
                same_padding_before(input.height, extent(kernel, dilation)[0], stride[0]),
                same_padding_before(input.width, extent(kernel, dilation)[1], stride[1]),
            ],
        };
        let geometry = Geometry { input, output, kernel, stride, dilation, before };
        let filters = output.channels;
        let columns = geometry.pixels() * geometry.window();
        let samples = (COLUMNS_MAX / columns).clamp(1, batch);
        let gradient = |length: usize| vec![0.0; if training { length } else { 0 }];
        Self {
            filters,
            batch,
            samples,
            columns: vec![0.0; samples * columns],
            kernel_gradient: gradient(geometry.window() * filters),
            bias_gradient: gradient(filters),
            geometry,
        }
    }

    pub(crate) fn forward(
        &mut self,
        kernel: &[f32],
        bias: &[f32],
        input: &[f32],
        output: &mut [f32],
    ) {
        let Geometry { input: read, output: written, .. } = self.geometry;
        let w = Matrix::new(kernel, self.geometry.window(), self.filters);
        let chunks = input
            .chunks(self.samples * read.len())
            .zip(output.chunks_mut(self.samples * written.len()));
        for (x, y) in chunks {
            self.geometry.gather(x, &mut self.columns);
            for pixel in y.chunks_exact_mut(self.filters) {
                pixel.copy_from_slice(bias);
            }
            let rows = y.len() / self.filters;
            multiply_add(Matrix::new(&self.columns, rows, self.geometry.window()), w, y);
        }
    }

    /// `dW = columnsᵀ dy`, `db = Σ dy`; `dcolumns = dy Wᵀ`, each value added where it came from.
    pub(crate) fn backward(
        &mut self,
        trained: &mut Trained,
        step: &Step,
        input: &[f32],
        output_gradient: &[f32],
        mut input_gradient: Option<&mut [f32]>,
    ) {
        let window = self.geometry.window();
        let (read, written) = (self.geometry.input.len(), self.geometry.output.len());
        let w = Matrix::new(&trained.kernel.values, window, self.filters);
        self.kernel_gradient.fill(0.0);
        if let Some(input_gradient) = &mut input_gradient {
            input_gradient.fill(0.0);
        }
        let chunks =
            input.chunks(self.samples * read).zip(output_gradient.chunks(self.samples * written));
        for (index, (x, dy)) in chunks.enumerate() {
            let rows = dy.len() / self.filters;
            let dy = Matrix::new(dy, rows, self.filters);
            if self.samples < self.batch {
                self.geometry.gather(x, &mut self.columns);
            }
            let columns = Matrix::new(&self.columns, rows, window);
            multiply_add(columns.transposed(), dy, &mut self.kernel_gradient);
            if let Some(input_gradient) = &mut input_gradient {
                multiply(dy, w.transposed(), &mut self.columns);
                let dx = &mut input_gradient[index * self.samples * read..][..x.len()];
                self.geometry.scatter(&self.columns, dx);
            }
        }
        sum_rows(output_gradient, &mut self.bias_gradient);
        step.apply(&mut trained.kernel, 0, &self.kernel_gradient);
        step.apply(&mut trained.bias, 0, &self.bias_gradient);
    }
}

impl Geometry {
    /// Pixels that a sample's output has.
    fn pixels(&self) -> usize {
        self.output.height * self.output.width
    }

    /// Values in a window.
    fn window(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.input.channels
    }

    /// Lays the windows of whole samples out as rows.
    fn gather(&self, input: &[f32], columns: &mut [f32]) {
        self.for_each_run(input.len(), |place, pixel, length| match pixel {
            Some(pixel) => copy(&input[pixel..][..length], &mut columns[place..][..length]),
            None => columns[place..place + length].fill(0.0),
        });
    }

    /// Adds the rows of windows to the values where they came from.
    fn scatter(&self, columns: &[f32], input: &mut [f32]) {
        self.for_each_run(input.len(), |place, pixel, length| {
            if let Some(pixel) = pixel {
                let values = input[pixel..pixel + length].iter_mut();
                values.zip(&columns[place..]).for_each(|(x, column)| *x += column);
            }
        });
    }

    /// Visits the windows of whole samples, row of a window by row, in runs that are contiguous in
    /// both: (place in the columns, place in the input or none for padding, length).
    fn for_each_run(&self, input_len: usize, mut visit: impl FnMut(usize, Option<usize>, usize)) {
        let Self { input, output, kernel, stride, dilation, before } = self;
        // A row of the window is one run, or, if it is dilated, as many as it has pixels.
        let (runs, pixels) = if dilation[1] == 1 { (1, kernel[1]) } else { (kernel[1], 1) };
        let length = pixels * input.channels;
        let mut place = 0;
        for sample in (0..input_len).step_by(input.len()) {
            for pixel in 0..self.pixels() {
                let top = pixel / output.width * stride[0];
                let left = pixel % output.width * stride[1];
                for (i, run) in (0..kernel[0]).flat_map(|i| (0..runs).map(move |run| (i, run))) {
                    let (row, left) = (top + i * dilation[0], left + run * dilation[1]);
                    // Columns of the run before, in and behind the input.
                    let skipped = before[1].saturating_sub(left).min(pixels);
                    let end =
                        (input.width + before[1]).saturating_sub(left).min(pixels).max(skipped);
                    let inside = row >= before[0] && row - before[0] < input.height;
                    if !inside || skipped == end {
                        visit(place, None, length);
                    } else {
                        let first = left + skipped - before[1];
                        let start = (row - before[0]) * input.width + first;
                        let (head, tail) = (skipped * input.channels, end * input.channels);
                        if head > 0 {
                            visit(place, None, head);
                        }
                        visit(place + head, Some(sample + start * input.channels), tail - head);
                        if tail < length {
                            visit(place + tail, None, length - tail);
                        }
                    }
                    place += length;
                }
            }
        }
    }
}

/// Copies a run; short ones without a call.
#[inline(always)]
fn copy(from: &[f32], to: &mut [f32]) {
    match from.len() {
        1 => to[0] = from[0],
        2 => to[..2].copy_from_slice(&from[..2]),
        3 => to[..3].copy_from_slice(&from[..3]),
        4 => to[..4].copy_from_slice(&from[..4]),
        _ => to.copy_from_slice(from),
    }
}
