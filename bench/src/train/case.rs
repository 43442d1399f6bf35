//! What is trained: networks from the talk's experiments, and one of MobileNet's blocks, on random numbers,
//! which take as long as data.

use autotinyml_nn::{
    Activation, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, Layer, Network, Padding, Shape, cost,
    node_multiply_accumulates, node_parameters,
};
use serde::{Deserialize, Serialize};

/// One training to be timed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Short, for `--only`.
    pub name: String,
    /// Shape of one sample.
    pub input: Shape,
    /// The last one is a softmax.
    pub layers: Vec<Layer>,
    /// Outputs of the network.
    pub classes: usize,
    /// Samples of an epoch.
    pub samples: usize,
    /// Samples of an optimizer step.
    pub batch: usize,
    /// Passes over the samples; the first one is not counted.
    pub epochs: usize,
}

/// Samples of 90 × 3 that experiment 1 trains on.
const WALKING_SAMPLES: usize = 2650;
/// Pictures of 32 × 32 × 3: few, as each takes long.
const PICTURES: usize = 640;

/// All cases, those of small networks first.
pub fn cases(epochs: usize) -> Vec<Case> {
    let walking = |name: &str, width, batch| Case {
        name: name.to_owned(),
        input: Shape::new(90, 3, 1),
        layers: walking_network(width),
        classes: 22,
        samples: WALKING_SAMPLES,
        batch,
        epochs,
    };
    let pictures = |name: &str, layers| Case {
        name: name.to_owned(),
        input: Shape::new(32, 32, 3),
        layers,
        classes: 4,
        samples: PICTURES,
        batch: 32,
        epochs,
    };
    vec![
        walking("walking-8", 8, 10),
        walking("walking-16", 16, 10),
        walking("walking-128", 128, 10),
        walking("walking-128-b32", 128, 32),
        pictures("bottle-quarter", bottle_network(4)),
        pictures("bottle", bottle_network(1)),
        pictures("mobile", mobile_network()),
    ]
}

/// Experiment 1's baseline with `width` filters and units (128 there).
fn walking_network(width: usize) -> Vec<Layer> {
    let relu = Layer::Activation(Activation::Relu);
    let pair = [2, 2];
    let (stride, padding) = ([1, 1], Padding::Valid);
    vec![
        Layer::Conv2d { filters: width, kernel: pair, stride, dilation: [1, 1], padding },
        relu,
        Layer::MaxPool2d { window: pair, stride: pair },
        Layer::Dropout { rate: 0.2 },
        Layer::Flatten,
        Layer::Dense { units: width },
        relu,
        Layer::Dense { units: width },
        relu,
        Layer::Dense { units: 22 },
        Layer::Activation(Activation::Softmax),
    ]
}

/// Experiment 2's baseline with one `share`-th of its channels and units.
fn bottle_network(share: usize) -> Vec<Layer> {
    let relu = Layer::Activation(Activation::Relu);
    let conv = |filters, padding| Layer::Conv2d {
        filters: filters / share,
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        padding,
    };
    let mut layers = vec![];
    for filters in [32, 64] {
        layers.extend([conv(filters, Padding::Same), relu, conv(filters, Padding::Valid), relu]);
        layers.push(Layer::MaxPool2d { window: [2, 2], stride: [2, 2] });
        layers.push(Layer::Dropout { rate: 0.25 });
    }
    let head = [
        Layer::Flatten,
        Layer::Dense { units: 512 / share },
        relu,
        Layer::Dropout { rate: 0.5 },
        Layer::Dense { units: 4 },
        Layer::Activation(Activation::Softmax),
    ];
    layers.extend(head);
    layers
}

/// Blocks of MobileNet (Howard et al. 2017): a depthwise convolution of 3 × 3 and a pointwise one, each with
/// batch normalisation and ReLU6 behind it; the second block halves height and width.
fn mobile_network() -> Vec<Layer> {
    let dilation = [1, 1];
    let padding = Padding::Same;
    let conv = |filters, kernel| Layer::Conv2d {
        filters,
        kernel: [kernel; 2],
        stride: [1, 1],
        dilation,
        padding,
    };
    let normalised = |layer| {
        let norm = Layer::BatchNorm { momentum: BATCH_NORM_MOMENTUM, epsilon: BATCH_NORM_EPSILON };
        [layer, norm, Layer::Activation(Activation::Relu6)]
    };
    let mut layers = normalised(conv(16, 3)).to_vec();
    for (filters, stride) in [(32, 1), (64, 2), (64, 1)] {
        let stride = [stride; 2];
        let depthwise = Layer::DepthwiseConv2d { kernel: [3, 3], stride, dilation, padding };
        layers.extend(normalised(depthwise));
        layers.extend(normalised(conv(filters, 1)));
    }
    layers.push(Layer::GlobalAveragePool2d);
    layers.push(Layer::Dense { units: 4 });
    layers.push(Layer::Activation(Activation::Softmax));
    layers
}

impl Case {
    /// The network of the layers.
    pub fn network(&self) -> Network {
        match Network::chain(self.input, &self.layers) {
            Ok(network) => network,
            Err(error) => unreachable!("fixed layers: {error}"),
        }
    }

    /// Floating-point operations that an epoch needs at least: per multiply-accumulate two forward, two
    /// for the weight's gradient, and two for the input's unless that is the data.
    pub fn operations(&self) -> f64 {
        let network = self.network();
        let weighted = network.nodes.iter().filter(|node| node_parameters(node) > 0);
        let per_sample = weighted.enumerate().map(|(index, node)| {
            let products = if index == 0 { 2 } else { 3 };
            2 * products * node_multiply_accumulates(node)
        });
        (self.samples as u64 * per_sample.sum::<u64>()) as f64
    }

    /// Bytes of all weights with the two numbers that Adam remembers of each.
    pub fn adam_bytes(&self) -> usize {
        3 * size_of::<f32>() * cost::parameters(&self.network())
    }

    /// Optimizer steps of an epoch, each of which reads and writes [`Case::adam_bytes`].
    pub fn steps(&self) -> usize {
        self.samples.div_ceil(self.batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The talk's figures, with 22 instead of 6 outputs for experiment 1.
    #[test]
    fn the_networks_are_those_of_the_talk() {
        let parameters = |name: &str| {
            let case = cases(1).into_iter().find(|case| case.name == name);
            cost::parameters(&case.expect("there is such a case").network())
        };
        assert_eq!(parameters("walking-128"), 738_950 + 16 * 129);
        assert_eq!(parameters("bottle"), 1_247_780);
    }
}
