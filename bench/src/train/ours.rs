//! Our own trainer as one of the contestants: `bench trainer CASE`, a process like those of the peers.

use std::ops::ControlFlow;
use std::thread;
use std::time::Instant;

use autotinyml_nn::{Dataset, Model, Optimizer, Training, train};

use super::case::Case;
use super::trainer::Measured;
use crate::failure::Failure;

/// What to train, and how.
#[derive(clap::Args)]
pub struct Options {
    /// A case, as JSON.
    case: String,
    /// As in a study file.
    #[arg(long, default_value = "adam")]
    optimizer: String,
    /// Trainings side by side, one thread each.
    #[arg(long, default_value_t = 1)]
    parallel: u64,
    /// Only run the samples through the network.
    #[arg(long)]
    forward: bool,
}

/// Trains and prints what it took.
///
/// # Errors
/// If an option makes no sense.
pub fn trainer(options: &Options) -> Result<(), Failure> {
    let case: Case = serde_json::from_str(&options.case).map_err(|error| Failure::Unknown {
        kind: "case",
        name: options.case.clone(),
        known: error.to_string(),
    })?;
    let optimizer = Optimizer::from_name(&options.optimizer).ok_or_else(|| Failure::Unknown {
        kind: "optimizer",
        name: options.optimizer.clone(),
        known: Optimizer::NAMES.join(", "),
    })?;
    let data = random_data(&case);
    let timed = |seed| match options.forward {
        true => forward(&case, &data),
        false => epochs(&case, &data, optimizer, seed),
    };
    let seconds = thread::scope(|scope| {
        let others: Vec<_> =
            (1..options.parallel).map(|seed| scope.spawn(move || timed(seed))).collect();
        let mut all = vec![timed(0)];
        all.extend(others.into_iter().filter_map(|other| other.join().ok()));
        all
    });
    let measured = Measured { epoch_seconds: seconds.concat(), peak_bytes: peak_bytes() };
    match serde_json::to_string(&measured) {
        Ok(line) => println!("{line}"),
        Err(error) => unreachable!("plain numbers: {error}"),
    }
    Ok(())
}

/// Seconds of each epoch but the first.
fn epochs(case: &Case, data: &Dataset, optimizer: Optimizer, seed: u64) -> Vec<f64> {
    let samples: Vec<usize> = (0..case.samples).collect();
    let training = Training::new(case.epochs, case.batch, optimizer);
    let mut seconds = vec![];
    let mut start = Instant::now();
    let trained = train(&case.network(), data, &samples, &training, seed, &mut |_| {
        seconds.push(start.elapsed().as_secs_f64());
        start = Instant::now();
        ControlFlow::Continue(())
    });
    match trained {
        Ok(_) => seconds.split_off(1),
        Err(error) => unreachable!("small numbers, and a network that fits them: {error}"),
    }
}

/// Seconds of each pass but the first, in the batches that `predict` makes, whatever those of the case:
/// to choose them would serve nobody but this benchmark.
fn forward(case: &Case, data: &Dataset) -> Vec<f64> {
    let model = Model::initialise(case.network(), 0);
    let mut seconds: Vec<f64> = (0..case.epochs)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(model.predict(&data.inputs));
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.split_off(1)
}

/// Numbers between −1 and 1 without a pattern, and labels in turn.
fn random_data(case: &Case) -> Dataset {
    let mut state = 1u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    Dataset {
        shape: case.input,
        classes: (0..case.classes).map(|class| class.to_string()).collect(),
        inputs: (0..case.samples * case.input.len()).map(|_| number()).collect(),
        labels: (0..case.samples).map(|sample| sample % case.classes).collect(),
        spans: None,
        groups: None,
    }
}

/// The most memory that this process ever held; 0 where the system does not say.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    1024 * kib.unwrap_or(0)
}
