//! What the tests that run C programs share.

use autotinyml_deploy::{Compression, Project, Tools, compress, write_project};
use autotinyml_nn::{Activation, Layer, Model, Moving, Network, Padding, Shape, Source};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tempfile::TempDir;

/// The tools of this machine if they include those that `need` names. CI has them all; elsewhere a
/// test that lacks one says so and ends.
pub fn tools(need: impl Fn(&Tools) -> bool) -> Option<Tools> {
    let tools = Tools::find();
    if need(&tools) {
        return Some(tools);
    }
    let missing: Vec<String> = tools.missing().iter().map(|tool| tool.install_hint()).collect();
    let missing = missing.join("; ");
    assert!(std::env::var_os("CI").is_none(), "CI must have every tool: {missing}");
    eprintln!("not tested for want of a tool: {missing}");
    None
}

/// A model with random biases too: fresh models have none.
pub fn model(input: Shape, layers: &[Layer], seed: u64) -> Model {
    with_weights(Network::chain(input, layers).unwrap(), seed)
}

pub fn with_weights(network: Network, seed: u64) -> Model {
    let mut model = Model::initialise(network, seed);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    for weights in model.weights.iter_mut().flatten() {
        weights.bias.iter_mut().for_each(|x| *x = random.random_range(-0.5..0.5));
        if let Some(Moving { mean, variance }) = &mut weights.moving {
            mean.iter_mut().for_each(|x| *x = random.random_range(-0.5..0.5));
            variance.iter_mut().for_each(|x| *x = random.random_range(0.5..2.0));
        }
    }
    model
}

pub fn inputs(network: &Network, samples: usize, seed: u64) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..samples * network.input.len()).map(|_| random.random_range(-2.0..2.0)).collect()
}

/// The compressed model's firmware in a folder of its own.
pub fn project(model: &Model, compression: Compression) -> (Model, TempDir) {
    let compressed = compress(model, compression);
    let folder = TempDir::new().unwrap();
    let example = inputs(&model.network, 1, 1);
    write_project(&Project::new(&compressed, &example).unwrap(), folder.path()).unwrap();
    (compressed.decompressed(), folder)
}

pub fn lengths(network: &Network) -> [usize; 2] {
    [network.input.len(), network.output().len()]
}

/// Where outputs differ by more than `tolerance`, relative to outputs larger than 1.
pub fn assert_near(outputs: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(outputs.len(), expected.len(), "{what}");
    for (index, (output, expected)) in outputs.iter().zip(expected).enumerate() {
        let near = (output - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(near, "{what}: output {index} is {output}, expected {expected}");
    }
}

/// Experiment 1's baseline of the talk, with 6 classes.
pub fn baseline() -> Model {
    experiment_1(128)
}

/// The same with as many filters and units as `size`.
pub fn experiment_1(size: usize) -> Model {
    let network = experiment_1_with([size; 2], [2, 2], [Activation::Relu; 2], 6);
    with_weights(network, 5)
}

/// A network of experiment 1's space: filters and units, kernel and pool, activations of convolution and
/// dense layers.
pub fn experiment_1_with(
    [filters, units]: [usize; 2],
    [kernel, pool]: [usize; 2],
    activations: [Activation; 2],
    classes: usize,
) -> Network {
    let [conv, dense] = activations.map(Layer::Activation);
    let layers = [
        Layer::Conv2d {
            filters,
            kernel: [kernel; 2],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Valid,
        },
        conv,
        Layer::MaxPool2d { window: [pool; 2], stride: [pool; 2] },
        Layer::Dropout { rate: 0.2 },
        Layer::Flatten,
        Layer::Dense { units },
        dense,
        Layer::Dense { units },
        dense,
        Layer::Dense { units: classes },
        Layer::Activation(Activation::Softmax),
    ];
    Network::chain(Shape::new(90, 3, 1), &layers).unwrap()
}

/// Any layers on any map, shortcuts around some of them, small enough to compile and run dozens.
pub fn any_model(seed: u64) -> Model {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut size = |range: std::ops::RangeInclusive<usize>| random.random_range(range);
    let input = Shape::new(size(1..=14), size(1..=14), size(1..=6));
    let mut layers: Vec<(Layer, Vec<Source>)> = vec![];
    let mut branches = vec![(Source::Input, input)];
    for _ in 0..size(0..=6) {
        let before = layers.len();
        let [window, stride] = [[size(1..=4), size(1..=4)], [size(1..=3), size(1..=3)]];
        // Most layers keep the map's size, so that shortcuts have something to lead around.
        let [stride, dilation] = if size(0..=2) > 0 { [[1, 1]; 2] } else { [stride, [2, 1]] };
        let padding = if size(0..=2) > 0 { Padding::Same } else { Padding::Valid };
        let layer = match size(0..=7) {
            4 => Layer::BatchNorm { momentum: 0.99, epsilon: 1e-3 },
            0 => Layer::MaxPool2d { window, stride },
            1 => Layer::Dropout { rate: 0.5 },
            2 => Layer::AveragePool2d { window, stride },
            3 => Layer::DepthwiseConv2d { kernel: window, stride, dilation, padding },
            _ => Layer::Conv2d { filters: size(1..=11), kernel: window, stride, dilation, padding },
        };
        layers.push((layer, vec![last(&layers)]));
        if let Some(activation) = any_activation(size(0..=9)) {
            layers.push((activation, vec![last(&layers)]));
        }
        let Some(shape) = output(input, &layers) else {
            layers.truncate(before);
            continue;
        };
        if let (0, Some((mut source, joined))) = (size(0..=1), branches.pop()) {
            let before = layers.len();
            let body = last(&layers);
            if joined != shape {
                let stride = [joined.height, joined.width];
                let stride = [stride[0].div_ceil(shape.height), stride[1].div_ceil(shape.width)];
                let (filters, kernel, dilation) = (shape.channels, [1, 1], [1, 1]);
                let padding = Padding::Same;
                let projection = Layer::Conv2d { filters, kernel, stride, dilation, padding };
                layers.push((projection, vec![source]));
                source = last(&layers);
            }
            layers.push((Layer::Add, vec![body, source]));
            if let Some(activation) = any_activation(size(0..=9)) {
                layers.push((activation, vec![last(&layers)]));
            }
            if output(input, &layers).is_none() {
                layers.truncate(before);
            }
        }
        if size(0..=2) > 0 {
            branches.extend(output(input, &layers).map(|shape| (last(&layers), shape)));
        }
    }
    let pooling = if size(0..=3) == 0 { Layer::GlobalAveragePool2d } else { Layer::Flatten };
    let mut head = vec![pooling];
    for _ in 0..size(0..=2) {
        head.push(Layer::Dense { units: size(1..=40) });
        head.extend(any_activation(size(0..=9)));
    }
    if size(0..=3) > 0 {
        head.push(Layer::Dense { units: size(1..=12) });
        head.push(Layer::Activation(Activation::Softmax));
    }
    for layer in head {
        layers.push((layer, vec![last(&layers)]));
    }
    with_weights(Network::graph(input, &layers).unwrap(), seed)
}

/// Layers on maps, one behind the other, mostly of some size, and then a dense layer, the mean of each channel
/// or none.
pub fn any_chain(seed: u64) -> Model {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut size = |range: std::ops::RangeInclusive<usize>| random.random_range(range);
    // Every third is a series: its rows are single pixels.
    let width = if seed.is_multiple_of(3) { 1 } else { size(2..=20) };
    let input = Shape::new(size(24..=60), width, size(1..=4));
    let mut layers = vec![];
    for _ in 0..size(3..=6) {
        let before = layers.len();
        let window = [size(1..=4), size(1..=4).min(width)];
        let stride = if size(0..=3) > 0 { [1, 1] } else { [size(1..=3), size(1..=3)] };
        let dilation = if size(0..=4) > 0 { [1, 1] } else { [size(1..=3), size(1..=2)] };
        let padding = if size(0..=1) > 0 { Padding::Same } else { Padding::Valid };
        if size(0..=5) == 0 {
            // What most networks have.
            let (filters, pool) = (4 * size(1..=3), [2, width.min(2)]);
            layers.push(Layer::Conv2d { filters, kernel: window, stride, dilation, padding });
            layers.extend(any_activation(size(0..=9)));
            layers.push(Layer::MaxPool2d { window: pool, stride: pool });
            if Network::chain(input, &layers).is_err() {
                layers.truncate(before);
            }
            continue;
        }
        layers.push(match size(0..=7) {
            0 => Layer::MaxPool2d { window: [2, window[1]], stride: [2, window[1]] },
            1 => Layer::MaxPool2d { window, stride },
            2 => Layer::AveragePool2d { window, stride },
            3 => Layer::DepthwiseConv2d { kernel: window, stride, dilation, padding },
            _ => Layer::Conv2d { filters: size(3..=13), kernel: window, stride, dilation, padding },
        });
        layers.extend(any_activation(size(0..=9)));
        if Network::chain(input, &layers).is_err() {
            layers.truncate(before);
        }
    }
    match size(0..=5) {
        0 => {}
        1 => layers.push(Layer::GlobalAveragePool2d),
        2 => layers.extend([Layer::GlobalAveragePool2d, Layer::Dense { units: size(1..=20) }]),
        _ => layers.extend([Layer::Flatten, Layer::Dense { units: size(1..=20) }]),
    }
    model(input, &layers, seed)
}

/// Of all numbers of inputs and outputs by the sixteen.
pub fn any_rectified(seed: u64) -> Model {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut size = |range: std::ops::RangeInclusive<usize>| random.random_range(range);
    let channels = size(1..=24);
    let first = (1_usize << 15).div_ceil(104 * channels).div_ceil(16) + size(0..=4);
    rectified(channels, [first.max(2) * 16, size(1..=12) * 16], seed)
}

/// Experiment 2's baseline of the talk: the Keras example for CIFAR-10, with 4 classes.
pub fn experiment_2() -> Model {
    let relu = Layer::Activation(Activation::Relu);
    let block = |filters| {
        let conv = |padding| Layer::Conv2d {
            filters,
            kernel: [3, 3],
            stride: [1, 1],
            dilation: [1, 1],
            padding,
        };
        let pool = Layer::MaxPool2d { window: [2, 2], stride: [2, 2] };
        [conv(Padding::Same), relu, conv(Padding::Valid), relu, pool, Layer::Dropout { rate: 0.25 }]
    };
    let head = [
        Layer::Flatten,
        Layer::Dense { units: 512 },
        relu,
        Layer::Dropout { rate: 0.5 },
        Layer::Dense { units: 4 },
        Layer::Activation(Activation::Softmax),
    ];
    model(Shape::new(32, 32, 3), &[&block(32)[..], &block(64), &head].concat(), 6)
}

/// Convolutions below pooling over 2 × 2 with an odd number of values in a row of a window, and dense layers,
/// the first so large that 4-bit indices are looked up by twos: 637 inputs, outputs in groups of sixteen, eight
/// and one.
pub fn pooled(seed: u64) -> Model {
    let conv = |filters, kernel, stride, dilation| {
        let padding = Padding::Valid;
        Layer::Conv2d { filters, kernel, stride, dilation, padding }
    };
    let relu = Layer::Activation(Activation::Relu);
    let pool = Layer::MaxPool2d { window: [2, 2], stride: [2, 2] };
    let layers = [
        conv(4, [3, 1], [1, 1], [2, 1]),
        relu,
        pool,
        conv(12, [2, 3], [1, 2], [1, 1]),
        Layer::Activation(Activation::Tanh),
        pool,
        conv(7, [1, 1], [1, 1], [1, 1]),
        Layer::Flatten,
        Layer::Dense { units: 219 },
        relu,
        Layer::Dense { units: 13 },
    ];
    model(Shape::new(60, 64, 1), &layers, seed)
}

/// Dense layers that pass over the zeros of a ReLU: 13 x 8 pixels of `channels` values come in parts, and
/// then what the first dense layer writes, as a whole.
pub fn rectified(channels: usize, units: [usize; 2], seed: u64) -> Model {
    let (kernel, stride, dilation) = ([3, 2], [1, 1], [1, 1]);
    let (filters, padding) = (channels, Padding::Valid);
    let layers = [
        Layer::Conv2d { filters, kernel, stride, dilation, padding },
        Layer::Activation(Activation::Relu),
        Layer::MaxPool2d { window: [2, 2], stride: [2, 2] },
        Layer::Flatten,
        Layer::Dense { units: units[0] },
        Layer::Activation(Activation::Relu6),
        Layer::Dense { units: units[1] },
        Layer::Activation(Activation::Relu),
        Layer::Dense { units: 5 },
    ];
    model(Shape::new(28, 17, 2), &layers, seed)
}

/// Convolutions of all kinds: with and without pooling and gaps, depthwise; three filters left over from a group;
/// odd numbers of weights. All kernels become smaller by sharing.
pub fn convolutions(seed: u64) -> Model {
    let conv = |filters, dilation, padding| {
        let kernel = [3, 3];
        Layer::Conv2d { filters, kernel, stride: [1, 1], dilation, padding }
    };
    let (kernel, stride, dilation) = ([3, 3], [1, 1], [1, 1]);
    let layers = [
        conv(39, [1, 1], Padding::Same),
        Layer::Activation(Activation::Relu),
        Layer::DepthwiseConv2d { kernel, stride, dilation, padding: Padding::Same },
        conv(7, [1, 1], Padding::Same),
        Layer::MaxPool2d { window: [2, 2], stride: [2, 2] },
        conv(7, [1, 2], Padding::Same),
        conv(7, [1, 1], Padding::Valid),
        Layer::Flatten,
        Layer::Dense { units: 19 },
    ];
    model(Shape::new(9, 14, 3), &layers, seed)
}

fn last(layers: &[(Layer, Vec<Source>)]) -> Source {
    layers.len().checked_sub(1).map_or(Source::Input, Source::Node)
}

/// Shape that these layers write, if they can be put together.
fn output(input: Shape, layers: &[(Layer, Vec<Source>)]) -> Option<Shape> {
    Network::graph(input, layers).ok().map(|network| network.output())
}

fn any_activation(choice: usize) -> Option<Layer> {
    let activations = Activation::ALL.into_iter().filter(|a| *a != Activation::Softmax);
    activations.map(Layer::Activation).nth(choice)
}
