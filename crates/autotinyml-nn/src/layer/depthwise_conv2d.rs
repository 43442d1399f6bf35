//! `y[r, c, k] = b[k] + Σ x[r·s₀ + i·d₀ − p₀, c·s₁ + j·d₁ − p₁, k] W[i, j, k]`: each channel by itself, and
//! so as many channels at a time as a register holds.

#[cfg(test)]
mod tests;

use super::Trained;
use super::dense::sum_rows;
use super::geometry::Geometry;
use crate::Shape;
use crate::network::Padding;
use crate::optimizer::Step;
use crate::registers::{Register, RegisterLoop, widest_registers};

/// A depthwise convolution with the memory for its gradients.
pub(crate) struct DepthwiseConv2d {
    geometry: Geometry,
    /// One sample between zeros, `[padded height][padded width][channels]`.
    padded: Vec<f32>,
    /// Of the output's pixels on that.
    windows: Windows,
    kernel_gradient: Vec<f32>,
    bias_gradient: Vec<f32>,
    transposed: Option<Transposed>,
}

/// The gradient of the input, `dx = Σ dy W[i, j]` over the windows that hold x: itself a convolution with
/// stride 1, of `dy` spread out between zeros and with the kernel turned round (Dumoulin & Visin 2016).
struct Transposed {
    /// The gradient of one sample's output between zeros, `[height][width][channels]`.
    spread: Vec<f32>,
    /// Where the window of the first pixel of the input begins in that.
    first: usize,
    /// Of the input's pixels.
    windows: Windows,
    /// W with its taps in reverse order.
    kernel: Vec<f32>,
    /// What the sums begin with, one for each channel.
    zeros: Vec<f32>,
}

impl DepthwiseConv2d {
    pub(crate) fn new(
        shapes: [Shape; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
        training: bool,
    ) -> Self {
        let geometry = Geometry::new(shapes, kernel, stride, dilation, padding);
        let channels = geometry.input.channels;
        let [height, width] = geometry.padded;
        let gradient = |length: usize| vec![0.0; if training { length } else { 0 }];
        Self {
            padded: vec![0.0; height * width * channels],
            windows: Windows::new(&geometry, geometry.output, stride, width),
            kernel_gradient: gradient(kernel[0] * kernel[1] * channels),
            bias_gradient: gradient(channels),
            transposed: training.then(|| Transposed::new(&geometry)),
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
        let Self { geometry, padded, windows, .. } = self;
        let samples = input.chunks_exact(geometry.input.len());
        for (x, output) in samples.zip(output.chunks_exact_mut(geometry.output.len())) {
            geometry.pad(x, padded);
            widest_registers(Sums { windows, image: padded, kernel, start: bias, output });
        }
    }

    /// `dW[i, j] = Σ x dy` over all x under a tap; `db = Σ dy`.
    pub(crate) fn backward(
        &mut self,
        trained: &mut Trained,
        step: &Step,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        let Self { geometry, padded, windows, kernel_gradient, bias_gradient, .. } = self;
        if let (Some(transposed), Some(input_gradient)) = (&mut self.transposed, input_gradient) {
            transposed.run(geometry, &trained.kernel.values, output_gradient, input_gradient);
        }
        kernel_gradient.fill(0.0);
        let samples = input.chunks_exact(geometry.input.len());
        for (x, dy) in samples.zip(output_gradient.chunks_exact(geometry.output.len())) {
            geometry.pad(x, padded);
            widest_registers(KernelGradient { windows, image: padded, dy, kernel_gradient });
        }
        sum_rows(output_gradient, bias_gradient);
        step.apply(&mut trained.kernel, 0, kernel_gradient);
        step.apply(&mut trained.bias, 0, bias_gradient);
    }
}

impl Transposed {
    fn new(geometry: &Geometry) -> Self {
        let Geometry { input, kernel, before, .. } = geometry;
        let [height, width] = geometry.spread_size();
        Self {
            spread: vec![0.0; height * width * input.channels],
            first: (before[0] * width + before[1]) * input.channels,
            windows: Windows::new(geometry, *input, [1, 1], width),
            kernel: vec![0.0; kernel[0] * kernel[1] * input.channels],
            zeros: vec![0.0; input.channels],
        }
    }

    fn run(
        &mut self,
        geometry: &Geometry,
        weights: &[f32],
        output_gradient: &[f32],
        input_gradient: &mut [f32],
    ) {
        let Self { spread, first, windows, kernel, zeros } = self;
        let channels = windows.channels;
        let taps = weights.chunks_exact(channels).rev();
        for (turned, tap) in kernel.chunks_exact_mut(channels).zip(taps) {
            turned.copy_from_slice(tap);
        }
        let samples = output_gradient.chunks_exact(geometry.output.len());
        for (dy, output) in samples.zip(input_gradient.chunks_exact_mut(geometry.input.len())) {
            geometry.spread(dy, spread);
            widest_registers(Sums {
                windows,
                image: &spread[*first..],
                kernel,
                start: zeros,
                output,
            });
        }
    }
}

/// Windows on an image `[height][width][channels]`.
struct Windows {
    /// How many there are: rows and columns.
    size: [usize; 2],
    stride: [usize; 2],
    /// Where each tap of a window lies in the image, seen from the first one.
    taps: Vec<usize>,
    /// Of the image.
    width: usize,
    channels: usize,
}

impl Windows {
    /// One for each pixel of `of`, on an image of this width.
    fn new(geometry: &Geometry, of: Shape, stride: [usize; 2], width: usize) -> Self {
        let Geometry { kernel, dilation, .. } = geometry;
        let rows = (0..kernel[0]).map(|row| row * dilation[0] * width);
        let pixels =
            rows.flat_map(|row| (0..kernel[1]).map(move |column| row + column * dilation[1]));
        let taps = pixels.map(|pixel| pixel * of.channels).collect();
        Self { size: [of.height, of.width], stride, taps, width, channels: of.channels }
    }

    /// Where a window begins.
    #[inline(always)]
    fn corner(&self, row: usize, column: usize) -> usize {
        (row * self.stride[0] * self.width + column * self.stride[1]) * self.channels
    }
}

/// `output[p, k] = start[k] + Σ image[p, t, k] kernel[t, k]` over the taps t of each window p.
struct Sums<'a> {
    windows: &'a Windows,
    image: &'a [f32],
    kernel: &'a [f32],
    start: &'a [f32],
    output: &'a mut [f32],
}

/// Windows whose sums grow side by side, to hide how long one multiply-add takes.
const PIXELS: usize = 4;

impl RegisterLoop for Sums<'_> {
    #[inline(always)]
    fn run<V: Register, W: Register>(mut self) {
        let channel = self.channels::<V>(0);
        let channel = self.channels::<V::Half>(channel);
        let channel = self.channels::<<V::Half as Register>::Half>(channel);
        self.channels::<f32>(channel);
    }
}

impl Sums<'_> {
    /// From this channel on, as long as they fill a register; the first channel that is left.
    #[inline(always)]
    fn channels<V: Register>(&mut self, mut channel: usize) -> usize {
        let [rows, columns] = self.windows.size;
        while channel + V::LANES <= self.windows.channels {
            for row in 0..rows {
                let mut column = 0;
                while column + PIXELS <= columns {
                    self.pixels::<V, PIXELS>(channel, row, column);
                    column += PIXELS;
                }
                while column < columns {
                    self.pixels::<V, 1>(channel, row, column);
                    column += 1;
                }
            }
            channel += V::LANES;
        }
        channel
    }

    /// Of `N` windows from this one on.
    #[inline(always)]
    fn pixels<V: Register, const N: usize>(&mut self, channel: usize, row: usize, column: usize) {
        let Self { windows, image, kernel, start, output } = self;
        let channels = windows.channels;
        let step = windows.stride[1] * channels;
        let image = &image[windows.corner(row, column) + channel..];
        let mut sums = [V::load(&start[channel..]); N];
        for (tap, &place) in windows.taps.iter().enumerate() {
            let weight = V::load(&kernel[tap * channels + channel..]);
            for n in 0..N {
                sums[n] = V::load(&image[place + n * step..]).mul_add(weight, sums[n]);
            }
        }
        let at = (row * windows.size[1] + column) * channels + channel;
        for n in 0..N {
            sums[n].store(&mut output[at + n * channels..]);
        }
    }
}

/// Adds to `kernel_gradient[t, k]` the sum of `image[p, t, k] dy[p, k]` over all windows p.
struct KernelGradient<'a> {
    windows: &'a Windows,
    image: &'a [f32],
    dy: &'a [f32],
    kernel_gradient: &'a mut [f32],
}

/// Taps whose sums grow side by side, likewise.
const TAPS: usize = 3;

impl RegisterLoop for KernelGradient<'_> {
    #[inline(always)]
    fn run<V: Register, W: Register>(mut self) {
        let channel = self.channels::<V>(0);
        let channel = self.channels::<V::Half>(channel);
        let channel = self.channels::<<V::Half as Register>::Half>(channel);
        self.channels::<f32>(channel);
    }
}

impl KernelGradient<'_> {
    /// As [`Sums::channels`].
    #[inline(always)]
    fn channels<V: Register>(&mut self, mut channel: usize) -> usize {
        while channel + V::LANES <= self.windows.channels {
            let taps = self.windows.taps.len();
            let mut tap = 0;
            while tap + TAPS <= taps {
                self.taps::<V, TAPS>(channel, tap);
                tap += TAPS;
            }
            while tap < taps {
                self.taps::<V, 1>(channel, tap);
                tap += 1;
            }
            channel += V::LANES;
        }
        channel
    }

    /// Of `N` taps from this one on.
    #[inline(always)]
    fn taps<V: Register, const N: usize>(&mut self, channel: usize, tap: usize) {
        let Self { windows, image, dy, kernel_gradient } = self;
        let (channels, [rows, columns]) = (windows.channels, windows.size);
        let mut sums = [V::splat(0.0); N];
        for n in 0..N {
            sums[n] = V::load(&kernel_gradient[(tap + n) * channels + channel..]);
        }
        for row in 0..rows {
            for column in 0..columns {
                let image = &image[windows.corner(row, column) + channel..];
                let at = (row * columns + column) * channels + channel;
                let gradient = V::load(&dy[at..]);
                for n in 0..N {
                    let value = V::load(&image[windows.taps[tap + n]..]);
                    sums[n] = value.mul_add(gradient, sums[n]);
                }
            }
        }
        for n in 0..N {
            sums[n].store(&mut kernel_gradient[(tap + n) * channels + channel..]);
        }
    }
}
