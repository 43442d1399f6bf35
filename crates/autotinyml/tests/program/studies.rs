//! Whole studies, from the study file to the C project.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{STUDY, program, run, study_folder, text, tools};

fn lines(stdout: &[u8]) -> Vec<Value> {
    text(stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_winner_runs_on_the_emulated_chip_and_its_project_builds() {
    if tools().is_none() {
        return;
    }
    let folder = study_folder(STUDY);
    let output = run(folder.path(), &["optimize", "study.toml", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = lines(&output.stdout);
    let (summary, trials) = printed.split_last().unwrap();
    assert_eq!(trials.len(), 16);
    for trial in trials.iter().filter(|trial| trial["deployable"] == true) {
        assert!(trial["footprint"]["st_rom_bytes"].as_u64().unwrap() <= 6000, "{trial}");
        assert!(trial["footprint"]["st_ram_bytes"].as_u64().unwrap() <= 1000, "{trial}");
    }
    let best = &summary["best"];
    assert_eq!(best["verdict"]["links_on_chip"], true);
    assert!(best["footprint"]["instructions"].as_u64().unwrap() > 100);
    assert!(best["footprint"]["cross_accuracy"].as_f64().unwrap() >= 0.9);
    let accuracies = trials
        .iter()
        .filter(|trial| trial["deployable"] == true)
        .filter_map(|trial| trial["accuracy"].as_f64());
    assert_eq!(best["validation_accuracy"].as_f64(), accuracies.reduce(f64::max));

    let out = folder.path().join("runs/walkers");
    for file in ["study.db", "report.html", "trials.csv", "model/network.json"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let arena = best["footprint"]["arena_bytes"].as_u64().unwrap();
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains(&format!("arena: {arena} B in sram")), "the memory map has {arena} B");
    for (trial, to) in [("3", "exported"), (&best["trial"].to_string(), "again")] {
        let exported =
            run(folder.path(), &["export", "runs/walkers", "--trial", trial, "--out", to]);
        assert!(exported.status.success(), "{}", text(&exported.stderr));
    }
    let weights = |project: &Path| fs::read(project.join("weights.bin")).unwrap();
    assert_eq!(weights(&folder.path().join("again")), weights(&out.join("firmware")));
    for project in [out.join("firmware"), folder.path().join("exported")] {
        make(&project);
    }
}

fn make(project: &Path) {
    let output = Command::new("make").arg("-B").current_dir(project).output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn without_any_tool_a_study_says_what_was_not_checked() {
    let folder = study_folder(STUDY);
    let output = program(folder.path())
        .args(["optimize", "study.toml", "--trials", "6"])
        .env("PATH", "")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("to check: sudo apt install"), "{said}");
    assert!(folder.path().join("runs/walkers/firmware/network.c").is_file());
}

#[test]
fn a_black_box_study_trains_what_cannot_fit_and_refuses_it_afterwards() {
    let black_box =
        STUDY.replace("compression = \"x4\"", "compression = \"x4\"\ncheck = \"after-training\"");
    let folder = study_folder(&black_box);
    let output = run(folder.path(), &["optimize", "study.toml", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = lines(&output.stdout);
    let refused: Vec<&Value> = printed[..16].iter().filter(|t| t["deployable"] == false).collect();
    assert!(!refused.is_empty());
    for trial in refused {
        assert!(trial["accuracy"].is_number(), "trained all the same: {trial}");
        assert!(trial["reasons"][0].as_str().unwrap().contains("over the limit"), "{trial}");
    }
}

#[test]
fn layers_that_cannot_be_built_are_a_refused_trial() {
    // A window of 3 rows and columns on data with 2 channels: some configurations make no network.
    let study = STUDY
        .replace("kernel = [3, 1]", "kernel = \"$kernel\"")
        .replace("units = [4, 8, 16, 32]", "units = [4, 8]\nkernel = [1, 3]")
        .replace("[baseline]\n", "[baseline]\nkernel = 1\n")
        .replace("window = [2, 1]", "window = 1")
        .replace("units = 32\n", "units = 8\n")
        .replace("x4\"", "x4\"\ncheck = \"after-training\"");
    let folder = study_folder(&study);
    let output = run(folder.path(), &["optimize", "study.toml", "--json", "--trials", "8"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = lines(&output.stdout);
    let reasons: Vec<&str> = printed[..8].iter().filter_map(|t| t["reasons"][0].as_str()).collect();
    assert!(
        reasons.contains(&"conv2d: its 3×3 window is larger than its input 8×2×1"),
        "{reasons:?}"
    );
}

#[test]
fn a_space_in_which_nothing_fits_ends_before_any_training() {
    let folder = study_folder(&STUDY.replace("rom_kb = 6", "rom_kb = 0.1"));
    let output = run(folder.path(), &["optimize", "study.toml"]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("nothing in this space can fit: the smallest needs"), "{said}");
    assert!(!folder.path().join("runs").exists());
}

/// Beyond a million configurations the space is not counted but searched with guidance.
#[test]
fn a_space_too_large_to_count_in_which_nothing_fits_ends_before_any_training() {
    let study = STUDY
        .replace("rom_kb = 6", "rom_kb = 0.1")
        .replace(
            "units = [4, 8, 16, 32]",
            "units = [4, 8, 16, 32]\nrate = { low = 0.1, high = 0.5 }",
        )
        .replace("\"adam\"", "\"adam\"\nlearning_rate = \"$rate\"")
        .replace("[baseline]\n", "[baseline]\nrate = 0.25\n");
    assert!(study.contains("$rate"));
    let folder = study_folder(&study);
    let output = run(folder.path(), &["optimize", "study.toml"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("nothing in this space can fit: the smallest needs"), "{said}");
    assert!(said.contains("units = 4") && said.contains("the limits are"), "{said}");
    assert!(!folder.path().join("runs").exists());
}

/// The study with a hyperparameter that may be any number, and pools of these rows.
fn continuous(rows: &str) -> String {
    STUDY
        .replace("units = [4, 8, 16, 32]", "units = [4, 8]\nrate = { low = 0.1, high = 0.5 }")
        .replace("\"adam\"", "\"adam\"\nlearning_rate = \"$rate\"")
        .replace("[2, 1] }", &format!("{rows} }}"))
        .replace("[baseline]\nfilters = 32\nactivation = \"relu\"\nunits = 32\n", "")
}

#[test]
fn an_infinite_space_says_how_much_of_it_makes_no_network() {
    let study = continuous("[\"$filters\", 1]");
    let folder = study_folder(&study);
    let output = run(folder.path(), &["optimize", "study.toml", "--trials", "1"]);
    let said = text(&output.stderr);
    let share = said.split("about ").nth(1).and_then(|share| share.split(' ').next());
    let share: f64 = share.expect("a share").parse().unwrap();
    // Of five heights of the window, 8, 16 and 32 are larger than the 6 rows of the map.
    assert!((share - 60.0).abs() < 6.0, "{said}");
    assert!(said.contains("make no network (max_pool2d: its "), "{said}");
}

#[test]
fn a_space_of_which_no_network_can_be_built_ends_with_the_reason() {
    for study in [continuous("[40, 1]"), STUDY.replace("[2, 1] }", "[40, 1] }")] {
        let study =
            study.replace("[baseline]\nfilters = 32\nactivation = \"relu\"\nunits = 32\n", "");
        let folder = study_folder(&study);
        let output = run(folder.path(), &["optimize", "study.toml"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        let reason = "no network of this space can be built: max_pool2d: its 40×1 window";
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn files_of_a_split_are_not_taken_for_classes_without_a_word() {
    let folder = study_folder(STUDY);
    let data = folder.path().join("data");
    for (from, to) in [("ada", "train"), ("bo", "test"), ("cy", "valid")] {
        fs::rename(data.join(from).with_extension("csv"), data.join(to).with_extension("csv"))
            .unwrap();
    }
    let output = run(folder.path(), &["optimize", "study.toml", "--trials", "1"]);
    let said = text(&output.stderr);
    assert!(said.contains("the classes are the names of files, test, train, valid"), "{said}");
    let output = run(study_folder(STUDY).path(), &["optimize", "study.toml", "--trials", "1"]);
    assert!(!text(&output.stderr).contains("the classes are the names"));
}

#[test]
fn a_report_can_be_made_again_from_the_store() {
    let folder = study_folder(STUDY);
    let first = run(folder.path(), &["optimize", "study.toml", "--trials", "5"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let report = folder.path().join("runs/walkers/report.html");
    let page = fs::read_to_string(&report).unwrap();
    fs::remove_file(&report).unwrap();
    let again = run(folder.path(), &["report", "runs/walkers"]);
    assert_eq!(text(&again.stdout), text(&first.stdout));
    assert_eq!(fs::read_to_string(&report).unwrap(), page);
}

#[test]
fn a_compiler_that_fails_is_an_error_and_not_a_verdict() {
    use std::os::unix::fs::PermissionsExt;
    let folder = study_folder(STUDY);
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let compiler = bin.join("arm-none-eabi-gcc");
    let script = "#!/bin/sh\n\
        if [ \"$1\" = -print-file-name=libc.a ]; then echo /usr/lib/libc.a; exit 0; fi\n\
        echo 'internal compiler error: out of ideas' >&2; exit 4\n";
    fs::write(&compiler, script).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();

    let output = program(folder.path())
        .args(["optimize", "study.toml", "--trials", "4"])
        .env("PATH", &bin)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("arm-none-eabi-gcc"), "{said}");
    assert!(said.contains("internal compiler error: out of ideas"), "{said}");
    assert!(!folder.path().join("runs/walkers/firmware").exists());

    // With a compiler that works, or none, the study goes on where it was.
    fs::remove_file(&compiler).unwrap();
    let resumed = program(folder.path())
        .args(["optimize", "study.toml", "--trials", "4", "--resume"])
        .env("PATH", &bin)
        .output()
        .unwrap();
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
}

#[test]
fn early_stopping_ends_trials_and_finalists_before_their_last_epoch() {
    let stopping = "optimizer = \"adam\"\nearly_stopping = { patience = 2, hold_out = 0.3 }";
    let study =
        STUDY.replace("optimizer = \"adam\"", stopping).replace("trials = 16", "trials = 3");
    // Without it, this would take minutes.
    let study = study.replace("epochs = 4", "epochs = 60000\nlearning_rate = 0.1");
    let folder = study_folder(&study);
    let output =
        program(folder.path()).args(["optimize", "study.toml"]).env("PATH", "").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let trials = fs::read_to_string(folder.path().join("runs/walkers/trials.csv")).unwrap();
    let mut rows = trials.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let column = header.iter().position(|name| *name == "epochs").unwrap();
    let epochs: Vec<usize> = rows.map(|row| row[column].parse().unwrap_or(0)).collect();
    assert!(epochs.iter().any(|epochs| (1..1000).contains(epochs)), "{epochs:?}");
    assert!(epochs.iter().all(|epochs| *epochs < 1000), "{epochs:?}");
    let report = fs::read_to_string(folder.path().join("runs/walkers/report.html")).unwrap();
    assert!(
        report.replace('\u{a0}', " ").contains("30 % of each training part only tell when to stop")
    );
}

#[test]
fn the_best_is_what_the_goal_says() {
    // So many more windows of ada that accuracy and balanced accuracy differ.
    let study = STUDY
        .replace("seed = 7", "seed = 7\ngoal = \"macro-f1\"")
        .replace("epochs = 4", "epochs = 2");
    let folder = study_folder(&study);
    let ada = folder.path().join("data/ada.csv");
    let rows = fs::read_to_string(&ada).unwrap();
    let later = |row: &str, by: f64| {
        let (time, rest) = row.split_once(',').unwrap();
        format!("{:.2},{rest}\n", time.parse::<f64>().unwrap() + by)
    };
    let more: String =
        (0..4).flat_map(|i| rows.lines().map(move |row| later(row, 4.8 * f64::from(i)))).collect();
    fs::write(&ada, more).unwrap();
    let output = program(folder.path())
        .args(["optimize", "study.toml", "--json"])
        .env("PATH", "")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = lines(&output.stdout);
    let (summary, trials) = printed.split_last().unwrap();
    let best = |figure: &str| {
        let deployable = trials.iter().filter(|trial| trial["deployable"] == true);
        deployable.filter_map(|trial| trial[figure].as_f64()).reduce(f64::max).unwrap()
    };
    // They are printed in the order in which they end.
    let winner = trials.iter().find(|trial| trial["trial"] == summary["best"]["trial"]).unwrap();
    assert_eq!(winner["macro_f1"].as_f64(), Some(best("macro_f1")));
    assert_eq!(summary["best"]["validation_goal"], winner["macro_f1"]);
    assert_eq!(summary["best"]["validation_accuracy"], winner["accuracy"]);
    assert!(trials.iter().any(|trial| trial["accuracy"] != trial["balanced_accuracy"]));
    let shown = run(folder.path(), &["report", "runs/walkers"]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("validation macro F1"), "{shown}");
    assert!(shown.contains("test balanced accuracy, as deployed"), "{shown}");
}

#[test]
fn a_diverging_training_is_a_refused_trial_with_its_reason() {
    let study = STUDY
        .replace(
            "filters = [2, 4, 8, 16, 32]\n",
            "filters = [2, 4, 8, 16, 32]\nrate = [0.01, 1e6]\n",
        )
        .replace("filters = 32\n", "filters = 32\nrate = 0.01\n")
        .replace("optimizer = \"adam\"", "optimizer = \"adam\"\nlearning_rate = \"$rate\"")
        .replace("svm-cbo", "random")
        .replace("trials = 16", "trials = 8");
    let folder = study_folder(&study);
    let output = program(folder.path())
        .args(["optimize", "study.toml", "--json"])
        .env("PATH", "")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = lines(&output.stdout);
    let (_, trials) = printed.split_last().unwrap();
    let (fast, slow): (Vec<&Value>, Vec<&Value>) =
        trials.iter().partition(|trial| trial["settings"]["rate"] == 1e6);
    assert!(!fast.is_empty() && !slow.is_empty());
    for trial in fast {
        assert_eq!(trial["deployable"], false, "{trial}");
        assert_eq!(trial["accuracy"], Value::Null, "{trial}");
        assert_eq!(trial["reasons"][0], "diverged at epoch 1: the loss exploded");
    }
    assert!(slow.iter().all(|trial| trial["accuracy"].is_number()));
}
