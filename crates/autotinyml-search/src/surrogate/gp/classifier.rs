//! Gaussian process classification by expectation propagation (Minka 2001; Rasmussen & Williams 2006,
//! section 3.6).
//!
//! A latent function f with a Gaussian process prior makes a label y = ±1 with probability Φ(y f). Each
//! label is replaced by the normal observation of f ("site") that stands for it best beside all others:
//! the product of cavity (the posterior without this site) and Φ has the mean and variance that cavity
//! and site have. What results is a regression on the sites.
//!
//! | symbol | meaning | shape |
//! | --- | --- | --- |
//! | y | labels, ±1 | n |
//! | τ̃, ν̃ | sites: precision, and precision times mean | n, n |
//! | σ², μ | posterior of f at the points | n, n |
//!
//! DIFFERENCE: all sites are updated together, then the posterior is computed anew, with a Cholesky
//! factor instead of n updates of rank one; half a step at a time, so that it settles.

use std::rc::Rc;

use super::covariance::Inputs;
use super::evidence::{Evidence, Prior, climb};
use super::{Gp, Hyperparameters};
use crate::cholesky::Cholesky;
use crate::normal;

/// Updates of all sites, at most.
const SWEEPS_MAX: usize = 30;

/// Share of an update that is made.
const DAMPING: f64 = 0.7;

/// Relative change of a site at which it has settled.
const SETTLED: f64 = 1e-2;

/// A label that says nothing beyond the others is an observation with so many times the variance of f.
const VAGUE: f64 = 1e3;

/// Times that hyperparameters are fitted to the sites, and sites to the hyperparameters: at their fixed
/// point the gradient of the sites' evidence is that of the labels' (Rasmussen & Williams 2006, section 5.5.2).
const ROUNDS: usize = 3;

/// Evaluations of the evidence per round.
const EVALUATIONS: usize = 5;

/// The latent function's posterior: a label at x is true with probability Φ(μ / √(1 + σ²)).
pub(crate) fn classify(inputs: Rc<Inputs>, labels: &[bool], prior: &Prior) -> Gp {
    let (pairs, some_labels) = (inputs.fitted_pairs(), inputs.fitted(labels));
    let mut theta = prior.mode(inputs.axes.len());
    let mut sites = Sites::vague(some_labels.len());
    for _ in 0..ROUNDS {
        let hyperparameters = Hyperparameters::from(&theta);
        sites.propagate(&pairs.covariances(&hyperparameters).matrix, &some_labels);
        let (targets, noise) = sites.observations(&pairs.variances(&hyperparameters));
        theta = climb(theta, prior, EVALUATIONS, Evidence::new(pairs, &targets, &noise));
    }
    if some_labels.len() < labels.len() {
        sites = Sites::vague(labels.len());
    }
    let pairs = &inputs.pairs;
    let hyperparameters = Hyperparameters::from(&theta);
    sites.propagate(&pairs.covariances(&hyperparameters).matrix, labels);
    let (targets, noise) = sites.observations(&pairs.variances(&hyperparameters));
    Gp::posterior(inputs, targets, noise, hyperparameters)
}

/// P(label is true | mean and variance of the latent function), as a logarithm.
pub(crate) fn log_probability(mean: f64, variance: f64) -> f64 {
    normal::log_cdf(mean / (1.0 + variance).sqrt())
}

struct Sites {
    /// τ̃.
    precision: Vec<f64>,
    /// ν̃.
    scaled_mean: Vec<f64>,
}

impl Sites {
    fn vague(n: usize) -> Self {
        Self { precision: vec![0.0; n], scaled_mean: vec![0.0; n] }
    }

    /// Means and variances, for a prior of these variances.
    fn observations(&self, prior: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let precision = |i: usize| self.precision[i].max(1.0 / (VAGUE * prior[i]));
        (0..prior.len()).map(|i| (self.scaled_mean[i] / precision(i), 1.0 / precision(i))).unzip()
    }

    /// Fits the sites to the labels under a prior covariance (lower triangle).
    fn propagate(&mut self, covariance: &[f64], labels: &[bool]) {
        let n = labels.len();
        let prior: Vec<f64> = (0..n).map(|i| covariance[i * n + i]).collect();
        for _ in 0..SWEEPS_MAX {
            let (targets, noise) = self.observations(&prior);
            let mut observed = covariance.to_vec();
            (0..n).for_each(|i| observed[i * n + i] += noise[i]);
            let Some(factor) = Cholesky::new(observed, n) else { return };
            let alpha = factor.solve(&targets);
            let precision = factor.inverse_diagonal();
            let mut change = 0.0_f64;
            for i in 0..n {
                let mean = targets[i] - noise[i] * alpha[i];
                let variance = (noise[i] - noise[i] * noise[i] * precision[i]).max(1e-9 * prior[i]);
                change = change.max(self.update(i, mean, variance, labels[i]));
            }
            if change < SETTLED {
                return;
            }
        }
    }

    /// Moves site i towards what matches the moments, given the posterior at its point (Rasmussen &
    /// Williams 2006, equations 3.56 to 3.59). Returns the relative change.
    fn update(&mut self, i: usize, mean: f64, variance: f64, label: bool) -> f64 {
        let cavity_precision = 1.0 / variance - self.precision[i];
        let cavity_scaled_mean = mean / variance - self.scaled_mean[i];
        if cavity_precision <= 1e-12 {
            return 0.0;
        }
        let (cavity_mean, cavity_variance) =
            (cavity_scaled_mean / cavity_precision, 1.0 / cavity_precision);
        let y = if label { 1.0 } else { -1.0 };
        let width = (1.0 + cavity_variance).sqrt();
        let z = y * cavity_mean / width;
        let ratio = normal::inverse_mills_ratio(z);
        let tilted_mean = cavity_mean + y * cavity_variance * ratio / width;
        let shrinkage = cavity_variance * ratio * (z + ratio) / (1.0 + cavity_variance);
        let tilted_variance = cavity_variance * (1.0 - shrinkage).max(1e-9);
        let precision = (1.0 / tilted_variance - cavity_precision).max(0.0);
        let scaled_mean = tilted_mean / tilted_variance - cavity_scaled_mean;
        let step = DAMPING * (precision - self.precision[i]);
        self.precision[i] += step;
        self.scaled_mean[i] += DAMPING * (scaled_mean - self.scaled_mean[i]);
        step.abs() / (1.0 / tilted_variance)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::space::Axis;

    const AXES: [Axis; 3] = [Axis::Numeric, Axis::Numeric, Axis::Categorical];

    /// Exact probabilities: tests/reference/dump_gp.py.
    #[derive(Deserialize)]
    struct Reference {
        points: Vec<Vec<f64>>,
        labels: Vec<bool>,
        log_hyperparameters: Vec<f64>,
        at: Vec<Vec<f64>>,
        probability: Vec<f64>,
    }

    /// Expectation propagation is known to come within a percent (Kuss & Rasmussen, JMLR 2005).
    #[test]
    fn probabilities_are_nearly_exact() {
        let r: Reference =
            serde_json::from_str(include_str!("../../../tests/reference/classifier.json")).unwrap();
        let hyperparameters = Hyperparameters::from(&r.log_hyperparameters);
        let inputs = Rc::new(Inputs::new(&AXES, r.points));
        let mut sites = Sites::vague(r.labels.len());
        sites.propagate(&inputs.pairs.covariances(&hyperparameters).matrix, &r.labels);
        let (targets, noise) = sites.observations(&inputs.pairs.variances(&hyperparameters));
        let latent = Gp::posterior(inputs, targets, noise, hyperparameters);
        for ((mean, variance), expected) in latent.predict(&r.at).into_iter().zip(r.probability) {
            let found = log_probability(mean, variance).exp();
            assert!((found - expected).abs() < 0.01, "{found} {expected}");
        }
    }

    /// A straight boundary, learned from 60 labels: nearly all other points are told right, and
    /// doubtfully only near it.
    #[test]
    fn a_boundary_is_learned() {
        let prior =
            Prior { amplitude: (2.5, 1.0), trend: (2.0, 1.0), noise: (-9.0, 0.1), ..Prior::SCORE };
        let point = |i: u32| {
            vec![f64::from(i * 37 % 101) / 100.0, f64::from(i * 23 % 97) / 96.0, f64::from(i % 2)]
        };
        let fits = |x: &Vec<f64>| x[0] + x[1] + 0.3 * x[2] < 1.0;
        let points: Vec<Vec<f64>> = (0..60).map(point).collect();
        let labels: Vec<bool> = points.iter().map(fits).collect();
        let latent = classify(Rc::new(Inputs::new(&AXES, points)), &labels, &prior);
        let others: Vec<Vec<f64>> = (60..1060).map(point).collect();
        let probabilities =
            latent.predict(&others).into_iter().map(|(m, v)| log_probability(m, v).exp());
        let (mut wrong, mut doubtful) = (0, 0);
        for (x, p) in others.iter().zip(probabilities) {
            wrong += usize::from((p > 0.5) != fits(x));
            doubtful += usize::from(p > 0.1 && p < 0.9);
        }
        assert!(wrong < 60 && doubtful < 250, "{wrong} {doubtful}");
    }

    #[test]
    fn one_class_repeats_and_contradictions_do_no_harm() {
        let points = vec![vec![0.5, 0.5, 1.0]; 20];
        let inputs = Rc::new(Inputs::new(&AXES, points.clone()));
        let labels = |of: fn(usize) -> bool| (0..20).map(of).collect::<Vec<bool>>();
        for (labels, expected) in [
            (labels(|_| false), 0.0..0.2),
            (labels(|_| true), 0.8..1.0),
            (labels(|i| i % 2 == 0), 0.4..0.6),
        ] {
            let latent = classify(Rc::clone(&inputs), &labels, &Prior::SCORE);
            let (mean, variance) = latent.predict(&points[..1])[0];
            let found = log_probability(mean, variance).exp();
            assert!(expected.contains(&found), "{found} {expected:?}");
        }
    }
}
