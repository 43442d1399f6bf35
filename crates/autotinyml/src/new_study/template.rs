//! Networks that suit a shape and fit most chips: what is searched, and with which layers.

use autotinyml_nn::Shape;

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Values side by side, in no order.
    Features,
    /// Rows one after the other.
    Series,
    /// Pixels.
    Picture,
}

/// Shorter sides than this are channels of a series, not a picture.
const SIDE_MIN: usize = 8;

impl Kind {
    /// What samples of a shape are that come neither from recordings nor from lists of features.
    pub fn of(shape: Shape) -> Self {
        let Shape { height, width, channels } = shape;
        match height >= SIDE_MIN && width >= SIDE_MIN && channels <= 4 {
            true => Self::Picture,
            false => Self::Series,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Features => "a list of features: dense layers",
            Self::Series => "a series: convolutions along it",
            Self::Picture => "a picture: convolutions over it",
        }
    }
}

/// Widths to search among, the usual first; the others are for chips with less memory.
pub const WIDTHS: [&[usize]; 3] = [&[8, 16, 32, 64], &[4, 8, 16], &[2, 4, 8]];

/// `[space]` and `[[network]]`.
pub fn network(kind: Kind, shape: Shape, widths: &[usize]) -> String {
    match kind {
        Kind::Features => DENSE.replace("WIDTHS", &format!("{widths:?}")),
        Kind::Series => convolutions(shape.height, widths, "1d", "[3, 5, 9]"),
        Kind::Picture => convolutions(shape.height.min(shape.width), widths, "2d", "[3, 5]"),
    }
}

/// Each block halves what slides past, so that there cannot be any number of them.
fn convolutions(length: usize, widths: &[usize], dimensions: &str, kernels: &str) -> String {
    let blocks: Vec<usize> = (1..=3).filter(|&blocks| length >> blocks >= 2).collect();
    let blocks = if blocks.is_empty() { vec![0] } else { blocks };
    CONVOLUTIONS
        .replace("WIDTHS", &format!("{widths:?}"))
        .replace("BLOCKS", &format!("{blocks:?}"))
        .replace("KERNELS", kernels)
        .replace("1d", dimensions)
}

const DENSE: &str = r#"[space]                             # what is searched
units         = WIDTHS
depth         = [1, 2, 3]           # dense layers before the last
dropout       = [0.0, 0.1, 0.2]
learning_rate = [0.0003, 0.001, 0.003, 0.01]

[[network]]
flatten = {}

[[network]]
repeat = "$depth"
block = [
    { dense = { units = "$units", activation = "relu" } },
    { dropout = { rate = "$dropout" } },
]

[[network]]
dense = { units = "classes", activation = "softmax" }
"#;

const CONVOLUTIONS: &str = r#"[space]                             # what is searched
filters       = WIDTHS
kernel        = KERNELS
blocks        = BLOCKS
dropout       = [0.0, 0.1, 0.2]
learning_rate = [0.0003, 0.001, 0.003, 0.01]

[[network]]
conv1d = { filters = "$filters", kernel = "$kernel", padding = "same" }
[[network]]
batch_norm = { activation = "relu" }

[[network]]                         # each block halves what it reads
repeat = "$blocks"
block = [
    { max_pool1d = { window = 2 } },
    { depthwise_conv1d = { kernel = "$kernel", padding = "same" } },
    { conv1d = { filters = "$filters", kernel = 1 } },
    { batch_norm = { activation = "relu" } },
]

[[network]]
global_average_pool2d = {}
[[network]]
dropout = { rate = "$dropout" }
[[network]]
dense = { units = "classes", activation = "softmax" }
"#;
