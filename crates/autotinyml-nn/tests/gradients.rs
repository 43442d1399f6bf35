//! Gradients against central differences of the loss, through the public face alone: one step of
//! plain gradient descent with a learning rate of 1 on one batch subtracts the gradient from the
//! weights.

use std::ops::ControlFlow;

use autotinyml_nn::{
    Activation, Dataset, Layer, Model, Network, Optimizer, Padding, Shape, Source, Training, train,
};

const CLASSES: usize = 3;
const STEP: f32 = 2e-3;

/// Samples without structure, from a fixed sequence.
fn dataset(shape: Shape, samples: usize) -> Dataset {
    let wave = |i: usize| ((i * i * 7 + i * 13) % 101) as f32 / 50.0 - 1.0;
    Dataset {
        shape,
        classes: (0..CLASSES).map(|class| class.to_string()).collect(),
        inputs: (0..samples * shape.len()).map(wave).collect(),
        labels: (0..samples).map(|sample| sample % CLASSES).collect(),
        spans: None,
        groups: None,
    }
}

fn mean_loss(model: &Model, data: &Dataset) -> f64 {
    let outputs = model.predict(&data.inputs);
    let of_label = outputs.chunks_exact(CLASSES).zip(&data.labels).map(|(y, &label)| y[label]);
    of_label.map(|y| -f64::from(y).ln()).sum::<f64>() / data.len() as f64
}

/// Checks the gradient of every parameter of `layers`, followed by a softmax over the classes.
fn check(shape: Shape, layers: &[Layer]) {
    check_on(&dataset(shape, 7), layers, 1e-3);
}

fn check_on(data: &Dataset, layers: &[Layer], tolerance: f64) {
    let head = [Layer::Dense { units: CLASSES }, Layer::Activation(Activation::Softmax)];
    check_network(data, Network::chain(data.shape, &[layers, &head].concat()).unwrap(), tolerance);
}

fn check_network(data: &Dataset, network: Network, tolerance: f64) {
    let samples: Vec<usize> = (0..data.len()).collect();
    let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0 };
    let training = Training::new(1, samples.len(), optimizer);
    let seed = 3;
    let mut go_on = |_: &_| ControlFlow::Continue(());
    let after = train(&network, data, &samples, &training, seed, &mut go_on).unwrap();
    let mut model = Model::initialise(network, seed);
    let mut largest: f64 = 0.0;
    for node in 0..model.weights.len() {
        for index in 0..model.weights[node].as_ref().map_or(0, |w| w.kernel.len() + w.bias.len()) {
            let weight = *parameter(&mut model, node, index);
            let gradient = f64::from(weight - *parameter(&mut after.clone(), node, index));
            let mut loss_at = |weight: f32| {
                *parameter(&mut model, node, index) = weight;
                mean_loss(&model, data)
            };
            let (above, below) = (weight + STEP, weight - STEP);
            let losses = [loss_at(below), loss_at(weight), loss_at(above)];
            loss_at(weight);
            // Where a maximum changes hands within the step, the side without the kink is right.
            let quotients = [
                (losses[2] - losses[0]) / f64::from(above - below),
                (losses[2] - losses[1]) / f64::from(above - weight),
                (losses[1] - losses[0]) / f64::from(weight - below),
            ];
            assert!(
                quotients.iter().any(|quotient| (gradient - quotient).abs() < tolerance),
                "{} parameter {index}: gradient {gradient}, difference quotients {quotients:?}",
                model.network.nodes[node].name
            );
            largest = largest.max(gradient.abs());
        }
    }
    assert!(largest > 0.02, "a network without gradients shows nothing");
}

fn parameter(model: &mut Model, node: usize, index: usize) -> &mut f32 {
    let weights = model.weights[node].as_mut().unwrap();
    let kernel = weights.kernel.len();
    weights.kernel.get_mut(index).unwrap_or_else(|| &mut weights.bias[index - kernel])
}

fn conv2d(kernel: [usize; 2], stride: [usize; 2], padding: Padding) -> Layer {
    Layer::Conv2d { filters: 4, kernel, stride, dilation: [1, 1], padding }
}

const TANH: Layer = Layer::Activation(Activation::Tanh);

#[test]
fn dense_with_each_activation() {
    for activation in Activation::ALL {
        let dense = Layer::Dense { units: 5 };
        check(Shape::vector(6), &[dense, Layer::Activation(activation), dense, TANH]);
    }
}

#[test]
fn each_activation_before_the_last_softmax() {
    for activation in Activation::ALL {
        let mut layers = vec![Layer::Dense { units: 5 }, TANH, Layer::Dense { units: CLASSES }];
        layers.extend([activation, Activation::Softmax].map(Layer::Activation));
        let data = dataset(Shape::vector(6), 7);
        check_network(&data, Network::chain(data.shape, &layers).unwrap(), 1e-3);
    }
}

#[test]
fn activations_at_both_ends() {
    for activation in [Activation::Relu6, Activation::HardSwish] {
        let mut data = dataset(Shape::vector(6), 7);
        data.inputs.iter_mut().for_each(|x| *x *= 8.0);
        // Larger inputs bend the loss more within a step.
        check_on(&data, &[Layer::Dense { units: 5 }, Layer::Activation(activation)], 1e-2);
    }
}

#[test]
fn convolutions() {
    for padding in [Padding::Valid, Padding::Same] {
        for (kernel, stride, dilation) in [
            ([1, 1], [1, 1], [1, 1]),
            // Steps over pixels that no window sees.
            ([1, 2], [2, 3], [1, 1]),
            ([2, 1], [4, 2], [1, 1]),
            ([3, 2], [1, 1], [1, 1]),
            ([2, 3], [2, 1], [1, 1]),
            ([3, 3], [2, 2], [1, 1]),
            ([2, 3], [1, 1], [3, 2]),
            ([2, 2], [2, 2], [2, 1]),
        ] {
            // The second convolution needs the gradient of its input.
            let layers = [
                conv2d([2, 2], [1, 1], Padding::Same),
                TANH,
                Layer::Conv2d { filters: 4, kernel, stride, dilation, padding },
                TANH,
                Layer::Flatten,
            ];
            check(Shape::new(5, 6, 2), &layers);
        }
    }
}

#[test]
fn depthwise_convolutions() {
    for padding in [Padding::Valid, Padding::Same] {
        for (kernel, stride, dilation) in [
            ([1, 1], [1, 1], [1, 1]),
            ([1, 2], [2, 3], [1, 1]),
            ([2, 1], [4, 2], [1, 1]),
            ([3, 2], [1, 1], [1, 1]),
            ([3, 3], [2, 1], [1, 1]),
            ([2, 3], [1, 1], [3, 2]),
            ([2, 2], [2, 2], [2, 1]),
        ] {
            let depthwise = Layer::DepthwiseConv2d { kernel, stride, dilation, padding };
            let conv = conv2d([2, 2], [1, 1], Padding::Same);
            check(Shape::new(5, 6, 2), &[conv, TANH, depthwise, TANH, Layer::Flatten]);
        }
    }
}

#[test]
fn a_series_of_rows() {
    let conv = conv2d([3, 1], [1, 1], Padding::Valid);
    check(Shape::new(6, 3, 2), &[Layer::Series, conv, TANH, Layer::Flatten]);
}

#[test]
fn pooling_with_each_activation_and_overlap() {
    for activation in Activation::ALL {
        if activation == Activation::Softmax {
            continue;
        }
        for (window, stride) in [([2, 2], [2, 2]), ([3, 2], [1, 2]), ([1, 1], [1, 1])] {
            let layers = [
                conv2d([2, 2], [1, 1], Padding::Valid),
                Layer::Activation(activation),
                Layer::MaxPool2d { window, stride },
                Layer::Flatten,
            ];
            check(Shape::new(6, 5, 1), &layers);
        }
    }
}

#[test]
fn average_pooling_with_overlap_and_gaps() {
    let conv = conv2d([2, 2], [1, 1], Padding::Valid);
    for (window, stride) in [([2, 2], [2, 2]), ([3, 2], [1, 2]), ([1, 2], [2, 3])] {
        let pool = Layer::AveragePool2d { window, stride };
        check(Shape::new(6, 5, 1), &[conv, TANH, pool, TANH, Layer::Flatten]);
    }
    check(Shape::new(6, 5, 1), &[conv, TANH, Layer::GlobalAveragePool2d, TANH]);
}

#[test]
fn a_layer_without_weights_first() {
    let pool = Layer::MaxPool2d { window: [2, 1], stride: [2, 1] };
    check(Shape::new(4, 4, 1), &[TANH, pool, Layer::Flatten, Layer::Dense { units: 4 }, TANH]);
}

#[test]
fn activations_upon_each_other() {
    let dense = Layer::Dense { units: 4 };
    let sigmoid = Layer::Activation(Activation::Sigmoid);
    check(Shape::vector(5), &[dense, TANH, sigmoid, dense, TANH]);
}

/// Checks a network of these layers, each with the places of what it reads, from 1; 0 is the input.
/// Flatten, dense and softmax follow.
fn check_graph(shape: Shape, layers: &[(Layer, &[usize])]) {
    let source = |&place: &usize| match place {
        0 => Source::Input,
        place => Source::Node(place - 1),
    };
    let mut layers: Vec<(Layer, Vec<Source>)> =
        layers.iter().map(|(layer, of)| (*layer, of.iter().map(source).collect())).collect();
    let softmax = Layer::Activation(Activation::Softmax);
    for layer in [Layer::Flatten, Layer::Dense { units: CLASSES }, softmax] {
        layers.push((layer, vec![Source::Node(layers.len() - 1)]));
    }
    let network = Network::graph(shape, &layers).unwrap();
    check_network(&dataset(shape, 7), network, 1e-3);
}

#[test]
fn shortcuts() {
    let shape = Shape::new(4, 3, 2);
    let conv = |filters| Layer::Conv2d {
        filters,
        kernel: [2, 2],
        stride: [1, 1],
        dilation: [1, 1],
        padding: Padding::Same,
    };
    let depthwise = Layer::DepthwiseConv2d {
        kernel: [3, 1],
        stride: [1, 1],
        dilation: [1, 1],
        padding: Padding::Same,
    };
    let pool = Layer::MaxPool2d { window: [2, 2], stride: [1, 1] };
    let [relu, hard_swish] = [Activation::Relu, Activation::HardSwish].map(Layer::Activation);
    // Around two convolutions, with the activation behind the sum.
    check_graph(
        shape,
        &[(conv(3), &[0]), (TANH, &[1]), (conv(3), &[2]), (Layer::Add, &[3, 2]), (TANH, &[4])],
    );
    // From the network's input, and through a projection of it.
    check_graph(shape, &[(conv(2), &[0]), (TANH, &[1]), (Layer::Add, &[2, 0]), (relu, &[3])]);
    check_graph(shape, &[(conv(3), &[0]), (TANH, &[1]), (conv(3), &[0]), (Layer::Add, &[2, 3])]);
    // One shortcut around another, which begins at an activation that a max pooling reads, too.
    check_graph(
        shape,
        &[
            (conv(3), &[0]),
            (TANH, &[1]),
            (conv(3), &[2]),
            (depthwise, &[3]),
            (Layer::Add, &[4, 3]),
            (Layer::Add, &[5, 2]),
            (pool, &[2]),
            (pool, &[6]),
            (Layer::Add, &[7, 8]),
        ],
    );
    // Three readers of one activation: one would rather work in place, one is the sum of it with itself.
    check_graph(
        shape,
        &[
            (conv(3), &[0]),
            (hard_swish, &[1]),
            (TANH, &[2]),
            (Layer::Add, &[2, 2]),
            (Layer::Add, &[3, 4]),
            (relu, &[5]),
            (conv(2), &[6]),
        ],
    );
}
