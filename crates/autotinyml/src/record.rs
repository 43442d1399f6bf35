//! What a study remembers: its trials, and the finalists that were taken to the chip.

use std::fmt;

use autotinyml_deploy::{Board, CrossReport, Footprint, MemoryMap, Verdict};
use autotinyml_nn::{Confusion, Metric};
use autotinyml_search::{Configuration, Phase};
use serde::{Deserialize, Serialize};

use crate::in_print::grouped;

/// A finished trial.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialRecord {
    /// 0, 1, 2 … in the order of suggestion.
    pub id: usize,
    /// The point of the space.
    pub configuration: Configuration,
    /// The part of the search that suggested it.
    pub phase: Phase,
    /// Epochs that it was given. None: a full training.
    pub epochs: Option<usize>,
    /// What became of it; of a study of several combinations, for the one whose turn it was.
    pub outcome: TrialOutcome,
    /// For each combination of a board and a compression, in the order of the study; empty if there is but
    /// one.
    pub combinations: Vec<TrialOutcome>,
    /// Wall-clock seconds from suggestion to verdict.
    pub seconds: f64,
}

impl TrialRecord {
    /// Whether it was trained to the end of what it was given, and may be deployed.
    pub fn is_deployable(&self) -> bool {
        self.outcome.accuracy.is_some() && self.outcome.verdict.deployable()
    }

    /// Whether it came to an end, and may not be deployed. A trial that was stopped early is neither.
    pub fn is_refused(&self) -> bool {
        self.outcome.stopped.is_none() && !self.outcome.verdict.deployable()
    }

    /// As a trial of one combination alone.
    pub fn of(&self, combination: usize) -> Self {
        let outcome = self.combinations.get(combination).unwrap_or(&self.outcome).clone();
        Self { outcome, combinations: vec![], ..self.clone() }
    }
}

/// A trial during which the study's process ended, or that came to no end itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crash {
    /// Which.
    pub trial: usize,
    /// In print.
    pub how: String,
}

/// What became of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialOutcome {
    /// Mean validation accuracy over the folds, 0 to 1. None: never trained, or training diverged.
    pub accuracy: Option<f64>,
    /// Likewise. None also in stores of trials that were not judged by it.
    #[serde(default)]
    pub balanced_accuracy: Option<f64>,
    /// Likewise.
    #[serde(default)]
    pub macro_f1: Option<f64>,
    /// Validation accuracy of each fold, 0 to 1.
    pub fold_accuracies: Vec<f64>,
    /// Likewise, by the study's goal. Empty if that is accuracy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fold_scores: Vec<f64>,
    /// Mean training accuracy over the folds after each epoch, 0 to 1.
    pub learning_curve: Vec<f64>,
    /// By the study's goal, of the first fold, as trained, after each epoch, 0 to 1: on its validation part, or
    /// on what is held out where that tells when to stop training. Empty if bad trials are not stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_curve: Vec<f64>,
    /// None: its training went on to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Sizes and cross accuracy. None: the layers cannot be put together.
    pub footprint: Option<Footprint>,
    /// Deployable, or refused with reasons.
    pub verdict: Verdict,
}

/// What is known of a trial that was stopped in its first fold or after one, since it was worse than others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// In a sentence.
    pub reason: String,
    /// By the study's goal, mean over the folds that it was trained on, as deployed, 0 to 1.
    pub score: f64,
    /// Epochs that it was trained for.
    pub epochs: usize,
    /// Epochs of all folds that were left out.
    pub epochs_saved: usize,
}

impl TrialOutcome {
    /// A configuration of which no network can be made, or whose training went nowhere.
    pub fn refused(reason: String, footprint: Option<Footprint>) -> Self {
        Self {
            accuracy: None,
            balanced_accuracy: None,
            macro_f1: None,
            fold_accuracies: vec![],
            fold_scores: vec![],
            learning_curve: vec![],
            validation_curve: vec![],
            stopped: None,
            footprint,
            verdict: refusal(reason),
        }
    }

    /// Why it is not deployable, or was not trained to the end.
    pub fn reasons(&self) -> String {
        let stopped = self.stopped.iter().map(|stopped| stopped.reason.as_str());
        let reasons: Vec<&str> =
            self.verdict.reasons.iter().map(String::as_str).chain(stopped).collect();
        reasons.join("; ")
    }

    /// Of each fold, what the search wants more of.
    pub fn fold_scores(&self) -> &[f64] {
        if self.fold_scores.is_empty() { &self.fold_accuracies } else { &self.fold_scores }
    }

    /// What the search wants more of.
    pub fn score(&self, goal: Metric) -> Option<f64> {
        match goal {
            Metric::Accuracy => self.accuracy,
            Metric::BalancedAccuracy => self.balanced_accuracy,
            Metric::MacroF1 => self.macro_f1,
        }
    }
}

/// The verdict on a network that cannot be made, or makes no sense.
pub fn refusal(reason: String) -> Verdict {
    Verdict { meets_limits: false, links_on_chip: None, reasons: vec![reason], unchecked: vec![] }
}

/// A network that was trained on the whole training part, compiled, and tried on the test part: the
/// search's winner, or the study's fixed baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finalist {
    /// The trial it came from; None for the baseline.
    pub trial: Option<usize>,
    /// Its hyperparameters, as name and value in print.
    pub settings: Vec<(String, String)>,
    /// Mean over the folds, 0 to 1.
    pub validation_accuracy: f64,
    /// The study's goal, likewise, if that is another. None also in stores from before there were others.
    #[serde(default)]
    pub validation_goal: Option<f64>,
    /// Of the uncompressed network on the test part, 0 to 1.
    pub test_accuracy: f64,
    /// Of the C program on the test part, 0 to 1.
    pub deployed_accuracy: f64,
    /// Rows: true class, columns: chosen class, on the test part.
    pub confusion: Vec<Vec<usize>>,
    /// Of each class the test samples for which none was chosen. Empty in stores from before they were
    /// counted apart.
    #[serde(default)]
    pub undecided: Vec<usize>,
    /// Measured on the linked program as far as the tools here allow.
    pub footprint: Footprint,
    /// How far the C program agrees with the network, by runner, class and layer. None in stores from
    /// before this was kept.
    #[serde(default)]
    pub cross: Option<CrossReport>,
    /// Judged by the study's limits; names what could not be checked on this machine.
    pub verdict: Verdict,
}

impl Finalist {
    /// The study's goal, mean over the folds.
    pub fn validation_score(&self) -> f64 {
        self.validation_goal.unwrap_or(self.validation_accuracy)
    }

    /// What the C program chose on the test part. None: its answers were not kept.
    pub fn test_confusion(&self) -> Option<Confusion> {
        let (counts, mut undecided) = (self.confusion.clone(), self.undecided.clone());
        undecided.resize(counts.len(), 0);
        (!counts.is_empty()).then_some(Confusion { counts, undecided })
    }

    /// A figure of the C program on the test part. None: its answers were not kept.
    pub fn deployed_score(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Accuracy => Some(self.deployed_accuracy),
            _ => self.test_confusion().map(|confusion| confusion.score(metric)),
        }
    }
}

/// A trial that looked deployable until it was taken to the chip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    /// Which.
    pub trial: usize,
    /// Why.
    pub verdict: Verdict,
}

/// How much of a finite space can be deployed at all, by what is known before training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployable {
    /// Configurations in the space.
    pub space: usize,
    /// Configurations within the limits.
    pub within_limits: usize,
    /// Configurations of which no network can be made.
    pub unbuildable: usize,
    /// Why the first of those cannot be built.
    pub unbuildable_reason: Option<String>,
}

impl fmt::Display for Deployable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.within_limits as f64 / self.space.max(1) as f64;
        let Self { space, within_limits, unbuildable, .. } = self;
        let [within_limits, space, unbuildable] =
            [within_limits, space, unbuildable].map(|&n| grouped(n));
        write!(f, "{within_limits} of the space's {space} configurations ({share:.1} %) fit")?;
        match &self.unbuildable_reason {
            Some(reason) => write!(f, "; {unbuildable} make no network ({reason})"),
            None => Ok(()),
        }
    }
}

/// Where the data came from and what is left of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// Shape of one sample, in print.
    pub shape: String,
    /// Name of each class and how many samples it has.
    pub classes: Vec<(String, usize)>,
    /// Samples in training and test part.
    pub train: usize,
    /// Samples in the test part.
    pub test: usize,
    /// How the data was split, in print.
    pub split: String,
    /// What was dropped and why; what a reader should know about the split.
    pub notes: Vec<String>,
    /// What to look at before believing the data. Empty also in stores from before there were any.
    #[serde(default)]
    pub cautions: Vec<String>,
}

/// All that reports tell of a study.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Name of the study.
    pub name: String,
    /// The study file, as the user wrote it.
    pub study_text: String,
    /// Title of the board.
    pub board: String,
    /// In print: `x4`.
    pub compression: String,
    /// What a network may take.
    pub limits: autotinyml_deploy::Limits,
    /// The searcher's name.
    pub searcher: String,
    /// What it searches more of.
    pub goal: Metric,
    /// Trials asked for.
    pub budget: usize,
    /// The data.
    pub data: DataSummary,
    /// The space, if it is finite.
    pub deployable: Option<Deployable>,
    /// Name and settings of each trial are read through the space.
    pub space: autotinyml_search::Space,
    /// In order of id.
    pub trials: Vec<TrialRecord>,
    /// Whether the finals are over. Before that, there may be a best network that is not known yet.
    pub finished: bool,
    /// The most accurate network that fits; None: nothing deployable was found.
    pub best: Option<Finalist>,
    /// What of it lies where in memory. None: its model is not there any more.
    pub best_memory: Option<MemoryMap>,
    /// The fixed network to compare with, if the study names one.
    pub baseline: Option<Finalist>,
}

/// What makes a study this study: when it is resumed, all of this has to be the same, so that the
/// history means what it meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The study file, as the user wrote it.
    pub study_text: String,
    /// Its path, for messages.
    pub study_path: String,
    /// Where the data was read from; None: built in.
    pub data_path: Option<std::path::PathBuf>,
    /// A digest of all samples and labels.
    pub data_digest: String,
    /// Decides every random number.
    pub seed: u64,
    /// Trials asked for; a study can be continued with more.
    pub trials: usize,
    /// Whether sizes of linked programs guide the search: a cross compiler was there at its start.
    pub links: bool,
    /// Trial t learns from the trials up to t − `parallel`. Stores from before it was kept: 4, or what
    /// the study file says.
    #[serde(default = "parallel_before_it_was_kept")]
    pub parallel: usize,
    /// The board, which may be the user's own. `None`: written before there were such.
    #[serde(default)]
    pub board: Option<Board>,
    /// Of a study of several boards, all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boards: Vec<Board>,
}

fn parallel_before_it_was_kept() -> usize {
    4
}
