//! What a study file means, beyond what its complaints show (`tests/program/complaints.rs`).

use autotinyml_deploy::Compression;
use autotinyml_nn::{Activation, BATCH_NORM_EPSILON, Layer, Network, Node, Shape, SplitBy};
use autotinyml_search::{Bayes, SearcherOptions, Setting, Surrogate, SvmCbo, Variant};

use super::section::SourceText;
use super::{Check, Reader, StudyFile, TestPart};
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
    StudyFile::parse(&source).unwrap_or_else(|error| panic!("{error:?}"))
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
