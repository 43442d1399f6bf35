//! What a network computes, without its weights: nodes in topological order and the shapes between
//! them. Conventions are Keras': channels last, `Same` pads with zeros and puts the odd one last.

mod build;
mod shapes;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

pub use build::{BuildError, NODES_MAX};
pub use shapes::{COUNT_MAX, extent};

/// Shape of one sample, channels last: `height × width × channels`. A vector is `1 × 1 × n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values per pixel; the axis that varies fastest in memory.
    pub channels: usize,
}

impl Shape {
    /// `height × width × channels`.
    pub const fn new(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels }
    }

    /// A vector of `n` values.
    pub const fn vector(n: usize) -> Self {
        Self::new(1, 1, n)
    }

    /// Number of values in a sample.
    #[expect(clippy::len_without_is_empty, reason = "a shape has no zero axis")]
    pub const fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Number of places, each with a value per channel.
    pub(crate) const fn pixels(&self) -> usize {
        self.height * self.width
    }

    fn is_vector(&self) -> bool {
        self.height == 1 && self.width == 1
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_vector() {
            write!(f, "{}", self.channels)
        } else {
            write!(f, "{}×{}×{}", self.height, self.width, self.channels)
        }
    }
}

/// What a convolution sees beyond the edge of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Nothing: only whole windows count.
    Valid,
    /// Zeros, so that the output has `ceil(input / stride)` rows and columns.
    Same,
}

/// A function of each value, softmax of each vector.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// x above 0, a share of x below.
    LeakyRelu {
        /// That share, 0 ≤ slope < 1; Keras' layer has [`LEAKY_RELU_SLOPE`].
        negative_slope: f32,
    },
    /// x · min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, section 5.2). Neither monotone nor, below
    /// −3, anything but 0.
    HardSwish,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// Klambauer et al. 2017: λx above 0, λα(eˣ − 1) below, with Keras' constants.
    Selu,
    /// tanh x
    Tanh,
    /// eˣ / Σ eˣ over the channels of a vector.
    Softmax,
}

/// Slope of [`Activation::LeakyRelu`] where none is given: Keras' default.
pub const LEAKY_RELU_SLOPE: f32 = 0.3;

/// Keras' default momentum of [`Layer::BatchNorm`].
pub const BATCH_NORM_MOMENTUM: f32 = 0.99;

/// Keras' default ε of [`Layer::BatchNorm`].
pub const BATCH_NORM_EPSILON: f32 = 1e-3;

/// One operation. Its activation is a node of its own: fusing is the business of whoever runs it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Weights `[kernel height][kernel width][input channels][filters]`, one bias per filter.
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Step of the window down and to the right.
        stride: [usize; 2],
        /// Distance of the pixels under the window, down and to the right; 1 where a file doesn't say.
        #[serde(default = "undilated")]
        dilation: [usize; 2],
        /// What lies beyond the edge.
        padding: Padding,
    },
    /// A window of its own for each channel: weights `[kernel height][kernel width][channels]`, one
    /// bias per channel.
    DepthwiseConv2d {
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Step of the window down and to the right.
        stride: [usize; 2],
        /// Distance of the pixels under the window, down and to the right.
        dilation: [usize; 2],
        /// What lies beyond the edge.
        padding: Padding,
    },
    /// Each channel shifted and scaled to mean 0 and variance 1, then scaled by a trained γ and
    /// shifted by a trained β (Ioffe & Szegedy 2015). Training takes mean and variance of the batch,
    /// inference their moving averages.
    BatchNorm {
        /// Share that a moving average keeps at each step, 0 ≤ momentum < 1; Keras has
        /// [`BATCH_NORM_MOMENTUM`].
        momentum: f32,
        /// Added to the variance, more than 0; Keras has [`BATCH_NORM_EPSILON`].
        epsilon: f32,
    },
    /// Largest value of each window and channel; windows that would leave the input are left out.
    MaxPool2d {
        /// Height and width of the window.
        window: [usize; 2],
        /// Step of the window down and to the right.
        stride: [usize; 2],
    },
    /// Mean of each window and channel; windows that would leave the input are left out.
    AveragePool2d {
        /// Height and width of the window.
        window: [usize; 2],
        /// Step of the window down and to the right.
        stride: [usize; 2],
    },
    /// Mean of each channel over the whole map; the output is a vector.
    GlobalAveragePool2d,
    /// While training, zeroes a share `rate` of the values and scales the others by `1 / (1 − rate)`.
    Dropout {
        /// Share of values dropped, 0 ≤ rate < 1.
        rate: f32,
    },
    /// A map as a vector, in memory order.
    Flatten,
    /// A map as a series, in memory order: what stands in a row becomes the channels of a single
    /// pixel.
    Series,
    /// Weights `[input][units]`, one bias per unit. The input is a vector.
    Dense {
        /// Outputs.
        units: usize,
    },
    /// See [`Activation`].
    Activation(Activation),
    /// The sum, value by value, of two inputs of the same shape: where a shortcut joins what it leads
    /// around (He et al. 2016).
    Add,
}

/// What a node reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// What the node of this index writes.
    Node(usize),
    /// The network's input; `null` in a file.
    Input,
}

/// A layer in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Unique in the network, a C identifier: `conv2d_1`, `dense_2_relu`.
    pub name: String,
    /// What it does.
    pub layer: Layer,
    /// What it reads, all of it before it in the order: one source, two of an [`Layer::Add`]. None
    /// in a file means the network's input.
    #[serde(deserialize_with = "sources")]
    pub inputs: Vec<Source>,
    /// Shape of each that it reads.
    pub input: Shape,
    /// Shape of what it writes.
    pub output: Shape,
}

/// A network: its input and its nodes in topological order. The last node is the output; every other
/// one is read by some node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Shape of one input sample.
    pub input: Shape,
    /// Topological order; never empty.
    pub nodes: Vec<Node>,
}

impl Network {
    /// Shape of the output.
    pub fn output(&self) -> Shape {
        self.nodes.last().expect("never empty").output
    }

    /// How many times each node is read, the network's output not counted.
    pub fn readers(&self) -> Vec<usize> {
        readers(&self.nodes)
    }
}

/// How many times each node is read by one of these.
pub(crate) fn readers(nodes: &[Node]) -> Vec<usize> {
    let mut readers = vec![0; nodes.len()];
    for source in nodes.iter().flat_map(|node| &node.inputs) {
        if let Source::Node(node) = *source {
            readers[node] += 1;
        }
    }
    readers
}

impl Activation {
    /// All activations, with their defaults.
    pub const ALL: [Self; 8] = [
        Self::Relu,
        Self::Relu6,
        Self::LeakyRelu { negative_slope: LEAKY_RELU_SLOPE },
        Self::HardSwish,
        Self::Sigmoid,
        Self::Selu,
        Self::Tanh,
        Self::Softmax,
    ];

    /// Whether it works on each value by itself and keeps their order, so that the largest of some
    /// values is also the largest behind it.
    pub fn is_monotone(self) -> bool {
        !matches!(self, Self::HardSwish | Self::Softmax)
    }

    /// Name as in a study file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::HardSwish => "hard_swish",
            Self::Sigmoid => "sigmoid",
            Self::Selu => "selu",
            Self::Tanh => "tanh",
            Self::Softmax => "softmax",
        }
    }
}

impl Layer {
    /// Name as in a study file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "conv2d",
            Self::DepthwiseConv2d { .. } => "depthwise_conv2d",
            Self::BatchNorm { .. } => "batch_norm",
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::AveragePool2d { .. } => "average_pool2d",
            Self::GlobalAveragePool2d => "global_average_pool2d",
            Self::Dropout { .. } => "dropout",
            Self::Flatten => "flatten",
            Self::Series => "series",
            Self::Dense { .. } => "dense",
            Self::Activation(_) => "activation",
            Self::Add => "add",
        }
    }

    /// Whether it has trained numbers.
    pub fn has_weights(&self) -> bool {
        matches!(
            self,
            Self::Conv2d { .. }
                | Self::DepthwiseConv2d { .. }
                | Self::BatchNorm { .. }
                | Self::Dense { .. }
        )
    }
}

fn undilated() -> [usize; 2] {
    [1, 1]
}

fn sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Source>, D::Error> {
    let sources = Vec::deserialize(deserializer)?;
    Ok(if sources.is_empty() { vec![Source::Input] } else { sources })
}
