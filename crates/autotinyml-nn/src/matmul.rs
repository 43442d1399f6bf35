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

mod left;
#[cfg(test)]
mod tests;
mod transposed;

pub(crate) use left::{Left, Matrix, Places, Windows};
pub(crate) use transposed::multiply_transposed;

use crate::registers::{LANES_MAX, Register, RegisterLoop, widest_registers};

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
    if product.is_empty() {
        return;
    }
    let columns = product.len() / rows;
    assert!(inner > 0);
    assert_eq!((product.len(), right.len()), (rows * columns, inner * columns));
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
