//! The mean of each window, channel by channel.

use super::windows::Windows;
use crate::Shape;
use crate::vectors::{Loop, widest};

/// Average pooling. Global pooling is a single window as large as its input.
pub(crate) struct AveragePool2d {
    windows: Windows,
    /// 1 / pixels of a window
    share: f32,
}

impl AveragePool2d {
    pub(crate) fn new(input: Shape, output: Shape, window: [usize; 2], stride: [usize; 2]) -> Self {
        let windows = Windows::new(input, output, window, stride);
        Self { windows, share: 1.0 / (window[0] * window[1]) as f32 }
    }

    /// `y = Σ x / n` over the n pixels of each window.
    pub(crate) fn forward(&self, input: &[f32], output: &mut [f32]) {
        widest(Forward { pool: self, input, output });
    }

    /// `dx = Σ dy / n` over the windows that hold x.
    pub(crate) fn backward(&self, output_gradient: &[f32], input_gradient: &mut [f32]) {
        widest(Backward { pool: self, output_gradient, input_gradient });
    }
}

struct Forward<'a> {
    pool: &'a AveragePool2d,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { pool: AveragePool2d { windows, share }, input, output } = self;
        let channels = windows.input.channels;
        for (pixel, y) in output.chunks_exact_mut(channels).enumerate() {
            let corner = windows.corner(pixel);
            y.fill(0.0);
            for &offset in &windows.offsets {
                let x = &input[corner + offset..][..channels];
                y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
            }
            y.iter_mut().for_each(|y| *y *= share);
        }
    }
}

struct Backward<'a> {
    pool: &'a AveragePool2d,
    output_gradient: &'a [f32],
    input_gradient: &'a mut [f32],
}

impl Loop for Backward<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { pool: AveragePool2d { windows, share }, output_gradient, input_gradient } = self;
        let channels = windows.input.channels;
        input_gradient.fill(0.0);
        for (pixel, dy) in output_gradient.chunks_exact(channels).enumerate() {
            let corner = windows.corner(pixel);
            for &offset in &windows.offsets {
                let dx = &mut input_gradient[corner + offset..][..channels];
                dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * share);
            }
        }
    }
}
