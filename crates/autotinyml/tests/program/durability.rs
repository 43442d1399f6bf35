//! A study that is killed at any moment loses nothing and goes on as if nothing had happened.

use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use autotinyml::record::TrialRecord;
use autotinyml::store::Store;
use autotinyml::study_file::section::SourceText;
use autotinyml::study_file::{Study, StudyFile};

use crate::{STUDY, program, run, study_folder, text};

fn study() -> Study {
    let source = SourceText { name: "study.toml".into(), text: STUDY.into() };
    StudyFile::parse(&source).unwrap().into_study().unwrap()
}

/// What must be the same whatever happened on the way: everything but the time it took.
fn trials(out: &Path) -> Vec<TrialRecord> {
    let mut trials = Store::read(out).unwrap().trials(&study().space).unwrap();
    for trial in &mut trials {
        trial.seconds = 0.0;
    }
    trials
}

fn optimize(folder: &Path, arguments: &[&str]) {
    let output = run(folder, &[&["optimize", "study.toml"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn killed_again_and_again_a_study_ends_as_if_left_alone() {
    let folder = study_folder(STUDY);
    let folder = folder.path();
    optimize(folder, &["--out", "whole", "--jobs", "2"]);
    let whole = trials(&folder.join("whole"));
    assert_eq!(whole.len(), 16);

    let out = folder.join("killed");
    let mut acknowledged = vec![];
    for kill in 0..12_u64 {
        let mut child = program(folder)
            .args(["optimize", "study.toml", "--resume", "--jobs", "2", "--out", "killed"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(5 + kill * 37 % 90));
        child.kill().unwrap();
        child.wait().unwrap();
        if !Store::exists(&out) {
            continue;
        }
        // A kill inside the very first transaction leaves a store without tables: no trial was
        // acknowledged then.
        let Ok(store) = Store::read(&out) else { continue };
        let left = store.trials(&study().space).unwrap();
        let ids: Vec<usize> = left.iter().map(|trial| trial.id).collect();
        assert!(acknowledged.iter().all(|id| ids.contains(id)), "{acknowledged:?} then {ids:?}");
        acknowledged = ids;
    }
    optimize(folder, &["--out", "killed", "--resume", "--jobs", "1"]);
    assert_eq!(trials(&out), whole);
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let folder = study_folder(STUDY);
    for jobs in ["1", "4"] {
        optimize(folder.path(), &["--out", jobs, "--jobs", jobs]);
    }
    assert_eq!(trials(&folder.path().join("1")), trials(&folder.path().join("4")));
}

#[test]
fn a_second_process_on_the_same_study_is_sent_away() {
    let folder = study_folder(STUDY);
    let _first = Store::open(&folder.path().join("out")).unwrap();
    let arguments = ["optimize", "study.toml", "--out", "out", "--resume"];
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("another process is working on out"));
}

#[test]
fn another_study_in_the_folder_is_not_overwritten() {
    let folder = study_folder(STUDY);
    optimize(folder.path(), &["--out", "out", "--trials", "4"]);
    let before = trials(&folder.path().join("out"));
    let again = run(folder.path(), &["optimize", "study.toml", "--out", "out"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("already holds a study"));
    let reseeded =
        run(folder.path(), &["optimize", "study.toml", "--out", "out", "--resume", "--seed", "8"]);
    assert_eq!(reseeded.status.code(), Some(2));
    assert!(text(&reseeded.stderr).contains("its seed is different"));
    assert_eq!(trials(&folder.path().join("out")), before);
}
