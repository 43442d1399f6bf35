//! Neural networks of microcontroller size: described, trained, evaluated.
//!
//! This crate knows no search and no board. A [`Network`] is a description; a [`Model`] is a
//! network with weights; [`train()`] turns the one into the other on a [`Dataset`].
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use autotinyml_nn::{
//!     Activation, Dataset, Layer, Network, Optimizer, Shape, SplitBy, Training, hold_out, train,
//! };
//!
//! // Two classes of two numbers each: which of them is larger?
//! let inputs: Vec<f32> = (0..200).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
//! let labels = inputs.chunks(2).map(|pair| usize::from(pair[0] > pair[1])).collect();
//! let data = Dataset {
//!     shape: Shape::vector(2),
//!     classes: vec!["second".into(), "first".into()],
//!     inputs,
//!     labels,
//!     spans: None,
//!     groups: None,
//! };
//! let network = Network::chain(
//!     data.shape,
//!     &[Layer::Dense { units: 2 }, Layer::Activation(Activation::Softmax)],
//! )?;
//!
//! let split = hold_out(&data, SplitBy::Stratified, 0.2, 0)?;
//! let optimizer = Optimizer::from_name("adam").unwrap().with_learning_rate(0.1);
//! let training = Training::new(20, 10, optimizer);
//! let model = train(&network, &data, &split.train, &training, 0, &mut |_| ControlFlow::Continue(()))?;
//! assert!(model.accuracy(&data, &split.test) > 0.9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cost;
pub mod dataset;
mod execution;
mod exponential;
mod layer;
mod matmul;
pub mod metric;
pub mod model;
pub mod network;
pub mod optimizer;
mod random;
mod registers;
pub mod split;
pub mod standardisation;
pub mod train;
mod vectors;

pub use cost::{multiply_accumulates, node_multiply_accumulates, node_parameters, parameters};
pub use dataset::{Dataset, Groups, Span};
pub use layer::softmax::largest;
pub use metric::{Confusion, Metric};
pub use model::{Model, ModelError, Moving, Weights};
pub use network::{
    Activation, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, BuildError, COUNT_MAX, LEAKY_RELU_SLOPE,
    Layer, NODES_MAX, Network, Node, Padding, Shape, Source, extent,
};
pub use optimizer::Optimizer;
pub use split::{
    Fold, HoldOut, SplitBy, SplitError, hold_out, hold_out_of, k_fold, leave_out, overlapping_share,
};
pub use standardisation::Standardisation;
pub use train::{
    Augmentation, ClassWeights, EarlyStopping, Epoch, Monitor, Schedule, TrainError, Training,
    epoch_order, train, train_and_validate,
};
