//! Products with the rows of both factors.

use crate::registers::{LANES_MAX, Register, RegisterLoop, widest_registers};

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

pub(super) struct Transposed<'a> {
    pub(super) left: &'a [f32],
    pub(super) right: &'a [f32],
    pub(super) inner: usize,
    pub(super) product: &'a mut [f32],
    pub(super) product_step: usize,
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
