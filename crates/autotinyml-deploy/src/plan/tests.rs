use autotinyml_nn::{Activation, Layer, Network, Padding, Shape, Source};
use proptest::prelude::*;

use super::cascade::turns;
use super::reach::Reach;
use super::*;
use crate::lower::{Operation, Window, lower};

fn kernels(input: Shape, layers: &[Layer]) -> Vec<Kernel> {
    lower(&Network::chain(input, layers).unwrap()).unwrap()
}

fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding) -> Layer {
    Layer::Conv2d { filters, kernel: [kernel; 2], stride: [stride; 2], dilation: [1, 1], padding }
}

fn lead(kernels: &[Kernel], k: usize) -> usize {
    lead::lead(kernels, k..k + 1)
}

fn pool(window: usize) -> Layer {
    Layer::MaxPool2d { window: [window; 2], stride: [window; 2] }
}

const RELU: Layer = Layer::Activation(Activation::Relu);

/// Experiment 1's baseline has 128 filters and units.
fn experiment_1(size: usize) -> Vec<Kernel> {
    let dense = Layer::Dense { units: size };
    let conv = conv(size, 2, 1, Padding::Valid);
    let layers = [conv, RELU, pool(2), Layer::Flatten, dense, RELU, dense, RELU, dense];
    kernels(Shape::new(90, 3, 1), &layers)
}

#[test]
fn the_first_baseline_keeps_one_pixel_of_its_pooled_map_and_the_sums_it_is_added_to() {
    insta::assert_snapshot!(plan(&experiment_1(128)).unwrap(), @r"
    output                       offset     bytes  place in the arena
    conv2d, a pixel at a time         0       512  ████████████████████····················
    dense_1                         512       512  ····················████████████████████
    dense_2                           0       512  ████████████████████····················
    arena                                    1024
    ");
    insta::assert_snapshot!(plan(&experiment_1(8)).unwrap(), @r"
    output                        offset     bytes  place in the arena
    conv2d, 8 pixels at a time         0       256  ████████████████████████████████████····
    dense_1                          256        32  ···································█████
    dense_2                            0        32  █████···································
    arena                                      288
    ");
}

/// The Keras example for CIFAR-10, with 4 classes.
fn experiment_2() -> Vec<Kernel> {
    let block = |filters| {
        let [same, valid] = [Padding::Same, Padding::Valid].map(|p| conv(filters, 3, 1, p));
        [same, RELU, valid, RELU, pool(2)]
    };
    let dense = [Layer::Dense { units: 512 }, RELU, Layer::Dense { units: 4 }];
    let layers = [&block(32)[..], &block(64), &[Layer::Flatten], &dense].concat();
    kernels(Shape::new(32, 32, 3), &layers)
}

#[test]
fn the_second_baseline_keeps_some_rows_of_each_map() {
    insta::assert_snapshot!(plan(&experiment_2()).unwrap(), @r"
    output                         offset     bytes  place in the arena
    conv2d_1, its last 4 rows       23424     16384  ·······················█████████████████
    conv2d_2, its last 3 rows       17664      5760  ·················███████················
    conv2d_3, its last 4 rows        2304     15360  ··████████████████······················
    conv2d_4, a pixel at a time      2048       256  ··█·····································
    dense_1                             0      2048  ███·····································
    arena                                     39808
    ");
}

#[test]
fn too_few_rows_are_refused() {
    let kernels = experiment_2();
    let plan = plan(&kernels).unwrap();
    for k in 0..3 {
        let mut plan = plan.clone();
        let Extent::Rows(rows) = plan.buffers[k].extent else { panic!("{plan}") };
        plan.buffers[k].extent = Extent::Rows(rows - 1);
        let error = plan.check(&kernels).unwrap_err().to_string();
        assert!(error.contains(&format!("too little of the output of {}", kernels[k].name)));
    }
}

#[test]
fn a_map_is_not_streamed_if_that_saves_nothing() {
    // Around the shortcut there are two whole maps in any case, and later maps go over them.
    let kernels = residual();
    let plan = plan(&kernels).unwrap();
    assert!(least_extent(&kernels, 1) != Extent::Whole);
    assert!(plan.buffers.iter().all(|buffer| buffer.extent == Extent::Whole), "{plan}");
}

#[test]
fn a_map_that_is_needed_as_a_whole_must_not_be_streamed() {
    let kernels = residual();
    let mut plan = plan(&kernels).unwrap();
    plan.buffers[0].extent = Extent::Pixels(4);
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: the output of conv2d_1 is needed as a whole");
}

#[test]
fn a_convolution_writes_over_its_dying_input() {
    // A 3×3 window on 32×32×32 and 2×2 pooling: each step reads what begins two rows further,
    // and only the first pixel is written before its input was read for the last time.
    let layers = [conv(32, 3, 1, Padding::Same), conv(32, 3, 1, Padding::Valid), pool(2), pool(1)];
    let kernels = kernels(Shape::new(32, 32, 3), &layers);
    assert_eq!(kernels.len(), 2);
    assert_eq!(lead(&kernels, 1), 32);
}

#[test]
fn a_max_pooling_needs_no_lead() {
    let layers = [
        pool(2),
        conv(3, 1, 1, Padding::Valid),
        Layer::MaxPool2d { window: [2, 3], stride: [1, 2] },
    ];
    let kernels = kernels(Shape::new(20, 20, 3), &layers);
    assert_eq!(lead(&kernels, 0), 0);
    assert_eq!(lead(&kernels, 2), 0);
}

/// Two convolutions with a shortcut around them, and a dense layer.
fn residual() -> Vec<Kernel> {
    let node = Source::Node;
    let same = conv(4, 3, 1, Padding::Same);
    let layers = [
        (same, vec![Source::Input]),
        (same, vec![node(0)]),
        (same, vec![node(1)]),
        (Layer::Add, vec![node(2), node(0)]),
        (RELU, vec![node(3)]),
        (Layer::Flatten, vec![node(4)]),
        (Layer::Dense { units: 3 }, vec![node(5)]),
    ];
    lower(&Network::graph(Shape::new(8, 8, 1), &layers).unwrap()).unwrap()
}

#[test]
fn a_shortcut_takes_one_map_more_and_the_sum_is_written_over_a_summand() {
    let kernels = residual();
    let plan = plan(&kernels).unwrap();
    let map = 8 * 8 * 4 * 4;
    let lead = lead(&kernels, 2) * 4;
    assert_eq!(plan.arena_bytes, 2 * map + lead);
    insta::assert_snapshot!(plan, @r"
    output      offset     bytes  place in the arena
    conv2d_1         0      1024  ███████████████████·····················
    conv2d_2      1232      1024  ·····················███████████████████
    conv2d_3      1024      1024  ··················███████████████████···
    add              0      1024  ███████████████████·····················
    arena                   2256
    ");
}

#[test]
fn what_a_shortcut_still_needs_is_not_overwritten() {
    let kernels = residual();
    let mut plan = plan(&kernels).unwrap();
    plan.buffers[1].offset_bytes = plan.buffers[0].offset_bytes;
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: conv2d_2 would overwrite the output of conv2d_1");
}

#[test]
fn a_plan_that_overwrites_is_refused() {
    let layers = [Layer::Dense { units: 8 }, Layer::Dense { units: 4 }, Layer::Dense { units: 2 }];
    let kernels = kernels(Shape::vector(3), &layers);
    let mut plan = plan(&kernels).unwrap();
    plan.buffers[1].offset_bytes = plan.buffers[0].offset_bytes + 4;
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: dense_2 would overwrite its own input");
    plan.arena_bytes -= 1;
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: the output of dense_1 leaves the arena");
}

#[test]
fn no_buffer_is_in_both_pieces_of_an_arena() {
    let layers = [8, 4, 2].map(|units| Layer::Dense { units });
    let kernels = kernels(Shape::vector(3), &layers);
    let mut plan = plan_in_pieces(&kernels, 16).unwrap();
    assert_eq!((plan.pieces(), plan.buffers[0].offset_bytes), (vec![16, 32], 16), "{plan}");
    plan.border_bytes = Some(20);
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: the output of dense_1 is in both pieces");
    // Nothing is behind a border that is high enough.
    assert_eq!(plan_in_pieces(&kernels, 48).unwrap().pieces(), [48]);
}

fn any_layer() -> impl Strategy<Value = Layer> {
    let size = || [1..4usize, 1..4usize].prop_map(|[a, b]| [a, b]);
    let window = || (size(), size());
    prop_oneof![
        (1..7usize, window(), size(), any::<bool>()).prop_map(
            |(filters, (kernel, stride), dilation, same)| {
                let padding = if same { Padding::Same } else { Padding::Valid };
                Layer::Conv2d { filters, kernel, stride, dilation, padding }
            }
        ),
        window().prop_map(|(window, stride)| Layer::MaxPool2d { window, stride }),
        window().prop_map(|(window, stride)| Layer::AveragePool2d { window, stride }),
        (window(), size(), any::<bool>()).prop_map(|((kernel, stride), dilation, same)| {
            let padding = if same { Padding::Same } else { Padding::Valid };
            Layer::DepthwiseConv2d { kernel, stride, dilation, padding }
        }),
        Just(RELU),
        Just(Layer::Activation(Activation::Tanh)),
    ]
}

/// A chain of at most eight layers, as far as they can be built, and two dense layers: with few sums
/// and many, so that maps are streamed out of the arena too.
fn any_kernels() -> impl Strategy<Value = Vec<Kernel>> {
    let input = (1..20usize, 1..20usize, 1..5usize);
    let layers = prop::collection::vec(any_layer(), 0..8);
    (input, layers, 1..200usize).prop_map(|((h, w, c), wanted, units)| {
        let input = Shape::new(h, w, c);
        let mut layers = vec![];
        for layer in wanted {
            layers.push(layer);
            if Network::chain(input, &layers).is_err() {
                layers.pop();
            }
        }
        layers.extend([Layer::Flatten, Layer::Dense { units }, Layer::Dense { units: 3 }]);
        kernels(input, &layers)
    })
}

/// A part of a network.
#[derive(Clone, Debug)]
enum Part {
    Layer(Layer),
    /// A shortcut begins here.
    Branch,
    /// The last one that began ends here, with a projection if it needs one.
    Join,
}

/// A network with shortcuts, of at most twelve parts, as far as they can be built, and two dense layers.
fn any_network() -> impl Strategy<Value = Network> {
    let same = (1..7usize).prop_map(|filters| conv(filters, 3, 1, Padding::Same));
    let part = prop_oneof![
        2 => any_layer().prop_map(Part::Layer),
        2 => same.prop_map(Part::Layer),
        2 => Just(Part::Branch),
        2 => Just(Part::Join),
    ];
    let input = (1..9usize, 1..9usize, 1..5usize);
    (input, prop::collection::vec(part, 0..12)).prop_map(|((h, w, c), wanted)| {
        let input = Shape::new(h, w, c);
        let mut layers: Vec<(Layer, Vec<Source>)> = vec![];
        let mut branches = vec![];
        let (mut last, mut shape) = (Source::Input, input);
        let head = [Layer::Flatten, Layer::Dense { units: 5 }, Layer::Dense { units: 3 }];
        for part in wanted.into_iter().chain(head.map(Part::Layer)) {
            let more = match part {
                Part::Layer(layer) => vec![(layer, vec![last])],
                Part::Branch => {
                    branches.push((last, shape));
                    continue;
                }
                Part::Join => match branches.pop() {
                    None => continue,
                    Some((source, alike)) if alike == shape => {
                        vec![(Layer::Add, vec![last, source])]
                    }
                    Some((source, _)) => vec![
                        (conv(shape.channels, 1, 1, Padding::Same), vec![source]),
                        (Layer::Add, vec![last, Source::Node(layers.len())]),
                    ],
                },
            };
            let before = layers.len();
            layers.extend(more);
            match Network::graph(input, &layers) {
                Ok(network) => {
                    last = Source::Node(layers.len() - 1);
                    shape = network.output();
                }
                Err(_) => layers.truncate(before),
            }
        }
        Network::graph(input, &layers).unwrap()
    })
}

/// The arena, each cell of which remembers which kernel wrote which value there last.
struct Arena<'a> {
    kernels: &'a [Kernel],
    plan: &'a Plan,
    cells: Vec<Option<(usize, usize)>>,
    /// For each buffer the first value that is there: others than 0 where it is streamed.
    first_values: Vec<usize>,
    /// Every read found the value it wanted.
    intact: bool,
}

impl Arena<'_> {
    /// Where a value of a buffer is, if it is there; the network's input and output are always.
    fn cell(&mut self, buffer: usize, value: usize) -> Option<usize> {
        let Buffer { offset_bytes, length_bytes, .. } = *self.plan.buffers.get(buffer)?;
        let there = self.first_values[buffer]..self.first_values[buffer] + length_bytes / 4;
        self.intact &= there.contains(&value);
        there.contains(&value).then(|| offset_bytes / 4 + value - there.start)
    }

    /// What `make_room` does in C, before stage k of a cascade writes the pixels up to `end`: `computed`
    /// are those that there are of each output.
    fn make_room(&mut self, k: usize, end: usize, computed: &[usize]) {
        let Shape { width, height, channels } = self.kernels[k].output;
        let room = self.plan.buffers[k].extent.pixels(Shape { width, height, channels });
        let skipped = self.first_values[k] / channels;
        if end - skipped <= room {
            return;
        }
        let needed = match Reach::of(&self.kernels[k + 1]) {
            Some(reach) => reach.first(computed[k + 1]).min(computed[k]),
            None => computed[k],
        };
        let offset = self.plan.buffers[k].offset_bytes / 4;
        for value in needed * channels..computed[k] * channels {
            let from = offset + value - self.first_values[k];
            self.cells[offset + value - needed * channels] = self.cells[from];
        }
        self.first_values[k] = needed * channels;
    }

    /// Kernel k reads a value of its input of this number.
    fn read(&mut self, k: usize, input: usize, value: usize) {
        if let Some(writer) = writer(self.kernels, self.kernels[k].inputs[input]) {
            self.read_from(writer, value);
        }
    }

    fn read_from(&mut self, buffer: usize, value: usize) {
        if let Some(cell) = self.cell(buffer, value) {
            self.intact &= self.cells[cell] == Some((buffer, value));
        }
    }

    /// Kernel k writes a value of its output.
    fn write(&mut self, k: usize, value: usize) {
        if let Some(cell) = self.cell(k, value) {
            self.cells[cell] = Some((k, value));
        }
    }

    /// What kernel k does to memory in C, spelled out. `part`: the pixels that it writes, or the values
    /// that a dense layer takes.
    fn run(&mut self, k: usize, part: std::ops::Range<usize>) {
        let Kernel { operation, input, output, .. } = self.kernels[k].clone();
        let pixels: Vec<usize> = part.clone().collect();
        match operation {
            Operation::Add => (0..output.len()).for_each(|value| {
                self.read(k, 0, value);
                self.read(k, 1, value);
                self.write(k, value);
            }),
            Operation::Copy => {
                (0..output.len()).for_each(|value| self.read(k, 0, value));
                (0..output.len()).for_each(|value| self.write(k, value));
            }
            Operation::Dense => (0..output.len()).for_each(|unit| {
                if part.start > 0 {
                    self.read_from(k, unit);
                }
                part.clone().for_each(|value| self.read(k, 0, value));
                self.write(k, unit);
            }),
            Operation::MaxPool2d(window)
            | Operation::AveragePool2d(window)
            | Operation::DepthwiseConv2d(window) => pixels.iter().for_each(|pixel| {
                let place = [pixel / output.width, pixel % output.width];
                for channel in 0..output.channels {
                    self.read_window(k, window, place, channel..channel + 1);
                    self.write(k, pixel * output.channels + channel);
                }
            }),
            Operation::Conv2d { window, pool } => {
                let group = if pool.is_some() { 1 } else { 4 };
                for pixels in pixels.chunks(group) {
                    for channel in 0..output.channels {
                        for pixel in pixels {
                            let [row, column] = [pixel / output.width, pixel % output.width];
                            let pool = pool.unwrap_or(Window::SINGLE);
                            for i in 0..pool.size[0] {
                                for j in 0..pool.size[1] {
                                    let place =
                                        [row * pool.stride[0] + i, column * pool.stride[1] + j];
                                    self.read_window(k, window, place, 0..input.channels);
                                }
                            }
                        }
                        pixels
                            .iter()
                            .for_each(|pixel| self.write(k, pixel * output.channels + channel));
                    }
                }
            }
        }
    }

    fn read_window(
        &mut self,
        k: usize,
        window: Window,
        place: [usize; 2],
        channels: std::ops::Range<usize>,
    ) {
        let input = self.kernels[k].input;
        for i in 0..window.size[0] {
            for j in 0..window.size[1] {
                let [y, x] = [(0, i), (1, j)].map(|(axis, tap)| {
                    let place = place[axis] * window.stride[axis] + tap * window.dilation[axis];
                    place.wrapping_sub(window.padding_before[axis])
                });
                if y < input.height && x < input.width {
                    let pixel = y * input.width + x;
                    channels.clone().for_each(|c| self.read(k, 0, pixel * input.channels + c));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Each cell of the arena remembers who wrote it last: every read finds its own value.
    #[test]
    fn no_value_is_overwritten_before_it_was_read(
        kernels in prop_oneof![any_kernels(), any_network().prop_map(|network| lower(&network).unwrap())],
        quarters in 0..4_usize,
    ) {
        let mut plan = plan(&kernels).unwrap();
        // In two pieces, too.
        if quarters > 0 {
            plan = plan_in_pieces(&kernels, plan.arena_bytes / 4 * quarters).unwrap();
        }
        let mut arena = Arena {
            kernels: &kernels,
            plan: &plan,
            cells: vec![None; plan.arena_bytes / 4],
            first_values: vec![0; kernels.len()],
            intact: true,
        };
        for cascade in plan.cascades() {
            let k = cascade.start;
            let Shape { height, width, .. } = kernels[k].output;
            if cascade.len() > 1 {
                let mut computed = vec![0; kernels.len()];
                for turn in turns(&kernels, cascade) {
                    let (k, range) = (turn.kernel, turn.first..turn.end);
                    if kernels[k].operation == Operation::Dense {
                        let channels = kernels[k - 1].output.channels;
                        arena.run(k, range.start * channels..range.end * channels);
                        continue;
                    }
                    if plan.buffers.get(k).is_some_and(|buffer| buffer.extent != Extent::Whole) {
                        arena.make_room(k, turn.end, &computed);
                    }
                    prop_assert_eq!(computed[k], turn.first);
                    arena.run(k, range);
                    computed[k] = turn.end;
                }
            } else if kernels[k].operation == Operation::Dense {
                arena.run(k, 0..kernels[k].input.len());
            } else {
                arena.run(k, 0..height * width);
            }
            prop_assert!(arena.intact, "{} reads overwritten values\n{plan}", kernels[k].name);
        }
    }

    /// Every choice of streamed maps is tried. The plan finds the best in nearly all cases.
    #[test]
    fn no_other_choice_of_streamed_maps_takes_much_less(
        kernels in prop_oneof![any_kernels(), any_network().prop_map(|network| lower(&network).unwrap())]
    ) {
        let least: Extents = (0..kernels.len()).map(|k| least_extent(&kernels, k)).collect();
        let streamable: Vec<usize> =
            (0..kernels.len()).filter(|&k| least[k] != Extent::Whole).collect();
        let choice = |bits: usize| {
            let mut extents = vec![Extent::Whole; kernels.len()];
            for (bit, &k) in streamable.iter().enumerate() {
                extents[k] = if bits >> bit & 1 == 1 { least[k] } else { Extent::Whole };
            }
            smallest(&kernels, &extents, None, usize::MAX).unwrap().arena_bytes
        };
        let best = (0..1 << streamable.len()).map(choice).min().unwrap();
        let arena_bytes = plan(&kernels).unwrap().arena_bytes;
        prop_assert!(arena_bytes <= best + best / 20, "{arena_bytes} instead of {best}");
    }

    #[test]
    fn streaming_never_takes_more(kernels in any_kernels()) {
        let whole = smallest(&kernels, &vec![Extent::Whole; kernels.len()], None, usize::MAX).unwrap();
        prop_assert!(plan(&kernels).unwrap().arena_bytes <= whole.arena_bytes);
    }

    #[test]
    fn no_plan_of_a_chain_is_larger_than_two_buffers_side_by_side(kernels in any_kernels()) {
        let plan = smallest(&kernels, &vec![Extent::Whole; kernels.len()], None, usize::MAX).unwrap();
        let lengths: Vec<usize> = plan.buffers.iter().map(|buffer| buffer.length_bytes).collect();
        let neighbours = lengths.windows(2).map(|pair| pair[0] + pair[1]).max();
        prop_assert!(plan.arena_bytes <= neighbours.unwrap_or(lengths[0]));
        prop_assert!(plan.arena_bytes >= lengths.iter().copied().max().unwrap());
    }
}
