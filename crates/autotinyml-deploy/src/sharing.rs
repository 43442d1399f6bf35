//! Which kernels share weights, decided by the network alone, so that sizes are known before training.
//!
//! At ×4 and ×8 it is what ST's tool does, see [`crate::st`]: dense kernels only, each if that saves at
//! least 1.75 % of the network's weight bytes.
//!
//! At ×4-all and ×8-all it is our own: every kernel of a convolution or dense layer that becomes smaller
//! by it. At ×8-all most have 4-bit indices; kernels that lose the most by so few have 8-bit ones:
//!
//! - the first and the last of the network, which networks of few bits commonly spare (Zhou et al.,
//!   DoReFa-Net, 2016);
//! - depthwise ones: each output is a sum of a few products only, so that errors don't cancel.

use autotinyml_nn::{Layer, Network, Node, node_parameters, parameters};

use crate::compression::{Compression, IndexBits};

const FLOAT_BYTES: usize = 4;

/// Least share of the network's weight bytes that compressing a layer has to save at ×4 and ×8: per ten
/// thousand.
const LEAST_SAVING_PER_10_000: usize = 175;

/// A kernel stored as a codebook and indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedKernel {
    /// Index of its node.
    pub node: usize,
    /// Of an index.
    pub bits: IndexBits,
    /// By how much it is smaller than as floats.
    pub saved_bytes: usize,
}

/// The kernels of a network without batch normalisations that share weights, in the order of its nodes.
pub fn shared_kernels(network: &Network, compression: Compression) -> Vec<SharedKernel> {
    let least_saved_bytes = match compression {
        Compression::X1 => return vec![],
        Compression::X4 | Compression::X8 => {
            let weight_bytes = parameters(network) * FLOAT_BYTES;
            (weight_bytes * LEAST_SAVING_PER_10_000).div_ceil(10_000)
        }
        Compression::X4All | Compression::X8All => 1,
    };
    let nodes = network.nodes.iter().enumerate().filter(|(_, node)| node.layer.has_weights());
    let nodes: Vec<(usize, &Node)> = nodes.collect();
    let share = |place: usize| {
        let (node, layer) = (nodes[place].0, &nodes[place].1.layer);
        let is_outermost = place == 0 || place + 1 == nodes.len();
        let bits = match (compression, layer) {
            (Compression::X4 | Compression::X4All, _) => IndexBits::Eight,
            (Compression::X8All, Layer::DepthwiseConv2d { .. }) => IndexBits::Eight,
            (Compression::X8All, _) if is_outermost => IndexBits::Eight,
            _ => IndexBits::Four,
        };
        let is_asked = match compression {
            Compression::X4All | Compression::X8All => true,
            _ => matches!(layer, Layer::Dense { .. }),
        };
        let shared_bytes = indices_bytes(nodes[place].1, bits) + bits.codebook_bytes();
        let saved_bytes = (kernel_len(nodes[place].1) * FLOAT_BYTES).checked_sub(shared_bytes)?;
        let shared = SharedKernel { node, bits, saved_bytes };
        (is_asked && saved_bytes >= least_saved_bytes).then_some(shared)
    };
    (0..nodes.len()).filter_map(share).collect()
}

/// Half a byte for each index of four bits. A convolution's filters are stored by fours, and those
/// left over with a byte for each index.
fn indices_bytes(node: &Node, bits: IndexBits) -> usize {
    let weights = kernel_len(node);
    match (bits, node.layer) {
        (IndexBits::Eight, _) => weights,
        (IndexBits::Four, Layer::Conv2d { filters, .. }) => {
            weights / filters * (filters / 4 * 2 + filters % 4)
        }
        (IndexBits::Four, _) => weights.div_ceil(2),
    }
}

/// All parameters but a bias for each output channel.
fn kernel_len(node: &Node) -> usize {
    node_parameters(node) - node.output.channels
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Padding, Shape};

    use super::*;

    /// Node, bits and bytes saved of each kernel that shares weights.
    fn listing(input: Shape, layers: &[Layer], compression: Compression) -> String {
        let network = Network::chain(input, layers).unwrap();
        let line = |SharedKernel { node, bits, saved_bytes }: SharedKernel| {
            format!("{} {bits:?} {saved_bytes}", network.nodes[node].name)
        };
        let lines: Vec<String> =
            shared_kernels(&network, compression).into_iter().map(line).collect();
        lines.join("\n")
    }

    fn conv(filters: usize, padding: Padding) -> Layer {
        Layer::Conv2d { filters, kernel: [3, 3], stride: [1, 1], dilation: [1, 1], padding }
    }

    fn depthwise(kernel: usize) -> Layer {
        let (stride, dilation, padding) = ([1, 1], [1, 1], Padding::Same);
        Layer::DepthwiseConv2d { kernel: [kernel; 2], stride, dilation, padding }
    }

    /// Experiment 2's baseline without what has no weights.
    #[test]
    fn all_kernels_of_the_second_baseline_share_weights() {
        let pool = Layer::MaxPool2d { window: [2, 2], stride: [2, 2] };
        let layers = [
            conv(32, Padding::Same),
            conv(32, Padding::Valid),
            pool,
            conv(64, Padding::Same),
            conv(64, Padding::Valid),
            pool,
            Layer::Flatten,
            Layer::Dense { units: 512 },
            Layer::Dense { units: 4 },
        ];
        let input = Shape::new(32, 32, 3);
        insta::assert_snapshot!(listing(input, &layers, Compression::X8), @r"dense_1 Four 4128704");
        insta::assert_snapshot!(listing(input, &layers, Compression::X8All), @r"
        conv2d_1 Eight 1568
        conv2d_2 Four 32192
        conv2d_3 Four 64448
        conv2d_4 Four 128960
        dense_1 Four 4128704
        dense_2 Eight 5120
        ");
        insta::assert_snapshot!(listing(input, &layers, Compression::X4All), @r"
        conv2d_1 Eight 1568
        conv2d_2 Eight 26624
        conv2d_3 Eight 54272
        conv2d_4 Eight 109568
        dense_1 Eight 3537920
        dense_2 Eight 5120
        ");
        insta::assert_snapshot!(listing(input, &layers, Compression::X1), @r"");
    }

    #[test]
    fn depthwise_kernels_have_more_entries_and_small_kernels_stay_floats() {
        // 9 × 64 weights as bytes and 256 floats: 1,600 of 2,304 bytes. 64 weights: a codebook is larger.
        let layers = [
            conv(64, Padding::Same),
            depthwise(3),
            depthwise(1),
            conv(2, Padding::Same),
            conv(1, Padding::Same),
        ];
        let input = Shape::new(8, 8, 4);
        insta::assert_snapshot!(listing(input, &layers, Compression::X8All), @r"
        conv2d_1 Eight 5888
        depthwise_conv2d_1 Eight 704
        conv2d_2 Four 3392
        ");
    }
}
