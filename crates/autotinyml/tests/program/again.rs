//! Studies judged again, continued, and begun with the trials of others.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::durability::trials;
use crate::{STUDY, program, study_folder, text};

/// The program without compilers, which have no part in this.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder).args(arguments).env("PATH", "").output().unwrap()
}

fn optimize(folder: &Path, arguments: &[&str]) {
    let output = run(folder, &[&["optimize", "study.toml"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// The objects of a command that is to succeed.
fn printed(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(folder: &Path, line: &str) -> (Option<i32>, String) {
    let output = run(folder, &line.split(' ').collect::<Vec<_>>());
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn under_other_limits_the_best_is_the_best_of_what_they_allow() {
    // Everything is trained, so that wider limits have something to choose from.
    let black_box = STUDY.replace("x4\"", "x4\"\ncheck = \"after-training\"");
    let folder = study_folder(&black_box);
    let folder = folder.path();
    let mut trained = printed(folder, &["optimize", "study.toml", "--json"]);
    trained.pop();
    let figure = |trial: &Value, name: &str| trial["footprint"][name].as_f64();
    let store = fs::read(folder.join("runs/walkers/study.db")).unwrap();
    for (ram_kb, rom_kb) in [(1.0, 6.0), (0.5, 3.0), (2.0, 20.0), (100.0, 100.0)] {
        let limits = format!("ram_kb={ram_kb},rom_kb={rom_kb},cross_accuracy=none");
        let judged =
            printed(folder, &["judge", "runs/walkers", "--limits", &limits, "--json"]).remove(0);
        let fitting = trained.iter().filter(|trial| {
            let within = |name, limit| figure(trial, name).unwrap() <= 1000.0 * limit;
            within("st_ram_bytes", ram_kb) && within("st_rom_bytes", rom_kb)
        });
        let fitting: Vec<f64> = fitting.map(|trial| trial["accuracy"].as_f64().unwrap()).collect();
        assert_eq!(judged["deployable_trials"], fitting.len());
        let best = fitting.into_iter().reduce(f64::max);
        assert_eq!(judged["best"]["accuracy"].as_f64(), best, "{limits}");
    }
    assert_eq!(fs::read(folder.join("runs/walkers/study.db")).unwrap(), store);

    let (code, told) = said(folder, "judge runs/walkers --limits rom_kb=0.001");
    assert_eq!(code, Some(3), "{told}");
    assert!(
        told.contains("ROM 1 B, X-CROSS accuracy") && told.contains("(those that --limits"),
        "{told}"
    );
    let (code, told) = said(folder, "judge runs/walkers --limits rom=6");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("expected ram_kb, rom_kb, macc or cross_accuracy"), "{told}");
    let (code, told) = said(folder, "judge runs/walkers --board stm32l476rg --limits rom_kb=none");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("not checked: whether its program fits the STM32L476RG"), "{told}");
    let (_, told) = said(folder, "judge runs/walkers --board stm32l476rg");
    assert!(
        told.replace('\n', " ").contains("(the study's, for its own board; others by --limits)"),
        "{told}"
    );
}

#[test]
fn the_way_to_the_program_of_the_best_is_told() {
    let folder = study_folder(&STUDY.replace("rom_kb = 6", "rom_kb = 2.5"));
    optimize(folder.path(), &["--trials", "6"]);
    let (code, told) = said(folder.path(), "judge runs/walkers --limits rom_kb=6");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("6 of 6 trials deployable"), "{told}");
    assert!(told.contains("autotinyml export runs/walkers --trial"), "{told}");
}

/// The study file anew, with other trials and more in [search].
fn write_study(folder: &Path, name: &str, study: &str, trials: usize, search: &str) {
    let study = study.replace("trials = 16", &format!("trials = {trials}\n{search}"));
    fs::write(folder.join(name), study).unwrap();
}

#[test]
fn a_finished_study_goes_on_when_its_file_asks_for_more() {
    let random = STUDY.replace("svm-cbo", "random");
    let folder = study_folder(&random);
    let folder = folder.path();
    for (out, trials) in [("grown", 5), ("grown", 9), ("whole", 9)] {
        write_study(folder, "study.toml", &random, trials, "");
        optimize(folder, &["--out", out, "--resume"]);
    }
    assert_eq!(trials(&folder.join("grown")), trials(&folder.join("whole")));
    write_study(folder, "study.toml", &random, 4, "");
    let (code, told) = said(folder, "optimize study.toml --out grown --resume");
    assert_eq!(code, Some(2));
    assert!(told.contains("it has more trials"), "{told}");
}

#[test]
fn a_study_begins_with_the_trials_of_another_as_if_they_were_its_own() {
    let random = STUDY.replace("svm-cbo", "random");
    let folder = study_folder(&random);
    let folder = folder.path();
    optimize(folder, &["--out", "first", "--trials", "8"]);
    write_study(folder, "study.toml", &random, 12, "warm_start = \"first\"");
    let (code, told) = said(folder, "optimize study.toml --out warm");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("8 of the 8 trials of first are the first of this"), "{told}");
    fs::write(folder.join("study.toml"), &random).unwrap();
    optimize(folder, &["--out", "whole", "--trials", "12"]);
    let measured = |out: &str| -> Vec<_> {
        let trials = trials(&folder.join(out)).into_iter();
        trials.map(|trial| (trial.configuration, trial.outcome)).collect()
    };
    assert_eq!(measured("warm"), measured("whole"));
}

#[test]
fn the_difference_between_the_spaces_is_explained() {
    let random = STUDY.replace("svm-cbo", "random");
    let folder = study_folder(&random);
    let folder = folder.path();
    optimize(folder, &["--out", "first", "--trials", "12"]);
    // One value less, one more, and a hyperparameter for what was fixed.
    let other = random
        .replace("[2, 4, 8, 16, 32]", "[2, 4, 8, 16]")
        .replace("[\"relu\", \"tanh\"]", "[\"relu\", \"tanh\", \"selu\"]\nrows = [1, 2]")
        .replace("window = [2, 1]", "window = [\"$rows\", 1]")
        .replace("filters = 32", "filters = 16\nrows = 1");
    write_study(folder, "study.toml", &other, 14, "warm_start = \"first\"");
    let gone = trials(&folder.join("first"))
        .iter()
        .filter(|trial| format!("{:?}", trial.configuration).starts_with("Configuration([4,"))
        .count();
    let (code, told) = said(folder, "optimize study.toml --out warm --json --quiet");
    assert_eq!((code, told.lines().count()), (Some(0), 14 - (12 - gone) + 1), "{told}");
    fs::remove_dir_all(folder.join("warm")).unwrap();
    let (_, told) = said(folder, "optimize study.toml --out warm");
    assert!(told.contains(&format!("{} of the 12 trials of first", 12 - gone)), "{told}");
    let left_out = format!("  {gone} left out: filters = 32 is not in this space");
    assert_eq!(told.contains(&left_out), gone > 0, "{told}");

    let (code, told) = said(folder, "optimize study.toml --out other --seed 8");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("no trial of first is one of this study: its seed is"), "{told}");
    assert!(!folder.join("other").exists());
}

#[test]
fn settings_that_a_searcher_does_not_read_are_named() {
    let folder = study_folder(&STUDY.replace("\"svm-cbo\"", "\"cbo\"\ninitial = 3\nbeta = 1"));
    let (_, told) = said(folder.path(), "optimize study.toml --trials 1");
    assert!(told.contains("cbo does not read initial, beta in [search]"), "{told}");
}

#[test]
fn more_trials_than_the_space_has_are_not_waited_for() {
    let folder = study_folder(&STUDY.replace("svm-cbo", "random"));
    let (code, told) = said(folder.path(), "optimize study.toml --trials 1000000 --jobs 2");
    assert_eq!(code, Some(0), "{told}");
    for line in told.lines().filter(|line| line.contains(" left")) {
        let units = ["second", "minute"];
        assert!(units.iter().any(|unit| line.contains(unit)) && !line.contains("hour"), "{line}");
    }
}

#[test]
fn a_study_of_residual_networks_ends_with_one_in_c() {
    let study = fs::read_to_string(crate::root().join("examples/residual.toml")).unwrap();
    let epochs = study.lines().find(|line| line.starts_with("epochs")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("residual.toml"), study.replace(epochs, "epochs = 1")).unwrap();
    let arguments = ["optimize", "residual.toml", "--trials", "3", "--json"];
    let printed = printed(folder.path(), &arguments);
    let (summary, trials) = printed.split_last().unwrap();
    assert_eq!(trials.len(), 3);
    assert!(summary["best"]["deployed_accuracy"].as_f64().unwrap() > 0.1, "{summary}");
    assert!(folder.path().join("runs/residual/firmware/network.c").is_file());
}

/// What is settled when a study begins stays, even if it was killed before its first trial.
#[test]
fn a_study_without_trials_keeps_how_many_run_at_once() {
    let folder = study_folder(&STUDY.replace("parallel = 4\n", ""));
    let optimize = |jobs: &str| {
        let arguments =
            ["optimize", "study.toml", "--resume", "--trials", "2", "--jobs", jobs, "--quiet"];
        assert!(run(folder.path(), &arguments).status.success());
        let path = folder.path().join("runs/walkers/study.db");
        let store = rusqlite::Connection::open(path).unwrap();
        store.execute_batch("DELETE FROM trials").unwrap();
        let identity: String = store
            .query_row("SELECT value FROM facts WHERE name = 'identity'", [], |row| row.get(0))
            .unwrap();
        serde_json::from_str::<serde_json::Value>(&identity).unwrap()["parallel"].clone()
    };
    assert_eq!(optimize("3"), 3);
    assert_eq!(optimize("1"), 3);
}
