//! The view on a terminal: a bar, how it goes, and the last trials, redrawn in place.

use std::collections::VecDeque;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How many of the last trials are seen.
const LAST: usize = 5;

/// Lines of a terminal. Each is cut where the terminal ends.
pub struct Screen {
    all: MultiProgress,
    bar: ProgressBar,
    state: ProgressBar,
    /// The latest at the end.
    last: VecDeque<String>,
    rows: Vec<ProgressBar>,
}

impl Screen {
    /// An empty one, for so many trials.
    pub fn new(trials: usize) -> Self {
        let all = MultiProgress::new();
        let style =
            |template| ProgressStyle::with_template(template).expect("the template is well formed");
        let line = |template| {
            let line = all.add(ProgressBar::new(trials as u64).with_style(style(template)));
            line.set_message("");
            line
        };
        let bar = line("{wide_bar} {pos} of {len} trials{msg}");
        bar.enable_steady_tick(Duration::from_millis(250));
        let state = line("{wide_msg}");
        let rows = (0..LAST).map(|_| line("  {wide_msg}")).collect();
        Self { bar, state, last: VecDeque::new(), rows, all }
    }

    /// Shows a trial below those before it.
    pub fn trial(&mut self, line: String) {
        self.last.push_back(line);
        if self.last.len() > LAST {
            self.last.pop_front();
        }
        for (row, line) in self.rows.iter().zip(&self.last) {
            row.set_message(line.clone());
        }
    }

    /// Shows how many have finished, how fast, and how it goes.
    pub fn draw(&self, finished: usize, pace: String, state: &str) {
        self.bar.set_position(finished as u64);
        self.bar.set_message(pace);
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
