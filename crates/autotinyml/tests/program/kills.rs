//! A study that is killed at any moment loses nothing that it has acknowledged, has nothing twice, and
//! ends as if nothing had happened.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use autotinyml::store::Store;
use serde_json::Value;

use crate::durability::{trials, weights};
use crate::{STUDY, program, study_folder};

/// Numbers that look random, to the same seed the same.
struct Dice(u64);

impl Dice {
    /// At least 0, less than 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 40) as f64 / (1 << 24) as f64
    }
}

/// A moment to kill at.
enum Moment {
    /// This long after the start.
    After(Duration),
    /// As soon as SQLite's log has grown by so many bytes since the start: inside a transaction.
    InTransaction(u64),
    /// As soon as this file or folder is there, which is only while it is written.
    WhileThereIs(PathBuf),
}

impl Moment {
    fn draw(dice: &mut Dice, whole: Duration, out: &Path) -> Self {
        match (dice.throw() * 8.0) as usize {
            0 => Self::WhileThereIs(out.join("report.partial")),
            1 => Self::WhileThereIs(out.join("trials.partial")),
            2 => Self::WhileThereIs(out.join("firmware.partial")),
            3 | 4 => Self::InTransaction((1e5 * dice.throw()) as u64),
            _ => Self::After(whole.mul_f64(0.8 * dice.throw())),
        }
    }

    fn is_now(&self, start: Instant, log_before: u64, out: &Path) -> bool {
        match self {
            Self::After(time) => start.elapsed() >= *time,
            Self::InTransaction(bytes) => log_bytes(out) > log_before + bytes,
            Self::WhileThereIs(path) => path.exists(),
        }
    }
}

fn log_bytes(out: &Path) -> u64 {
    fs::metadata(out.join("study.db-wal")).map_or(0, |log| log.len())
}

/// Goes on with the study in `out` until the moment, or its end. What it has acknowledged, and whether
/// it was killed.
fn go_on(folder: &Path, out: &Path, moment: &Moment) -> (Vec<Value>, bool) {
    let mut child = program(folder)
        .args(["optimize", "study.toml", "--resume", "--jobs", "2", "--json", "--out"])
        .arg(out)
        .env("PATH", "")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let printed = spawn(move || {
        let mut printed = String::new();
        stdout.read_to_string(&mut printed).unwrap();
        printed
    });
    let (start, log_before) = (Instant::now(), log_bytes(out));
    let killed = loop {
        if moment.is_now(start, log_before, out) {
            // SIGKILL.
            let _ = child.kill();
            break !child.wait().unwrap().success();
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break false;
        }
        sleep(Duration::from_micros(200));
    };
    let printed = printed.join().unwrap();
    let whole_lines = printed.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let objects = whole_lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    (objects.filter(|object| object["trial"].is_number()).collect(), killed)
}

/// Kills studies so often, each again and again until it ends.
fn kill(kills: usize) {
    let stopping = "seed = 7\nearly_stopping = { rule = \"median\", first = 1 }";
    let folder = study_folder(&STUDY.replace("seed = 7", stopping));
    let whole_out = folder.path().join("whole");
    let start = Instant::now();
    go_on(folder.path(), &whole_out, &Moment::After(Duration::MAX));
    let took = start.elapsed();
    let whole = trials(&whole_out);
    assert_eq!(whole.len(), 16);
    assert!(whole.iter().any(|trial| trial.outcome.stopped.is_some()), "nothing was stopped early");

    let mut dice = Dice(1);
    let (mut killed, mut studies, mut searching, mut in_transaction, mut reporting) =
        (0, 0, 0, 0, 0);
    while killed < kills {
        studies += 1;
        let out = folder.path().join(format!("killed-{studies}"));
        let mut acknowledged: Vec<usize> = vec![];
        loop {
            let moment = Moment::draw(&mut dice, took, &out);
            let (printed, was_killed) = go_on(folder.path(), &out, &moment);
            let kept = match Store::read(&out) {
                Ok(_) => trials(&out),
                Err(_) => vec![],
            };
            for trial in printed {
                let id = trial["trial"].as_u64().unwrap() as usize;
                assert!(!acknowledged.contains(&id), "trial {id} was run twice");
                acknowledged.push(id);
            }
            for id in &acknowledged {
                assert!(kept.iter().any(|trial| trial.id == *id), "trial {id} was lost");
            }
            for trial in &kept {
                assert_eq!(*trial, whole[trial.id]);
            }
            if !was_killed {
                break;
            }
            killed += 1;
            searching += usize::from(kept.len() < 16);
            in_transaction += usize::from(matches!(moment, Moment::InTransaction(_)));
            reporting += usize::from(matches!(moment, Moment::WhileThereIs(_)));
        }
        assert_eq!(trials(&out), whole);
        assert_eq!(weights(&out), weights(&whole_out));
        for file in ["report.partial", "trials.partial", "firmware.partial"] {
            assert!(!out.join(file).exists(), "{file} is left");
        }
        fs::remove_dir_all(&out).unwrap();
    }
    eprintln!(
        "{killed} kills of {studies} studies: {searching} while trials ran, {in_transaction} in a \
         transaction, {reporting} while the firmware or the report was written"
    );
    assert!(searching > 0 && in_transaction > 0 && reporting > 0);
}

#[test]
fn killed_at_random_moments_a_study_loses_nothing() {
    kill(30);
}

/// `cargo test --test program -- --ignored two_hundred`
#[test]
#[ignore = "takes a minute; the same as above, but longer"]
fn two_hundred_kills_at_random_moments_lose_nothing() {
    kill(200);
}
