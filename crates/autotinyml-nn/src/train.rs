//! The fit loop: epochs of shuffled batches, softmax with categorical cross-entropy, as in Keras.

#[cfg(test)]
mod batch_norm;
#[cfg(test)]
mod dropout;
#[cfg(test)]
mod keras;
mod recipe;
mod validation;

use std::ops::ControlFlow;

use rand::seq::SliceRandom;

use crate::execution::{Execution, VALUES_MAX, values_max};
use crate::layer::softmax::{Score, Targets};
use crate::layer::{Reads, Trained, Use};
use crate::model::Weights;
use crate::optimizer::Parameters;
use crate::random::{Purpose, generator};
use crate::{Activation, Dataset, Layer, Model, Network, Node, Shape};

pub use recipe::{ClassWeights, EarlyStopping, Monitor, Schedule, Training};
use validation::{Best, Validation};

/// How an epoch went: on the training samples while the weights were changing and with dropout, on the
/// validation samples at its end and without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// From 1.
    pub epoch: usize,
    /// Mean categorical cross-entropy, in nats, as the training counts it: with label smoothing, class
    /// weights and penalty.
    pub loss: f64,
    /// Share of samples whose largest output is their class.
    pub accuracy: f64,
    /// As `loss`, but with all classes of the same weight. `None`: there are no validation samples.
    pub validation_loss: Option<f64>,
    /// As [`Model::accuracy`]. `None`: there are no validation samples.
    pub validation_accuracy: Option<f64>,
}

/// Why a network cannot be trained.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// An output that is no probability of each class.
    #[error(
        "the last layer is {layer} with {outputs} outputs, expected a softmax over the data's \
         {classes} classes"
    )]
    NoSoftmax {
        /// Name of the last node.
        layer: String,
        /// Its outputs.
        outputs: usize,
        /// Classes in the data.
        classes: usize,
    },
    /// Data of another shape than the network reads.
    #[error("the network reads {network}, but the samples are {data}")]
    InputShape {
        /// Input of the network.
        network: Shape,
        /// Shape of the samples.
        data: Shape,
    },
    /// Nothing to learn from.
    #[error("there are no samples to train on")]
    NoSamples,
    /// Batches without samples.
    #[error("the batch is 0, expected at least 1 sample")]
    EmptyBatch,
    /// Weights of other classes than the data has.
    #[error("there are class weights for {weights} classes, but the data has {classes}")]
    ClassWeights {
        /// Weights given.
        weights: usize,
        /// Classes in the data.
        classes: usize,
    },
    /// Early stopping without anything that could tell when.
    #[error("early stopping needs validation samples, but there are none")]
    NoValidation,
    /// More than a computer's memory is good for.
    #[error(
        "training needs {values} values in one map of a batch, with the zeros around and between them, \
         expected at most {}: fewer filters or units, smaller batches, or a smaller dilation",
        VALUES_MAX
    )]
    TooLarge {
        /// Of the largest map.
        values: usize,
    },
    /// The training leads nowhere.
    #[error("diverged at epoch {epoch}: the loss {}", match exploded {
        true => "exploded",
        false => "is no longer a number",
    })]
    Diverged {
        /// From 1.
        epoch: usize,
        /// The loss is a number still, but far above that of guessing. If not, a loss or a weight became
        /// infinite or NaN.
        exploded: bool,
    },
}

/// Trains a freshly initialised network on the given samples of the data.
///
/// After each epoch `on_epoch` sees how it went, and may end the training there: the model is then
/// the one at the end of that epoch, or, with early stopping, of the best epoch so far. The same seed
/// gives the same bits, whatever else runs and however wide the processor's vectors are.
///
/// # Errors
/// [`TrainError::Diverged`] at once when the loss of a batch is infinite, NaN, or more than ten
/// thousand times that of guessing (the logarithm of the number of classes, by the mean class weight, but
/// at least 1); at the end of an epoch whose mean loss is more than a hundred times that of guessing; and at
/// the end when the last steps left an infinite or NaN weight, or such a loss on the last batch. The others
/// before training.
pub fn train(
    network: &Network,
    data: &Dataset,
    samples: &[usize],
    training: &Training,
    seed: u64,
    on_epoch: &mut dyn FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<Model, TrainError> {
    train_and_validate(network, data, samples, &[], training, seed, on_epoch)
}

/// As [`train`], to the same bits; each epoch is also held against `validation` samples.
///
/// # Errors
/// As [`train`].
pub fn train_and_validate(
    network: &Network,
    data: &Dataset,
    samples: &[usize],
    validation: &[usize],
    training: &Training,
    seed: u64,
    on_epoch: &mut dyn FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<Model, TrainError> {
    check_inputs(network, data, samples, validation, training)?;
    let model = Model::initialise(network.clone(), seed);
    fit(model, data, samples, validation, training, seed, on_epoch)
}

/// The order in which a training takes its samples in an epoch, from 1: for whoever wants to show another
/// trainer the same batches.
pub fn epoch_order(samples: &[usize], seed: u64, epoch: usize) -> Vec<usize> {
    let mut order = samples.to_vec();
    order.shuffle(&mut generator(seed, Purpose::Order { epoch }));
    order
}

/// Trains a model from the weights it has.
fn fit(
    model: Model,
    data: &Dataset,
    samples: &[usize],
    validation: &[usize],
    training: &Training,
    seed: u64,
    on_epoch: &mut dyn FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<Model, TrainError> {
    let Model { network, weights } = model;
    // The last softmax is part of the loss.
    let (_, nodes) = network.nodes.split_last().expect("never empty");
    let mut course = Course::new(network.input, nodes, weights, data, samples, training, seed);
    let mut validation = Validation::of(network.input, nodes, data, validation, training);
    let mut best = training.early_stopping.map(Best::new);
    let mut order = samples.to_vec();
    let mut last_epoch = 0;
    for epoch in 1..=training.epochs {
        last_epoch = epoch;
        order = epoch_order(samples, seed, epoch);
        let score = course.epoch(epoch, &order)?;
        let count = samples.len() as f64;
        let validated = validation.as_mut().map(|validation| validation.score(&course.trained));
        let report = Epoch {
            epoch,
            loss: score.loss / count,
            accuracy: score.hits as f64 / count,
            validation_loss: validated.map(|(loss, _)| loss),
            validation_accuracy: validated.map(|(_, accuracy)| accuracy),
        };
        let worn_out = best.as_mut().is_some_and(|best| best.see(&report, &course.trained));
        if on_epoch(&report).is_break() || worn_out {
            break;
        }
    }
    if last_epoch > 0 && !course.is_sound(&order) {
        return Err(TrainError::Diverged { epoch: last_epoch, exploded: false });
    }
    let weights = best.and_then(Best::weights).unwrap_or_else(|| weights_of(&course.trained));
    Ok(Model { network, weights })
}

/// A training under way.
struct Course<'a> {
    data: &'a Dataset,
    training: &'a Training,
    targets: Targets,
    /// Mean loss of a network that takes every class for as likely as any other, or 1 if that is more.
    guessing: f64,
    /// Samples in a whole batch.
    batch: usize,
    steps_per_epoch: u64,
    /// Optimizer steps so far.
    steps: u64,
    execution: Execution,
    trained: Vec<Option<Trained>>,
}

/// A batch whose loss is more times that of guessing ends the training.
const BATCH_LOSS_MAX: f64 = 10_000.0;
/// An epoch whose mean loss is more times that of guessing ends the training. (Large first steps may lead
/// to 20 times that and still to a good network.)
const EPOCH_LOSS_MAX: f64 = 100.0;

impl<'a> Course<'a> {
    fn new(
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
    fn epoch(&mut self, epoch: usize, order: &[usize]) -> Result<Score, TrainError> {
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
        forward(&mut self.execution, &self.trained, self.data, batch, step);
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
    fn is_sound(&mut self, order: &[usize]) -> bool {
        let last_batch = order.chunks(self.batch).next_back().expect("there are samples");
        let loss = self.score(last_batch, self.steps + 1).loss;
        loss.is_finite() && self.trained.iter().flatten().all(is_finite)
    }
}

/// What the weights add to the loss.
fn penalty(trained: &[Option<Trained>]) -> f64 {
    trained.iter().flatten().map(|trained| trained.kernel.penalty()).sum()
}

/// Runs a batch up to the logits.
fn forward(
    execution: &mut Execution,
    trained: &[Option<Trained>],
    data: &Dataset,
    batch: &[usize],
    step: u64,
) {
    let inputs = execution.input(batch.len()).chunks_exact_mut(data.shape.len());
    for (input, &sample) in inputs.zip(batch) {
        input.copy_from_slice(data.sample(sample));
    }
    let weights = |node: usize| {
        trained[node].as_ref().map_or(Reads::default(), |trained| Reads {
            kernel: &trained.kernel.values,
            bias: &trained.bias.values,
            moving: trained.moving.as_ref(),
        })
    };
    execution.forward(weights, batch.len(), step);
}

fn is_finite(trained: &Trained) -> bool {
    let moving =
        trained.moving.iter().flat_map(|moving| moving.mean.iter().chain(&moving.variance));
    let weights = trained.kernel.values.iter().chain(&trained.bias.values);
    weights.chain(moving).all(|weight| weight.is_finite())
}

fn weights_of(trained: &[Option<Trained>]) -> Vec<Option<Weights>> {
    let weights = |Trained { kernel, bias, moving }: &Trained| Weights {
        kernel: kernel.values.clone(),
        bias: bias.values.clone(),
        moving: moving.clone(),
    };
    trained.iter().map(|trained| trained.as_ref().map(weights)).collect()
}

fn check_inputs(
    network: &Network,
    data: &Dataset,
    samples: &[usize],
    validation: &[usize],
    training: &Training,
) -> Result<(), TrainError> {
    let last = network.nodes.last().expect("never empty");
    let (outputs, classes) = (last.output.len(), data.classes.len());
    if last.layer != Layer::Activation(Activation::Softmax) || outputs != classes {
        return Err(TrainError::NoSoftmax { layer: last.name.clone(), outputs, classes });
    }
    if network.input != data.shape {
        return Err(TrainError::InputShape { network: network.input, data: data.shape });
    }
    if samples.is_empty() {
        return Err(TrainError::NoSamples);
    }
    if training.batch == 0 {
        return Err(TrainError::EmptyBatch);
    }
    let batch = training.batch.min(samples.len()).max(validation::BATCH);
    let values = values_max(network, batch);
    if values > VALUES_MAX {
        return Err(TrainError::TooLarge { values });
    }
    match &training.class_weights {
        ClassWeights::PerClass(weights) if weights.len() != classes => {
            return Err(TrainError::ClassWeights { weights: weights.len(), classes });
        }
        _ => {}
    }
    if training.early_stopping.is_some() && validation.is_empty() {
        return Err(TrainError::NoValidation);
    }
    Ok(())
}
