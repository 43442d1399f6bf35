//! Cholesky factorisation A = L·Lᵀ of symmetric positive definite matrices, n × n, stored by rows.

use crate::vectors::{Loop, widest};

/// The lower triangle L, by rows of n; what is above the diagonal means nothing.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factorises in place; reads only the lower triangle. `None` if the matrix is not positive definite.
    pub(crate) fn new(matrix: Vec<f64>, n: usize) -> Option<Self> {
        debug_assert_eq!(matrix.len(), n * n);
        Some(Self { n, lower: widest(Factorise { lower: matrix, n })? })
    }

    /// Factorises after adding the least jitter to the diagonal that rounding calls for, from a
    /// billionth of the greatest diagonal element on, tenfold each time.
    pub(crate) fn with_jitter(mut matrix: Vec<f64>, n: usize) -> Self {
        let greatest = (0..n).map(|i| matrix[i * n + i]).fold(f64::MIN_POSITIVE, f64::max);
        let mut jitter = 1e-9 * greatest;
        loop {
            if let Some(factor) = Self::new(matrix.clone(), n) {
                return factor;
            }
            assert!(jitter < 1e6 * greatest, "a matrix of {n} rows is not symmetric or not finite");
            (0..n).for_each(|i| matrix[i * n + i] += jitter);
            jitter *= 10.0;
        }
    }

    /// Row `i` of L up to the diagonal, i + 1 elements.
    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.lower[i * self.n..i * self.n + i + 1]
    }

    /// x with A·x = b.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in 0..self.n {
            let row = self.row(i);
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        for i in (0..self.n).rev() {
            let row = self.row(i);
            x[i] /= row[i];
            let solved = x[i];
            for (before, element) in x[..i].iter_mut().zip(row) {
                *before -= solved * element;
            }
        }
        x
    }

    /// ln |A|.
    pub(crate) fn log_determinant(&self) -> f64 {
        2.0 * (0..self.n).map(|i| self.row(i)[i].ln()).sum::<f64>()
    }

    /// The matrix in which it was factorised, to be used again.
    pub(crate) fn into_matrix(self) -> Vec<f64> {
        self.lower
    }

    /// L⁻¹ and A⁻¹, written over those of another matrix.
    pub(crate) fn inverse<'a>(&self, inverse: &'a mut Inverse) -> &'a Inverse {
        let Inverse { triangle, square } = &mut *inverse;
        triangle.resize(self.n * self.n, 0.0);
        square.resize(self.n * self.n, 0.0);
        widest(InvertTriangle { factor: self, triangle });
        widest(Square { triangle, square, n: self.n });
        inverse
    }

    /// The diagonal of A⁻¹.
    pub(crate) fn inverse_diagonal(&self) -> Vec<f64> {
        let mut diagonal = vec![0.0; self.n];
        let mut triangle = vec![0.0; self.n * self.n];
        widest(InvertTriangle { factor: self, triangle: &mut triangle });
        for row in triangle.chunks_exact(self.n.max(1)) {
            diagonal.iter_mut().zip(row).for_each(|(sum, element)| *sum += element * element);
        }
        diagonal
    }
}

/// Inverses of a factor and of its matrix, n × n by rows. For many matrices of a size their memory need not be
/// fetched anew.
#[derive(Debug, Default)]
pub(crate) struct Inverse {
    /// L⁻¹; zero above the diagonal.
    pub(crate) triangle: Vec<f64>,
    /// A⁻¹ = L⁻ᵀ·L⁻¹; only the lower triangle is filled.
    pub(crate) square: Vec<f64>,
}

/// L of a matrix.
struct Factorise {
    /// The matrix at first, then row by row its factor.
    lower: Vec<f64>,
    n: usize,
}

impl Loop for Factorise {
    type Output = Option<Vec<f64>>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { mut lower, n } = self;
        for first in (0..n).step_by(ROWS) {
            let last = n.min(first + ROWS);
            let (done, rows) = lower.split_at_mut(first * n);
            let eliminated = if last - first == ROWS {
                eliminate_rows(done, rows, n, first);
                first
            } else {
                0
            };
            for i in first..last {
                let (above, row) = lower.split_at_mut(i * n);
                for j in eliminated..i {
                    let other = &above[j * n..][..=j];
                    row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
                }
                let square = row[i] - dot(&row[..i], &row[..i]);
                if square.is_nan() || square <= 0.0 {
                    return None;
                }
                row[i] = square.sqrt();
            }
        }
        Some(lower)
    }
}

/// L⁻¹, by rows of n; what is above the diagonal is zero before.
struct InvertTriangle<'a> {
    factor: &'a Cholesky,
    triangle: &'a mut [f64],
}

impl Loop for InvertTriangle<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { factor, triangle } = self;
        let n = factor.n;
        for i in 0..n {
            let (above, row) = triangle.split_at_mut(i * n);
            let factors = factor.row(i);
            row[..i].fill(0.0);
            for first in (0..i).step_by(ROWS) {
                // Beyond their diagonal the rows above are zero.
                let last = i.min(first + ROWS);
                let (out, above) = (&mut row[..last], &above[first * n..]);
                add_scaled_rows(out, &factors[first..last], above, n);
            }
            let diagonal = 1.0 / factors[i];
            row[..i].iter_mut().for_each(|element| *element *= -diagonal);
            row[i] = diagonal;
        }
    }
}

/// The lower triangle of TᵀT for a lower triangle T: the sum of each of its rows with itself.
struct Square<'a> {
    triangle: &'a [f64],
    square: &'a mut [f64],
    n: usize,
}

impl Loop for Square<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { triangle, square, n } = self;
        let mut column = vec![0.0; n];
        for a in 0..n {
            for i in a..n {
                column[i] = triangle[i * n + a];
            }
            let row = &mut square[a * n..=a * n + a];
            row.fill(0.0);
            add_scaled_rows(row, &column[a..], &triangle[a * n..], n);
        }
    }
}

/// Rows that are factorised together, so that each row above them is read once for all.
const ROWS: usize = 4;

/// The first `first` elements of rows `first..first + 4` of L.
#[inline(always)]
fn eliminate_rows(done: &[f64], rows: &mut [f64], n: usize, first: usize) {
    let (a, rest) = rows.split_at_mut(n);
    let (b, rest) = rest.split_at_mut(n);
    let (c, rest) = rest.split_at_mut(n);
    let d = &mut rest[..n];
    for j in 0..first {
        let other = &done[j * n..][..=j];
        let sums = dots([&a[..j], &b[..j], &c[..j], &d[..j]], &other[..j]);
        for (lane, row) in [&mut *a, &mut *b, &mut *c, &mut *d].into_iter().enumerate() {
            row[j] = (row[j] - sums[lane]) / other[j];
        }
    }
}

/// Sums that the processor adds side by side.
const LANES: usize = 8;

/// Scalar products of four vectors with one, each as [`dot`] sums it.
#[inline(always)]
fn dots(rows: [&[f64]; ROWS], other: &[f64]) -> [f64; ROWS] {
    let mut sums = [[0.0; LANES]; ROWS];
    let whole = other.len() / LANES * LANES;
    let mut at = 0;
    while at < whole {
        let o: &[f64; LANES] = other[at..at + LANES].try_into().expect("whole");
        for (sums, row) in sums.iter_mut().zip(&rows) {
            let r: &[f64; LANES] = row[at..at + LANES].try_into().expect("whole");
            for lane in 0..LANES {
                sums[lane] += r[lane] * o[lane];
            }
        }
        at += LANES;
    }
    let mut totals = [0.0; ROWS];
    for (total, (sums, row)) in totals.iter_mut().zip(sums.iter().zip(&rows)) {
        let rest: f64 = row[whole..].iter().zip(&other[whole..]).map(|(a, b)| a * b).sum();
        *total = sum_of_lanes(sums) + rest;
    }
    totals
}

#[inline(always)]
fn sum_of_lanes(sums: &[f64; LANES]) -> f64 {
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

/// out += Σ_i factors[i] · row i of the matrix, as far as `out` reaches.
#[inline(always)]
fn add_scaled_rows(out: &mut [f64], factors: &[f64], matrix: &[f64], n: usize) {
    let length = out.len();
    let mut i = 0;
    while i + ROWS <= factors.len() {
        let f: &[f64; ROWS] = factors[i..i + ROWS].try_into().expect("four");
        let row = |k: usize| &matrix[(i + k) * n..][..length];
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        for at in 0..length {
            out[at] += (f[0] * a[at] + f[1] * b[at]) + (f[2] * c[at] + f[3] * d[at]);
        }
        i += ROWS;
    }
    for (i, factor) in factors.iter().enumerate().skip(i) {
        for (out, element) in out.iter_mut().zip(&matrix[i * n..]) {
            *out += factor * element;
        }
    }
}

/// Scalar product, in eight sums that the processor adds side by side. The order is fixed, so the result
/// is the same everywhere.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sum_of_lanes(&sums) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Hilbert matrix: badly conditioned, with an inverse of known integers.
    fn hilbert(n: usize) -> Vec<f64> {
        (0..n * n).map(|at| 1.0 / (at / n + at % n + 1) as f64).collect()
    }

    #[test]
    fn inverts_the_hilbert_matrix() {
        let factor = Cholesky::new(hilbert(3), 3).unwrap();
        let mut inverse = Inverse::default();
        let inverse = &factor.inverse(&mut inverse).square;
        let expected = [9.0, 0.0, 0.0, -36.0, 192.0, 0.0, 30.0, -180.0, 180.0];
        for (found, expected) in inverse.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{inverse:?}");
        }
        assert!((factor.log_determinant() - (1.0_f64 / 2160.0).ln()).abs() < 1e-9);
        let solution = factor.solve(&[1.0, 0.0, 0.0]);
        for (found, expected) in solution.iter().zip([9.0, -36.0, 30.0]) {
            assert!((found - expected).abs() < 1e-9, "{solution:?}");
        }
    }

    #[test]
    fn jitter_rescues_a_singular_matrix_and_nothing_else_is_changed() {
        assert!(Cholesky::new(vec![1.0; 4], 2).is_none());
        let factor = Cholesky::with_jitter(vec![1.0, 1.0, 1.0, 1.0], 2);
        let solution = factor.solve(&[1.0, 1.0]);
        assert!((solution[0] + solution[1] - 1.0).abs() < 1e-6, "{solution:?}");
        let untouched = Cholesky::with_jitter(vec![4.0, 0.0, 0.0, 9.0], 2);
        assert_eq!((untouched.row(0), untouched.row(1)), (&[2.0][..], &[0.0, 3.0][..]));
    }
}
