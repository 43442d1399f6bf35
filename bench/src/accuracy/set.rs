//! A data set as `accuracy_data.py` writes it, and the network for it.

use std::path::{Path, PathBuf};

use autotinyml_nn::{Activation, Dataset, Layer, Network, Padding, Shape};
use serde::Deserialize;

use crate::failure::Failure;

/// A data set and how it is learned.
pub struct Set {
    /// Of its folder.
    pub name: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// Training samples first.
    pub data: Dataset,
    /// Samples to train on: whole batches.
    pub train: Vec<usize>,
    /// Samples to test on.
    pub test: Vec<usize>,
    /// The network.
    pub layers: Vec<Layer>,
    /// Samples of an optimizer step.
    pub batch: usize,
}

#[derive(Deserialize)]
struct Described {
    input: Shape,
    classes: usize,
    train: usize,
}

const BATCH: usize = 32;

impl Set {
    /// Reads a data set.
    ///
    /// # Errors
    /// If there is none of that name, or a file is not what it should be.
    pub fn read(name: &str, folder: &Path) -> Result<Self, Failure> {
        let read = |file: &str| {
            let path = folder.join(file);
            std::fs::read(&path).map_err(Failure::file(&path))
        };
        let described: Described = serde_json::from_slice(&read("set.json")?).map_err(|error| {
            Failure::Content { path: folder.join("set.json"), reason: error.to_string() }
        })?;
        let layers = match name {
            "uiwad" => walking_layers(described.classes),
            "mnist1d" => series_layers(described.classes),
            _ => {
                return Err(Failure::Unknown {
                    kind: "data set",
                    name: name.to_owned(),
                    known: "uiwad, mnist1d".to_owned(),
                });
            }
        };
        let (inputs, labels) = (read("inputs.f32")?, read("labels.u32")?);
        let data = Dataset {
            shape: described.input,
            classes: (0..described.classes).map(|class| class.to_string()).collect(),
            inputs: words(&inputs).map(f32::from_le_bytes).collect(),
            labels: words(&labels).map(|word| u32::from_le_bytes(word) as usize).collect(),
            spans: None,
            groups: None,
        };
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            train: (0..described.train / BATCH * BATCH).collect(),
            test: (described.train..data.labels.len()).collect(),
            data,
            layers,
            batch: BATCH,
        })
    }

    /// The network of the layers.
    pub fn network(&self) -> Network {
        match Network::chain(self.data.shape, &self.layers) {
            Ok(network) => network,
            Err(error) => unreachable!("fixed layers: {error}"),
        }
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.as_chunks().0.iter().copied()
}

/// Experiment 1's baseline with 16 filters and units, without its dropout, which no two trainers draw alike.
fn walking_layers(classes: usize) -> Vec<Layer> {
    let relu = Layer::Activation(Activation::Relu);
    vec![
        Layer::Conv2d {
            filters: 16,
            kernel: [2, 2],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Valid,
        },
        relu,
        Layer::MaxPool2d { window: [2, 2], stride: [2, 2] },
        Layer::Flatten,
        Layer::Dense { units: 16 },
        relu,
        Layer::Dense { units: 16 },
        relu,
        Layer::Dense { units: classes },
        Layer::Activation(Activation::Softmax),
    ]
}

/// Two convolutions along the series.
fn series_layers(classes: usize) -> Vec<Layer> {
    let along = |filters, length| Layer::Conv2d {
        filters,
        kernel: [length, 1],
        stride: [2, 1],
        dilation: [1, 1],
        padding: Padding::Same,
    };
    vec![
        along(16, 5),
        Layer::Activation(Activation::Relu),
        along(32, 3),
        Layer::Activation(Activation::Selu),
        Layer::Flatten,
        Layer::Dense { units: classes },
        Layer::Activation(Activation::Softmax),
    ]
}
