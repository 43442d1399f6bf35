//! Early stopping of bad trials, for any searcher.
//!
//! A trial tells its score, by the study's goal, after every epoch of its first fold, and after every whole
//! fold the mean over the folds so far. A hurdle for each of these places follows from earlier trials; a trial
//! that misses one is stopped there, and the rest of its epochs, those of the other folds included, is saved.
//! The earlier trials are those whose outcomes the searcher knew when it suggested the trial, whatever else
//! has finished since: so the same trials are stopped with any number of workers, interrupted or not.
//!
//! Median rule: D. Golovin et al., *Google Vizier: A Service for Black-Box Optimization*, KDD 2017, §3.2.2.
//! Successive halving: K. Jamieson, A. Talwalkar, *Non-stochastic Best Arm Identification and
//! Hyperparameter Optimization*, AISTATS 2016; its form that decides on each trial as it comes: L. Li et
//! al., *A System for Massively Parallel Hyperparameter Tuning*, MLSys 2020. Prediction: see `prediction.rs`.
//!
//! | symbol | meaning |
//! | --- | --- |
//! | a₁ … a_e | score of a trial after each epoch of the first fold so far |
//! | m₁ … m_f | mean score over the folds so far, after each fold but the last |
//! | r | `first`: the first epoch after which a trial may be stopped |
//! | η | of η trials that reach a rung, one goes on |
//! | δ | chance to become the best, with less than which a trial is stopped |
//!
//! DIFFERENCE: the published median rule knows no first epoch and no least number of trials; here the
//! first four trials that are trained are never stopped by it.
//! DIFFERENCE: none of the papers knows folds. After each, all rules compare the means m_f; to the median
//! rule a trial that was stopped before has none, and counts as worse than any.
//! DIFFERENCE: Li et al. pause a trial at its rung and may resume it later; here it is stopped for good, as
//! no weights are kept.

mod prediction;
#[cfg(test)]
mod tests;

use std::fmt;

use prediction::Prediction;

/// Earlier trials without which there is no median.
const EARLIER_MIN: usize = 4;

/// `search.early_stopping`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStopping {
    /// Which trials are stopped.
    pub rule: Rule,
    /// r, from 1.
    pub first: usize,
}

/// `search.early_stopping.rule`
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// After every epoch from r on: whose best score so far, max(a₁ … a_e), is less than the median of the
    /// earlier trials' mean scores (a₁ + … + a_e) / e; of one that ended before, the mean up to its end. After
    /// each fold: whose m_f is less than the median of theirs.
    Median,
    /// After the epochs r, rη, rη² …, and after each fold: whose a_e or m_f is not among the best ⌈n/η⌉ of all
    /// n that reached it so far, itself included.
    SuccessiveHalving {
        /// η, at least 2.
        eta: usize,
    },
    /// After half the epochs that others trained (not before r), and after each fold: who by a_e or m_f ends as
    /// the best with a chance of less than δ. Not before: networks of a kind that learns slowly at first would
    /// be judged by those of another.
    Prediction {
        /// δ, between 0 and ½.
        chance: f64,
    },
}

/// The score that a trial must have after each epoch to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Hurdles {
    rule: Rule,
    /// Of epoch 1, 2 … of the first fold; there are none after the last.
    after_epoch: Vec<Option<Hurdle>>,
    /// Of fold 1, 2 …; likewise.
    after_fold: Vec<Option<Hurdle>>,
}

/// The score that a trial must have at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hurdle {
    score: f64,
    /// What follows from a score there.
    prediction: Option<Prediction>,
}

/// What an earlier trial has reached, by the study's goal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Earlier<'a> {
    /// After each epoch of its first fold; empty if it was never trained.
    pub curve: &'a [f64],
    /// Of each fold that it came to the end of.
    pub folds: &'a [f64],
    /// Of all folds, if it was not stopped.
    pub end: Option<f64>,
    /// Whether it may become the best.
    pub deployable: bool,
}

/// After what a trial was stopped, each from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Of the first fold.
    Epoch(usize),
    /// A whole one.
    Fold(usize),
}

/// Where a trial was stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Missed {
    /// Where.
    pub place: Place,
    /// What it would have come to, where the rule tells.
    expected: Option<f64>,
    /// Of the trial, 0 to 1.
    score: f64,
    hurdle: f64,
    rule: Rule,
}

impl Hurdles {
    /// Those that follow from the earlier trials.
    pub fn new(stopping: EarlyStopping, earlier: &[Earlier<'_>]) -> Self {
        let EarlyStopping { rule, first } = stopping;
        let trained: Vec<Earlier<'_>> =
            earlier.iter().filter(|trial| !trial.curve.is_empty()).copied().collect();
        let epochs = trained.iter().map(|trial| trial.curve.len()).max().unwrap_or(0);
        let folds = trained.iter().map(|trial| trial.folds.len()).max().unwrap_or(0);
        let after_epoch = |epoch| {
            let score = |trial: &Earlier<'_>| trial.curve.get(epoch - 1).copied();
            match rule {
                _ if epoch < first => None,
                Rule::Median => plain(median_of_means(&trained, epoch)),
                Rule::SuccessiveHalving { eta } if is_rung(epoch, first, eta) => {
                    plain(rung(trained.iter().filter_map(score), eta))
                }
                Rule::Prediction { chance } if epoch == epochs.div_ceil(2).max(first) => {
                    predicted(&trained, &score, chance)
                }
                Rule::SuccessiveHalving { .. } | Rule::Prediction { .. } => None,
            }
        };
        let after_fold = |fold| {
            let score = |trial: &Earlier<'_>| Some(mean(trial.folds.get(..fold)?));
            match rule {
                Rule::Median => {
                    plain(median(trained.iter().map(|it| score(it).unwrap_or(0.0)).collect()))
                }
                Rule::SuccessiveHalving { eta } => {
                    plain(rung(trained.iter().filter_map(score), eta))
                }
                Rule::Prediction { chance } => predicted(&trained, &score, chance),
            }
        };
        Self {
            rule,
            after_epoch: (1..=epochs).map(after_epoch).collect(),
            after_fold: (1..=folds).map(after_fold).collect(),
        }
    }

    /// Whether a trial whose curve in the first fold has come so far has to stop there.
    pub fn missed(&self, curve: &[f64]) -> Option<Missed> {
        let epoch = curve.len();
        let hurdle = (*self.after_epoch.get(epoch.checked_sub(1)?)?)?;
        let score = match self.rule {
            Rule::Median => curve.iter().copied().fold(0.0, f64::max),
            Rule::SuccessiveHalving { .. } | Rule::Prediction { .. } => curve[epoch - 1],
        };
        self.held_against(hurdle, score, Place::Epoch(epoch))
    }

    /// Whether a trial has to stop after folds with these scores.
    pub fn missed_after(&self, folds: &[f64]) -> Option<Missed> {
        let fold = folds.len();
        let hurdle = (*self.after_fold.get(fold.checked_sub(1)?)?)?;
        self.held_against(hurdle, mean(folds), Place::Fold(fold))
    }

    fn held_against(&self, hurdle: Hurdle, score: f64, place: Place) -> Option<Missed> {
        let expected = hurdle.prediction.map(|prediction| prediction.at(score));
        let missed = Missed { place, expected, score, hurdle: hurdle.score, rule: self.rule };
        (score < hurdle.score).then_some(missed)
    }
}

/// A hurdle that tells no more than its score.
fn plain(score: Option<f64>) -> Option<Hurdle> {
    score.map(|score| Hurdle { score, prediction: None })
}

/// Below which the chance to become the best is less than `chance`; `score` is that of a trial at the place.
fn predicted(
    trained: &[Earlier<'_>],
    score: &dyn Fn(&Earlier<'_>) -> Option<f64>,
    chance: f64,
) -> Option<Hurdle> {
    let points: Vec<(f64, f64)> =
        trained.iter().filter_map(|trial| Some((score(trial)?, trial.end?))).collect();
    let ends = trained.iter().filter(|trial| trial.deployable).filter_map(|trial| trial.end);
    let best = ends.reduce(f64::max)?;
    let prediction = Prediction::through(&points)?;
    let score = prediction.hurdle(best, chance);
    Some(Hurdle { score, prediction: Some(prediction) })
}

fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len() as f64
}

/// Of the mean scores up to an epoch.
fn median_of_means(trained: &[Earlier<'_>], epoch: usize) -> Option<f64> {
    let up_to = |curve: &[f64]| mean(&curve[..epoch.min(curve.len())]);
    median(trained.iter().map(|trial| up_to(trial.curve)).collect())
}

/// `None` as long as there are too few.
fn median(mut all: Vec<f64>) -> Option<f64> {
    if all.len() < EARLIER_MIN {
        return None;
    }
    all.sort_by(f64::total_cmp);
    let half = all.len() / 2;
    Some(if all.len() % 2 == 1 { all[half] } else { 0.5 * (all[half - 1] + all[half]) })
}

fn is_rung(epoch: usize, first: usize, eta: usize) -> bool {
    let rungs = std::iter::successors(Some(first), |rung| rung.checked_mul(eta));
    rungs.take_while(|&rung| rung <= epoch).last() == Some(epoch)
}

/// The least score among the best ⌈n/η⌉ of n trials, the next one included, if it does not better them.
/// `None` as long as there are fewer than η.
fn rung(reached: impl Iterator<Item = f64>, eta: usize) -> Option<f64> {
    let mut reached: Vec<f64> = reached.collect();
    let trials = reached.len() + 1;
    if trials < eta {
        return None;
    }
    reached.sort_by(|a, b| b.total_cmp(a));
    Some(reached[trials.div_ceil(eta) - 1])
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let [score, hurdle] = [self.score, self.hurdle].map(percent);
        match self.place {
            Place::Epoch(epoch) => write!(f, "stopped after epoch {epoch}: {score}")?,
            Place::Fold(fold) => write!(f, "stopped after fold {fold}: {score}")?,
        }
        match self.rule {
            Rule::Median => write!(f, " at best, the median of earlier trials is {hurdle}"),
            Rule::SuccessiveHalving { eta } => {
                write!(f, ", the best 1 of {eta} had at least {hurdle} there")
            }
            Rule::Prediction { chance } => {
                let expected = self.expected.map(percent).unwrap_or_default();
                let chance = 100.0 * chance;
                write!(
                    f,
                    " lets {expected} expect; with less than {hurdle} there the chance to become the \
                     best is below {chance} %"
                )
            }
        }
    }
}
