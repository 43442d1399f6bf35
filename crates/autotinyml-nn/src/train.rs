//! The fit loop: epochs of shuffled batches, softmax with categorical cross-entropy, as in Keras.

mod augmentation;
#[cfg(test)]
mod batch_norm;
mod course;
#[cfg(test)]
mod dropout;
#[cfg(test)]
mod keras;
mod recipe;
mod validation;

use std::ops::ControlFlow;

use rand::seq::SliceRandom;

use crate::execution::{Execution, VALUES_MAX, values_max};
use crate::layer::{Reads, Trained};
use crate::model::Weights;
use crate::random::{Purpose, generator};
use crate::{Activation, Confusion, Dataset, Layer, Metric, Model, Network, Shape};

pub use augmentation::Augmentation;
use course::Course;
pub use recipe::{ClassWeights, EarlyStopping, Monitor, Schedule, Training};
use validation::{Best, Validation};

/// How an epoch went: on the training samples while the weights were changing and with dropout, on the
/// validation samples at its end and without.
#[derive(Clone, Debug, PartialEq)]
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
    /// Which classes are chosen for the validation samples. `None`: there are none.
    pub validation: Option<Confusion>,
}

impl Epoch {
    /// A figure on the validation samples. `None`: there are none.
    pub fn validation_score(&self, metric: Metric) -> Option<f64> {
        self.validation.as_ref().map(|validation| validation.score(metric))
    }
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
    let mut validator = Validation::of(network.input, nodes, data, validation, training);
    let mut best = training.early_stopping.map(Best::new);
    let mut order = samples.to_vec();
    let mut last_epoch = 0;
    for epoch in 1..=training.epochs {
        last_epoch = epoch;
        order = epoch_order(samples, seed, epoch);
        let score = course.epoch(epoch, &order)?;
        let count = samples.len() as f64;
        let validated = validator.as_mut().map(|validator| validator.score(&course.trained));
        let (validation_loss, validation) = validated.unzip();
        let report = Epoch {
            epoch,
            loss: score.loss / count,
            accuracy: score.hits as f64 / count,
            validation_loss,
            validation,
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

/// What the weights add to the loss.
fn penalty(trained: &[Option<Trained>]) -> f64 {
    trained.iter().flatten().map(|trained| trained.kernel.penalty()).sum()
}

/// Writes the samples of a batch where a network reads them; these inputs.
fn gather<'a>(execution: &'a mut Execution, data: &Dataset, batch: &[usize]) -> &'a mut [f32] {
    let inputs = execution.input(batch.len());
    for (input, &sample) in inputs.chunks_exact_mut(data.shape.len()).zip(batch) {
        input.copy_from_slice(data.sample(sample));
    }
    inputs
}

/// Runs a gathered batch of `samples` up to the logits.
fn forward(execution: &mut Execution, trained: &[Option<Trained>], samples: usize, step: u64) {
    let weights = |node: usize| {
        trained[node].as_ref().map_or(Reads::default(), |trained| Reads {
            kernel: &trained.kernel.values,
            bias: &trained.bias.values,
            moving: trained.moving.as_ref(),
        })
    };
    execution.forward(weights, samples, step);
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
