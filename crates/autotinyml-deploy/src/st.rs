//! How ST's tool (X-CUBE-AI of 2018 to 2020, the one behind the talk's tables) counts a network.
//!
//! ST publishes no rules. Those here reproduce the talk's figures for both of its baselines to the
//! byte, at every compression, and a public log of a real run; what no figure decides is our choice
//! and marked so.
//!
//! Batch normalisations are folded into the layers before them first.
//!
//! **ROM** is weights alone, no code: four bytes a number. A compressed dense kernel is a codebook
//! of floats and an index for each weight; biases stay floats. A kernel is compressed if that saves
//! at least 1.75 % of the network's weight bytes: between the 1.63 % that experiment 1 forgoes at ×4
//! and the 1.94 % that it takes at ×8.
//!
//! **MACC** is a cost in multiply-accumulates: the products of convolutions and dense layers, one
//! for each filter's bias, one for each ReLU, each value under a pooling window, 15 for each class
//! of a softmax. Our choice: sigmoid, tanh and SELU count 15 like softmax, since they too take an
//! exponential for each value; ReLU6 and leaky ReLU count 1 like ReLU, hard-swish 3: a sum and two
//! products.
//!
//! **RAM** is the peak of activations and scratch over the steps of an inference. The network's
//! input and output are the caller's and count nothing. A step reads one buffer and writes another:
//!
//! 1. Dropout and flatten are no steps. An activation works in place on what the step before wrote.
//! 2. A convolution and the pooling behind it are one step. Its scratch holds the rows of the
//!    convolution under one row of pooling windows: `window height × width × filters` floats.
//! 3. A dense layer needs all of its input until its last output: both buffers are there.
//! 4. A convolution or pooling reads its input from top to bottom and can lay its output over the
//!    part that it is done with. The output starts a *lead* below the input: as much as keeps every
//!    row that is still to be read, and at least one row and one pixel of the output, which is what
//!    experiment 2's figure shows. Such a step takes `max(lead + input, output)` bytes and its
//!    scratch, or both buffers and the scratch where that is less.
//!
//! Point 4 is known for a pooled convolution; that it holds for the others is our choice, and that
//! average pooling counts as max pooling does, a depthwise convolution as a convolution.

use autotinyml_nn::{
    Activation, Layer, Network, Node, Padding, Shape, extent, node_multiply_accumulates,
    parameters, same_padding_before,
};

use crate::compression::Compression;
use crate::fold::fold_network;

const FLOAT_BYTES: usize = 4;

/// Least share of the network's weight bytes that compressing a layer has to save: per ten thousand.
const LEAST_SAVING_PER_10_000: usize = 175;

/// MACC of one value of an activation with an exponential.
const EXPONENTIAL_MACC: u64 = 15;

/// MACC of one value of a hard-swish.
const HARD_SWISH_MACC: u64 = 3;

/// What ST's tool would report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StAccount {
    /// Trained numbers.
    pub parameters: usize,
    /// Multiply-accumulates of one inference; the same at every compression.
    pub macc: u64,
    /// Activations and scratch; the same at every compression.
    pub ram_bytes: usize,
    /// Weights.
    pub rom_bytes: usize,
}

/// Counts a network. Takes a microsecond, so that a search can ask for every point of its space.
pub fn account(network: &Network, compression: Compression) -> StAccount {
    let network = &*fold_network(network);
    let parameters = parameters(network);
    let saved_bytes: usize = savings(network, compression).map(|(_, saved)| saved).sum();
    StAccount {
        parameters,
        macc: network.nodes.iter().map(node_macc).sum(),
        ram_bytes: ram_bytes(network),
        rom_bytes: parameters * FLOAT_BYTES - saved_bytes,
    }
}

/// The nodes, by index, whose kernels `compression` stores as a codebook and indices; of a network
/// without batch normalisations.
pub fn compressed_nodes(network: &Network, compression: Compression) -> Vec<usize> {
    savings(network, compression).map(|(node, _)| node).collect()
}

/// The compressed nodes with the bytes that each saves.
fn savings(
    network: &Network,
    compression: Compression,
) -> impl Iterator<Item = (usize, usize)> + '_ {
    let weight_bytes = parameters(network) * FLOAT_BYTES;
    network.nodes.iter().enumerate().filter_map(move |(index, node)| {
        let Layer::Dense { units } = node.layer else { return None };
        let weights = node.input.len() * units;
        let saved = (weights * FLOAT_BYTES).checked_sub(compression.shared_bytes(weights)?)?;
        (saved * 10_000 >= weight_bytes * LEAST_SAVING_PER_10_000).then_some((index, saved))
    })
}

fn node_macc(node: &Node) -> u64 {
    let outputs = node.output.len() as u64;
    match node.layer {
        Layer::Conv2d { filters, .. } => node_multiply_accumulates(node) + filters as u64,
        Layer::DepthwiseConv2d { .. } => {
            node_multiply_accumulates(node) + node.output.channels as u64
        }
        Layer::BatchNorm { .. } => unreachable!("folded before"),
        Layer::MaxPool2d { window, .. } | Layer::AveragePool2d { window, .. } => {
            outputs * (window[0] * window[1]) as u64
        }
        Layer::GlobalAveragePool2d => node.input.len() as u64,
        Layer::Dropout { .. } | Layer::Flatten | Layer::Series => 0,
        Layer::Dense { .. } => node_multiply_accumulates(node),
        Layer::Activation(Activation::Relu | Activation::Relu6 | Activation::LeakyRelu { .. }) => {
            outputs
        }
        Layer::Activation(Activation::HardSwish) => outputs * HARD_SWISH_MACC,
        Layer::Activation(
            Activation::Sigmoid | Activation::Selu | Activation::Tanh | Activation::Softmax,
        ) => outputs * EXPONENTIAL_MACC,
    }
}

/// What is computed from one buffer into another.
struct Step {
    input: Shape,
    output: Shape,
    reads: Reads,
    /// Whether a pooling behind it can be fused with it.
    is_convolution: bool,
    scratch_bytes: usize,
}

#[derive(Clone, Copy)]
enum Reads {
    /// All of the input until the last output.
    Everything,
    /// From top to bottom: row r of the output needs no row of the input above
    /// `r × stride − padding`.
    Downward { stride: usize, padding: usize },
}

fn ram_bytes(network: &Network) -> usize {
    let steps = steps(network);
    let last = steps.len().saturating_sub(1);
    let bytes = |(index, step): (usize, &Step)| step.bytes(index == 0, index == last);
    steps.iter().enumerate().map(bytes).max().unwrap_or(0)
}

fn steps(network: &Network) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(network.nodes.len());
    for node in &network.nodes {
        match node.layer {
            Layer::BatchNorm { .. } => unreachable!("folded before"),
            Layer::Dropout { .. } | Layer::Flatten | Layer::Series => {}
            Layer::Activation(_) if !steps.is_empty() => {}
            // Nothing before it: its input is the caller's, and it writes a buffer of its own.
            Layer::Activation(_) => steps.push(Step::new(node, Reads::Everything)),
            Layer::Dense { .. } => steps.push(Step::new(node, Reads::Everything)),
            Layer::Conv2d { kernel, stride: [stride, _], dilation, padding, .. }
            | Layer::DepthwiseConv2d { kernel, stride: [stride, _], dilation, padding } => {
                let [rows, _] = extent(kernel, dilation);
                steps.push(Step::convolution(node, rows, stride, padding));
            }
            Layer::MaxPool2d { window, stride } | Layer::AveragePool2d { window, stride } => {
                pool(&mut steps, node, window[0], stride[0]);
            }
            Layer::GlobalAveragePool2d => {
                pool(&mut steps, node, node.input.height, node.input.height);
            }
        }
    }
    steps
}

fn pool(steps: &mut Vec<Step>, node: &Node, window_rows: usize, stride: usize) {
    match steps.last_mut().filter(|step| step.is_convolution) {
        Some(convolution) => convolution.fuse_pooling(node, window_rows, stride),
        None => steps.push(Step::new(node, Reads::Downward { stride, padding: 0 })),
    }
}

impl Step {
    fn new(node: &Node, reads: Reads) -> Self {
        let Node { input, output, .. } = *node;
        Self { input, output, reads, is_convolution: false, scratch_bytes: 0 }
    }

    fn convolution(node: &Node, window_rows: usize, stride: usize, padding: Padding) -> Self {
        let padding = match padding {
            Padding::Valid => 0,
            Padding::Same => same_padding_before(node.input.height, window_rows, stride),
        };
        Self { is_convolution: true, ..Self::new(node, Reads::Downward { stride, padding }) }
    }

    fn fuse_pooling(&mut self, pooling: &Node, window_rows: usize, stride_rows: usize) {
        if let Reads::Downward { stride, .. } = &mut self.reads {
            *stride *= stride_rows;
        }
        self.scratch_bytes = window_rows * row_bytes(pooling.input);
        self.output = pooling.output;
        self.is_convolution = false;
    }

    /// Bytes of its buffers and scratch. `first` and `last` of the network: the buffer is the
    /// caller's.
    fn bytes(&self, first: bool, last: bool) -> usize {
        let (input, output) = (bytes(self.input), bytes(self.output));
        self.scratch_bytes
            + match (first, last) {
                (true, true) => 0,
                (true, false) => output,
                (false, true) => input,
                (false, false) => match self.lead_bytes() {
                    Some(lead) => output.max(lead + input).min(input + output),
                    None => input + output,
                },
            }
    }

    /// How far below the input the output has to start so that it can be laid over it.
    fn lead_bytes(&self) -> Option<usize> {
        let Reads::Downward { stride, padding } = self.reads else { return None };
        let (input_row, output_row) = (row_bytes(self.input), row_bytes(self.output));
        let written_past_read = |row: usize| {
            let read = (row * stride).saturating_sub(padding) * input_row;
            ((row + 1) * output_row).saturating_sub(read)
        };
        let safe = (0..self.output.height).map(written_past_read).max().unwrap_or(0);
        Some(safe.max(output_row + self.output.channels * FLOAT_BYTES))
    }
}

fn bytes(shape: Shape) -> usize {
    shape.len() * FLOAT_BYTES
}

fn row_bytes(shape: Shape) -> usize {
    shape.width * shape.channels * FLOAT_BYTES
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::Layer::{Dropout, Flatten};
    use proptest::prelude::*;

    use super::*;

    const COMPRESSIONS: [Compression; 3] = [Compression::X1, Compression::X4, Compression::X8];
    const RELU: Layer = Layer::Activation(Activation::Relu);
    const SOFTMAX: Layer = Layer::Activation(Activation::Softmax);

    fn dense(units: usize) -> Layer {
        Layer::Dense { units }
    }

    fn conv(filters: usize, kernel: [usize; 2], padding: Padding) -> Layer {
        Layer::Conv2d { filters, kernel, stride: [1, 1], dilation: [1, 1], padding }
    }

    fn pool(window: usize) -> Layer {
        Layer::MaxPool2d { window: [window; 2], stride: [window; 2] }
    }

    fn network(input: [usize; 3], layers: &[Layer]) -> Network {
        Network::chain(Shape::new(input[0], input[1], input[2]), layers).unwrap()
    }

    /// The network of experiment 1; the talk's baseline has 128 filters and units, a kernel and a
    /// window of 2, and 6 classes.
    fn walking(
        filters: usize,
        kernel: usize,
        window: usize,
        units: usize,
        classes: usize,
    ) -> Network {
        let head = [conv(filters, [kernel; 2], Padding::Valid), RELU, pool(window)];
        let tail = [Dropout { rate: 0.2 }, Flatten, dense(units), RELU, dense(units), RELU];
        network([90, 3, 1], &[&head[..], &tail, &[dense(classes), SOFTMAX]].concat())
    }

    /// The baseline of experiment 2.
    fn bottle() -> Network {
        let block = |filters| {
            let [same, valid] = [Padding::Same, Padding::Valid].map(|p| conv(filters, [3, 3], p));
            [same, RELU, valid, RELU, pool(2), Dropout { rate: 0.25 }]
        };
        let head = [Flatten, dense(512), RELU, Dropout { rate: 0.5 }, dense(4), SOFTMAX];
        network([32, 32, 3], &[block(32), block(64), head].concat())
    }

    fn rom(network: &Network) -> [usize; 3] {
        COMPRESSIONS.map(|compression| account(network, compression).rom_bytes)
    }

    #[test]
    fn experiment_1_counts_as_in_the_talk() {
        let baseline = walking(128, 2, 2, 128, 6);
        let account = account(&baseline, Compression::X4);
        assert_eq!(account.parameters, 738_950);
        assert_eq!(account.macc, 874_970);
        assert_eq!(account.ram_bytes, 24_576);
        assert_eq!(rom(&baseline), [2_955_800, 794_136, 375_448]);
        // Nodes: 0 conv, 1 relu, 2 pool, 3 dropout, 4 flatten, 5 dense, 7 dense, 9 dense.
        assert!(compressed_nodes(&baseline, Compression::X1).is_empty());
        assert_eq!(compressed_nodes(&baseline, Compression::X4), [5]);
        assert_eq!(compressed_nodes(&baseline, Compression::X8), [5, 7]);
    }

    #[test]
    fn experiment_1_with_a_class_for_each_person() {
        let account = account(&walking(128, 2, 2, 128, 22), Compression::X1);
        assert_eq!((account.rom_bytes, account.macc), (2_964_056, 877_258));
    }

    #[test]
    fn experiment_2_counts_as_in_the_talk() {
        let account = account(&bottle(), Compression::X1);
        assert_eq!(account.parameters, 1_247_780);
        assert_eq!(account.macc, 20_863_612);
        assert_eq!(account.ram_bytes, 140_800);
        assert_eq!(rom(&bottle()), [4_991_120, 1_453_200, 862_416]);
    }

    #[test]
    fn a_small_picture_network_worked_by_hand() {
        let layers = [conv(8, [3, 3], Padding::Valid), RELU, pool(2), Flatten];
        let network =
            network([8, 8, 1], &[&layers[..], &[dense(16), RELU, dense(10), SOFTMAX]].concat());
        let account = account(&network, Compression::X1);
        // conv 72 + 8; dense 72·16 + 16; dense 16·10 + 10
        assert_eq!(account.parameters, 80 + 1168 + 170);
        // conv 6·6·8·9 + 8, its ReLU 288; pool 72·4; dense 1152 + 16; dense 160, softmax 150
        assert_eq!(account.macc, 2600 + 288 + 288 + 1168 + 310);
        // pooled 3·3·8 floats and two rows of 6·8 floats; then 288 + 64; then 64
        assert_eq!(account.ram_bytes, 288 + 384);
        // ×4: 1152 weights save 3456 − 1024; the 160 would grow. ×8: 1152 weights save 4032 − 64,
        // 160 save 560 − 64, more than 1.75 % of 5672.
        assert_eq!(rom(&network), [5672, 5672 - 2432, 5672 - 3968 - 496]);
    }

    #[test]
    fn windows_of_one_pixel_count_too() {
        let account = account(&walking(16, 1, 1, 8, 6), Compression::X1);
        // conv 90·3·16·1 + 16, ReLU 4320; pool 4320·1; dense 4320·8 + 8; 64 + 8; 48 + 90
        assert_eq!(account.macc, 4336 + 4320 + 4320 + 34_568 + 72 + 138);
        // pooled 90·3·16 floats and one row of 3·16
        assert_eq!(account.ram_bytes, 17_280 + 192);
    }

    #[test]
    fn without_a_convolution_only_hidden_vectors_take_ram() {
        let ram =
            |layers: &[Layer]| account(&network([4, 4, 1], layers), Compression::X1).ram_bytes;
        assert_eq!(ram(&[Flatten, dense(10), SOFTMAX]), 0);
        assert_eq!(ram(&[Flatten, dense(32), RELU, dense(10), SOFTMAX]), 32 * 4);
        assert_eq!(ram(&[Flatten, dense(32), RELU, dense(20), RELU, dense(10), SOFTMAX]), 52 * 4);
        assert_eq!(ram(&[RELU, Flatten, dense(10), SOFTMAX]), 16 * 4);
    }

    #[test]
    fn an_output_is_laid_over_an_input_that_it_outgrows() {
        let layers =
            [conv(4, [1, 1], Padding::Valid), conv(8, [3, 3], Padding::Same), Flatten, dense(2)];
        // 10×5: the first convolution writes rows of 80 bytes, 800 in all, the second rows of 160,
        // 1600 in all. Writing its row r it reads from row r − 1: at r = 9 it has written 1600 bytes
        // while the input is needed from byte 640 on. Lead 960; 960 + 800 is more than 1600.
        let ram = account(&network([10, 5, 1], &layers), Compression::X1).ram_bytes;
        assert_eq!(ram, 1760);
    }

    #[test]
    fn strides_free_the_input_sooner() {
        let second = Layer::Conv2d {
            filters: 4,
            kernel: [2, 2],
            stride: [2, 2],
            dilation: [1, 1],
            padding: Padding::Valid,
        };
        let layers = [conv(4, [1, 1], Padding::Valid), second, Flatten, dense(2)];
        // 8×6 to 4×3 of 4 channels: 768 and 192 bytes; lead one row of 48 and one pixel of 16.
        let ram = account(&network([8, 6, 1], &layers), Compression::X1).ram_bytes;
        assert_eq!(ram, 768 + 64);
    }

    #[test]
    fn a_pooling_of_its_own_has_no_scratch() {
        let layers = [conv(4, [1, 1], Padding::Valid), pool(2), pool(2), Flatten, dense(2)];
        // 8×8 pooled to 4×4 over a scratch of two rows of 8, then to 2×2 over the dying 4×4.
        let ram = account(&network([8, 8, 1], &layers), Compression::X1).ram_bytes;
        assert_eq!(ram, (4 * 4 * 4 + 2 * 8 * 4) * 4);
    }

    #[test]
    fn a_depthwise_convolution_has_one_window_for_each_channel() {
        let depthwise = Layer::DepthwiseConv2d {
            kernel: [3, 2],
            stride: [1, 1],
            dilation: [2, 1],
            padding: Padding::Valid,
        };
        let layers = [conv(4, [1, 1], Padding::Valid), depthwise, Flatten, dense(2)];
        let account = account(&network([8, 6, 1], &layers), Compression::X1);
        // 4×5 pixels: rows 0, 2 and 4 under the first window.
        assert_eq!(account.macc, (48 * 4 + 4) + (4 * 5 * 4 * 6 + 4) + 80 * 2);
        assert_eq!(account.parameters, 8 + (6 * 4 + 4) + 80 * 2 + 2);
        // 48·4 values dying under 20·4, one row of 5·4 and a pixel of 4 ahead.
        assert_eq!(account.ram_bytes, (48 * 4 + 20 + 4) * 4);
    }

    #[test]
    fn global_pooling_is_one_window() {
        let layers = [conv(4, [1, 1], Padding::Valid), Layer::GlobalAveragePool2d, dense(2)];
        let account = account(&network([8, 6, 1], &layers), Compression::X1);
        // conv 48·4 + 4; pooling 48·4; dense 8
        assert_eq!(account.macc, 196 + 192 + 8);
        // the whole convolution as scratch, and its four means
        assert_eq!(account.ram_bytes, (48 * 4 + 4) * 4);
    }

    /// Chains of up to three convolutions, some pooled, and up to two hidden dense layers.
    fn any_network() -> impl Strategy<Value = Network> {
        let block = (1..9_usize, 1..4_usize, any::<bool>(), 1..3_usize, 0..3_usize);
        let blocks = prop::collection::vec(block, 0..4);
        (6..24_usize, 6..24_usize, blocks, prop::collection::vec(1..40_usize, 0..3))
            .prop_filter_map("windows larger than their input", |(height, width, blocks, units)| {
                let mut layers = vec![];
                for (filters, kernel, same, stride, window) in blocks {
                    let padding = if same { Padding::Same } else { Padding::Valid };
                    let (kernel, stride) = ([kernel; 2], [stride; 2]);
                    layers.extend([
                        Layer::Conv2d { filters, kernel, stride, dilation: [1, 1], padding },
                        RELU,
                    ]);
                    layers.extend((window > 0).then(|| pool(window)));
                }
                layers.push(Flatten);
                layers.extend(units.iter().flat_map(|&units| [dense(units), RELU]));
                layers.extend([dense(3), SOFTMAX]);
                Network::chain(Shape::new(height, width, 2), &layers).ok()
            })
    }

    proptest! {
        #[test]
        fn ram_holds_every_buffer_and_never_more_than_a_pair_with_scratch(network in any_network()) {
            let ram = ram_bytes(&network);
            let steps = steps(&network);
            let between = &steps[..steps.len() - 1];
            let largest = between.iter().map(|step| bytes(step.output)).max().unwrap_or(0);
            prop_assert!(ram >= largest);
            let pair = |step: &Step| bytes(step.input) + bytes(step.output) + step.scratch_bytes;
            prop_assert!(ram <= steps.iter().map(pair).max().unwrap());
        }

        #[test]
        fn an_output_never_overwrites_what_is_still_to_be_read(network in any_network()) {
            for step in steps(&network) {
                let (Some(lead), Reads::Downward { stride, padding }) = (step.lead_bytes(), step.reads)
                else { continue };
                for row in 0..step.output.height {
                    let first_needed = (row * stride).saturating_sub(padding);
                    let input_starts_at = lead;
                    prop_assert!((row + 1) * row_bytes(step.output)
                        <= input_starts_at + first_needed * row_bytes(step.input));
                }
            }
        }

        #[test]
        fn compression_never_costs_rom(network in any_network()) {
            let [x1, x4, x8] = rom(&network);
            prop_assert_eq!(x1, 4 * parameters(&network));
            prop_assert!(x4 <= x1 && x8 <= x4, "{} {} {}", x1, x4, x8);
        }
    }
}
