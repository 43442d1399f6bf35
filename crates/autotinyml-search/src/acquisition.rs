//! What a point promises, from what a surrogate predicts there.

use crate::normal::{self, mills_ratio};
use crate::surrogate::gp::Predictor;

/// Upper confidence bound μ + β σ (Srinivas et al. 2010): optimism in the face of uncertainty. `None`
/// for points that don't exceed `floor`, often without computing all of σ.
pub(crate) fn upper_confidence_bound(
    predictor: &mut Predictor,
    x: &[f64],
    beta: f64,
    floor: f64,
) -> Option<f64> {
    // μ + β σ > floor if σ² exceeds this.
    let least_variance = |mean: f64| {
        if mean > floor { f64::NEG_INFINITY } else { ((floor - mean) / beta).powi(2) }
    };
    let (mean, variance) = predictor.predict_above(x, least_variance)?;
    Some(mean + beta * variance.sqrt())
}

/// ln of the expected improvement over `best`, E max(f − best, 0) with f normal: finite and in the right
/// order where the improvement itself is too small for a number.
///
/// S. Ament et al., Unexpected improvements to expected improvement for Bayesian optimization, NeurIPS
/// 2023, equation 9: ln h(z) + ln σ with h(z) = φ(z) + z Φ(z), z = (μ − best) / σ.
pub(crate) fn log_expected_improvement(mean: f64, deviation: f64, best: f64) -> f64 {
    log_h((mean - best) / deviation) + deviation.ln()
}

/// ln P(f ≤ limit) with f normal.
pub(crate) fn log_feasibility(mean: f64, deviation: f64, limit: f64) -> f64 {
    normal::log_cdf((limit - mean) / deviation)
}

/// ln(φ(z) + z Φ(z)).
fn log_h(z: f64) -> f64 {
    /// ln √(2π).
    const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;
    let log_density = -0.5 * z * z - LN_SQRT_TAU;
    if z > 0.0 {
        // Φ(z) = 1 − φ(z) M(−z) with Mills' ratio M.
        let density = log_density.exp();
        (density + z * (1.0 - density * mills_ratio(-z))).ln()
    } else if z > -1e3 {
        log_density + (z * mills_ratio(z)).ln_1p()
    } else {
        // 1 + z M(z) = z⁻² (1 − 3 z⁻² + …), of which the line above would leave only rounding.
        log_density - 2.0 * (-z).ln() + (-3.0 / (z * z)).ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What mpmath computes: tests/reference/dump_gp.py.
    #[derive(serde::Deserialize)]
    struct Reference {
        z: Vec<f64>,
        log_h: Vec<f64>,
    }

    #[test]
    fn expected_improvement_is_exact_far_into_the_tail() {
        let r: Reference =
            serde_json::from_str(include_str!("../tests/reference/normal.json")).unwrap();
        for (z, expected) in r.z.into_iter().zip(r.log_h) {
            let found = log_h(z);
            assert!(
                (found - expected).abs() <= 1e-10 * expected.abs().max(1.0),
                "{z}: {found} {expected}"
            );
        }
        // Twice the scale doubles the improvement.
        let (once, twice) =
            (log_expected_improvement(1.0, 2.0, 1.5), log_expected_improvement(2.0, 4.0, 3.0));
        assert!((twice - once - 2.0_f64.ln()).abs() < 1e-12);
    }

    /// What BoTorch computes: tests/reference/log_ei.py.
    #[derive(serde::Deserialize)]
    struct BoTorch {
        best: f64,
        limit: f64,
        improvement: Vec<[f64; 2]>,
        log_ei: Vec<f64>,
        constrained: Vec<[f64; 4]>,
        log_constrained_ei: Vec<f64>,
    }

    #[test]
    fn improvements_are_botorchs() {
        let BoTorch { best, limit, improvement, log_ei, constrained, log_constrained_ei } =
            serde_json::from_str(include_str!("../tests/reference/log_ei.json")).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-10 * b.abs().max(1.0);
        for ([mean, deviation], expected) in improvement.into_iter().zip(log_ei) {
            let found = log_expected_improvement(mean, deviation, best);
            assert!(near(found, expected), "{mean} ± {deviation}: {found} {expected}");
        }
        for (x, expected) in constrained.into_iter().zip(log_constrained_ei) {
            let [score, constraint, score_deviation, constraint_deviation] = x;
            let found = log_expected_improvement(score, score_deviation, best)
                + log_feasibility(constraint, constraint_deviation, limit);
            assert!(near(found, expected), "{x:?}: {found} {expected}");
        }
    }
}
