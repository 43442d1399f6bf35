//! Early stopping of bad trials, for any searcher.
//!
//! A trial tells its accuracy after every epoch of its first fold, and after every whole fold the mean over
//! the folds so far. A hurdle for each of these places follows from earlier trials; a trial that misses
//! one is stopped there, and the rest of its epochs, those of the other folds included, is saved. The
//! earlier trials are those whose outcomes the searcher knew when it suggested the trial, whatever else
//! has finished since: so the same trials are stopped with any number of workers, interrupted or not.
//!
//! Median rule: D. Golovin et al., *Google Vizier: A Service for Black-Box Optimization*, KDD 2017, §3.2.2.
//! Successive halving: K. Jamieson, A. Talwalkar, *Non-stochastic Best Arm Identification and
//! Hyperparameter Optimization*, AISTATS 2016; its form that decides on each trial as it comes: L. Li et
//! al., *A System for Massively Parallel Hyperparameter Tuning*, MLSys 2020.
//!
//! | symbol | meaning |
//! | --- | --- |
//! | a₁ … a_e | accuracy of a trial after each epoch of the first fold so far |
//! | m₁ … m_f | mean accuracy over the folds so far, after each fold but the last |
//! | r | `first`: the first epoch after which a trial may be stopped |
//! | η | of η trials that reach a rung, one goes on |
//!
//! DIFFERENCE: the published median rule knows no first epoch and no least number of trials; here the
//! first four trials that are trained are never stopped by it.
//! DIFFERENCE: neither paper knows folds. After each, both rules compare the means m_f; to the median
//! rule a trial that was stopped before has none, and counts as worse than any.
//! DIFFERENCE: Li et al. pause a trial at its rung and may resume it later; here it is stopped for good, as
//! no weights are kept.

#[cfg(test)]
mod tests;

use std::fmt;

/// Earlier trials without which there is no median.
const EARLIER_MIN: usize = 4;

/// `search.early_stopping`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyStopping {
    /// Which trials are stopped.
    pub rule: Rule,
    /// r, from 1.
    pub first: usize,
}

/// `search.early_stopping.rule`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// After every epoch from r on: whose best accuracy so far, max(a₁ … a_e), is less than the median of the
    /// earlier trials' mean accuracies (a₁ + … + a_e) / e; of one that ended before, the mean up to its end. After
    /// each fold: whose m_f is less than the median of theirs.
    Median,
    /// After the epochs r, rη, rη² …, and after each fold: whose a_e or m_f is not among the best ⌈n/η⌉ of all
    /// n that reached it so far, itself included.
    SuccessiveHalving {
        /// η, at least 2.
        eta: usize,
    },
}

/// The accuracy that a trial must have after each epoch to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Hurdles {
    rule: Rule,
    /// Of epoch 1, 2 … of the first fold; there are none after the last.
    after_epoch: Vec<Option<f64>>,
    /// Of fold 1, 2 …; likewise.
    after_fold: Vec<Option<f64>>,
}

/// What an earlier trial has reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Earlier<'a> {
    /// After each epoch of its first fold; empty if it was never trained.
    pub curve: &'a [f64],
    /// Of each fold that it came to the end of.
    pub folds: &'a [f64],
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
    /// Of the trial, 0 to 1.
    accuracy: f64,
    hurdle: f64,
    rule: Rule,
}

impl Hurdles {
    /// Those that follow from the earlier trials.
    pub fn new(stopping: EarlyStopping, earlier: &[Earlier<'_>]) -> Self {
        let EarlyStopping { rule, first } = stopping;
        let curves: Vec<&[f64]> = earlier.iter().map(|trial| trial.curve).collect();
        let longest = curves.iter().map(|curve| curve.len()).max().unwrap_or(0);
        let after_epoch = |epoch| match rule {
            _ if epoch < first => None,
            Rule::Median => median_of_means(&curves, epoch),
            Rule::SuccessiveHalving { eta } => is_rung(epoch, first, eta)
                .then(|| rung(curves.iter().filter_map(|c| c.get(epoch - 1).copied()), eta))
                .flatten(),
        };
        let trained: Vec<&[f64]> = (earlier.iter())
            .filter(|trial| !trial.curve.is_empty())
            .map(|trial| trial.folds)
            .collect();
        let folds = trained.iter().map(|folds| folds.len()).max().unwrap_or(0);
        let mean = |folds: &&[f64], fold: usize| Some(mean(folds.get(..fold)?));
        let after_fold = |fold| match rule {
            Rule::Median => {
                median(trained.iter().map(|folds| mean(folds, fold).unwrap_or(0.0)).collect())
            }
            Rule::SuccessiveHalving { eta } => {
                rung(trained.iter().filter_map(|folds| mean(folds, fold)), eta)
            }
        };
        Self {
            rule,
            after_epoch: (1..=longest).map(after_epoch).collect(),
            after_fold: (1..=folds).map(after_fold).collect(),
        }
    }

    /// Whether a trial whose curve in the first fold has come so far has to stop there.
    pub fn missed(&self, curve: &[f64]) -> Option<Missed> {
        let epoch = curve.len();
        let hurdle = (*self.after_epoch.get(epoch.checked_sub(1)?)?)?;
        let accuracy = match self.rule {
            Rule::Median => curve.iter().copied().fold(0.0, f64::max),
            Rule::SuccessiveHalving { .. } => curve[epoch - 1],
        };
        self.held_against(hurdle, accuracy, Place::Epoch(epoch))
    }

    /// Whether a trial has to stop after folds with these accuracies.
    pub fn missed_after(&self, folds: &[f64]) -> Option<Missed> {
        let fold = folds.len();
        let hurdle = (*self.after_fold.get(fold.checked_sub(1)?)?)?;
        self.held_against(hurdle, mean(folds), Place::Fold(fold))
    }

    fn held_against(&self, hurdle: f64, accuracy: f64, place: Place) -> Option<Missed> {
        let Self { rule, .. } = *self;
        (accuracy < hurdle).then_some(Missed { place, accuracy, hurdle, rule })
    }
}

fn mean(accuracies: &[f64]) -> f64 {
    accuracies.iter().sum::<f64>() / accuracies.len() as f64
}

/// Of the mean accuracies up to an epoch.
fn median_of_means(curves: &[&[f64]], epoch: usize) -> Option<f64> {
    let begun = curves.iter().filter(|curve| !curve.is_empty());
    median(begun.map(|curve| mean(&curve[..epoch.min(curve.len())])).collect())
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

/// The least accuracy among the best ⌈n/η⌉ of n trials, the next one included, if it does not better them.
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
        let [accuracy, hurdle] = [self.accuracy, self.hurdle].map(|share| 100.0 * share);
        match self.place {
            Place::Epoch(epoch) => write!(f, "stopped after epoch {epoch}: {accuracy:.1} % ")?,
            Place::Fold(fold) => write!(f, "stopped after fold {fold}: {accuracy:.1} % ")?,
        }
        match self.rule {
            Rule::Median => write!(f, "at best, the median of earlier trials is {hurdle:.1} %"),
            Rule::SuccessiveHalving { eta } => {
                write!(f, "accuracy, the best 1 of {eta} had at least {hurdle:.1} % there")
            }
        }
    }
}
