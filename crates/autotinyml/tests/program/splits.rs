//! Splits as a user meets them: which are called optimistic, and where.

use serde_json::Value;

use crate::{STUDY, run, study_folder, text};

/// The study with windows that overlap by half, split in this way.
fn overlapping(by: &str) -> String {
    STUDY.replace("window = 8", "window = 8\nstep = 4").replace("stratified", by)
}

const SETTINGS: [&str; 6] = ["--set", "filters=2", "--set", "activation=relu", "--set", "units=4"];

#[test]
fn a_split_with_overlapping_windows_on_both_sides_is_called_optimistic() {
    let folder = study_folder(&overlapping("random"));
    let checked = run(folder.path(), &[&["check", "study.toml"], &SETTINGS[..]].concat());
    let checked = text(&checked.stdout);
    let warning = checked.lines().find_map(|line| line.strip_prefix("warning: ")).unwrap();
    // A window overlaps its two neighbours; that both are among the fifth tested is rare.
    let share = warning.strip_prefix("accuracies are optimistic: ").unwrap();
    let share: f64 = share.split_once(" %").unwrap().0.parse().unwrap();
    assert!((80.0..=100.0).contains(&share), "{warning}");

    let optimized = run(folder.path(), &["optimize", "study.toml", "--trials", "2"]);
    assert!(text(&optimized.stderr).lines().any(|line| line == warning), "at the start");
    let report = text(&optimized.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains(warning), "{report}");
    let html = std::fs::read_to_string(folder.path().join("runs/walkers/report.html")).unwrap();
    assert!(html.contains("accuracies are optimistic"));
}

#[test]
fn a_split_by_blocks_is_not() {
    let folder = study_folder(&overlapping("block"));
    let arguments = [&["check", "study.toml", "--format", "json"], &SETTINGS[..]].concat();
    let checked: Value = serde_json::from_slice(&run(folder.path(), &arguments).stdout).unwrap();
    assert_eq!(checked["warning"], Value::Null);
}

#[test]
fn check_says_that_a_split_cannot_be_made() {
    let folder = study_folder(&overlapping("group"));
    let checked = run(folder.path(), &[&["check", "study.toml"], &SETTINGS[..]].concat());
    let expected = "warning: the data cannot be split like this: a split by group needs groups, but \
                    nothing says which samples belong together";
    assert!(text(&checked.stdout).lines().any(|line| line == expected));
}
