//! How well the weights of an epoch do on samples that they were not trained on, and the best of them.

use super::{EarlyStopping, Epoch, Monitor, Training, forward, gather, penalty, weights_of};
use crate::execution::Execution;
use crate::layer::softmax::Targets;
use crate::layer::{Trained, Use};
use crate::model::Weights;
use crate::{Confusion, Dataset, Metric, Node, Shape};

/// Samples to validate with.
pub(super) struct Validation<'a> {
    data: &'a Dataset,
    samples: &'a [usize],
    /// Those of the training, with all classes of the same weight.
    targets: Targets,
    inference: Execution,
}

/// Samples that run at a time.
pub(super) const BATCH: usize = 32;

impl<'a> Validation<'a> {
    /// `None` if there are no samples.
    pub(super) fn of(
        input: Shape,
        nodes: &[Node],
        data: &'a Dataset,
        samples: &'a [usize],
        training: &Training,
    ) -> Option<Self> {
        if samples.is_empty() {
            return None;
        }
        let batch = BATCH.min(samples.len());
        let inference = Execution::new(input.len(), nodes, batch, Use::Inference);
        let class_weights = vec![1.0; data.classes.len()];
        let targets = Targets { class_weights, smoothing: training.label_smoothing };
        Some(Self { data, samples, targets, inference })
    }

    /// Mean loss, and which classes are chosen.
    pub(super) fn score(&mut self, trained: &[Option<Trained>]) -> (f64, Confusion) {
        let (mut loss, mut confusion) = (0.0, Confusion::new(self.data.classes.len()));
        for batch in self.samples.chunks(BATCH) {
            gather(&mut self.inference, self.data, batch);
            forward(&mut self.inference, trained, batch.len(), 0);
            let (logits, _) = self.inference.output(batch.len());
            let labels = batch.iter().map(|&sample| self.data.labels[sample]);
            confusion.add(logits, labels.clone());
            loss += self.targets.cross_entropy(logits, labels).loss;
        }
        (loss / self.samples.len() as f64 + penalty(trained), confusion)
    }
}

/// The weights that validated best.
pub(super) struct Best {
    stopping: EarlyStopping,
    /// What was monitored then (more is better), and the weights.
    found: Option<(f64, Vec<Option<Weights>>)>,
    /// Epochs since then.
    since: usize,
}

impl Best {
    pub(super) fn new(stopping: EarlyStopping) -> Self {
        Self { stopping, found: None, since: 0 }
    }

    /// Takes note of an epoch; whether patience has worn out.
    pub(super) fn see(&mut self, epoch: &Epoch, trained: &[Option<Trained>]) -> bool {
        let merit = match self.stopping.monitor {
            Monitor::ValidationLoss => epoch.validation_loss.map(|loss| -loss),
            Monitor::ValidationAccuracy => epoch.validation_score(Metric::Accuracy),
        };
        let merit = merit.filter(|merit| !merit.is_nan()).unwrap_or(f64::NEG_INFINITY);
        if self.found.as_ref().is_none_or(|(best, _)| merit > *best) {
            self.found = Some((merit, weights_of(trained)));
            self.since = 0;
            return false;
        }
        self.since += 1;
        self.since >= self.stopping.patience
    }

    /// `None`: there was no epoch.
    pub(super) fn weights(self) -> Option<Vec<Option<Weights>>> {
        self.found.map(|(_, weights)| weights)
    }
}
