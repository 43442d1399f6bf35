//! What a network computes, without its weights: nodes in topological order and the shapes between
//! them. Conventions are Keras': channels last, `Same` pads with zeros and puts the odd one last.

mod shapes;

use std::{fmt, iter};

use serde::{Deserialize, Serialize};

use shapes::COUNT_MAX;
pub use shapes::extent;

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
}

/// A layer in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Unique in the network, a C identifier: `conv2d_1`, `dense_2_relu`.
    pub name: String,
    /// What it does.
    pub layer: Layer,
    /// Nodes it reads, by index; all come before it. Empty: it reads the network's input.
    pub inputs: Vec<usize>,
    /// Shape of what it reads.
    pub input: Shape,
    /// Shape of what it writes.
    pub output: Shape,
}

/// A network: its input and its nodes in topological order. The last node is the output.
///
/// Today every network is a chain: each node reads the one before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Shape of one input sample.
    pub input: Shape,
    /// Topological order; never empty.
    pub nodes: Vec<Node>,
}

/// Why layers cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A network without layers.
    #[error("the network has no layers")]
    Empty,
    /// A window (of a convolution or pooling) larger than what it slides over.
    #[error("{layer}: its {window_height}×{window_width} window is larger than its input {input}")]
    WindowTooLarge {
        /// Name of the node.
        layer: String,
        /// Rows of the window.
        window_height: usize,
        /// Columns of the window.
        window_width: usize,
        /// What it would read.
        input: Shape,
    },
    /// A layer that needs a vector got a map.
    #[error("{layer} needs a vector, but its input is {input}: put a flatten layer before it")]
    NeedsVector {
        /// Name of the node.
        layer: String,
        /// What it would read.
        input: Shape,
    },
    /// More weights or values than a network of microcontroller size could ever have.
    #[error("{layer} has {count} {what}, more than the {COUNT_MAX} that a network here may have")]
    TooLarge {
        /// Name of the node.
        layer: String,
        /// How many.
        count: u128,
        /// Weights, inputs, or outputs.
        what: &'static str,
    },
    /// A setting outside its range.
    #[error("{layer}: {setting} is {value}, expected {expected}")]
    Setting {
        /// Name of the node.
        layer: String,
        /// Name of the setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl Network {
    /// A chain of layers, each reading the one before it; works out every shape.
    ///
    /// Nodes are named after their layer, numbered from 1 when a kind occurs more than once; an
    /// activation takes the name of the layer before it and its own (`dense_2_relu`), and a second one
    /// of the same name a number (`dense_2_relu_2`).
    ///
    /// # Errors
    /// The first layer that cannot read what the one before it writes.
    pub fn chain(input: Shape, layers: &[Layer]) -> Result<Self, BuildError> {
        let mut nodes: Vec<Node> = Vec::with_capacity(layers.len());
        for (index, (&layer, name)) in layers.iter().zip(names(layers)).enumerate() {
            let input = nodes.last().map_or(input, |node| node.output);
            let output = layer.output(&name, input)?;
            layer.check_size(&name, input, output)?;
            let inputs = if index == 0 { vec![] } else { vec![index - 1] };
            nodes.push(Node { name, layer, inputs, input, output });
        }
        if nodes.is_empty() { Err(BuildError::Empty) } else { Ok(Self { input, nodes }) }
    }

    /// Shape of the output.
    pub fn output(&self) -> Shape {
        self.nodes.last().expect("never empty").output
    }
}

fn names(layers: &[Layer]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(layers.len());
    let mut owner = "input".to_string();
    for (index, layer) in layers.iter().enumerate() {
        if let Layer::Activation(activation) = layer {
            let name = format!("{owner}_{}", activation.name());
            let numbered = (2..).map(|count| format!("{name}_{count}"));
            let mut candidates = iter::once(name.clone()).chain(numbered);
            names.extend(candidates.find(|name| !names.contains(name)));
            continue;
        }
        let same_kind = |other: &&Layer| other.kind() == layer.kind();
        owner = if layers.iter().filter(same_kind).count() == 1 {
            layer.kind().to_string()
        } else {
            format!("{}_{}", layer.kind(), layers[..=index].iter().filter(same_kind).count())
        };
        names.push(owner.clone());
    }
    names
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
