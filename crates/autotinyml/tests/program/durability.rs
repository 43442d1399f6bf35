//! Studies go on, with any number of workers, from the store that they left; and stores that cannot be
//! used say why.

use std::fs;
use std::path::Path;

use autotinyml::record::TrialRecord;
use autotinyml::store::Store;
use autotinyml::study_file::section::SourceText;
use autotinyml::study_file::{Study, StudyFile};
use autotinyml_deploy::Boards;

use crate::{STUDY, run, study_folder, text};

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
pub fn weights(out: &Path) -> Vec<u8> {
    fs::read(out.join("firmware/weights.bin")).unwrap()
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
