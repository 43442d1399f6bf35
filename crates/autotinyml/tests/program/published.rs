//! `autotinyml data`: what there is, and getting it from a folder.

use std::fs;

use insta::assert_snapshot;

use crate::{root, run, text};

#[test]
fn the_list_tells_size_licence_and_source() {
    let listed = run(&root(), &["data", "list"]);
    assert!(listed.status.success());
    assert_snapshot!(text(&listed.stdout));
}

#[test]
fn an_unknown_set_is_named_with_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let got = run(folder.path(), &["data", "get", "mnist"]);
    assert_eq!(got.status.code(), Some(2));
    assert_snapshot!(text(&got.stderr));
    assert!(!folder.path().join("data").exists());
}

/// The walking data as CI has them, checked file by file, then read by a network that names them.
#[test]
fn a_local_copy_is_checked_and_can_be_read() {
    let from = root().join("../shared/data/uiwad");
    if !from.is_dir() {
        eprintln!("skipped: no walking data in {}", from.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let get = ["data", "get", "uiwad", "--from", from.to_str().unwrap()];
    let got = run(folder.path(), &get);
    assert!(got.status.success(), "{}", text(&got.stderr));
    let study = text(&got.stdout).split_once("[data]").unwrap().1.to_string();
    let network = "[[network]]\nflatten = {}\n[[network]]\ndense = { units = \"classes\" }\n";
    fs::write(folder.path().join("network.toml"), format!("[data]{study}{network}")).unwrap();
    let checked = run(folder.path(), &["check", "network.toml"]);
    assert!(text(&checked.stdout).contains("5962 parameters"), "{}", text(&checked.stdout));
    // 90 × 3 inputs for each of 22 people, and a bias: 270 · 22 + 22 = 5,962.

    let altered = tempfile::tempdir().unwrap();
    fs::write(altered.path().join("1.csv"), "0,1,2,3\n").unwrap();
    let get =
        ["data", "get", "uiwad", "--from", altered.path().to_str().unwrap(), "--out", "other"];
    let got = run(folder.path(), &get);
    assert_eq!(got.status.code(), Some(1), "{}", text(&got.stderr));
    assert_eq!(fs::read_dir(folder.path().join("other")).unwrap().count(), 0);
}
