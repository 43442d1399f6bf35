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
fn a_block_of_separable_layers_worked_by_hand() {
    let depthwise = Layer::DepthwiseConv2d {
        kernel: [3, 3],
        stride: [2, 2],
        dilation: [1, 1],
        padding: Padding::Same,
    };
    let norm = Layer::BatchNorm { momentum: 0.99, epsilon: 1e-3 };
    let layers = [
        depthwise,
        norm,
        Layer::Activation(Activation::HardSwish),
        conv2d(16, 1, Padding::Valid),
        Layer::AveragePool2d { window: [2, 2], stride: [2, 2] },
        Layer::GlobalAveragePool2d,
        dense(3),
    ];
    let network = Network::chain(Shape::new(8, 6, 4), &layers).unwrap();
    // Depthwise 9·4 + 4, γ and β of 4 channels, 4·16 + 16, 16·3 + 3
    assert_eq!(parameters(&network), 40 + 8 + 80 + 51);
    // 4×3 pixels of 9·4 products, one for each of their values, 4·16 each, and 16·3
    assert_eq!(multiply_accumulates(&network), 12 * 36 + 12 * 4 + 12 * 64 + 48);
}

#[test]
fn a_window_is_as_large_as_its_dilation_makes_it() {
    let conv = |dilation, padding| {
        let layer = Layer::Conv2d { filters: 2, kernel: [3, 2], stride: [1, 1], dilation, padding };
        Network::chain(Shape::new(7, 5, 1), &[layer]).map(|network| network.output())
    };
    assert_eq!(conv([3, 4], Padding::Valid), Ok(Shape::new(1, 1, 2)));
    assert_eq!(
        conv([4, 4], Padding::Valid).unwrap_err().to_string(),
        "conv2d: its 9×5 window is larger than its input 7×5×1"
    );
    assert_eq!(conv([4, 4], Padding::Same), Ok(Shape::new(7, 5, 2)));
    let error = conv([65_536, 65_536], Padding::Same).unwrap_err().to_string();
    assert!(error.contains("values between its zeros, more than the 100000000"), "{error}");
    assert!(conv([usize::MAX, 1], Padding::Same).is_err());
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
