//! From a network's nodes to the kernels that run it, by a list of named passes. After each pass
//! the kernels are checked: each reads what one before it writes, and as many values, every node with
//! weights has its kernel, and the last one writes the network's output.
//!
//! Weights are not looked at: a dense kernel is the same whether its weights are floats or indices.

use autotinyml_nn::{Activation, Layer, Network, Node, Padding, Shape, Source, extent};

use crate::fold::fold_network;

/// One call of a C function, see `c/kernels/autotinyml.h`.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// A C identifier, unique in the network: the name of the first node it stands for.
    pub name: String,
    /// What it does.
    pub operation: Operation,
    /// Applied to what the operation wrote, to the channels of each pixel.
    pub activation: Option<Activation>,
    /// Node of the network whose weights it reads.
    pub weights: Option<usize>,
    /// What it reads: two of an [`Operation::Add`], one of any other. Values have the name of the node
    /// of the network that they are the output of.
    pub inputs: Vec<Source>,
    /// Node of the network whose output it writes: the last one that it stands for.
    pub writes: usize,
    /// Whether it reads what ReLU, or its like that ends at 6, writes: many zeros.
    pub reads_zeros: bool,
    /// Shape of each that it reads.
    pub input: Shape,
    /// Shape of what it writes.
    pub output: Shape,
}

/// What a kernel does before its activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A convolution and, if there is a `pool`, the largest value of each of its windows.
    Conv2d {
        /// Slides over the input.
        window: Window,
        /// Slides over what the convolution computes, which is never stored as a whole.
        pool: Option<Window>,
    },
    /// A convolution of each channel by itself.
    DepthwiseConv2d(Window),
    /// The largest value of each window and channel.
    MaxPool2d(Window),
    /// The mean of each window and channel.
    AveragePool2d(Window),
    /// The mean of each channel.
    GlobalAveragePool2d,
    /// A fully connected layer.
    Dense,
    /// The sum of two inputs, value by value.
    Add,
    /// Nothing: at first what dropout, flatten and activations do, in the end only an activation
    /// that no kernel before it could take in, or a network that does nothing at all.
    Copy,
}

impl Operation {
    /// Whether each value of its input is added to sums, so that any number of pixels at a time will do.
    pub fn adds_up(self) -> bool {
        matches!(self, Self::Dense | Self::GlobalAveragePool2d)
    }
}

/// A window that slides over a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub size: [usize; 2],
    /// Step down and to the right.
    pub stride: [usize; 2],
    /// Rows and columns of zeros before the map.
    pub padding_before: [usize; 2],
    /// Distance of the pixels under it, down and to the right.
    pub dilation: [usize; 2],
}

impl Window {
    /// Of single values.
    pub const SINGLE: Self =
        Self { size: [1; 2], stride: [1; 2], padding_before: [0; 2], dilation: [1; 2] };

    fn of_kernel(
        size: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
        input: Shape,
    ) -> Self {
        let extent = extent(size, dilation);
        let before = |axis: usize, length| padding.before(length, extent[axis], stride[axis]);
        let padding_before = [before(0, input.height), before(1, input.width)];
        Self { size, stride, padding_before, dilation }
    }

    fn of_pooling(size: [usize; 2], stride: [usize; 2]) -> Self {
        Self { size, stride, padding_before: [0, 0], dilation: [1, 1] }
    }
}

/// A pass left kernels that do not fit together: a defect of this crate, never of the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lowering pass {pass}: {problem}")]
pub struct LowerError {
    /// Name of the pass.
    pub pass: &'static str,
    /// What does not fit.
    pub problem: String,
}

type Pass = fn(Vec<Kernel>) -> Vec<Kernel>;

const PASSES: [(&str, Pass); 4] = [
    ("drop-copies", drop_copies),
    ("attach-activations", attach_activations),
    ("fuse-pooling", fuse_pooling),
    ("find-zeros", find_zeros),
];

/// The kernels that compute `network` when run one after the other; never empty. Its batch
/// normalisations are [folded](mod@crate::fold) away, and its weights those of what is left.
///
/// # Errors
/// Names the pass after which the kernels no longer fit together.
pub fn lower(network: &Network) -> Result<Vec<Kernel>, LowerError> {
    let network = &*fold_network(network);
    let mut kernels: Vec<Kernel> = network.nodes.iter().enumerate().map(from_node).collect();
    check("from-nodes", network, &kernels)?;
    for (name, pass) in PASSES {
        kernels = pass(kernels);
        check(name, network, &kernels)?;
    }
    Ok(kernels)
}

fn from_node((index, node): (usize, &Node)) -> Kernel {
    let operation = match node.layer {
        Layer::Conv2d { kernel, stride, dilation, padding, .. } => Operation::Conv2d {
            window: Window::of_kernel(kernel, stride, dilation, padding, node.input),
            pool: None,
        },
        Layer::DepthwiseConv2d { kernel, stride, dilation, padding } => {
            let window = Window::of_kernel(kernel, stride, dilation, padding, node.input);
            Operation::DepthwiseConv2d(window)
        }
        Layer::MaxPool2d { window, stride } => {
            Operation::MaxPool2d(Window::of_pooling(window, stride))
        }
        Layer::AveragePool2d { window, .. } if window == [node.input.height, node.input.width] => {
            Operation::GlobalAveragePool2d
        }
        Layer::AveragePool2d { window, stride } => {
            Operation::AveragePool2d(Window::of_pooling(window, stride))
        }
        Layer::GlobalAveragePool2d => Operation::GlobalAveragePool2d,
        Layer::BatchNorm { .. } => unreachable!("folded before"),
        Layer::Dense { .. } => Operation::Dense,
        Layer::Dropout { .. } | Layer::Flatten | Layer::Series | Layer::Activation(_) => {
            Operation::Copy
        }
        Layer::Add => Operation::Add,
    };
    let activation = match node.layer {
        Layer::Activation(activation) => Some(activation),
        _ => None,
    };
    Kernel {
        name: node.name.clone(),
        operation,
        activation,
        weights: node.layer.has_weights().then_some(index),
        inputs: node.inputs.clone(),
        writes: index,
        reads_zeros: false,
        input: node.input,
        output: node.output,
    }
}

/// Takes out kernels that change nothing: dropout, flatten, pooling of single values. Who read them
/// reads what they read.
fn drop_copies(kernels: Vec<Kernel>) -> Vec<Kernel> {
    let copies = |kernel: &Kernel| match kernel.operation {
        Operation::Copy => kernel.activation.is_none(),
        Operation::MaxPool2d(window) | Operation::AveragePool2d(window) => {
            window.size == [1, 1] && window.stride == [1, 1]
        }
        Operation::GlobalAveragePool2d => kernel.input == kernel.output,
        Operation::Conv2d { .. }
        | Operation::DepthwiseConv2d(_)
        | Operation::Dense
        | Operation::Add => false,
    };
    let mut kept: Vec<Kernel> = vec![];
    // What each node's readers read now.
    let mut places: Vec<Source> = vec![];
    let (first, last) = (kernels[0].name.clone(), kernels.len() - 1);
    for (index, mut kernel) in kernels.into_iter().enumerate() {
        for source in &mut kernel.inputs {
            if let Source::Node(node) = *source {
                *source = places[node];
            }
        }
        let is_copy = copies(&kernel);
        places.push(if is_copy { kernel.inputs[0] } else { Source::Node(index) });
        match kept.last_mut() {
            _ if !is_copy => kept.push(kernel),
            // Its only source, as nothing else leads to the output.
            Some(before) if index == last => before.writes = index,
            None if index == last => {
                let (name, operation) = (first.clone(), Operation::Copy);
                kept.push(Kernel { name, operation, ..kernel });
            }
            _ => {}
        }
    }
    kept
}

/// Lets a kernel apply the activation that follows it.
fn attach_activations(kernels: Vec<Kernel>) -> Vec<Kernel> {
    merge(kernels, |kernel, next| {
        let free = kernel.activation.is_none() && next.operation == Operation::Copy;
        // The channels of a pixel are the whole vector only if there is one pixel.
        let whole = next.activation != Some(Activation::Softmax)
            || kernel.output.channels == kernel.output.len();
        (free && whole).then(|| Kernel { activation: next.activation, ..kernel.clone() })
    })
}

/// Lets a convolution keep only the largest value of each pooling window. Windows that overlap are
/// left to a kernel of their own: fused, their common pixels would be computed twice.
///
/// `max(f(x)) = f(max(x))` for the monotone activations, so that the activation may come last.
fn fuse_pooling(kernels: Vec<Kernel>) -> Vec<Kernel> {
    merge(kernels, |kernel, next| {
        let (Operation::Conv2d { window, pool: None }, Operation::MaxPool2d(pool)) =
            (kernel.operation, next.operation)
        else {
            return None;
        };
        let apart = pool.stride[0] >= pool.size[0] && pool.stride[1] >= pool.size[1];
        let activation = match (kernel.activation, next.activation) {
            (Some(first), _) if !first.is_monotone() => return None,
            (Some(_), Some(_)) => return None,
            (first, second) => first.or(second),
        };
        apart.then(|| Kernel {
            operation: Operation::Conv2d { window, pool: Some(pool) },
            activation,
            output: next.output,
            ..kernel.clone()
        })
    })
}

/// Marks the kernels that read what ReLU writes, or the largest values of windows of it.
fn find_zeros(mut kernels: Vec<Kernel>) -> Vec<Kernel> {
    let mut sparse: Vec<Source> = vec![];
    for kernel in &mut kernels {
        kernel.reads_zeros = kernel.inputs.iter().any(|input| sparse.contains(input));
        let writes_zeros = match (kernel.activation, kernel.operation) {
            (Some(Activation::Relu | Activation::Relu6), _) => true,
            (None, Operation::MaxPool2d(_)) => kernel.reads_zeros,
            _ => false,
        };
        if writes_zeros {
            sparse.push(Source::Node(kernel.writes));
        }
    }
    kernels
}

/// Replaces a kernel and its only reader, which reads nothing else, by what `join` makes of them.
fn merge(kernels: Vec<Kernel>, join: impl Fn(&Kernel, &Kernel) -> Option<Kernel>) -> Vec<Kernel> {
    let sources: Vec<Source> = kernels.iter().flat_map(|kernel| &kernel.inputs).copied().collect();
    let is_only = |source: Source| sources.iter().filter(|other| **other == source).count() == 1;
    let mut merged: Vec<Kernel> = Vec::with_capacity(kernels.len());
    for kernel in kernels {
        let before = merged.iter_mut().find(|before| {
            kernel.inputs == [Source::Node(before.writes)] && is_only(kernel.inputs[0])
        });
        match before.and_then(|before| Some((join(before, &kernel)?, before))) {
            Some((joined, before)) => *before = Kernel { writes: kernel.writes, ..joined },
            None => merged.push(kernel),
        }
    }
    merged
}

fn check(pass: &'static str, network: &Network, kernels: &[Kernel]) -> Result<(), LowerError> {
    let fail = |problem: String| Err(LowerError { pass, problem });
    let mut written = vec![(Source::Input, network.input.len())];
    for kernel in kernels {
        for source in &kernel.inputs {
            match written.iter().find(|(written, _)| written == source) {
                Some((_, values)) if *values == kernel.input.len() => {}
                Some((_, values)) => {
                    let reads = kernel.input.len();
                    return fail(format!(
                        "{} reads {reads} values, but gets {values}",
                        kernel.name
                    ));
                }
                None => return fail(format!("{} reads what nobody wrote", kernel.name)),
            }
        }
        written.push((Source::Node(kernel.writes), kernel.output.len()));
    }
    let output = (Source::Node(network.nodes.len() - 1), network.output().len());
    if written.last() != Some(&output) {
        return fail("the last kernel does not write the network's output".to_string());
    }
    let used: Vec<usize> = kernels.iter().filter_map(|kernel| kernel.weights).collect();
    let nodes = network.nodes.iter().enumerate().filter(|(_, node)| node.layer.has_weights());
    let expected: Vec<usize> = nodes.map(|(index, _)| index).collect();
    if used != expected {
        return fail(format!("weights of nodes {used:?} are used, expected {expected:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
