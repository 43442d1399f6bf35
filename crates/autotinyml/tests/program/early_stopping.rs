//! Studies that stop bad trials early.

use std::collections::HashMap;
use std::fs;

use autotinyml::early_stopping::{Earlier, EarlyStopping, Hurdles, Place, Rule};

use crate::durability;
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
    for rule in ["median", "successive-halving", "prediction"] {
        let rule = format!("{{ rule = \"{rule}\", first = 1 }}");
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
            assert_eq!(trial["deployable"], false, "nor is it refused: {}", trial["reasons"]);
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
            let (row, stopped) = (row.unwrap(), trial["stopped"]["reason"].as_str());
            assert_eq!(row["stopped"], stopped.unwrap_or_default());
            assert!(stopped.is_none() || row["deployable"] == "false", "{row:?}");
        }

        let again = study_folder(&study);
        optimize(again.path(), &["--jobs", "1", "--trials", "9"]);
        let (rest, _) = optimize(again.path(), &["--jobs", "2", "--resume"]);
        assert_eq!(rest, trials[9..], "{rule}");
    }
}

/// Trials of before `parallel`, by macro F1, decide which go on: their record tells the same decisions again.
#[test]
fn trials_are_stopped_by_what_the_study_searches_for() {
    let rule =
        "goal = \"macro-f1\"\nearly_stopping = { rule = \"prediction\", first = 1, chance = 0.2 }";
    let folder = study_folder(&study(rule));
    optimize(folder.path(), &["--jobs", "2"]);
    let trials = durability::trials(&folder.path().join("runs/walkers"));
    let stopping = EarlyStopping { rule: Rule::Prediction { chance: 0.2 }, first: 1 };
    let (mut stopped, mut differ) = (0, 0);
    for trial in &trials {
        let known = &trials[..(trial.id + 1).saturating_sub(4)];
        let earlier: Vec<Earlier<'_>> = (known.iter())
            .map(|it| Earlier {
                curve: &it.outcome.validation_curve,
                folds: it.outcome.fold_scores(),
                end: it.outcome.macro_f1,
                deployable: it.outcome.verdict.deployable(),
            })
            .collect();
        let hurdles = Hurdles::new(stopping, &earlier);
        let (curve, folds) = (&trial.outcome.validation_curve, trial.outcome.fold_scores());
        let missed = (1..=curve.len()).find_map(|epochs| hurdles.missed(&curve[..epochs]));
        let missed = missed.or_else(|| hurdles.missed_after(&folds[..1.min(folds.len())]));
        let told = trial.outcome.stopped.as_ref().map(|stopped| stopped.reason.clone());
        assert_eq!(missed.map(|missed| missed.to_string()), told, "trial {}", trial.id);
        stopped += usize::from(told.is_some());
        if let Some(missed) = missed {
            let epochs = match missed.place {
                Place::Epoch(epoch) => epoch,
                Place::Fold(fold) => fold * EPOCHS as usize,
            };
            let record = trial.outcome.stopped.as_ref().unwrap();
            assert_eq!(record.epochs, epochs);
        }
        if let Some(macro_f1) = trial.outcome.macro_f1 {
            let mean = folds.iter().sum::<f64>() / folds.len() as f64;
            assert!((mean - macro_f1).abs() < 1e-12, "{mean} {macro_f1}");
            differ += usize::from(folds != trial.outcome.fold_accuracies);
        }
    }
    assert!(stopped >= 4 && differ >= 4, "{stopped} stopped, {differ} by another score");
}
