//! `autotinyml boards`, and boards of the user's own.

use std::fs;
use std::path::Path;
use std::process::Output;

use insta::assert_snapshot;
use serde_json::Value;

use crate::{STUDY, program, root, run, study_folder, text};

/// A Cortex-M0+ of 64 KiB and 8 KiB.
const MINE: &str = r#"name = "mine"
title = "My board"
core = "cortex-m0plus"
clock_hz = 32_000_000
clock_source = "its data sheet, page 1"
stack = "sram"

[[regions]]
name = "flash"
kind = "flash"
origin = 0x0800_0000
length_bytes = 65_536
source = "its data sheet, page 2"

[[regions]]
name = "sram"
kind = "ram"
origin = 0x2000_0000
length_bytes = 8_192
source = "its data sheet, page 2"
"#;

/// A folder with the study for that board, whose file is in boards/.
fn folder_with(board: &str) -> tempfile::TempDir {
    let folder = study_folder(&STUDY.replace("stm32f303k8", "mine"));
    fs::create_dir(folder.path().join("boards")).unwrap();
    fs::write(folder.path().join("boards/mine.toml"), board).unwrap();
    folder
}

/// Without compilers, so that nothing takes long.
fn run_bare(folder: &Path, arguments: &[&str]) -> Output {
    program(folder).env("PATH", "").args(arguments).output().unwrap()
}

#[test]
fn the_table_fits_a_terminal_and_is_that_of_the_documentation() {
    let folder = tempfile::tempdir().unwrap();
    let table = text(&run(folder.path(), &["boards"]).stdout);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let page = fs::read_to_string(root().join("docs/boards-and-checking.md")).unwrap();
    assert!(page.contains(&format!("\n```\n{table}```\n")), "the page should show:\n{table}");
}

#[test]
fn one_board_is_told_with_its_sources() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(text(&run(folder.path(), &["boards", "pico"]).stdout));
}

#[test]
fn a_board_of_ones_own_is_listed_checked_and_searched_for() {
    let folder = folder_with(MINE);
    let folder = folder.path();
    let own = ["--boards", "boards"];
    let table = text(&run(folder, &[&["boards"], &own[..]].concat()).stdout);
    assert!(
        table.contains("\nmine                M0+       64 8              My board\n"),
        "{table}"
    );

    let set = ["--set", "filters=2", "--set", "activation=relu", "--set", "units=4"];
    let arguments = [&["check", "study.toml", "--format", "json"], &set[..], &own].concat();
    let output = run(folder, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    if crate::tools().is_some() {
        assert_eq!(found["links_on_chip"], true, "{found}");
        assert_eq!(found["regions"][1]["length_bytes"], 8192);
        assert!(found["instructions"].as_u64().unwrap() > 0);
    }

    let search = ["optimize", "study.toml", "--trials", "2", "--out", "run"];
    let output = run_bare(folder, &[&search[..], &own].concat());
    assert!([0, 3].contains(&output.status.code().unwrap()), "{}", text(&output.stderr));
    // The study's folder remembers its board.
    fs::remove_dir_all(folder.join("boards")).unwrap();
    let report = text(&run_bare(folder, &["report", "run"]).stdout);
    assert!(report.contains("My board"), "{report}");
}

#[test]
fn a_study_is_not_resumed_for_another_board() {
    let folder = folder_with(MINE);
    let folder = folder.path();
    let search = ["optimize", "study.toml", "--trials", "2", "--boards", "boards", "--out", "run"];
    run_bare(folder, &search);
    let resume = || {
        let output = run_bare(folder, &[&search[..], &["--resume"]].concat());
        (output.status.code().unwrap(), text(&output.stderr))
    };
    fs::write(folder.join("boards/mine.toml"), MINE.replace("page 2", "page 3")).unwrap();
    assert_ne!(resume().0, 2);
    fs::write(folder.join("boards/mine.toml"), MINE.replace("8_192", "4_096")).unwrap();
    let (code, said) = resume();
    assert!(code == 2 && said.contains("its board is another"), "{said}");
}

#[test]
fn a_bad_board_is_refused_with_its_place() {
    let refused = |board: &str| {
        let output = run(folder_with(board).path(), &["boards", "--boards", "boards"]);
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    assert_snapshot!(refused(&MINE.replace("m0plus", "m1")));
    assert_snapshot!(refused(&MINE.replace("stack = \"sram\"", "stack = \"ccm\"")));
    assert_snapshot!(refused(&MINE.replace("\"mine\"", "\"stm32l476rg\"")));
    let folder = study_folder(STUDY);
    let unknown = |arguments: &[&str]| text(&run(folder.path(), arguments).stderr);
    assert_snapshot!(unknown(&["boards", "stm32l476"]));
    assert_snapshot!(unknown(&["boards", "--boards", "nowhere"]));
}
