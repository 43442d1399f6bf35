//! Forward passes against Keras: `keras/dump.json`, made by `keras/dump.py`.

use autotinyml_nn::{Layer, Model, Moving, Network, Shape, Weights};
use serde::Deserialize;

#[derive(Deserialize)]
struct Dump {
    forward: Vec<Forward>,
}

#[derive(Deserialize)]
struct Forward {
    name: String,
    input: Shape,
    layers: Vec<Layer>,
    /// Of the layers that have some.
    weights: Vec<KernelAndBias>,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

#[derive(Deserialize)]
struct KernelAndBias {
    kernel: Vec<f32>,
    bias: Vec<f32>,
    moving_mean: Option<Vec<f32>>,
    moving_variance: Option<Vec<f32>>,
}

#[test]
fn forward_passes_agree_with_keras() {
    let dump: Dump = serde_json::from_str(include_str!("keras/dump.json")).unwrap();
    assert_eq!(dump.forward.len(), 41);
    for case in dump.forward {
        let network = Network::chain(case.input, &case.layers).unwrap();
        let mut weights = case.weights.into_iter().map(|w| Weights {
            kernel: w.kernel,
            bias: w.bias,
            moving: w
                .moving_mean
                .zip(w.moving_variance)
                .map(|(mean, variance)| Moving { mean, variance }),
        });
        let of_layer = |layer: &Layer| layer.has_weights().then(|| weights.next())?;
        let model = Model { network, weights: case.layers.iter().map(of_layer).collect() };
        let outputs = model.predict(&case.inputs);
        assert_eq!(outputs.len(), case.outputs.len(), "{}", case.name);
        for (index, (ours, keras)) in outputs.iter().zip(&case.outputs).enumerate() {
            assert!((ours - keras).abs() < 1e-5, "{} [{index}]: {ours}, Keras {keras}", case.name);
        }
    }
}
