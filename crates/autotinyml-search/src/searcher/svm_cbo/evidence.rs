//! What the history says about deployability, running trials taken to end as predicted.

use crate::feasibility::Svm;
use crate::history::History;
use crate::kernel::{self, Cross, Kernel};
use crate::problem::Problem;
use crate::space::Axis;

/// Classifier and coverage term see at most so many trials: their cost grows with them, that of training the
/// classifier with more than their square.
const TRIALS_MAX: usize = 300;

/// Finds the boundary between labels; `None` if there is only one class.
type Separate = fn(&[Axis], &[Vec<f64>], &[bool]) -> Option<Svm>;

pub(super) struct Evidence {
    pub(super) axes: Vec<Axis>,
    /// All trials, encoded: first those that have ended, then those that are running.
    pub(super) points: Vec<Vec<f64>>,
    /// Deployable or not, as far as known or predicted.
    labels: Vec<bool>,
    completed: usize,
    /// `None` while only one class was seen.
    pub(super) boundary: Option<Svm>,
}

impl Evidence {
    pub(super) fn new(problem: &Problem, history: &History, separate: Separate) -> Self {
        let space = problem.space;
        let axes = space.axes();
        let mut points: Vec<Vec<f64>> =
            history.completed().map(|(trial, _)| space.encode(&trial.configuration)).collect();
        let mut labels: Vec<bool> =
            history.completed().map(|(_, outcome)| outcome.feasible_score().is_some()).collect();
        let completed = points.len();
        let separate = |points: &[Vec<f64>], labels: &[bool]| {
            let kept = some_of_both(labels);
            let points: Vec<Vec<f64>> = kept.iter().map(|&i| points[i].clone()).collect();
            let labels: Vec<bool> = kept.iter().map(|&i| labels[i]).collect();
            separate(&axes, &points, &labels)
        };
        let mut boundary = separate(&points, &labels);
        let running: Vec<Vec<f64>> =
            history.pending().map(|trial| space.encode(&trial.configuration)).collect();
        if let Some(seen) = &mut boundary
            && !running.is_empty()
        {
            labels.extend(running.iter().map(|x| seen.decision(x) >= 0.0));
            points.extend(running);
            boundary = separate(&points, &labels);
        } else {
            labels.extend(vec![labels.first().copied().unwrap_or(true); running.len()]);
            points.extend(running);
        }
        Self { axes, points, labels, completed, boundary }
    }

    /// f(x); `None` while there is no boundary.
    pub(super) fn decision(&mut self, x: &[f64]) -> Option<f64> {
        self.boundary.as_mut().map(|boundary| boundary.decision(x))
    }

    pub(super) fn is_deployable(&mut self, x: &[f64]) -> bool {
        self.decision(x).is_none_or(|f| f >= 0.0)
    }

    /// The trials that the coverage term counts.
    pub(super) fn covered(&self) -> Vec<Vec<f64>> {
        let kept = latest_and_spread(self.points.len(), TRIALS_MAX);
        kept.map(|i| self.points[i].clone()).collect()
    }

    /// Similarities to the trials, of the width at which they fill the space.
    pub(super) fn coverage(&self) -> Cross {
        let points = self.covered();
        let spread = kernel::variance(&self.axes, &points).sqrt();
        let narrowing = (points.len().max(1) as f64).powf(-1.0 / self.axes.len() as f64);
        Kernel::isotropic(&self.axes, spread * narrowing).cross(points)
    }

    /// Running trials that are predicted deployable.
    pub(super) fn running_deployable(&self) -> Vec<Vec<f64>> {
        let running = self.points[self.completed..].iter().zip(&self.labels[self.completed..]);
        running.filter(|(_, deployable)| **deployable).map(|(x, _)| x.clone()).collect()
    }
}

/// At most [`TRIALS_MAX`] trials, ascending: half of them of either class, or more where the other has
/// fewer.
fn some_of_both(labels: &[bool]) -> Vec<usize> {
    let of =
        |class: bool| -> Vec<usize> { (0..labels.len()).filter(|&i| labels[i] == class).collect() };
    let (mut deployable, mut other) = (of(true), of(false));
    let half = TRIALS_MAX / 2;
    let deployable_max = half.max(TRIALS_MAX.saturating_sub(other.len()));
    let other_max = half.max(TRIALS_MAX.saturating_sub(deployable.len()));
    deployable =
        latest_and_spread(deployable.len(), deployable_max).map(|i| deployable[i]).collect();
    other = latest_and_spread(other.len(), other_max).map(|i| other[i]).collect();
    let mut kept = [deployable, other].concat();
    kept.sort_unstable();
    kept
}

/// At most `most` of the numbers below n, ascending: the latest half of them, and as many spread evenly over
/// the earlier ones.
fn latest_and_spread(n: usize, most: usize) -> impl Iterator<Item = usize> {
    let latest = if n <= most { 0 } else { n - most / 2 };
    let spread = if n <= most { 0 } else { most - most / 2 };
    (0..spread).map(move |i| i * latest / spread).chain(latest..n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_history_is_kept_whole() {
        for n in [0, 1, 7, 500] {
            assert!(latest_and_spread(n, 500).eq(0..n));
        }
    }

    #[test]
    fn of_a_long_history_different_trials_are_kept_and_the_latest_among_them() {
        for n in [11, 12, 29, 1_000] {
            let kept: Vec<usize> = latest_and_spread(n, 10).collect();
            assert_eq!(kept.len(), 10);
            assert!(kept.is_sorted_by(|a, b| a < b) && kept[0] == 0);
            assert_eq!(kept[5..], [n - 5, n - 4, n - 3, n - 2, n - 1]);
        }
    }

    #[test]
    fn a_rare_class_is_kept_whole() {
        let labels: Vec<bool> = (0..10_000).map(|i| i % 100 == 0).collect();
        let kept = some_of_both(&labels);
        assert_eq!(kept.len(), TRIALS_MAX);
        assert_eq!(kept.iter().filter(|&&i| labels[i]).count(), 100);
    }
}
