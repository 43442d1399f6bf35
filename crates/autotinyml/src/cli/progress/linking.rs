//! How many of the programs are linked that tell a study which configurations fit.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressStyle};

use super::wrapped;
use crate::in_print::counted;

/// A line before it begins, and on a terminal a bar until it is done.
pub struct Linking {
    /// Before the line; empty where there is one combination only.
    of: String,
    /// What for.
    purpose: &'static str,
    quiet: bool,
    bar: OnceLock<ProgressBar>,
}

impl Linking {
    /// Of a combination, or of all; tells nothing if it is to be `quiet`.
    pub fn new(of: String, purpose: &'static str, quiet: bool) -> Self {
        Self { of, purpose, quiet, bar: OnceLock::new() }
    }

    /// So many programs of all are linked.
    pub fn told(&self, linked: usize, all: usize) {
        if self.quiet {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let (of, programs) = (&self.of, counted(all, "program"));
            let line = format!("{of}linking {programs}, one of each kind, {}", self.purpose);
            eprintln!("{}", wrapped(&line));
            let style = ProgressStyle::with_template("{bar:24} {pos} of {len} programs linked");
            match io::stderr().is_terminal() {
                true => ProgressBar::new(all as u64),
                false => ProgressBar::hidden(),
            }
            .with_style(style.expect("the template is well formed"))
        });
        // Threads may be a little out of order.
        bar.inc(u64::from(linked > 0));
        if bar.position() == all as u64 {
            bar.finish_and_clear();
        }
    }
}
