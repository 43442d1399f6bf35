//! What is seen of a study while it runs: a bar on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use autotinyml_nn::Metric;
use autotinyml_search::Space;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::record::TrialRecord;
use crate::report::{counted, setting};
use crate::study::Event;
use crate::study_file::{SearchPlan, Study};

/// Counts finished trials and tells how it goes, on stderr.
pub struct Progress<'a> {
    space: &'a Space,
    goal: Metric,
    budget: usize,
    finished: usize,
    finished_before: usize,
    trained: usize,
    deployable: usize,
    best: Option<f64>,
    start: Instant,
    /// None: plain lines.
    bar: Option<ProgressBar>,
}

impl<'a> Progress<'a> {
    /// Starts with the trials of an earlier run.
    pub fn new(study: &'a Study, earlier: &[TrialRecord]) -> Self {
        let (space, SearchPlan { goal, trials, .. }) = (&study.space, &study.search);
        let (goal, budget) = (*goal, *trials);
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(budget as u64);
            let style = ProgressStyle::with_template("{bar:24} trial {pos}/{len}  {msg}");
            bar.set_style(style.expect("the template is well formed"));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        let mut progress = Self {
            space,
            goal,
            budget,
            finished: 0,
            finished_before: earlier.len(),
            trained: 0,
            deployable: 0,
            best: None,
            start: Instant::now(),
            bar,
        };
        for trial in earlier {
            progress.count(trial);
        }
        progress.draw();
        progress
    }

    /// Tells of what happens.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Finished(trial) => self.trial(trial),
            Event::Stopping(running) => {
                let trials = counted(*running, "running trial");
                self.tell(&format!("stopping: {trials} to end first; Ctrl-C again stops at once"));
            }
        }
    }

    fn tell(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Tells of a finished trial.
    pub fn trial(&mut self, trial: &TrialRecord) {
        let improved = self.count(trial);
        self.draw();
        match &self.bar {
            Some(bar) if improved => bar.println(self.line(trial)),
            Some(_) => {}
            None => eprintln!("{}  |  {}", self.line(trial), self.state()),
        }
    }

    /// Leaves the last state on the screen.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_with_message(self.state());
        }
    }

    fn count(&mut self, trial: &TrialRecord) -> bool {
        self.finished += 1;
        self.trained += usize::from(trial.outcome.accuracy.is_some());
        if !trial.outcome.verdict.deployable() {
            return false;
        }
        self.deployable += 1;
        if trial.epochs.is_some() {
            return false;
        }
        let score = trial.outcome.score(self.goal);
        let improved = score > self.best;
        self.best = if improved { score } else { self.best };
        improved
    }

    fn draw(&self) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.finished as u64);
            bar.set_message(self.state());
        }
    }

    fn state(&self) -> String {
        let share = format!("{}/{} deployable", self.deployable, self.finished);
        let best = match self.best {
            Some(best) => format!("best {:.1} %", 100.0 * best),
            None if self.deployable > 0 => "none trained in full yet".to_string(),
            None => "none deployable yet".to_string(),
        };
        match self.time_left() {
            Some(left) => format!("{share}, {best}, {} left", HumanDuration(left)),
            None => format!("{share}, {best}"),
        }
    }

    fn time_left(&self) -> Option<Duration> {
        let here = self.finished - self.finished_before;
        let left = self.budget.saturating_sub(self.finished);
        (here > 0 && left > 0)
            .then(|| self.start.elapsed().div_f64(here as f64).mul_f64(left as f64))
    }

    fn line(&self, trial: &TrialRecord) -> String {
        let fewer =
            trial.epochs.map(|n| format!(" after {}", counted(n, "epoch"))).unwrap_or_default();
        let verdict = match (trial.outcome.score(self.goal), trial.outcome.verdict.deployable()) {
            (Some(score), true) => format!("{:5.1} %{fewer}", 100.0 * score),
            (Some(score), false) => {
                format!("{:5.1} %{fewer}, not deployable", 100.0 * score)
            }
            (None, _) => format!("refused: {}", trial.outcome.verdict.reasons.join("; ")),
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
