//! Studies of several boards and compressions.

use serde_json::Value;

use crate::complaints::complaint;
use crate::epochs::optimize;
use crate::{STUDY, run, study_folder, text};

const NAMES: [&str; 4] = ["stm32f303k8-x1", "stm32f303k8-x8", "stm32l476rg-x1", "stm32l476rg-x8"];

/// Two boards, of which one has limits of its own, at two compressions.
fn study(searcher: &str) -> String {
    STUDY
        .replace("board = \"stm32f303k8\"", "boards = [\"stm32f303k8\", \"stm32l476rg\"]")
        .replace(
            "limits = { ram_kb = 1, rom_kb = 6, cross_accuracy = 0.9 }",
            "limits = { rom_kb = 6, cross_accuracy = 0.9, stm32l476rg = { rom_kb = 12 } }",
        )
        .replace("\"x4\"", "[\"x1\", \"x8\"]")
        .replace("searcher = \"svm-cbo\"", &format!("searcher = \"{searcher}\""))
}

/// What one board and one compression make of the same study.
fn alone(name: &str, searcher: &str) -> String {
    let (board, compression) = name.split_once('-').unwrap();
    let rom_kb = if board == "stm32l476rg" { 12 } else { 6 };
    STUDY
        .replace("stm32f303k8", board)
        .replace("ram_kb = 1, rom_kb = 6", &format!("rom_kb = {rom_kb}"))
        .replace("\"x4\"", &format!("\"{compression}\""))
        .replace("searcher = \"svm-cbo\"", &format!("searcher = \"{searcher}\""))
}

/// A grid goes its way whatever comes of it, so that each study tries the same.
#[test]
fn each_combination_sees_what_a_study_of_its_own_would_have_seen() {
    let after =
        |study: String| study.replace("compression =", "check = \"after-training\"\ncompression =");
    let folder = study_folder(&after(study("grid")));
    let (trials, _) = optimize(folder.path(), &["--trials", "9"]);
    let trials: Vec<&Value> = trials.iter().filter(|trial| trial["trial"].is_u64()).collect();
    assert_eq!(trials.len(), 9, "each is trained once");
    for (combination, name) in NAMES.into_iter().enumerate() {
        let single = study_folder(&after(alone(name, "grid")));
        let (of_its_own, summary) = optimize(single.path(), &["--trials", "9"]);
        for (trial, own) in trials.iter().zip(&of_its_own) {
            assert_eq!(trial["settings"], own["settings"]);
            let seen = &trial["combinations"][combination];
            assert_eq!(seen["accuracy"], own["accuracy"], "{name}");
            assert_eq!(seen["footprint"], own["footprint"], "{name}");
            assert_eq!(seen["verdict"]["reasons"], own["reasons"], "{name}");
        }
        let report = run(folder.path(), &["report", &format!("runs/walkers/{name}"), "--json"]);
        let report: Value = serde_json::from_str(&text(&report.stdout)).unwrap();
        for key in ["best", "baseline", "deployable_trials", "space"] {
            assert_eq!(report[key], summary[key], "{name}");
        }
    }
}

#[test]
fn combinations_take_turns_and_go_on_where_they_were_stopped() {
    let folder = study_folder(&study("cbo"));
    let (trials, summary) = optimize(folder.path(), &["--jobs", "3"]);
    assert_eq!(summary["combinations"].as_array().map(Vec::len), Some(4), "one object at the end");
    let of_trials = |lines: &[Value]| -> Vec<Value> {
        lines.iter().filter(|line| line["trial"].is_u64()).cloned().collect()
    };
    let whole = of_trials(&trials);
    assert_eq!(whole.len(), 16);

    let again = study_folder(&study("cbo"));
    let (trials, _) = optimize(again.path(), &["--jobs", "1"]);
    assert!(of_trials(&trials) == whole, "the same with one worker");
    let out = again.path().join("runs/walkers");
    let store = rusqlite::Connection::open(out.join("study.db")).unwrap();
    store.execute_batch("DELETE FROM trials WHERE id >= 7").unwrap();
    drop(store);
    for name in NAMES {
        std::fs::remove_dir_all(out.join(name)).unwrap();
    }
    let report = run(again.path(), &["report", "runs/walkers", "--json"]);
    assert_eq!(report.status.code(), Some(0), "not finished is no failure");
    let report: Value = serde_json::from_str(&text(&report.stdout)).expect("one object");
    assert_eq!(report["finished"], false);
    for (of_it, name) in report["combinations"].as_array().unwrap().iter().zip(NAMES) {
        assert_eq!((&of_it["name"], &of_it["trials"]), (&name.into(), &7.into()));
        assert!(out.join(name).join("report.html").is_file(), "{name}");
    }
    let (rest, _) = optimize(again.path(), &["--jobs", "2", "--resume"]);
    assert!(of_trials(&rest) == whole[7..], "the same after a resumption");

    let report = run(again.path(), &["report", "runs/walkers"]);
    assert!(report.status.success(), "{}", text(&report.stderr));
    let table = text(&report.stdout);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for said in ["≤ 12.00 KB", "≥ 90.00 %", "<h2>Settings of the best networks</h2>", "activation"]
    {
        assert!(page.contains(said), "{said}");
    }
    for name in NAMES {
        assert!(page.contains(&format!("href=\"{name}/report.html\"")), "{name}");
        let table = table.split("Limits").next().unwrap();
        let rows = table.lines().filter(|line| line.trim().starts_with(&format!("{name} ")));
        assert_eq!(rows.count(), 1, "{table}");
        let one = format!("runs/walkers/{name}");
        assert!(again.path().join(&one).join("firmware/network.c").is_file(), "{name}");
        let judged = run(again.path(), &["judge", &one, "--limits", "rom_kb=none", "--json"]);
        let judged: Value = serde_json::from_str(&text(&judged.stdout)).unwrap();
        assert_eq!(judged["trials"], 16, "{name}");
        let out = format!("{name}.firmware");
        let exported = run(again.path(), &["export", &one, "--out", &out]);
        assert!(exported.status.success(), "{}", text(&exported.stderr));
        assert!(again.path().join(&out).join("network.c").is_file());
    }
    let judged = run(again.path(), &["judge", "runs/walkers"]);
    assert_eq!(judged.status.code(), Some(2));
    assert!(text(&judged.stderr).contains("stm32f303k8-x8"), "{}", text(&judged.stderr));
}

#[test]
fn combinations_that_make_no_sense() {
    let board = "board = \"stm32f303k8\"";
    let boards = "boards = [\"stm32f303k8\", \"stm32l476rg\"]";
    insta::assert_snapshot!(complaint(board, &format!("{boards}\n{board}")));
    insta::assert_snapshot!(complaint("\"x4\"", "[\"x4\", \"x8\", \"x4\"]"));
    insta::assert_snapshot!(complaint("\"x4\"", "[]"));
    insta::assert_snapshot!(complaint("ram_kb = 1,", "stm32l476rg = { ram_kb = 1 },"));
}
