//! Splits as a user meets them: which are called optimistic, and where.

use std::fs;

use insta::assert_snapshot;
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
    let html = fs::read_to_string(folder.path().join("runs/walkers/report.html")).unwrap();
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

/// With early stopping on the study's last line of [training].
fn stopping(study: &str) -> String {
    let adam = "optimizer = \"adam\"";
    study.replace(adam, &format!("{adam}\nearly_stopping = {{ patience = 2, hold_out = 0.2 }}"))
}

#[test]
fn windows_that_no_side_may_have_are_told_of() {
    let folder = study_folder(&stopping(&overlapping("block")));
    let optimized = run(folder.path(), &["optimize", "study.toml", "--trials", "2", "--json"]);
    let summary = text(&optimized.stdout);
    let summary: Value = serde_json::from_str(summary.lines().last().unwrap()).unwrap();
    let notes = summary["data"]["notes"].as_array().unwrap().iter();
    let told: Vec<&str> = notes.filter_map(Value::as_str).skip(1).collect();
    // Each run of windows that is cut out of one of three recordings has a neighbour at each end.
    let cuts = |note: &str| -> Vec<usize> {
        let (what, counts) = note.split_once(": ").unwrap();
        assert!(what.starts_with("training windows dropped because they overlap"), "{note}");
        counts.split(" to ").map(|count| count.parse().unwrap()).collect()
    };
    let [test, fold, share, stop] = told[..] else { panic!("{told:?}") };
    for note in [test, fold, stop] {
        assert!(cuts(note).iter().all(|count| (1..=6).contains(count)), "{note}");
    }
    assert!(test.contains("windows of the test part"), "{test}");
    assert!(fold.contains("validation windows of their fold"), "{fold}");
    assert_eq!(share, "20 % of each training part only tell when to stop");
    assert!(stop.contains("windows that tell when to stop"), "{stop}");
}

#[test]
fn overlapping_windows_that_tell_when_to_stop_are_told_of() {
    let folder = study_folder(&stopping(&overlapping("stratified")));
    let checked = run(folder.path(), &[&["check", "study.toml"], &SETTINGS[..]].concat());
    let checked = text(&checked.stdout);
    let warning = checked.lines().find_map(|line| line.strip_prefix("warning: ")).unwrap();
    let (before, _) = warning.split_once(" % of the windows that tell when to stop").unwrap();
    let share: f64 = before.rsplit_once(' ').unwrap().1.parse().unwrap();
    // A fifth of what is left of the training: most of them have a neighbour on the other side.
    assert!((50.0..=100.0).contains(&share), "{warning}");
}

#[test]
fn early_stopping_that_cannot_put_groups_aside_is_what_is_complained_about() {
    let study = STUDY
        .replace("window = 8\n", "window = 8\ngroup = 4\n")
        .replace("test = 0.2", "test = [\"c\"]")
        .replace("stratified", "group");
    let folder = study_folder(&stopping(&study));
    let data = folder.path().join("data");
    for file in fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        let group = |(row, line): (usize, &str)| format!("{line},{}\n", ["a", "b", "c"][row / 54]);
        let rows: String =
            fs::read_to_string(&path).unwrap().lines().enumerate().map(group).collect();
        fs::write(path, rows).unwrap();
    }
    let optimized = run(folder.path(), &["optimize", "study.toml"]);
    assert_eq!(optimized.status.code(), Some(2));
    assert_snapshot!(text(&optimized.stderr));
    let checked = run(folder.path(), &[&["check", "study.toml"], &SETTINGS[..]].concat());
    let expected = "warning: early stopping cannot put training samples aside: groups with samples: 1, \
                    expected at least 2, one for each side";
    assert!(
        text(&checked.stdout).lines().any(|line| line == expected),
        "{}",
        text(&checked.stdout)
    );
    fs::write(folder.path().join("study.toml"), study.replace("trials = 16", "trials = 1"))
        .unwrap();
    let without = run(folder.path(), &["optimize", "study.toml"]);
    assert!(without.status.success(), "{}", text(&without.stderr));
}
