//! Disks that are full or may only be read, and stores that are damaged or of another version: a clear
//! error, and nothing lost.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use autotinyml::store::Store;

use crate::durability::{optimize, trials};
use crate::{STUDY, program, run, study_folder, text};

/// Runs a shell's script in `folder` where it may mount file systems; `optimize OUT …` in it is the
/// program without tools. None: this system lets nobody do so.
fn with_mounts(folder: &Path, script: &str) -> Option<Output> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command.current_dir(folder).env("NO_COLOR", "1").output()
    };
    fs::create_dir_all(folder.join("mounted")).unwrap();
    let allowed = unshare("mount -t tmpfs tmpfs mounted").is_ok_and(|tried| tried.status.success());
    if !allowed {
        eprintln!("skipped: no file system can be mounted here");
        return None;
    }
    let program = env!("CARGO_BIN_EXE_autotinyml");
    let optimize = format!("optimize() {{ PATH= {program} optimize study.toml --out \"$@\"; }}\n");
    Some(unshare(&(optimize + script)).unwrap())
}

/// What was said, on one line.
fn said(output: &Output) -> String {
    text(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_full_disk_is_an_error_after_which_the_study_goes_on() {
    let folder = study_folder(STUDY);
    let folder = folder.path();
    let whole = program(folder)
        .args(["optimize", "study.toml", "--out", "whole"])
        .env("PATH", "")
        .output()
        .unwrap();
    assert!(whole.status.success(), "{}", text(&whole.stderr));
    // Before there is a store, while trials are written, while the report is.
    for (kilobytes, problem) in
        [(4, "database or disk is full"), (120, "database or disk is full"), (200, "cannot write")]
    {
        let script = format!(
            "mount -t tmpfs -o size={kilobytes}k tmpfs mounted
             optimize mounted/out --json > acknowledged
             echo $? > code
             mount -o remount,size=10m mounted
             optimize mounted/out --resume --json > later || exit
             cp -r mounted/out full-{kilobytes}"
        );
        let Some(output) = with_mounts(folder, &script) else { return };
        assert!(output.status.success(), "{:?} {}", output.status, said(&output));
        assert_eq!(fs::read_to_string(folder.join("code")).unwrap(), "1\n");
        assert!(said(&output).contains(problem), "{kilobytes} KiB: {}", said(&output));
        assert!(said(&output).contains("see that the disk is not full"), "{}", said(&output));
        let out = folder.join(format!("full-{kilobytes}"));
        assert_eq!(trials(&out), trials(&folder.join("whole")), "{kilobytes} KiB");
        let acknowledged = fs::read_to_string(folder.join("acknowledged")).unwrap();
        let acknowledged =
            acknowledged.lines().filter(|line| line.starts_with("{\"trial\"")).count();
        let later = fs::read_to_string(folder.join("later")).unwrap();
        let later = later.lines().filter(|line| line.starts_with("{\"trial\"")).count();
        assert_eq!(acknowledged + later, 16, "{kilobytes} KiB: none lost, none twice");
    }
}

#[test]
fn a_folder_that_may_only_be_read_is_named_with_the_cure() {
    let folder = study_folder(STUDY);
    let script = "mount -t tmpfs tmpfs mounted
         optimize mounted/out --trials 2 2> /dev/null > /dev/null
         mount -o remount,ro mounted
         optimize mounted/new
         optimize mounted/out --resume";
    let Some(output) = with_mounts(folder.path(), script) else { return };
    assert_eq!(output.status.code(), Some(1));
    for problem in ["cannot write mounted/new: Read-only", "cannot write mounted/out/study.lock"] {
        assert!(said(&output).contains(problem), "{}", said(&output));
    }
    assert!(said(&output).contains("choose another folder by --out"), "{}", said(&output));
}

#[test]
fn a_truncated_store_is_called_damaged_and_left_as_it_is() {
    let folder = study_folder(STUDY);
    let folder = folder.path();
    optimize(folder, &["--out", "whole", "--trials", "4"]);
    let whole = fs::read(folder.join("whole/study.db")).unwrap();
    fs::create_dir(folder.join("cut")).unwrap();
    let store = folder.join("cut/study.db");
    for length in [100, 4096, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        fs::write(&store, &whole[..length]).unwrap();
        for command in ["report cut", "optimize study.toml --out cut --resume"] {
            let output = run(folder, &command.split(' ').collect::<Vec<_>>());
            assert_eq!(output.status.code(), Some(1), "{length} bytes: {}", said(&output));
            assert!(said(&output).contains("changed or damaged"), "{length}: {}", said(&output));
        }
        assert_eq!(fs::read(&store).unwrap(), whole[..length]);
    }
    // Where not even its making was finished, nothing is lost.
    fs::write(&store, "").unwrap();
    let report = run(folder, &["report", "cut"]);
    assert!(said(&report).contains("cut/study.db holds no study yet"), "{}", said(&report));
    optimize(folder, &["--out", "cut", "--resume", "--trials", "4"]);
    assert_eq!(trials(&folder.join("cut")), trials(&folder.join("whole")));
}

#[test]
fn a_store_of_a_later_version_is_sent_to_its_program() {
    let folder = study_folder(STUDY);
    optimize(folder.path(), &["--out", "out", "--trials", "1"]);
    let path = folder.path().join("out");
    drop(Store::open(&path).unwrap());
    // The version is the number at byte 60 of the file, and the log is empty.
    let mut bytes = fs::read(path.join("study.db")).unwrap();
    assert_eq!(bytes[60..64], [0, 0, 0, 3]);
    bytes[63] = 200;
    fs::write(path.join("study.db"), bytes).unwrap();
    for command in ["report out", "optimize study.toml --out out --resume"] {
        let output = run(folder.path(), &command.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("schema version 200, expected 3"), "{}", said(&output));
    }
}
