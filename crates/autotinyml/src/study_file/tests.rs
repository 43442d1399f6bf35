//! What a study file means, beyond what its complaints show (`tests/program/complaints.rs`).

use autotinyml_deploy::{Boards, Compression};
use autotinyml_nn::{Layer, Shape, SplitBy};
use autotinyml_search::{Bayes, SearcherOptions, Surrogate, SvmCbo, Variant};

use super::section::SourceText;
use super::{Check, Reader, Study, StudyFile, TestPart};
use crate::data::csv::{Column, Columns, Time, TimeUnit};

mod networks;

fn parse(text: &str) -> StudyFile {
    let source = SourceText { name: "folder/study.toml".into(), text: text.into() };
    StudyFile::parse(&source, &Boards::default()).unwrap_or_else(|error| panic!("{error:?}"))
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
    let plain = Columns {
        label: None,
        group: None,
        time: Time::First,
        time_unit: TimeUnit::Seconds,
        channels: None,
    };
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
    assert_eq!((study.search.trials, study.search.seed, study.search.parallel), (100, 0, None));
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
        time_unit: TimeUnit::Seconds,
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
fn the_bottles_are_the_talks_second_space() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/bottles.toml");
    let study = parse(&std::fs::read_to_string(path).unwrap()).into_study().unwrap();
    assert_eq!(study.space.size(), Some(806_400));
    assert_eq!(study.data.reader, Reader::Bottles { samples: 4000, seed: 0 });
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
