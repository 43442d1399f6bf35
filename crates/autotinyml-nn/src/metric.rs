//! How good the classes are that a network chooses: definitions are scikit-learn's.

use crate::largest;
use crate::layer::softmax::is_decided;

/// A figure from 0 to 1 of how often a network is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Share of samples whose class is chosen.
    #[default]
    Accuracy,
    /// Mean over the classes of the share of their samples whose class is chosen (recall): each class
    /// counts as much as any other, however rare it is. Classes without samples are left out.
    BalancedAccuracy,
    /// Mean over the classes of F1, the harmonic mean of precision and recall. Classes that neither occur
    /// nor are chosen are left out.
    MacroF1,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Self; 3] = [Self::Accuracy, Self::BalancedAccuracy, Self::MacroF1];

    /// Name, as in a study file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced-accuracy",
            Self::MacroF1 => "macro-f1",
        }
    }

    /// Name in print.
    pub fn title(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced accuracy",
            Self::MacroF1 => "macro F1",
        }
    }
}

/// Which classes were chosen for the samples of each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Rows: true class; columns: chosen class.
    pub counts: Vec<Vec<usize>>,
    /// Of each class the samples for which none was chosen: their outputs are not all numbers.
    pub undecided: Vec<usize>,
}

impl Confusion {
    /// Of no sample.
    pub(crate) fn new(classes: usize) -> Self {
        Self { counts: vec![vec![0; classes]; classes], undecided: vec![0; classes] }
    }

    /// What `outputs`, samples × classes, choose for samples of these classes.
    pub fn of(outputs: &[f32], labels: impl IntoIterator<Item = usize>, classes: usize) -> Self {
        let mut confusion = Self::new(classes);
        confusion.add(outputs, labels);
        confusion
    }

    /// Takes in more samples.
    pub(crate) fn add(&mut self, outputs: &[f32], labels: impl IntoIterator<Item = usize>) {
        for (outputs, label) in outputs.chunks_exact(self.counts.len()).zip(labels) {
            match is_decided(outputs) {
                true => self.counts[label][largest(outputs)] += 1,
                false => self.undecided[label] += 1,
            }
        }
    }

    /// The figure; 0 if there are no samples.
    pub fn score(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Accuracy => {
                let right: usize = (0..self.counts.len()).map(|class| self.right(class)).sum();
                let all: usize = (0..self.counts.len()).map(|class| self.samples(class)).sum();
                right as f64 / all.max(1) as f64
            }
            Metric::BalancedAccuracy => self.mean(|class| {
                let samples = self.samples(class);
                (samples > 0).then(|| self.right(class) as f64 / samples as f64)
            }),
            Metric::MacroF1 => self.mean(|class| {
                // 2 / (1 / precision + 1 / recall)
                let both = self.samples(class) + self.chosen(class);
                (both > 0).then(|| 2.0 * self.right(class) as f64 / both as f64)
            }),
        }
    }

    fn right(&self, class: usize) -> usize {
        self.counts[class][class]
    }

    fn samples(&self, class: usize) -> usize {
        self.counts[class].iter().sum::<usize>() + self.undecided[class]
    }

    /// Samples for which this class was chosen.
    fn chosen(&self, class: usize) -> usize {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// Over the classes that have the figure.
    fn mean(&self, figure: impl Fn(usize) -> Option<f64>) -> f64 {
        let figures: Vec<f64> = (0..self.counts.len()).filter_map(figure).collect();
        figures.iter().sum::<f64>() / figures.len().max(1) as f64
    }
}
