//! A study runs in a process of its own, over which this one watches. What takes a process down (memory that
//! runs out, a stack that overflows, an endless loop) cannot be seen from inside; the supervisor does nothing
//! that could fail, sees it, and starts the study's process again, which goes on after the trials that there
//! are, and records what it is told of those that ran when it went down.
//!
//! Both are joined by a socket, which is the study's standard input:
//!
//! | line | from | meaning |
//! | --- | --- | --- |
//! | `begun T`, `ended T` | study | trial T runs, or no longer |
//! | `hangs T` | study | trial T does not come to an end, therefore the process does |
//! | `signal N` | supervisor | Ctrl-C or SIGTERM |
//! | nothing more | supervisor | is gone, and so must the study be |

use std::collections::BTreeSet;
use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write, stdin};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGKILL, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use crate::record::Crash;

/// Tells a process that it is supervised, and as JSON which trials took down the one before.
const SUPERVISED: &str = "AUTOTINYML_SUPERVISED";

/// The study's side. None: this process is not supervised.
static STUDY: OnceLock<Option<Study>> = OnceLock::new();

/// A supervised process.
pub struct Study {
    socket: File,
    /// What took the process before this one down.
    pub crashes: Vec<Crash>,
}

/// What this process is, if it is supervised.
pub fn study() -> Option<&'static Study> {
    let join = || {
        let crashes = serde_json::from_str(&env::var(SUPERVISED).ok()?).ok()?;
        let socket = stdin().as_fd().try_clone_to_owned().ok()?;
        Some(Study { socket: File::from(socket), crashes })
    };
    STUDY.get_or_init(join).as_ref()
}

/// Whether this process takes the place of one that was taken down.
pub fn goes_on() -> bool {
    study().is_some_and(|study| !study.crashes.is_empty())
}

impl Study {
    /// Tells that a trial runs.
    pub fn begun(&self, trial: usize) {
        self.say("begun", trial);
    }

    /// Tells that it does no longer.
    pub fn ended(&self, trial: usize) {
        self.say("ended", trial);
    }

    /// Tells that it does not come to an end.
    pub fn hangs(&self, trial: usize) {
        self.say("hangs", trial);
    }

    fn say(&self, what: &str, trial: usize) {
        // A supervisor that is gone takes this process with it anyway.
        let _ = (&self.socket).write_all(format!("{what} {trial}\n").as_bytes());
    }

    /// Signals as they are told, until there is no supervisor any more.
    pub fn signals(&self) -> impl Iterator<Item = i32> {
        let lines = BufReader::new(&self.socket).lines().map_while(Result::ok);
        lines.filter_map(|line| line.strip_prefix("signal ")?.parse().ok())
    }
}

/// Runs this very command in a process of its own until that ends. None: no process could be started, and the
/// command has to do without.
pub fn supervise() -> Option<ExitCode> {
    let told: Arc<Mutex<Option<UnixStream>>> = Arc::default();
    let asked = pass_signals_on(Arc::clone(&told)).ok()?;
    let mut crashes = vec![];
    loop {
        let Ended { status, running, hangs } = run(&crashes, &told).ok()?;
        let suspects = hangs.map_or(running, |trial| BTreeSet::from([trial]));
        let how = match (status.code(), hangs) {
            (_, Some(_)) => "it came to no end".to_owned(),
            (Some(code), None) => return Some(ExitCode::from(code as u8)),
            (None, None) => format!("its process was ended by {}", by_signal(status)),
        };
        if suspects.is_empty() || asked.load(Ordering::SeqCst) {
            eprintln!("the study stopped: {how}; the same line with --resume goes on");
            return Some(ExitCode::FAILURE);
        }
        let trials: Vec<String> = suspects.iter().map(usize::to_string).collect();
        eprintln!("the study goes on, begun anew at trial {}: {how}", trials.join(", "));
        crashes = suspects.iter().map(|&trial| Crash { trial, how: how.clone() }).collect();
    }
}

/// Tells signals to whatever process there is; whether one came.
fn pass_signals_on(to: Arc<Mutex<Option<UnixStream>>>) -> io::Result<Arc<AtomicBool>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let asked = Arc::new(AtomicBool::new(false));
    let came = Arc::clone(&asked);
    thread::spawn(move || {
        for signal in signals.forever() {
            came.store(true, Ordering::SeqCst);
            if let Some(socket) = &mut *to.lock().unwrap_or_else(PoisonError::into_inner) {
                let _ = socket.write_all(format!("signal {signal}\n").as_bytes());
            }
        }
    });
    Ok(asked)
}

/// How a process ended.
struct Ended {
    status: ExitStatus,
    /// Trials that ran then.
    running: BTreeSet<usize>,
    /// The one that it ended for.
    hangs: Option<usize>,
}

/// Runs the study's process, which learns of the crashes of the one before, to its end.
fn run(crashes: &[Crash], told: &Mutex<Option<UnixStream>>) -> io::Result<Ended> {
    let (own, theirs) = UnixStream::pair()?;
    let crashes = serde_json::to_string(crashes)?;
    let mut child = Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(SUPERVISED, crashes)
        .stdin(OwnedFd::from(theirs))
        .spawn()?;
    *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(own.try_clone()?);
    let (mut running, mut hangs) = (BTreeSet::new(), None);
    for line in BufReader::new(own).lines().map_while(Result::ok) {
        let Some((what, Ok(trial))) = line.split_once(' ').map(|(what, t)| (what, t.parse()))
        else {
            continue;
        };
        match what {
            "begun" => _ = running.insert(trial),
            "ended" => _ = running.remove(&trial),
            _ => hangs = Some(trial),
        }
    }
    Ok(Ended { status: child.wait()?, running, hangs })
}

/// In print: `signal 9 (SIGKILL: perhaps there was no memory left)`.
fn by_signal(status: ExitStatus) -> String {
    let signal = status.signal().unwrap_or_default();
    let name = signal_name(signal).unwrap_or("unknown");
    let perhaps = if signal == SIGKILL { ", perhaps since memory ran out" } else { "" };
    format!("signal {signal} ({name}{perhaps})")
}
