//! The program as a user meets it: its answers, its complaints, its files.

mod again;
mod boards;
mod check;
mod combinations;
mod compare;
mod complaints;
mod durability;
mod early_stopping;
mod epochs;
mod hostile;
mod interruption;
mod kills;
mod new;
mod out;
mod pictures;
mod published;
mod real_data;
mod splits;
mod storage;
mod studies;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use autotinyml_deploy::Tools;

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The program, in a folder, without colours.
fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autotinyml"));
    command.current_dir(folder).env("NO_COLOR", "1");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder).args(arguments).output().expect("the program was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program prints text")
}

/// Compilers and emulator. CI has them all; elsewhere a test that needs one says so and ends.
fn tools() -> Option<Tools> {
    let tools = Tools::find();
    let missing = tools.missing();
    if missing.is_empty() {
        return Some(tools);
    }
    assert!(std::env::var_os("CI").is_none(), "CI must have every tool: {missing:?}");
    eprintln!("skipped: {missing:?} is missing; `cargo xtask test` installs it");
    None
}

/// Three walkers of different pace: 20 windows of 8 rows each.
fn walkers(folder: &Path) {
    for (walker, pace) in [("ada", 0.3_f64), ("bo", 0.8), ("cy", 1.7)] {
        let row = |i: usize| {
            let phase = pace * i as f64;
            format!("{:.2},{:.4},{:.4}\n", i as f64 * 0.03, phase.sin(), (phase * 1.3).cos())
        };
        let rows: String = (0..160).map(row).collect();
        fs::write(folder.join(format!("{walker}.csv")), rows).unwrap();
    }
}

/// A study on [`walkers`] that takes a second or so.
const STUDY: &str = r#"name = "walkers"

[data]
reader = "csv-windows"
path = "data"
window = 8
split = { test = 0.2, k_fold = 2, by = "stratified" }

[space]
filters = [2, 4, 8, 16, 32]
activation = ["relu", "tanh"]
units = [4, 8, 16, 32]

[baseline]
filters = 32
activation = "relu"
units = 32

[[network]]
conv2d = { filters = "$filters", kernel = [3, 1], activation = "$activation" }
[[network]]
max_pool2d = { window = [2, 1] }
[[network]]
flatten = {}
[[network]]
dense = { units = "$units", activation = "$activation" }
[[network]]
dense = { units = "classes", activation = "softmax" }

[training]
epochs = 4
batch = 8
optimizer = "adam"

[deploy]
board = "stm32f303k8"
limits = { ram_kb = 1, rom_kb = 6, cross_accuracy = 0.9 }
compression = "x4"

[search]
searcher = "svm-cbo"
trials = 16
seed = 7
parallel = 4
"#;

/// A folder with [`walkers`] in data/ and the study in study.toml.
fn study_folder(study: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    walkers(&folder.path().join("data"));
    fs::write(folder.path().join("study.toml"), study).unwrap();
    folder
}
