//! Every setting of a recipe against Keras: `tests/keras/recipe.json`, made by the script beside it. The
//! whole data is one batch, so that neither side's order of samples matters.

use serde::Deserialize;

use super::{KernelAndBias, flat};
use crate::train::*;
use crate::{Dataset, Layer, Network, Optimizer};

#[derive(Deserialize)]
struct Dump {
    input: Shape,
    layers: Vec<Layer>,
    weights: Vec<KernelAndBias>,
    inputs: Vec<f32>,
    labels: Vec<usize>,
    validation_inputs: Vec<f32>,
    validation_labels: Vec<usize>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    epochs: usize,
    optimizer: String,
    learning_rate: f32,
    momentum: Option<f32>,
    schedule: Option<KerasSchedule>,
    l2: f32,
    label_smoothing: f32,
    class_weights: Option<KerasClassWeights>,
    clip_norm: Option<f32>,
    early_stopping: Option<KerasEarlyStopping>,
    /// Of each epoch until the training ended.
    losses: Vec<f64>,
    validation_losses: Vec<f64>,
    validation_accuracies: Vec<f64>,
    /// At the end, the best ones restored.
    weights: Vec<KernelAndBias>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KerasSchedule {
    Cosine { epochs: usize },
    Step { every: usize, factor: f32 },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KerasClassWeights {
    PerClass(Vec<f32>),
    Named(NamedWeights),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum NamedWeights {
    Balanced,
}

#[derive(Clone, Deserialize)]
struct KerasEarlyStopping {
    monitor: String,
    patience: usize,
}

impl Run {
    fn training(&self, batch: usize) -> Training {
        let mut optimizer = Optimizer::from_name(&self.optimizer).unwrap();
        if let (Some(given), Optimizer::Sgd { momentum, .. }) = (self.momentum, &mut optimizer) {
            *momentum = given;
        }
        Training {
            epochs: self.epochs,
            batch,
            augmentation: Augmentation::default(),
            optimizer: optimizer.with_learning_rate(self.learning_rate),
            schedule: match self.schedule {
                None => Schedule::Constant,
                Some(KerasSchedule::Cosine { epochs }) => Schedule::Cosine { epochs },
                Some(KerasSchedule::Step { every, factor }) => Schedule::Step { every, factor },
            },
            l2: self.l2,
            label_smoothing: self.label_smoothing,
            class_weights: match &self.class_weights {
                None => ClassWeights::Equal,
                Some(KerasClassWeights::Named(NamedWeights::Balanced)) => ClassWeights::Balanced,
                Some(KerasClassWeights::PerClass(weights)) => {
                    ClassWeights::PerClass(weights.clone())
                }
            },
            clip_norm: self.clip_norm,
            early_stopping: self.early_stopping.as_ref().map(|stopping| EarlyStopping {
                monitor: match stopping.monitor.as_str() {
                    "validation-loss" => Monitor::ValidationLoss,
                    _ => Monitor::ValidationAccuracy,
                },
                patience: stopping.patience,
            }),
        }
    }
}

#[test]
fn every_setting_of_a_recipe_agrees_with_keras() {
    let dump: Dump =
        serde_json::from_str(include_str!("../../../tests/keras/recipe.json")).unwrap();
    let network = Network::chain(dump.input, &dump.layers).unwrap();
    let samples: Vec<usize> = (0..dump.labels.len()).collect();
    let validation: Vec<usize> =
        (samples.len()..samples.len() + dump.validation_labels.len()).collect();
    let data = Dataset {
        shape: dump.input,
        classes: (0..network.output().len()).map(|class| class.to_string()).collect(),
        inputs: [dump.inputs, dump.validation_inputs].concat(),
        labels: [dump.labels, dump.validation_labels].concat(),
        spans: None,
        groups: None,
    };
    assert_eq!(dump.runs.len(), 13);
    for (number, run) in dump.runs.iter().enumerate() {
        let mut given = dump.weights.iter();
        let weights = network.nodes.iter().map(|node| match node.layer {
            Layer::Conv2d { .. } | Layer::Dense { .. } => given.next().map(|w| Weights {
                kernel: w.kernel.clone(),
                bias: w.bias.clone(),
                moving: None,
            }),
            _ => None,
        });
        let model = Model { network: network.clone(), weights: weights.collect() };
        let training = run.training(samples.len());
        let mut epochs = vec![];
        let model = fit(model, &data, &samples, &validation, &training, 0, &mut |epoch| {
            epochs.push(epoch.clone());
            ControlFlow::Continue(())
        })
        .unwrap();

        assert_eq!(epochs.len(), run.losses.len(), "{number}: {training:?}");
        for (index, ours) in epochs.iter().enumerate() {
            let (validation_loss, keras) = (ours.validation_loss.unwrap(), run);
            let accuracy = ours.validation_score(Metric::Accuracy).unwrap()
                - keras.validation_accuracies[index];
            assert!(
                (ours.loss / keras.losses[index] - 1.0).abs() < 1e-5
                    && (validation_loss / keras.validation_losses[index] - 1.0).abs() < 1e-5
                    && accuracy.abs() < 1e-6,
                "{number}: {training:?}\n{ours:?}\nKeras {} {}",
                keras.losses[index],
                keras.validation_losses[index]
            );
        }
        let ours = model.weights.iter().flatten().flat_map(|w| w.kernel.iter().chain(&w.bias));
        for (ours, keras) in ours.zip(flat(&run.weights)) {
            assert!((ours - keras).abs() < 1e-5, "{number}: {training:?}: {ours}, {keras}");
        }
    }
}
