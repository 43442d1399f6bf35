//! The loop with a function in the place of trainings: whatever takes how long, fails or is
//! interrupted, the trials are the same.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use autotinyml_deploy::{Boards, Footprint, Verdict};
use autotinyml_search::{SearcherOptions, by_name};

use super::*;
use crate::early_stopping::Place;
use crate::record::Stopped;
use crate::study_file::StudyFile;
use crate::study_file::section::SourceText;

const PARALLEL: usize = 4;

fn study() -> Study {
    study_with("")
}

/// With more lines of `[search]`.
fn study_with(search: &str) -> Study {
    let text = r#"
        [data]
        reader = "digits"
        [space]
        units = { low = 1, high = 64, step = 1 }
        rate = { low = 0.001, high = 1.0, log = true }
        activation = ["relu", "tanh"]
        [[network]]
        flatten = {}
        [[network]]
        dense = { units = "$units", activation = "$activation" }
        [[network]]
        dense = { units = "classes", activation = "softmax" }
        [training]
        epochs = 1
        batch = 1
        optimizer = "adam"
        learning_rate = "$rate"
        [deploy]
        board = "stm32f303k8"
        limits = { rom_kb = 10 }
        check = "after-training"
        [search]
        trials = 20
    "#;
    let source = SourceText { name: "study.toml".into(), text: format!("{text}{search}") };
    StudyFile::parse(&source, &Boards::default()).unwrap().into_study().unwrap()
}

/// Better in the middle of the space; larger networks do not fit.
fn outcome(study: &Study, configuration: &Configuration) -> TrialOutcome {
    let x = study.space.settings(configuration).iter().fold(0.0, |x, (_, setting)| {
        x + setting.to_string().parse::<f64>().map_or(0.1, |number| (number / 30.0).sin())
    });
    let footprint =
        Footprint { st_rom_bytes: (8000.0 + 2000.0 * x) as usize, ..Footprint::default() };
    let Verdict { meets_limits, reasons, .. } = study.deploy.limits.judge(&footprint);
    TrialOutcome {
        accuracy: Some(0.5 + 0.1 * x),
        verdict: Verdict { meets_limits, links_on_chip: None, reasons, unchecked: vec![] },
        ..TrialOutcome::refused(String::new(), Some(footprint))
    }
}

/// Rises to what the network is worth, the larger ones later, unless it is stopped on its way.
fn curved(study: &Study, configuration: &Configuration, hurdles: Option<&Hurdles>) -> TrialOutcome {
    let outcome = outcome(study, configuration);
    let Some(hurdles) = hurdles else { return outcome };
    let bytes = outcome.footprint.as_ref().map_or(0.0, |footprint| footprint.st_rom_bytes as f64);
    let score = outcome.accuracy.unwrap_or(0.0);
    let whole: Vec<f64> =
        (1..=6).map(|epoch| score * (1.0 - (-f64::from(epoch) * 3000.0 / bytes).exp())).collect();
    let missed = (1..=6).find_map(|epochs| hurdles.missed(&whole[..epochs]));
    let Some(missed) = missed else { return TrialOutcome { validation_curve: whole, ..outcome } };
    let Place::Epoch(epoch) = missed.place else { panic!("there are no folds") };
    let reached = whole[..epoch].to_vec();
    TrialOutcome {
        accuracy: None,
        stopped: Some(Stopped {
            reason: missed.to_string(),
            score: reached[epoch - 1],
            epochs: epoch,
            epochs_saved: 6 - epoch,
        }),
        validation_curve: reached,
        ..outcome
    }
}

/// Goes on with the study in `folder` with `jobs` workers until something stops it.
fn go_on(
    study: &Study,
    searcher: &str,
    folder: &Path,
    jobs: usize,
    evaluate: &Evaluate<'_>,
    stop: &dyn Fn() -> bool,
    crashes: &[Crash],
) -> Result<Vec<TrialRecord>, StudyError> {
    let store = &Store::open(folder).unwrap();
    let searcher = &*by_name(searcher, &SearcherOptions::default()).unwrap();
    let (accepts, violation) = (|_: &Configuration| true, |_: &Configuration| 0.0);
    let problems = [problem(study, &accepts, &violation)];
    let search = Search { study, searcher, store, parallel: PARALLEL, jobs, stop, crashes };
    let mut told = store.count_trials().unwrap();
    let trials = search.run(&problems, evaluate, &mut |event| {
        if let Event::Finished(trial) = event {
            told += 1;
            assert!(store.trials(&study.space).unwrap().contains(trial), "told before durable");
        }
    });
    assert_eq!(store.count_trials().unwrap(), told, "every trial that is kept is told once");
    trials
}

fn never() -> bool {
    false
}

/// Numbers below `end` that look random.
struct Dice(AtomicU64);

impl Dice {
    fn throw(&self, end: u64) -> u64 {
        let count = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (count ^ (count >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[test]
fn delays_workers_interruptions_and_failures_change_no_bit() {
    let [median, prediction] = [r#"rule = "median", first = 1"#, r#"rule = "prediction""#]
        .map(|rule| format!("early_stopping = {{ {rule} }}"));
    let cases = [("svm-cbo", ""), ("tpe", ""), ("svm-cbo", &median), ("svm-cbo", &prediction)];
    for (searcher, search) in cases {
        let study = &study_with(search);
        let at_once = |_: usize, suggestion: &Suggestion, hurdles: Option<&Hurdles>| {
            Ok((vec![curved(study, &suggestion.configuration, hurdles)], 0.0))
        };
        let whole = tempfile::tempdir().unwrap();
        let whole = go_on(study, searcher, whole.path(), 1, &at_once, &never, &[]).unwrap();
        assert_eq!(whole.len(), 20);
        let stopped = whole.iter().filter(|trial| trial.outcome.stopped.is_some()).count();
        assert_eq!((3..16).contains(&stopped), !search.is_empty(), "{stopped} were stopped");
        let mut begun = 0;
        for jobs in 1..=PARALLEL {
            let dice = Dice(AtomicU64::new(jobs as u64));
            let crashed: Mutex<HashSet<Configuration>> = Mutex::default();
            let evaluate = |turn: usize, suggestion: &Suggestion, hurdles: Option<&Hurdles>| {
                thread::sleep(Duration::from_micros(dice.throw(3000)));
                let configuration = suggestion.configuration.clone();
                match dice.throw(12) {
                    0 => Err(EvaluateError::Folder(std::io::Error::other("disk full"))),
                    1 if crashed.lock().unwrap().insert(configuration) => panic!("out of luck"),
                    _ => at_once(turn, suggestion, hurdles),
                }
            };
            let folder = tempfile::tempdir().unwrap();
            let trials = loop {
                begun += 1;
                let stop = || dice.throw(16) == 0;
                match go_on(study, searcher, folder.path(), jobs, &evaluate, &stop, &[]) {
                    Ok(trials) if trials.len() == 20 => break trials,
                    Ok(_) | Err(StudyError::Evaluate(EvaluateError::Folder(_))) => {}
                    Err(error) => panic!("{error}"),
                }
            };
            assert_eq!(trials, whole, "{searcher} with {jobs} workers");
        }
        assert!(begun > 2 * PARALLEL, "hardly ever interrupted: begun {begun} times");
    }
}

#[test]
fn what_crashes_or_hangs_is_tried_twice_and_recorded_with_its_reason() {
    let study = study();
    // Order of the first attempt, and attempts.
    let attempts: Mutex<HashMap<Configuration, (usize, usize)>> = Mutex::default();
    let evaluate = |_: usize, suggestion: &Suggestion, _: Option<&Hurdles>| {
        let (trial, attempt) = {
            let mut attempts = attempts.lock().unwrap();
            let next = attempts.len();
            let seen = attempts.entry(suggestion.configuration.clone()).or_insert((next, 0));
            seen.1 += 1;
            *seen
        };
        match (trial, attempt) {
            (3, _) | (4, 1) => panic!("out of luck"),
            (5, 1) | (7, _) => Err(EvaluateError::OutOfTime(Duration::from_secs(60))),
            _ => Ok((vec![outcome(&study, &suggestion.configuration)], 0.0)),
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let trials = go_on(&study, "random", folder.path(), 1, &evaluate, &never, &[]).unwrap();
    assert_eq!(trials.len(), 20, "the study goes on");
    for trial in trials {
        let reasons = &trial.outcome.verdict.reasons;
        match trial.id {
            3 => assert_eq!(reasons, &["crashed: out of luck, twice"]),
            7 => assert_eq!(reasons, &["no result within the time limit of 60 s, twice"]),
            _ => assert_eq!(trial.outcome, outcome(&study, &trial.configuration)),
        }
        let attempts = attempts.lock().unwrap()[&trial.configuration];
        let expected = if [3, 4, 5, 7].contains(&trial.id) { 2 } else { 1 };
        assert_eq!(attempts, (trial.id, expected));
    }
}

#[test]
fn what_took_the_process_down_runs_alone_and_if_it_did_so_twice_no_more() {
    let study = study();
    let running = AtomicU64::new(0);
    let evaluate = |_: usize, suggestion: &Suggestion, _: Option<&Hurdles>| {
        let together = running.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        running.fetch_sub(1, Ordering::SeqCst);
        Ok((vec![outcome(&study, &suggestion.configuration)], together as f64))
    };
    let crash = |trial, how: &str| Crash { trial, how: how.to_owned() };
    let crashes = [crash(2, "once"), crash(5, "ended"), crash(6, "once"), crash(5, "ended again")];
    let folder = tempfile::tempdir().unwrap();
    let trials =
        go_on(&study, "random", folder.path(), PARALLEL, &evaluate, &never, &crashes).unwrap();
    assert_eq!(trials.len(), 20, "the study goes on");
    for trial in &trials {
        if trial.id == 5 {
            assert_eq!(trial.outcome.verdict.reasons, ["ended again, twice"]);
        } else {
            assert_eq!(trial.outcome, outcome(&study, &trial.configuration));
        }
    }
    // What it took is how many ran already.
    assert!(trials[..7].iter().all(|trial| trial.seconds == 0.0));
    assert!(trials[7..].iter().any(|trial| trial.seconds > 0.0));
}
