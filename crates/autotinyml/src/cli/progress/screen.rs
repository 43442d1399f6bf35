//! The view on a terminal: a bar, how it goes, and the last trials, redrawn in place.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::{Term, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::pace::Pace;

/// How many of the last trials are seen.
const LAST: usize = 5;

/// Before each of them.
const INDENT: &str = "  ";

/// Lines of a terminal. Each is cut where the terminal ends.
pub struct Screen {
    all: MultiProgress,
    bar: ProgressBar,
    /// Read each time that the bar is drawn, so that the time left is that of the moment.
    pace: Arc<Mutex<Pace>>,
    state: ProgressBar,
    /// The latest at the end.
    last: VecDeque<String>,
    rows: Vec<ProgressBar>,
}

impl Screen {
    /// An empty one, for so many trials.
    pub fn new(trials: usize, pace: Pace) -> Self {
        let all = MultiProgress::new();
        let style =
            |template| ProgressStyle::with_template(template).expect("the template is well formed");
        let line = |style| {
            let line = all.add(ProgressBar::new(trials as u64).with_style(style));
            line.set_message("");
            line
        };
        let pace = Arc::new(Mutex::new(pace));
        let now = Arc::clone(&pace);
        let told = move |_: &ProgressState, text: &mut dyn Write| {
            let pace = now.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = text.write_str(&pace.told(Instant::now()));
        };
        let bar = line(style("{wide_bar} {pos} of {len} trials{pace}").with_key("pace", told));
        bar.enable_steady_tick(Duration::from_secs(1));
        let state = line(style("{wide_msg}"));
        let rows = (0..LAST).map(|_| line(style("{wide_msg}"))).collect();
        Self { all, bar, pace, state, last: VecDeque::new(), rows }
    }

    /// Shows a trial below those before it.
    pub fn trial(&mut self, line: String) {
        self.last.push_back(line);
        if self.last.len() > LAST {
            self.last.pop_front();
        }
        let columns = usize::from(Term::stderr().size().1);
        for (row, line) in self.rows.iter().zip(&self.last) {
            let line = format!("{INDENT}{line}");
            row.set_message(truncate_str(&line, columns, "…").into_owned());
        }
    }

    /// Shows how many have finished, how fast, and how it goes.
    pub fn draw(&self, finished: usize, pace: &Pace, state: &str) {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace.clone();
        self.bar.set_position(finished as u64);
        self.state.set_message(state.to_owned());
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        // A terminal that is gone must not stop the study.
        let _ = self.all.println(line);
    }

    /// Leaves all but the last trials.
    pub fn finish(&self, state: &str) {
        self.rows.iter().for_each(ProgressBar::finish_and_clear);
        self.bar.abandon();
        self.state.abandon_with_message(state.to_owned());
    }
}
