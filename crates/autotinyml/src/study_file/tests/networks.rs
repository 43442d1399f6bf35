//! Layers, blocks and conditions of a study file's network.

use autotinyml_deploy::Boards;
use autotinyml_nn::{Activation, BATCH_NORM_EPSILON, Layer, Network, Node, Shape, Source};
use autotinyml_search::Setting;

use super::parse;
use crate::study_file::StudyFile;
use crate::study_file::section::SourceText;

/// A network with two hyperparameters of architecture.
const ARCHITECTURE: &str = r#"
input = [16, 4, 1]
classes = 3

[space]
depth = [1, 2]
units = { values = [8, 16], when = "$depth == 2" }
rate = { low = 0.1, high = 0.5 }
kernel = ["small", "wide"]

[[network]]
conv2d = { filters = 4, kernel = [3, 1], stride = [2, 1], padding = "same", activation = "relu" }
[[network]]
when = "$kernel in [small]"
max_pool2d = { window = [2, 1] }
[[network]]
dropout = { rate = "$rate" }
[[network]]
flatten = {}
[[network]]
when = "$depth != 1"
dense = { units = "$units", activation = "tanh" }
[[network]]
dense = { units = "classes", activation = "softmax" }
"#;

/// The network that a file makes of some settings, with the input and the classes that it names.
fn network(file: &StudyFile, settings: &[(&str, Setting)]) -> Network {
    let settings: Vec<(String, Setting)> =
        settings.iter().map(|(name, setting)| (name.to_string(), setting.clone())).collect();
    let configuration = file.space.configuration(&settings).unwrap();
    let (input, classes) = (file.input.unwrap(), file.classes.unwrap());
    file.template.network(&file.space, &configuration, input, classes).unwrap()
}

fn number(number: f64) -> Setting {
    Setting::Number(number)
}

fn text(text: &str) -> Setting {
    Setting::Text(text.into())
}

#[test]
fn conditions_drop_layers_and_parameters() {
    let file = parse(ARCHITECTURE);
    let deep = network(
        &file,
        &[
            ("depth", number(2.0)),
            ("units", number(16.0)),
            ("rate", number(0.25)),
            ("kernel", text("small")),
        ],
    );
    let names: Vec<&str> = deep.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "conv2d",
            "conv2d_relu",
            "max_pool2d",
            "dropout",
            "flatten",
            "dense_1",
            "dense_1_tanh",
            "dense_2",
            "dense_2_softmax"
        ]
    );
    assert_eq!(deep.nodes[0].output, Shape::new(8, 4, 4), "stride 2 down, same padding");
    assert_eq!(deep.nodes[5].output, Shape::vector(16));

    let shallow =
        network(&file, &[("depth", number(1.0)), ("rate", number(0.1)), ("kernel", text("wide"))]);
    assert_eq!(shallow.nodes.len(), 6, "neither pooling nor a hidden layer");
    assert_eq!(shallow.output(), Shape::vector(3));
}

/// Blocks that come and go, and hyperparameters that matter only then.
const BLOCKS: &str = r#"
input = [16, 4, 1]
classes = 3

[space]
depth = [0, 1, 2]
norm = ["yes", "no"]
pooling = ["max", "average"]
filters = [4, 8]
window = [2, 3]

[[network]]
conv2d = { filters = 4, kernel = 1 }
[[network]]
repeat = "$depth"
[[network.block]]
conv1d = { filters = "$filters", kernel = 3, padding = "same" }
[[network.block]]
when = "$norm == yes"
batch_norm = { activation = "relu" }
[[network]]
when = "$pooling == max"
max_pool2d = { window = ["$window", 1] }
[[network]]
repeat = 2
block = [{ dropout = { rate = 0.1 } }, { activation = { function = "relu" } }]
[[network]]
flatten = {}
[[network]]
dense = { units = "classes", activation = "softmax" }
"#;

#[test]
fn blocks_are_repeated_and_what_matters_only_in_them_is_conditional() {
    let file = parse(BLOCKS);
    assert!(file.template.chooses_a_class());
    // Depth 0 with either pooling, as filters and norm are only there with a depth: (1 + 2·2·2) times
    // two windows for max and one case for average.
    assert_eq!(file.space.size(), Some((1 + 2 * 2 * 2) * 3));
    let kinds = |settings: &[(&str, Setting)]| -> String {
        let network = network(&file, settings);
        let kinds: Vec<&str> = network.nodes.iter().map(|n| n.layer.kind()).collect();
        kinds.join(" ")
    };
    let pooled = [("pooling", text("max")), ("window", number(2.0))];
    let tail = "dropout activation dropout activation flatten dense activation";
    let shallow = [&[("depth", number(0.0))], &pooled[..]].concat();
    assert_eq!(kinds(&shallow), format!("conv2d max_pool2d {tail}"));
    let deep = [("depth", number(2.0)), ("norm", text("yes")), ("filters", number(8.0))];
    assert_eq!(
        kinds(&[&deep, &pooled[..]].concat()),
        format!(
            "conv2d series conv2d batch_norm activation conv2d batch_norm activation max_pool2d {tail}"
        )
    );
}

/// One line a node: its name, its output, and what it reads if that is not the node before it.
fn listing(network: &Network) -> String {
    let mut lines = vec![];
    let mut before = Source::Input;
    for (index, node) in network.nodes.iter().enumerate() {
        let name = |source: &Source| match *source {
            Source::Input => "input",
            Source::Node(index) => &network.nodes[index].name,
        };
        let sources: Vec<&str> = node.inputs.iter().map(name).collect();
        let reads = if node.inputs == [before] { String::new() } else { sources.join(" + ") };
        lines.push(format!("{} {} {reads}", node.name, node.output).trim_end().to_string());
        before = Source::Node(index);
    }
    lines.join("\n")
}

/// Blocks with shortcuts around them, each with an activation behind its sum.
const RESIDUAL: &str = r#"
input = [8, 8, 4]
classes = 3

[space]
depth = [0, 1, 2]
skip = ["yes", "no"]
projection = [1, 3]
expansion = [8, 16]

[[network]]
repeat = "$depth"
[[network.block]]
residual = "$skip"
block = [
    { conv2d = { filters = "$expansion", kernel = 3, padding = "same", activation = "relu" } },
    { residual = true, depthwise_conv2d = { kernel = 3, padding = "same" } },
    { conv2d = { filters = 4, kernel = 1 } },
]
[[network.block]]
activation = { function = "relu" }
[[network]]
residual = "$skip"
shortcut = [{ conv2d = { filters = 6, kernel = "$projection", stride = 2, padding = "same" } }]
block = [{ conv2d = { filters = 6, kernel = 3, stride = 2, padding = "same" } }]
[[network]]
residual = true
block = [{ when = "$skip == maybe", dropout = { rate = 0.5 } }]
[[network]]
flatten = {}
[[network]]
dense = { units = "classes", activation = "softmax" }
"#;

#[test]
fn what_a_block_reads_is_added_to_what_it_writes() {
    let three = RESIDUAL.replace(r#"["yes", "no"]"#, r#"["yes", "no", "maybe"]"#);
    let source = SourceText { name: "study.toml".into(), text: three };
    let refused = StudyFile::parse(&source, &Boards::default()).unwrap_err();
    assert!(format!("{refused:?}").contains("`$skip` can be maybe"), "{refused:?}");

    let file = parse(&RESIDUAL.replace("maybe", "no"));
    // The expansion matters with a depth, the projection with a shortcut.
    assert_eq!(file.space.size(), Some((1 + 2 * 2) * (2 + 1)));
    let deep = [("depth", number(2.0)), ("expansion", number(8.0))];
    let projection = ("projection", number(1.0));
    let with = network(&file, &[&deep[..], &[("skip", text("yes")), projection]].concat());
    insta::assert_snapshot!(listing(&with), @r"
    conv2d_1 8×8×8
    conv2d_1_relu 8×8×8
    depthwise_conv2d_1 8×8×8
    add_1 8×8×8 depthwise_conv2d_1 + conv2d_1_relu
    conv2d_2 8×8×4
    add_2 8×8×4 conv2d_2 + input
    add_2_relu 8×8×4
    conv2d_3 8×8×8
    conv2d_3_relu 8×8×8
    depthwise_conv2d_2 8×8×8
    add_3 8×8×8 depthwise_conv2d_2 + conv2d_3_relu
    conv2d_4 8×8×4
    add_4 8×8×4 conv2d_4 + add_2_relu
    add_4_relu 8×8×4
    conv2d_5 4×4×6
    conv2d_6 4×4×6 add_4_relu
    add_5 4×4×6 conv2d_5 + conv2d_6
    flatten 96
    dense 3
    dense_softmax 3
    ");
    let without = network(&file, &[&deep[..], &[("skip", text("no"))]].concat());
    insta::assert_snapshot!(listing(&without), @r"
    conv2d_1 8×8×8
    conv2d_1_relu 8×8×8
    depthwise_conv2d_1 8×8×8
    add_1 8×8×8 depthwise_conv2d_1 + conv2d_1_relu
    conv2d_2 8×8×4
    conv2d_2_relu 8×8×4
    conv2d_3 8×8×8
    conv2d_3_relu 8×8×8
    depthwise_conv2d_2 8×8×8
    add_2 8×8×8 depthwise_conv2d_2 + conv2d_3_relu
    conv2d_4 8×8×4
    conv2d_4_relu 8×8×4
    conv2d_5 4×4×6
    dropout 4×4×6
    add_3 4×4×6 dropout + conv2d_5
    flatten 96
    dense 3
    dense_softmax 3
    ");
}

#[test]
fn a_block_of_one_dimensional_layers_adds_series() {
    let file = parse(
        r#"
input = [16, 3, 1]
classes = 2
[[network]]
residual = true
block = [{ conv1d = { filters = 3, kernel = 3, padding = "same", activation = "relu" } }]
[[network]]
flatten = {}
[[network]]
dense = { units = "classes", activation = "softmax" }
"#,
    );
    insta::assert_snapshot!(listing(&network(&file, &[])), @r"
    series 16×1×3
    conv2d 16×1×3
    conv2d_relu 16×1×3
    add 16×1×3 conv2d_relu + series
    flatten 48
    dense 2
    dense_softmax 2
    ");
}

#[test]
fn blocks_within_blocks_have_an_end() {
    let mut block = "{ conv2d = { filters = 2, kernel = 1 } }".to_string();
    for _ in 0..8 {
        block = format!("{{ repeat = 64, residual = true, block = [{block}] }}");
    }
    let text = |block: &str| {
        let head = "[[network]]\nflatten = {}\n";
        format!("input = [4, 4, 1]\nclasses = 2\n[[network]]\nblock = [{block}]\n{head}")
    };
    let source = SourceText { name: "folder/study.toml".into(), text: text(&block) };
    let error = StudyFile::parse(&source, &Boards::default()).err().unwrap().to_string();
    assert!(error.contains("567417810194497 layers, expected at most 4096"), "{error}");
    // Nor do blocks that come to nothing take long.
    let innermost = "repeat = 64, residual = true, block = [{ c";
    let nothing = parse(&text(&block.replace(innermost, "repeat = 0, block = [{ c")));
    assert_eq!(network(&nothing, &[]).nodes.len(), 1);
}

#[test]
fn one_dimensional_layers_read_rows_as_steps() {
    let file = parse(
        r#"
input = [90, 3, 1]
classes = 2
[[network]]
conv1d = { filters = 4, kernel = 5, stride = 2, dilation = 3, activation = "relu" }
[[network]]
batch_norm = { momentum = 0.9 }
[[network]]
depthwise_conv1d = { kernel = 3, padding = "same" }
[[network]]
max_pool1d = { window = 2 }
[[network]]
average_pool1d = { window = 3, stride = 1 }
[[network]]
global_average_pool2d = {}
[[network]]
dense = { units = "classes", activation = "softmax" }
"#,
    );
    let network = network(&file, &[]);
    let line = |node: &Node| format!("{} {}", node.name, node.output);
    let lines: Vec<String> = network.nodes.iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    series 90×1×3
    conv2d 39×1×4
    conv2d_relu 39×1×4
    batch_norm 39×1×4
    depthwise_conv2d 39×1×4
    max_pool2d 19×1×4
    average_pool2d 17×1×4
    global_average_pool2d 4
    dense 2
    dense_softmax 2
    ");
    assert_eq!(
        network.nodes[3].layer,
        Layer::BatchNorm { momentum: 0.9, epsilon: BATCH_NORM_EPSILON }
    );
}

#[test]
fn a_slope_is_searched_where_the_activation_is_leaky() {
    let file = parse(
        r#"
input = [4, 4, 1]
classes = 2
[space]
activation = ["relu", "leaky_relu"]
slope = { low = 0.0, high = 0.5, when = "$activation == leaky_relu" }
[[network]]
conv2d = { filters = 2, kernel = 3, activation = "$activation", negative_slope = "$slope" }
[[network]]
activation = { function = "leaky_relu" }
[[network]]
flatten = {}
[[network]]
dense = { units = "classes", activation = "softmax" }
"#,
    );
    let activations = |settings: &[(&str, Setting)]| -> Vec<Layer> {
        network(&file, settings).nodes[1..3].iter().map(|node| node.layer).collect()
    };
    let leaky = |negative_slope| Layer::Activation(Activation::LeakyRelu { negative_slope });
    let given = [("activation", text("leaky_relu")), ("slope", number(0.125))];
    assert_eq!(activations(&given), [leaky(0.125), leaky(0.3)]);
    let relu = [("activation", text("relu"))];
    assert_eq!(activations(&relu), [Layer::Activation(Activation::Relu), leaky(0.3)]);
}

#[test]
fn a_baseline_may_set_what_changes_nothing_beside_its_other_settings() {
    let baseline = |settings: &str| {
        let text = format!("{BLOCKS}\n[baseline]\npooling = \"average\"\n{settings}");
        let (configuration, _) = parse(&text).baseline.unwrap();
        configuration
    };
    let shortest = baseline("depth = 0");
    assert_eq!(baseline("depth = 0\nnorm = \"yes\"\nfilters = 8\nwindow = 3"), shortest);
    assert_ne!(baseline("depth = 1\nnorm = \"yes\"\nfilters = 8"), shortest);
}
