//! Cholesky factorisation A = L·Lᵀ of symmetric positive definite matrices, n × n, stored by rows.

/// The lower triangle L, by rows of n; what is above the diagonal is zero.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factorises; reads only the lower triangle. `None` if the matrix is not positive definite.
    pub(crate) fn new(matrix: &[f64], n: usize) -> Option<Self> {
        debug_assert_eq!(matrix.len(), n * n);
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            let (done, row) = lower.split_at_mut(i * n);
            for j in 0..i {
                let other = &done[j * n..j * n + j + 1];
                row[j] = (matrix[i * n + j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let square = matrix[i * n + i] - dot(&row[..i], &row[..i]);
            if square.is_nan() || square <= 0.0 {
                return None;
            }
            row[i] = square.sqrt();
        }
        Some(Self { n, lower })
    }

    /// Factorises after adding the least jitter to the diagonal that rounding calls for, from a
    /// billionth of the greatest diagonal element on, tenfold each time.
    pub(crate) fn with_jitter(mut matrix: Vec<f64>, n: usize) -> Self {
        let greatest = (0..n).map(|i| matrix[i * n + i]).fold(f64::MIN_POSITIVE, f64::max);
        let mut jitter = 1e-9 * greatest;
        loop {
            if let Some(factor) = Self::new(&matrix, n) {
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

    /// A⁻¹ = L⁻ᵀ·L⁻¹; only the lower triangle is filled.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let n = self.n;
        // Row j holds column j of L⁻¹, so that both loops run along rows.
        let mut columns = vec![0.0; n * n];
        for j in 0..n {
            let column = &mut columns[j * n..(j + 1) * n];
            column[j] = 1.0 / self.row(j)[j];
            for i in j + 1..n {
                let row = self.row(i);
                column[i] = -dot(&row[j..i], &column[j..i]) / row[i];
            }
        }
        let mut inverse = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                inverse[i * n + j] =
                    dot(&columns[i * n + i..(i + 1) * n], &columns[j * n + i..(j + 1) * n]);
            }
        }
        inverse
    }
}

/// Scalar product, in four sums that the processor adds side by side. The order is fixed, so the result
/// is the same everywhere.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a4.iter().zip(b4) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
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
        let factor = Cholesky::new(&hilbert(3), 3).unwrap();
        let inverse = factor.inverse();
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
        assert!(Cholesky::new(&[1.0, 1.0, 1.0, 1.0], 2).is_none());
        let factor = Cholesky::with_jitter(vec![1.0, 1.0, 1.0, 1.0], 2);
        let solution = factor.solve(&[1.0, 1.0]);
        assert!((solution[0] + solution[1] - 1.0).abs() < 1e-6, "{solution:?}");
        let untouched = Cholesky::with_jitter(vec![4.0, 0.0, 0.0, 9.0], 2);
        assert_eq!((untouched.row(0), untouched.row(1)), (&[2.0][..], &[0.0, 3.0][..]));
    }
}
