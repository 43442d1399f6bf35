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
    let bound = |mean: f64, variance: f64| mean + beta * variance.sqrt();
    let (mean, variance) =
        predictor.predict_while(x, |mean, at_most| bound(mean, at_most) > floor)?;
    Some(bound(mean, variance))
}
