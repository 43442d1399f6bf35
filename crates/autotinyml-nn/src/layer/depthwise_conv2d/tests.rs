//! The fast paths against the sums as they are defined. (Gradients are held against finite differences and
//! Keras in `tests/`.)

use super::*;
use crate::registers::registers_of_256_bits;

/// Sums that come out exactly in any order: small whole numbers.
fn numbers(length: usize, seed: usize) -> Vec<f32> {
    (0..length).map(|i| ((i * 31 + seed * 17) % 13) as f32 - 6.0).collect()
}

/// Sums that are rounded.
fn fractions(length: usize, seed: usize) -> Vec<f32> {
    (0..length).map(|i| ((i * 7919 + seed) % 1013) as f32 / 97.0 - 5.0).collect()
}

struct Case {
    windows: Windows,
    image: Vec<f32>,
    kernel: Vec<f32>,
    start: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    fn new(channels: usize, stride: [usize; 2], values: fn(usize, usize) -> Vec<f32>) -> Self {
        let (input, kernel) = (Shape::new(9, 14, channels), [3, 2]);
        let output = Shape::new((9 - 3) / stride[0] + 1, (14 - 3) / stride[1] + 1, channels);
        let geometry = Geometry::new([input, output], kernel, stride, [1, 2], Padding::Valid);
        Self {
            windows: Windows::new(&geometry, output, stride, input.width),
            image: values(input.len(), 1),
            kernel: values(6 * channels, 2),
            start: values(channels, 3),
            dy: values(output.len(), 4),
        }
    }

    /// Outputs and the kernel's gradient.
    fn run(&self, wide: bool) -> [Vec<f32>; 2] {
        let Self { windows, image, kernel, start, dy } = self;
        let (mut output, mut kernel_gradient) = (vec![0.0; dy.len()], vec![1.0; kernel.len()]);
        let sums = Sums { windows, image, kernel, start, output: &mut output };
        let gradient = KernelGradient { windows, image, dy, kernel_gradient: &mut kernel_gradient };
        if wide {
            widest_registers(sums);
            widest_registers(gradient);
        } else if !(registers_of_256_bits(sums) && registers_of_256_bits(gradient)) {
            return self.run(true);
        }
        [output, kernel_gradient]
    }

    fn by_definition(&self) -> [Vec<f32>; 2] {
        let Windows { size, stride, width, channels, .. } = self.windows;
        let mut output = vec![0.0; self.dy.len()];
        let mut kernel_gradient = vec![1.0; self.kernel.len()];
        for (index, y) in output.iter_mut().enumerate() {
            let (pixel, k) = (index / channels, index % channels);
            *y = self.start[k];
            for tap in 0..6 {
                let row = pixel / size[1] * stride[0] + tap / 2;
                let column = pixel % size[1] * stride[1] + tap % 2 * 2;
                let x = self.image[(row * width + column) * channels + k];
                *y += x * self.kernel[tap * channels + k];
                kernel_gradient[tap * channels + k] += x * self.dy[index];
            }
        }
        [output, kernel_gradient]
    }
}

#[test]
fn any_number_of_channels_is_summed_as_defined() {
    for channels in [1, 3, 4, 8, 16, 29, 32] {
        for stride in [[1, 1], [2, 3]] {
            let case = Case::new(channels, stride, numbers);
            assert_eq!(case.run(true), case.by_definition(), "{channels} channels, {stride:?}");
        }
    }
}

#[test]
fn narrower_registers_give_the_same_bits() {
    for channels in [1, 8, 16, 29] {
        let case = Case::new(channels, [1, 1], fractions);
        assert_eq!(case.run(true), case.run(false), "{channels} channels");
    }
}
