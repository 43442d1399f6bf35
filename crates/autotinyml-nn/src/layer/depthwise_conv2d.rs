//! `y[r, c, k] = b[k] + Σ x[r·s₀ + i·d₀ − p₀, c·s₁ + j·d₁ − p₁, k] W[i, j, k]`: each channel by itself.

use std::ops::Range;

use super::Trained;
use super::dense::sum_rows;
use crate::Shape;
use crate::network::{Padding, extent};
use crate::optimizer::Step;
use crate::vectors::{Loop, widest};

/// A depthwise convolution with the memory for its gradient.
pub(crate) struct DepthwiseConv2d {
    taps: Taps,
    kernel_gradient: Vec<f32>,
    bias_gradient: Vec<f32>,
}

/// Which values of the input lie under which of the kernel.
struct Taps {
    input: Shape,
    output: Shape,
    kernel_width: usize,
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Rows and columns of zeros before the input.
    before: [usize; 2],
    /// For each row of the output, and each column, the rows and columns of the kernel that lie
    /// inside the input.
    inside: [Vec<Range<usize>>; 2],
}

impl DepthwiseConv2d {
    pub(crate) fn new(
        [input, output]: [Shape; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
        training: bool,
    ) -> Self {
        let gradient = |length| vec![0.0; if training { length } else { 0 }];
        let taps = Taps::new([input, output], kernel, stride, dilation, padding);
        Self {
            taps,
            kernel_gradient: gradient(kernel[0] * kernel[1] * input.channels),
            bias_gradient: gradient(input.channels),
        }
    }

    pub(crate) fn forward(&self, kernel: &[f32], bias: &[f32], input: &[f32], output: &mut [f32]) {
        widest(Forward { taps: &self.taps, kernel, bias, input, output });
    }

    /// `dW[i, j] = Σ x dy` and `dx = Σ dy W[i, j]` over all x under a tap; `db = Σ dy`.
    pub(crate) fn backward(
        &mut self,
        trained: &mut Trained,
        step: &Step,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        let Self { taps, kernel_gradient, bias_gradient } = self;
        if let Some(input_gradient) = input_gradient {
            let kernel = &trained.kernel.values;
            widest(InputGradient { taps, kernel, output_gradient, input_gradient });
        }
        widest(KernelGradient { taps, input, output_gradient, kernel_gradient });
        sum_rows(output_gradient, bias_gradient);
        step.apply(&mut trained.kernel, 0, kernel_gradient);
        step.apply(&mut trained.bias, 0, bias_gradient);
    }
}

impl Taps {
    fn new(
        [input, output]: [Shape; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
    ) -> Self {
        let extent = extent(kernel, dilation);
        let lengths = [[input.height, output.height], [input.width, output.width]];
        let before =
            [0, 1].map(|axis| padding.before(lengths[axis][0], extent[axis], stride[axis]));
        let inside = [0, 1].map(|axis| {
            let [input, output] = lengths[axis];
            let range = |position: usize| {
                let first = position * stride[axis];
                let start = before[axis].saturating_sub(first).div_ceil(dilation[axis]);
                let end = (input + before[axis]).saturating_sub(first).div_ceil(dilation[axis]);
                let end = end.min(kernel[axis]);
                start.min(end)..end
            };
            (0..output).map(range).collect()
        });
        Self { input, output, kernel_width: kernel[1], stride, dilation, before, inside }
    }

    /// Calls `visit` with the first channel of each tap of a pixel in the kernel and in the batch of
    /// inputs. Pixels are numbered through the batch.
    #[inline(always)]
    fn for_each(&self, pixel: usize, mut visit: impl FnMut(usize, usize)) {
        let Shape { width, channels, .. } = self.input;
        let pixels = self.output.height * self.output.width;
        let sample = pixel / pixels * self.input.len();
        let position = [pixel % pixels / self.output.width, pixel % self.output.width];
        let place = |axis: usize, tap: usize| {
            position[axis] * self.stride[axis] + tap * self.dilation[axis] - self.before[axis]
        };
        for i in self.inside[0][position[0]].clone() {
            for j in self.inside[1][position[1]].clone() {
                let at = (place(0, i) * width + place(1, j)) * channels;
                visit((i * self.kernel_width + j) * channels, sample + at);
            }
        }
    }
}

struct Forward<'a> {
    taps: &'a Taps,
    kernel: &'a [f32],
    bias: &'a [f32],
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { taps, kernel, bias, input, output } = self;
        let channels = taps.input.channels;
        for (pixel, y) in output.chunks_exact_mut(channels).enumerate() {
            y.copy_from_slice(bias);
            taps.for_each(pixel, |w, x| {
                let (w, x) = (&kernel[w..][..channels], &input[x..][..channels]);
                y.iter_mut().zip(w).zip(x).for_each(|((y, w), x)| *y += w * x);
            });
        }
    }
}

struct InputGradient<'a> {
    taps: &'a Taps,
    kernel: &'a [f32],
    output_gradient: &'a [f32],
    input_gradient: &'a mut [f32],
}

impl Loop for InputGradient<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { taps, kernel, output_gradient, input_gradient } = self;
        let channels = taps.input.channels;
        input_gradient.fill(0.0);
        for (pixel, dy) in output_gradient.chunks_exact(channels).enumerate() {
            taps.for_each(pixel, |w, x| {
                let (w, dx) = (&kernel[w..][..channels], &mut input_gradient[x..][..channels]);
                dx.iter_mut().zip(w).zip(dy).for_each(|((dx, w), dy)| *dx += w * dy);
            });
        }
    }
}

struct KernelGradient<'a> {
    taps: &'a Taps,
    input: &'a [f32],
    output_gradient: &'a [f32],
    kernel_gradient: &'a mut [f32],
}

impl Loop for KernelGradient<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { taps, input, output_gradient, kernel_gradient } = self;
        let channels = taps.input.channels;
        kernel_gradient.fill(0.0);
        for (pixel, dy) in output_gradient.chunks_exact(channels).enumerate() {
            taps.for_each(pixel, |w, x| {
                let (dw, x) = (&mut kernel_gradient[w..][..channels], &input[x..][..channels]);
                dw.iter_mut().zip(x).zip(dy).for_each(|((dw, x), dy)| *dw += x * dy);
            });
        }
    }
}
