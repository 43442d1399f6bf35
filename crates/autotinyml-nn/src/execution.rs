//! A network laid out to run: its operators in order and the buffers between them, allocated once.
//!
//! Operators that look at one value at a time work in place where that loses nothing, and a
//! monotone activation before a max pooling runs behind it: the same result from fewer values.

use crate::layer::activation::Elementwise;
use crate::layer::add::add;
use crate::layer::{self, InPlace, Operator, Reads, Trained, Use};
use crate::network::readers;
use crate::optimizer;
use crate::{Layer, Network, Node, Source};

/// Values of one map, of all samples that run at a time: 1 GiB of them.
pub(crate) const VALUES_MAX: usize = 1 << 28;

/// Values of the largest map of a network that trains on batches of this size.
pub(crate) fn values_max(network: &Network, batch: usize) -> usize {
    let of_nodes = network.nodes.iter().map(|node| layer::values_max(node, batch));
    of_nodes.fold(batch.saturating_mul(network.input.len()), usize::max)
}

/// A network with buffers for batches up to a given size.
pub(crate) struct Execution {
    steps: Vec<Step>,
    /// Values between the steps; the first holds the inputs.
    buffers: Vec<Buffer>,
    /// For the gradient of a buffer from one reader, before it is added to that from another; empty
    /// where no such reader needs it.
    gradient: Vec<f32>,
}

/// One operator with what it reads and writes.
struct Step {
    node: usize,
    operator: Operator,
    /// Two of a sum; for an operator that works in place what it writes.
    reads: Vec<Read>,
    /// Index of a buffer.
    writes: usize,
}

/// What a step reads.
struct Read {
    /// Index of a buffer.
    buffer: usize,
    /// Whether the buffer holds its gradient from another reader already when this one's turn comes,
    /// backwards. Which one is first never changes, and so neither do the bits of the sum.
    adds_gradient: bool,
}

/// Values of a batch.
struct Buffer {
    /// Values of one sample.
    length: usize,
    values: Vec<f32>,
    /// Gradient of each value; empty where nobody needs it.
    gradient: Vec<f32>,
    /// Whether several nodes read these values as they are.
    is_shared: bool,
}

impl Execution {
    /// Lays out nodes for batches of up to `batch` samples.
    pub(crate) fn new(input_len: usize, nodes: &[Node], batch: usize, purpose: Use) -> Self {
        let mut execution = Self { steps: vec![], buffers: vec![], gradient: vec![] };
        let of_input = nodes.iter().flat_map(|node| &node.inputs);
        let of_input = of_input.filter(|source| **source == Source::Input).count();
        execution.add_buffer(input_len, batch, false);
        execution.buffers[0].is_shared = of_input > 1;
        let readers = readers(nodes);
        // For each place of the order the buffer with the values behind it.
        let mut buffers: Vec<usize> = Vec::with_capacity(nodes.len());
        for (place, index) in order(nodes, &readers).into_iter().enumerate() {
            let sources = nodes[place].inputs.iter().map(|source| match *source {
                Source::Input => 0,
                Source::Node(place) => buffers[place],
            });
            let reads: Vec<usize> = sources.collect();
            let writes = match Operator::new(index, &nodes[index], batch, purpose) {
                Some(operator) => {
                    execution.push(index, &nodes[index], operator, reads, batch, purpose)
                }
                None => reads[0],
            };
            execution.buffers[writes].is_shared |= readers[place] > 1;
            buffers.push(writes);
        }
        execution.arrange_gradients();
        execution
    }

    /// Adds a step; the buffer that it writes.
    fn push(
        &mut self,
        index: usize,
        node: &Node,
        operator: Operator,
        reads: Vec<usize>,
        batch: usize,
        purpose: Use,
    ) -> usize {
        let first = &self.buffers[reads[0]];
        let length = match operator {
            Operator::Transform(_) | Operator::Add => node.output.len(),
            Operator::InPlace(_) => first.length,
        };
        let in_place = match (&operator, purpose) {
            (Operator::Transform(_) | Operator::Add, _) => false,
            (Operator::InPlace(_), _) if first.is_shared => false,
            (Operator::InPlace(_), Use::Inference) => true,
            (Operator::InPlace(operator), Use::Training { .. }) => {
                let writer = self.steps.iter().rfind(|step| step.writes == reads[0]);
                writer.is_none_or(|step| step.operator.allows_in_place(operator))
            }
        };
        let writes = if in_place {
            reads[0]
        } else {
            let passes_on = reads.iter().any(|&read| !self.buffers[read].gradient.is_empty());
            let needs_gradient =
                purpose != Use::Inference && (node.layer.has_weights() || passes_on);
            self.add_buffer(length, batch, needs_gradient)
        };
        let reads = reads.into_iter().map(|buffer| Read { buffer, adds_gradient: false }).collect();
        self.steps.push(Step { node: index, operator, reads, writes });
        writes
    }

    fn add_buffer(&mut self, length: usize, batch: usize, needs_gradient: bool) -> usize {
        self.buffers.push(Buffer::new(length, batch, needs_gradient));
        self.buffers.len() - 1
    }

    /// Settles which readers of a buffer add their gradient to another's.
    fn arrange_gradients(&mut self) {
        let mut has_gradient = vec![false; self.buffers.len()];
        for step in self.steps.iter_mut().rev() {
            for read in step.reads.iter_mut().filter(|read| read.buffer != step.writes) {
                read.adds_gradient = has_gradient[read.buffer];
                has_gradient[read.buffer] = true;
                if let (true, Operator::Transform(_)) = (read.adds_gradient, &step.operator) {
                    let length = self.buffers[read.buffer].gradient.len();
                    self.gradient.resize(self.gradient.len().max(length), 0.0);
                }
            }
        }
    }

    /// Where the inputs of `batch` samples are to be written before `forward`.
    pub(crate) fn input(&mut self, batch: usize) -> &mut [f32] {
        self.buffers[0].of(batch).0
    }

    /// Runs `batch` samples; `output` has the result. `weights` gives those of a node; `step` chooses what dropout drops.
    pub(crate) fn forward<'w>(
        &mut self,
        weights: impl Fn(usize) -> Reads<'w>,
        batch: usize,
        step: u64,
    ) {
        for Step { node, operator, reads, writes } in &mut self.steps {
            let (before, after) = self.buffers.split_at_mut(*writes);
            let (output, _) = after[0].of(batch);
            let input = |read: usize| before[reads[read].buffer].values(batch);
            match operator {
                Operator::Transform(transform) => {
                    transform.forward(weights(*node), input(0), output);
                }
                Operator::InPlace(in_place) => {
                    if reads[0].buffer != *writes {
                        output.copy_from_slice(input(0));
                    }
                    in_place.forward(output, step);
                }
                Operator::Add => {
                    output.copy_from_slice(input(0));
                    add(input(1), output);
                }
            }
        }
    }

    /// What the last `forward` of `batch` samples wrote, and the place for its gradient.
    pub(crate) fn output(&mut self, batch: usize) -> (&mut [f32], &mut [f32]) {
        self.buffers.last_mut().expect("there is an input").of(batch)
    }

    /// From the gradient of the output backwards, moves all parameters by one optimizer step.
    pub(crate) fn backward(
        &mut self,
        trained: &mut [Option<Trained>],
        optimizer: &optimizer::Step,
        batch: usize,
    ) {
        for Step { node, operator, reads, writes } in self.steps.iter_mut().rev() {
            let (before, after) = self.buffers.split_at_mut(*writes);
            let (output, output_gradient) = after[0].of(batch);
            if output_gradient.is_empty() {
                continue;
            }
            if let Operator::InPlace(in_place) = operator {
                in_place.backward(output, output_gradient);
            }
            for read in reads {
                // None: worked in place.
                let Some(source) = before.get_mut(read.buffer) else { continue };
                let (input, gradient) = source.of(batch);
                match operator {
                    Operator::Transform(transform) => {
                        let asked = match read.adds_gradient {
                            true => &mut self.gradient[..gradient.len()],
                            false => &mut *gradient,
                        };
                        let asked = Some(asked).filter(|gradient| !gradient.is_empty());
                        let trained = trained[*node].as_mut();
                        transform.backward(trained, optimizer, input, output_gradient, asked);
                        if read.adds_gradient {
                            add(&self.gradient[..gradient.len()], gradient);
                        }
                    }
                    _ if gradient.is_empty() => {}
                    _ if read.adds_gradient => add(output_gradient, gradient),
                    _ => gradient.copy_from_slice(output_gradient),
                }
            }
        }
    }
}

impl Buffer {
    fn new(length: usize, batch: usize, needs_gradient: bool) -> Self {
        let gradient = vec![0.0; if needs_gradient { batch * length } else { 0 }];
        Self { length, values: vec![0.0; batch * length], gradient, is_shared: false }
    }

    /// Values of the first `batch` samples.
    fn values(&self, batch: usize) -> &[f32] {
        &self.values[..batch * self.length]
    }

    /// Values and gradients of the first `batch` samples.
    fn of(&mut self, batch: usize) -> (&mut [f32], &mut [f32]) {
        let length = batch * self.length;
        let gradient = self.gradient.get_mut(..length).unwrap_or_default();
        (&mut self.values[..length], gradient)
    }
}

impl Operator {
    /// Whether the next operator may overwrite what this one wrote, although its gradient follows.
    fn allows_in_place(&self, next: &InPlace) -> bool {
        match (self, next) {
            // Its gradient asks where the output is positive; where dropout hides that, the
            // gradient is already zero.
            (Self::InPlace(InPlace::Elementwise(Elementwise::Relu)), InPlace::Dropout(_)) => true,
            (Self::InPlace(InPlace::Elementwise(_) | InPlace::Softmax(_)), _) => false,
            // What stands before a dropout may share its buffer, and still need its values.
            (Self::InPlace(InPlace::Dropout(_)), next) => matches!(next, InPlace::Dropout(_)),
            (Self::InPlace(InPlace::HardSwish(_)) | Self::Transform(_) | Self::Add, _) => true,
        }
    }
}

/// Which node runs in the place of which: as described, except that a max pooling goes before a
/// monotone activation that nobody else reads.
fn order(nodes: &[Node], readers: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    for index in 1..nodes.len() {
        let commute = match (nodes[index - 1].layer, nodes[index].layer) {
            (Layer::Activation(activation), Layer::MaxPool2d { .. }) => activation.is_monotone(),
            _ => false,
        };
        let reads_it = nodes[index].inputs == [Source::Node(index - 1)];
        if commute && reads_it && readers[index - 1] == 1 {
            order.swap(index - 1, index);
        }
    }
    order
}
