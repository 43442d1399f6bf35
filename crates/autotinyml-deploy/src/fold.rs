//! Batch normalisations at deployment: one behind a convolution or dense layer that nobody else reads
//! goes into the weights of that and costs nothing; any other becomes a depthwise convolution of single
//! pixels, a multiply-add for each value.
//!
//! With moving mean μ and variance σ², `γ (x − μ) / √(σ² + ε) + β = a x + (β − a μ)` where
//! `a = γ / √(σ² + ε)`; and `a (W x + b) + c = (a W) x + (a b + c)`, for each output channel.

use std::borrow::Cow;

use autotinyml_nn::{Layer, Model, Moving, Network, Node, Padding, Source, Weights};

/// What stands in for a batch normalisation: nothing but other weights.
const SINGLE_PIXELS: Layer = Layer::DepthwiseConv2d {
    kernel: [1, 1],
    stride: [1, 1],
    dilation: [1, 1],
    padding: Padding::Valid,
};

/// The network without batch normalisations.
pub fn fold_network(network: &Network) -> Cow<'_, Network> {
    if !network.nodes.iter().any(is_norm) {
        return Cow::Borrowed(network);
    }
    let hosts = hosts(network);
    let mut nodes: Vec<Node> = vec![];
    // Where each node's values come from now.
    let mut places: Vec<Source> = vec![];
    for (node, host) in network.nodes.iter().zip(hosts) {
        let place = |source: &Source| match *source {
            Source::Input => Source::Input,
            Source::Node(node) => places[node],
        };
        let inputs: Vec<Source> = node.inputs.iter().map(place).collect();
        if let Some(Host::Before(_)) = host {
            places.push(inputs[0]);
            continue;
        }
        places.push(Source::Node(nodes.len()));
        let layer = if host.is_some() { SINGLE_PIXELS } else { node.layer };
        nodes.push(Node { layer, inputs, ..node.clone() });
    }
    Cow::Owned(Network { input: network.input, nodes })
}

/// The model without batch normalisations; it computes the same but for rounding.
pub fn fold(model: &Model) -> Cow<'_, Model> {
    let Cow::Owned(network) = fold_network(&model.network) else { return Cow::Borrowed(model) };
    let mut weights = model.weights.clone();
    let hosts = hosts(&model.network);
    for (index, (node, host)) in model.network.nodes.iter().zip(&hosts).enumerate() {
        let Layer::BatchNorm { epsilon, .. } = node.layer else { continue };
        let norm = weights[index].take().expect("a batch normalisation has weights");
        let [scale, shift] = scale_and_shift(&norm, epsilon);
        match host {
            Some(Host::Before(host)) => {
                let host = weights[*host].as_mut().expect("a host has weights");
                for (index, weight) in host.kernel.iter_mut().enumerate() {
                    *weight = (f64::from(*weight) * scale[index % scale.len()]) as f32;
                }
                for ((bias, scale), shift) in host.bias.iter_mut().zip(scale).zip(shift) {
                    *bias = (f64::from(*bias) * scale + shift) as f32;
                }
            }
            _ => {
                let [kernel, bias] =
                    [scale, shift].map(|values| values.iter().map(|&x| x as f32).collect());
                weights[index] = Some(Weights { kernel, bias, moving: None });
            }
        }
    }
    let gone = |host: &Option<Host>| matches!(host, Some(Host::Before(_)));
    let kept = weights.into_iter().zip(&hosts).filter(|(_, host)| !gone(host));
    Cow::Owned(Model { network, weights: kept.map(|(weights, _)| weights).collect() })
}

/// Where a batch normalisation goes.
enum Host {
    /// Into the weights of this node.
    Before(usize),
    /// It stays where it is.
    Itself,
}

/// For each batch normalisation its host: the layer with weights whose outputs it reads, and nobody
/// else. All layers with weights have the output channel as their fastest axis.
fn hosts(network: &Network) -> Vec<Option<Host>> {
    let readers = network.readers();
    // For each node the one whose weights may take in what comes behind it.
    let mut open: Vec<Option<usize>> = Vec::with_capacity(network.nodes.len());
    let mut hosts = vec![];
    for (index, node) in network.nodes.iter().enumerate() {
        let before = match node.inputs[0] {
            Source::Node(source) if readers[source] == 1 => open[source],
            _ => None,
        };
        hosts.push(is_norm(node).then(|| before.map_or(Host::Itself, Host::Before)));
        open.push(match node.layer {
            Layer::BatchNorm { .. } => before.or(Some(index)),
            // Does nothing in inference.
            Layer::Dropout { .. } => before,
            _ => node.layer.has_weights().then_some(index),
        });
    }
    hosts
}

fn is_norm(node: &Node) -> bool {
    matches!(node.layer, Layer::BatchNorm { .. })
}

/// a and β − a μ of each channel.
fn scale_and_shift(norm: &Weights, epsilon: f32) -> [Vec<f64>; 2] {
    let Moving { mean, variance } = norm.moving.as_ref().expect("a batch normalisation has them");
    let inverse = variance.iter().map(|&variance| 1.0 / f64::from(variance + epsilon).sqrt());
    let scale: Vec<f64> = norm
        .kernel
        .iter()
        .zip(inverse)
        .map(|(&gamma, inverse)| f64::from(gamma) * inverse)
        .collect();
    let shift = norm.bias.iter().zip(mean).zip(&scale);
    let shift = shift.map(|((&beta, &mean), a)| f64::from(beta) - a * f64::from(mean)).collect();
    [scale, shift]
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Activation, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, Shape};

    use super::*;
    use crate::compression::Compression;
    use crate::st::account;

    const NORM: Layer =
        Layer::BatchNorm { momentum: BATCH_NORM_MOMENTUM, epsilon: BATCH_NORM_EPSILON };
    const RELU: Layer = Layer::Activation(Activation::Relu);

    fn conv() -> Layer {
        Layer::Conv2d {
            filters: 3,
            kernel: [2, 2],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Valid,
        }
    }

    fn network(layers: &[Layer]) -> Network {
        Network::chain(Shape::new(5, 4, 2), layers).unwrap()
    }

    /// Each weight another one; variances stay positive.
    fn with_weights(network: Network) -> Model {
        let mut model = Model::initialise(network, 3);
        for (node, weights) in model.weights.iter_mut().flatten().enumerate() {
            let wave = |i: usize| ((i * 7 + node * 5) % 11) as f32 / 10.0 - 0.4;
            weights.bias.iter_mut().enumerate().for_each(|(i, bias)| *bias = wave(i));
            if let Some(Moving { mean, variance }) = &mut weights.moving {
                weights.kernel.iter_mut().enumerate().for_each(|(i, gamma)| *gamma = 1.5 - wave(i));
                mean.iter_mut().enumerate().for_each(|(i, mean)| *mean = wave(i + 3));
                variance.iter_mut().enumerate().for_each(|(i, v)| *v = 0.6 + wave(i + 2));
            }
        }
        model
    }

    #[test]
    fn a_folded_model_computes_the_same() {
        let dropout = Layer::Dropout { rate: 0.5 };
        let depthwise = Layer::DepthwiseConv2d {
            kernel: [2, 1],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Same,
        };
        let dense = Layer::Dense { units: 4 };
        for (layers, nodes) in [
            (&[conv(), NORM, RELU][..], 2),
            (&[depthwise, NORM, NORM], 1),
            (&[NORM, conv(), dropout, NORM, RELU, NORM], 5),
            (&[Layer::Flatten, dense, NORM, RELU, dense, NORM], 4),
            (&[conv(), Layer::Flatten, NORM], 3),
        ] {
            let model = with_weights(network(layers));
            let folded = fold(&model);
            assert_eq!(folded.network.nodes.len(), nodes, "{layers:?}");
            let layers: Vec<Layer> = folded.network.nodes.iter().map(|node| node.layer).collect();
            let chain = network(&layers);
            assert_eq!(chain.output(), folded.network.output());
            for (node, chained) in folded.network.nodes.iter().zip(&chain.nodes) {
                assert_eq!((&node.inputs, node.output), (&chained.inputs, chained.output));
            }
            let inputs: Vec<f32> = (0..3 * 40).map(|i| (i * i % 17) as f32 / 8.0 - 1.0).collect();
            for (folded, whole) in folded.predict(&inputs).iter().zip(model.predict(&inputs)) {
                assert!((folded - whole).abs() < 1e-5 * whole.abs().max(1.0), "{folded} {whole}");
            }
        }
    }

    #[test]
    fn what_somebody_else_reads_keeps_its_weights() {
        let same = Layer::Conv2d {
            filters: 3,
            kernel: [2, 2],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Same,
        };
        let node = Source::Node;
        // The second normalisation reads what the sum reads too; the others fold.
        let layers = [
            (same, vec![Source::Input]),
            (NORM, vec![node(0)]),
            (NORM, vec![node(1)]),
            (RELU, vec![node(2)]),
            (Layer::Add, vec![node(3), node(1)]),
            (same, vec![Source::Input]),
            (NORM, vec![node(5)]),
            (Layer::Add, vec![node(4), node(6)]),
        ];
        let model = with_weights(Network::graph(Shape::new(5, 4, 2), &layers).unwrap());
        let folded = fold(&model);
        let kinds: Vec<&str> = folded.network.nodes.iter().map(|n| n.layer.kind()).collect();
        assert_eq!(kinds, ["conv2d", "depthwise_conv2d", "activation", "add", "conv2d", "add"]);
        assert_eq!(folded.network.nodes[3].inputs, [node(2), node(0)]);
        assert_eq!(folded.network.nodes[5].inputs, [node(3), node(4)]);
        let inputs: Vec<f32> = (0..3 * 40).map(|i| (i * i % 17) as f32 / 8.0 - 1.0).collect();
        for (folded, whole) in folded.predict(&inputs).iter().zip(model.predict(&inputs)) {
            assert!((folded - whole).abs() < 1e-5 * whole.abs().max(1.0), "{folded} {whole}");
        }
    }

    #[test]
    fn behind_a_convolution_or_dense_layer_it_costs_nothing() {
        let dense = Layer::Dense { units: 4 };
        let without = network(&[conv(), RELU, Layer::Flatten, dense]);
        let with = network(&[conv(), NORM, RELU, Layer::Flatten, dense, NORM]);
        let count = |network| account(network, Compression::X1);
        assert_eq!(count(&with), count(&without));
        // Elsewhere, two numbers a channel and a multiply-add for each value.
        let after = network(&[conv(), RELU, NORM, Layer::Flatten, dense]);
        assert_eq!(count(&after).parameters, count(&without).parameters + 2 * 3);
        assert_eq!(count(&after).macc, count(&without).macc + 4 * 3 * 3 + 3);
    }
}
