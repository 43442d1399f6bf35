//! Covariances of many points with one, side by side: the points lie axis by axis, so that loops over them fill
//! wide registers.

use super::Hyperparameters;
use super::trend::{LINEAR, SQUARE, Trend, along, legendre};
use crate::kernel::matern;
use crate::space::{ABSENT, Axis};

/// Points whose covariances are computed side by side.
pub(super) const BLOCK: usize = 32;

/// Up to [`BLOCK`] points, axis by axis.
pub(super) struct Block {
    columns: Vec<[f64; BLOCK]>,
    /// Features of the shared trend.
    shared: Vec<[f64; BLOCK]>,
}

impl Block {
    pub(super) fn new(trend: &Trend, points: &[Vec<f64>]) -> Self {
        let shared: Vec<Vec<f64>> = points.iter().map(|point| trend.shared(point)).collect();
        Self { columns: columns(points), shared: columns(&shared) }
    }

    /// Prior variance of the function at each point.
    #[inline(always)]
    pub(super) fn variances(
        &self,
        axes: &[Axis],
        trend: &Trend,
        hyperparameters: &Hyperparameters,
    ) -> [f64; BLOCK] {
        let mut trends = [0.0; BLOCK];
        for ((&axis, column), own) in axes.iter().zip(&self.columns).zip(&trend.own) {
            for lane in 0..BLOCK {
                trends[lane] += own * along(axis, column[lane], column[lane]);
            }
        }
        for column in &self.shared {
            for lane in 0..BLOCK {
                trends[lane] += column[lane] * column[lane];
            }
        }
        trends.map(|of_trend| hyperparameters.amplitude + hyperparameters.trend * of_trend)
    }

    /// Prior covariance of the function at each point with that at `x`.
    #[inline(always)]
    pub(super) fn covariances(
        &self,
        axes: &[Axis],
        trend: &Trend,
        hyperparameters: &Hyperparameters,
        x: &[f64],
        shared: &[f64],
    ) -> [f64; BLOCK] {
        let Hyperparameters { weights, amplitude, trend: trend_variance, .. } = hyperparameters;
        let mut squared = [0.0; BLOCK];
        let mut trends = [0.0; BLOCK];
        let coefficients = weights.iter().zip(&trend.own);
        let terms = axes.iter().zip(coefficients).zip(x.iter().zip(&self.columns));
        for ((&axis, (weight, own)), (&coordinate, column)) in terms {
            add_along(axis, *weight, *own, coordinate, column, &mut squared, &mut trends);
        }
        for (feature, column) in shared.iter().zip(&self.shared) {
            for lane in 0..BLOCK {
                trends[lane] += feature * column[lane];
            }
        }
        let mut covariances = [0.0; BLOCK];
        for lane in 0..BLOCK {
            covariances[lane] = amplitude * matern(squared[lane]) + trend_variance * trends[lane];
        }
        covariances
    }
}

/// The points' coordinates, axis by axis; the lanes that are left over are zero.
fn columns(points: &[Vec<f64>]) -> Vec<[f64; BLOCK]> {
    let mut columns = vec![[0.0; BLOCK]; points[0].len()];
    for (lane, point) in points.iter().enumerate() {
        columns.iter_mut().zip(point).for_each(|(column, &coordinate)| column[lane] = coordinate);
    }
    columns
}

/// Adds what one axis contributes to weighted squared distances and trends.
#[inline(always)]
fn add_along(
    axis: Axis,
    weight: f64,
    own: f64,
    coordinate: f64,
    column: &[f64; BLOCK],
    squared: &mut [f64; BLOCK],
    trends: &mut [f64; BLOCK],
) {
    let numeric = axis == Axis::Numeric;
    if numeric && coordinate != ABSENT && !column.contains(&ABSENT) {
        let (linear, square) = legendre(coordinate);
        let (linear, square) = (own * LINEAR * linear, own * SQUARE * square);
        for lane in 0..BLOCK {
            let difference = column[lane] - coordinate;
            squared[lane] += weight * difference * difference;
            let of_lane = legendre(column[lane]);
            trends[lane] += linear * of_lane.0 + square * of_lane.1;
        }
    } else if numeric {
        for lane in 0..BLOCK {
            squared[lane] += weight * axis.squared_distance(coordinate, column[lane]);
            trends[lane] += own * along(axis, coordinate, column[lane]);
        }
    } else {
        for lane in 0..BLOCK {
            let equal = column[lane] == coordinate;
            squared[lane] += if equal { 0.0 } else { weight };
            trends[lane] += if equal { own } else { 0.0 };
        }
    }
}
