//! `cargo xtask bench accuracy`: test accuracies of our trainer and of Keras, with the same network, first
//! weights and batches, for every optimizer at Keras' defaults.

mod set;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use autotinyml_nn::{Model, Optimizer, Training, epoch_order, train};
use serde::Deserialize;
use serde_json::json;

use crate::failure::Failure;
use crate::{folders, python};
use set::Set;

/// What to compare.
#[derive(clap::Args)]
pub struct Options {
    /// The folder that holds uiwad/ and mnist1d/.
    #[arg(long)]
    data: PathBuf,
    /// Data sets, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "uiwad,mnist1d")]
    only: Vec<String>,
    /// Trainings per optimizer.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..))]
    seeds: u64,
    /// Epochs of each.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
}

/// What Keras says of a training.
#[derive(Deserialize)]
struct Answer {
    optimizer: String,
    seed: u64,
    accuracy: f64,
}

/// Trains everything on both sides and prints a table.
///
/// # Errors
/// If the data, Python or its packages cannot be had, or a training fails.
pub fn accuracy(options: &Options) -> Result<(), Failure> {
    let requirements = folders::sources().join("peers/training-requirements.txt");
    let python = python::interpreter("training-venv", &requirements)?;
    let made = folders::made().join("accuracy");
    let data = std::fs::canonicalize(&options.data).map_err(Failure::file(&options.data))?;
    python::run(program(&python, "accuracy_data.py").args([&data, &made]))?;
    println!("test accuracy in %, mean ± standard deviation over {} seeds", options.seeds);
    println!("data     optimizer          ours         Keras   difference");
    for name in &options.only {
        let set = Set::read(name, &made.join(name))?;
        write_beginnings(&set, options)?;
        // Keras lives in a process of its own; ours waits for it, so that neither disturbs the other.
        let keras = keras(&python, &set, options)?;
        for optimizer in Optimizer::NAMES {
            let ours: Vec<f64> = (0..options.seeds)
                .map(|seed| ours(&set, optimizer, seed, options.epochs as usize))
                .collect::<Result<_, _>>()?;
            let of_keras = keras.iter().filter(|answer| answer.optimizer == optimizer);
            let keras: Vec<f64> = of_keras.map(|answer| answer.accuracy).collect();
            print_line(name, optimizer, &ours, &keras);
        }
    }
    Ok(())
}

fn program(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.current_dir(folders::sources().join("peers")).arg(name).env("OMP_NUM_THREADS", "1");
    command
}

/// For each seed the first weights and the order of the samples in all epochs, for Keras to read.
fn write_beginnings(set: &Set, options: &Options) -> Result<(), Failure> {
    let write = |path: PathBuf, bytes: Vec<u8>| {
        let file = std::fs::File::create(&path);
        file.and_then(|mut file| file.write_all(&bytes)).map_err(Failure::file(&path))
    };
    for seed in 0..options.seeds {
        let model = Model::initialise(set.network(), seed);
        let weights = model.weights.iter().flatten().flat_map(|w| w.kernel.iter().chain(&w.bias));
        let weights = weights.flat_map(|weight| weight.to_le_bytes()).collect();
        write(set.folder.join(format!("seed-{seed}.weights.f32")), weights)?;
        let orders = (1..=options.epochs as usize).flat_map(|e| epoch_order(&set.train, seed, e));
        let orders = orders.flat_map(|sample| (sample as u32).to_le_bytes()).collect();
        write(set.folder.join(format!("seed-{seed}.order.u32")), orders)?;
    }
    Ok(())
}

/// All trainings of Keras.
fn keras(python: &Path, set: &Set, options: &Options) -> Result<Vec<Answer>, Failure> {
    let job = json!({
        "folder": set.folder, "layers": set.layers, "batch": set.batch, "epochs": options.epochs,
        "optimizers": Optimizer::NAMES, "seeds": (0..options.seeds).collect::<Vec<_>>(),
    });
    let mut command = program(python, "keras_accuracy.py");
    command.arg(job.to_string());
    python::lines(&mut command, |line| {
        let answer: Answer = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let Answer { optimizer, seed, accuracy } = &answer;
        eprintln!("bench: {}, Keras, {optimizer}, seed {seed}: {accuracy:.4}", set.name);
        Ok(answer)
    })
}

/// Test accuracy of one training of ours.
fn ours(set: &Set, optimizer: &str, seed: u64, epochs: usize) -> Result<f64, Failure> {
    let Some(optimizer) = Optimizer::from_name(optimizer) else {
        unreachable!("a name from the list")
    };
    let training = Training::new(epochs, set.batch, optimizer);
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let model = train(&set.network(), &set.data, &set.train, &training, seed, go_on);
    let model = model.map_err(|error| Failure::Program {
        program: "ours".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(model.accuracy(&set.data, &set.test))
}

fn print_line(name: &str, optimizer: &str, ours: &[f64], keras: &[f64]) {
    let [ours, keras] = [ours, keras].map(mean_and_deviation);
    println!(
        "{name:<8} {optimizer:<9} {:>6.2} ± {:>4.2} {:>6.2} ± {:>4.2} {:>+12.2}",
        ours.0,
        ours.1,
        keras.0,
        keras.1,
        ours.0 - keras.0
    );
}

/// In per cent.
fn mean_and_deviation(shares: &[f64]) -> (f64, f64) {
    let count = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / count;
    let variance = shares.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (100.0 * mean, 100.0 * variance.sqrt())
}
