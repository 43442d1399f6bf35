//! Searchers side by side: on a live study, and on a table of it.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use autotinyml::table;
use autotinyml_deploy::Boards;
use insta::assert_snapshot;

use crate::{STUDY, program, run, study_folder, text, tools};

/// A column of a CSV file without quoted fields.
fn column(path: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let place = lines.next().unwrap().iter().position(|column| column == name).unwrap();
    lines.map(|line| line[place].clone()).collect()
}

fn ended(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Starts the program and kills it as soon as so many files are in a folder.
fn kill_at(folder: &Path, arguments: &[&str], pieces: &Path, files: usize) {
    let mut command = program(folder);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    while fs::read_dir(pieces).map_or(0, Iterator::count) < files {
        assert!(child.try_wait().unwrap().is_none(), "ended before it had {files} files");
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_table_is_that_of_its_study_and_searchers_run_on_it() {
    let Some(tools) = tools() else { return };
    let folder = study_folder(STUDY);
    let folder = folder.path();
    let make = ["table", "study.toml", "--out", "walkers.csv.gz", "--noise", "2", "--jobs", "2"];
    // Lock, identity, and some of the six pieces; killed in the middle of the next ones.
    for files in [3, 5] {
        kill_at(folder, &make, &folder.join("walkers.csv.gz.pieces"), files);
    }
    let said = run(folder, &make);
    assert_eq!(text(&said.stdout), "48 rows in walkers.csv.gz\n");
    let before = text(&said.stderr);
    assert!(!before.starts_with("0/48"), "kept what was finished: {before}");

    let table = table::read(&folder.join("walkers.csv.gz"), &Boards::default()).unwrap();
    assert_eq!((table.rows.len(), table.first_seed().len()), (48, 40));
    agrees_with_trials(folder, &table);
    agrees_with_the_linker(&table, &tools);

    let compare_table = |table: &str, out: &str, more: &[&str]| {
        let arguments = ["compare", "--table", table, "--searchers", "random,svm-cbo"];
        let rest = ["--repeats", "4", "--trials", "12", "--deployable", "50", "--out", out];
        ended(folder, &[&arguments[..], &rest, more].concat())
    };
    let black_box = compare_table("walkers.csv.gz", "black-box", &["--check", "after-training"]);
    // By its name, where the project keeps its tables.
    let compare = |out: &str, more: &[&str]| compare_table("walkers", out, more);
    fs::create_dir(folder.join("tables")).unwrap();
    fs::rename(folder.join("walkers.csv.gz"), folder.join("tables/walkers.csv.gz")).unwrap();
    let known = compare("known", &["--check", "before-training", "--jobs", "1"]);
    assert!(black_box.contains("50.00 % of it is deployable"), "{black_box}");
    let wasted = |out: &str| {
        let wasted = column(&folder.join(out).join("comparison.csv"), "wasted_median");
        wasted.iter().map(|median| median.parse::<f64>().unwrap()).sum::<f64>()
    };
    assert!(wasted("known") < wasted("black-box") / 2.0, "{known}\n{black_box}");
    let again = compare("again", &["--check", "after-training", "--jobs", "1"]);
    assert_eq!(black_box.replace("walkers.csv.gz", "walkers"), again);
    assert!(folder.join("known/comparison.html").is_file());
}

/// A trial of the study's own seed trains its first fold as the table does.
fn agrees_with_trials(folder: &Path, table: &table::Table) {
    ended(folder, &["optimize", "study.toml", "--trials", "8", "--out", "study"]);
    let store = autotinyml::store::Store::read(&folder.join("study")).unwrap();
    let mut compared = 0;
    for trial in store.trials(&table.study.space).unwrap() {
        let row = table.first_seed().iter().find(|row| row.configuration == trial.configuration);
        let [_, x4, _] = row.unwrap().measured.deployed.unwrap();
        if let Some(fold) = trial.outcome.fold_accuracies.first() {
            compared += 1;
            assert!((x4.validation_accuracy - fold).abs() < 1e-5, "{x4:?}, trial: {fold}");
        }
        let [_, footprint, _] = row.unwrap().footprints.as_ref().unwrap();
        let found = trial.outcome.footprint.unwrap();
        assert_eq!(
            (footprint.st_ram_bytes, footprint.st_rom_bytes, footprint.macc),
            (found.st_ram_bytes, found.st_rom_bytes, found.macc)
        );
    }
    assert!(compared >= 4, "{compared} trials were trained");
}

/// Sizes of linked programs are known from one of each kind.
fn agrees_with_the_linker(table: &table::Table, tools: &autotinyml_deploy::Tools) {
    use autotinyml::evaluate::Evaluator;
    use autotinyml::samples::Samples;
    let mut study = table.study.clone();
    // The table's own path counts from where the table lies.
    study.search.seed = 7;
    let samples = Samples::load(&study.data, None, study.search.seed).unwrap();
    let compiler = tools.cross_cc.as_deref().unwrap();
    for (column, compression) in table::COMPRESSIONS.into_iter().enumerate() {
        study.deploy.compression = compression;
        let evaluator = Evaluator::new(&study, &samples, tools);
        for row in table.first_seed().iter().step_by(17) {
            let network = evaluator.network(&row.configuration).unwrap();
            let linked = evaluator.link(&network, compiler).unwrap();
            let found = &row.footprints.as_ref().unwrap()[column];
            for (found, linked) in
                [(found.flash_bytes, linked.flash_bytes), (found.ram_bytes, linked.ram_bytes)]
            {
                let (found, linked) = (found.unwrap(), linked.unwrap());
                let off = found.abs_diff(linked);
                assert!(
                    off <= autotinyml_deploy::overhead::SLACK_BYTES,
                    "{found}, linked {linked}"
                );
            }
        }
    }
}

#[test]
fn a_table_that_grows_answers_as_the_whole_one_though_it_is_killed() {
    let folder = study_folder(STUDY);
    let folder = folder.path();
    ended(folder, &["table", "study.toml", "--out", "whole.csv.gz"]);
    let searchers = ["--searchers", "random,svm-cbo-forest,hyperband"];
    let rest = ["--repeats", "2", "--trials", "10", "--compression", "x8", "--jobs", "2"];
    let limits = ["--limits", "rom_kb=4", "--check", "before-training"];
    let compare = |on: &[&'static str]| [&["compare"], on, &searchers[..], &rest, &limits].concat();
    let grow = compare(&["study.toml", "--table", "grown.csv.gz", "--out", "grown"]);
    let journal = folder.join("grown.csv.gz.journal");
    let lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    for trained in [4, 9] {
        let mut child = program(folder).args(&grow).stderr(Stdio::null()).spawn().unwrap();
        while lines() <= trained {
            assert!(child.try_wait().unwrap().is_none(), "ended before it had {trained} rows");
            sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // As if killed in the middle of a line.
    let kept = lines() - 1;
    fs::OpenOptions::new().append(true).open(&journal).unwrap().write_all(b"{\"settings").unwrap();
    let output = run(folder, &grow);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    let rows = || {
        let mut text = String::new();
        let file = fs::File::open(folder.join("grown.csv.gz")).unwrap();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).count() - 1
    };
    let all = rows();
    let new = format!("{all} rows in grown.csv.gz, {} of them new", all - kept);
    assert!(kept >= 9 && said.contains(&new), "{new}: {said}");

    ended(folder, &compare(&["--table", "whole.csv.gz", "--out", "whole"]));
    let alike = ["accuracy", "deployable", "share", "filters", "activation", "units"];
    for name in alike {
        let of = |out: &str| column(&folder.join(out).join("trials.csv"), name);
        assert_eq!(of("grown"), of("whole"), "{name}");
    }
    // The baseline of the study's own seed comes first.
    for name in ["searcher", "validation", "test", "st_rom_bytes", "cross_accuracy"] {
        let of = |out: &str| {
            let all = column(&folder.join(out).join("winners.csv"), name);
            let baselines = if out == "grown" { 2 } else { 1 };
            [&all[..1], &all[baselines..]].concat()
        };
        assert_eq!(of("grown"), of("whole"), "{name}");
    }
    // Nothing is left to train.
    let output = run(folder, &grow);
    assert!(text(&output.stderr).contains(&format!("{all} rows in grown.csv.gz, 0 of them new")));

    let changed = STUDY.replace("epochs = 4", "epochs = 5");
    fs::write(folder.join("study.toml"), changed).unwrap();
    let output = run(folder, &grow);
    assert_eq!(output.status.code(), Some(2));
    let complaint = text(&output.stderr);
    assert!(complaint.contains("its study file is another"), "{complaint}");
    assert_eq!(rows(), all);
    let part = run(folder, &compare(&["--table", "grown.csv.gz", "--out", "part"]));
    assert_eq!(part.status.code(), Some(2), "a part is no whole table");
}

#[test]
fn a_sitting_without_time_keeps_nothing_but_its_trainings() {
    let folder = study_folder(STUDY);
    let folder = folder.path();
    let grow = ["compare", "study.toml", "--table", "t.csv.gz", "--searchers", "random"];
    let output = run(folder, &[&grow[..], &["--minutes", "0", "--out", "out"]].concat());
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("the same line goes on"), "{}", text(&output.stderr));
    assert!(!folder.join("out").exists());
}

#[test]
fn pieces_of_another_table_are_not_mixed_in() {
    let folder = study_folder(STUDY);
    let folder = folder.path();
    let make = ["table", "study.toml", "--out", "t.csv.gz", "--jobs", "1"];
    kill_at(folder, &make, &folder.join("t.csv.gz.pieces"), 3);
    let changed = STUDY.replace("epochs = 4", "epochs = 5");
    fs::write(folder.join("study.toml"), changed).unwrap();
    let output = run(folder, &make);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("pieces of another table"), "{}", text(&output.stderr));
}

#[test]
fn a_live_comparison_that_is_killed_ends_as_if_left_alone() {
    let folder = study_folder(STUDY);
    let folder = folder.path();
    let compare = |out: &'static str| {
        let arguments = ["compare", "study.toml", "--searchers", "random,svm-cbo,grid"];
        [&arguments[..], &["--repeats", "2", "--trials", "8", "--jobs", "2", "--out", out]].concat()
    };
    let whole = ended(folder, &compare("whole"));
    // In the middle of the first and of the second repeat.
    for inside in ["svm-cbo/seed-7/study.db", "random/seed-8/study.db"] {
        let mut command = program(folder);
        command.args(compare("killed")).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        while !folder.join("killed").join(inside).exists() {
            assert!(child.try_wait().unwrap().is_none(), "ended before {inside} was there");
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(20));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let resumed = ended(folder, &compare("killed"));
    for name in ["searcher", "seed", "trial", "accuracy", "deployable", "best_so_far"] {
        let of = |out: &str| column(&folder.join(out).join("trials.csv"), name);
        assert_eq!(of("killed"), of("whole"), "{name}");
    }
    // Seconds differ; all else is said alike.
    let figures =
        |text: &str| text.lines().find(|line| line.contains("mean rank (")).map(str::to_owned);
    assert!(figures(&whole).is_some());
    assert_eq!(figures(&resumed), figures(&whole));

    // Two searchers that come to the same configuration with the same seed share its training.
    let seconds = column(&folder.join("whole/trials.csv"), "seconds");
    let different: std::collections::HashSet<&String> = seconds.iter().collect();
    assert!(different.len() < seconds.len(), "nothing was shared in {} trials", seconds.len());
}

#[test]
fn a_comparison_that_makes_no_sense() {
    let folder = study_folder(STUDY);
    let complaint = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["compare"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let unknown = complaint(&["study.toml", "--searchers", "random,svm-cob"]);
    let (said, known) = unknown.split_once("known: ").expect("names what there is");
    assert_snapshot!(said);
    assert!(known.contains("random, svm-cbo"), "{known}");
    assert_snapshot!(complaint(&["study.toml", "--searchers", "random,random"]));
    assert_snapshot!(complaint(&["--table", "nowhere.csv.gz", "--searchers", "random"]));
    assert_snapshot!(complaint(&["--table", "study.toml", "--searchers", "random"]));
    assert_snapshot!(complaint(&["--table", "nowhere", "--searchers", "random"]));
    assert!(!folder.path().join("runs").exists(), "nothing was written");
}
