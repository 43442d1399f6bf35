//! What training promises as a whole.

use std::ops::ControlFlow;

use autotinyml_nn::{
    Activation, ClassWeights, Dataset, EarlyStopping, Layer, Metric, Model, ModelError, Monitor,
    Network, Optimizer, Padding, Schedule, Shape, Standardisation, TrainError, Training, Weights,
    train, train_and_validate,
};

const SHAPE: Shape = Shape::new(12, 3, 1);

/// Three classes of waves on three channels that differ in frequency, with some noise.
fn waves(samples: usize) -> Dataset {
    let mut state = 1u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut inputs = vec![];
    let labels: Vec<usize> = (0..samples).map(|sample| sample % 3).collect();
    for &label in &labels {
        let phase = noise() * 6.0;
        for row in 0..SHAPE.height {
            for channel in 0..SHAPE.width {
                let angle = (label + 1) as f32 * 0.7 * row as f32 + channel as f32 + phase;
                inputs.push(angle.sin() + 0.2 * noise());
            }
        }
    }
    let classes = ["slow", "medium", "fast"].map(String::from).to_vec();
    Dataset { shape: SHAPE, classes, inputs, labels, spans: None, groups: None }
}

fn network() -> Network {
    let relu = Layer::Activation(Activation::Relu);
    Network::chain(
        SHAPE,
        &[
            Layer::Conv2d {
                filters: 8,
                kernel: [3, 2],
                stride: [1, 1],
                dilation: [1, 1],
                padding: Padding::Valid,
            },
            relu,
            Layer::MaxPool2d { window: [2, 2], stride: [2, 2] },
            Layer::Dropout { rate: 0.2 },
            Layer::Flatten,
            Layer::Dense { units: 16 },
            relu,
            Layer::Dense { units: 3 },
            Layer::Activation(Activation::Softmax),
        ],
    )
    .unwrap()
}

fn adam(learning_rate: f32) -> Training {
    let optimizer = Optimizer::from_name("adam").unwrap().with_learning_rate(learning_rate);
    Training::new(12, 10, optimizer)
}

fn go_on(_: &autotinyml_nn::Epoch) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn bits(model: &Model) -> Vec<u32> {
    let weights = model.weights.iter().flatten();
    weights.flat_map(|w| w.kernel.iter().chain(&w.bias)).map(|x| x.to_bits()).collect()
}

#[test]
fn learns_what_is_easy() {
    let data = waves(605);
    let (train_side, test_side) = ((0..405).collect::<Vec<_>>(), (405..605).collect::<Vec<_>>());
    let mut losses = vec![];
    let model = train(&network(), &data, &train_side, &adam(0.003), 0, &mut |epoch| {
        losses.push(epoch.loss);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(losses.len(), 12);
    assert!(losses[11] < losses[0] / 2.0, "{losses:?}");
    let accuracy = model.accuracy(&data, &test_side);
    assert!(accuracy > 0.95, "{accuracy}");
    let untrained = Model::initialise(network(), 0).accuracy(&data, &test_side);
    assert!(untrained < 0.7, "{untrained}");
}

#[test]
fn the_same_seed_gives_the_same_bits_in_any_thread() {
    let data = waves(105);
    // Not whole batches, nor all samples, nor in order.
    let samples: Vec<usize> = (0..97).rev().collect();
    let run =
        |seed| bits(&train(&network(), &data, &samples, &adam(0.01), seed, &mut go_on).unwrap());
    let alone = run(5);
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| run(5)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(together, [alone.clone(), alone.clone()]);
    assert_ne!(run(6), alone);
}

#[test]
fn ends_where_it_is_told_to() {
    let data = waves(60);
    let samples: Vec<usize> = (0..60).collect();
    let stopped = train(&network(), &data, &samples, &adam(0.01), 0, &mut |epoch| {
        if epoch.epoch == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let two = Training { epochs: 2, ..adam(0.01) };
    let short = train(&network(), &data, &samples, &two, 0, &mut go_on);
    assert_eq!(stopped, short);
    let none = Training { epochs: 0, ..two };
    let untrained = train(&network(), &data, &samples, &none, 0, &mut go_on);
    assert_eq!(untrained, Ok(Model::initialise(network(), 0)));
}

#[test]
fn divergence_ends_at_once() {
    let data = waves(60);
    let samples: Vec<usize> = (0..60).collect();
    let optimizer = Optimizer::Sgd { learning_rate: 1e30, momentum: 0.0 };
    let training = Training::new(50, 10, optimizer);
    let mut epochs = 0;
    let result = train(&network(), &data, &samples, &training, 0, &mut |_| {
        epochs += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(result, Err(TrainError::Diverged { epoch: 1, exploded: false }));
    assert_eq!(epochs, 0);
}

#[test]
fn an_exploding_loss_ends_at_once_though_it_is_a_number() {
    let data = waves(600);
    let samples: Vec<usize> = (0..600).collect();
    let result = |training: &Training| {
        let mut epochs = 0;
        let result = train(&network(), &data, &samples, training, 0, &mut |_| {
            epochs += 1;
            ControlFlow::Continue(())
        });
        (result, epochs)
    };
    for name in ["adam", "sgd", "rmsprop", "adagrad", "adamax"] {
        for rate in [10.0, 1e3, 1e6] {
            let optimizer = Optimizer::from_name(name).unwrap().with_learning_rate(rate);
            // Even the only epoch is not finished.
            for epochs in [1, 50] {
                let (result, seen) = result(&Training::new(epochs, 10, optimizer));
                let exploded = Err(TrainError::Diverged { epoch: 1, exploded: true });
                assert_eq!((result, seen), (exploded, 0), "{name} {rate}");
            }
        }
    }
    // The first epoch's loss is 20 times that of guessing.
    let adamax = Optimizer::Adamax { learning_rate: 1.0 };
    let recovered = result(&Training::new(50, 10, adamax)).0.unwrap();
    assert!(recovered.accuracy(&data, &samples) > 0.95);

    let growing = Schedule::Step { every: 3, factor: 1e4 };
    let training = Training { schedule: growing, ..adam(0.01) };
    let (exploded, seen) = result(&training);
    assert_eq!(seen, 3);
    insta::assert_snapshot!(
        exploded.unwrap_err(),
        @"diverged at epoch 4: the loss exploded"
    );
}

#[test]
fn what_the_last_step_breaks_is_divergence_too() {
    let data = waves(60);
    let samples: Vec<usize> = (0..60).collect();
    // In one step: there is no loss after it within the epoch.
    let train_at = |learning_rate: f32, epochs| {
        let optimizer = Optimizer::RmsProp { learning_rate };
        let mut seen = 0;
        let training = Training::new(epochs, 60, optimizer);
        let result = train(&network(), &data, &samples, &training, 0, &mut |epoch| {
            assert!(epoch.loss.is_finite());
            seen += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(seen, 1);
        result
    };
    // RMSprop's first step is learning rate × √10: at 1e38 weights are still numbers, but too large
    // to compute with; at 2e38 they are infinite.
    for learning_rate in [1e38, 2e38] {
        let diverged = Err(TrainError::Diverged { epoch: 1, exploded: false });
        assert_eq!(train_at(learning_rate, 1), diverged, "{learning_rate}");
    }
    assert!(train_at(1e-3, 1).is_ok());
}

#[test]
fn outputs_that_are_no_numbers_hit_nothing() {
    let data = waves(60);
    let mut model = Model::initialise(network(), 0);
    let last = model.weights.iter_mut().flatten().next_back().unwrap();
    last.bias[1] = f32::NAN;
    let of_the_first_class: Vec<usize> = (0..60).filter(|&i| data.labels[i] == 0).collect();
    assert_eq!(model.accuracy(&data, &of_the_first_class), 0.0);
}

#[test]
fn a_network_that_does_not_fit_its_data_is_refused() {
    let data = waves(60);
    let error = |layers: &[Layer], shape, data: &Dataset| {
        let network = Network::chain(shape, layers).unwrap();
        train(&network, data, &[0, 1], &adam(0.01), 0, &mut go_on).unwrap_err()
    };
    let dense = |units| Layer::Dense { units };
    let softmax = Layer::Activation(Activation::Softmax);
    insta::assert_snapshot!(
        error(&[Layer::Flatten, dense(3)], SHAPE, &data),
        @"the last layer is dense with 3 outputs, expected a softmax over the data's 3 classes"
    );
    insta::assert_snapshot!(
        error(&[Layer::Flatten, dense(4), softmax], SHAPE, &data),
        @"the last layer is dense_softmax with 4 outputs, expected a softmax over the data's 3 classes"
    );
    insta::assert_snapshot!(
        error(&[dense(3), softmax], Shape::vector(36), &data),
        @"the network reads 36, but the samples are 12×3×1"
    );
}

/// Zeros around and between values take memory, too: a few more of them than there is room for.
#[test]
fn maps_that_no_memory_holds_are_refused() {
    let softmax = Layer::Activation(Activation::Softmax);
    let train_on = |input: Shape, samples: usize, first: &[Layer]| {
        let layers = [first, &[Layer::Flatten, Layer::Dense { units: 3 }, softmax]].concat();
        let data = Dataset {
            shape: input,
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            inputs: vec![0.5; samples * input.len()],
            labels: (0..samples).map(|sample| sample % 3).collect(),
            spans: None,
            groups: None,
        };
        let all: Vec<usize> = (0..samples).collect();
        let training = Training::new(1, samples, Optimizer::from_name("adam").unwrap());
        train(&Network::chain(input, &layers).unwrap(), &data, &all, &training, 0, &mut go_on)
    };
    let conv = |kernel, dilation, padding| Layer::Conv2d {
        filters: 1,
        kernel: [kernel; 2],
        stride: [1, 1],
        dilation: [dilation; 2],
        padding,
    };
    let too_large = |result: Result<Model, TrainError>| match result {
        Err(TrainError::TooLarge { values }) => values,
        other => panic!("{other:?}"),
    };
    // 2 · 4900 zeros around 4 values.
    let padded = [conv(3, 4900, Padding::Same)];
    assert_eq!(too_large(train_on(Shape::new(4, 4, 1), 48, &padded)), 48 * 9804 * 9804);
    // A window over all of a map leaves one value, whose gradient lies between 1999 zeros on each side.
    let spread = [conv(1, 1, Padding::Valid), conv(2, 1999, Padding::Valid)];
    assert_eq!(too_large(train_on(Shape::new(2000, 2000, 1), 1, &spread)), 32 * 3999 * 3999);
    // One sample at a time fits.
    let depthwise = Layer::DepthwiseConv2d {
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [300, 300],
        padding: Padding::Same,
    };
    train_on(Shape::new(4, 4, 1), 2000, &[depthwise]).unwrap();
}

#[test]
fn predict_takes_any_number_of_samples() {
    let data = waves(70);
    let model = Model::initialise(network(), 1);
    let together = model.predict(&data.inputs);
    assert_eq!(together.len(), 70 * 3);
    assert!(model.predict(&[]).is_empty());
    for (sample, outputs) in together.chunks(3).enumerate() {
        assert!((outputs.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        for (alone, together) in model.predict(data.sample(sample)).iter().zip(outputs) {
            assert!((alone - together).abs() < 1e-6, "a sample doesn't depend on its neighbours");
        }
    }
}

#[test]
fn standardised_data_has_mean_0_and_deviation_1() {
    let mut data = waves(50);
    // Channel 1 on another scale, channel 2 constant.
    for row in data.inputs.chunks_exact_mut(3) {
        row[1] = 100.0 + 7.0 * row[1];
        row[2] = 5.0;
    }
    let samples: Vec<usize> = (10..50).collect();
    let standardisation = Standardisation::fit(&data, &samples, 3);
    assert_eq!((standardisation.mean[2], standardisation.deviation[2]), (5.0, 1.0));
    let data = data.standardised(&standardisation);
    for channel in 0..2 {
        let values: Vec<f64> = samples
            .iter()
            .flat_map(|&sample| data.sample(sample).iter().skip(channel).step_by(3))
            .map(|&x| f64::from(x))
            .collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
    }
    assert!(data.inputs.iter().skip(2).step_by(3).all(|&x| x == 0.0));
}

#[test]
fn a_saved_model_is_the_same_model() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/model");
    let layers: Vec<Layer> = network().nodes.iter().map(|node| node.layer).collect();
    let depthwise = Layer::DepthwiseConv2d {
        kernel: [3, 1],
        stride: [1, 1],
        dilation: [2, 1],
        padding: Padding::Same,
    };
    let norm = Layer::BatchNorm { momentum: 0.9, epsilon: 1e-3 };
    let leaky = Layer::Activation(Activation::LeakyRelu { negative_slope: 0.1 });
    let layers = [&[depthwise, norm, leaky], &layers[..]].concat();
    let data = waves(60);
    let samples: Vec<usize> = (0..60).collect();
    // Trained, so that the moving averages have moved.
    let network = Network::chain(SHAPE, &layers).unwrap();
    let model = train(&network, &data, &samples, &adam(0.01), 9, &mut go_on).unwrap();
    model.save(&path).unwrap();
    assert_eq!(Model::load(&path).unwrap(), model);
}

#[test]
fn a_damaged_model_is_refused_with_the_file_that_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let model = Model::initialise(network(), 9);
    let (network_file, weights_file) =
        (path.join("network.json"), path.join("weights.safetensors"));
    let error = || {
        let error = Model::load(path).unwrap_err().to_string();
        error.replace(&path.display().to_string(), "DIR")
    };

    insta::assert_snapshot!(error(), @"cannot read DIR/network.json");
    model.save(path).unwrap();
    let text = std::fs::read_to_string(&network_file).unwrap();
    std::fs::write(&network_file, text.replacen("\"height\": 12", "\"height\": 13", 1)).unwrap();
    insta::assert_snapshot!(
        error(),
        @"DIR/network.json: the nodes and shapes do not follow from the input and the layers"
    );
    std::fs::write(&network_file, &text[..100]).unwrap();
    insta::assert_snapshot!(error(), @"DIR/network.json: not a network");

    model.save(path).unwrap();
    let bytes = std::fs::read(&weights_file).unwrap();
    std::fs::write(&weights_file, &bytes[..bytes.len() - 1]).unwrap();
    insta::assert_snapshot!(error(), @"DIR/weights.safetensors: not a safetensors file");

    let layers = [Layer::Dense { units: 2 }];
    let small = Network::chain(Shape::vector(3), &layers).unwrap();
    let weights = Some(Weights { kernel: vec![0.0; 6], bias: vec![0.0; 2], moving: None });
    Model { network: small, weights: vec![weights] }.save(path).unwrap();
    model.save(&path.join("other")).unwrap();
    std::fs::copy(path.join("other/network.json"), &network_file).unwrap();
    let missing = Model::load(path).unwrap_err();
    assert!(matches!(&missing, ModelError::Tensor { tensor, .. } if tensor == "conv2d.kernel"));
    insta::assert_snapshot!(
        error(),
        @r#"DIR/weights.safetensors: tensor "conv2d.kernel" is missing, expected float32 [3, 2, 1, 8]"#
    );
}

#[test]
fn validation_changes_nothing_and_ends_at_the_models_accuracy() {
    let data = waves(300);
    let (samples, validation) = ((0..200).collect::<Vec<_>>(), (200..300).collect::<Vec<_>>());
    let plain = train(&network(), &data, &samples, &adam(0.003), 3, &mut go_on).unwrap();
    let mut curve = vec![];
    let on_epoch = &mut |epoch: &autotinyml_nn::Epoch| {
        curve.extend(epoch.validation_score(Metric::Accuracy));
        ControlFlow::Continue(())
    };
    let (training, network) = (adam(0.003), network());
    let validated =
        train_and_validate(&network, &data, &samples, &validation, &training, 3, on_epoch).unwrap();
    assert_eq!(bits(&validated), bits(&plain));
    assert_eq!(curve.len(), 12);
    assert_eq!(curve[11], plain.accuracy(&data, &validation));
    // Each epoch's is that of a training that ends there.
    let shorter = Training { epochs: 2, ..training };
    let model = train(&network, &data, &samples, &shorter, 3, &mut go_on).unwrap();
    assert_eq!(curve[1], model.accuracy(&data, &validation));
    assert!(curve[1] < curve[11], "{curve:?}");
}

/// A dense layer whose gradient comes in several pieces.
fn wide_network() -> Network {
    let layers = [
        Layer::Flatten,
        Layer::Dense { units: 300 },
        Layer::Activation(Activation::Tanh),
        Layer::Dense { units: 3 },
        Layer::Activation(Activation::Softmax),
    ];
    Network::chain(SHAPE, &layers).unwrap()
}

#[test]
fn a_gradient_shorter_than_the_norm_is_taken_as_it_is() {
    let data = waves(60);
    let samples: Vec<usize> = (0..60).collect();
    for name in Optimizer::NAMES {
        let optimizer = Optimizer::from_name(name).unwrap();
        for l2 in [0.0, 0.01] {
            let free = Training { l2, ..Training::new(3, 10, optimizer) };
            let clipped = Training { clip_norm: Some(1e6), ..free.clone() };
            let [free, clipped] = [free, clipped].map(|training| {
                train(&wide_network(), &data, &samples, &training, 1, &mut go_on).unwrap()
            });
            assert_eq!(bits(&free), bits(&clipped), "{name}, {l2}");
        }
    }
}

#[test]
fn a_clipped_step_has_the_norm_it_is_clipped_to() {
    let data = waves(60);
    let samples: Vec<usize> = (0..60).collect();
    let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0 };
    let training = Training { clip_norm: Some(0.01), ..Training::new(1, 60, optimizer) };
    let before = Model::initialise(wide_network(), 1);
    let after = train(&wide_network(), &data, &samples, &training, 1, &mut go_on).unwrap();
    let all = |model: &Model| -> Vec<f32> {
        let weights = model.weights.iter().flatten();
        weights.flat_map(|w| w.kernel.iter().chain(&w.bias)).copied().collect()
    };
    let moved = all(&before).into_iter().zip(all(&after)).map(|(a, b)| f64::from(a - b).powi(2));
    assert!((moved.sum::<f64>().sqrt() - 0.01).abs() < 1e-4);
}

#[test]
fn a_penalty_pulls_kernels_and_leaves_biases() {
    let data = waves(60);
    let samples: Vec<usize> = (0..60).collect();
    let optimizer = Optimizer::Sgd { learning_rate: 0.5, momentum: 0.0 };
    let plain = Training::new(1, 60, optimizer);
    let penalised = Training { l2: 0.01, ..plain.clone() };
    let before = Model::initialise(wide_network(), 1);
    let [plain, penalised] = [plain, penalised]
        .map(|training| train(&wide_network(), &data, &samples, &training, 1, &mut go_on).unwrap());
    for node in 0..before.weights.len() {
        let Some(first) = &before.weights[node] else { continue };
        let [plain, penalised] =
            [&plain, &penalised].map(|model| model.weights[node].as_ref().unwrap());
        assert_eq!(plain.bias, penalised.bias);
        for (index, w) in first.kernel.iter().enumerate() {
            let pulled = plain.kernel[index] - penalised.kernel[index];
            assert!((pulled - 0.5 * 2.0 * 0.01 * w).abs() < 1e-6, "{node} {index}");
        }
    }
}

#[test]
fn recipes_that_cannot_be_followed_are_refused() {
    let data = waves(60);
    let error = |training: &Training| {
        train(&network(), &data, &[0, 1], training, 0, &mut go_on).unwrap_err().to_string()
    };
    let plain = adam(0.01);
    let weights = ClassWeights::PerClass(vec![1.0, 2.0]);
    insta::assert_snapshot!(
        error(&Training { class_weights: weights, ..plain.clone() }),
        @"there are class weights for 2 classes, but the data has 3"
    );
    let stopping = EarlyStopping { monitor: Monitor::ValidationLoss, patience: 2 };
    insta::assert_snapshot!(
        error(&Training { early_stopping: Some(stopping), ..plain }),
        @"early stopping needs validation samples, but there are none"
    );
}
