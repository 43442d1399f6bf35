//! Products of matrices: a safe face of the `gemm` crate.

use gemm::{Parallelism, gemm};

/// A matrix in a slice: element (r, c) is at `r · row_step + c · column_step`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a> Matrix<'a> {
    /// The first `rows · columns` values, row by row.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { values: &values[..rows * columns], rows, columns, row_step: columns, column_step: 1 }
    }

    /// The same values with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
        }
    }
}

/// Product = left · right, row by row.
pub(crate) fn multiply(left: Matrix, right: Matrix, product: &mut [f32]) {
    run(left, right, product, false);
}

/// Product += left · right, row by row.
pub(crate) fn multiply_add(left: Matrix, right: Matrix, product: &mut [f32]) {
    run(left, right, product, true);
}

fn run(left: Matrix, right: Matrix, product: &mut [f32], accumulate: bool) {
    assert_eq!(left.columns, right.rows);
    let (rows, columns) = (left.rows, right.columns);
    let product = &mut product[..rows * columns];
    // SAFETY: a `Matrix` covers exactly its slice (rows · columns values, checked when it was made),
    // and so does `product`, which is borrowed alone; gemm touches nothing else.
    unsafe {
        gemm(
            rows,
            columns,
            left.columns,
            product.as_mut_ptr(),
            1,
            columns as isize,
            accumulate,
            left.values.as_ptr(),
            left.column_step as isize,
            left.row_step as isize,
            right.values.as_ptr(),
            right.column_step as isize,
            right.row_step as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
