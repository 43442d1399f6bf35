//! Batch normalisation in training: gradients against central differences of the training loss, which
//! takes mean and variance of the batch, and what its moving averages are for.

use super::*;
use crate::{BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, Optimizer};

const NORM: Layer = Layer::BatchNorm { momentum: BATCH_NORM_MOMENTUM, epsilon: BATCH_NORM_EPSILON };
const TANH: Layer = Layer::Activation(Activation::Tanh);

fn dataset() -> Dataset {
    let shape = Shape::new(4, 3, 2);
    Dataset {
        shape,
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        inputs: (0..6 * shape.len()).map(|i| ((i * i * 7 + i) % 31) as f32 / 10.0 - 1.1).collect(),
        labels: vec![0, 1, 2, 0, 1, 2],
        spans: None,
        groups: None,
    }
}

/// First, behind a convolution, and on a vector.
fn network() -> Network {
    let conv = Layer::Conv2d {
        filters: 3,
        kernel: [2, 2],
        stride: [1, 1],
        dilation: [1, 1],
        padding: crate::Padding::Valid,
    };
    let dense = |units| Layer::Dense { units };
    let softmax = Layer::Activation(Activation::Softmax);
    let layers = [NORM, conv, NORM, TANH, Layer::Flatten, dense(4), TANH, NORM, dense(3), softmax];
    Network::chain(dataset().shape, &layers).unwrap()
}

/// One step of plain gradient descent from `start`: the loss before it and the model after it.
fn step(start: &Model, learning_rate: f32) -> (Epoch, Model) {
    let optimizer = Optimizer::Sgd { learning_rate, momentum: 0.0 };
    let training = Training::new(1, 6, optimizer);
    let (samples, mut seen) = ([0, 1, 2, 3, 4, 5], None);
    let after = fit(start.clone(), &dataset(), &samples, &samples, &training, 2, &mut |epoch| {
        seen = Some(epoch.clone());
        ControlFlow::Continue(())
    });
    (seen.unwrap(), after.unwrap())
}

fn parameters(model: &mut Model) -> Vec<&mut f32> {
    let weights = model.weights.iter_mut().flatten();
    weights.flat_map(|w| w.kernel.iter_mut().chain(&mut w.bias)).collect()
}

#[test]
fn gradients_are_those_of_the_training_loss() {
    let mut start = Model::initialise(network(), 1);
    // Neither all scales 1 nor all shifts 0.
    for (index, value) in parameters(&mut start).into_iter().enumerate() {
        *value += (index % 7) as f32 * 0.05;
    }
    let mut after = step(&start, 1.0).1;
    let after: Vec<f32> = parameters(&mut after).into_iter().map(|value| *value).collect();
    let mut largest: f32 = 0.0;
    for (index, after) in after.into_iter().enumerate() {
        let before = *parameters(&mut start)[index];
        let mut loss_at = |value: f32| {
            *parameters(&mut start)[index] = value;
            let loss = step(&start, 1.0).0.loss;
            *parameters(&mut start)[index] = before;
            loss
        };
        let quotient = (loss_at(before + 2e-3) - loss_at(before - 2e-3)) / 4e-3;
        let gradient = f64::from(before - after);
        assert!((gradient - quotient).abs() < 1e-3, "[{index}] {gradient} {quotient}");
        largest = largest.max(gradient.abs() as f32);
    }
    assert!(largest > 0.02, "{largest}");
}

#[test]
fn inference_and_validation_take_the_moving_averages() {
    let start = Model::initialise(network(), 1);
    let (epoch, after) = step(&start, 0.1);
    let moving = |model: &Model| model.weights[0].clone().unwrap().moving.unwrap();
    // The first normalisation reads the data itself, two channels: 1 − momentum of the way.
    let data = dataset();
    for channel in 0..2 {
        let values: Vec<f64> =
            data.inputs.iter().skip(channel).step_by(2).map(|&x| f64::from(x)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let (mean_after, variance_after) =
            (moving(&after).mean[channel], moving(&after).variance[channel]);
        assert!((f64::from(mean_after) - 0.01 * mean).abs() < 1e-6);
        assert!((f64::from(variance_after) - (0.99 + 0.01 * square)).abs() < 1e-6);
    }
    let outputs = after.predict(&data.inputs);
    let of_labels = outputs.chunks(3).zip(&data.labels).map(|(y, &label)| f64::from(y[label]));
    let loss = -of_labels.map(f64::ln).sum::<f64>() / data.len() as f64;
    assert!((epoch.validation_loss.unwrap() - loss).abs() < 1e-6, "{epoch:?} {loss}");
    assert!((epoch.loss - loss).abs() > 0.05, "the batch's own statistics give another loss");
}
