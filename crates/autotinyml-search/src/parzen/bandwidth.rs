//! How wide the kernels of a Parzen estimator are.

use crate::space::{Axis, Domain};

/// A rule for bandwidths, one for each parameter, from its observed levels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bandwidth {
    /// Whatever the levels are, 0.2 n^(−1/(d + 4)) of the parameter's range, as Optuna's multivariate TPE
    /// has it (n counts the prior), but never narrower than `least`; another category has the chance
    /// `category`.
    Shrinking { least: f64, category: f64 },
    /// The normal reference rule 1.06 s n^(−1/(d + 4)), s the standard deviation (Scott 1992; as statsmodels
    /// has it), widened by `factor`.
    NormalReference { factor: f64 },
}

/// No kernel of the normal reference rule is narrower, even if all observations are the same.
const LEAST: f64 = 1e-3;

impl Bandwidth {
    /// The bandwidth of a parameter, one of d, whose observed levels are `levels`.
    pub(super) fn of(self, domain: &Domain, levels: &[u64], d: usize) -> f64 {
        let is_category = domain.axis() == Axis::Categorical;
        let shrinking = |n: f64| n.powf(-1.0 / (d as f64 + 4.0));
        let n = levels.len() as f64;
        match self {
            Self::Shrinking { category, .. } if is_category => category,
            Self::Shrinking { least, .. } => (0.2 * shrinking(n + 1.0)).max(least),
            Self::NormalReference { factor } => {
                let spread =
                    if is_category { disagreement(levels) } else { variance(domain, levels) };
                let bandwidth = factor * (1.06 * spread.sqrt() * shrinking(n.max(1.0))).max(LEAST);
                // At this chance all categories are alike.
                let alike = || 1.0 - 1.0 / domain.levels().unwrap_or(1) as f64;
                if is_category { bandwidth.min(alike()) } else { bandwidth }
            }
        }
    }
}

/// Variance of the levels' places on the unit interval.
fn variance(domain: &Domain, levels: &[u64]) -> f64 {
    let n = levels.len().max(1) as f64;
    let mean = levels.iter().map(|&level| domain.unit(level)).sum::<f64>() / n;
    levels.iter().map(|&level| (domain.unit(level) - mean).powi(2)).sum::<f64>() / n
}

/// Half the chance that two categories, drawn one after the other, differ: the variance of points of which
/// any two different ones are at distance 1.
fn disagreement(levels: &[u64]) -> f64 {
    let n = levels.len().max(1) as f64;
    let share =
        |category: u64| levels.iter().filter(|&&level| level == category).count() as f64 / n;
    let mut categories = levels.to_vec();
    categories.sort_unstable();
    categories.dedup();
    0.5 * (1.0 - categories.into_iter().map(|category| share(category).powi(2)).sum::<f64>())
        .max(0.0)
}
