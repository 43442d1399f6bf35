//! What a network costs, from its description alone.

use crate::{Layer, Network, Node};

/// Trained numbers in a network: kernels and biases, γ and β of batch normalisations.
pub fn parameters(network: &Network) -> usize {
    network.nodes.iter().map(node_parameters).sum()
}

/// Trained numbers of one node.
pub fn node_parameters(node: &Node) -> usize {
    kernel_len(node) + bias_len(node)
}

/// Multiplications by a weight, each with its addition, in one inference: those of convolutions,
/// dense layers and batch normalisations. Biases, activations, pooling and sums multiply by no weight
/// and count nothing.
pub fn multiply_accumulates(network: &Network) -> u64 {
    network.nodes.iter().map(node_multiply_accumulates).sum()
}

/// Multiply-accumulates of one node. Windows at a padded edge count as whole windows.
pub fn node_multiply_accumulates(node: &Node) -> u64 {
    let pixels = node.output.height * node.output.width;
    pixels as u64 * kernel_len(node) as u64
}

/// Numbers in a node's kernel; 0 if it has none.
pub(crate) fn kernel_len(node: &Node) -> usize {
    match node.layer {
        Layer::Conv2d { filters, kernel, .. } => {
            kernel[0] * kernel[1] * node.input.channels * filters
        }
        Layer::DepthwiseConv2d { kernel, .. } => kernel[0] * kernel[1] * node.input.channels,
        Layer::BatchNorm { .. } => node.input.channels,
        Layer::Dense { units } => node.input.len() * units,
        Layer::MaxPool2d { .. }
        | Layer::AveragePool2d { .. }
        | Layer::GlobalAveragePool2d
        | Layer::Dropout { .. }
        | Layer::Flatten
        | Layer::Series
        | Layer::Activation(_)
        | Layer::Add => 0,
    }
}

/// Numbers in a node's bias; 0 if it has none.
pub(crate) fn bias_len(node: &Node) -> usize {
    match node.layer {
        Layer::Conv2d { filters, .. } => filters,
        Layer::DepthwiseConv2d { .. } | Layer::BatchNorm { .. } => node.input.channels,
        Layer::Dense { units } => units,
        Layer::MaxPool2d { .. }
        | Layer::AveragePool2d { .. }
        | Layer::GlobalAveragePool2d
        | Layer::Dropout { .. }
        | Layer::Flatten
        | Layer::Series
        | Layer::Activation(_)
        | Layer::Add => 0,
    }
}
