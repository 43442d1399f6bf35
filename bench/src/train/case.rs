//! What is trained: networks from the talk's experiments on random numbers, which take as long as data.

use autotinyml_nn::{
    Activation, Layer, Network, Padding, Shape, cost, node_multiply_accumulates, node_parameters,
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
const BOTTLE_SAMPLES: usize = 640;

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
    let bottle = |name: &str, share| Case {
        name: name.to_owned(),
        input: Shape::new(32, 32, 3),
        layers: bottle_network(share),
        classes: 4,
        samples: BOTTLE_SAMPLES,
        batch: 32,
        epochs,
    };
    vec![
        walking("walking-8", 8, 10),
        walking("walking-16", 16, 10),
        walking("walking-128", 128, 10),
        walking("walking-128-b32", 128, 32),
        bottle("bottle-quarter", 4),
        bottle("bottle", 1),
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
