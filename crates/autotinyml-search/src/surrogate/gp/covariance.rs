//! The covariance of a Gaussian process: Matérn's kernel, and an additive trend beside it,
//!
//! cov(f(x), f(x')) = a · k(Σ_d Δ_d²/ℓ_d²) + b · trend(x, x')

use std::borrow::Cow;

use super::trend::{Trend, along};
use super::{Hyperparameters, spread};
use crate::cholesky::dot;
use crate::kernel::matern_with_slope;
use crate::space::{Axis, Family};
use crate::vectors::{Loop, widest};

/// Hyperparameters are fitted on at most so many points: beyond, they hardly change, but their cost grows
/// with the cube.
const FITTED_MAX: usize = 100;

/// Points that processes learn from, with all that their covariances share.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(super) axes: Vec<Axis>,
    pub(super) trend: Trend,
    pub(super) points: Vec<Vec<f64>>,
    /// Features of the points' shared trend.
    pub(super) shared: Vec<Vec<f64>>,
    pub(super) pairs: Pairs,
    /// Of the points on which hyperparameters are fitted, if these are not all.
    fitted: Option<(Vec<usize>, Pairs)>,
}

impl Inputs {
    /// Without parameters that have anything in common.
    pub(crate) fn new(axes: &[Axis], points: Vec<Vec<f64>>) -> Self {
        Self::of_families(axes, &[], points)
    }

    /// With families of parameters that share a part of the trend.
    pub(crate) fn of_families(axes: &[Axis], families: &[Family], points: Vec<Vec<f64>>) -> Self {
        Self::of_trend(axes, Trend::new(axes, families), points)
    }

    fn of_trend(axes: &[Axis], trend: Trend, points: Vec<Vec<f64>>) -> Self {
        let fitted = (points.len() > FITTED_MAX).then(|| {
            let kept = spread(points.len(), FITTED_MAX);
            let some: Vec<Vec<f64>> = kept.iter().map(|&i| points[i].clone()).collect();
            let pairs = Pairs::new(axes, &trend, &some);
            (kept, pairs)
        });
        let pairs = Pairs::new(axes, &trend, &points);
        let shared = points.iter().map(|point| trend.shared(point)).collect();
        Self { axes: axes.to_vec(), trend, points, shared, pairs, fitted }
    }

    /// The same points with more coordinates, the same number of each: numbers, along which there is no trend.
    pub(crate) fn with(&self, more: impl Fn(&[f64]) -> Vec<f64>) -> Self {
        let points: Vec<Vec<f64>> = self.points.iter().map(|point| more(point)).collect();
        let length = points.first().map_or(self.axes.len(), Vec::len);
        let mut axes = self.axes.clone();
        axes.resize(length, Axis::Numeric);
        let mut trend = self.trend.clone();
        trend.own.resize(length, 0.0);
        Self::of_trend(&axes, trend, points)
    }

    /// Some of the points.
    pub(crate) fn only(&self, some: &[usize]) -> Self {
        let points = some.iter().map(|&i| self.points[i].clone()).collect();
        Self::of_trend(&self.axes, self.trend.clone(), points)
    }

    /// With more points.
    pub(super) fn and(&self, more: &[Vec<f64>]) -> Self {
        Self::of_trend(&self.axes, self.trend.clone(), [&self.points, more].concat())
    }

    /// Pairs of the points on which hyperparameters are fitted.
    pub(super) fn fitted_pairs(&self) -> &Pairs {
        self.fitted.as_ref().map_or(&self.pairs, |(_, pairs)| pairs)
    }

    /// Of what is told of all points, that of those on which hyperparameters are fitted.
    pub(super) fn fitted<'a, T: Copy>(&self, told: &'a [T]) -> Cow<'a, [T]> {
        match &self.fitted {
            Some((kept, _)) => kept.iter().map(|&i| told[i]).collect(),
            None => Cow::Borrowed(told),
        }
    }
}

/// All pairs (1,0), (2,0), (2,1), (3,0), … of n points: what of their covariances doesn't change with the
/// hyperparameters.
#[derive(Debug)]
pub(super) struct Pairs {
    n: usize,
    /// Squared distances, `[axis][pair]`.
    squared: Vec<Vec<f64>>,
    /// The trend's covariance of each pair, and of each point with itself.
    trend: Vec<f64>,
    trend_itself: Vec<f64>,
}

impl Pairs {
    pub(super) fn new(axes: &[Axis], trend: &Trend, points: &[Vec<f64>]) -> Self {
        let pair_count = points.len() * points.len().saturating_sub(1) / 2;
        let mut trends = vec![0.0; pair_count];
        let mut squared = Vec::with_capacity(axes.len());
        for (axis, &kind) in axes.iter().enumerate() {
            let column: Vec<f64> = points.iter().map(|point| point[axis]).collect();
            let mut distances = Vec::with_capacity(pair_count);
            for (i, &a) in column.iter().enumerate() {
                let before = distances.len();
                distances.extend(column[..i].iter().map(|&b| kind.squared_distance(a, b)));
                for (sum, &b) in trends[before..].iter_mut().zip(&column[..i]) {
                    *sum += trend.own[axis] * along(kind, a, b);
                }
            }
            squared.push(distances);
        }
        let shared: Vec<Vec<f64>> = points.iter().map(|point| trend.shared(point)).collect();
        let mut sums = trends.iter_mut();
        for (i, a) in shared.iter().enumerate() {
            sums.by_ref().zip(&shared[..i]).for_each(|(sum, b)| *sum += dot(a, b));
        }
        let itself = |point: &Vec<f64>| trend.between(axes, point, point);
        let trend_itself = points.iter().map(itself).collect();
        Self { n: points.len(), squared, trend: trends, trend_itself }
    }

    /// Number of points.
    pub(super) fn points(&self) -> usize {
        self.n
    }

    /// Prior variance of the function at each point.
    pub(super) fn variances(&self, hyperparameters: &Hyperparameters) -> Vec<f64> {
        let Hyperparameters { amplitude, trend, .. } = hyperparameters;
        self.trend_itself.iter().map(|itself| amplitude + trend * itself).collect()
    }

    /// Prior covariances under given hyperparameters.
    pub(super) fn covariances(&self, hyperparameters: &Hyperparameters) -> Covariances {
        let mut covariances = Covariances::default();
        self.covary(hyperparameters, &mut covariances);
        covariances
    }

    /// The same in the memory of others.
    pub(super) fn covary(&self, hyperparameters: &Hyperparameters, covariances: &mut Covariances) {
        widest(Covary { pairs: self, hyperparameters, covariances });
    }

    /// The matrix of the covariances' derivatives in the logarithm of each hyperparameter, times a vector.
    pub(super) fn derivatives(
        &self,
        hyperparameters: &Hyperparameters,
        covariances: &Covariances,
        vector: &[f64],
    ) -> Vec<Vec<f64>> {
        widest(Derivatives { pairs: self, hyperparameters, covariances, vector })
    }

    /// The gradient in the logarithms of the hyperparameters of anything whose derivatives in the
    /// covariances of pairs, and of points with themselves, are `pull` and `pull_itself`. Uses up the
    /// covariances.
    pub(super) fn gradient(
        &self,
        hyperparameters: &Hyperparameters,
        covariances: &mut Covariances,
        pull: &[f64],
        pull_itself: &[f64],
    ) -> Vec<f64> {
        widest(Gradient { pairs: self, hyperparameters, covariances, pull, pull_itself })
    }
}

/// As [`Pairs::covary`].
struct Covary<'a> {
    pairs: &'a Pairs,
    hyperparameters: &'a Hyperparameters,
    covariances: &'a mut Covariances,
}

impl Loop for Covary<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { pairs, hyperparameters, covariances } = self;
        let Covariances { matrix, kernel, slopes } = covariances;
        let n = pairs.n;
        let Hyperparameters { weights, amplitude, trend, .. } = hyperparameters;
        kernel.resize(pairs.trend.len(), 0.0);
        slopes.clear();
        slopes.resize(pairs.trend.len(), 0.0);
        for (squared, weight) in pairs.squared.iter().zip(weights) {
            slopes.iter_mut().zip(squared).for_each(|(sum, squared)| *sum += weight * squared);
        }
        for (slope, kernel) in slopes.iter_mut().zip(kernel.iter_mut()) {
            let (value, derivative) = matern_with_slope(*slope);
            (*kernel, *slope) = (amplitude * value, amplitude * derivative);
        }
        matrix.resize(n * n, 0.0);
        for (i, variance) in pairs.variances(hyperparameters).into_iter().enumerate() {
            let before = i * i.saturating_sub(1) / 2;
            let terms = kernel[before..].iter().zip(&pairs.trend[before..]);
            for (element, (kernel, similar)) in matrix[i * n..i * n + i].iter_mut().zip(terms) {
                *element = kernel + trend * similar;
            }
            matrix[i * n + i] = variance;
        }
    }
}

/// As [`Pairs::derivatives`].
struct Derivatives<'a> {
    pairs: &'a Pairs,
    hyperparameters: &'a Hyperparameters,
    covariances: &'a Covariances,
    vector: &'a [f64],
}

impl Loop for Derivatives<'_> {
    type Output = Vec<Vec<f64>>;

    #[inline(always)]
    fn run(self) -> Vec<Vec<f64>> {
        let Self { pairs, hyperparameters, covariances, vector } = self;
        let Hyperparameters { weights, amplitude, noise, trend } = hyperparameters;
        let mut of_distance = vec![0.0; pairs.trend.len()];
        let mut derivatives: Vec<Vec<f64>> = Vec::with_capacity(weights.len() + 3);
        for (weight, squared) in weights.iter().zip(&pairs.squared) {
            let terms = covariances.slopes.iter().zip(squared);
            of_distance.iter_mut().zip(terms).for_each(|(product, (slope, squared))| {
                *product = weight * slope * squared;
            });
            let mut product = vec![0.0; vector.len()];
            add_symmetric(1.0, &of_distance, vector, &mut product);
            derivatives.push(product);
        }
        let mut product: Vec<f64> = vector.iter().map(|element| amplitude * element).collect();
        add_symmetric(1.0, &covariances.kernel, vector, &mut product);
        derivatives.push(product);
        derivatives.push(vector.iter().map(|element| noise * element).collect());
        let itself = pairs.trend_itself.iter().zip(vector);
        let mut product: Vec<f64> =
            itself.map(|(itself, element)| trend * itself * element).collect();
        add_symmetric(*trend, &pairs.trend, vector, &mut product);
        derivatives.push(product);
        derivatives
    }
}

/// Adds to a product that of a vector and a symmetric matrix, of which there are the pairs below the diagonal.
#[inline(always)]
fn add_symmetric(scale: f64, pairs: &[f64], vector: &[f64], product: &mut [f64]) {
    let mut rest = pairs;
    for (i, &element) in vector.iter().enumerate() {
        let (row, below) = rest.split_at(i);
        rest = below;
        product[i] += scale * dot(row, &vector[..i]);
        let scaled = scale * element;
        product.iter_mut().zip(row).for_each(|(sum, entry)| *sum += scaled * entry);
    }
}

/// As [`Pairs::gradient`].
struct Gradient<'a> {
    pairs: &'a Pairs,
    hyperparameters: &'a Hyperparameters,
    covariances: &'a mut Covariances,
    pull: &'a [f64],
    pull_itself: &'a [f64],
}

impl Loop for Gradient<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let Self { pairs, hyperparameters, covariances, pull, pull_itself } = self;
        let Hyperparameters { weights, amplitude, noise, trend } = hyperparameters;
        let pull_of_distance = &mut covariances.slopes;
        pull_of_distance.iter_mut().zip(pull).for_each(|(slope, pull)| *slope *= pull);
        let scales = weights.iter().zip(&pairs.squared);
        let mut gradient: Vec<f64> =
            scales.map(|(weight, squared)| weight * dot(pull_of_distance, squared)).collect();
        let itself: f64 = pull_itself.iter().sum();
        gradient.push(dot(pull, &covariances.kernel) + amplitude * itself);
        gradient.push(noise * itself);
        gradient.push(trend * (dot(pull, &pairs.trend) + dot(pull_itself, &pairs.trend_itself)));
        gradient
    }
}

/// Prior covariances of all pairs.
#[derive(Debug, Default)]
pub(super) struct Covariances {
    /// The lower triangle, n × n by rows.
    pub(super) matrix: Vec<f64>,
    /// Of each pair, without the trend.
    kernel: Vec<f64>,
    /// −2 times the derivative of each pair's covariance in its weighted squared distance.
    slopes: Vec<f64>,
}
