//! The fuzzers' corpus, replayed on stable Rust: what they found once stays found.

#[path = "../../../fuzz/parsers.rs"]
mod parsers;

use std::fs;
use std::path::Path;

/// Feeds every file of a target's corpus to it.
fn replay(target: &str, parser: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 10, "{} holds {} files", folder.display(), files.len());
    for file in files {
        parser(&fs::read(&file).unwrap());
    }
}

#[test]
fn csv() {
    replay("csv", parsers::csv);
}

#[test]
fn idx() {
    replay("idx", parsers::idx);
}

#[test]
fn npz() {
    replay("npz", parsers::npz);
}
