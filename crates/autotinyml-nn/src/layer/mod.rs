//! The layers: forward and backward side by side, one file each.
//!
//! A batch lies sample after sample, each in the memory order of its [`Shape`](crate::Shape). An
//! operator keeps between forward and backward what its gradient needs, in memory that is allocated
//! once. All gradients are of the batch's mean loss.

pub(crate) mod activation;
pub(crate) mod add;
mod average_pool2d;
mod batch_norm;
mod conv2d;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod geometry;
mod hard_swish;
mod max_pool2d;
pub(crate) mod softmax;
mod windows;

use crate::model::Moving;
use crate::optimizer::{Parameters, Step};
use crate::{Activation, Layer, Node, Source};
use activation::Elementwise;
use average_pool2d::AveragePool2d;
use batch_norm::BatchNorm;
use conv2d::Conv2d;
use dense::Dense;
use depthwise_conv2d::DepthwiseConv2d;
use dropout::Dropout;
use geometry::Geometry;
use hard_swish::HardSwish;
use max_pool2d::MaxPool2d;
use softmax::Softmax;

/// What an execution is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Dropout does nothing.
    Inference,
    /// Backward can follow forward.
    Training {
        /// Seed of the dropout layers.
        seed: u64,
    },
}

/// A layer ready to run on batches up to a given size.
pub(crate) enum Operator {
    /// Reads one buffer, writes another.
    Transform(Transform),
    /// Changes values where they are.
    InPlace(InPlace),
    /// Reads two buffers, writes a third, see [`add`].
    Add,
}

pub(crate) enum Transform {
    Conv2d(Box<Conv2d>),
    DepthwiseConv2d(Box<DepthwiseConv2d>),
    BatchNorm(BatchNorm),
    MaxPool2d(MaxPool2d),
    AveragePool2d(AveragePool2d),
    Dense(Dense),
}

pub(crate) enum InPlace {
    Elementwise(Elementwise),
    HardSwish(HardSwish),
    Softmax(Softmax),
    Dropout(Dropout),
}

/// Parameters that an operator trains.
pub(crate) struct Trained {
    pub(crate) kernel: Parameters,
    pub(crate) bias: Parameters,
    /// Of a batch normalisation; moved by its backward pass.
    pub(crate) moving: Option<Moving>,
}

/// Weights as an operator reads them; nothing for one without.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reads<'w> {
    pub(crate) kernel: &'w [f32],
    pub(crate) bias: &'w [f32],
    pub(crate) moving: Option<&'w Moving>,
}

impl Operator {
    /// The operator of a node; `None` if it leaves the values as they are.
    pub(crate) fn new(index: usize, node: &Node, batch: usize, purpose: Use) -> Option<Self> {
        let training = purpose != Use::Inference;
        Some(match node.layer {
            Layer::Conv2d { kernel, stride, dilation, padding, .. } => {
                Self::Transform(Transform::Conv2d(Box::new(Conv2d::new(
                    [node.input, node.output],
                    kernel,
                    stride,
                    dilation,
                    padding,
                    batch,
                    training,
                ))))
            }
            Layer::DepthwiseConv2d { kernel, stride, dilation, padding } => {
                let shapes = [node.input, node.output];
                Self::Transform(Transform::DepthwiseConv2d(Box::new(DepthwiseConv2d::new(
                    shapes, kernel, stride, dilation, padding, training,
                ))))
            }
            Layer::BatchNorm { momentum, epsilon } => Self::Transform(Transform::BatchNorm(
                BatchNorm::new(node.input.channels, momentum, epsilon, training),
            )),
            // As a search writes it that may leave pooling out.
            Layer::MaxPool2d { window: [1, 1], stride: [1, 1] }
            | Layer::AveragePool2d { window: [1, 1], stride: [1, 1] } => return None,
            Layer::MaxPool2d { window, stride } => Self::Transform(Transform::MaxPool2d(
                MaxPool2d::new(node.input, node.output, window, stride, batch, training),
            )),
            Layer::AveragePool2d { window, stride } => Self::Transform(Transform::AveragePool2d(
                AveragePool2d::new(node.input, node.output, window, stride),
            )),
            Layer::GlobalAveragePool2d => {
                let all = [node.input.height, node.input.width];
                Self::Transform(Transform::AveragePool2d(AveragePool2d::new(
                    node.input,
                    node.output,
                    all,
                    all,
                )))
            }
            Layer::Dense { .. } => Self::Transform(Transform::Dense(Dense::new(
                node.input.len(),
                node.output.len(),
                training,
            ))),
            Layer::Dropout { rate } => match purpose {
                Use::Inference => return None,
                Use::Training { seed } => Self::InPlace(InPlace::Dropout(Dropout::new(
                    rate,
                    node.input.len() * batch,
                    seed,
                    index,
                ))),
            },
            Layer::Activation(activation) => {
                Self::InPlace(InPlace::activation(activation, node.input.len(), batch, training))
            }
            Layer::Flatten | Layer::Series => return None,
            Layer::Add => Self::Add,
        })
    }
}

/// Values of the largest map that a node keeps while it trains on a batch: what it writes, or what a
/// convolution lays between zeros, a depthwise one sample by sample.
pub(crate) fn values_max(node: &Node, batch: usize) -> usize {
    let between_zeros = |kernel, stride, dilation, padding| {
        let shapes = [node.input, node.output];
        let geometry = Geometry::new(shapes, kernel, stride, dilation, padding);
        // Nobody asks for the gradient of the network's input.
        let spread = if node.inputs == [Source::Input] { 0 } else { geometry.spread_values() };
        geometry.padded_values().max(spread)
    };
    let kept = match node.layer {
        Layer::Conv2d { kernel, stride, dilation, padding, .. } => {
            batch.saturating_mul(between_zeros(kernel, stride, dilation, padding))
        }
        Layer::DepthwiseConv2d { kernel, stride, dilation, padding } => {
            between_zeros(kernel, stride, dilation, padding)
        }
        _ => 0,
    };
    kept.max(batch.saturating_mul(node.output.len()))
}

impl Transform {
    /// Writes `output` from `input`.
    pub(crate) fn forward(&mut self, weights: Reads, input: &[f32], output: &mut [f32]) {
        let Reads { kernel, bias, .. } = weights;
        match self {
            Self::Conv2d(conv2d) => conv2d.forward(kernel, bias, input, output),
            Self::DepthwiseConv2d(depthwise) => depthwise.forward(kernel, bias, input, output),
            Self::BatchNorm(norm) => norm.forward(weights, input, output),
            Self::MaxPool2d(pool) => pool.forward(input, output),
            Self::AveragePool2d(pool) => pool.forward(input, output),
            Self::Dense(dense) => dense.forward(kernel, bias, input, output),
        }
    }

    /// Writes the gradient of the input (where asked for) from that of the output, and moves the
    /// parameters by one optimizer step.
    pub(crate) fn backward(
        &mut self,
        trained: Option<&mut Trained>,
        step: &Step,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        match (self, trained) {
            (Self::Conv2d(conv2d), Some(trained)) => {
                conv2d.backward(trained, step, input, output_gradient, input_gradient);
            }
            (Self::DepthwiseConv2d(depthwise), Some(trained)) => {
                depthwise.backward(trained, step, input, output_gradient, input_gradient);
            }
            (Self::BatchNorm(norm), Some(trained)) => {
                norm.backward(trained, step, input, output_gradient, input_gradient);
            }
            (Self::Dense(dense), Some(trained)) => {
                dense.backward(trained, step, input, output_gradient, input_gradient);
            }
            (Self::MaxPool2d(pool), _) => {
                if let Some(input_gradient) = input_gradient {
                    pool.backward(output_gradient, input_gradient);
                }
            }
            (Self::AveragePool2d(pool), _) => {
                if let Some(input_gradient) = input_gradient {
                    pool.backward(output_gradient, input_gradient);
                }
            }
            (
                Self::Conv2d(_) | Self::DepthwiseConv2d(_) | Self::BatchNorm(_) | Self::Dense(_),
                None,
            ) => unreachable!("these layers have weights"),
        }
    }
}

impl InPlace {
    fn activation(activation: Activation, length: usize, batch: usize, training: bool) -> Self {
        Self::Elementwise(match activation {
            Activation::Relu => Elementwise::Relu,
            Activation::Relu6 => Elementwise::Relu6,
            Activation::LeakyRelu { negative_slope } => Elementwise::LeakyRelu { negative_slope },
            Activation::Sigmoid => Elementwise::Sigmoid,
            Activation::Selu => Elementwise::Selu,
            Activation::Tanh => Elementwise::Tanh,
            Activation::HardSwish => {
                return Self::HardSwish(HardSwish::new(batch * length, training));
            }
            Activation::Softmax => return Self::Softmax(Softmax::new(length)),
        })
    }

    /// Replaces the input by the output.
    pub(crate) fn forward(&mut self, values: &mut [f32], step: u64) {
        match self {
            Self::Elementwise(elementwise) => elementwise.forward(values),
            Self::HardSwish(hard_swish) => hard_swish.forward(values),
            Self::Softmax(softmax) => softmax.forward(values),
            Self::Dropout(dropout) => dropout.forward(values, step),
        }
    }

    /// Replaces the gradient of the output by that of the input.
    pub(crate) fn backward(&self, output: &[f32], gradient: &mut [f32]) {
        match self {
            Self::Elementwise(elementwise) => elementwise.backward(output, gradient),
            Self::HardSwish(hard_swish) => hard_swish.backward(gradient),
            Self::Softmax(softmax) => softmax.backward(output, gradient),
            Self::Dropout(dropout) => dropout.backward(gradient),
        }
    }
}
