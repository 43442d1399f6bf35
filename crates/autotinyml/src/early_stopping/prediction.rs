//! How a trial will end, by how earlier ones ended that were as good at the same place.
//!
//! B. Baker, O. Gupta, R. Raskar, N. Naik, *Accelerating Neural Architecture Search using Performance
//! Prediction*, arXiv:1705.10823, 2017: a regression on trials that have ended predicts the final score of
//! one under way, its errors are taken for normal with the spread of those made when each of these trials is
//! left out in turn, and what hardly becomes the best is stopped.
//!
//! | symbol | meaning |
//! | --- | --- |
//! | xᵢ, yᵢ | score of an earlier trial at the place, and at its end |
//! | ŷ(x) = α + β x | line of least squares through n such points |
//! | hᵢ = 1/n + (xᵢ − x̄)² / Σ (xⱼ − x̄)² | leverage of a point |
//! | σ² = Σ ((yᵢ − ŷ(xᵢ)) / (1 − hᵢ))² / n | mean square of the errors at a point of lines through the others |
//! | y* | best score at the end of a deployable trial |
//! | δ | `chance`: a trial is stopped if P(y > y*) < δ |
//!
//! P(y > y*) < δ exactly if ŷ(x) < y* − z σ, where Φ(z) = 1 − δ.
//!
//! DIFFERENCE: the line is over the score at the place alone; the paper's support vector machines also read
//! the epochs before and the configuration, for which a study of a hundred trials is too small.

use autotinyml_search::normal_quantile;

/// Trials that have ended without which nothing is predicted.
const ENDED_MIN: usize = 6;

/// The line ŷ, and how far it is off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prediction {
    intercept: f64,
    /// Above 0.
    slope: f64,
    /// σ
    spread: f64,
}

impl Prediction {
    /// Through points (xᵢ, yᵢ). `None` if there are too few, or they do not tell that who is better at the place
    /// is better at the end.
    pub(super) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        if points.len() < ENDED_MIN {
            return None;
        }
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
        let products = |of: &dyn Fn(f64, f64) -> f64| {
            points.iter().map(|(x, y)| of(x - x_mean, y - y_mean)).sum::<f64>()
        };
        let squares = products(&|x, _| x * x);
        let slope = products(&|x, y| x * y) / squares;
        let intercept = y_mean - slope * x_mean;
        let square_error = |&(x, y): &(f64, f64)| {
            let leverage = 1.0 / count + (x - x_mean).powi(2) / squares;
            // Without a point of leverage 1, give or take rounding, there is no line.
            let rest = Some(1.0 - leverage).filter(|&rest| rest > 1e-9);
            rest.map_or(f64::INFINITY, |rest| ((y - intercept - slope * x) / rest).powi(2))
        };
        let spread = (points.iter().map(square_error).sum::<f64>() / count).sqrt();
        (slope > 0.0 && spread.is_finite()).then_some(Self { intercept, slope, spread })
    }

    /// ŷ(x), of which no score is less than 0.
    pub(super) fn at(&self, x: f64) -> f64 {
        (self.intercept + self.slope * x).max(0.0)
    }

    /// The x below which the chance of an end above `best` is less than `chance`.
    pub(super) fn hurdle(&self, best: f64, chance: f64) -> f64 {
        (best - normal_quantile(1.0 - chance) * self.spread - self.intercept) / self.slope
    }
}
