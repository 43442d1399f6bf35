//! The largest value of each window, channel by channel.

use crate::Shape;

/// Max pooling that remembers where the largest values were.
pub(crate) struct MaxPool2d {
    input: Shape,
    output: Shape,
    window: [usize; 2],
    stride: [usize; 2],
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
        Self { input, output, window, stride, places }
    }

    /// `y = max x` over each window; the first of equals counts.
    pub(crate) fn forward(&mut self, input: &[f32], output: &mut [f32]) {
        let channels = self.input.channels;
        let offsets = self.offsets();
        for (pixel, y) in output.chunks_exact_mut(channels).enumerate() {
            let corner = self.corner(pixel);
            y.copy_from_slice(&input[corner..][..channels]);
            if self.places.is_empty() {
                for &offset in &offsets[1..] {
                    let x = &input[corner + offset..][..channels];
                    y.iter_mut().zip(x).for_each(|(y, &x)| *y = if x > *y { x } else { *y });
                }
                continue;
            }
            let places = &mut self.places[pixel * channels..][..channels];
            places.fill(0);
            for (place, &offset) in offsets.iter().enumerate().skip(1) {
                let x = &input[corner + offset..][..channels];
                for ((y, at), &x) in y.iter_mut().zip(&mut *places).zip(x) {
                    let larger = x > *y;
                    *y = if larger { x } else { *y };
                    *at = if larger { place as u32 } else { *at };
                }
            }
        }
    }

    /// Each `dy` goes where its largest value was.
    pub(crate) fn backward(&self, output_gradient: &[f32], input_gradient: &mut [f32]) {
        let channels = self.input.channels;
        let offsets = self.offsets();
        input_gradient.fill(0.0);
        for (pixel, dy) in output_gradient.chunks_exact(channels).enumerate() {
            let corner = self.corner(pixel);
            let places = &self.places[pixel * channels..][..channels];
            for (place, &offset) in offsets.iter().enumerate() {
                let dx = &mut input_gradient[corner + offset..][..channels];
                for ((dx, &dy), &at) in dx.iter_mut().zip(dy).zip(places) {
                    *dx += if at == place as u32 { dy } else { 0.0 };
                }
            }
        }
    }

    /// Where the window of an output pixel begins in the batch of inputs. Pixels are numbered
    /// through the batch.
    fn corner(&self, pixel: usize) -> usize {
        let pixels = self.output.height * self.output.width;
        let (sample, pixel) = (pixel / pixels, pixel % pixels);
        let row = pixel / self.output.width * self.stride[0];
        let column = pixel % self.output.width * self.stride[1];
        sample * self.input.len() + (row * self.input.width + column) * self.input.channels
    }

    /// Where the pixels of a window lie, seen from its first one.
    fn offsets(&self) -> Vec<usize> {
        let [height, width] = self.window;
        (0..height * width)
            .map(|i| (i / width * self.input.width + i % width) * self.input.channels)
            .collect()
    }
}
