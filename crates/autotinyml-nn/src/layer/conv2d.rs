//! `y[r, c, f] = b[f] + Σ x[r·s₀ + i·d₀ − p₀, c·s₁ + j·d₁ − p₁, k] W[i, j, k, f]`, as the product of two
//! matrices: the windows of the input, read where they lie, and the kernel.

use super::Trained;
use super::dense::{sum_rows, transpose};
use super::geometry::Geometry;
use crate::Shape;
use crate::matmul::{Places, Start, Windows, multiply};
use crate::network::Padding;
use crate::optimizer::Step;

/// A convolution with the memory for its gradients.
pub(crate) struct Conv2d {
    geometry: Geometry,
    /// The input between zeros, `[batch][padded height][padded width][channels]`; empty for one
    /// without padding.
    padded: Vec<f32>,
    /// Where each window of a batch begins in the (padded) input.
    starts: Places,
    /// Where each value of a window lies, seen from its beginning.
    places: Places,
    kernel_gradient: Vec<f32>,
    bias_gradient: Vec<f32>,
    /// From the first backward on that asks for the gradient of the input.
    transposed: Option<Transposed>,
}

impl Conv2d {
    pub(crate) fn new(
        shapes: [Shape; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
        batch: usize,
        training: bool,
    ) -> Self {
        let geometry = Geometry::new(shapes, kernel, stride, dilation, padding);
        let [input, output] = shapes;
        let filters = output.channels;
        let [height, width] = geometry.padded;
        let is_padded = geometry.is_padded();
        let padded = if is_padded { batch * height * width * input.channels } else { 0 };
        let gradient = |length: usize| vec![0.0; if training { length } else { 0 }];
        let pixels = (0..batch).flat_map(|sample| {
            let pixels = (0..output.height).flat_map(|r| (0..output.width).map(move |c| (r, c)));
            pixels.map(move |(r, c)| [sample * height + r * stride[0], c * stride[1]])
        });
        let place = |[row, column]: [usize; 2]| ((row * width + column) * input.channels) as u32;
        let places = windows(kernel, dilation, width, input.channels);
        Self {
            padded: vec![0.0; padded],
            starts: Places::new(pixels.map(place).collect()),
            kernel_gradient: gradient(places.len() * filters),
            bias_gradient: gradient(filters),
            places,
            geometry,
            transposed: None,
        }
    }

    pub(crate) fn forward(
        &mut self,
        kernel: &[f32],
        bias: &[f32],
        input: &[f32],
        output: &mut [f32],
    ) {
        if self.geometry.is_padded() {
            self.geometry.pad(input, &mut self.padded);
        }
        multiply(self.windows(input), kernel, Start::Row(bias), output);
    }

    /// `dW = windowsᵀ dy`, `db = Σ dy`. Follows a `forward` of the same input.
    pub(crate) fn backward(
        &mut self,
        trained: &mut Trained,
        step: &Step,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        if let Some(input_gradient) = input_gradient {
            let batch = self.starts.len() / self.geometry.output.pixels();
            let transposed =
                self.transposed.get_or_insert_with(|| Transposed::new(self.geometry, batch));
            transposed.run(&trained.kernel.values, output_gradient, input_gradient);
        }
        let mut kernel_gradient = std::mem::take(&mut self.kernel_gradient);
        let windows = self.windows(input).transposed();
        multiply(windows, output_gradient, Start::Zero, &mut kernel_gradient);
        self.kernel_gradient = kernel_gradient;
        sum_rows(output_gradient, &mut self.bias_gradient);
        step.apply(&mut trained.kernel, 0, &self.kernel_gradient);
        step.apply(&mut trained.bias, 0, &self.bias_gradient);
    }

    /// The windows of an input: `[samples · output pixels][kernel height · kernel width · channels]`.
    fn windows<'a>(&'a self, input: &'a [f32]) -> Windows<'a> {
        let samples = input.len() / self.geometry.input.len();
        let values = if self.geometry.is_padded() { &self.padded } else { input };
        Windows::new(values, &self.starts, samples * self.geometry.output.pixels(), &self.places)
    }
}

/// Where the values of a window of `channels` lie in an image of this width, seen from its beginning.
fn windows(
    [height, width]: [usize; 2],
    dilation: [usize; 2],
    image_width: usize,
    channels: usize,
) -> Places {
    let rows = (0..height).map(|row| row * dilation[0] * image_width);
    let pixels = rows.flat_map(|row| (0..width).map(move |column| row + column * dilation[1]));
    let places = pixels.flat_map(|pixel| pixel * channels..(pixel + 1) * channels);
    Places::new(places.map(|place| place as u32).collect())
}

/// The gradient of the input, `dx[q, k] = Σ dy[(q + p − i·d) / s, f] W[i, k, f]` over the `i` for which
/// that is a pixel of the output: itself a convolution with stride 1, of `dy` spread out between zeros
/// and with the kernel turned round ("transposed convolution", Dumoulin & Visin 2016).
struct Transposed {
    geometry: Geometry,
    /// The output's gradient between zeros, `[batch][height][width][filters]`.
    spread: Vec<f32>,
    /// `W` turned round, `[kernel height · kernel width · filters][channels]`.
    kernel: Vec<f32>,
    starts: Places,
    places: Places,
}

impl Transposed {
    fn new(geometry: Geometry, batch: usize) -> Self {
        let Geometry { input, output, kernel, dilation, before, .. } = geometry;
        let size = geometry.spread_size();
        let filters = output.channels;
        let pixels = (0..batch).flat_map(|sample| {
            let pixels = (0..input.height).flat_map(|r| (0..input.width).map(move |c| (r, c)));
            pixels.map(move |(r, c)| [sample * size[0] + r + before[0], c + before[1]])
        });
        let place = |[row, column]: [usize; 2]| ((row * size[1] + column) * filters) as u32;
        Self {
            geometry,
            spread: vec![0.0; batch * size[0] * size[1] * filters],
            kernel: vec![0.0; kernel[0] * kernel[1] * filters * input.channels],
            starts: Places::new(pixels.map(place).collect()),
            places: windows(kernel, dilation, size[1], filters),
        }
    }

    fn run(&mut self, weights: &[f32], output_gradient: &[f32], input_gradient: &mut [f32]) {
        let Geometry { input, output, .. } = self.geometry;
        let (channels, filters) = (input.channels, output.channels);
        self.geometry.spread(output_gradient, &mut self.spread);
        let turned = self.kernel.chunks_exact_mut(filters * channels);
        for (tap, turned) in weights.chunks_exact(channels * filters).rev().zip(turned) {
            transpose(tap, filters, turned);
        }
        let samples = output_gradient.len() / output.len();
        let rows = samples * input.pixels();
        let windows = Windows::new(&self.spread, &self.starts, rows, &self.places);
        multiply(windows, &self.kernel, Start::Zero, input_gradient);
    }
}
