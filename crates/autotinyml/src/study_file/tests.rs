//! What a study file means, beyond what its complaints show (`tests/program/complaints.rs`).

use autotinyml_deploy::{Boards, Compression};
use autotinyml_nn::{Activation, BATCH_NORM_EPSILON, Layer, Network, Node, Shape, Source, SplitBy};
use autotinyml_search::{Bayes, SearcherOptions, Setting, Surrogate, SvmCbo, Variant};

use super::section::SourceText;
use super::{Check, Reader, Study, StudyFile, TestPart};
use crate::data::csv::{Column, Columns, Time};

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

fn parse(text: &str) -> StudyFile {
    let source = SourceText { name: "folder/study.toml".into(), text: text.into() };
    StudyFile::parse(&source, &Boards::default()).unwrap_or_else(|error| panic!("{error:?}"))
}

fn network(settings: &[(&str, Setting)]) -> Network {
    let file = parse(ARCHITECTURE);
    let settings: Vec<(String, Setting)> =
        settings.iter().map(|(name, setting)| (name.to_string(), setting.clone())).collect();
    let configuration = file.space.configuration(&settings).unwrap();
    file.template.network(&file.space, &configuration, Shape::new(16, 4, 1), 3).unwrap()
}

#[test]
fn conditions_drop_layers_and_parameters() {
    let text = |text: &str| Setting::Text(text.into());
    let deep = network(&[
        ("depth", Setting::Number(2.0)),
        ("units", Setting::Number(16.0)),
        ("rate", Setting::Number(0.25)),
        ("kernel", text("small")),
    ]);
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

    let shallow = network(&[
        ("depth", Setting::Number(1.0)),
        ("rate", Setting::Number(0.1)),
        ("kernel", text("wide")),
    ]);
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
        let settings: Vec<(String, Setting)> =
            settings.iter().map(|(name, setting)| (name.to_string(), setting.clone())).collect();
        let configuration = file.space.configuration(&settings).unwrap();
        let network = file.template.network(&file.space, &configuration, Shape::new(16, 4, 1), 3);
        let kinds: Vec<&str> = network.unwrap().nodes.iter().map(|n| n.layer.kind()).collect();
        kinds.join(" ")
    };
    let [number, text] = [Setting::Number(2.0), Setting::Text("yes".into())];
    let pooled = [("pooling", Setting::Text("max".into())), ("window", number.clone())];
    let tail = "dropout activation dropout activation flatten dense activation";
    let shallow = [&[("depth", Setting::Number(0.0))], &pooled[..]].concat();
    assert_eq!(kinds(&shallow), format!("conv2d max_pool2d {tail}"));
    let deep = [("depth", number), ("norm", text), ("filters", Setting::Number(8.0))];
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
    let text = RESIDUAL.replace(r#"["yes", "no"]"#, r#"["yes", "no", "maybe"]"#);
    let source = SourceText { name: "study.toml".into(), text };
    let refused = StudyFile::parse(&source, &Boards::default()).unwrap_err();
    assert!(format!("{refused:?}").contains("`$skip` can be maybe"), "{refused:?}");

    let file = parse(&RESIDUAL.replace("maybe", "no"));
    // The expansion matters with a depth, the projection with a shortcut.
    assert_eq!(file.space.size(), Some((1 + 2 * 2) * (2 + 1)));
    let network = |settings: &[(&str, Setting)]| {
        let settings: Vec<(String, Setting)> =
            settings.iter().map(|(name, setting)| (name.to_string(), setting.clone())).collect();
        let configuration = file.space.configuration(&settings).unwrap();
        file.template.network(&file.space, &configuration, Shape::new(8, 8, 4), 3).unwrap()
    };
    let [yes, no] = ["yes", "no"].map(|text| Setting::Text(text.into()));
    let deep = [("depth", Setting::Number(2.0)), ("expansion", Setting::Number(8.0))];
    let projection = ("projection", Setting::Number(1.0));
    let with = network(&[&deep[..], &[("skip", yes), projection]].concat());
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
    let without = network(&[&deep[..], &[("skip", no)]].concat());
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
    let configuration = file.space.configuration(&[]).unwrap();
    let network = file.template.network(&file.space, &configuration, Shape::new(16, 3, 1), 2);
    insta::assert_snapshot!(listing(&network.unwrap()), @r"
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
    let network = |block: &str| {
        let file = parse(&text(block));
        let configuration = file.space.configuration(&[]).unwrap();
        file.template.network(&file.space, &configuration, Shape::new(4, 4, 1), 2)
    };
    let source = SourceText { name: "folder/study.toml".into(), text: text(&block) };
    let error = StudyFile::parse(&source, &Boards::default()).err().unwrap().to_string();
    assert!(error.contains("567417810194497 layers, expected at most 4096"), "{error}");
    // Nor do blocks that come to nothing take long.
    assert_eq!(
        network(
            &block
                .replace("repeat = 64, residual = true, block = [{ c", "repeat = 0, block = [{ c")
        )
        .unwrap()
        .nodes
        .len(),
        1
    );
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
    let configuration = file.space.configuration(&[]).unwrap();
    let network =
        file.template.network(&file.space, &configuration, Shape::new(90, 3, 1), 2).unwrap();
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
        let settings: Vec<(String, Setting)> =
            settings.iter().map(|(name, setting)| (name.to_string(), setting.clone())).collect();
        let configuration = file.space.configuration(&settings).unwrap();
        let network = file.template.network(&file.space, &configuration, Shape::new(4, 4, 1), 2);
        network.unwrap().nodes[1..3].iter().map(|node| node.layer).collect()
    };
    let leaky = |negative_slope| Layer::Activation(Activation::LeakyRelu { negative_slope });
    let text = |text: &str| Setting::Text(text.into());
    let given = [("activation", text("leaky_relu")), ("slope", Setting::Number(0.125))];
    assert_eq!(activations(&given), [leaky(0.125), leaky(0.3)]);
    let relu = [("activation", text("relu"))];
    assert_eq!(activations(&relu), [Layer::Activation(Activation::Relu), leaky(0.3)]);
}

#[test]
fn what_is_left_out_has_a_default() {
    let study = parse(
        r#"
[data]
reader = "csv-windows"
path = "walks"
window = 90
[space]
units = [8, 16]
[[network]]
flatten = {}
[[network]]
dense = { units = "$units" }
[[network]]
dense = { units = "classes", activation = "softmax" }
[training]
epochs = 10
batch = 10
optimizer = "adam"
[deploy]
board = "stm32f303k8"
limits = { ram_kb = 16, rom_kb = 0.5 }
[search]
"#,
    )
    .into_study()
    .unwrap();
    assert_eq!(study.name, "study", "the file's stem");
    let Reader::CsvWindows { path, window: 90, step: 90, columns } = &study.data.reader else {
        panic!("{:?}", study.data.reader)
    };
    let plain = Columns { label: None, group: None, time: Time::First, channels: None };
    assert_eq!(*columns, plain);
    assert_eq!(path.to_str(), Some("folder/walks"), "from the file's own folder");
    assert_eq!((study.data.split.test, study.data.split.k_fold), (TestPart::Share(0.2), 3));
    assert_eq!(study.data.split.by, SplitBy::Stratified);
    assert_eq!(study.deploy.compression, Compression::X1);
    assert_eq!(study.deploy.check, Check::BeforeTraining);
    assert_eq!(study.deploy.limits.ram_bytes, Some(16_000), "KB are 1000 bytes");
    assert_eq!(study.deploy.limits.rom_bytes, Some(500));
    assert_eq!(study.deploy.limits.cross_accuracy, None);
    assert_eq!(study.search.searcher, "svm-cbo");
    assert_eq!((study.search.trials, study.search.seed, study.search.parallel), (100, 0, 4));
}

#[test]
fn columns_of_csv_files_have_titles_or_numbers() {
    let text = r#"
[data]
reader = "csv-windows"
path = "walks.csv"
window = 90
label = "activity"
group = 2
time = false
channels = ["x", 4]
split = { test = ["ada", "bo"], by = "group" }
[[network]]
flatten = {}
"#;
    let data = parse(text).data.unwrap();
    let Reader::CsvWindows { columns, .. } = &data.reader else { panic!("{:?}", data.reader) };
    let expected = Columns {
        label: Some(Column::Title("activity".into())),
        group: Some(Column::Number(2)),
        time: Time::None,
        channels: Some(vec![Column::Title("x".into()), Column::Number(4)]),
    };
    assert_eq!(*columns, expected);
    assert_eq!(data.split.test, TestPart::Groups(vec!["ada".into(), "bo".into()]));
    assert_eq!(data.split.by, SplitBy::Group);
    let timed = parse(&text.replace("false", "\"t\"")).data.unwrap();
    let Reader::CsvWindows { columns, .. } = timed.reader else { panic!("{:?}", timed.reader) };
    assert_eq!(columns.time, Time::Column(Column::Title("t".into())));
}

#[test]
fn settings_of_searchers_are_read() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/quickstart.toml"
    ));
    let keys = "initial = 7\nbeta = 0.5\nsurrogate = \"forest\"\nvariant = \"published\"\n";
    let text = text.unwrap().replace("[search]\n", &format!("[search]\n{keys}"));
    let study = parse(&text).into_study().unwrap();
    let SearcherOptions { svm_cbo, bayes, .. } = study.search.options;
    assert_eq!(bayes, Bayes { initial_trials: Some(7), beta: 0.5 });
    let expected = SvmCbo {
        initial_trials: Some(7),
        beta: 0.5,
        surrogate: Surrogate::Forest,
        variant: Variant::Published,
        ..SvmCbo::default()
    };
    assert_eq!(svm_cbo, expected);
}

#[test]
fn the_examples_are_the_talks_spaces() {
    for (name, size, rom) in [("walking-tiny", 34_560, 60_000), ("walking-big", 24_000, 1_990_000)]
    {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/");
        let text = std::fs::read_to_string(format!("{folder}{name}.toml")).unwrap();
        let study = parse(&text).into_study().unwrap();
        assert_eq!(study.space.size(), Some(size), "{name}");
        assert_eq!(study.deploy.limits.rom_bytes, Some(rom), "{name}");
        assert!(study.baseline.is_some());
    }
}

#[test]
fn every_network_of_the_residual_example_can_be_built() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/residual.toml");
    let text = std::fs::read_to_string(path).unwrap();
    // The learning rate has no say in the network.
    let range = "{ low = 1e-3, high = 1e-1, log = true }";
    let study = parse(&text.replace(range, "[1e-2]")).into_study().unwrap();
    let mut sums = vec![];
    for configuration in study.space.enumerate() {
        let Study { template, space, .. } = &study;
        let network = template.network(space, &configuration, Shape::new(8, 8, 1), 10).unwrap();
        sums.push(network.nodes.iter().filter(|node| node.layer == Layer::Add).count());
    }
    // Width, depths, shortcuts, activation.
    assert_eq!(sums.len(), 4 * 3 * 3 * 2 * 2);
    // Without shortcuts none; with them one for the block between the depths, and one for each other.
    for (adds, configurations) in [(0, 72), (1, 8), (2, 16), (3, 24), (4, 16), (5, 8)] {
        assert_eq!(sums.iter().filter(|sums| **sums == adds).count(), configurations);
    }
}
