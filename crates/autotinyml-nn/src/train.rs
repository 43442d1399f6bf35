//! The fit loop: epochs of shuffled batches, softmax with categorical cross-entropy, as in Keras.

#[cfg(test)]
mod dropout;
#[cfg(test)]
mod keras;

use std::ops::ControlFlow;

use rand::seq::SliceRandom;

use crate::execution::Execution;
use crate::layer::Trained;
use crate::layer::Use;
use crate::layer::softmax::{Score, cross_entropy, largest};
use crate::model::Weights;
use crate::optimizer::Parameters;
use crate::random::{Purpose, generator};
use crate::{Activation, Dataset, Layer, Model, Network, Optimizer, Shape};

/// How to train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// Passes over the samples.
    pub epochs: usize,
    /// Samples in one optimizer step; the last batch of an epoch may have fewer.
    pub batch: usize,
    /// Turns gradients into steps.
    pub optimizer: Optimizer,
}

/// How an epoch went: on the training samples while the weights were changing and with dropout, on the
/// validation samples at its end and without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// From 1.
    pub epoch: usize,
    /// Mean categorical cross-entropy, in nats.
    pub loss: f64,
    /// Share of samples whose largest output is their class.
    pub accuracy: f64,
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
    /// The loss or a weight became infinite or NaN.
    #[error("diverged at epoch {epoch}: the loss is no longer a number")]
    Diverged {
        /// From 1.
        epoch: usize,
    },
}

/// Trains a freshly initialised network on the given samples of the data.
///
/// After each epoch `on_epoch` sees how it went, and may end the training there: the model is then
/// the one at the end of that epoch. The same seed gives the same bits on the same machine, whatever
/// else runs; on another processor sums may be rounded otherwise, because matrix products are
/// ordered by the width of its registers and its caches.
///
/// # Errors
/// [`TrainError::Diverged`] at once when the loss is infinite or NaN, and at the end when the last
/// steps left an infinite or NaN weight, or such a loss on the last batch; the others before training.
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
    check_inputs(network, data, samples, training)?;
    let model = Model::initialise(network.clone(), seed);
    fit(model, data, samples, validation, training, seed, on_epoch)
}

/// Validation samples that run at a time.
const VALIDATION_BATCH: usize = 32;

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
    let optimizer = training.optimizer;
    let mut trained: Vec<Option<Trained>> = weights
        .into_iter()
        .map(|weights| {
            let Weights { kernel, bias } = weights?;
            let kernel = Parameters::new(kernel, optimizer);
            Some(Trained { kernel, bias: Parameters::new(bias, optimizer) })
        })
        .collect();

    // The last softmax is part of the loss.
    let (_, nodes) = network.nodes.split_last().expect("never empty");
    let batch = training.batch.min(samples.len());
    let mut execution = Execution::new(network.input.len(), nodes, batch, Use::Training { seed });
    let mut validator = (!validation.is_empty()).then(|| {
        let batch = VALIDATION_BATCH.min(validation.len());
        Execution::new(network.input.len(), nodes, batch, Use::Inference)
    });
    let mut order = samples.to_vec();
    let (mut step, mut last_epoch) = (0, 0);
    for epoch in 1..=training.epochs {
        last_epoch = epoch;
        order.copy_from_slice(samples);
        order.shuffle(&mut generator(seed, Purpose::Order { epoch }));
        let mut sum = Score::default();
        for batch in order.chunks(batch) {
            step += 1;
            let score = learn(&mut execution, &mut trained, data, batch, optimizer, step);
            if !score.loss.is_finite() {
                return Err(TrainError::Diverged { epoch });
            }
            sum.loss += score.loss;
            sum.hits += score.hits;
        }
        let count = samples.len() as f64;
        let report = Epoch {
            epoch,
            loss: sum.loss / count,
            accuracy: sum.hits as f64 / count,
            validation_accuracy: validator.as_mut().map(|inference| {
                let hits = validation.chunks(VALIDATION_BATCH);
                let hits: usize = hits.map(|batch| hits_of(inference, &trained, data, batch)).sum();
                hits as f64 / validation.len() as f64
            }),
        };
        if on_epoch(&report).is_break() {
            break;
        }
    }
    // A loss is that before a step: what the last one did was not seen yet.
    let last_batch = order.chunks(batch).next_back().expect("there are samples");
    let loss = score(&mut execution, &trained, data, last_batch, step + 1).loss;
    if last_epoch > 0 && !(loss.is_finite() && trained.iter().flatten().all(is_finite)) {
        return Err(TrainError::Diverged { epoch: last_epoch });
    }
    let weights = trained.into_iter().map(|trained| {
        let Trained { kernel, bias } = trained?;
        Some(Weights { kernel: kernel.values, bias: bias.values })
    });
    Ok(Model { network, weights: weights.collect() })
}

/// One optimizer step (from 1) on a batch; its summed loss and hits.
fn learn(
    execution: &mut Execution,
    trained: &mut [Option<Trained>],
    data: &Dataset,
    batch: &[usize],
    optimizer: Optimizer,
    step: u64,
) -> Score {
    let score = score(execution, trained, data, batch, step);
    let (logits, gradient) = execution.output(batch.len());
    if score.loss.is_finite() && !gradient.is_empty() {
        gradient.copy_from_slice(logits);
        execution.backward(trained, &optimizer.step(step), batch.len());
    }
    score
}

/// Summed loss and hits of a batch, as at a step; leaves the loss's gradient in the output.
fn score(
    execution: &mut Execution,
    trained: &[Option<Trained>],
    data: &Dataset,
    batch: &[usize],
    step: u64,
) -> Score {
    forward(execution, trained, data, batch, step);
    let (logits, _) = execution.output(batch.len());
    cross_entropy(logits, batch.iter().map(|&sample| data.labels[sample]))
}

/// Samples of a batch that an execution for inference puts into their class; outputs that are not all
/// numbers choose none.
fn hits_of(
    inference: &mut Execution,
    trained: &[Option<Trained>],
    data: &Dataset,
    batch: &[usize],
) -> usize {
    forward(inference, trained, data, batch, 0);
    let logits = inference.output(batch.len()).0.chunks_exact(data.classes.len());
    let hits = logits.zip(batch).filter(|(logits, sample)| {
        logits.iter().all(|x| x.is_finite()) && largest(logits) == data.labels[**sample]
    });
    hits.count()
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
        trained[node]
            .as_ref()
            .map_or((&[][..], &[][..]), |trained| (&trained.kernel.values, &trained.bias.values))
    };
    execution.forward(weights, batch.len(), step);
}

fn is_finite(trained: &Trained) -> bool {
    trained.kernel.values.iter().chain(&trained.bias.values).all(|weight| weight.is_finite())
}

fn check_inputs(
    network: &Network,
    data: &Dataset,
    samples: &[usize],
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
    Ok(())
}
