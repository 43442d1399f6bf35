//! What a network learns from samples that are changed while it learns them.

use std::ops::ControlFlow;

use autotinyml_nn::{
    Activation, Augmentation, Dataset, Layer, Network, Optimizer, Shape, Training, train,
};

/// Bumps in one place, learned by a network that knows nothing of places: elsewhere they are something else,
/// unless training has moved them.
#[test]
fn what_training_moves_may_move_later() {
    let mut data = Dataset {
        shape: Shape::new(12, 1, 1),
        classes: ["flat", "notch", "step"].map(String::from).to_vec(),
        inputs: vec![],
        labels: vec![],
        spans: None,
        groups: None,
    };
    const BUMPS: [[f32; 3]; 3] = [[1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]];
    for sample in 0..90 {
        let mut values = [0.0; 12];
        let begin = if sample < 60 { 5 } else { 3 };
        values[begin..begin + 3].copy_from_slice(&BUMPS[sample % 3]);
        data.inputs.extend(values);
        data.labels.push(sample % 3);
    }
    let layers = [
        Layer::Flatten,
        Layer::Dense { units: 24 },
        Layer::Activation(Activation::Relu),
        Layer::Dense { units: 3 },
        Layer::Activation(Activation::Softmax),
    ];
    let network = Network::chain(data.shape, &layers).unwrap();
    let (learned, moved): (Vec<usize>, Vec<usize>) = (0..90).partition(|sample| *sample < 60);
    let accuracy = |shift| {
        let augmentation = Augmentation { shift: [shift, 0], ..Augmentation::default() };
        let training = Training {
            augmentation,
            ..Training::new(60, 10, Optimizer::Adam { learning_rate: 0.01 })
        };
        let model =
            train(&network, &data, &learned, &training, 0, &mut |_| ControlFlow::Continue(()))
                .unwrap();
        model.accuracy(&data, &moved)
    };
    assert!(accuracy(0) < 0.7, "{}", accuracy(0));
    assert!(accuracy(3) > 0.9, "{}", accuracy(3));
}
