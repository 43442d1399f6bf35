//! A network from its layers: names, shapes, and whether they can be put together.

use std::collections::HashMap;
use std::iter;

use super::shapes::COUNT_MAX;
use super::{Layer, Network, Node, Shape, Source, readers};

/// Nodes of a network at most: more than anybody trains, few enough that descriptions gone wrong are
/// refused at once.
pub const NODES_MAX: usize = 4096;

/// Why layers cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A network without layers.
    #[error("the network has no layers")]
    Empty,
    /// A network with more layers than anybody trains.
    #[error("the network has more than {NODES_MAX} layers")]
    TooManyLayers,
    /// A window (of a convolution or pooling) larger than what it slides over.
    #[error("{layer}: its {window_height}×{window_width} window is larger than its input {input}")]
    WindowTooLarge {
        /// Name of the node.
        layer: String,
        /// Rows of the window.
        window_height: usize,
        /// Columns of the window.
        window_width: usize,
        /// What it would read.
        input: Shape,
    },
    /// A layer that needs a vector got a map.
    #[error("{layer} needs a vector, but its input is {input}: put a flatten layer before it")]
    NeedsVector {
        /// Name of the node.
        layer: String,
        /// What it would read.
        input: Shape,
    },
    /// A sum of different shapes.
    #[error(
        "{layer} would add {} to {}, but only equal shapes add up: \"same\" padding keeps rows and \
         columns, and a convolution with a 1×1 kernel brings a shortcut to other filters or strides",
        summands[1], summands[0]
    )]
    UnlikeSummands {
        /// Name of the node.
        layer: String,
        /// What it would read.
        summands: [Shape; 2],
    },
    /// A layer that reads more or fewer inputs than its kind does.
    #[error("{layer} reads {inputs} inputs, expected {expected}")]
    Inputs {
        /// Name of the node.
        layer: String,
        /// How many.
        inputs: usize,
        /// Of its kind.
        expected: usize,
    },
    /// A layer that reads itself, one behind it, or one that is not there.
    #[error("{layer} reads node {source_index}, which does not come before it")]
    NotBefore {
        /// Name of the node.
        layer: String,
        /// Index of what it would read.
        source_index: usize,
    },
    /// An input without values, or with more than any layer here reads.
    #[error("the input is {input}, expected axes of at least 1 and at most {COUNT_MAX} values")]
    Input {
        /// What the network would read.
        input: Shape,
    },
    /// A layer that leads nowhere.
    #[error("no layer reads what {layer} writes, and it is not the last one")]
    Unread {
        /// Name of the node.
        layer: String,
    },
    /// More weights or values than a network of microcontroller size could ever have.
    #[error("{layer} has {count} {what}, more than the {COUNT_MAX} that a network here may have")]
    TooLarge {
        /// Name of the node.
        layer: String,
        /// How many.
        count: u128,
        /// Weights, inputs, or outputs.
        what: &'static str,
    },
    /// A setting outside its range.
    #[error("{layer}: {setting} is {value}, expected {expected}")]
    Setting {
        /// Name of the node.
        layer: String,
        /// Name of the setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl BuildError {
    /// Name of the layer that does not fit, if it is about one.
    pub fn layer(&self) -> Option<&str> {
        match self {
            Self::Empty | Self::TooManyLayers | Self::Input { .. } => None,
            Self::WindowTooLarge { layer, .. }
            | Self::NeedsVector { layer, .. }
            | Self::UnlikeSummands { layer, .. }
            | Self::Inputs { layer, .. }
            | Self::NotBefore { layer, .. }
            | Self::Unread { layer }
            | Self::TooLarge { layer, .. }
            | Self::Setting { layer, .. } => Some(layer),
        }
    }
}

impl Network {
    /// A chain of layers, each reading the one before it; works out every shape.
    ///
    /// # Errors
    /// As [`Network::graph`].
    pub fn chain(input: Shape, layers: &[Layer]) -> Result<Self, BuildError> {
        let before = iter::once(Source::Input).chain((0..).map(Source::Node));
        let layers: Vec<_> =
            layers.iter().zip(before).map(|(&layer, before)| (layer, vec![before])).collect();
        Self::graph(input, &layers)
    }

    /// Layers in topological order, each with what it reads; works out every shape and
    /// [name](Self::names).
    ///
    /// # Errors
    /// The first layer that cannot read what its sources write, or that nobody reads.
    pub fn graph(input: Shape, layers: &[(Layer, Vec<Source>)]) -> Result<Self, BuildError> {
        if layers.len() > NODES_MAX {
            return Err(BuildError::TooManyLayers);
        }
        if !input.is_possible() {
            return Err(BuildError::Input { input });
        }
        let mut nodes: Vec<Node> = Vec::with_capacity(layers.len());
        for ((layer, inputs), name) in layers.iter().zip(Self::names(layers)) {
            let (layer, inputs) = (*layer, inputs.clone());
            let shape_of = |source: Source| match source {
                Source::Input => Ok(input),
                Source::Node(index) => match nodes.get(index) {
                    Some(node) => Ok(node.output),
                    None => Err(BuildError::NotBefore { layer: name.clone(), source_index: index }),
                },
            };
            let input = layer.input(&name, &inputs, shape_of)?;
            let output = layer.output(&name, input)?;
            layer.check_size(&name, input, output)?;
            nodes.push(Node { name, layer, inputs, input, output });
        }
        let Some((_, others)) = nodes.split_last() else { return Err(BuildError::Empty) };
        match others.iter().zip(readers(&nodes)).find(|(_, readers)| *readers == 0) {
            Some((unread, _)) => Err(BuildError::Unread { layer: unread.name.clone() }),
            None => Ok(Self { input, nodes }),
        }
    }

    /// The names of nodes with these layers: that of their layer, numbered from 1 when a kind occurs more
    /// than once; an activation takes the name of the layer that it reads and its own (`dense_2_relu`),
    /// and a second one of the same name a number (`dense_2_relu_2`).
    pub fn names(layers: &[(Layer, Vec<Source>)]) -> Vec<String> {
        let mut of_kind: HashMap<&str, usize> = HashMap::new();
        for (layer, _) in layers {
            *of_kind.entry(layer.kind()).or_default() += 1;
        }
        // So far: nodes of a kind, and activations of a name.
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut activations: HashMap<String, usize> = HashMap::new();
        let mut names: Vec<String> = Vec::with_capacity(layers.len());
        // Of each node the one that its activations are named after; `None`: the input.
        let mut owners: Vec<Option<usize>> = Vec::with_capacity(layers.len());
        for (index, (layer, inputs)) in layers.iter().enumerate() {
            if let Layer::Activation(activation) = layer {
                let owner = match inputs.first() {
                    Some(Source::Node(source)) => owners.get(*source).copied().flatten(),
                    _ => None,
                };
                let owner_name = owner.map_or("input", |owner| &names[owner]);
                let name = format!("{owner_name}_{}", activation.name());
                let count = activations.entry(name.clone()).or_default();
                *count += 1;
                names.push(if *count == 1 { name } else { format!("{name}_{count}") });
                owners.push(owner);
                continue;
            }
            let kind = layer.kind();
            let number = numbers.entry(kind).or_default();
            *number += 1;
            names.push(if of_kind[kind] == 1 {
                kind.to_string()
            } else {
                format!("{kind}_{number}")
            });
            owners.push(Some(index));
        }
        names
    }
}

impl Layer {
    /// Shape of each input, which all have the same one.
    fn input(
        &self,
        name: &str,
        inputs: &[Source],
        shape_of: impl Fn(Source) -> Result<Shape, BuildError>,
    ) -> Result<Shape, BuildError> {
        let layer = || name.to_string();
        match (self, inputs) {
            (Self::Add, &[first, second]) => match [shape_of(first)?, shape_of(second)?] {
                [first, second] if first == second => Ok(first),
                summands => Err(BuildError::UnlikeSummands { layer: layer(), summands }),
            },
            (Self::Add, _) => {
                Err(BuildError::Inputs { layer: layer(), inputs: inputs.len(), expected: 2 })
            }
            (_, &[only]) => shape_of(only),
            _ => Err(BuildError::Inputs { layer: layer(), inputs: inputs.len(), expected: 1 }),
        }
    }
}
