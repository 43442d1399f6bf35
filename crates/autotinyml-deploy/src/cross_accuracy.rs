//! X-CROSS accuracy: how far what runs on the chip agrees with the network it was made from.

use autotinyml_nn::{Model, largest};
use serde::{Deserialize, Serialize};

use crate::compress::{CompressedModel, StoredKernel};
use crate::fold::fold;

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

/// The agreement over some of the inputs, or of a network of which one layer is compressed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The class that the network chooses for these inputs, the layer that is compressed, or who runs it.
    pub name: String,
    /// How many inputs.
    pub inputs: usize,
    /// As in [`CrossAccuracy`].
    pub accuracy: f64,
    /// As in [`CrossAccuracy`]; `None`: outputs are not finite.
    pub rmse: Option<f64>,
    /// Likewise.
    pub mae: Option<f64>,
    /// Likewise.
    pub l2r: Option<f64>,
}

impl Agreement {
    /// Compares outputs as [`CrossAccuracy::between`] does.
    ///
    /// # Panics
    /// As there.
    pub fn between(name: &str, reference: &[f32], outputs: &[f32], classes: usize) -> Self {
        let CrossAccuracy { accuracy, rmse, mae, l2r } =
            CrossAccuracy::between(reference, outputs, classes);
        // Outputs that are no numbers have no distance.
        let [rmse, mae, l2r] = [rmse, mae, l2r].map(|figure| figure.is_finite().then_some(figure));
        let (name, inputs) = (name.to_string(), reference.len() / classes);
        Self { name, inputs, accuracy, rmse, mae, l2r }
    }
}

/// How far a program agrees with its network, and where it does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CrossReport {
    /// Of each program that was run: on how many inputs, and how far it agrees there.
    pub runners: Vec<Agreement>,
    /// Of each class, over the inputs for which the network chooses it; those that it never does are
    /// left out.
    pub classes: Vec<Agreement>,
    /// Of each compressed layer, of a network in which it alone is: what its compression costs.
    pub layers: Vec<Agreement>,
}

/// The agreement over the inputs of each class that the network chooses for some. Classes without a name
/// are numbered.
///
/// # Panics
/// As [`CrossAccuracy::between`].
pub fn of_each_class(
    reference: &[f32],
    outputs: &[f32],
    classes: usize,
    names: &[String],
) -> Vec<Agreement> {
    let mut rows = vec![(vec![], vec![]); classes];
    for (p, r) in reference.chunks_exact(classes).zip(outputs.chunks_exact(classes)) {
        let (reference, outputs) = &mut rows[largest(p)];
        reference.extend_from_slice(p);
        outputs.extend_from_slice(r);
    }
    let compare = |(class, (reference, outputs)): (usize, &(Vec<f32>, Vec<f32>))| {
        let name = names.get(class).cloned().unwrap_or_else(|| class.to_string());
        (!reference.is_empty()).then(|| Agreement::between(&name, reference, outputs, classes))
    };
    rows.iter().enumerate().filter_map(compare).collect()
}

/// What the compression of each layer costs by itself: the agreement with `model` of a network of which only
/// that layer is as it is `stored`. `inputs`: standardised, one or more.
pub fn of_each_layer(model: &Model, stored: &CompressedModel, inputs: &[f32]) -> Vec<Agreement> {
    let (reference, folded) = (model.predict(inputs), fold(model));
    let classes = model.network.output().len();
    let alone = |(node, weights): (usize, &Option<_>)| {
        let kernel = match weights
            .as_ref()
            .map(|weights: &crate::compress::StoredWeights| &weights.kernel)?
        {
            StoredKernel::Float(_) => return None,
            shared => shared.values(),
        };
        let mut one_compressed = Model::clone(&folded);
        one_compressed.weights[node].as_mut()?.kernel = kernel;
        let outputs = one_compressed.predict(inputs);
        Some(Agreement::between(&folded.network.nodes[node].name, &reference, &outputs, classes))
    };
    stored.weights.iter().enumerate().filter_map(alone).collect()
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
    fn classes_are_those_that_the_network_chooses() {
        // The third class is never chosen; the second once, and then missed.
        let reference = [0.6, 0.4, 0.0, 0.7, 0.3, 0.0, 0.1, 0.9, 0.0];
        let outputs = [0.6, 0.4, 0.0, 0.7, 0.3, 0.0, 0.9, 0.1, 0.0];
        let found = of_each_class(&reference, &outputs, 3, &["still".to_string()]);
        let told: Vec<_> =
            found.iter().map(|class| (class.name.as_str(), class.inputs, class.accuracy)).collect();
        assert_eq!(told, [("still", 2, 1.0), ("1", 1, 0.0)]);
        assert_eq!(
            (found[0].rmse, found[1].mae.map(|mae| (mae * 30.0).round())),
            (Some(0.0), Some(16.0))
        );
    }

    #[test]
    fn only_the_layer_whose_weights_were_spoilt_costs_anything() {
        let [first, second] = [64, 40].map(|units| Layer::Dense { units });
        let relu = Layer::Activation(Activation::Relu);
        let layers = [first, relu, second, Layer::Activation(Activation::Softmax)];
        let network = Network::chain(Shape::vector(64), &layers).unwrap();
        let model = Model::initialise(network, 3);
        let mut stored = compress(&model, Compression::X4);
        // The first layer's weights are all taken for the largest.
        let first = &mut stored.weights[0].as_mut().unwrap().kernel;
        let StoredKernel::Shared { codebook, indices, .. } = first else { panic!("not shared") };
        indices.fill((codebook.len() - 1) as u8);
        let inputs: Vec<f32> =
            (0..64 * 50).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
        let layers = of_each_layer(&model, &stored, &inputs);
        let names: Vec<_> = layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["dense_1", "dense_2"]);
        assert!(layers[0].accuracy < 0.6 && layers[1].accuracy > 0.9, "{layers:?}");
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
