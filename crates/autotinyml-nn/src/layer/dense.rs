//! `y = x W + b`, with W `[inputs][units]`.

use super::Trained;
use crate::matmul::{Matrix, multiply, multiply_add};
use crate::optimizer::Step;

/// A dense layer with the memory for its gradient.
pub(crate) struct Dense {
    inputs: usize,
    units: usize,
    /// Rows of the kernel whose gradient is worked out and applied at a time: so few that it never
    /// leaves the first-level cache.
    rows: usize,
    kernel_gradient: Vec<f32>,
    bias_gradient: Vec<f32>,
}

/// Values of a kernel's gradient at a time: 16 KiB.
const GRADIENT_MAX: usize = 4 * 1024;

impl Dense {
    pub(crate) fn new(inputs: usize, units: usize, training: bool) -> Self {
        let rows = (GRADIENT_MAX / units).clamp(1, inputs);
        let gradient = |length| vec![0.0; if training { length } else { 0 }];
        let (kernel_gradient, bias_gradient) = (gradient(rows * units), gradient(units));
        Self { inputs, units, rows, kernel_gradient, bias_gradient }
    }

    pub(crate) fn forward(&self, kernel: &[f32], bias: &[f32], input: &[f32], output: &mut [f32]) {
        let batch = input.len() / self.inputs;
        for row in output.chunks_exact_mut(self.units) {
            row.copy_from_slice(bias);
        }
        let x = Matrix::new(input, batch, self.inputs);
        let w = Matrix::new(kernel, self.inputs, self.units);
        multiply_add(x, w, output);
    }

    /// `dx = dy Wᵀ`, `dW = xᵀ dy`, `db = Σ dy`
    pub(crate) fn backward(
        &mut self,
        trained: &mut Trained,
        step: &Step,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        let batch = input.len() / self.inputs;
        let x = Matrix::new(input, batch, self.inputs);
        let dy = Matrix::new(output_gradient, batch, self.units);
        if let Some(input_gradient) = input_gradient {
            let w = Matrix::new(&trained.kernel.values, self.inputs, self.units);
            multiply(dy, w.transposed(), input_gradient);
        }
        for first in (0..self.inputs).step_by(self.rows) {
            let rows = self.rows.min(self.inputs - first);
            let gradient = &mut self.kernel_gradient[..rows * self.units];
            multiply(x.transposed().rows(first, rows), dy, gradient);
            step.apply(&mut trained.kernel, first * self.units, gradient);
        }
        sum_rows(output_gradient, &mut self.bias_gradient);
        step.apply(&mut trained.bias, 0, &self.bias_gradient);
    }
}

/// The sum of all rows, each as long as `sum`.
pub(super) fn sum_rows(rows: &[f32], sum: &mut [f32]) {
    sum.fill(0.0);
    for row in rows.chunks_exact(sum.len()) {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}
