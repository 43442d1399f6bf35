//! Wrong input: exit code 2 and a message with file, line, value, what was expected and the cure.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::{STUDY, run, study_folder, text};

/// What `optimize` says to the study with one passage replaced.
pub fn complaint(passage: &str, replacement: &str) -> String {
    assert!(STUDY.contains(passage), "{passage}");
    let folder = study_folder(&STUDY.replacen(passage, replacement, 1));
    refused(folder.path(), &["optimize", "study.toml"])
}

/// What `optimize` says to the study when its data folder is changed.
fn data_complaint(change: impl FnOnce(&Path)) -> String {
    let folder = study_folder(STUDY);
    change(&folder.path().join("data"));
    refused(folder.path(), &["optimize", "study.toml"])
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    assert!(!folder.join("runs").exists(), "nothing was written");
    text(&output.stderr)
}

#[test]
fn an_unknown_key_with_the_nearest_known_one() {
    assert_snapshot!(complaint("window = 8", "windw = 8"));
    assert_snapshot!(complaint("batch = 8", "batch_size = 8"));
}

#[test]
fn a_value_of_the_wrong_kind() {
    assert_snapshot!(complaint("window = 8", "window = \"eight\""));
    assert_snapshot!(complaint("test = 0.2", "test = 20"));
    assert_snapshot!(complaint("[4, 8, 16, 32]", "[4, \"8\", 16]"));
}

#[test]
fn a_name_that_is_missing_in_the_space() {
    assert_snapshot!(complaint("\"$filters\"", "\"$filter\""));
}

#[test]
fn a_parameter_that_means_nothing_in_its_place() {
    assert_snapshot!(complaint("\"$filters\"", "\"$activation\""));
}

#[test]
fn a_parameter_that_is_not_always_there() {
    let conditional = "units = { values = [4, 8], when = \"$activation == relu\" }";
    assert_snapshot!(complaint("units = [4, 8, 16, 32]", conditional));
}

#[test]
fn a_whole_number_from_a_range_without_a_step() {
    assert_snapshot!(complaint("[4, 8, 16, 32]", "{ low = 4, high = 32, log = true }"));
}

#[test]
fn a_learning_rate_of_nothing_and_a_name_that_is_no_folder() {
    assert_snapshot!(complaint("epochs = 4", "epochs = 4\nlearning_rate = 0"));
    assert_snapshot!(complaint("\"walkers\"", "\"../walkers\""));
}

#[test]
fn a_mask_larger_than_a_sample() {
    let augmented =
        |augment: &str| complaint("epochs = 4", &format!("epochs = 4\naugment = {augment}"));
    assert_snapshot!(augmented("{ mask = 9 }"));
    assert_snapshot!(augmented("{ shift = [1, \"$units\"] }"));
}

#[test]
fn a_baseline_that_makes_no_network() {
    assert_snapshot!(complaint("kernel = [3, 1]", "kernel = [9, 1]"));
}

#[test]
fn a_condition_on_a_later_line_or_on_itself() {
    let units = |when: &str| format!("{{ values = [4, 8], when = \"{when}\" }}");
    assert_snapshot!(complaint("[2, 4, 8, 16, 32]", &units("$units == 8")));
    assert_snapshot!(complaint("[4, 8, 16, 32]", &units("$units == 8")));
}

#[test]
fn an_unused_parameter() {
    assert_snapshot!(complaint("\"$filters\"", "4"));
}

#[test]
fn an_unknown_board_searcher_layer_and_activation() {
    assert_snapshot!(complaint("\"stm32f303k8\"", "\"stm32f303\""));
    assert_snapshot!(complaint("\"svm-cbo\"", "\"svm\""));
    assert_snapshot!(complaint("max_pool2d", "maxpool"));
    assert_snapshot!(complaint("\"tanh\"", "\"tahn\""));
}

#[test]
fn a_block_that_makes_no_sense() {
    let flatten = "flatten = {}";
    assert_snapshot!(complaint(flatten, "repeat = 65\nflatten = {}"));
    assert_snapshot!(complaint(flatten, "block = []\nrepeat = 2"));
    let nested =
        "repeat = 64\nblock = [{ repeat = \"$units\", block = [{ repeat = 9, flatten = {} }] }]";
    assert_snapshot!(complaint(flatten, nested));
    assert_snapshot!(complaint(flatten, "block = [{ flatten = {} }]\ndropout = { rate = 0.1 }"));
}

#[test]
fn a_shortcut_that_makes_no_sense() {
    let flatten = "flatten = {}";
    let shortcut = "shortcut = [{ conv2d = { filters = 4, kernel = 1 } }]";
    assert_snapshot!(complaint(flatten, &format!("{shortcut}\nflatten = {{}}")));
    assert_snapshot!(complaint(flatten, "residual = \"$units\"\nflatten = {}"));
    assert_snapshot!(complaint(flatten, "residual = \"sometimes\"\nflatten = {}"));
    assert_snapshot!(complaint(flatten, "residual = true\nshortcut = []\nflatten = {}"));
}

/// A plain network, of which everything is known before any data.
#[test]
fn summands_of_different_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let network = "input = [8, 8, 4]
classes = 2
[[network]]
conv2d = { filters = 4, kernel = 1 }
[[network]]
residual = true
block = [{ conv2d = { filters = 8, kernel = 3, stride = 2, padding = \"same\" } }]
";
    fs::write(folder.path().join("plain.toml"), network).unwrap();
    assert_snapshot!(refused(folder.path(), &["check", "plain.toml"]));
}

#[test]
fn samples_of_an_absurd_shape() {
    let large = 1_u64 << 62;
    let folder = study_folder(STUDY);
    let network = format!(
        "input = [{large}, {large}, 16]\nclasses = 2\n[[network]]\nflatten = {{}}\n[[network]]\n\
         dense = {{ units = \"classes\", activation = \"softmax\" }}\n"
    );
    fs::write(folder.path().join("network.toml"), network).unwrap();
    assert_snapshot!(refused(folder.path(), &["check", "network.toml"]));
    let rows = format!("reader = \"csv-rows\"\nshape = [{large}, {large}, 16]");
    let network = STUDY.replace("reader = \"csv-windows\"", &rows).replace("window = 8\n", "");
    fs::write(folder.path().join("study.toml"), network).unwrap();
    assert_snapshot!(refused(folder.path(), &["optimize", "study.toml"]));
}

#[test]
fn an_epsilon_that_is_infinite_to_the_trainer() {
    let norm = "[[network]]\nbatch_norm = { epsilon = 1e39 }\n[[network]]\nflatten";
    assert_snapshot!(complaint("[[network]]\nflatten", norm));
}

#[test]
fn a_slope_of_an_activation_without_one() {
    let dense = "dense = { units = \"classes\", ";
    assert_snapshot!(complaint(dense, &format!("{dense}negative_slope = 0.1, ")));
}

#[test]
fn a_section_that_is_missing() {
    assert_snapshot!(complaint(
        "[search]\nsearcher = \"svm-cbo\"\ntrials = 16\nseed = 7\nparallel = 4\n",
        ""
    ));
}

#[test]
fn a_file_that_is_no_toml_or_is_not_there() {
    assert_snapshot!(complaint("epochs = 4", "epochs = four"));
    let folder = study_folder(STUDY);
    assert_snapshot!(refused(folder.path(), &["optimize", "studdy.toml"]));
    assert_snapshot!(refused(folder.path(), &["optimize", "data"]));
}

#[test]
fn a_baseline_outside_the_space() {
    // Of all lines the one that is wrong, and the section where one is missing.
    assert_snapshot!(complaint("filters = 32\n", "filters = 31\n"));
    assert_snapshot!(complaint("filters = 32\n", "filter = 32\n"));
    assert_snapshot!(complaint("units = 32\n", ""));
}

#[test]
fn a_network_that_does_not_end_in_a_softmax() {
    assert_snapshot!(complaint(", activation = \"softmax\"", ""));
}

#[test]
fn more_folds_than_a_class_has_samples() {
    assert_snapshot!(complaint("k_fold = 2", "k_fold = 50"));
}

#[test]
fn a_window_longer_than_a_recording() {
    assert_snapshot!(complaint("window = 8", "window = 500"));
}

#[test]
fn data_that_is_missing_or_empty() {
    assert_snapshot!(data_complaint(|data| fs::remove_dir_all(data).unwrap()));
    assert_snapshot!(data_complaint(|data| {
        fs::remove_dir_all(data).unwrap();
        fs::create_dir(data).unwrap();
    }));
}

#[test]
fn one_class_only() {
    assert_snapshot!(data_complaint(|data| {
        fs::remove_file(data.join("ada.csv")).unwrap();
        fs::remove_file(data.join("bo.csv")).unwrap();
    }));
}

#[test]
fn a_field_that_is_no_number() {
    for field in ["x", "NaN"] {
        assert_snapshot!(data_complaint(|data| {
            let rows = fs::read_to_string(data.join("bo.csv")).unwrap();
            let rows: Vec<&str> = rows.lines().collect();
            let broken = format!("0.09,{field},1\n");
            let text = rows[..3].join("\n") + "\n" + &broken + &rows[4..].join("\n");
            fs::write(data.join("bo.csv"), text).unwrap();
        }));
    }
}

/// What `optimize` says to one CSV file whose rows are samples.
fn rows_complaint(rows: &str, options: &str) -> String {
    let reader = "reader = \"csv-windows\"\npath = \"data\"\nwindow = 8";
    let rows_reader = format!("reader = \"csv-rows\"\npath = \"data/rows.csv\"\n{options}");
    assert!(STUDY.contains(reader));
    let folder = study_folder(&STUDY.replace(reader, &rows_reader));
    fs::write(folder.path().join("data/rows.csv"), rows).unwrap();
    refused(folder.path(), &["optimize", "study.toml"])
}

#[test]
fn fields_between_semicolons_or_tabs() {
    let rows = "a;b;y\n0,942;-1,397;u\n0,320;0,371;v\n";
    assert_snapshot!(rows_complaint(rows, "label = \"y\""));
    assert_snapshot!(rows_complaint(rows, "label = 3"));
    assert_snapshot!(rows_complaint("a\tb\ty\n0.942\t-1.397\tu\n", "label = \"y\""));
}

#[test]
fn titles_and_classes_of_the_same_name() {
    let rows = "a,a,y\n1,2,u\n3,4,v\n";
    assert_snapshot!(rows_complaint(rows, "label = \"y\""));
    assert_snapshot!(rows_complaint(rows, "label = \"y\"\nchannels = [\"a\"]"));
    let arrays = "npz\"\ninput = \"x\"\nlabel = \"y\"\nclasses = [\"u\", \"v\", \"u\"]";
    assert_snapshot!(complaint("csv-windows\"", arrays));
}

#[test]
fn check_without_what_it_needs() {
    let folder = study_folder(STUDY);
    assert_snapshot!(refused(folder.path(), &["check", "study.toml"]));
    let unset = ["check", "study.toml", "--set", "filters=3"];
    assert_snapshot!(refused(folder.path(), &unset));
    let no_board = ["check", "study.toml", "--board", "stm32"];
    assert_snapshot!(refused(folder.path(), &no_board));
}

#[test]
fn a_folder_without_a_study() {
    let folder = study_folder(STUDY);
    assert_snapshot!(refused(folder.path(), &["report", "nowhere"]));
    fs::create_dir_all(folder.path().join("done/walkers")).unwrap();
    fs::write(folder.path().join("done/walkers/study.db"), "").unwrap();
    assert_snapshot!(refused(folder.path(), &["report", "done"]));
}

#[test]
fn an_unknown_goal() {
    assert_snapshot!(complaint("seed = 7", "seed = 7\ngoal = \"f1\""));
}

#[test]
fn settings_of_the_recipe_without_effect_or_sense() {
    let recipe = |lines: &str| {
        complaint("optimizer = \"adam\"\n", &format!("optimizer = \"adam\"\n{lines}\n"))
    };
    assert_snapshot!(recipe("momentum = 0.9"));
    assert_snapshot!(recipe("schedule = \"step\""));
    assert_snapshot!(recipe("schedule_every = 3"));
    assert_snapshot!(recipe("schedule = \"linear\""));
    assert_snapshot!(recipe("class_weights = \"fair\""));
    assert_snapshot!(recipe("class_weights = { ada = 2, dee = 3 }"));
    assert_snapshot!(recipe("early_stopping = { patience = 3, hold_out = 1 }"));
    assert_snapshot!(recipe("l2 = -0.1"));
}

#[test]
fn early_stopping_beside_what_does_not_go_with_it() {
    let search = |lines: &str| complaint("searcher = \"svm-cbo\"", lines);
    let median = "early_stopping = { rule = \"median\" }";
    assert_snapshot!(search(&format!("searcher = \"bohb\"\n{median}")));
    assert_snapshot!(search(&format!("warm_start = \"runs/first\"\n{median}")));
    assert_snapshot!(search("early_stopping = { rule = \"median\", eta = 3 }"));
    assert_snapshot!(search("early_stopping = { rule = \"mean\" }"));
    assert_snapshot!(search("early_stopping = { rule = \"median\", chance = 0.1 }"));
    assert_snapshot!(search("early_stopping = { rule = \"prediction\", chance = 0.5 }"));
    assert_snapshot!(search("early_stopping = \"median\""));
}
