//! Where in the arena each buffer between two kernels lies.
//!
//! The network's input and output are the caller's. The buffer between kernels k and k + 1 is
//! written while k runs and read while k + 1 runs, so that only neighbours are ever live together.
//! A neighbour's place is free in one of two ways:
//!
//! - *above*: the output begins where the input ends;
//! - *below*: the output lies over its dying input, but begins at least a *lead* before it, so far
//!   that the kernel writes no value over one that it has still to read. The lead follows from the
//!   order in which the kernels in `c/` read and write, see [`lead`].
//!
//! For an arena of a given size, let F(k) be the set of offsets at which buffer k can lie when all
//! buffers before it have found a place. F(0) is everything from 0 to size − length(0). What may
//! follow depends on two members of F(k) only: *below* the largest (any offset up to max F(k) −
//! lead), *above* the smallest (any offset from min F(k) + length(k)). The smallest and the largest
//! member of F(k + 1) follow at once, so that whether an arena is large enough is decided in one
//! walk, and bisection finds the smallest arena that there is for these leads. A second walk, from
//! the last buffer back, picks the offsets.
//!
//! [`Plan::check`] proves each plan anew by walking through what each kernel reads and writes.

use std::fmt;

use autotinyml_nn::Shape;

use crate::lower::{Kernel, Operation, Window};

const FLOAT_BYTES: usize = 4;

/// Pixels that `conv2d.c` computes at once, its `TILE_WINDOWS`.
const TILE_PIXELS: usize = 4;

/// Where each kernel's output lies. All sizes and offsets are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Buffers between kernels, in the order of the kernels: the output of kernel k is buffer k,
    /// except the last, which is the caller's.
    pub buffers: Vec<Buffer>,
    /// Size of the arena.
    pub arena_bytes: usize,
}

/// The output of one kernel and the input of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Name of the kernel that writes it.
    pub name: String,
    /// Where in the arena it begins.
    pub offset_bytes: usize,
    /// Its size.
    pub length_bytes: usize,
}

/// A plan that would overwrite values before they were read: a defect of this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory plan: {problem}")]
pub struct PlanError {
    /// Which kernel, and what it would overwrite.
    pub problem: String,
}

/// The smallest arena for these kernels.
///
/// # Errors
/// The plan fails its own check: a defect.
pub fn plan(kernels: &[Kernel]) -> Result<Plan, PlanError> {
    let between = &kernels[..kernels.len() - 1];
    let lengths: Vec<usize> = between.iter().map(|kernel| kernel.output.len()).collect();
    let leads: Vec<usize> = kernels[1..].iter().map(lead).collect();
    let (mut too_small, mut enough) = (None, lengths.iter().sum());
    // Bisection between the largest buffer, which may be enough, and all of them side by side.
    let mut trial = lengths.iter().copied().max().unwrap_or(0);
    while trial < enough {
        match places(&lengths, &leads, trial) {
            Some(_) => enough = trial,
            None => too_small = Some(trial),
        }
        trial = too_small.map_or(enough, |small| usize::midpoint(small + 1, enough));
    }
    let offsets = places(&lengths, &leads, enough).expect("side by side there is room for all");
    let buffer = |((kernel, length), offset): ((&Kernel, &usize), usize)| Buffer {
        name: kernel.name.clone(),
        offset_bytes: offset * FLOAT_BYTES,
        length_bytes: length * FLOAT_BYTES,
    };
    let buffers = between.iter().zip(&lengths).zip(offsets).map(buffer).collect();
    let plan = Plan { buffers, arena_bytes: enough * FLOAT_BYTES };
    plan.check(kernels)?;
    Ok(plan)
}

/// Offsets of buffers in an arena of `size` values, if there is room. `leads[k]` is that of the
/// kernel that reads buffer k.
fn places(lengths: &[usize], leads: &[usize], size: usize) -> Option<Vec<usize>> {
    let mut reachable: Vec<(usize, usize)> = Vec::with_capacity(lengths.len());
    for (k, &length) in lengths.iter().enumerate() {
        let highest = size.checked_sub(length)?;
        let Some(&(smallest, largest)) = reachable.last() else {
            reachable.push((0, highest));
            continue;
        };
        let below = largest.checked_sub(leads[k - 1]).map(|offset| offset.min(highest));
        let above = Some(smallest + lengths[k - 1]).filter(|&offset| offset <= highest);
        reachable.push(match (below, above) {
            (Some(_), Some(_)) => (0, highest),
            (Some(below), None) => (0, below),
            (None, Some(above)) => (above, highest),
            (None, None) => return None,
        });
    }
    let mut offsets: Vec<usize> = vec![];
    for (k, &(smallest, largest)) in reachable.iter().enumerate().rev() {
        offsets.push(match offsets.last() {
            None => smallest,
            Some(next) if next + leads[k] <= largest => largest,
            Some(_) => smallest,
        });
    }
    offsets.reverse();
    Some(offsets)
}

/// How many values before its input a kernel's output must begin at least, if they overlap: the
/// most that it has written at any time beyond the first value that it has still to read.
pub fn lead(kernel: &Kernel) -> usize {
    let steps = steps(kernel);
    steps.iter().map(|step| step.written.saturating_sub(step.first_needed)).max().unwrap_or(0)
}

/// A moment in the run of a kernel.
struct Step {
    /// Values of the output written so far.
    written: usize,
    /// First value of the input that is still to be read.
    first_needed: usize,
}

fn steps(kernel: &Kernel) -> Vec<Step> {
    let (input, output) = (kernel.input, kernel.output);
    match kernel.operation {
        // Copied at once, then changed in place.
        Operation::Copy => vec![Step { written: output.len(), first_needed: output.len() }],
        // Every group of outputs reads the whole input.
        Operation::Dense => vec![Step { written: output.len(), first_needed: 0 }],
        // Channel by channel: none is written before all of its values were read.
        Operation::MaxPool2d(window)
        | Operation::AveragePool2d(window)
        | Operation::DepthwiseConv2d(window) => window_steps(input, output, window, 0),
        // Some channels of all pixels at once are written before the next channels are computed.
        Operation::Conv2d { window, pool: None } => {
            window_steps(input, output, window, TILE_PIXELS)
        }
        Operation::Conv2d { window, pool: Some(pool) } => {
            let stride = [0, 1].map(|axis| window.stride[axis] * pool.stride[axis]);
            window_steps(input, output, Window { stride, ..window }, 1)
        }
    }
}

/// Steps of a kernel that slides `window` over its input and still reads the input of a pixel when
/// `ahead` pixels from there on are written, in groups of as many.
fn window_steps(input: Shape, output: Shape, window: Window, ahead: usize) -> Vec<Step> {
    let first_read = |pixel: usize| {
        let row =
            (pixel / output.width * window.stride[0]).saturating_sub(window.padding_before[0]);
        let column =
            (pixel % output.width * window.stride[1]).saturating_sub(window.padding_before[1]);
        (row * input.width + column) * input.channels
    };
    let total = output.height * output.width;
    let mut steps: Vec<Step> = vec![];
    let mut first_needed = usize::MAX;
    for pixel in (0..total).rev() {
        first_needed = first_needed.min(first_read(pixel));
        if pixel % ahead.max(1) == 0 {
            let written = (pixel + ahead).min(total) * output.channels;
            steps.push(Step { written, first_needed });
        }
    }
    steps.reverse();
    steps
}

impl Plan {
    /// Proves that no kernel writes over a value that it has still to read, or outside the arena.
    ///
    /// # Errors
    /// Names the first kernel that would.
    pub fn check(&self, kernels: &[Kernel]) -> Result<(), PlanError> {
        for buffer in &self.buffers {
            if buffer.offset_bytes + buffer.length_bytes > self.arena_bytes {
                let problem = format!("the output of {} leaves the arena", buffer.name);
                return Err(PlanError { problem });
            }
        }
        for (pair, kernel) in self.buffers.windows(2).zip(&kernels[1..]) {
            let [input, output] = pair else { unreachable!("windows of two") };
            let apart = output.offset_bytes >= input.offset_bytes + input.length_bytes;
            let safe = |step: &Step| {
                output.offset_bytes + step.written * FLOAT_BYTES
                    <= input.offset_bytes + step.first_needed * FLOAT_BYTES
            };
            if !apart && !steps(kernel).iter().all(safe) {
                let problem = format!("{} would overwrite its own input", kernel.name);
                return Err(PlanError { problem });
            }
        }
        Ok(())
    }
}

/// A table of the buffers, with a bar each that shows its place in the arena.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BAR: usize = 40;
        let widest = self.buffers.iter().map(|buffer| buffer.name.len()).max().unwrap_or(0).max(6);
        let column = |bytes: usize| (bytes * BAR).div_ceil(self.arena_bytes.max(1));
        writeln!(f, "{:widest$}  {:>8}  {:>8}  place in the arena", "output", "offset", "bytes")?;
        for buffer in &self.buffers {
            let start = buffer.offset_bytes * BAR / self.arena_bytes;
            let end = column(buffer.offset_bytes + buffer.length_bytes).max(start + 1);
            let bar = format!(
                "{}{}{}",
                "·".repeat(start),
                "█".repeat(end - start),
                "·".repeat(BAR.saturating_sub(end))
            );
            let (name, offset, length) = (&buffer.name, buffer.offset_bytes, buffer.length_bytes);
            writeln!(f, "{name:widest$}  {offset:>8}  {length:>8}  {bar}")?;
        }
        write!(f, "{:widest$}  {:>8}  {:>8}", "arena", "", self.arena_bytes)
    }
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Activation, Layer, Network, Padding};
    use proptest::prelude::*;

    use super::*;
    use crate::lower::lower;

    fn kernels(input: Shape, layers: &[Layer]) -> Vec<Kernel> {
        lower(&Network::chain(input, layers).unwrap()).unwrap()
    }

    fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding) -> Layer {
        Layer::Conv2d {
            filters,
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1, 1],
            padding,
        }
    }

    fn pool(window: usize) -> Layer {
        Layer::MaxPool2d { window: [window; 2], stride: [window; 2] }
    }

    const RELU: Layer = Layer::Activation(Activation::Relu);

    #[test]
    fn the_first_baseline_keeps_its_pooled_map_and_one_dense_output() {
        let dense = Layer::Dense { units: 128 };
        let conv = conv(128, 2, 1, Padding::Valid);
        let layers = [conv, RELU, pool(2), Layer::Flatten, dense, RELU, dense, RELU, dense];
        let plan = plan(&kernels(Shape::new(90, 3, 1), &layers)).unwrap();
        // 44 × 1 × 128 floats of the pooled map and 128 of the first dense layer.
        assert_eq!(plan.arena_bytes, (44 * 128 + 128) * 4);
    }

    #[test]
    fn a_convolution_writes_over_its_dying_input() {
        // A 3×3 window on 32×32×32 and 2×2 pooling: each step reads what begins two rows further,
        // and only the first pixel is written before its input was read for the last time.
        let layers =
            [conv(32, 3, 1, Padding::Same), conv(32, 3, 1, Padding::Valid), pool(2), pool(1)];
        let kernels = kernels(Shape::new(32, 32, 3), &layers);
        assert_eq!(kernels.len(), 2);
        assert_eq!(lead(&kernels[1]), 32);
    }

    #[test]
    fn a_max_pooling_needs_no_lead() {
        let layers = [
            pool(2),
            conv(3, 1, 1, Padding::Valid),
            Layer::MaxPool2d { window: [2, 3], stride: [1, 2] },
        ];
        let kernels = kernels(Shape::new(20, 20, 3), &layers);
        assert_eq!(lead(&kernels[0]), 0);
        assert_eq!(lead(&kernels[2]), 0);
    }

    #[test]
    fn a_plan_that_overwrites_is_refused() {
        let layers =
            [Layer::Dense { units: 8 }, Layer::Dense { units: 4 }, Layer::Dense { units: 2 }];
        let kernels = kernels(Shape::vector(3), &layers);
        let mut plan = plan(&kernels).unwrap();
        plan.buffers[1].offset_bytes = plan.buffers[0].offset_bytes + 4;
        insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: dense_2 would overwrite its own input");
        plan.arena_bytes -= 1;
        insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: the output of dense_1 leaves the arena");
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

    /// A chain of at most eight layers, as far as they can be built, and two dense layers.
    fn any_kernels() -> impl Strategy<Value = Vec<Kernel>> {
        let input = (1..12usize, 1..12usize, 1..5usize);
        (input, prop::collection::vec(any_layer(), 0..8)).prop_map(|((h, w, c), wanted)| {
            let input = Shape::new(h, w, c);
            let mut layers = vec![];
            for layer in wanted {
                layers.push(layer);
                if Network::chain(input, &layers).is_err() {
                    layers.pop();
                }
            }
            layers.extend([Layer::Flatten, Layer::Dense { units: 5 }, Layer::Dense { units: 3 }]);
            kernels(input, &layers)
        })
    }

    /// What the kernel in C does to memory, spelled out: calls `read` and `write` with indices.
    fn replay(kernel: &Kernel, read: &mut dyn FnMut(usize), write: &mut dyn FnMut(usize)) {
        let (input, output) = (kernel.input, kernel.output);
        let mut read_window =
            |window: Window, row: usize, column: usize, channels: std::ops::Range<usize>| {
                for i in 0..window.size[0] {
                    for j in 0..window.size[1] {
                        let [y, x] = [(0, row, i), (1, column, j)].map(|(axis, position, tap)| {
                            let place =
                                position * window.stride[axis] + tap * window.dilation[axis];
                            place.wrapping_sub(window.padding_before[axis])
                        });
                        if y < input.height && x < input.width {
                            channels
                                .clone()
                                .for_each(|c| read((y * input.width + x) * input.channels + c));
                        }
                    }
                }
            };
        let pixels: Vec<usize> = (0..output.height * output.width).collect();
        match kernel.operation {
            Operation::Copy => {
                (0..output.len()).for_each(read);
                (0..output.len()).for_each(write);
            }
            Operation::Dense => (0..output.len()).for_each(|unit| {
                (0..input.len()).for_each(&mut *read);
                write(unit);
            }),
            Operation::MaxPool2d(window)
            | Operation::AveragePool2d(window)
            | Operation::DepthwiseConv2d(window) => pixels.iter().for_each(|pixel| {
                for channel in 0..output.channels {
                    read_window(
                        window,
                        pixel / output.width,
                        pixel % output.width,
                        channel..channel + 1,
                    );
                    write(pixel * output.channels + channel);
                }
            }),
            Operation::Conv2d { window, pool } => {
                let group = if pool.is_some() { 1 } else { 4 };
                for pixels in pixels.chunks(group) {
                    for channel in 0..output.channels {
                        for pixel in pixels {
                            let (row, column) = (pixel / output.width, pixel % output.width);
                            let Some(pool) = pool else {
                                read_window(window, row, column, 0..input.channels);
                                continue;
                            };
                            for i in 0..pool.size[0] {
                                for j in 0..pool.size[1] {
                                    let (row, column) =
                                        (row * pool.stride[0] + i, column * pool.stride[1] + j);
                                    read_window(window, row, column, 0..input.channels);
                                }
                            }
                        }
                        pixels.iter().for_each(|pixel| write(pixel * output.channels + channel));
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Each cell of the arena remembers who wrote it last: every read finds its own value.
        #[test]
        fn no_value_is_overwritten_before_it_was_read(kernels in any_kernels()) {
            let plan = plan(&kernels).unwrap();
            let arena = std::cell::RefCell::new(vec![None; plan.arena_bytes / 4]);
            for (k, kernel) in kernels.iter().enumerate() {
                let offset = |buffer: usize| plan.buffers[buffer].offset_bytes / 4;
                let mut intact = true;
                let mut read = |index: usize| {
                    let expected = Some((k.wrapping_sub(1), index));
                    intact &= k == 0 || arena.borrow()[offset(k - 1) + index] == expected;
                };
                let mut write = |index: usize| {
                    if k < plan.buffers.len() {
                        arena.borrow_mut()[offset(k) + index] = Some((k, index));
                    }
                };
                replay(kernel, &mut read, &mut write);
                prop_assert!(intact, "{} reads overwritten values\n{plan}", kernel.name);
            }
        }

        #[test]
        fn no_plan_is_larger_than_two_buffers_side_by_side(kernels in any_kernels()) {
            let plan = plan(&kernels).unwrap();
            let lengths: Vec<usize> = plan.buffers.iter().map(|buffer| buffer.length_bytes).collect();
            let neighbours = lengths.windows(2).map(|pair| pair[0] + pair[1]).max();
            prop_assert!(plan.arena_bytes <= neighbours.unwrap_or(lengths[0]));
            prop_assert!(plan.arena_bytes >= lengths.iter().copied().max().unwrap());
        }
    }
}
