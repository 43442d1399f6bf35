//! Ctrl-C and SIGTERM. A search that is asked to stop ends its running trials and reports; asked once
//! more, or while nothing is under way that could end in order, the program stops at once. Either way
//! no command it started goes on, and no temporary folder stays.

use std::process::exit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::{io, thread};

use autotinyml_deploy::kill_commands;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::temporary::Temporary;

/// The first signal that came; 0: none yet.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// Whether something is under way that looks at [`FIRST`].
static ORDERLY: AtomicBool = AtomicBool::new(false);
/// What a stop at once removes.
static TEMPORARY: OnceLock<Temporary> = OnceLock::new();

/// Begins to listen, and takes the folder for temporary files of this process.
///
/// # Errors
/// The system lets nobody listen.
pub fn watch() -> io::Result<()> {
    if let Ok(temporary) = Temporary::claim() {
        TEMPORARY.get_or_init(|| temporary);
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let first = FIRST.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
            if first.is_err() || !ORDERLY.load(Ordering::SeqCst) {
                kill_commands();
                clean_up();
                exit(exit_code(signal).into());
            }
        }
    });
    Ok(())
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
