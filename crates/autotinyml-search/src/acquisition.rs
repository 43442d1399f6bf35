//! What a point promises, from what a surrogate predicts there.

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
