//! Studies that stop bad trials early.

use std::collections::HashMap;
use std::fs;

use crate::epochs::optimize;
use crate::{STUDY, run, study_folder, text};

const EPOCHS: u64 = 6;
const FOLDS: u64 = 2;

fn study(early_stopping: &str) -> String {
    STUDY
        .replace("epochs = 4", "epochs = 6")
        .replace("svm-cbo", "random")
        .replace("trials = 16", &format!("trials = 24\n{early_stopping}"))
}

#[test]
fn bad_trials_end_early_and_the_others_to_the_same_bits() {
    let (all, _) = optimize(study_folder(&study("")).path(), &[]);
    for rule in ["{ rule = \"median\", first = 1 }", "{ rule = \"successive-halving\", first = 1 }"]
    {
        let study = study(&format!("early_stopping = {rule}"));
        let folder = study_folder(&study);
        let (trials, summary) = optimize(folder.path(), &["--jobs", "3"]);
        let (stopped, ended): (Vec<_>, Vec<_>) =
            trials.iter().zip(&all).partition(|(trial, _)| trial["stopped"].is_object());
        assert!(stopped.len() >= 4 && ended.len() >= 8, "{} stopped: {rule}", stopped.len());
        let mut saved = 0;
        for (trial, undisturbed) in &stopped {
            assert_eq!(trial["settings"], undisturbed["settings"], "random reads nothing");
            assert!(trial["accuracy"].is_null() && trial["footprint"].is_object());
            let stopped = &trial["stopped"];
            let epochs = stopped["epochs"].as_u64().unwrap();
            assert_eq!(epochs + stopped["epochs_saved"].as_u64().unwrap(), EPOCHS * FOLDS);
            saved += EPOCHS * FOLDS - epochs;
            let reasons = match epochs {
                EPOCHS => {
                    vec!["stopped after epoch 6: ".to_owned(), "stopped after fold 1: ".into()]
                }
                _ => vec![format!("stopped after epoch {epochs}: ")],
            };
            let reason = stopped["reason"].as_str().unwrap();
            assert!(reasons.iter().any(|begin| reason.starts_with(begin)), "{stopped}");
        }
        for (trial, undisturbed) in &ended {
            assert_eq!(trial, undisturbed);
        }
        let best = summary["best"]["trial"].as_u64().unwrap();
        assert!(ended.iter().any(|(trial, _)| trial["trial"] == best), "a stopped trial has won");

        let trained =
            ended.iter().filter(|(trial, _)| trial["accuracy"].is_number()).count() as u64;
        let epochs = EPOCHS * FOLDS * (trained + stopped.len() as u64);
        let share = 100.0 * saved as f64 / epochs as f64;
        let report = run(folder.path(), &["report", "runs/walkers"]);
        let report = text(&report.stdout);
        let report: Vec<&str> = report.split_whitespace().collect();
        let told = format!("{} trials, which saved {share:.2} % of the epochs", stopped.len());
        assert!(report.join(" ").contains(&told), "{told}: {}", report.join(" "));

        let table = fs::read_to_string(folder.path().join("runs/walkers/trials.csv")).unwrap();
        let mut table = csv::Reader::from_reader(table.as_bytes());
        for (row, trial) in table.deserialize::<HashMap<String, String>>().zip(&trials) {
            let reason = trial["stopped"]["reason"].as_str().unwrap_or_default();
            assert_eq!(row.unwrap()["stopped"], reason);
        }

        let again = study_folder(&study);
        optimize(again.path(), &["--jobs", "1", "--trials", "9"]);
        let (rest, _) = optimize(again.path(), &["--jobs", "2", "--resume"]);
        assert_eq!(rest, trials[9..], "{rule}");
    }
}
