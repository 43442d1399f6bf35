//! Seconds per epoch of the walking network: 90×3×1 → convolution 2×2 → pooling 2 → dropout 0.2 →
//! dense → dense → 22 classes, on 2,650 windows, with Adam, on one core.
//!
//! `cargo run --release -p autotinyml-nn --example epoch_time`

use std::ops::ControlFlow;
use std::time::Instant;

use autotinyml_nn::{
    Activation, Dataset, Layer, Network, Optimizer, Padding, Shape, Training, train,
};

const WINDOWS: usize = 2_650;
const CLASSES: usize = 22;
/// Epochs timed; the first, which warms the caches up, comes on top.
const EPOCHS: usize = 5;

fn main() {
    println!("batch  filters and units  seconds/epoch (median of {EPOCHS})");
    for (batch, width) in [(10, 128), (10, 16), (10, 8), (32, 128)] {
        println!("{batch:>5}  {width:>17}  {:.4}", median_epoch_seconds(batch, width));
    }
}

fn median_epoch_seconds(batch: usize, width: usize) -> f64 {
    let data = noise();
    let relu = Layer::Activation(Activation::Relu);
    let dense = Layer::Dense { units: width };
    let network = Network::chain(
        data.shape,
        &[
            Layer::Conv2d {
                filters: width,
                kernel: [2, 2],
                stride: [1, 1],
                dilation: [1, 1],
                padding: Padding::Valid,
            },
            relu,
            Layer::MaxPool2d { window: [2, 2], stride: [2, 2] },
            Layer::Dropout { rate: 0.2 },
            Layer::Flatten,
            dense,
            relu,
            dense,
            relu,
            Layer::Dense { units: CLASSES },
            Layer::Activation(Activation::Softmax),
        ],
    )
    .expect("the layers fit");
    let optimizer = Optimizer::from_name("adam").expect("a known name");
    let training = Training::new(EPOCHS + 1, batch, optimizer);
    let samples: Vec<usize> = (0..WINDOWS).collect();
    let mut ends = vec![];
    train(&network, &data, &samples, &training, 0, &mut |_| {
        ends.push(Instant::now());
        ControlFlow::Continue(())
    })
    .expect("the training converges");
    let mut seconds: Vec<f64> =
        ends.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[EPOCHS / 2]
}

/// Windows without structure: time doesn't depend on the values.
fn noise() -> Dataset {
    let shape = Shape::new(90, 3, 1);
    let mut state = 0u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    Dataset {
        shape,
        classes: (0..CLASSES).map(|class| class.to_string()).collect(),
        inputs: (0..WINDOWS * shape.len()).map(|_| next()).collect(),
        labels: (0..WINDOWS).map(|window| window % CLASSES).collect(),
        spans: None,
        groups: None,
    }
}
