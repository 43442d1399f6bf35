//! How external programs are run: with a time limit, in a process group of their own, and with an error
//! that shows what they said.

use std::fmt;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wait_timeout::ChildExt;

/// How many of the last lines of stderr an error shows.
const STDERR_LINES: usize = 40;

/// Time for pipes to close after everything that held them was killed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a command ended without doing its work.
#[derive(Debug)]
pub enum Ending {
    /// It could not be started.
    NotStarted(std::io::Error),
    /// It ended with an exit code other than 0, or by a signal.
    Failed(ExitStatus),
    /// It, or something it started, was still running after this time, and was killed.
    TimedOut(Duration),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => write!(f, "could not be started: {error}"),
            Self::Failed(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "ended with exit code {code}"),
                (None, Some(signal)) => write!(f, "was ended by signal {signal}"),
                (None, None) => write!(f, "ended abnormally"),
            },
            Self::TimedOut(limit) => {
                write!(f, "did not end within {} s and was killed", limit.as_secs_f64())
            }
        }
    }
}

/// An external command that did not do its work.
#[derive(Debug, thiserror::Error)]
pub struct CommandError {
    /// The command as one could type it.
    pub command_line: String,
    /// How it ended.
    pub ending: Ending,
    /// All that it wrote to stderr; the message shows the last 40 lines.
    pub stderr: String,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.command_line, self.ending)?;
        let lines: Vec<&str> = self.stderr.trim_end().lines().collect();
        let hidden = lines.len().saturating_sub(STDERR_LINES);
        match &self.ending {
            Ending::NotStarted(_) => return Ok(()),
            _ if lines.is_empty() => return write!(f, "; it wrote nothing to stderr"),
            _ => write!(f, "; stderr:")?,
        }
        if hidden > 0 {
            write!(f, "\n  … {hidden} lines before")?;
        }
        lines[hidden..].iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Runs a command to its end without input and collects what it writes.
///
/// What it says is in English, whatever the user's language: some of it is read. The command gets a
/// process group of its own. When time is up, the whole group is killed: a
/// compiler's or shell's children too. Its temporary files go where those of this process go.
///
/// # Errors
/// It could not be started, ended with another exit code than 0 or by a signal, or took too long.
pub fn run_command(mut command: Command, timeout: Duration) -> Result<Output, CommandError> {
    let command_line = command_line(&command);
    let deadline = Instant::now() + timeout;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.env("LC_ALL", "C").env("TMPDIR", tempfile::env::temp_dir());
    let mut child = match RUNNING.start(&mut command) {
        Ok(child) => child,
        Err(error) => {
            let ending = Ending::NotStarted(error);
            return Err(CommandError { command_line, ending, stderr: String::new() });
        }
    };
    let stdout = Drain::start(child.stdout.take().expect("piped"));
    let stderr = Drain::start(child.stderr.take().expect("piped"));
    let status = await_end(&mut child, [&stdout, &stderr], deadline);
    RUNNING.ended(child.id());
    let (stdout, stderr) = (stdout.take(), stderr.take());
    let ending = match status {
        Some(status) if status.success() => return Ok(Output { status, stdout, stderr }),
        Some(status) => Ending::Failed(status),
        None => Ending::TimedOut(timeout),
    };
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    Err(CommandError { command_line, ending, stderr })
}

/// The process groups of the commands that are running.
static RUNNING: Running = Running(Mutex::new(Some(vec![])));

/// None: none may run any more.
struct Running(Mutex<Option<Vec<u32>>>);

impl Running {
    fn start(&self, command: &mut Command) -> std::io::Result<Child> {
        let mut groups = self.lock();
        let Some(groups) = groups.as_mut() else { wait_for_the_end(groups) };
        let child = command.spawn()?;
        groups.push(child.id());
        Ok(child)
    }

    fn ended(&self, group: u32) {
        let mut groups = self.lock();
        match groups.as_mut() {
            Some(groups) => groups.retain(|&running| running != group),
            None => wait_for_the_end(groups),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<u32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever runs a command when all are killed must not go on as if it had failed.
fn wait_for_the_end(groups: MutexGuard<'_, Option<Vec<u32>>>) -> ! {
    drop(groups);
    loop {
        thread::park();
    }
}

/// Kills every command that [`run_command`] runs, with its children, and lets none begin any more:
/// for a process that is about to exit.
pub fn kill_commands() {
    let groups = RUNNING.lock().take();
    groups.into_iter().flatten().for_each(kill_group);
}

/// Waits until the child has ended and its pipes are closed. Kills the group at the deadline, and
/// then returns `None`.
fn await_end(child: &mut Child, drains: [&Drain; 2], deadline: Instant) -> Option<ExitStatus> {
    let left = || deadline.saturating_duration_since(Instant::now());
    let status = child.wait_timeout(left()).ok().flatten();
    if status.is_some() && drains.iter().all(|drain| drain.ended_within(left())) {
        return status;
    }
    kill_group(child.id());
    let _ = child.wait();
    for drain in drains {
        // Only a process that left the group can hold a pipe longer; it is not waited for.
        drain.ended_within(CLOSE_TIMEOUT);
    }
    None
}

/// The shell's `kill` spares an `unsafe` call into the C library.
fn kill_group(group: u32) {
    let kill = format!("kill -KILL -{group}");
    let _ = Command::new("/bin/sh").args(["-c", &kill]).stderr(Stdio::null()).status();
}

/// Reads a pipe to its end on a thread of its own, so that neither pipe can fill up and block.
struct Drain {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl Drain {
    fn start(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(vec![]));
        let (end, ended) = mpsc::channel();
        let sink = Arc::clone(&bytes);
        thread::spawn(move || {
            let _end_when_dropped: mpsc::Sender<()> = end;
            let mut chunk = vec![0; 1 << 16];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                sink.lock().expect("no panic while locked").extend_from_slice(&chunk[..length]);
            }
        });
        Self { bytes, ended }
    }

    fn ended_within(&self, time: Duration) -> bool {
        self.ended.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Disconnected)
    }

    fn take(self) -> Vec<u8> {
        std::mem::take(&mut self.bytes.lock().expect("no panic while locked"))
    }
}

/// The command as a shell would read it.
fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=+,:@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Result<Output, CommandError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run_command(command, timeout)
    }

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_secs(1);

    #[test]
    fn output_is_collected() {
        let output = shell("echo out; echo err >&2", LONG).unwrap();
        assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
    }

    #[test]
    fn commands_speak_english() {
        let mut command = Command::new("sh");
        command.args(["-c", "printf %s $LC_ALL"]).env("LC_ALL", "de_DE.UTF-8");
        assert_eq!(run_command(command, LONG).unwrap().stdout, b"C");
    }

    #[test]
    fn megabytes_on_both_pipes_do_not_block() {
        let megabytes = "head -c 3000000 /dev/zero";
        let output = shell(&format!("{megabytes}; {megabytes} >&2; {megabytes}"), LONG).unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (6_000_000, 3_000_000));
    }

    #[test]
    fn a_failure_says_the_command_its_exit_code_and_its_stderr() {
        let error = shell("echo 'no such thing' >&2; exit 7", LONG).unwrap_err();
        insta::assert_snapshot!(error, @r"
        `sh -c 'echo '\''no such thing'\'' >&2; exit 7'` ended with exit code 7; stderr:
          no such thing
        ");
        insta::assert_snapshot!(shell("kill -SEGV $$", LONG).unwrap_err(), @r"`sh -c 'kill -SEGV $$'` was ended by signal 11; it wrote nothing to stderr");
    }

    #[test]
    fn a_long_stderr_is_shown_from_its_end() {
        let error = shell("seq 1 1000 >&2; false", LONG).unwrap_err();
        assert_eq!(error.stderr.lines().count(), 1000);
        let message = error.to_string();
        assert!(message.contains("\n  … 960 lines before\n  961\n"), "{message}");
        assert!(message.ends_with("\n  1000"), "{message}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run_command(Command::new("/nowhere/cc"), LONG).unwrap_err();
        insta::assert_snapshot!(error, @r"`/nowhere/cc` could not be started: No such file or directory (os error 2)");
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let alive = folder.path().join("alive");
        let start = Instant::now();
        // The grandchild would write the file later; the child waits for it.
        let script = format!("echo working >&2; (sleep 3; touch {}) & wait", alive.display());
        let error = shell(&script, SHORT).unwrap_err();
        assert!(matches!(error.ending, Ending::TimedOut(SHORT)));
        assert_eq!(error.stderr, "working\n");
        assert!(error.to_string().contains("did not end within 1 s and was killed"));
        thread::sleep(Duration::from_millis(3300).saturating_sub(start.elapsed()));
        assert!(!alive.exists(), "a grandchild survived");
    }

    #[test]
    fn a_child_left_behind_with_the_pipe_counts_as_hanging() {
        let start = Instant::now();
        let error = shell("sleep 60 & exit 0", SHORT).unwrap_err();
        assert!(matches!(error.ending, Ending::TimedOut(_)));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_command_line_can_be_typed_again() {
        let mut command = Command::new("cc");
        command.args(["-O2", "a b.c", "it's", "", "-DX=1"]);
        assert_eq!(command_line(&command), r"cc -O2 'a b.c' 'it'\''s' '' -DX=1");
    }
}
