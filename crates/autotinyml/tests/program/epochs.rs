//! Studies whose trials train for fewer epochs than a full training.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{STUDY, run, study_folder, text};

const FULL: u64 = 9;

/// One round of three brackets: 9 + 3 + 1, 5 + 1 and 3 trials.
fn study(searcher: &str) -> String {
    STUDY
        .replace("epochs = 4", "epochs = 9")
        .replace("svm-cbo", searcher)
        .replace("trials = 16", "trials = 22\neta = 3")
}

/// What a study prints: its trials without their seconds, by number, and its summary.
pub fn optimize(folder: &Path, arguments: &[&str]) -> (Vec<Value>, Value) {
    let output = run(folder, &[&["optimize", "study.toml", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let mut lines: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let summary = lines.pop().unwrap();
    for trial in &mut lines {
        trial.as_object_mut().unwrap().remove("seconds");
    }
    lines.sort_by_key(|trial| trial["trial"].as_u64());
    (lines, summary)
}

fn epochs(trial: &Value) -> u64 {
    trial["epochs"].as_u64().unwrap_or(FULL)
}

#[test]
fn the_best_of_many_short_trainings_is_trained_in_full() {
    for searcher in ["hyperband", "bohb"] {
        let folder = study_folder(&study(searcher));
        let (trials, summary) = optimize(folder.path(), &["--jobs", "3"]);
        let mut longest: HashMap<String, u64> = HashMap::new();
        for trial in &trials {
            let before = longest.insert(trial["settings"].to_string(), epochs(trial));
            assert_eq!(trial["phase"] == "promotion", before.is_some(), "{trial}");
            assert!(before.is_none_or(|before| before < epochs(trial)), "{trial}");
        }
        let given = |n: u64| trials.iter().filter(|trial| epochs(trial) == n).count();
        assert_eq!((given(1), given(1) + given(3) + given(FULL)), (9, 22), "{searcher}");

        let in_full = trials.iter().filter(|t| t["epochs"].is_null() && t["deployable"] == true);
        let best = in_full.filter_map(|trial| trial["accuracy"].as_f64()).reduce(f64::max);
        assert_eq!(summary["best"]["validation_accuracy"].as_f64(), best, "{searcher}");

        let table = fs::read_to_string(folder.path().join("runs/walkers/trials.csv")).unwrap();
        let mut table = csv::Reader::from_reader(table.as_bytes());
        for (row, trial) in table.deserialize::<HashMap<String, String>>().zip(&trials) {
            assert_eq!(row.unwrap()["epochs"], epochs(trial).to_string());
        }
        let again = study_folder(&study(searcher));
        assert_eq!(optimize(again.path(), &["--jobs", "1"]).0, trials, "{searcher}");
    }
}

/// The first version of a study's store knew no epochs, nor combinations.
#[test]
fn a_store_of_the_first_version_goes_on() {
    let study = STUDY.replace("svm-cbo", "random");
    let folder = study_folder(&study);
    optimize(folder.path(), &["--trials", "6"]);
    let store = rusqlite::Connection::open(folder.path().join("runs/walkers/study.db")).unwrap();
    for column in ["epochs", "combinations"] {
        store.execute_batch(&format!("ALTER TABLE trials DROP COLUMN {column};")).unwrap();
    }
    store.pragma_update(None, "user_version", 1).unwrap();
    drop(store);
    let (rest, _) = optimize(folder.path(), &["--resume", "--trials", "9"]);
    let undisturbed = study_folder(&study);
    let (all, _) = optimize(undisturbed.path(), &["--trials", "9"]);
    assert_eq!(rest, all[6..]);
}
