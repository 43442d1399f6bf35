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
fn walking(filters: usize, kernel: usize, window: usize, units: usize, classes: usize) -> Network {
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
    let compressed = |compression| -> Vec<usize> {
        let shared = shared_kernels(&baseline, compression);
        shared.into_iter().map(|kernel| kernel.node).collect()
    };
    assert!(compressed(Compression::X1).is_empty());
    assert_eq!(compressed(Compression::X4), [5]);
    assert_eq!(compressed(Compression::X8), [5, 7]);
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
    let ram = |layers: &[Layer]| account(&network([4, 4, 1], layers), Compression::X1).ram_bytes;
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
    (6..24_usize, 6..24_usize, blocks, prop::collection::vec(1..40_usize, 0..3)).prop_filter_map(
        "windows larger than their input",
        |(height, width, blocks, units)| {
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
        },
    )
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

#[test]
fn a_shortcut_counts_in_every_step_that_it_leads_around() {
    let node = Source::Node;
    let same = conv(4, [3, 3], Padding::Same);
    let layers = [
        (same, vec![Source::Input]),
        (RELU, vec![node(0)]),
        (same, vec![node(1)]),
        (RELU, vec![node(2)]),
        (same, vec![node(3)]),
        (Layer::Add, vec![node(4), node(1)]),
        (RELU, vec![node(5)]),
        (Flatten, vec![node(6)]),
        (dense(3), vec![node(7)]),
    ];
    let account_of = |layers: &[(Layer, Vec<Source>)]| {
        account(&Network::graph(Shape::new(8, 8, 1), layers).unwrap(), Compression::X1)
    };
    let with = account_of(&layers);
    // The same without the sum: the chain reads around it.
    let mut without = layers.to_vec();
    without[6].1 = vec![node(4)];
    without.remove(5);
    for (_, inputs) in &mut without[6..] {
        *inputs = inputs
            .iter()
            .map(|source| match *source {
                Source::Node(index) => node(index - 1),
                input => input,
            })
            .collect();
    }
    let without = account_of(&without);
    let map = 8 * 8 * 4;
    assert_eq!(with.macc, without.macc + map as u64, "one for each value");
    assert_eq!((with.parameters, with.rom_bytes), (without.parameters, without.rom_bytes));
    // A row of padding is read again, a row and a pixel are written ahead: two rows and a pixel.
    let lead = 2 * 8 * 4 * 4;
    assert_eq!(without.ram_bytes, map * 4 + lead);
    // From the second convolution to the sum the first one's map stays.
    assert_eq!(with.ram_bytes, 2 * map * 4 + lead);
}

#[test]
fn a_shortcut_from_the_input_is_the_callers() {
    let layers = [
        (conv(1, [3, 3], Padding::Same), vec![Source::Input]),
        (Layer::Add, vec![Source::Node(0), Source::Input]),
        (Flatten, vec![Source::Node(1)]),
        (dense(3), vec![Source::Node(2)]),
    ];
    let network = Network::graph(Shape::new(8, 8, 1), &layers).unwrap();
    // The sum is written over the convolution's map.
    assert_eq!(account(&network, Compression::X1).ram_bytes, 8 * 8 * 4);
}
