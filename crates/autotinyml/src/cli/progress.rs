//! What is seen of a study while it runs: a view on a terminal, plain lines elsewhere, nothing if that
//! is wanted.

mod screen;

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use autotinyml_nn::Metric;
use autotinyml_search::Space;
use indicatif::HumanDuration;

use screen::Screen;

use crate::record::TrialRecord;
use crate::report::{counted, percent, setting};
use crate::study::Event;
use crate::study_file::{SearchPlan, Study};

/// Counts finished trials and tells how it goes, on stderr.
pub struct Progress<'a> {
    space: &'a Space,
    goal: Metric,
    budget: usize,
    finished: usize,
    finished_before: usize,
    deployable: usize,
    /// Trial and score of the best.
    best: Option<(usize, f64)>,
    start: Instant,
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
        let view = match (quiet, io::stderr().is_terminal()) {
            (true, _) => View::Nothing,
            (false, true) => View::Terminal(Screen::new(budget)),
            (false, false) => View::Lines,
        };
        let mut progress = Self {
            space,
            goal: *goal,
            budget,
            finished: 0,
            finished_before: earlier.len(),
            deployable: 0,
            best: None,
            start: Instant::now(),
            view,
        };
        earlier.iter().for_each(|trial| progress.count(trial));
        if let View::Terminal(screen) = &progress.view {
            screen.draw(progress.finished, progress.pace(), &progress.state());
        }
        progress
    }

    /// Tells of what happens.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Finished(trial) => self.trial(trial),
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
        let (line, state, pace) = (self.line(trial), self.state(), self.pace());
        match &mut self.view {
            View::Nothing => {}
            View::Lines => eprintln!("{line}  |  {state}{pace}"),
            View::Terminal(screen) => {
                screen.trial(line);
                screen.draw(self.finished, pace, &state);
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
        if !trial.outcome.verdict.deployable() {
            return;
        }
        self.deployable += 1;
        let score = trial.outcome.score(self.goal).filter(|_| trial.epochs.is_none());
        if let Some(score) = score
            && self.best.is_none_or(|(_, best)| score > best)
        {
            self.best = Some((trial.id, score));
        }
    }

    fn state(&self) -> String {
        let share = 100.0 * self.deployable as f64 / self.finished.max(1) as f64;
        let share = format!("{}/{} deployable ({share:.0} %)", self.deployable, self.finished);
        let best = match self.best {
            Some((trial, best)) => format!("best {} (trial {trial})", percent(best)),
            None if self.deployable > 0 => "none trained in full yet".to_string(),
            None => "none deployable yet".to_string(),
        };
        format!("{share}, {best}")
    }

    /// Rate and time left, once a trial has finished here, each behind a comma.
    fn pace(&self) -> String {
        let here = self.finished - self.finished_before;
        let left = self.budget.saturating_sub(self.finished);
        if here == 0 {
            return String::new();
        }
        let each = self.start.elapsed().div_f64(here as f64);
        let rate = rate(each);
        let left = HumanDuration(each.mul_f64(left as f64));
        if self.finished < self.budget {
            format!(", {rate}, {left} left")
        } else {
            format!(", {rate}")
        }
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

/// Trials in the unit of time of which there are some.
fn rate(each: Duration) -> String {
    let per_second = 1.0 / each.as_secs_f64().max(1e-9);
    let (number, unit) = match per_second {
        1.0.. => (per_second, "second"),
        rate if rate * 60.0 >= 1.0 => (60.0 * rate, "minute"),
        rate => (3600.0 * rate, "hour"),
    };
    format!("{number:.1} trials per {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_in_units_that_people_can_count() {
        let told = |seconds| rate(Duration::from_secs_f64(seconds));
        assert_eq!(told(0.25), "4.0 trials per second");
        assert_eq!(told(1.5), "40.0 trials per minute");
        assert_eq!(told(90.0), "40.0 trials per hour");
    }
}
