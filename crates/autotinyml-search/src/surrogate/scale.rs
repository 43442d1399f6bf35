//! The scale on which numbers are modelled: the power transform of G. E. P. Box and D. R. Cox, An analysis of
//! transformations, Journal of the Royal Statistical Society B 26 (1964) 211-252, its power chosen by what a
//! Gaussian process makes of it (E. Snelson, C. E. Rasmussen, Z. Ghahramani, Warped Gaussian processes, NeurIPS
//! 2003, equation 6).
//!
//! | symbol | meaning |
//! | --- | --- |
//! | x | a number to be modelled |
//! | p | power, 0 for the logarithm |
//! | t | target: (xᵖ − 1)/p or ln x, brought to mean 0 and variance 1 |
//!
//! DIFFERENCE: p is one of a few, compared under the hyperparameters of greatest prior density.

use super::gp::{Inputs, Plausibility, Prior};

/// Numbers on their scale.
pub(crate) struct Scaled {
    /// t.
    pub(crate) targets: Vec<f64>,
    power: f64,
    mean: f64,
    deviation: f64,
}

impl Scaled {
    fn new(values: &[f64], power: f64) -> Self {
        let mut targets: Vec<f64> = values.iter().map(|value| raised(*value, power)).collect();
        let n = targets.len() as f64;
        let mean = targets.iter().sum::<f64>() / n;
        let variance = targets.iter().map(|target| (target - mean).powi(2)).sum::<f64>() / n;
        let deviation = if variance > 1e-24 * mean * mean { variance.sqrt() } else { 1.0 };
        targets.iter_mut().for_each(|target| *target = (*target - mean) / deviation);
        Self { targets, power, mean, deviation }
    }

    /// On the scale that makes the values most plausible; of equals the first. Powers other than 1 are for
    /// positive values.
    pub(crate) fn best(inputs: &Inputs, values: &[f64], powers: &[f64], prior: &Prior) -> Self {
        let plausibility = Plausibility::new(inputs, prior);
        // The density of the values themselves: that of the targets times the slope of the scale.
        let log_density = |scaled: &Self| {
            let slopes = values.iter().map(|value| {
                let stretched =
                    if scaled.power == 1.0 { 0.0 } else { (scaled.power - 1.0) * value.ln() };
                stretched - scaled.deviation.ln()
            });
            plausibility.of(&scaled.targets) + slopes.sum::<f64>()
        };
        let mut best = Self::new(values, powers[0]);
        let mut greatest = log_density(&best);
        for &power in &powers[1..] {
            let scaled = Self::new(values, power);
            let density = log_density(&scaled);
            if density > greatest {
                (best, greatest) = (scaled, density);
            }
        }
        best
    }

    /// Any value on this scale.
    pub(crate) fn of(&self, value: f64) -> f64 {
        (raised(value, self.power) - self.mean) / self.deviation
    }

    /// The value of a target, or the end of the scale.
    fn value(&self, target: f64) -> f64 {
        let raised = self.mean + self.deviation * target;
        match self.power {
            0.0 => raised.exp(),
            1.0 => raised,
            power => (power * raised + 1.0).max(0.0).powf(1.0 / power),
        }
    }
}

/// (xᵖ − 1)/p, but x itself for p = 1.
fn raised(x: f64, power: f64) -> f64 {
    match power {
        0.0 => x.ln(),
        1.0 => x,
        power => (x.powf(power) - 1.0) / power,
    }
}

/// Powers of how far scores are behind the best: the lower, the more count differences among the best, and the
/// less those among the worst.
const SCORE_POWERS: [f64; 4] = [1.0, 0.5, 0.25, 0.0];

/// How far behind itself the best is taken to be, so that it has a logarithm. The unit is the median of what others are
/// behind.
const NEAREST: f64 = 0.1;

/// Further behind is not told apart: a diverged training may have any loss.
const FARTHEST: f64 = 1e6;

/// Finite utilities (more is better), at least one, on their scale.
pub(crate) struct ScoreScale {
    best: f64,
    unit: f64,
    behind: Scaled,
}

impl ScoreScale {
    /// The one that makes the utilities most plausible.
    pub(crate) fn new(inputs: &Inputs, utilities: &[f64], prior: &Prior) -> Self {
        let best = utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut behind: Vec<f64> = utilities.iter().map(|utility| best - utility).collect();
        let mut others: Vec<f64> = behind.iter().copied().filter(|behind| *behind > 0.0).collect();
        others.sort_by(f64::total_cmp);
        let unit = others.get(others.len() / 2).copied().unwrap_or(1.0);
        for behind in &mut behind {
            *behind = (*behind / unit).min(FARTHEST) + NEAREST;
        }
        Self { best, unit, behind: Scaled::best(inputs, &behind, &SCORE_POWERS, prior) }
    }

    /// What a model learns: more is better.
    pub(crate) fn targets(&self) -> Vec<f64> {
        self.behind.targets.iter().map(|target| -target).collect()
    }

    /// The utility of a target; beyond the end of the scale, that of its end.
    pub(crate) fn utility(&self, target: f64) -> f64 {
        self.best - (self.behind.value(-target) - NEAREST) * self.unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Axis;

    fn inputs(n: u32) -> Inputs {
        let points = (0..n).map(|i| vec![f64::from(i) / f64::from(n - 1)]).collect();
        Inputs::new(&[Axis::Numeric], points)
    }

    /// A smooth function stays as it is; of one whose logarithm is smooth, logarithms are taken.
    #[test]
    fn the_scale_on_which_a_function_is_smooth_is_found() {
        let inputs = inputs(30);
        let wave = |i: u32| (0.3 * f64::from(i)).sin();
        for (power, values) in [
            (1.0, (0..30).map(|i| wave(i) + 2.0).collect::<Vec<f64>>()),
            (0.0, (0..30).map(|i| (5.0 * wave(i)).exp()).collect()),
        ] {
            let scaled = Scaled::best(&inputs, &values, &[1.0, 0.5, 0.0], &Prior::SCORE);
            assert_eq!(scaled.power, power);
            for (value, target) in values.iter().zip(&scaled.targets) {
                assert!((scaled.of(*value) - target).abs() < 1e-12);
            }
            let n = values.len() as f64;
            assert!(scaled.targets.iter().sum::<f64>().abs() < 1e-9 * n);
            let variance = scaled.targets.iter().map(|target| target * target).sum::<f64>() / n;
            assert!((variance - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn targets_of_scores_keep_their_order_whatever_the_scores() {
        for utilities in [
            vec![3.0, 1.0, 2.0, 1.0, -7.0],
            vec![0.5; 5],
            vec![f64::MAX, -f64::MAX, 0.0, 1.0, 2.0],
            vec![1e-300, 2e-300, 0.0, 1e-310, 5e-300],
            vec![1.0, 1.0, 1.0, 1.0, 1.0 - 1e-16],
        ] {
            let scale = ScoreScale::new(&inputs(5), &utilities, &Prior::SCORE);
            let targets = scale.targets();
            for (i, a) in targets.iter().enumerate() {
                assert!(a.is_finite(), "{utilities:?}: {targets:?}");
                for (j, b) in targets.iter().enumerate() {
                    assert!(utilities[i] > utilities[j] || a <= b, "{utilities:?}: {targets:?}");
                }
            }
        }
        let equal = ScoreScale::new(&inputs(5), &[0.5; 5], &Prior::SCORE);
        assert_eq!(equal.targets(), [0.0; 5]);
    }

    #[test]
    fn targets_go_back_to_their_scores() {
        let inputs = inputs(30);
        let wave = |i: u32| (0.3 * f64::from(i)).sin();
        for utilities in [
            (0..30).map(wave).collect::<Vec<f64>>(),
            (0..30).map(|i| -(5.0 * wave(i)).exp()).collect(),
        ] {
            let scale = ScoreScale::new(&inputs, &utilities, &Prior::SCORE);
            for (utility, target) in utilities.iter().zip(scale.targets()) {
                let back = scale.utility(target);
                assert!((back - utility).abs() < 1e-9 * utility.abs().max(1.0), "{back} {utility}");
            }
            assert!(scale.utility(1e3).is_finite());
        }
    }
}
