//! A study that is killed at any moment loses nothing and goes on as if nothing had happened.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use autotinyml::record::TrialRecord;
use autotinyml::store::Store;
use autotinyml::study_file::section::SourceText;
use autotinyml::study_file::{Study, StudyFile};
use autotinyml_deploy::Boards;

use crate::{STUDY, program, run, study_folder, text};

fn study() -> Study {
    let source = SourceText { name: "study.toml".into(), text: STUDY.into() };
    StudyFile::parse(&source, &Boards::default()).unwrap().into_study().unwrap()
}

/// What must be the same whatever happened on the way: everything but the time it took.
pub fn trials(out: &Path) -> Vec<TrialRecord> {
    let mut trials = Store::read(out).unwrap().trials(&study().space).unwrap();
    for trial in &mut trials {
        trial.seconds = 0.0;
    }
    trials
}

pub fn optimize(folder: &Path, arguments: &[&str]) {
    let output = run(folder, &[&["optimize", "study.toml"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// The winner's program, byte for byte.
fn weights(out: &Path) -> Vec<u8> {
    fs::read(out.join("firmware/weights.bin")).unwrap()
}

/// Starts the study and kills it as soon as `due`; false if it ended before.
fn kill_when(folder: &Path, mut due: impl FnMut() -> bool) -> bool {
    let mut child = program(folder)
        .args(["optimize", "study.toml", "--resume", "--jobs", "2", "--out", "killed"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let killed = loop {
        if due() {
            break true;
        }
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        sleep(Duration::from_millis(1));
    };
    // SIGKILL.
    let _ = child.kill();
    child.wait().unwrap();
    killed
}

#[test]
fn killed_again_and_again_a_study_ends_as_if_left_alone() {
    let folder = study_folder(STUDY);
    let folder = folder.path();
    optimize(folder, &["--out", "whole", "--jobs", "2"]);
    let whole = trials(&folder.join("whole"));
    assert_eq!(whole.len(), 16);

    let out = folder.join("killed");
    let acknowledged = || Store::read(&out).and_then(|store| store.count_trials()).unwrap_or(0);
    let mut before = 0;
    for kill in 0..8_u64 {
        let started = Instant::now();
        kill_when(folder, || started.elapsed() > Duration::from_millis(3 + kill * 37 % 60));
        assert!(acknowledged() >= before, "{before} trials, then {}", acknowledged());
        before = acknowledged();
    }
    // In the middle of its trials, and while the winner's program is written.
    for many in [1, 5, 11] {
        let inside = acknowledged() >= many || kill_when(folder, || acknowledged() >= many);
        assert!(inside, "never seen with {many} trials");
        assert!(acknowledged() >= many);
    }
    let partial = out.join("firmware.partial");
    assert!(kill_when(folder, || partial.exists()), "never seen with a program half written");
    optimize(folder, &["--out", "killed", "--resume", "--jobs", "1"]);
    assert_eq!(trials(&out), whole);
    assert_eq!(weights(&out), weights(&folder.join("whole")));
    assert!(!partial.exists());
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
