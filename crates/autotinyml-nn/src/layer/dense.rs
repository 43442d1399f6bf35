//! `y = x W + b`, with W `[inputs][units]`.

use super::Trained;
use crate::matmul::{Matrix, Start, multiply, multiply_transposed};
use crate::optimizer::Step;
use crate::vectors::{Loop, widest};

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
        Self {
            inputs,
            units,
            rows,
            kernel_gradient: gradient(rows * units),
            bias_gradient: gradient(units),
        }
    }

    pub(crate) fn forward(&self, kernel: &[f32], bias: &[f32], input: &[f32], output: &mut [f32]) {
        let batch = input.len() / self.inputs;
        multiply(Matrix::new(input, batch, self.inputs), kernel, Start::Row(bias), output);
    }

    /// `dx = dy Wᵀ`, `dW = xᵀ dy`, `db = Σ dy`; some rows of the kernel at a time, so that it passes
    /// through the cache once.
    pub(crate) fn backward(
        &mut self,
        trained: &mut Trained,
        step: &Step,
        input: &[f32],
        output_gradient: &[f32],
        mut input_gradient: Option<&mut [f32]>,
    ) {
        let (inputs, units) = (self.inputs, self.units);
        let batch = input.len() / inputs;
        let x = Matrix::new(input, batch, inputs).transposed();
        for first in (0..inputs).step_by(self.rows) {
            let rows = self.rows.min(inputs - first);
            if let Some(input_gradient) = &mut input_gradient {
                let kernel = &trained.kernel.values[first * units..][..rows * units];
                let dx = &mut input_gradient[first..];
                multiply_transposed(output_gradient, kernel, units, dx, inputs);
            }
            let gradient = &mut self.kernel_gradient[..rows * units];
            multiply(x.rows(first, rows), output_gradient, Start::Zero, gradient);
            step.apply(&mut trained.kernel, first * units, gradient);
        }
        sum_rows(output_gradient, &mut self.bias_gradient);
        step.apply(&mut trained.bias, 0, &self.bias_gradient);
    }
}

/// Rows of the given length as columns.
pub(super) fn transpose(rows: &[f32], length: usize, columns: &mut [f32]) {
    let count = rows.len() / length;
    for (r, row) in rows.chunks_exact(length).enumerate() {
        let column = columns.iter_mut().skip(r).step_by(count);
        column.zip(row).for_each(|(to, &from)| *to = from);
    }
}

/// The sum of all rows, each as long as `sum`.
pub(super) fn sum_rows(rows: &[f32], sum: &mut [f32]) {
    sum.fill(0.0);
    widest(AddRows { rows, sum });
}

struct AddRows<'a> {
    rows: &'a [f32],
    sum: &'a mut [f32],
}

impl Loop for AddRows<'_> {
    #[inline(always)]
    fn run(self) {
        for row in self.rows.chunks_exact(self.sum.len()) {
            for (sum, value) in self.sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}
