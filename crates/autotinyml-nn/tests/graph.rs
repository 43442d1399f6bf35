//! Networks off the chain: how they are put together, named and saved, and what is refused.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use autotinyml_nn::{Activation, BuildError, Layer, Model, Network, Padding, Shape, Source};

const SHAPE: Shape = Shape::new(4, 4, 2);
const RELU: Layer = Layer::Activation(Activation::Relu);

fn conv(filters: usize, stride: usize) -> Layer {
    let (kernel, stride) = ([1, 1], [stride; 2]);
    Layer::Conv2d { filters, kernel, stride, dilation: [1, 1], padding: Padding::Same }
}

fn node(index: usize) -> Source {
    Source::Node(index)
}

/// A shortcut around a convolution, and one from the input through another.
fn residual() -> Network {
    let layers = [
        (conv(3, 1), vec![Source::Input]),
        (RELU, vec![node(0)]),
        (conv(3, 1), vec![node(1)]),
        (RELU, vec![node(1)]),
        (Layer::Add, vec![node(2), node(3)]),
        (conv(3, 1), vec![Source::Input]),
        (Layer::Add, vec![node(4), node(5)]),
        (RELU, vec![node(6)]),
    ];
    Network::graph(SHAPE, &layers).unwrap()
}

#[test]
fn activations_have_the_name_of_what_they_read() {
    let network = residual();
    let names: Vec<&str> = network.nodes.iter().map(|node| node.name.as_str()).collect();
    let expected = [
        "conv2d_1",
        "conv2d_1_relu",
        "conv2d_2",
        "conv2d_1_relu_2",
        "add_1",
        "conv2d_3",
        "add_2",
        "add_2_relu",
    ];
    assert_eq!(names, expected);
    assert_eq!(network.readers(), [1, 2, 1, 1, 1, 1, 1, 0]);
}

#[test]
fn layers_that_cannot_be_put_together_are_refused() {
    let error =
        |layers: &[(Layer, Vec<Source>)]| Network::graph(SHAPE, layers).unwrap_err().to_string();
    let first = (conv(3, 2), vec![Source::Input]);
    insta::assert_snapshot!(
        error(&[first.clone(), (Layer::Add, vec![node(0), Source::Input])]),
        @r#"add would add 4×4×2 to 2×2×3, but only equal shapes add up: "same" padding keeps rows and columns, and a convolution with a 1×1 kernel brings a shortcut to other filters or strides"#
    );
    insta::assert_snapshot!(
        error(&[first.clone(), (Layer::Add, vec![node(0)])]),
        @"add reads 1 inputs, expected 2"
    );
    insta::assert_snapshot!(
        error(&[first.clone(), (RELU, vec![node(0), node(0)])]),
        @"conv2d_relu reads 2 inputs, expected 1"
    );
    insta::assert_snapshot!(
        error(&[first.clone(), (Layer::Add, vec![node(0), node(1)])]),
        @"add reads node 1, which does not come before it"
    );
    insta::assert_snapshot!(
        error(&[first.clone(), (RELU, vec![Source::Input])]),
        @"no layer reads what conv2d writes, and it is not the last one"
    );
    let many = vec![RELU; autotinyml_nn::NODES_MAX + 1];
    assert_eq!(Network::chain(SHAPE, &many), Err(BuildError::TooManyLayers));
}

#[test]
fn inputs_that_no_network_reads_are_refused() {
    let large = 1 << 62;
    for input in [Shape::new(large, large, 16), Shape::new(large, 4, 1), Shape::new(3, 0, 2)] {
        let layers = [Layer::Flatten, Layer::Dense { units: 2 }];
        assert_eq!(Network::chain(input, &layers), Err(BuildError::Input { input }));
    }
}

#[test]
fn zeros_around_a_map_are_limited() {
    let (kernel, stride, dilation, padding) = ([3, 3], [1, 1], [65_536, 65_536], Padding::Same);
    let conv = Layer::Conv2d { filters: 1, kernel, stride, dilation, padding };
    let depthwise = Layer::DepthwiseConv2d { kernel, stride, dilation, padding };
    for layer in [conv, depthwise] {
        let error = Network::chain(Shape::new(4, 4, 1), &[layer]).unwrap_err();
        assert!(matches!(error, BuildError::TooLarge { .. }), "{error}");
    }
}

/// As many of one owner as there may be: each has its number at once.
#[test]
fn thousands_of_activations_are_named_at_once() {
    let start = Instant::now();
    let network = Network::chain(SHAPE, &vec![RELU; autotinyml_nn::NODES_MAX]).unwrap();
    let names: Vec<&str> = network.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names[..2], ["input_relu", "input_relu_2"]);
    assert_eq!(names.last(), Some(&"input_relu_4096"));
    // It is milliseconds; to look through all names for each would take minutes.
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_saved_model_keeps_its_shortcuts() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::initialise(residual(), 3);
    model.save(folder.path()).unwrap();
    assert_eq!(Model::load(folder.path()).unwrap(), model);
    // Reads a node that is not there, and one behind it.
    for index in [2, 99] {
        change(folder.path(), |text| text.replacen("0\n", &format!("{index}\n"), 1));
        let error = Model::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("do not follow from the input and the layers"), "{error}");
        model.save(folder.path()).unwrap();
    }
}

/// Networks were chains once, whose first node was said to read nothing.
#[test]
fn networks_saved_before_there_were_shortcuts_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::initialise(Network::chain(SHAPE, &[conv(3, 1), RELU]).unwrap(), 3);
    model.save(folder.path()).unwrap();
    change(folder.path(), |text| {
        let (start, rest) = text.split_once("\"inputs\": [").unwrap();
        let (input, rest) = rest.split_once(']').unwrap();
        assert_eq!(input.trim(), "null");
        format!("{start}\"inputs\": []{}", rest)
    });
    assert_eq!(Model::load(folder.path()).unwrap(), model);
}

/// Changes the text of a saved network, which must not stay as it was.
fn change(folder: &Path, to: impl Fn(&str) -> String) {
    let file = folder.join("network.json");
    let text = fs::read_to_string(&file).unwrap();
    let changed = to(&text);
    assert_ne!(changed, text);
    fs::write(file, changed).unwrap();
}
