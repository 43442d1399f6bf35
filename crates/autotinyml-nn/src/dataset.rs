//! Labelled samples in memory.

use crate::{Shape, Standardisation};

/// Samples of one shape, each with a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Shape of each sample.
    pub shape: Shape,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Samples one after the other, `len() × shape.len()` values.
    pub inputs: Vec<f32>,
    /// Class of each sample, an index into `classes`.
    pub labels: Vec<usize>,
    /// Where each sample was cut from a recording; `None` when samples are independent.
    pub spans: Option<Vec<Span>>,
    /// Who or what each sample comes from; `None` when nobody says.
    pub groups: Option<Groups>,
}

/// People, devices or sessions: samples of one group resemble each other more than those of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Names of the groups.
    pub names: Vec<String>,
    /// Group of each sample, an index into `names`.
    pub of: Vec<usize>,
}

/// The rows of a recording that a window covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which recording.
    pub recording: usize,
    /// First row.
    pub start: usize,
    /// Row after the last.
    pub end: usize,
}

impl Dataset {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Values of sample `index`, `shape.len()` of them.
    pub fn sample(&self, index: usize) -> &[f32] {
        let length = self.shape.len();
        &self.inputs[index * length..][..length]
    }

    /// Number of samples of each class, in the order of `classes`.
    pub fn samples_per_class(&self) -> Vec<usize> {
        self.class_counts(0..self.len())
    }

    /// Number of the given samples in each class, in the order of `classes`.
    pub(crate) fn class_counts(&self, samples: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for sample in samples {
            counts[self.labels[sample]] += 1;
        }
        counts
    }

    /// The same data with its inputs standardised.
    pub fn standardised(&self, standardisation: &Standardisation) -> Self {
        let mut data = self.clone();
        standardisation.apply(&mut data.inputs);
        data
    }
}
