//! A network with weights: initialised, run, saved.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};

use crate::cost::{bias_len, kernel_len};
use crate::execution::{Execution, VALUES_MAX, values_max};
use crate::layer::softmax::is_hit;
use crate::layer::{Reads, Use};
use crate::random::{Purpose, generator};
use crate::{Dataset, Layer, Network, Node};

/// A network that can answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What is computed.
    pub network: Network,
    /// For each node its weights; `None` for nodes without.
    pub weights: Vec<Option<Weights>>,
}

/// Weights of a node in Keras' layouts. A batch normalisation has γ as its kernel and β as its bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// `[kernel height][kernel width][input channels][filters]`, `[kernel height][kernel
    /// width][channels]`, `[input][units]` or `[channels]`.
    pub kernel: Vec<f32>,
    /// `[filters]`, `[channels]` or `[units]`.
    pub bias: Vec<f32>,
    /// Of a batch normalisation only.
    pub moving: Option<Moving>,
}

/// Moving averages over the batches of a training, which inference normalises with.
#[derive(Clone, Debug, PartialEq)]
pub struct Moving {
    /// `[channels]`
    pub mean: Vec<f32>,
    /// `[channels]`
    pub variance: Vec<f32>,
}

/// Why a model cannot be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file that cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that holds no network.
    #[error("{}: not a network", path.display())]
    NotANetwork {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A network whose nodes and shapes don't follow from its layers.
    #[error("{}: the nodes and shapes do not follow from the input and the layers", path.display())]
    InconsistentNetwork {
        /// The file.
        path: PathBuf,
    },
    /// A file that holds no tensors.
    #[error("{}: not a safetensors file", path.display())]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SafeTensorError,
    },
    /// A tensor that is missing or isn't what its node needs.
    #[error("{}: tensor {tensor:?} is {found}, expected float32 {expected:?}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// What the file holds.
        found: String,
        /// Shape that the network needs.
        expected: Vec<usize>,
    },
}

/// Samples that `predict` runs at a time.
const PREDICT_BATCH: usize = 32;
const NETWORK_FILE: &str = "network.json";
const WEIGHTS_FILE: &str = "weights.safetensors";

impl Model {
    /// Random weights (Glorot & Bengio 2010, uniform: within ±√(6 / (fan in + fan out))), biases 0.
    /// A batch normalisation begins with γ = 1, mean 0 and variance 1.
    pub fn initialise(network: Network, seed: u64) -> Self {
        let weights = network
            .nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let bias = vec![0.0; bias_len(node)];
                if let Layer::BatchNorm { .. } = node.layer {
                    let ones = vec![1.0; bias.len()];
                    let moving = Moving { mean: bias.clone(), variance: ones.clone() };
                    return Some(Weights { kernel: ones, bias, moving: Some(moving) });
                }
                let [fan_in, fan_out] = fans(node)?;
                let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
                let mut random = generator(seed, Purpose::Weights { node: index });
                let kernel = (0..kernel_len(node)).map(|_| random.random_range(-limit..limit));
                Some(Weights { kernel: kernel.collect(), bias, moving: None })
            })
            .collect();
        Self { network, weights }
    }

    /// Runs `n` samples in inference mode: `n × input.len()` values in, `n × output.len()` out.
    ///
    /// # Panics
    /// If `inputs` isn't a whole number of samples.
    pub fn predict(&self, inputs: &[f32]) -> Vec<f32> {
        let (input_len, output_len) = (self.network.input.len(), self.network.output().len());
        assert_eq!(inputs.len() % input_len, 0, "inputs are whole samples");
        // Fewer where their maps are large.
        let batch_max = PREDICT_BATCH.min(VALUES_MAX / values_max(&self.network, 1));
        let batch = batch_max.min(inputs.len() / input_len).max(1);
        let mut execution = Execution::new(input_len, &self.network.nodes, batch, Use::Inference);
        let mut outputs = Vec::with_capacity(inputs.len() / input_len * output_len);
        for samples in inputs.chunks(batch * input_len) {
            let batch = samples.len() / input_len;
            execution.input(batch).copy_from_slice(samples);
            let weights = |node: usize| {
                self.weights[node].as_ref().map_or(Reads::default(), |weights| Reads {
                    kernel: &weights.kernel,
                    bias: &weights.bias,
                    moving: weights.moving.as_ref(),
                })
            };
            execution.forward(weights, batch, 0);
            outputs.extend_from_slice(execution.output(batch).0);
        }
        outputs
    }

    /// Share of the given samples whose largest output is their class. Outputs that are not all
    /// numbers choose none.
    ///
    /// # Panics
    /// If there are no samples, or the data's shape isn't the network's input.
    pub fn accuracy(&self, data: &Dataset, samples: &[usize]) -> f64 {
        assert!(!samples.is_empty(), "accuracy needs samples");
        assert_eq!(data.shape.len(), self.network.input.len(), "the data fits the network");
        let output_len = self.network.output().len();
        let mut hits = 0;
        for batch in samples.chunks(PREDICT_BATCH) {
            let inputs: Vec<f32> = batch.iter().flat_map(|&i| data.sample(i)).copied().collect();
            let outputs = self.predict(&inputs);
            let outputs = outputs.chunks_exact(output_len).zip(batch);
            hits += outputs.filter(|(y, sample)| is_hit(y, data.labels[**sample])).count();
        }
        hits as f64 / samples.len() as f64
    }

    /// Writes `network.json` and `weights.safetensors` into a directory, made if it isn't there.
    /// The tensors are named after their nodes: `dense_1.kernel`, `dense_1.bias`; those of a batch
    /// normalisation `gamma`, `beta`, `moving_mean` and `moving_variance`.
    ///
    /// # Errors
    /// [`ModelError::Write`].
    pub fn save(&self, directory: &Path) -> Result<(), ModelError> {
        let write = |path: PathBuf, bytes: &[u8]| {
            fs::write(&path, bytes).map_err(|source| ModelError::Write { path, source })
        };
        fs::create_dir_all(directory)
            .map_err(|source| ModelError::Write { path: directory.to_path_buf(), source })?;
        let network =
            serde_json::to_string_pretty(&self.network).expect("a network is plain data") + "\n";
        write(directory.join(NETWORK_FILE), network.as_bytes())?;

        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = vec![];
        for (node, weights) in self.network.nodes.iter().zip(&self.weights) {
            let Some(weights) = weights else { continue };
            let moving = weights.moving.iter().flat_map(|moving| [&moving.mean, &moving.variance]);
            let values = [&weights.kernel, &weights.bias].into_iter().chain(moving);
            for ((tensor, shape), values) in tensor_shapes(node).into_iter().zip(values) {
                tensors.push((format!("{}.{tensor}", node.name), shape, bytes(values)));
            }
        }
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (name, view.expect("as many weights as the node's shape says"))
        });
        let file = safetensors::serialize(views, None).expect("names are unique");
        write(directory.join(WEIGHTS_FILE), &file)
    }

    /// Reads what [`Model::save`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read or doesn't hold what it should; each error names the file.
    pub fn load(directory: &Path) -> Result<Self, ModelError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| ModelError::Read { path: path.to_path_buf(), source })
        };
        let path = directory.join(NETWORK_FILE);
        let network: Network = serde_json::from_slice(&read(&path)?)
            .map_err(|source| ModelError::NotANetwork { path: path.clone(), source })?;
        let layers: Vec<_> =
            network.nodes.iter().map(|node| (node.layer, node.inputs.clone())).collect();
        if Network::graph(network.input, &layers).as_ref() != Ok(&network) {
            return Err(ModelError::InconsistentNetwork { path });
        }

        let path = directory.join(WEIGHTS_FILE);
        let file = read(&path)?;
        let tensors = SafeTensors::deserialize(&file)
            .map_err(|source| ModelError::NotSafetensors { path: path.clone(), source })?;
        let mut tensors: HashMap<String, TensorView> = tensors.tensors().into_iter().collect();
        let mut take = |name: String, shape: Vec<usize>| {
            let tensor = tensors.remove(&name);
            match tensor {
                Some(tensor) if tensor.dtype() == Dtype::F32 && tensor.shape() == shape => {
                    Ok(floats(tensor.data()))
                }
                _ => Err(ModelError::Tensor {
                    path: path.clone(),
                    tensor: name,
                    found: tensor.map_or("missing".to_string(), |tensor| {
                        format!("{:?} {:?}", tensor.dtype(), tensor.shape())
                    }),
                    expected: shape,
                }),
            }
        };
        let mut weights = vec![];
        for node in &network.nodes {
            let mut values = vec![];
            for (tensor, shape) in tensor_shapes(node) {
                values.push(take(format!("{}.{tensor}", node.name), shape)?);
            }
            let mut values = values.into_iter();
            weights.push(match (values.next(), values.next(), values.next(), values.next()) {
                (Some(kernel), Some(bias), Some(mean), Some(variance)) => {
                    Some(Weights { kernel, bias, moving: Some(Moving { mean, variance }) })
                }
                (Some(kernel), Some(bias), ..) => Some(Weights { kernel, bias, moving: None }),
                _ => None,
            });
        }
        Ok(Self { network, weights })
    }
}

/// Values that one output reads and that read one input; `None` for a node without random weights.
fn fans(node: &Node) -> Option<[usize; 2]> {
    match node.layer {
        Layer::Conv2d { filters, kernel, .. } => {
            let window = kernel[0] * kernel[1];
            Some([window * node.input.channels, window * filters])
        }
        // As Keras has it, though an input is read by one output channel only.
        Layer::DepthwiseConv2d { kernel, .. } => {
            let window = kernel[0] * kernel[1];
            Some([window * node.input.channels, window])
        }
        Layer::Dense { units } => Some([node.input.len(), units]),
        Layer::BatchNorm { .. }
        | Layer::MaxPool2d { .. }
        | Layer::AveragePool2d { .. }
        | Layer::GlobalAveragePool2d
        | Layer::Dropout { .. }
        | Layer::Flatten
        | Layer::Series
        | Layer::Activation(_)
        | Layer::Add => None,
    }
}

/// Names and shapes of a node's kernel, bias, and moving mean and variance, as far as it has them.
fn tensor_shapes(node: &Node) -> Vec<(&'static str, Vec<usize>)> {
    let (inputs, channels) = (node.input.channels, node.output.channels);
    let kernel = match node.layer {
        Layer::Conv2d { filters, kernel, .. } => vec![kernel[0], kernel[1], inputs, filters],
        Layer::DepthwiseConv2d { kernel, .. } => vec![kernel[0], kernel[1], channels],
        Layer::Dense { units } => vec![node.input.len(), units],
        Layer::BatchNorm { .. } => {
            let names = ["gamma", "beta", "moving_mean", "moving_variance"];
            return names.map(|name| (name, vec![channels])).to_vec();
        }
        Layer::MaxPool2d { .. }
        | Layer::AveragePool2d { .. }
        | Layer::GlobalAveragePool2d
        | Layer::Dropout { .. }
        | Layer::Flatten
        | Layer::Series
        | Layer::Activation(_)
        | Layer::Add => return vec![],
    };
    vec![("kernel", kernel), ("bias", vec![channels])]
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks();
    words.iter().map(|&word| f32::from_le_bytes(word)).collect()
}
