//! Costs of the two baselines of "Automated machine learning under model's deployability on tiny
//! devices" (tinyML Summit 2022), whose ROM is 4 bytes for each parameter.

use autotinyml_nn::{
    Activation, Layer, Network, Padding, Shape, multiply_accumulates, node_parameters, parameters,
};

const RELU: Layer = Layer::Activation(Activation::Relu);
const SOFTMAX: Layer = Layer::Activation(Activation::Softmax);

fn conv2d(filters: usize, side: usize, padding: Padding) -> Layer {
    Layer::Conv2d { filters, kernel: [side, side], stride: [1, 1], dilation: [1, 1], padding }
}

fn max_pool2d(side: usize) -> Layer {
    Layer::MaxPool2d { window: [side, side], stride: [side, side] }
}

fn dense(units: usize) -> Layer {
    Layer::Dense { units }
}

#[test]
fn first_baseline() {
    let layers = [
        conv2d(128, 2, Padding::Valid),
        RELU,
        max_pool2d(2),
        Layer::Dropout { rate: 0.2 },
        Layer::Flatten,
        dense(128),
        RELU,
        dense(128),
        RELU,
        dense(6),
        SOFTMAX,
    ];
    let network = Network::chain(Shape::new(90, 3, 1), &layers).unwrap();
    assert_eq!(parameters(&network), 738_950);
    assert_eq!(4 * parameters(&network), 2_955_800);
    assert_eq!(multiply_accumulates(&network), 829_184);
}

#[test]
fn second_baseline() {
    let layers = [
        conv2d(32, 3, Padding::Same),
        RELU,
        conv2d(32, 3, Padding::Valid),
        RELU,
        max_pool2d(2),
        Layer::Dropout { rate: 0.25 },
        conv2d(64, 3, Padding::Same),
        RELU,
        conv2d(64, 3, Padding::Valid),
        RELU,
        max_pool2d(2),
        Layer::Dropout { rate: 0.25 },
        Layer::Flatten,
        dense(512),
        RELU,
        Layer::Dropout { rate: 0.5 },
        dense(4),
        SOFTMAX,
    ];
    let network = Network::chain(Shape::new(32, 32, 3), &layers).unwrap();
    assert_eq!(parameters(&network), 1_247_780);
    assert_eq!(4 * parameters(&network), 4_991_120);
    assert_eq!(multiply_accumulates(&network), 20_738_048);
    assert_eq!(node_parameters(&network.nodes[0]), 3 * 3 * 3 * 32 + 32);
    assert_eq!(node_parameters(&network.nodes[1]), 0);
}
