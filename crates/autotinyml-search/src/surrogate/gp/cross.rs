//! Covariances of one moving point with those that a process learns from. A point that shares its leading
//! coordinates with the one before costs only the rest, and a coordinate that was seen before only additions:
//! what is left of a grid in order is Matérn's formula.

use super::Hyperparameters;
use super::covariance::Inputs;
use super::trend::along;
use crate::cholesky::dot;
use crate::kernel::matern;
use crate::vectors::{Loop, widest};

/// Coordinates per axis that are remembered. Lists have fewer; reals would fill any table.
const KEPT: usize = 64;

/// The covariances of a point that moves. Computed by the same sums in the same order, wherever it came from.
pub(super) struct Cross<'a> {
    inputs: &'a Inputs,
    hyperparameters: &'a Hyperparameters,
    /// The current point.
    at: Vec<f64>,
    /// `sums[d]`: along the first d axes.
    sums: Vec<Along>,
    /// Per axis, coordinates with what they contribute.
    terms: Vec<Vec<(f64, Along)>>,
    covariances: Vec<f64>,
}

/// Weighted squared distances and own trends towards each of n points.
#[derive(Clone)]
struct Along {
    squared: Vec<f64>,
    trends: Vec<f64>,
}

impl<'a> Cross<'a> {
    pub(super) fn new(inputs: &'a Inputs, hyperparameters: &'a Hyperparameters) -> Self {
        let (n, d) = (inputs.points.len(), inputs.axes.len());
        let zero = Along { squared: vec![0.0; n], trends: vec![0.0; n] };
        Self {
            inputs,
            hyperparameters,
            at: vec![f64::NAN; d],
            sums: vec![zero; d + 1],
            terms: vec![Vec::new(); d],
            covariances: vec![0.0; n],
        }
    }

    /// Prior variance of the function at `x`.
    pub(super) fn variance(&self, x: &[f64]) -> f64 {
        let Hyperparameters { amplitude, trend, .. } = self.hyperparameters;
        amplitude + trend * self.inputs.trend.between(&self.inputs.axes, x, x)
    }

    /// Prior covariances of the function at `x` and at each point.
    pub(super) fn covariances(&mut self, x: &[f64]) -> &[f64] {
        let changed = x.iter().zip(&self.at).position(|(new, old)| new != old).unwrap_or(x.len());
        for (axis, &coordinate) in x.iter().enumerate().skip(changed) {
            let seen = self.terms[axis].iter().position(|(seen, _)| *seen == coordinate);
            let index = seen.unwrap_or_else(|| self.remember(axis, coordinate));
            let (before, after) = self.sums.split_at_mut(axis + 1);
            let (_, term) = &self.terms[axis][index];
            widest(Add { before: &before[axis], term, after: &mut after[0] });
        }
        self.at.copy_from_slice(x);
        widest(Combine {
            sums: &self.sums[x.len()],
            hyperparameters: self.hyperparameters,
            covariances: &mut self.covariances,
        });
        self.add_shared_trend(x);
        &self.covariances
    }

    /// Computes what a coordinate contributes; gives its index.
    fn remember(&mut self, axis: usize, coordinate: f64) -> usize {
        let Inputs { axes, trend, points, .. } = self.inputs;
        let (kind, weight, own) = (axes[axis], self.hyperparameters.weights[axis], trend.own[axis]);
        let column = || points.iter().map(|point| point[axis]);
        let term = Along {
            squared: column().map(|x| weight * kind.squared_distance(coordinate, x)).collect(),
            trends: column().map(|x| own * along(kind, coordinate, x)).collect(),
        };
        let known = &mut self.terms[axis];
        known.truncate(KEPT - 1);
        known.push((coordinate, term));
        known.len() - 1
    }

    /// Adds what families of parameters have in common.
    fn add_shared_trend(&mut self, x: &[f64]) {
        let features = self.inputs.trend.shared(x);
        if features.is_empty() {
            return;
        }
        let variance = self.hyperparameters.trend;
        for (covariance, shared) in self.covariances.iter_mut().zip(&self.inputs.shared) {
            *covariance += variance * dot(&features, shared);
        }
    }
}

/// Adds one axis to the sums along those before it.
struct Add<'a> {
    before: &'a Along,
    term: &'a Along,
    after: &'a mut Along,
}

impl Loop for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { before, term, after } = self;
        let squared = before.squared.iter().zip(&term.squared);
        after.squared.iter_mut().zip(squared).for_each(|(sum, (a, b))| *sum = a + b);
        let trends = before.trends.iter().zip(&term.trends);
        after.trends.iter_mut().zip(trends).for_each(|(sum, (a, b))| *sum = a + b);
    }
}

/// Makes covariances of sums.
struct Combine<'a> {
    sums: &'a Along,
    hyperparameters: &'a Hyperparameters,
    covariances: &'a mut [f64],
}

impl Loop for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Hyperparameters { amplitude, trend, .. } = self.hyperparameters;
        let sums = self.sums.squared.iter().zip(&self.sums.trends);
        for (covariance, (&squared, trends)) in self.covariances.iter_mut().zip(sums) {
            *covariance = amplitude * matern(squared) + trend * trends;
        }
    }
}
