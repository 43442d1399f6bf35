//! Early stopping of bad trials, for any searcher.
//!
//! A trial tells its accuracy after every epoch of its first fold. A hurdle for each epoch follows from
//! the curves of earlier trials; a trial that misses one is stopped there, and the rest of its epochs,
//! those of all other folds included, is saved. The earlier trials are those whose outcomes the searcher
//! knew when it suggested the trial, whatever else has finished since: so the same trials are stopped
//! with any number of workers, interrupted or not.
//!
//! Median rule: D. Golovin et al., *Google Vizier: A Service for Black-Box Optimization*, KDD 2017, §3.2.2.
//! Successive halving: K. Jamieson, A. Talwalkar, *Non-stochastic Best Arm Identification and
//! Hyperparameter Optimization*, AISTATS 2016; its form that decides on each trial as it comes: L. Li et
//! al., *A System for Massively Parallel Hyperparameter Tuning*, MLSys 2020.
//!
//! | symbol | meaning |
//! | --- | --- |
//! | a₁ … a_e | accuracy of a trial after each epoch so far |
//! | r | `first`: the first epoch after which a trial may be stopped |
//! | η | of η trials that reach a rung, one goes on |
//!
//! DIFFERENCE: the published median rule knows no first epoch and no least number of trials; here the
//! first four trials that are trained are never stopped by it.
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
    /// earlier trials' mean accuracies (a₁ + … + a_e) / e; of one that ended before, the mean up to its end.
    Median,
    /// After the epochs r, rη, rη² …: whose a_e is not among the best ⌈n/η⌉ of all n that reached it so far,
    /// itself included.
    SuccessiveHalving {
        /// η, at least 2.
        eta: usize,
    },
}

/// The accuracy that a trial must have after each epoch to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Hurdles {
    rule: Rule,
    /// Of epoch 1, 2 …; there are none after the last.
    after: Vec<Option<f64>>,
}

/// Where a trial was stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Missed {
    /// After this epoch, from 1.
    pub epoch: usize,
    /// Of the trial, 0 to 1.
    accuracy: f64,
    hurdle: f64,
    rule: Rule,
}

impl Hurdles {
    /// Those that follow from the curves of the earlier trials, each as far as the trial came.
    pub fn new(stopping: EarlyStopping, earlier: &[&[f64]]) -> Self {
        let EarlyStopping { rule, first } = stopping;
        let longest = earlier.iter().map(|curve| curve.len()).max().unwrap_or(0);
        let hurdle = |epoch| match rule {
            _ if epoch < first => None,
            Rule::Median => median(earlier, epoch),
            Rule::SuccessiveHalving { eta } => {
                is_rung(epoch, first, eta).then(|| rung(earlier, epoch, eta)).flatten()
            }
        };
        Self { rule, after: (1..=longest).map(hurdle).collect() }
    }

    /// Whether a trial whose curve has come so far has to stop there.
    pub fn missed(&self, curve: &[f64]) -> Option<Missed> {
        let epoch = curve.len();
        let hurdle = (*self.after.get(epoch.checked_sub(1)?)?)?;
        let accuracy = match self.rule {
            Rule::Median => curve.iter().copied().fold(0.0, f64::max),
            Rule::SuccessiveHalving { .. } => curve[epoch - 1],
        };
        let Self { rule, .. } = *self;
        (accuracy < hurdle).then_some(Missed { epoch, accuracy, hurdle, rule })
    }
}

/// Of the mean accuracies up to an epoch.
fn median(earlier: &[&[f64]], epoch: usize) -> Option<f64> {
    let begun = earlier.iter().filter(|curve| !curve.is_empty());
    let mut means: Vec<f64> = begun
        .map(|curve| {
            let reached = &curve[..epoch.min(curve.len())];
            reached.iter().sum::<f64>() / reached.len() as f64
        })
        .collect();
    if means.len() < EARLIER_MIN {
        return None;
    }
    means.sort_by(f64::total_cmp);
    let half = means.len() / 2;
    Some(if means.len() % 2 == 1 { means[half] } else { 0.5 * (means[half - 1] + means[half]) })
}

fn is_rung(epoch: usize, first: usize, eta: usize) -> bool {
    let rungs = std::iter::successors(Some(first), |rung| rung.checked_mul(eta));
    rungs.take_while(|&rung| rung <= epoch).last() == Some(epoch)
}

/// The least accuracy among the best ⌈n/η⌉ of n trials, the next one included, if it does not better them.
/// `None` as long as there are fewer than η.
fn rung(earlier: &[&[f64]], epoch: usize, eta: usize) -> Option<f64> {
    let mut reached: Vec<f64> =
        earlier.iter().filter_map(|curve| curve.get(epoch - 1).copied()).collect();
    let trials = reached.len() + 1;
    if trials < eta {
        return None;
    }
    reached.sort_by(|a, b| b.total_cmp(a));
    Some(reached[trials.div_ceil(eta) - 1])
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, .. } = self;
        let [accuracy, hurdle] = [self.accuracy, self.hurdle].map(|share| 100.0 * share);
        write!(f, "stopped after epoch {epoch}: {accuracy:.1} % ")?;
        match self.rule {
            Rule::Median => write!(f, "at best, the median of earlier trials is {hurdle:.1} %"),
            Rule::SuccessiveHalving { eta } => {
                write!(f, "accuracy, the best 1 of {eta} had at least {hurdle:.1} % there")
            }
        }
    }
}
