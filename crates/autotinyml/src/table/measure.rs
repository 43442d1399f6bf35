//! One training of a table: a configuration on the first fold, kept as it was trained and at every
//! compression.

use std::fs;
use std::ops::ControlFlow;
use std::time::Instant;

use autotinyml_deploy::{CrossAccuracy, compress};
use autotinyml_nn::{Confusion, Dataset, Metric, Model, TrainError, train_and_validate};
use autotinyml_search::Configuration;
use serde::{Deserialize, Serialize};

use super::COMPRESSIONS;
use crate::evaluate::{EvaluateError, Evaluator};
use crate::samples::Samples;
use crate::study_file::Study;

/// What training a configuration with a seed gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Validation accuracy of the network as trained after each epoch, 0 to 1; shorter if training
    /// diverged.
    pub curve: Vec<f64>,
    /// At ×1, ×4 and ×8. None: there is no network, or its training diverged.
    pub deployed: Option<[Deployed; COMPRESSIONS.len()]>,
    /// Why not.
    pub failure: Option<String>,
    /// Of training, validation of every epoch included: the processor's time where the system tells
    /// it, so that what else runs does not count.
    pub seconds: f64,
}

/// A trained network at one compression.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    /// On the validation part, 0 to 1.
    pub validation_accuracy: f64,
    /// On the test part, 0 to 1.
    pub test_accuracy: f64,
    /// Share of the validation part that it puts into the same class as the network as trained.
    pub cross_accuracy: f64,
}

impl Measured {
    fn failed(failure: String, curve: Vec<f64>, seconds: f64) -> Self {
        Self { curve, deployed: None, failure: Some(failure), seconds }
    }
}

/// Trains a configuration on the first fold. Seeds are counted as [`Evaluator::evaluate`] does, so
/// that with the study's own seed the network is that of a trial's first fold, to the bit.
///
/// # Errors
/// A study that cannot be trained at all.
pub fn measure(
    evaluator: &Evaluator<'_>,
    configuration: &Configuration,
    seed: u64,
) -> Result<Measured, EvaluateError> {
    let network = match evaluator.network(configuration) {
        Ok(network) => network,
        Err(reason) => return Ok(Measured::failed(reason.to_string(), vec![], 0.0)),
    };
    let fold = &evaluator.samples.folds[0];
    let data = &evaluator.samples.raw.standardised(&fold.standardisation);
    let Study { training, space, .. } = evaluator.study;
    let training = training.fill(space, configuration, &data.classes);
    let mut curve = vec![];
    let clock = Clock::start();
    let trained = train_and_validate(
        &network,
        data,
        &fold.train,
        &fold.validation,
        &training,
        seed.wrapping_mul(1000),
        &mut |epoch| {
            curve.extend(epoch.validation_score(Metric::Accuracy));
            ControlFlow::Continue(())
        },
    );
    let seconds = clock.seconds();
    match trained {
        Ok(model) => {
            let deployed = Some(deployed(&model, evaluator.samples, data));
            Ok(Measured { curve, deployed, failure: None, seconds })
        }
        Err(refused @ (TrainError::Diverged { .. } | TrainError::TooLarge { .. })) => {
            Ok(Measured::failed(refused.to_string(), curve, seconds))
        }
        Err(error) => Err(EvaluateError::Training(error)),
    }
}

fn deployed(model: &Model, samples: &Samples, data: &Dataset) -> [Deployed; COMPRESSIONS.len()] {
    let [validation, test] = [&samples.folds[0].validation, &samples.test];
    let classes = data.classes.len();
    let inputs = [validation, test].map(|part| Samples::gather(data, part));
    let reference = model.predict(&inputs[0]);
    COMPRESSIONS.map(|compression| {
        let stored = compress(model, compression).decompressed();
        let [on_validation, on_test] = [0, 1].map(|part| stored.predict(&inputs[part]));
        Deployed {
            validation_accuracy: accuracy(&on_validation, data, validation),
            test_accuracy: accuracy(&on_test, data, test),
            cross_accuracy: CrossAccuracy::between(&reference, &on_validation, classes).accuracy,
        }
    })
}

/// Share of samples that are put into their class.
fn accuracy(outputs: &[f32], data: &Dataset, samples: &[usize]) -> f64 {
    let labels = samples.iter().map(|&sample| data.labels[sample]);
    Confusion::of(outputs, labels, data.classes.len()).score(Metric::Accuracy)
}

/// Time of this thread.
struct Clock {
    wall: Instant,
    processor: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: processor_seconds() }
    }

    fn seconds(&self) -> f64 {
        match (self.processor, processor_seconds()) {
            (Some(start), Some(now)) => now - start,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// What Linux counts for the current thread.
fn processor_seconds() -> Option<f64> {
    let counts = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = counts.split(' ').next()?.parse().ok()?;
    Some(nanoseconds as f64 * 1e-9)
}
