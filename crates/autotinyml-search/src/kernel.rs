//! Kernels for numbers and categories alike. Gaussian processes have Matérn's; the support vector machine has
//!
//! k(a, b) = exp(−½ Σ_d Δ_d(a, b)² / ℓ_d²)
//!
//! with Δ_d the distance on axis d (numbers in `[0, 1]`; categories 0 or 1) and ℓ_d its length scale.
//! It is a product over the axes, so over a grid of levels it needs no exponential per pair: see [`Cross`].

use crate::exponential::exp;
use crate::space::Axis;

/// Matérn's kernel of smoothness 5/2 at a squared distance (Rasmussen & Williams 2006, equation 4.17).
#[inline(always)]
pub(crate) fn matern(squared_distance: f64) -> f64 {
    matern_with_slope(squared_distance).0
}

/// [`matern`], and −2 times its derivative in the squared distance.
#[inline(always)]
pub(crate) fn matern_with_slope(squared_distance: f64) -> (f64, f64) {
    let r = (5.0 * squared_distance).sqrt();
    let decay = exp(-r);
    ((1.0 + r + r * r / 3.0) * decay, 5.0 / 3.0 * (1.0 + r) * decay)
}

/// Squared exponential kernel of unit amplitude.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    axes: Vec<Axis>,
    /// ½ ℓ⁻², per axis.
    weights: Vec<f64>,
}

impl Kernel {
    /// The kernel with one length scale per axis.
    pub(crate) fn new(axes: &[Axis], length_scales: &[f64]) -> Self {
        debug_assert_eq!(axes.len(), length_scales.len());
        let weights = length_scales.iter().map(|scale| 0.5 / (scale * scale)).collect();
        Self { axes: axes.to_vec(), weights }
    }

    /// The kernel with one length scale for all axes.
    pub(crate) fn isotropic(axes: &[Axis], length_scale: f64) -> Self {
        Self::new(axes, &vec![length_scale; axes.len()])
    }

    /// Similarity of two points, 0 to 1.
    pub(crate) fn between(&self, a: &[f64], b: &[f64]) -> f64 {
        let terms = self.axes.iter().zip(&self.weights).zip(a.iter().zip(b));
        let exponent: f64 =
            terms.map(|((axis, weight), (&a, &b))| weight * axis.squared_distance(a, b)).sum();
        (-exponent).exp()
    }

    /// Similarities of all pairs, n × n, by rows.
    pub(crate) fn matrix(&self, points: &[Vec<f64>]) -> Vec<f64> {
        let n = points.len();
        let mut matrix = vec![1.0; n * n];
        for i in 0..n {
            for j in 0..i {
                let similarity = self.between(&points[i], &points[j]);
                (matrix[i * n + j], matrix[j * n + i]) = (similarity, similarity);
            }
        }
        matrix
    }

    /// Prepares for the similarities of many points to these.
    pub(crate) fn cross(&self, points: Vec<Vec<f64>>) -> Cross {
        let axis_count = self.axes.len();
        Cross {
            kernel: self.clone(),
            at: vec![f64::NAN; axis_count],
            products: vec![vec![1.0; points.len()]; axis_count + 1],
            factors: vec![Vec::new(); axis_count],
            points,
        }
    }
}

/// Coordinates per axis whose factors are kept. Lists have fewer; reals would fill any table.
const FACTORS_KEPT: usize = 64;

/// Similarities of one moving point to n fixed ones. A point that shares its leading coordinates with
/// the one before costs only the rest, and a coordinate that was seen before costs no exponential: a
/// whole grid in order takes little more than one multiplication per pair.
pub(crate) struct Cross {
    kernel: Kernel,
    points: Vec<Vec<f64>>,
    /// The current point.
    at: Vec<f64>,
    /// `products[d][i]`: product of the factors of the first d axes towards point i.
    products: Vec<Vec<f64>>,
    /// Per axis, coordinates with their factors towards each point.
    factors: Vec<Vec<(f64, Vec<f64>)>>,
}

impl Cross {
    /// The fixed points.
    pub(crate) fn into_points(self) -> Vec<Vec<f64>> {
        self.points
    }

    /// Similarities of `x` to each point.
    pub(crate) fn row(&mut self, x: &[f64]) -> &[f64] {
        let changed = x.iter().zip(&self.at).position(|(new, old)| new != old).unwrap_or(x.len());
        for (axis, &coordinate) in x.iter().enumerate().skip(changed) {
            let (before, rest) = self.products.split_at_mut(axis + 1);
            let (kernel, points) = (&self.kernel, &self.points);
            let known = &mut self.factors[axis];
            let index =
                known.iter().position(|(known, _)| *known == coordinate).unwrap_or_else(|| {
                    if known.len() == FACTORS_KEPT {
                        known.pop();
                    }
                    known.push((coordinate, factors(kernel, axis, coordinate, points)));
                    known.len() - 1
                });
            let terms = before[axis].iter().zip(&known[index].1);
            for (product, (before, factor)) in rest[0].iter_mut().zip(terms) {
                *product = before * factor;
            }
        }
        self.at.copy_from_slice(x);
        &self.products[x.len()]
    }
}

fn factors(kernel: &Kernel, axis: usize, coordinate: f64, points: &[Vec<f64>]) -> Vec<f64> {
    let (kind, weight) = (kernel.axes[axis], kernel.weights[axis]);
    points
        .iter()
        .map(|point| (-weight * kind.squared_distance(coordinate, point[axis])).exp())
        .collect()
}

/// Half the mean squared distance of two points: the variance of one point, over all axes together.
/// 1 if the points don't differ, so that it always serves as a squared length scale.
pub(crate) fn variance(axes: &[Axis], points: &[Vec<f64>]) -> f64 {
    let n = points.len();
    let mut sum = 0.0;
    for (i, a) in points.iter().enumerate() {
        for b in &points[..i] {
            sum += axes
                .iter()
                .zip(a.iter().zip(b))
                .map(|(x, (&a, &b))| x.squared_distance(a, b))
                .sum::<f64>();
        }
    }
    if sum > 0.0 { sum / (n * n) as f64 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::space::ABSENT;

    const AXES: [Axis; 3] = [Axis::Numeric, Axis::Categorical, Axis::Numeric];

    fn any_point() -> impl Strategy<Value = Vec<f64>> {
        let number = || prop_oneof![Just(ABSENT), Just(0.25), 0.0..1.0];
        let category = prop_oneof![Just(ABSENT), (0..3).prop_map(f64::from)];
        (number(), category, number()).prop_map(|(a, b, c)| vec![a, b, c])
    }

    proptest! {
        /// The shortcut gives what the formula says, whatever came before.
        #[test]
        fn cross_agrees_with_the_formula(
            points in prop::collection::vec(any_point(), 1..6),
            walk in prop::collection::vec(any_point(), 1..100),
        ) {
            let kernel = Kernel::new(&AXES, &[0.3, 0.8, 1.5]);
            let mut cross = kernel.cross(points.clone());
            for x in walk {
                for (found, point) in cross.row(&x).iter().zip(&points) {
                    prop_assert!((found - kernel.between(&x, point)).abs() < 1e-12);
                }
            }
        }

        /// A kernel matrix is positive definite once the diagonal is raised by rounding's worth, even
        /// with absent coordinates.
        #[test]
        fn similarities_form_a_kernel(points in prop::collection::vec(any_point(), 1..12)) {
            let mut matrix = Kernel::new(&AXES, &[0.5, 1.0, 2.0]).matrix(&points);
            for i in 0..points.len() {
                matrix[i * points.len() + i] += 1e-9;
            }
            prop_assert!(crate::cholesky::Cholesky::new(matrix, points.len()).is_some());
        }
    }

    #[test]
    fn variance_of_numbers_is_the_textbooks() {
        let points: Vec<Vec<f64>> = [0.1, 0.4, 0.9].iter().map(|&x| vec![x]).collect();
        let mean = 1.4 / 3.0;
        let expected = points.iter().map(|x| (x[0] - mean) * (x[0] - mean)).sum::<f64>() / 3.0;
        assert!((variance(&[Axis::Numeric], &points) - expected).abs() < 1e-12);
    }
}
