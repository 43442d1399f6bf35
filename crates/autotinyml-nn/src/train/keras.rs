//! Three steps of each optimizer against Keras: `tests/keras/dump.json`, made by the script beside
//! it.

mod recipe;

use serde::Deserialize;

use super::*;
use crate::Moving;
use crate::{Optimizer, Source};

#[derive(Deserialize)]
struct Dump {
    training: Case,
    normalised: Case,
    residual: Case,
}

#[derive(Deserialize)]
struct Case {
    input: Shape,
    layers: Vec<Layer>,
    /// What each layer reads: 0 is the input, 1 the first layer. None: the one before it.
    reads: Option<Vec<Vec<usize>>>,
    weights: Vec<KernelAndBias>,
    inputs: Vec<f32>,
    labels: Vec<usize>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    optimizer: String,
    learning_rate: Option<f32>,
    momentum: Option<f32>,
    /// Before each step.
    losses: Vec<f64>,
    /// After the last step.
    weights: Vec<KernelAndBias>,
}

#[derive(Deserialize)]
struct KernelAndBias {
    kernel: Vec<f32>,
    bias: Vec<f32>,
    moving_mean: Option<Vec<f32>>,
    moving_variance: Option<Vec<f32>>,
}

fn flat(weights: &[KernelAndBias]) -> Vec<f32> {
    let moving = |w: &KernelAndBias| [w.moving_mean.clone(), w.moving_variance.clone()];
    let values = |w: &KernelAndBias| [w.kernel.clone(), w.bias.clone()];
    let layers = weights.iter();
    layers
        .flat_map(|w| values(w).into_iter().chain(moving(w).into_iter().flatten()))
        .flatten()
        .collect()
}

#[test]
fn three_steps_of_each_optimizer_agree_with_keras() {
    let dump: Dump = serde_json::from_str(include_str!("../../tests/keras/dump.json")).unwrap();
    let mut names: Vec<&str> =
        dump.training.runs.iter().map(|run| run.optimizer.as_str()).collect();
    names.dedup();
    assert_eq!(names, Optimizer::NAMES, "every optimizer is compared");
    check(dump.training);
    check(dump.normalised);
    check(dump.residual);
}

fn check(case: Case) {
    let network = match &case.reads {
        None => Network::chain(case.input, &case.layers).unwrap(),
        Some(reads) => {
            let source = |&place: &usize| place.checked_sub(1).map_or(Source::Input, Source::Node);
            let sources = reads.iter().map(|reads| reads.iter().map(source).collect());
            let layers: Vec<_> = case.layers.iter().copied().zip(sources).collect();
            Network::graph(case.input, &layers).unwrap()
        }
    };
    let data = Dataset {
        shape: case.input,
        classes: (0..network.output().len()).map(|class| class.to_string()).collect(),
        inputs: case.inputs,
        labels: case.labels,
        spans: None,
        groups: None,
    };
    let samples: Vec<usize> = (0..data.len()).collect();
    let before = flat(&case.weights);

    for run in &case.runs {
        let settings = format!("{} {:?} {:?}", run.optimizer, run.learning_rate, run.momentum);
        let mut optimizer = Optimizer::from_name(&run.optimizer).unwrap();
        if let (Some(given), Optimizer::Sgd { momentum, .. }) = (run.momentum, &mut optimizer) {
            *momentum = given;
        }
        if let Some(learning_rate) = run.learning_rate {
            optimizer = optimizer.with_learning_rate(learning_rate);
        }
        let mut given = case.weights.iter();
        let weights = network.nodes.iter().map(|node| {
            let w = node.layer.has_weights().then(|| given.next())??;
            let moving = w.moving_mean.clone().zip(w.moving_variance.clone());
            Some(Weights {
                kernel: w.kernel.clone(),
                bias: w.bias.clone(),
                moving: moving.map(|(mean, variance)| Moving { mean, variance }),
            })
        });
        let model = Model { network: network.clone(), weights: weights.collect() };
        let training = Training::new(run.losses.len(), samples.len(), optimizer);
        let mut losses = vec![];
        let model = fit(model, &data, &samples, &[], &training, 0, &mut |epoch| {
            losses.push(epoch.loss);
            ControlFlow::Continue(())
        })
        .unwrap();

        for (ours, keras) in losses.iter().zip(&run.losses) {
            assert!(
                (ours / keras - 1.0).abs() < 1e-5,
                "{settings}: losses {losses:?}, {:?}",
                run.losses
            );
        }
        let after: Vec<f32> = model
            .weights
            .iter()
            .flatten()
            .flat_map(|w| {
                let moving = w.moving.iter().flat_map(|moving| [&moving.mean, &moving.variance]);
                [&w.kernel, &w.bias].into_iter().chain(moving).flatten()
            })
            .copied()
            .collect();
        let keras = flat(&run.weights);
        let furthest = keras.iter().zip(&before).map(|(k, b)| (k - b).abs()).fold(0.0, f32::max);
        // Adadelta's default steps are smaller than 1e-5.
        let tolerance = (0.05 * furthest).min(1e-5);
        for (index, (ours, keras)) in after.iter().zip(&keras).enumerate() {
            assert!((ours - keras).abs() < tolerance, "{settings} [{index}]: {ours}, {keras}");
        }
    }
}
