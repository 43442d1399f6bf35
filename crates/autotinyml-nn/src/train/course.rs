//! A training under way: batch by batch, and the signs that it leads nowhere.

use super::{TrainError, Training, forward, gather, penalty};
use crate::execution::Execution;
use crate::layer::softmax::{Score, Targets};
use crate::layer::{Trained, Use};
use crate::model::Weights;
use crate::optimizer::Parameters;
use crate::{Dataset, Node, Shape};

/// A training under way.
pub(super) struct Course<'a> {
    data: &'a Dataset,
    training: &'a Training,
    seed: u64,
    targets: Targets,
    /// Mean loss of a network that takes every class for as likely as any other, or 1 if that is more.
    guessing: f64,
    /// Samples in a whole batch.
    batch: usize,
    steps_per_epoch: u64,
    /// Optimizer steps so far.
    steps: u64,
    execution: Execution,
    pub(super) trained: Vec<Option<Trained>>,
}

/// A batch whose loss is more times that of guessing ends the training.
const BATCH_LOSS_MAX: f64 = 10_000.0;
/// An epoch whose mean loss is more times that of guessing ends the training. (Large first steps may lead
/// to 20 times that and still to a good network.)
const EPOCH_LOSS_MAX: f64 = 100.0;

impl<'a> Course<'a> {
    pub(super) fn new(
        input: Shape,
        nodes: &[Node],
        weights: Vec<Option<Weights>>,
        data: &'a Dataset,
        samples: &[usize],
        training: &'a Training,
        seed: u64,
    ) -> Self {
        let parameters = |values| {
            let parameters = Parameters::new(values, training.optimizer);
            match training.clip_norm {
                None => parameters,
                Some(_) => parameters.keeping_gradient(),
            }
        };
        let trained = weights.into_iter().map(|weights| {
            let Weights { kernel, bias, moving } = weights?;
            // Keras' kernel regularisers are none of γ.
            let l2 = if moving.is_none() { training.l2 } else { 0.0 };
            let (kernel, bias) = (parameters(kernel).with_l2(l2), parameters(bias));
            Some(Trained { kernel, bias, moving })
        });
        let class_weights = training.class_weights.of(data, samples);
        let weight_of = |&sample: &usize| f64::from(class_weights[data.labels[sample]]);
        let mean_weight = samples.iter().map(weight_of).sum::<f64>() / samples.len() as f64;
        let batch = training.batch.min(samples.len());
        Self {
            data,
            training,
            seed,
            guessing: (mean_weight * (data.classes.len() as f64).ln()).max(1.0),
            targets: Targets { class_weights, smoothing: training.label_smoothing },
            batch,
            steps_per_epoch: samples.len().div_ceil(batch) as u64,
            steps: 0,
            execution: Execution::new(input.len(), nodes, batch, Use::Training { seed }),
            trained: trained.collect(),
        }
    }

    /// Learns all samples in this order; their summed loss (with the penalty, once per sample) and hits.
    pub(super) fn epoch(&mut self, epoch: usize, order: &[usize]) -> Result<Score, TrainError> {
        let diverged = |exploded| Err(TrainError::Diverged { epoch, exploded });
        let guessing = self.guessing;
        let mut sum = Score::default();
        let mut penalties = 0.0;
        for batch in order.chunks(self.batch) {
            let penalty = self.penalty();
            let score = self.learn(batch);
            if !(score.loss + penalty).is_finite() {
                return diverged(false);
            }
            if score.loss > BATCH_LOSS_MAX * guessing * batch.len() as f64 {
                return diverged(true);
            }
            sum.loss += score.loss;
            sum.hits += score.hits;
            penalties += penalty * batch.len() as f64;
        }
        if sum.loss > EPOCH_LOSS_MAX * guessing * order.len() as f64 {
            return diverged(true);
        }
        sum.loss += penalties;
        Ok(sum)
    }

    /// One optimizer step on a batch; its summed loss and hits before.
    fn learn(&mut self, batch: &[usize]) -> Score {
        let share = self.training.schedule.share(self.steps, self.steps_per_epoch);
        self.steps += 1;
        let score = self.score(batch, self.steps);
        let (_, gradient) = self.execution.output(batch.len());
        if !score.loss.is_finite() || gradient.is_empty() {
            return score;
        }
        let optimizer = self.training.optimizer;
        let rate = f64::from(optimizer.learning_rate()) * share;
        let step = optimizer.with_learning_rate(rate as f32).step(self.steps);
        self.execution.backward(&mut self.trained, &step, batch.len());
        if let Some(norm_max) = self.training.clip_norm {
            let trained = self.trained.iter_mut().flatten();
            let mut all: Vec<&mut Parameters> =
                trained.flat_map(|Trained { kernel, bias, .. }| [kernel, bias]).collect();
            step.apply_clipped(&mut all, norm_max);
        }
        score
    }

    /// Summed loss and hits of a batch, as at a step; writes the loss's gradient beside the logits, which
    /// an activation before the softmax still needs.
    fn score(&mut self, batch: &[usize], step: u64) -> Score {
        let inputs = gather(&mut self.execution, self.data, batch);
        if !self.training.augmentation.is_none() {
            self.training.augmentation.change(self.data.shape, inputs, self.seed, step);
        }
        forward(&mut self.execution, &self.trained, batch.len(), step);
        let (logits, gradient) = self.execution.output(batch.len());
        // A network without weights has no gradients.
        let place = if gradient.is_empty() {
            logits
        } else {
            gradient.copy_from_slice(logits);
            gradient
        };
        self.targets.cross_entropy(place, batch.iter().map(|&sample| self.data.labels[sample]))
    }

    fn penalty(&self) -> f64 {
        penalty(&self.trained)
    }

    /// A loss is that before a step: whether what the last one did makes sense was not seen yet.
    pub(super) fn is_sound(&mut self, order: &[usize]) -> bool {
        let last_batch = order.chunks(self.batch).next_back().expect("there are samples");
        let loss = self.score(last_batch, self.steps + 1).loss;
        loss.is_finite() && self.trained.iter().flatten().all(is_finite)
    }
}

fn is_finite(trained: &Trained) -> bool {
    let moving =
        trained.moving.iter().flat_map(|moving| moving.mean.iter().chain(&moving.variance));
    let weights = trained.kernel.values.iter().chain(&trained.bias.values);
    weights.chain(moving).all(|weight| weight.is_finite())
}
