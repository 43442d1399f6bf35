//! Products of matrices of a network's size: a few rows up to a few thousand, often with a short inner
//! dimension, and each used once, so that packing them first, as libraries for large matrices do, costs
//! more than it gains.
//!
//! The product is cut into tiles whose sums stay in registers (Goto & van de Geijn 2008, figure 8,
//! without the packing). Each sum runs over the inner dimension from first to last with one rounding
//! per step, whatever the tile and the width of the registers: the same bits on every machine.
#![expect(
    clippy::needless_range_loop,
    reason = "closures would not be compiled for these registers"
)]

use crate::vectors::{LANES_MAX, Register, RegisterLoop, widest_registers};

/// The left factor, whose values are read one at a time, so that they may lie anywhere: element
/// (r, k) is at `row(r) + column(k)`.
pub(crate) trait Left: Copy {
    /// Where the values lie.
    fn values(&self) -> &[f32];
    /// Rows and columns.
    fn size(&self) -> [usize; 2];
    /// Part of the place that depends on the row.
    fn row(&self, row: usize) -> usize;
    /// Part of the place that depends on the column.
    fn column(&self, column: usize) -> usize;
    /// The largest place of an element.
    fn last(&self) -> usize;
}

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
}

impl Left for Matrix<'_> {
    fn values(&self) -> &[f32] {
        self.values
    }

    fn size(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    #[inline(always)]
    fn row(&self, row: usize) -> usize {
        row * self.row_step
    }

    #[inline(always)]
    fn column(&self, column: usize) -> usize {
        column * self.column_step
    }

    fn last(&self) -> usize {
        self.row(self.rows - 1) + self.column(self.columns - 1)
    }
}

/// Places in a slice, in ascending order.
pub(crate) struct Places(Vec<u32>);

impl Places {
    /// # Panics
    /// If they do not ascend.
    pub(crate) fn new(places: Vec<u32>) -> Self {
        assert!(places.is_sorted());
        Self(places)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A matrix whose rows are windows of an image: element (r, k) is at `rows[r] + columns[k]`.
#[derive(Clone, Copy)]
pub(crate) struct Windows<'a> {
    values: &'a [f32],
    /// Ascending.
    rows: &'a [u32],
    /// Ascending.
    columns: &'a [u32],
}

impl<'a> Windows<'a> {
    /// Windows that begin at the first `rows` of `starts`, in an image or several; `columns` says where
    /// each value of a window lies, seen from its beginning.
    pub(crate) fn new(
        values: &'a [f32],
        starts: &'a Places,
        rows: usize,
        columns: &'a Places,
    ) -> Self {
        Self { values, rows: &starts.0[..rows], columns: &columns.0 }
    }

    /// The same values with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self { values: self.values, rows: self.columns, columns: self.rows }
    }
}

impl Left for Windows<'_> {
    fn values(&self) -> &[f32] {
        self.values
    }

    fn size(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    #[inline(always)]
    fn row(&self, row: usize) -> usize {
        self.rows[row] as usize
    }

    #[inline(always)]
    fn column(&self, column: usize) -> usize {
        self.columns[column] as usize
    }

    fn last(&self) -> usize {
        (self.rows[self.rows.len() - 1] + self.columns[self.columns.len() - 1]) as usize
    }
}

/// What the sums begin with.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Nothing.
    Zero,
    /// In each row these, one per column.
    Row(&'a [f32]),
    /// What the product holds.
    Product,
}

/// Product = start + left · right, with right `[columns of left][columns]` and product
/// `[rows of left][columns]`, both row by row.
pub(crate) fn multiply(left: impl Left, right: &[f32], start: Start, product: &mut [f32]) {
    let [rows, inner] = left.size();
    if rows == 0 {
        return;
    }
    let columns = product.len() / rows;
    assert_eq!((product.len(), right.len()), (rows * columns, inner * columns));
    if inner == 0 || columns == 0 {
        match start {
            Start::Zero => product.fill(0.0),
            Start::Row(row) => {
                product.chunks_exact_mut(columns).for_each(|p| p.copy_from_slice(row))
            }
            Start::Product => {}
        }
        return;
    }
    assert!(left.last() < left.values().len());
    widest_registers(Product { left, right, start, product, inner, columns });
}

/// Values of the right factor that are used for all rows before the next: half of a first-level cache.
const RIGHT_MAX: usize = 6 * 1024;

/// Rows that are worked on before the next, so that their part of left and product stays in the cache.
const ROWS_MAX: usize = 240;

struct Product<'a, L> {
    left: L,
    right: &'a [f32],
    start: Start<'a>,
    product: &'a mut [f32],
    /// Columns of left, rows of right.
    inner: usize,
    /// Columns of right and product.
    columns: usize,
}

impl<L: Left> RegisterLoop for Product<'_, L> {
    #[inline(always)]
    fn run<V: Register, W: Register>(self) {
        if self.columns >= V::LANES {
            self.blocks::<V>();
        } else if self.columns >= V::Half::LANES {
            self.blocks::<V::Half>();
        } else if self.columns >= <V::Half as Register>::Half::LANES {
            self.blocks::<<V::Half as Register>::Half>();
        } else {
            self.blocks::<f32>();
        }
    }
}

/// Some rows of the product, and some of the inner dimension.
#[derive(Clone, Copy)]
struct Block {
    rows: [usize; 2],
    inner: [usize; 2],
}

/// Columns of a strip: computed from `from`, kept from `kept`, which is at most a vector later.
#[derive(Clone, Copy)]
struct Columns {
    from: usize,
    kept: usize,
}

impl<L: Left> Product<'_, L> {
    #[inline(always)]
    fn blocks<V: Register>(mut self) {
        let rows = self.product.len() / self.columns;
        let depth = (RIGHT_MAX / self.columns).max(16);
        for row in (0..rows).step_by(ROWS_MAX) {
            for inner in (0..self.inner).step_by(depth) {
                self.block::<V>(Block {
                    rows: [row, rows.min(row + ROWS_MAX)],
                    inner: [inner, self.inner.min(inner + depth)],
                });
            }
        }
    }

    /// Strips of columns, as wide as the registers allow.
    #[inline(always)]
    fn block<V: Register>(&mut self, block: Block) {
        let all = self.columns;
        let mut from = 0;
        if V::REGISTERS >= 32 {
            while from + 4 * V::LANES <= all {
                self.strip::<V, 4>(block, Columns { from, kept: from });
                from += 4 * V::LANES;
            }
        }
        while from + 2 * V::LANES <= all {
            self.strip::<V, 2>(block, Columns { from, kept: from });
            from += 2 * V::LANES;
        }
        while from < all {
            // The last vector reaches back where it would stick out.
            let columns = Columns { from: from.min(all - V::LANES), kept: from };
            self.strip::<V, 1>(block, columns);
            from += V::LANES;
        }
    }

    /// `N` vectors of columns, in tiles of about equally many rows.
    #[inline(always)]
    fn strip<V: Register, const N: usize>(&mut self, block: Block, columns: Columns) {
        let most = if N == 4 || (N == 2 && V::REGISTERS < 32) { 6 } else { 8 };
        let [mut row, end] = block.rows;
        let tiles = (end - row).div_ceil(most);
        for left in (1..=tiles).rev() {
            let rows = (end - row).div_ceil(left);
            match rows {
                1 => self.tile::<V, 1, N>(row, block, columns),
                2 => self.tile::<V, 2, N>(row, block, columns),
                3 => self.tile::<V, 3, N>(row, block, columns),
                4 => self.tile::<V, 4, N>(row, block, columns),
                5 => self.tile::<V, 5, N>(row, block, columns),
                6 => self.tile::<V, 6, N>(row, block, columns),
                7 if most > 6 => self.tile::<V, 7, N>(row, block, columns),
                8 if most > 6 => self.tile::<V, 8, N>(row, block, columns),
                _ => unreachable!("tiles have at most {most} rows"),
            }
            row += rows;
        }
    }

    /// `R` rows from `row` on and `N` vectors of columns.
    ///
    /// Loops by index: closures would not be inlined, and so not compiled for these registers.
    #[inline(always)]
    fn tile<V: Register, const R: usize, const N: usize>(
        &mut self,
        row: usize,
        block: Block,
        Columns { from, kept }: Columns,
    ) {
        let Self { left, right, start, columns, .. } = *self;
        let width = N * V::LANES;
        let product = &mut self.product[row * columns..][..R * columns];
        let start = if block.inner[0] == 0 { start } else { Start::Product };
        let mut sums = [[V::splat(0.0); N]; R];
        match start {
            Start::Zero => {}
            Start::Row(row) => sums = [load(&row[from..from + width]); R],
            Start::Product => {
                for r in 0..R {
                    sums[r] = load(&product[r * columns + from..][..width]);
                }
            }
        }
        let values = left.values();
        let mut rows = [0; R];
        for r in 0..R {
            rows[r] = left.row(row + r);
        }
        for inner in block.inner[0]..block.inner[1] {
            let place = inner * columns + from;
            // SAFETY: `multiply` has seen that right has `columns` values for each inner index.
            let right: [V; N] = load(unsafe { right.get_unchecked(place..place + width) });
            let column = left.column(inner);
            for r in 0..R {
                // SAFETY: `multiply` has seen that the largest place is inside.
                let factor = V::splat(unsafe { *values.get_unchecked(rows[r] + column) });
                for n in 0..N {
                    sums[r][n] = factor.mul_add(right[n], sums[r][n]);
                }
            }
        }
        for r in 0..R {
            let product = &mut product[r * columns + from..][..width];
            if from == kept {
                for n in 0..N {
                    sums[r][n].store(&mut product[n * V::LANES..]);
                }
            } else {
                let mut last = [0.0; LANES_MAX];
                sums[r][N - 1].store(&mut last);
                product[kept - from..].copy_from_slice(&last[kept - from..V::LANES]);
            }
        }
    }
}

/// `N` registers of values.
#[inline(always)]
fn load<V: Register, const N: usize>(values: &[f32]) -> [V; N] {
    let mut registers = [V::splat(0.0); N];
    for n in 0..N {
        registers[n] = V::load(&values[n * V::LANES..]);
    }
    registers
}

/// Product = left · rightᵀ, with left `[rows][inner]`, right `[columns][inner]`, product
/// `[rows][product_step]`, all row by row; of the product's rows the first `columns` are written.
///
/// Both factors are read in whole registers along the inner dimension. Each sum is that of
/// [`LANES_MAX`] partial sums, added up in halves: the same bits on every machine.
pub(crate) fn multiply_transposed(
    left: &[f32],
    right: &[f32],
    inner: usize,
    product: &mut [f32],
    product_step: usize,
) {
    let columns = right.len() / inner;
    assert!(columns <= product_step && left.len() / inner <= product.len().div_ceil(product_step));
    widest_registers(Transposed { left, right, inner, product, product_step });
}

struct Transposed<'a> {
    left: &'a [f32],
    right: &'a [f32],
    inner: usize,
    product: &'a mut [f32],
    product_step: usize,
}

impl RegisterLoop for Transposed<'_> {
    #[inline(always)]
    fn run<V: Register, W: Register>(mut self) {
        let (rows, columns) = (self.left.len() / self.inner, self.right.len() / self.inner);
        // As many sums as there are registers for, beside the factors.
        let most = if W::REGISTERS >= 32 { 5 } else { 3 };
        let mut row = 0;
        for tiles in (1..=rows.div_ceil(most)).rev() {
            let height = (rows - row).div_ceil(tiles);
            match height {
                1 => self.strip::<W, 1>(row, columns),
                2 => self.strip::<W, 2>(row, columns),
                3 => self.strip::<W, 3>(row, columns),
                4 => self.strip::<W, 4>(row, columns),
                5 => self.strip::<W, 5>(row, columns),
                _ => unreachable!("tiles have at most {most} rows"),
            }
            row += height;
        }
    }
}

impl Transposed<'_> {
    /// `R` rows from `row` on.
    #[inline(always)]
    fn strip<W: Register, const R: usize>(&mut self, row: usize, columns: usize) {
        let whole = self.inner - self.inner % W::LANES;
        let mut tails = [W::splat(0.0); R];
        for r in 0..R {
            let end = (row + r + 1) * self.inner;
            tails[r] = load_between_zeros(&self.left[end - (self.inner - whole)..end]);
        }
        let mut column = 0;
        if W::REGISTERS >= 32 {
            while column + 4 <= columns {
                self.tile::<W, R, 4>(row, column, tails);
                column += 4;
            }
        }
        while column + 2 <= columns {
            self.tile::<W, R, 2>(row, column, tails);
            column += 2;
        }
        while column < columns {
            self.tile::<W, R, 1>(row, column, tails);
            column += 1;
        }
    }

    /// `R` rows and `C` columns from (`row`, `column`) on; `tails` are the last values of the rows of
    /// left that fill no register, then zeros.
    #[inline(always)]
    fn tile<W: Register, const R: usize, const C: usize>(
        &mut self,
        row: usize,
        column: usize,
        tails: [W; R],
    ) {
        let inner = self.inner;
        let left = &self.left[row * inner..][..R * inner];
        let right = &self.right[column * inner..];
        assert!(right.len() >= C * inner);
        let mut sums = [[W::splat(0.0); C]; R];
        let mut factors = [W::splat(0.0); C];
        let whole = inner - inner % W::LANES;
        for k in (0..whole).step_by(W::LANES) {
            for c in 0..C {
                // SAFETY: k + LANES ≤ inner, and right has at least `C · inner` values.
                factors[c] = W::load(unsafe { right.get_unchecked(c * inner + k..) });
            }
            for r in 0..R {
                // SAFETY: as above, with `R · inner` values.
                let factor = W::load(unsafe { left.get_unchecked(r * inner + k..) });
                for c in 0..C {
                    sums[r][c] = factor.mul_add(factors[c], sums[r][c]);
                }
            }
        }
        if whole < inner {
            for c in 0..C {
                // Behind the tail comes the next row, which meets the zeros of the left one.
                let tail = &right[c * inner + whole..];
                factors[c] =
                    if tail.len() >= W::LANES { W::load(tail) } else { load_between_zeros(tail) };
            }
            for r in 0..R {
                for c in 0..C {
                    sums[r][c] = tails[r].mul_add(factors[c], sums[r][c]);
                }
            }
        }
        for r in 0..R {
            let product = &mut self.product[(row + r) * self.product_step + column..][..C];
            for c in 0..C {
                product[c] = sums[r][c].sum();
            }
        }
    }
}

/// Fewer values than a register holds, the rest zero.
#[inline(always)]
fn load_between_zeros<W: Register>(values: &[f32]) -> W {
    let mut padded = [0.0; LANES_MAX];
    for (padded, &value) in padded.iter_mut().zip(values) {
        *padded = value;
    }
    W::load(&padded)
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
        let sizes = [1, 2, 3, 5, 8, 11, 16, 33, 250];
        for (rows, inner) in sizes.into_iter().flat_map(|r| sizes.map(|i| (r, i))) {
            for columns in [1, 3, 7, 8, 10, 16, 22, 33, 50, 64, 100] {
                let (a, b) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
                let start = numbers(columns, 3);
                for left in
                    [Matrix::new(&a, rows, inner), Matrix::new(&a, inner, rows).transposed()]
                {
                    let expected: Vec<f32> = (0..rows * columns)
                        .map(|i| {
                            let of = |k| {
                                a[left.row(i / columns) + left.column(k)]
                                    * b[k * columns + i % columns]
                            };
                            (0..inner).map(of).sum()
                        })
                        .collect();
                    let size = format!("{rows}×{inner}×{columns}");
                    let mut product = vec![9.0; rows * columns];
                    multiply(left, &b, Start::Zero, &mut product);
                    assert_eq!(product, expected, "{size}");
                    multiply(left, &b, Start::Product, &mut product);
                    assert!(product.iter().zip(&expected).all(|(p, e)| *p == 2.0 * e), "{size}");
                    multiply(left, &b, Start::Row(&start), &mut product);
                    assert!(
                        product
                            .iter()
                            .enumerate()
                            .all(|(i, p)| *p == expected[i] + start[i % columns]),
                        "{size}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_same_bits_whatever_the_registers() {
        let fractions = |count, seed| -> Vec<f32> {
            numbers(count, seed).iter().enumerate().map(|(i, x)| x / (i + 3) as f32).collect()
        };
        for (rows, inner, columns) in [(10, 700, 64), (7, 5, 22), (250, 33, 10), (3, 400, 3)] {
            let (a, b) = (fractions(rows * inner, 1), fractions(inner * columns, 2));
            let left = Matrix::new(&a, rows, inner);
            let mut widest = vec![0.0; rows * columns];
            multiply(left, &b, Start::Zero, &mut widest);
            let mut portable = vec![0.0; rows * columns];
            let product = &mut portable[..];
            Product { left, right: &b, start: Start::Zero, product, inner, columns }
                .run::<[f32; 8], [[f32; 8]; 2]>();
            assert_eq!(widest, portable);

            let b = fractions(columns * inner, 2);
            multiply_transposed(&a, &b, inner, &mut widest, columns);
            let product = &mut portable[..];
            Transposed { left: &a, right: &b, inner, product, product_step: columns }
                .run::<[f32; 8], [[f32; 8]; 2]>();
            assert_eq!(widest, portable);
        }
    }

    #[test]
    fn products_with_rows_of_both_factors() {
        for (rows, inner) in
            [1, 3, 5, 6, 10, 33].into_iter().flat_map(|r| [1, 8, 16, 22, 50].map(|i| (r, i)))
        {
            for columns in [1, 2, 4, 7, 64] {
                let (a, b) = (numbers(rows * inner, 1), numbers(columns * inner, 2));
                let step = columns + 3;
                let mut product = vec![9.0; rows * step];
                multiply_transposed(&a, &b, inner, &mut product, step);
                for (i, value) in product.iter().enumerate() {
                    let (r, c) = (i / step, i % step);
                    let of = |k: usize| a[r * inner + k] * b[c * inner + k];
                    let expected = if c < columns { (0..inner).map(of).sum() } else { 9.0 };
                    assert_eq!(*value, expected, "{rows}×{inner}×{columns}");
                }
            }
        }
    }

    #[test]
    fn windows_of_an_image() {
        // An image of 5 × 6 pixels, windows of 2 × 3 at all places: 4 × 4.
        let image = numbers(30, 1);
        let rows = Places::new((0..16).map(|i| i / 4 * 6 + i % 4).collect());
        let columns = Places::new((0..6).map(|k| k / 3 * 6 + k % 3).collect());
        let windows = Windows::new(&image, &rows, 16, &columns);
        let kernel = numbers(6 * 9, 2);
        let mut product = vec![0.0; 16 * 9];
        multiply(windows, &kernel, Start::Zero, &mut product);
        for (i, value) in product.iter().enumerate() {
            let of =
                |k: usize| image[(rows.0[i / 9] + columns.0[k]) as usize] * kernel[k * 9 + i % 9];
            assert_eq!(*value, (0..6).map(of).sum::<f32>());
        }
    }
}
