//! The gradient through dropout against central differences of the training loss, which sees the
//! same mask when the seed is the same.

use super::*;
use crate::Layer::{Dense, Dropout};
use crate::{Optimizer, Source};

#[test]
fn dropout_between_activations() {
    for (before, behind) in
        Activation::ALL.into_iter().flat_map(|a| Activation::ALL.map(|b| (a, b)))
    {
        let layers = [
            Dense { units: 8 },
            Layer::Activation(before),
            Dropout { rate: 0.4 },
            Layer::Activation(behind),
            Dense { units: 3 },
            Layer::Activation(Activation::Softmax),
        ];
        let network = Network::chain(Shape::vector(4), &layers).unwrap();
        check(network, &format!("{before:?}, {behind:?}"));
    }
}

/// Of what is dropped, and of what an activation in place leaves of it: neither may be overwritten.
#[test]
fn dropout_that_several_layers_read() {
    for activation in Activation::ALL {
        let [activation, softmax] = [activation, Activation::Softmax].map(Layer::Activation);
        let node = |index| vec![Source::Node(index)];
        let layers = [
            (Dense { units: 8 }, vec![Source::Input]),
            (activation, node(0)),
            (Dropout { rate: 0.4 }, node(1)),
            (activation, node(2)),
            (Dropout { rate: 0.2 }, node(2)),
            (Dense { units: 8 }, node(2)),
            (Layer::Add, vec![Source::Node(3), Source::Node(4)]),
            (Layer::Add, vec![Source::Node(6), Source::Node(5)]),
            (Layer::Add, vec![Source::Node(7), Source::Node(2)]),
            (Dense { units: 3 }, node(8)),
            (softmax, node(9)),
        ];
        check(Network::graph(Shape::vector(4), &layers).unwrap(), &format!("{activation:?}"));
    }
}

/// Checks the gradient of the first layer's kernel.
fn check(network: Network, what: &str) {
    let data = Dataset {
        shape: network.input,
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        inputs: (0..4 * 6).map(|i| ((i * 37) % 23) as f32 / 10.0 - 1.1).collect(),
        labels: vec![0, 1, 2, 0, 1, 2],
        spans: None,
        groups: None,
    };
    let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0 };
    let training = Training::new(1, data.len(), optimizer);
    let start = Model::initialise(network, 2);
    let run = |model: &Model| {
        let mut loss = 0.0;
        let after =
            fit(model.clone(), &data, &[0, 1, 2, 3, 4, 5], &[], &training, 2, &mut |epoch| {
                loss = epoch.loss;
                ControlFlow::Continue(())
            });
        (loss, after.unwrap())
    };
    let kernel = |model: &Model| model.weights[0].clone().unwrap().kernel;
    let after = kernel(&run(&start).1);
    for (index, (old, new)) in kernel(&start).into_iter().zip(after).enumerate() {
        let loss_at = |weight: f32| {
            let mut model = start.clone();
            model.weights[0].as_mut().unwrap().kernel[index] = weight;
            run(&model).0
        };
        let quotient = (loss_at(old + 2e-3) - loss_at(old - 2e-3)) / 4e-3;
        let gradient = f64::from(old - new);
        assert!((gradient - quotient).abs() < 1e-3, "{what}: {gradient} {quotient}");
    }
}
