//! How wide the kernels of a Parzen estimator are.

use crate::space::{Axis, Domain};

/// A rule for bandwidths, one for each parameter, from its observed levels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bandwidth {
    /// Whatever the levels are, 0.2 n^(−1/(d + 4)) of the parameter's range, as Optuna's multivariate TPE
    /// has it, but never narrower than `least`; another category has the chance `category`.
    Shrinking { least: f64, category: f64 },
}

impl Bandwidth {
    /// The bandwidth of a parameter, one of d, whose observed levels are `levels`.
    pub(super) fn of(self, domain: &Domain, levels: &[u64], d: usize) -> f64 {
        let n = levels.len() as f64 + 1.0;
        match self {
            Self::Shrinking { category, .. } if domain.axis() == Axis::Categorical => category,
            Self::Shrinking { least, .. } => (0.2 * n.powf(-1.0 / (d as f64 + 4.0))).max(least),
        }
    }
}
