//! Models of the score: mean and variance at configurations that were not tried.

pub(crate) mod forest;
pub(crate) mod gp;
pub(crate) mod scale;

use std::rc::Rc;

use rand_xoshiro::Xoshiro256PlusPlus;

use crate::acquisition::upper_confidence_bound;
use crate::normal;
use crate::space::Axis;
use forest::Forest;
use gp::{Gp, Inputs, Predictor, Prior};
use scale::ScoreScale;

/// Which model of the score a searcher learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Surrogate {
    /// Gaussian process.
    #[default]
    Gp,
    /// Random forest of ten trees.
    Forest,
}

/// A model learns from at most so many trials: the cost of a Gaussian process grows with their cube.
pub(crate) const TRIALS_MAX: usize = 200;

/// Least variance of a leaf whose targets are normal scores (Hutter et al. 2014, §4.3.3).
const LEAF_VARIANCE_MIN: f64 = 0.01;

/// A model of the score, fitted.
pub(crate) enum ScoreModel {
    Gp(Gp, ScoreScale),
    Forest(Forest),
}

impl ScoreModel {
    /// Learns utilities (more is better), of at least one point, and believes that the `running` points end as
    /// it predicts.
    pub(crate) fn fit(
        surrogate: Surrogate,
        axes: &[Axis],
        points: &[Vec<f64>],
        utilities: &[f64],
        running: &[Vec<f64>],
        rng: &mut Xoshiro256PlusPlus,
    ) -> Self {
        let kept = best_and_latest(utilities, TRIALS_MAX);
        let points: Vec<Vec<f64>> = kept.iter().map(|&i| points[i].clone()).collect();
        let utilities: Vec<f64> = kept.iter().map(|&i| utilities[i]).collect();
        match surrogate {
            Surrogate::Gp => {
                let inputs = Rc::new(Inputs::new(axes, points));
                let scale = ScoreScale::new(&inputs, &utilities, &Prior::SCORE);
                let gp = Gp::fit(inputs, scale.targets(), &Prior::SCORE).believing(running);
                Self::Gp(gp, scale)
            }
            Surrogate::Forest => {
                let targets = normal::scores(&utilities);
                let forest = Forest::fit(axes, &points, &targets, LEAF_VARIANCE_MIN, rng);
                if running.is_empty() {
                    return Self::Forest(forest);
                }
                let believed = running.iter().map(|x| forest.predict(x).0);
                let targets: Vec<f64> = targets.iter().copied().chain(believed).collect();
                let points = [points, running.to_vec()].concat();
                Self::Forest(Forest::fit(axes, &points, &targets, LEAF_VARIANCE_MIN, rng))
            }
        }
    }

    /// Utilities at each point: μ − β σ, μ and μ + β σ. None: a forest's are not on a scale that could be
    /// told.
    pub(crate) fn intervals(&self, points: &[Vec<f64>], beta: f64) -> Option<Vec<[f64; 3]>> {
        let Self::Gp(gp, scale) = self else { return None };
        let interval = |(mean, variance): (f64, f64)| {
            [-beta, 0.0, beta].map(|width| scale.utility(mean + width * variance.sqrt()))
        };
        Some(gp.predict(points).into_iter().map(interval).collect())
    }

    /// Prepares for predictions point by point.
    pub(crate) fn predictor(&self) -> ScorePredictor<'_> {
        match self {
            Self::Gp(gp, _) => ScorePredictor::Gp(gp.predictor()),
            Self::Forest(forest) => ScorePredictor::Forest(forest),
        }
    }
}

/// Predicts the score of one point after the other.
pub(crate) enum ScorePredictor<'a> {
    Gp(Predictor<'a>),
    Forest(&'a Forest),
}

impl ScorePredictor<'_> {
    /// μ + β σ at `x`; `None` where it does not exceed the floor.
    pub(crate) fn upper_confidence_bound(
        &mut self,
        x: &[f64],
        beta: f64,
        floor: f64,
    ) -> Option<f64> {
        match self {
            Self::Gp(predictor) => upper_confidence_bound(predictor, x, beta, floor),
            Self::Forest(forest) => {
                let (mean, variance) = forest.predict(x);
                Some(mean + beta * variance.sqrt()).filter(|bound| *bound > floor)
            }
        }
    }
}

/// Indices of at most `most` trials that a model learns from, ascending: the best half and the latest.
pub(crate) fn best_and_latest(utilities: &[f64], most: usize) -> Vec<usize> {
    let n = utilities.len();
    let latest = n.saturating_sub(most / 2);
    let mut earlier: Vec<usize> = (0..latest).collect();
    earlier.sort_by(|&a, &b| utilities[b].total_cmp(&utilities[a]));
    earlier.truncate(most / 2);
    earlier.sort_unstable();
    earlier.extend(latest..n);
    earlier
}
