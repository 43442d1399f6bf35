//! Ctrl-C and SIGTERM: once in order, twice at once; and nothing stays where temporary files go.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use autotinyml::store::{Fact, Store};

use crate::durability::{optimize, trials};
use crate::{STUDY, program, run, study_folder, text};

/// Longer than anything here takes, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A study at work, with temporary files in `tmp`.
struct Running {
    child: Child,
    out: PathBuf,
    tmp: PathBuf,
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let tmp = folder.join("tmp");
        fs::create_dir_all(&tmp).unwrap();
        let child = program(folder)
            .args([&["optimize", "study.toml", "--out", "out", "--resume"], arguments].concat())
            .env("TMPDIR", &tmp)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, out: folder.join("out"), tmp }
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Reads on until a line of stderr holds this.
    fn wait_to_say(&mut self, what: &str) {
        let mut lines = BufReader::new(self.child.stderr.as_mut().unwrap());
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "never said: {what}");
        }
    }

    fn wait_until(&self, due: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !due(self) {
            assert!(start.elapsed() < PATIENCE);
            sleep(Duration::from_millis(2));
        }
    }

    /// Whether trials are under way, of which `count` have finished.
    fn searches(&self, count: usize) -> bool {
        Store::read(&self.out).is_ok_and(|store| {
            store.fact::<serde_json::Value>(Fact::Deployable).is_ok_and(|fact| fact.is_some())
                && store.count_trials().is_ok_and(|finished| finished >= count)
        })
    }

    /// The exit code and what was still said; nothing may be left.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        let code = self.child.wait().unwrap().code();
        let left: Vec<_> = fs::read_dir(&self.tmp).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        (code, said + &printed)
    }
}

#[test]
fn asked_once_a_study_ends_its_running_trials_reports_and_can_go_on() {
    let folder = study_folder(STUDY);
    optimize(folder.path(), &["--out", "whole", "--jobs", "2"]);
    for (signal, expected, finished) in [("INT", 130, 1), ("TERM", 143, 6)] {
        let mut study = Running::start(folder.path(), &["--jobs", "2"]);
        study.wait_until(|study| study.searches(finished));
        study.signal(signal);
        study.wait_to_say("stopping");
        let out = study.out.clone();
        let (code, said) = study.end();
        assert_eq!(code, Some(expected), "{said}");
        assert!(said.contains("of 16 trials; the same line with --resume goes on"), "{said}");
        let finished = trials(&out).len();
        assert!((1..16).contains(&finished), "{finished}");
        let rows = fs::read_to_string(out.join("trials.csv")).unwrap();
        assert_eq!(rows.lines().count(), finished + 1, "the report has every trial");
        assert!(out.join("report.html").is_file() && !out.join("firmware").exists());
    }
    optimize(folder.path(), &["--out", "out", "--resume", "--jobs", "1"]);
    assert_eq!(trials(&folder.path().join("out")), trials(&folder.path().join("whole")));
}

#[test]
fn asked_twice_a_study_stops_at_once() {
    let folder = study_folder(&STUDY.replace("epochs = 4", "epochs = 65536"));
    let mut study = Running::start(folder.path(), &[]);
    study.wait_until(|study| study.searches(0));
    sleep(Duration::from_millis(300));
    study.signal("INT");
    study.wait_to_say("Ctrl-C again stops at once");
    let asked = Instant::now();
    study.signal("INT");
    let (code, said) = study.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("is kept, the same line with --resume goes on"), "{said}");
    assert!(asked.elapsed() < PATIENCE / 4, "{:?}", asked.elapsed());
}

/// A cross compiler that is never done, and says who it is.
fn endless_compiler(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let bin = folder.join("bin");
    fs::create_dir(&bin).unwrap();
    let compiler = bin.join("arm-none-eabi-gcc");
    let script = "#!/bin/sh\n\
        if [ \"$1\" = -print-file-name=libc.a ]; then echo /usr/lib/libc.a; exit 0; fi\n\
        echo half > $TMPDIR/cc.s; echo $$ > pid.partial; /bin/mv pid.partial PID; /bin/sleep 1000\n"
        .replace("PID", &folder.join("pid").display().to_string())
        .replace("pid.partial", &folder.join("pid.partial").display().to_string());
    fs::write(&compiler, script).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

fn is_alive(pid: &str) -> bool {
    // A zombie is dead; whoever adopted it has not looked yet.
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

#[test]
fn whatever_was_compiled_is_ended_with_the_program_and_leaves_nothing() {
    let folder = study_folder(STUDY);
    let (bin, tmp) = (endless_compiler(folder.path()), folder.path().join("tmp"));
    fs::create_dir(&tmp).unwrap();
    let check = || {
        let pid = folder.path().join("pid");
        let _ = fs::remove_file(&pid);
        let child = program(folder.path())
            .args(["check", "study.toml", "--set", "filters=2", "--set", "activation=relu"])
            .args(["--set", "units=4"])
            .envs([("PATH", &bin), ("TMPDIR", &tmp)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !pid.exists() {
            assert!(start.elapsed() < PATIENCE);
            sleep(Duration::from_millis(2));
        }
        let compiler = fs::read_to_string(pid).unwrap().trim().to_owned();
        assert!(is_alive(&compiler));
        (Running { child, out: PathBuf::new(), tmp: tmp.clone() }, compiler)
    };
    let left = || fs::read_dir(&tmp).unwrap().count();

    let (mut interrupted, compiler) = check();
    interrupted.signal("INT");
    assert_eq!(interrupted.child.wait().unwrap().code(), Some(130));
    assert!(!is_alive(&compiler));
    assert_eq!(left(), 0);

    // After SIGKILL nobody cleans up but the next process.
    let (mut killed, compiler) = check();
    killed.signal("KILL");
    killed.child.wait().unwrap();
    assert_eq!(left(), 1);
    let end = format!("kill -KILL -{compiler}");
    Command::new("/bin/sh").args(["-c", &end]).status().unwrap();
    let boards = program(folder.path()).args(["boards"]).env("TMPDIR", &tmp).output().unwrap();
    assert!(boards.status.success(), "{}", text(&boards.stderr));
    assert_eq!(left(), 0);
}

#[test]
fn while_the_best_network_is_compiled_a_study_stops_at_once_and_leaves_no_part_of_it() {
    let folder = study_folder(STUDY);
    let (bin, tmp) = (endless_compiler(folder.path()), folder.path().join("tmp"));
    fs::create_dir(&tmp).unwrap();
    let child = program(folder.path())
        .args(["optimize", "study.toml", "--out", "out", "--trials", "3"])
        .envs([("PATH", &bin), ("TMPDIR", &tmp)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let study = Running { child, out: folder.path().join("out"), tmp };
    let (partial, pid) = (study.out.join("firmware.partial"), folder.path().join("pid"));
    study.wait_until(|_| pid.exists() && partial.is_dir());
    study.signal("INT");
    let (code, said) = study.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("is kept, the same line with --resume goes on"), "{said}");
    assert!(!partial.exists());
}

#[test]
fn a_trial_that_takes_too_long_is_refused_and_the_study_goes_on() {
    let limited = STUDY.replace("seed = 7", "seed = 7\ntrial_time_limit = 1e-6");
    let folder = study_folder(&limited);
    let output = run(folder.path(), &["optimize", "study.toml", "--trials", "3", "--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let reason = "\"no result within the time limit of 0.000001 s, twice\"";
    assert_eq!(printed.matches(reason).count(), 3, "{printed}");
}

/// The process that a supervisor runs a study in.
fn child_of(supervisor: u32) -> Option<String> {
    let children = format!("/proc/{supervisor}/task/{supervisor}/children");
    Some(fs::read_to_string(children).ok()?.split_whitespace().next()?.to_owned())
}

#[test]
fn a_trial_that_takes_its_process_down_twice_is_refused_and_the_study_goes_on() {
    let folder = study_folder(&STUDY.replace("epochs = 4", "epochs = 65536"));
    let mut study = Running::start(folder.path(), &["--jobs", "2"]);
    let mut killed = String::new();
    for crashes in ["0, 1", "0"] {
        // Trials run for as long as nobody ends them.
        study.wait_until(|study| {
            child_of(study.child.id()).is_some_and(|child| child != killed) && study.searches(0)
        });
        sleep(Duration::from_millis(700));
        killed = child_of(study.child.id()).unwrap();
        let kill = format!("kill -KILL {killed}");
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
        study
            .wait_to_say(&format!("the study goes on, begun anew at trial {crashes}: its process"));
    }
    study.wait_until(|study| Store::read(&study.out).unwrap().count_trials().unwrap() == 1);
    sleep(Duration::from_millis(300));
    study.signal("INT");
    study.wait_to_say("Ctrl-C again stops at once");
    study.signal("INT");
    let out = study.out.clone();
    assert_eq!(study.end().0, Some(130));
    let refused = &trials(&out)[0];
    assert_eq!(
        refused.outcome.verdict.reasons,
        ["its process was ended by signal 9 (SIGKILL, perhaps since memory ran out), twice"]
    );
}

#[test]
fn a_study_ends_with_its_supervisor() {
    let folder = study_folder(&STUDY.replace("epochs = 4", "epochs = 65536"));
    let mut study = Running::start(folder.path(), &[]);
    study.wait_until(|study| study.searches(0));
    let child = child_of(study.child.id()).unwrap();
    study.child.kill().unwrap();
    study.child.wait().unwrap();
    study.wait_until(|_| !is_alive(&child));
}
