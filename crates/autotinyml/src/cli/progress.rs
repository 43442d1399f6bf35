//! What is seen of a study while it runs: a view on a terminal, plain lines elsewhere, nothing if that
//! is wanted.

mod linking;
mod pace;
mod screen;

use std::io::{self, IsTerminal};
use std::time::Instant;

use autotinyml_nn::Metric;
use autotinyml_search::Space;
use console::Term;

use super::filled;
pub use linking::Linking;
use pace::Pace;
use screen::Screen;

use crate::finalist::ranking;
use crate::in_print::{counted, percent, setting};
use crate::record::TrialRecord;
use crate::study::Event;
use crate::study_file::{SearchPlan, Study};

/// Counts finished trials and tells how it goes, on stderr.
pub struct Progress<'a> {
    space: &'a Space,
    goal: Metric,
    finished: usize,
    deployable: usize,
    /// Early: neither deployable nor refused.
    stopped: usize,
    /// Each trial is told of as its own combination sees it, so that none is the best.
    several: bool,
    /// The first of the ranking.
    best: Option<TrialRecord>,
    pace: Pace,
    view: View,
}

enum View {
    Nothing,
    Lines,
    Terminal(Screen),
}

impl<'a> Progress<'a> {
    /// Starts with the trials of an earlier run. There cannot be more trials than `reachable`.
    pub fn new(
        study: &'a Study,
        earlier: &[TrialRecord],
        reachable: Option<usize>,
        quiet: bool,
    ) -> Self {
        let (space, SearchPlan { goal, trials, .. }) = (&study.space, &study.search);
        let budget = reachable.map_or(*trials, |reachable| reachable.min(*trials));
        let pace = Pace::new(Instant::now(), budget.saturating_sub(earlier.len()));
        let view = match (quiet, io::stderr().is_terminal()) {
            (true, _) => View::Nothing,
            (false, true) => View::Terminal(Screen::new(budget, pace.clone())),
            (false, false) => View::Lines,
        };
        let several = study.combinations.len() > 1;
        let mut progress = Self {
            space,
            goal: *goal,
            finished: 0,
            deployable: 0,
            stopped: 0,
            several,
            best: None,
            pace,
            view,
        };
        earlier.iter().for_each(|trial| progress.count(trial));
        if let View::Terminal(screen) = &progress.view {
            screen.draw(progress.finished, &progress.pace, &progress.state());
        }
        progress
    }

    /// Tells of what happens.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Finished(trial) => self.trial(trial),
            Event::Begun(_) | Event::Hanging(_) => {}
            Event::Stopping(running) => {
                let trials = counted(*running, "running trial");
                let line = format!("stopping: {trials} to end first; Ctrl-C again stops at once");
                match &self.view {
                    View::Nothing => {}
                    View::Lines => eprintln!("{line}"),
                    View::Terminal(screen) => screen.say(&line),
                }
            }
        }
    }

    /// Tells of a finished trial.
    pub fn trial(&mut self, trial: &TrialRecord) {
        self.count(trial);
        let now = Instant::now();
        self.pace.finished(now);
        let (line, state) = (self.line(trial), self.state());
        match &mut self.view {
            View::Nothing => {}
            View::Lines => eprintln!("{line}  |  {state}{}", self.pace.told(now)),
            View::Terminal(screen) => {
                screen.trial(line);
                screen.draw(self.finished, &self.pace, &state);
            }
        }
    }

    /// Leaves the last state on the screen.
    pub fn finish(&self) {
        if let View::Terminal(screen) = &self.view {
            screen.finish(&self.state());
        }
    }

    fn count(&mut self, trial: &TrialRecord) {
        self.finished += 1;
        if trial.outcome.stopped.is_some() {
            self.stopped += 1;
            return;
        }
        if !trial.outcome.verdict.deployable() {
            return;
        }
        self.deployable += 1;
        let known = self.best.iter().chain([trial]);
        self.best = ranking(known, self.goal).first().copied().cloned();
    }

    fn state(&self) -> String {
        if self.finished == 0 {
            return "no trial has finished yet".to_owned();
        }
        let judged = self.finished - self.stopped;
        let percent_deployable = 100.0 * self.deployable as f64 / judged.max(1) as f64;
        let mut share =
            format!("{}/{judged} deployable ({percent_deployable:.0} %)", self.deployable);
        if self.stopped > 0 {
            share += &format!(", {} stopped early", self.stopped);
        }
        let best = match &self.best {
            _ if self.several => return share,
            Some(best) => {
                let score = best.outcome.score(self.goal).map_or_else(String::new, percent);
                format!("best {score} (trial {})", best.id)
            }
            None if self.deployable > 0 => "none trained in full yet".to_string(),
            None => "none deployable yet".to_string(),
        };
        format!("{share}, {best}")
    }

    fn line(&self, trial: &TrialRecord) -> String {
        let fewer =
            trial.epochs.map(|n| format!(" after {}", counted(n, "epoch"))).unwrap_or_default();
        let reasons = || trial.outcome.reasons();
        let verdict = match (trial.outcome.score(self.goal), trial.outcome.verdict.deployable()) {
            (Some(score), true) => format!("{:5.1} %{fewer}", 100.0 * score),
            (Some(score), false) => {
                format!("{:5.1} %{fewer}, not deployable: {}", 100.0 * score, reasons())
            }
            (None, _) if trial.outcome.stopped.is_some() => reasons(),
            (None, _) => format!("refused: {}", reasons()),
        };
        let settings: Vec<String> = self
            .space
            .settings(&trial.configuration)
            .into_iter()
            .map(|(name, value)| format!("{name}={}", setting(&value)))
            .collect();
        format!("trial {:<3} {:<7} {verdict}  {}", trial.id, trial.phase.name(), settings.join(" "))
    }
}

/// As wide as the terminal, if stderr is one, and broken between words.
pub fn wrapped(text: &str) -> String {
    match Term::stderr().size_checked() {
        Some((_, columns)) => filled(text, columns),
        None => text.to_owned(),
    }
}
