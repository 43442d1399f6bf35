//! The largest value of each window, channel by channel.

use super::windows::Windows;
use crate::Shape;
use crate::vectors::{Loop, widest};

/// Max pooling that remembers where the largest values were.
pub(crate) struct MaxPool2d {
    windows: Windows,
    /// For each output the place in its window, row by row, of the largest value. Empty unless
    /// training.
    places: Vec<u32>,
}

impl MaxPool2d {
    pub(crate) fn new(
        input: Shape,
        output: Shape,
        window: [usize; 2],
        stride: [usize; 2],
        batch: usize,
        training: bool,
    ) -> Self {
        let places = vec![0; if training { batch * output.len() } else { 0 }];
        Self { windows: Windows::new(input, output, window, stride), places }
    }

    /// `y = max x` over each window; the first of equals counts.
    pub(crate) fn forward(&mut self, input: &[f32], output: &mut [f32]) {
        widest(Forward { pool: self, input, output });
    }

    /// Each `dy` goes where its largest value was.
    pub(crate) fn backward(&self, output_gradient: &[f32], input_gradient: &mut [f32]) {
        widest(Backward { pool: self, output_gradient, input_gradient });
    }
}

struct Forward<'a> {
    pool: &'a mut MaxPool2d,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { pool, input, output } = self;
        let channels = pool.windows.input.channels;
        for (pixel, y) in output.chunks_exact_mut(channels).enumerate() {
            let x = &input[pool.windows.corner(pixel)..];
            match pool.places.get_mut(pixel * channels..(pixel + 1) * channels) {
                Some(places) => largest_and_places(x, &pool.windows.offsets, y, places),
                None => largest(x, &pool.windows.offsets, y),
            }
        }
    }
}

struct Backward<'a> {
    pool: &'a MaxPool2d,
    output_gradient: &'a [f32],
    input_gradient: &'a mut [f32],
}

impl Loop for Backward<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { pool, output_gradient, input_gradient } = self;
        let channels = pool.windows.input.channels;
        input_gradient.fill(0.0);
        for (pixel, dy) in output_gradient.chunks_exact(channels).enumerate() {
            let corner = pool.windows.corner(pixel);
            let places = &pool.places[pixel * channels..][..channels];
            for (place, &offset) in pool.windows.offsets.iter().enumerate() {
                let dx = &mut input_gradient[corner + offset..][..channels];
                for ((dx, &dy), &at) in dx.iter_mut().zip(dy).zip(places) {
                    *dx += if at == place as u32 { dy } else { 0.0 };
                }
            }
        }
    }
}

/// The largest values of one window, whose pixels lie at `offsets` in `x`.
#[inline(always)]
fn largest(x: &[f32], offsets: &[usize], y: &mut [f32]) {
    y.copy_from_slice(&x[..y.len()]);
    for &offset in &offsets[1..] {
        for (y, &x) in y.iter_mut().zip(&x[offset..]) {
            *y = if x > *y { x } else { *y };
        }
    }
}

/// The largest values of one window and their places in it.
#[inline(always)]
fn largest_and_places(x: &[f32], offsets: &[usize], y: &mut [f32], places: &mut [u32]) {
    y.copy_from_slice(&x[..y.len()]);
    places.fill(0);
    for (place, &offset) in offsets.iter().enumerate().skip(1) {
        for ((y, at), &x) in y.iter_mut().zip(&mut *places).zip(&x[offset..]) {
            let larger = x > *y;
            *y = if larger { x } else { *y };
            *at = if larger { place as u32 } else { *at };
        }
    }
}
