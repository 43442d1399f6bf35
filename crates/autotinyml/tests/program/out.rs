//! `--out`: nothing of somebody else's is replaced, and what is in the way is named.

use std::fs;
use std::path::Path;

use crate::{STUDY, run, study_folder, text};

/// What the program says when it refuses to begin.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    text(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_study_replaces_nothing_in_a_folder_that_is_not_its_own() {
    let folder = study_folder(STUDY);
    let theirs = folder.path().join("theirs");
    for file in ["report.html", "trials.csv", "model/weights.safetensors", "firmware/main.c"] {
        let file = theirs.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "precious").unwrap();
        for command in [&["optimize", "study.toml"][..], &["quickstart"]] {
            let said = refused(folder.path(), &[command, &["--out", "theirs"]].concat());
            assert!(said.contains("no study.db") && said.contains("--out"), "{said}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        assert!(!theirs.join("study.db").exists());
        fs::remove_dir_all(&theirs).unwrap();
    }
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("notes.txt"), "beside it").unwrap();
    let arguments = ["optimize", "study.toml", "--out", "theirs", "--trials", "1"];
    let output = run(folder.path(), &arguments);
    assert!(theirs.join("report.html").is_file(), "{}", text(&output.stderr));
}

#[test]
fn a_comparison_and_a_table_replace_nothing_of_somebody_else() {
    let folder = study_folder(STUDY);
    let theirs = folder.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("trials.csv"), "precious").unwrap();
    let compare = ["compare", "study.toml", "--searchers", "random", "--out", "theirs"];
    let said = refused(folder.path(), &compare);
    assert!(said.contains("holds trials.csv, but no comparison.html"), "{said}");
    let said = refused(folder.path(), &["table", "study.toml", "--out", "theirs/trials.csv"]);
    assert!(said.contains("exists already"), "{said}");
    assert_eq!(fs::read_to_string(theirs.join("trials.csv")).unwrap(), "precious");
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 1);
}

#[test]
fn what_is_no_folder_and_what_is_no_study_come_with_a_cure() {
    let folder = study_folder(STUDY);
    fs::write(folder.path().join("file"), "").unwrap();
    for command in ["optimize study.toml", "compare study.toml --searchers random"] {
        let command: Vec<&str> = command.split(' ').chain(["--out", "file"]).collect();
        let said = refused(folder.path(), &command);
        assert!(said.contains("file is not a folder") && said.contains("--out"), "{said}");
    }
    let below = run(folder.path(), &["optimize", "study.toml", "--out", "file/below"]);
    let said = text(&below.stderr);
    assert!(said.contains("cannot write file/below") && said.contains("--out"), "{said}");

    fs::create_dir(folder.path().join("damaged")).unwrap();
    fs::write(folder.path().join("damaged/study.db"), [7; 4096]).unwrap();
    for command in ["report damaged", "optimize study.toml --resume --out damaged"] {
        let output = run(folder.path(), &command.split(' ').collect::<Vec<_>>());
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains("changed or damaged"), "{said}");
    }
}

#[test]
fn shells_and_man_get_what_they_read() {
    let folder = study_folder(STUDY);
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(folder.path(), &["completions", shell]).stdout);
        assert!(script.contains("autotinyml") && script.contains("judge"));
    }
    assert!(run(folder.path(), &["man", "--out", "pages"]).status.success());
    let page = fs::read_to_string(folder.path().join("pages/autotinyml-optimize.1")).unwrap();
    assert!(page.contains("autotinyml optimize my") && page.contains("resume"), "{page}");
}
