//! What a training is told: how long, in which steps, towards which loss. Definitions are Keras'.

use std::f64::consts::PI;

use super::Augmentation;
use crate::{Dataset, Optimizer};

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// Passes over the samples.
    pub epochs: usize,
    /// Samples in one optimizer step; the last batch of an epoch may have fewer.
    pub batch: usize,
    /// What is changed in samples each time they are learned.
    pub augmentation: Augmentation,
    /// Turns gradients into steps.
    pub optimizer: Optimizer,
    /// How the optimizer's learning rate goes on.
    pub schedule: Schedule,
    /// λ of `λ Σ w²` over all kernels, which is added to the loss; biases stay free. 0: nothing is added.
    pub l2: f32,
    /// Share of each label that is spread evenly over all classes, 0 to less than 1 (Szegedy et al. 2016).
    pub label_smoothing: f32,
    /// How much each class counts in the loss.
    pub class_weights: ClassWeights,
    /// The gradient of all parameters together is scaled down to this Euclidean norm where it is longer
    /// (Pascanu et al. 2013). `None`: it is taken as it is, which is faster and takes less memory.
    pub clip_norm: Option<f32>,
    /// Ends the training where validation no longer gets better. `None`: all epochs, and the last weights.
    pub early_stopping: Option<EarlyStopping>,
}

impl Training {
    /// A constant learning rate, plain cross-entropy, all epochs.
    pub fn new(epochs: usize, batch: usize, optimizer: Optimizer) -> Self {
        Self {
            epochs,
            batch,
            augmentation: Augmentation::default(),
            optimizer,
            schedule: Schedule::Constant,
            l2: 0.0,
            label_smoothing: 0.0,
            class_weights: ClassWeights::Equal,
            clip_norm: None,
            early_stopping: None,
        }
    }
}

/// Learning rate of each step, as a share of the optimizer's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// 1
    Constant,
    /// `(1 + cos(π t / T)) / 2` at step t, from 0, of the T steps that `epochs` have; then 0 (Loshchilov &
    /// Hutter 2017, without restarts).
    Cosine {
        /// Until the rate is 0: those of a full training, also where a shorter one is asked for.
        epochs: usize,
    },
    /// `factorⁿ` after n times `every` epochs.
    Step {
        /// Epochs with the same rate.
        every: usize,
        /// What the rate is multiplied by then.
        factor: f32,
    },
}

impl Schedule {
    /// Share of the learning rate at step `t`, from 0.
    pub(crate) fn share(self, t: u64, steps_per_epoch: u64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine { epochs } => {
                let course = t as f64 / (epochs as u64 * steps_per_epoch).max(1) as f64;
                0.5 * (1.0 + (PI * course.min(1.0)).cos())
            }
            Self::Step { every, factor } => {
                let falls = t / (every.max(1) as u64 * steps_per_epoch);
                f64::from(factor).powf(falls as f64)
            }
        }
    }
}

/// How much a sample of each class counts in the loss of a training. The loss of a batch is divided by its
/// samples, not by their weights.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeights {
    /// 1
    Equal,
    /// `samples / (classes · samples of the class)`, counted where the training learns: every class counts
    /// as much as any other. Classes without samples count nothing.
    Balanced,
    /// One for each class of the data.
    PerClass(Vec<f32>),
}

impl ClassWeights {
    /// One for each class.
    pub(crate) fn of(&self, data: &Dataset, samples: &[usize]) -> Vec<f32> {
        let classes = data.classes.len();
        match self {
            Self::Equal => vec![1.0; classes],
            Self::PerClass(weights) => weights.clone(),
            Self::Balanced => {
                let mut counts = vec![0usize; classes];
                samples.iter().for_each(|&sample| counts[data.labels[sample]] += 1);
                let share = samples.len() as f64 / classes as f64;
                let weight = |count: &usize| (share / *count as f64) as f32;
                counts.iter().map(|n| if *n == 0 { 0.0 } else { weight(n) }).collect()
            }
        }
    }
}

/// When to end, and with which weights: those of the epoch that validated best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyStopping {
    /// What has to get better.
    pub monitor: Monitor,
    /// So many epochs in a row without a better one end the training; at least 1.
    pub patience: usize,
}

/// What tells a better epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitor {
    /// Less is better: [`Epoch::validation_loss`](super::Epoch::validation_loss).
    ValidationLoss,
    /// More is better: the accuracy of [`Epoch::validation`](super::Epoch::validation).
    ValidationAccuracy,
}
