//! Products of matrices: those with few products per value by a loop of our own, the others by the
//! `gemm` crate, which first packs its operands.

use gemm::{Parallelism, gemm};

use crate::vectors::{Loop, widest};

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

    /// Some of the rows.
    pub(crate) fn rows(self, first: usize, rows: usize) -> Self {
        assert!(first + rows <= self.rows);
        Self { values: &self.values[first * self.row_step..], rows, ..self }
    }

    /// Whether each row is contiguous.
    fn has_contiguous_rows(&self) -> bool {
        self.column_step == 1
    }

    #[inline(always)]
    fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.row_step + column * self.column_step]
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

/// Up to this many products per value our own loop is the faster one.
const DIRECT_MAX: usize = 32;

fn run(left: Matrix, right: Matrix, product: &mut [f32], accumulate: bool) {
    assert_eq!(left.columns, right.rows);
    let product = &mut product[..left.rows * right.columns];
    let few_rows = left.rows <= ROWS;
    if right.has_contiguous_rows() && (left.columns <= DIRECT_MAX || few_rows) {
        widest(Direct { left, right, product, accumulate });
    } else {
        packed(left, right, product, accumulate);
    }
}

/// Rows of the product that are summed up at the same time.
const ROWS: usize = 4;

/// Sums tiles of the product up in registers, over the inner dimension from first to last.
struct Direct<'a> {
    left: Matrix<'a>,
    right: Matrix<'a>,
    product: &'a mut [f32],
    accumulate: bool,
}

impl Loop for Direct<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { left, right, product, accumulate } = self;
        let mut blocks = product.chunks_exact_mut(ROWS * right.columns);
        let mut first = 0;
        for rows in &mut blocks {
            strip::<ROWS>(left, right, first, rows, accumulate);
            first += ROWS;
        }
        for row in blocks.into_remainder().chunks_exact_mut(right.columns) {
            strip::<1>(left, right, first, row, accumulate);
            first += 1;
        }
    }
}

/// `R` rows of the product, from row `first` on.
#[inline(always)]
fn strip<const R: usize>(
    left: Matrix,
    right: Matrix,
    first: usize,
    product: &mut [f32],
    accumulate: bool,
) {
    let mut column = 0;
    while column + 16 <= right.columns {
        tile::<R, 16>(left, right, first, column, product, accumulate);
        column += 16;
    }
    if column + 8 <= right.columns {
        tile::<R, 8>(left, right, first, column, product, accumulate);
        column += 8;
    }
    while column < right.columns {
        tile::<R, 1>(left, right, first, column, product, accumulate);
        column += 1;
    }
}

/// The `R × C` values of the product from (`first`, `column`) on; `product` begins at row `first`.
#[inline(always)]
fn tile<const R: usize, const C: usize>(
    left: Matrix,
    right: Matrix,
    first: usize,
    column: usize,
    product: &mut [f32],
    accumulate: bool,
) {
    let mut sums = [[0.0f32; C]; R];
    for inner in 0..left.columns {
        let values: &[f32; C] =
            right.values[inner * right.row_step + column..].first_chunk().expect("whole tiles");
        for (row, sums) in sums.iter_mut().enumerate() {
            let factor = left.at(first + row, inner);
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += factor * value;
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let values: &mut [f32; C] =
            product[row * right.columns + column..].first_chunk_mut().expect("whole tiles");
        for (value, sum) in values.iter_mut().zip(sums) {
            *value = if accumulate { *value + sum } else { *sum };
        }
    }
}

fn packed(left: Matrix, right: Matrix, product: &mut [f32], accumulate: bool) {
    let (rows, columns) = (left.rows, right.columns);
    assert_eq!(product.len(), rows * columns);
    // SAFETY: a `Matrix` reaches at most the end of its slice, which was checked when it was made,
    // and `product` is as long as the result and borrowed alone; gemm touches nothing else.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, whose products and sums are exact in any order.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * i + 7 * i + seed) % 13) as f32 - 6.0).collect()
    }

    #[test]
    fn products_of_all_sizes_and_layouts() {
        // Rows, inner dimension, columns: for our own loop and for gemm, with tiles and remainders.
        let sizes = [1, 2, 3, 4, 5, 8, 11, 16, 31, 33, 70];
        for (rows, inner) in sizes.into_iter().flat_map(|r| sizes.map(|i| (r, i))) {
            for columns in [1, 7, 8, 16, 22, 33, 50] {
                let (a, b) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
                for layout in 0..4 {
                    let left = match layout % 2 {
                        0 => Matrix::new(&a, rows, inner),
                        _ => Matrix::new(&a, inner, rows).transposed(),
                    };
                    let right = match layout / 2 {
                        0 => Matrix::new(&b, inner, columns),
                        _ => Matrix::new(&b, columns, inner).transposed(),
                    };
                    let element = |m: Matrix, r: usize, c: usize| {
                        m.values[r * m.row_step + c * m.column_step]
                    };
                    let expected: Vec<f32> = (0..rows * columns)
                        .map(|i| {
                            let of =
                                |k| element(left, i / columns, k) * element(right, k, i % columns);
                            (0..inner).map(of).sum()
                        })
                        .collect();
                    let mut product = vec![9.0; rows * columns];
                    multiply(left, right, &mut product);
                    assert_eq!(product, expected, "{rows}×{inner}×{columns}, layout {layout}");
                    multiply_add(left, right, &mut product);
                    assert!(
                        product.iter().zip(&expected).all(|(twice, once)| *twice == 2.0 * once)
                    );
                }
            }
        }
    }
}
