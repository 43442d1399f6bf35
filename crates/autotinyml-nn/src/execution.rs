//! A network laid out to run: its operators in order and the buffers between them, allocated once.
//!
//! Operators that look at one value at a time work in place where that loses nothing, and a
//! monotone activation before a max pooling runs behind it: the same result from fewer values.

use crate::layer::activation::Elementwise;
use crate::layer::{InPlace, Operator, Reads, Trained, Use};
use crate::optimizer;
use crate::{Layer, Node};

/// A network with buffers for batches up to a given size.
pub(crate) struct Execution {
    steps: Vec<Step>,
    /// Values between the steps; the first holds the inputs.
    buffers: Vec<Buffer>,
}

/// One operator with what it reads and writes.
struct Step {
    node: usize,
    operator: Operator,
    /// Index of a buffer; the same as `writes` for an operator that works in place.
    reads: usize,
    /// Index of a buffer.
    writes: usize,
}

/// Values of a batch.
struct Buffer {
    /// Values of one sample.
    length: usize,
    values: Vec<f32>,
    /// Gradient of each value; empty where nobody needs it.
    gradient: Vec<f32>,
}

impl Execution {
    /// Lays out a chain of nodes for batches of up to `batch` samples.
    pub(crate) fn new(input_len: usize, nodes: &[Node], batch: usize, purpose: Use) -> Self {
        let mut execution =
            Self { steps: vec![], buffers: vec![Buffer::new(input_len, batch, false)] };
        for index in order(nodes) {
            if let Some(operator) = Operator::new(index, &nodes[index], batch, purpose) {
                execution.push(index, &nodes[index], operator, batch, purpose);
            }
        }
        execution
    }

    fn push(&mut self, index: usize, node: &Node, operator: Operator, batch: usize, purpose: Use) {
        let reads = self.buffers.len() - 1;
        let read = &self.buffers[reads];
        let length = match operator {
            Operator::Transform(_) => node.output.len(),
            Operator::InPlace(_) => read.length,
        };
        let in_place = match (&operator, purpose) {
            (Operator::Transform(_), _) => false,
            (Operator::InPlace(_), Use::Inference) => true,
            (Operator::InPlace(operator), Use::Training { .. }) => {
                self.steps.last().is_none_or(|step| step.operator.allows_in_place(operator))
            }
        };
        if !in_place {
            let needs_gradient = node.layer.has_weights() || !read.gradient.is_empty();
            let needs_gradient = purpose != Use::Inference && needs_gradient;
            self.buffers.push(Buffer::new(length, batch, needs_gradient));
        }
        let writes = self.buffers.len() - 1;
        self.steps.push(Step { node: index, operator, reads, writes });
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
            match operator {
                Operator::Transform(transform) => {
                    transform.forward(weights(*node), before[*reads].of(batch).0, output);
                }
                Operator::InPlace(in_place) => {
                    if reads != writes {
                        output.copy_from_slice(before[*reads].of(batch).0);
                    }
                    in_place.forward(output, step);
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
            let source = before.get_mut(*reads).map(|buffer| buffer.of(batch));
            match (operator, source) {
                (Operator::Transform(transform), Some((input, input_gradient))) => {
                    let input_gradient =
                        Some(input_gradient).filter(|gradient| !gradient.is_empty());
                    let trained = trained[*node].as_mut();
                    transform.backward(trained, optimizer, input, output_gradient, input_gradient);
                }
                (Operator::InPlace(in_place), source) => {
                    in_place.backward(output, output_gradient);
                    if let Some((_, input_gradient)) = source {
                        input_gradient.copy_from_slice(output_gradient);
                    }
                }
                (Operator::Transform(_), None) => unreachable!("a transform reads another buffer"),
            }
        }
    }
}

impl Buffer {
    fn new(length: usize, batch: usize, needs_gradient: bool) -> Self {
        let gradient = vec![0.0; if needs_gradient { batch * length } else { 0 }];
        Self { length, values: vec![0.0; batch * length], gradient }
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
            (Self::InPlace(InPlace::HardSwish(_)) | Self::Transform(_), _) => true,
        }
    }
}

/// The order in which a chain runs: as described, except that a max pooling goes before a monotone
/// activation.
fn order(nodes: &[Node]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    for index in 1..nodes.len() {
        let commute = match (nodes[index - 1].layer, nodes[index].layer) {
            (Layer::Activation(activation), Layer::MaxPool2d { .. }) => activation.is_monotone(),
            _ => false,
        };
        if commute {
            order.swap(index - 1, index);
        }
    }
    order
}
