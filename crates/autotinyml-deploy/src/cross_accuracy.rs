//! X-CROSS accuracy: how far what runs on the chip agrees with the network it was made from.

use autotinyml_nn::largest;
use serde::{Deserialize, Serialize};

/// Agreement of outputs R with reference outputs P over a set of inputs; the figures of ST's report.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossAccuracy {
    /// Share of inputs, 0 to 1, for which both choose the same class. Of equal outputs the first
    /// is chosen; outputs that are not all finite choose none, and so agree with nothing.
    pub accuracy: f64,
    /// Root of the mean of (R − P)².
    pub rmse: f64,
    /// Mean of |R − P|.
    pub mae: f64,
    /// ‖R − P‖ / (‖P‖ + ε)
    pub l2r: f64,
}

impl CrossAccuracy {
    /// Compares outputs of n inputs, `n × classes` each. The differences are infinite or NaN if
    /// outputs are.
    ///
    /// # Panics
    /// There are no outputs, their numbers differ, or aren't a multiple of `classes`.
    pub fn between(reference: &[f32], outputs: &[f32], classes: usize) -> Self {
        assert!(!reference.is_empty() && reference.len() == outputs.len(), "outputs to compare");
        assert!(reference.len().is_multiple_of(classes), "{classes} outputs for each input");
        let rows = reference.chunks_exact(classes).zip(outputs.chunks_exact(classes));
        let finite = |outputs: &[f32]| outputs.iter().all(|output| output.is_finite());
        let agree = |(p, r): &(&[f32], &[f32])| finite(p) && finite(r) && largest(p) == largest(r);
        let agreeing = rows.filter(agree).count();
        let (mut squares, mut absolutes, mut reference_squares) = (0.0, 0.0, 0.0);
        for (&p, &r) in reference.iter().zip(outputs) {
            let (p, r) = (f64::from(p), f64::from(r));
            squares += (r - p).powi(2);
            absolutes += (r - p).abs();
            reference_squares += p * p;
        }
        let count = reference.len() as f64;
        Self {
            accuracy: agreeing as f64 / (reference.len() / classes) as f64,
            rmse: (squares / count).sqrt(),
            mae: absolutes / count,
            l2r: squares.sqrt() / (reference_squares.sqrt() + f64::from(f32::EPSILON)),
        }
    }
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Activation, Layer, Model, Network, Shape, Weights};

    use super::*;
    use crate::compress::{CompressedModel, StoredKernel, compress};
    use crate::compression::Compression;

    #[test]
    fn figures_worked_by_hand() {
        let reference = [0.6, 0.4, 0.0, 1.0];
        let outputs = [0.3, 0.7, 0.0, 1.0];
        let found = CrossAccuracy::between(&reference, &outputs, 2);
        // Differences 0.3, 0.3, 0, 0; ‖P‖² = 0.36 + 0.16 + 1
        assert_eq!(found.accuracy, 0.5);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(found.rmse, (0.18_f64 / 4.0).sqrt()), "{found:?}");
        assert!(near(found.mae, 0.15), "{found:?}");
        assert!(near(found.l2r, (0.18_f64 / 1.52).sqrt()), "{found:?}");
    }

    #[test]
    fn the_first_of_equal_outputs_is_chosen() {
        assert_eq!(CrossAccuracy::between(&[0.5, 0.5], &[0.6, 0.4], 2).accuracy, 1.0);
        assert_eq!(CrossAccuracy::between(&[0.5, 0.5], &[0.4, 0.6], 2).accuracy, 0.0);
    }

    #[test]
    fn outputs_that_are_no_numbers_agree_with_nothing() {
        let numbers = [0.6, 0.4, 0.2, 0.8];
        for broken in [f32::NAN, f32::INFINITY] {
            let outputs = [0.6, 0.4, broken, 0.8];
            for (p, r) in [(outputs, numbers), (numbers, outputs), (outputs, outputs)] {
                assert_eq!(CrossAccuracy::between(&p, &r, 2).accuracy, 0.5, "{p:?} {r:?}");
            }
        }
    }

    #[test]
    fn a_moved_weight_changes_the_class_of_the_inputs_it_concerns() {
        let layers = [Layer::Dense { units: 2 }, Layer::Activation(Activation::Softmax)];
        let network = Network::chain(Shape::vector(2), &layers).unwrap();
        let weights =
            Weights { kernel: vec![1.0, 0.0, 0.0, 1.0], bias: vec![0.0; 2], moving: None };
        let model = Model { network, weights: vec![Some(weights), None] };
        let mut stored = compress(&model, Compression::X1);
        let inputs = [1.0, 0.9, 1.0, 0.5, 0.2, 1.0, 0.9, 1.0];
        let compare = |stored: &CompressedModel| {
            let outputs = stored.decompressed().predict(&inputs);
            CrossAccuracy::between(&model.predict(&inputs), &outputs, 2)
        };
        let exact = compare(&stored);
        assert_eq!((exact.accuracy, exact.l2r), (1.0, 0.0));
        // Twice the second output: only (1, 0.9) changes its class.
        let kernel = &mut stored.weights[0].as_mut().unwrap().kernel;
        *kernel = StoredKernel::Float(vec![1.0, 0.0, 0.0, 1.9]);
        assert_eq!(compare(&stored).accuracy, 0.75);
    }
}
