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

/// Which registers sum.
#[derive(Clone, Copy, Debug)]
enum Registers {
    Widest,
    /// The widest, where there are none of these.
    Of256Bits,
    /// As the compiler makes them of arrays.
    OfAnyMachine,
}

impl Registers {
    const ALL: [Self; 3] = [Self::Widest, Self::Of256Bits, Self::OfAnyMachine];
}

struct Case {
    windows: Windows,
    image: Vec<f32>,
    kernel: Vec<f32>,
    /// Of the kernel.
    columns: usize,
    start: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    /// Windows of `size` output pixels and of `kernel` taps, two columns apart.
    fn new(
        channels: usize,
        size: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        values: fn(usize, usize) -> Vec<f32>,
    ) -> Self {
        let extent = [kernel[0], 2 * kernel[1] - 1];
        let [height, width] = [0, 1].map(|axis| (size[axis] - 1) * stride[axis] + extent[axis]);
        let input = Shape::new(height, width, channels);
        let output = Shape::new(size[0], size[1], channels);
        let geometry = Geometry::new([input, output], kernel, stride, [1, 2], Padding::Valid);
        Self {
            windows: Windows::new(&geometry, output, stride, input.width),
            image: values(input.len(), 1),
            kernel: values(kernel[0] * kernel[1] * channels, 2),
            columns: kernel[1],
            start: values(channels, 3),
            dy: values(output.len(), 4),
        }
    }

    /// Outputs and the kernel's gradient.
    fn run(&self, registers: Registers) -> [Vec<f32>; 2] {
        let Self { windows, image, kernel, start, dy, .. } = self;
        let (mut output, mut kernel_gradient) = (vec![0.0; dy.len()], vec![1.0; kernel.len()]);
        let sums = Sums { windows, image, kernel, start, output: &mut output };
        let gradient = KernelGradient { windows, image, dy, kernel_gradient: &mut kernel_gradient };
        match registers {
            Registers::Widest => {
                widest_registers(sums);
                widest_registers(gradient);
            }
            Registers::Of256Bits => {
                if !(registers_of_256_bits(sums) && registers_of_256_bits(gradient)) {
                    return self.run(Registers::Widest);
                }
            }
            Registers::OfAnyMachine => {
                sums.run::<[f32; 8], [[f32; 8]; 2]>();
                gradient.run::<[f32; 8], [[f32; 8]; 2]>();
            }
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
            for tap in 0..self.kernel.len() / channels {
                let row = pixel / size[1] * stride[0] + tap / self.columns;
                let column = pixel % size[1] * stride[1] + tap % self.columns * 2;
                let x = self.image[(row * width + column) * channels + k];
                *y += x * self.kernel[tap * channels + k];
                kernel_gradient[tap * channels + k] += x * self.dy[index];
            }
        }
        [output, kernel_gradient]
    }
}

/// Whole blocks of windows and taps, blocks with a rest, and less than a block of each.
const SIZES: [([usize; 2], [usize; 2]); 3] =
    [([7, 12], [3, 2]), ([4, 15], [1, 5]), ([3, 3], [2, 1])];

#[test]
fn any_number_of_channels_is_summed_as_defined() {
    for channels in [1, 3, 4, 8, 16, 29, 32] {
        for (size, kernel) in SIZES {
            for stride in [[1, 1], [2, 3]] {
                let case = Case::new(channels, size, kernel, stride, numbers);
                for registers in Registers::ALL {
                    assert_eq!(
                        case.run(registers),
                        case.by_definition(),
                        "{channels} channels, {size:?} of {kernel:?} by {stride:?}, {registers:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn narrower_registers_give_the_same_bits() {
    for channels in [1, 8, 16, 29] {
        for (size, kernel) in SIZES {
            let case = Case::new(channels, size, kernel, [1, 1], fractions);
            let widest = case.run(Registers::Widest);
            for registers in Registers::ALL {
                assert_eq!(case.run(registers), widest, "{channels} channels, {registers:?}");
            }
        }
    }
}
