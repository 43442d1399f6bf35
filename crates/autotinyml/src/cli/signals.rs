//! Ctrl-C and SIGTERM. A search that is asked to stop ends its running trials and reports; asked once
//! more, or while nothing is under way that could end in order, the program stops at once. Either way
//! no command it started goes on, and no temporary folder stays.

use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::{fs, io, thread};

use autotinyml_deploy::kill_commands;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::supervisor;
use super::temporary::Temporary;

/// The first signal that came; 0: none yet.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// Whether something is under way that looks at [`FIRST`].
static ORDERLY: AtomicBool = AtomicBool::new(false);
/// What a stop at once removes.
static TEMPORARY: OnceLock<Temporary> = OnceLock::new();
/// Likewise: a folder that is being written.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);
/// Whether a study has begun, with which one can go on.
static RESUMABLE: AtomicBool = AtomicBool::new(false);

/// Begins to listen, and takes the folder for temporary files of this process.
///
/// # Errors
/// The system lets nobody listen.
pub fn watch() -> io::Result<()> {
    if let Ok(temporary) = Temporary::claim() {
        TEMPORARY.get_or_init(|| temporary);
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    match supervisor::study() {
        None => drop(thread::spawn(move || signals.forever().for_each(came))),
        // What comes to all processes of a terminal is told by the supervisor, too.
        Some(study) => drop(thread::spawn(move || {
            study.signals().for_each(came);
            end(1);
        })),
    }
    Ok(())
}

fn came(signal: i32) {
    let first = FIRST.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    if first.is_err() || !ORDERLY.load(Ordering::SeqCst) {
        if RESUMABLE.load(Ordering::SeqCst) {
            eprintln!(
                "stopped at once; what has finished is kept, the same line with --resume goes on"
            );
        }
        end(exit_code(signal).into());
    }
}

/// Ends the program at once.
pub fn end(code: i32) -> ! {
    kill_commands();
    clean_up();
    if let Some(folder) = unfinished_lock().take() {
        // What cannot be removed now is removed when it is to be written again.
        let _ = fs::remove_dir_all(folder);
    }
    exit(code)
}

/// From now on a stop at once tells how to go on.
pub fn resumable() {
    RESUMABLE.store(true, Ordering::SeqCst);
}

/// While it lives, a stop at once removes a folder.
pub struct Unfinished(());

impl Unfinished {
    /// This folder, from now on.
    pub fn begin(folder: &Path) -> Self {
        *unfinished_lock() = Some(folder.to_owned());
        Self(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        *unfinished_lock() = None;
    }
}

fn unfinished_lock() -> MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary folder.
pub fn clean_up() {
    TEMPORARY.get().map(Temporary::remove);
}

/// As shells tell it: 130 after Ctrl-C, 143 after SIGTERM.
pub fn exit_code(signal: i32) -> u8 {
    128 + signal as u8
}

/// While it lives, the first signal only asks.
pub struct Orderly(());

impl Orderly {
    /// From now on.
    pub fn begin() -> Self {
        ORDERLY.store(true, Ordering::SeqCst);
        Self(())
    }

    /// The signal that asked to stop, if one came.
    pub fn asked(&self) -> Option<i32> {
        asked()
    }
}

/// As [`Orderly::asked`], also when the work is over.
pub fn asked() -> Option<i32> {
    Some(FIRST.load(Ordering::SeqCst)).filter(|&signal| signal != 0)
}

impl Drop for Orderly {
    fn drop(&mut self) {
        ORDERLY.store(false, Ordering::SeqCst);
    }
}
