//! The covariance of a Gaussian process: Matérn's kernel, and an additive trend beside it,
//!
//! cov(f(x), f(x')) = a · k(Σ_d Δ_d²/ℓ_d²) + b/D · Σ_d t_d(x_d, x'_d)
//!
//! The trend is Σ_d of a parabola in every number and a constant per category, their coefficients normal and
//! integrated out (Rasmussen & Williams 2006, section 2.7): what each parameter adds by itself, wherever the
//! others stand.

use super::Hyperparameters;
use crate::cholesky::dot;
use crate::kernel::{matern, matern_with_slope};
use crate::space::{ABSENT, Axis};
use crate::vectors::{Loop, widest};

/// Points whose covariances are computed side by side.
pub(super) const BLOCK: usize = 32;

/// t along one axis: of numbers the first two Legendre polynomials, the second with a tenth of the
/// variance; of categories, whether they are equal.
#[inline(always)]
fn trend_along(axis: Axis, a: f64, b: f64) -> f64 {
    match axis {
        Axis::Categorical => f64::from(a == b),
        Axis::Numeric if a == ABSENT || b == ABSENT => 0.0,
        Axis::Numeric => {
            let (a, b) = (2.0 * a - 1.0, 2.0 * b - 1.0);
            3.0 * a * b + 0.3 * (1.5 * a * a - 0.5) * (1.5 * b * b - 0.5)
        }
    }
}

fn trend(axes: &[Axis], a: &[f64], b: &[f64]) -> f64 {
    let along = axes.iter().zip(a.iter().zip(b)).map(|(axis, (&a, &b))| trend_along(*axis, a, b));
    along.sum::<f64>() / axes.len().max(1) as f64
}

/// Prior covariance of the function at two points.
pub(super) fn between(
    axes: &[Axis],
    hyperparameters: &Hyperparameters,
    a: &[f64],
    b: &[f64],
) -> f64 {
    let Hyperparameters { weights, amplitude, trend: trend_variance, .. } = hyperparameters;
    let terms = axes.iter().zip(weights).zip(a.iter().zip(b));
    let squared =
        terms.map(|((axis, weight), (&a, &b))| weight * axis.squared_distance(a, b)).sum();
    amplitude * matern(squared) + trend_variance * trend(axes, a, b)
}

/// Up to [`BLOCK`] points, axis by axis.
pub(super) struct Block {
    columns: Vec<[f64; BLOCK]>,
}

impl Block {
    pub(super) fn new(points: &[Vec<f64>]) -> Self {
        let mut columns = vec![[0.0; BLOCK]; points[0].len()];
        for (lane, point) in points.iter().enumerate() {
            columns
                .iter_mut()
                .zip(point)
                .for_each(|(column, &coordinate)| column[lane] = coordinate);
        }
        Self { columns }
    }

    /// Prior variance of the function at each point.
    #[inline(always)]
    pub(super) fn variances(
        &self,
        axes: &[Axis],
        hyperparameters: &Hyperparameters,
    ) -> [f64; BLOCK] {
        let mut variances = [hyperparameters.amplitude; BLOCK];
        let trend = hyperparameters.trend / axes.len().max(1) as f64;
        for (&axis, column) in axes.iter().zip(&self.columns) {
            for lane in 0..BLOCK {
                variances[lane] += trend * trend_along(axis, column[lane], column[lane]);
            }
        }
        variances
    }

    /// Prior covariance of the function at each point with that at `x`.
    #[inline(always)]
    pub(super) fn covariances(
        &self,
        axes: &[Axis],
        hyperparameters: &Hyperparameters,
        x: &[f64],
    ) -> [f64; BLOCK] {
        let mut squared = [0.0; BLOCK];
        let mut trends = [0.0; BLOCK];
        let terms = axes.iter().zip(&hyperparameters.weights).zip(x.iter().zip(&self.columns));
        for ((&axis, weight), (&coordinate, column)) in terms {
            add_along(axis, *weight, coordinate, column, &mut squared, &mut trends);
        }
        let trend = hyperparameters.trend / axes.len().max(1) as f64;
        let mut covariances = [0.0; BLOCK];
        for lane in 0..BLOCK {
            covariances[lane] =
                hyperparameters.amplitude * matern(squared[lane]) + trend * trends[lane];
        }
        covariances
    }
}

/// Adds what one axis contributes to weighted squared distances and trends.
#[inline(always)]
fn add_along(
    axis: Axis,
    weight: f64,
    coordinate: f64,
    column: &[f64; BLOCK],
    squared: &mut [f64; BLOCK],
    trends: &mut [f64; BLOCK],
) {
    let numeric = axis == Axis::Numeric;
    if numeric && coordinate != ABSENT && !column.contains(&ABSENT) {
        let centred = 2.0 * coordinate - 1.0;
        let linear = 3.0 * centred;
        let square = 0.3 * (1.5 * centred * centred - 0.5);
        for lane in 0..BLOCK {
            let difference = column[lane] - coordinate;
            squared[lane] += weight * difference * difference;
            let centred = 2.0 * column[lane] - 1.0;
            trends[lane] += linear * centred + square * (1.5 * centred * centred - 0.5);
        }
    } else if numeric {
        for lane in 0..BLOCK {
            squared[lane] += weight * axis.squared_distance(coordinate, column[lane]);
            trends[lane] += trend_along(axis, coordinate, column[lane]);
        }
    } else {
        for lane in 0..BLOCK {
            let equal = column[lane] == coordinate;
            squared[lane] += if equal { 0.0 } else { weight };
            trends[lane] += if equal { 1.0 } else { 0.0 };
        }
    }
}

/// All pairs (1,0), (2,0), (2,1), (3,0), … of n points: what of their covariances doesn't change with the
/// hyperparameters.
pub(super) struct Pairs {
    n: usize,
    /// Squared distances, `[axis][pair]`.
    squared: Vec<Vec<f64>>,
    /// Σ t / D of each pair, and of each point with itself.
    trend: Vec<f64>,
    trend_itself: Vec<f64>,
}

impl Pairs {
    pub(super) fn new(axes: &[Axis], points: &[Vec<f64>]) -> Self {
        let pair_count = points.len() * points.len().saturating_sub(1) / 2;
        let mut trends = vec![0.0; pair_count];
        let mut squared = Vec::with_capacity(axes.len());
        for (axis, &kind) in axes.iter().enumerate() {
            let column: Vec<f64> = points.iter().map(|point| point[axis]).collect();
            let mut along = Vec::with_capacity(pair_count);
            for (i, &a) in column.iter().enumerate() {
                let before = along.len();
                along.extend(column[..i].iter().map(|&b| kind.squared_distance(a, b)));
                for (sum, &b) in trends[before..].iter_mut().zip(&column[..i]) {
                    *sum += trend_along(kind, a, b) / axes.len() as f64;
                }
            }
            squared.push(along);
        }
        let trend_itself = points.iter().map(|point| trend(axes, point, point)).collect();
        Self { n: points.len(), squared, trend: trends, trend_itself }
    }

    /// Prior variance of the function at each point.
    pub(super) fn variances(&self, hyperparameters: &Hyperparameters) -> Vec<f64> {
        let Hyperparameters { amplitude, trend, .. } = hyperparameters;
        self.trend_itself.iter().map(|itself| amplitude + trend * itself).collect()
    }

    /// Prior covariances under given hyperparameters.
    pub(super) fn covariances(&self, hyperparameters: &Hyperparameters) -> Covariances {
        widest(Covary { pairs: self, hyperparameters })
    }

    /// The gradient in the logarithms of the hyperparameters of anything whose derivatives in the
    /// covariances of pairs, and of points with themselves, are `pull` and `pull_itself`.
    pub(super) fn gradient(
        &self,
        hyperparameters: &Hyperparameters,
        covariances: &Covariances,
        pull: &[f64],
        pull_itself: &[f64],
    ) -> Vec<f64> {
        widest(Gradient { pairs: self, hyperparameters, covariances, pull, pull_itself })
    }
}

/// As [`Pairs::covariances`].
struct Covary<'a> {
    pairs: &'a Pairs,
    hyperparameters: &'a Hyperparameters,
}

impl Loop for Covary<'_> {
    type Output = Covariances;

    #[inline(always)]
    fn run(self) -> Covariances {
        let Self { pairs, hyperparameters } = self;
        let n = pairs.n;
        let Hyperparameters { weights, amplitude, trend, .. } = hyperparameters;
        let mut slopes = vec![0.0; pairs.trend.len()];
        for (squared, weight) in pairs.squared.iter().zip(weights) {
            slopes.iter_mut().zip(squared).for_each(|(sum, squared)| *sum += weight * squared);
        }
        let mut kernel = vec![0.0; slopes.len()];
        for (slope, kernel) in slopes.iter_mut().zip(&mut kernel) {
            let (value, derivative) = matern_with_slope(*slope);
            (*kernel, *slope) = (amplitude * value, amplitude * derivative);
        }
        let mut matrix = vec![0.0; n * n];
        for (i, variance) in pairs.variances(hyperparameters).into_iter().enumerate() {
            let before = i * i.saturating_sub(1) / 2;
            let terms = kernel[before..].iter().zip(&pairs.trend[before..]);
            for (element, (kernel, similar)) in matrix[i * n..i * n + i].iter_mut().zip(terms) {
                *element = kernel + trend * similar;
            }
            matrix[i * n + i] = variance;
        }
        Covariances { matrix, kernel, slopes }
    }
}

/// As [`Pairs::gradient`].
struct Gradient<'a> {
    pairs: &'a Pairs,
    hyperparameters: &'a Hyperparameters,
    covariances: &'a Covariances,
    pull: &'a [f64],
    pull_itself: &'a [f64],
}

impl Loop for Gradient<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let Self { pairs, hyperparameters, covariances, pull, pull_itself } = self;
        let Hyperparameters { weights, amplitude, noise, trend } = hyperparameters;
        let pull_of_distance: Vec<f64> =
            pull.iter().zip(&covariances.slopes).map(|(pull, slope)| pull * slope).collect();
        let scales = weights.iter().zip(&pairs.squared);
        let mut gradient: Vec<f64> =
            scales.map(|(weight, squared)| weight * dot(&pull_of_distance, squared)).collect();
        let itself: f64 = pull_itself.iter().sum();
        gradient.push(dot(pull, &covariances.kernel) + amplitude * itself);
        gradient.push(noise * itself);
        gradient.push(trend * (dot(pull, &pairs.trend) + dot(pull_itself, &pairs.trend_itself)));
        gradient
    }
}

/// Prior covariances of all pairs.
pub(super) struct Covariances {
    /// The lower triangle, n × n by rows.
    pub(super) matrix: Vec<f64>,
    /// Of each pair, without the trend.
    kernel: Vec<f64>,
    /// −2 times the derivative of each pair's covariance in its weighted squared distance.
    slopes: Vec<f64>,
}
