//! `cargo xtask bench train`: seconds per epoch of our trainer, Keras and PyTorch, one core each, on the
//! same networks with Adam; how far ours is from the machine's limits; memory; two trainings at a time.

mod case;
mod machine;
pub mod ours;
mod trainer;

use autotinyml_search::compare::quantile;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::failure::Failure;
use crate::suggest::print_machine;
use case::{Case, cases};
use trainer::{Measured, TRAINERS, Trainer};

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Cases, separated by commas; all if none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Who trains, separated by commas: ours, keras, pytorch, pytorch-fused.
    #[arg(long, value_delimiter = ',', default_values_t = TRAINERS.map(|t| t.name.to_owned()))]
    trainers: Vec<String>,
    /// Runs of each trainer, in turn; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Epochs per run, the first of which is not counted.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..))]
    epochs: u64,
}

/// Measures and prints all tables.
///
/// # Errors
/// If a name is unknown or a trainer fails.
pub fn train(options: &Options) -> Result<(), Failure> {
    let cases = chosen(options)?;
    let trainers: Vec<Trainer> =
        options.trainers.iter().map(|name| Trainer::of_name(name)).collect::<Result<_, _>>()?;
    print_machine();
    let all_cores = cores()?;
    keep_to(&first_of(&all_cores))?;
    let peak = machine::peak_operations();
    println!("one core: {:.0} GFLOP/s of multiply-adds in registers", peak / 1e9);
    println!("\ncase             trainer        s/epoch  spread  ours faster   peak MB");
    for case in &cases {
        compare(case, &trainers, options.runs)?;
    }
    if options.trainers.iter().any(|name| name == "ours") {
        println!(
            "\nour seconds per epoch, measured again beside their parts, and what the machine would \
             need at least"
        );
        println!(
            "case             measured  forward  backward  optimizer  | arithmetic  Adam's bytes  share"
        );
        for case in &cases {
            explain(case, options.runs, peak)?;
        }
        println!("\ntwo trainings at a time on two cores, against one");
        for case in &cases {
            in_parallel(case, options.runs, &all_cores)?;
        }
    }
    Ok(())
}

fn chosen(options: &Options) -> Result<Vec<Case>, Failure> {
    let all = cases(options.epochs as usize);
    let names: Vec<&str> = all.iter().map(|case| case.name.as_str()).collect();
    if let Some(name) = options.only.iter().find(|name| !names.contains(&name.as_str())) {
        let known = names.join(", ");
        return Err(Failure::Unknown { kind: "case", name: name.clone(), known });
    }
    let wanted = |case: &Case| options.only.is_empty() || options.only.contains(&case.name);
    Ok(all.into_iter().filter(wanted).collect())
}

/// Runs the trainers in turn and prints a line for each.
fn compare(case: &Case, trainers: &[Trainer], runs: u64) -> Result<(), Failure> {
    let mut measured: Vec<Vec<Measured>> = trainers.iter().map(|_| vec![]).collect();
    for _ in 0..runs {
        for (trainer, measured) in trainers.iter().zip(&mut measured) {
            measured.push(trainer.run(case, &[])?);
        }
    }
    let ours = trainers.iter().position(|trainer| trainer.name == "ours");
    let ours = ours.map(|index| run_median(&measured[index]));
    for (trainer, runs) in trainers.iter().zip(&measured) {
        let seconds = run_median(runs);
        let each: Vec<f64> = runs.iter().map(of_run).collect();
        let at = |p| quantile(&each, p).unwrap_or(f64::NAN);
        let peak = runs.iter().map(|run| run.peak_bytes).max().unwrap_or(0);
        let faster = match ours {
            Some(ours) if trainer.name != "ours" => format!("{:.2}×", seconds / ours),
            _ => String::new(),
        };
        println!(
            "{:<16} {:<13} {seconds:>8.4} {:>6.0}% {faster:>12} {:>9.1}",
            case.name,
            trainer.name,
            100.0 * (at(1.0) - at(0.0)) / seconds,
            peak as f64 / 1e6,
        );
    }
    Ok(())
}

/// Where our seconds go. The optimizer's are those that Adam takes more than plain descent, which also
/// walks over the weights but remembers nothing; forward is that of inference: without dropout, with the
/// moving averages of batch normalisations, in batches of 32.
fn explain(case: &Case, runs: u64, peak: f64) -> Result<(), Failure> {
    let ours = Trainer::of_name("ours")?;
    let ways: [&[&str]; 3] = [&[], &["--optimizer", "sgd"], &["--forward"]];
    let mut measured = ways.map(|_| vec![]);
    for _ in 0..runs {
        for (way, measured) in ways.iter().zip(&mut measured) {
            measured.push(ours.run(case, way)?);
        }
    }
    let [adam, sgd, forward] = measured.map(|runs| run_median(&runs));
    let arithmetic = case.operations() / peak;
    let bytes = case.adam_bytes();
    let traffic = (2 * bytes * case.steps()) as f64 / machine::bandwidth(bytes);
    println!(
        "{:<16} {adam:>8.4} {forward:>8.4} {:>9.4} {:>10.4}  | {arithmetic:>10.4} {traffic:>13.4} {:>5.0}%",
        case.name,
        sgd - forward,
        adam - sgd,
        100.0 * (arithmetic + traffic) / adam,
    );
    Ok(())
}

/// Trainings per minute of two threads on two cores, as a multiple of one thread's.
fn in_parallel(case: &Case, runs: u64, all_cores: &CpuSet) -> Result<(), Failure> {
    let ours = Trainer::of_name("ours")?;
    keep_to(all_cores)?;
    let (mut alone, mut both) = (vec![], vec![]);
    for _ in 0..runs {
        alone.push(ours.run(case, &[])?);
        both.push(ours.run(case, &["--parallel", "2"])?);
    }
    let (alone, both) = (run_median(&alone), run_median(&both));
    println!("{:<16} {:.2}×  ({alone:.4} s, {both:.4} s per epoch)", case.name, 2.0 * alone / both);
    keep_to(&first_of(all_cores))
}

/// Seconds per epoch of one process.
fn of_run(run: &Measured) -> f64 {
    quantile(&run.epoch_seconds, 0.5).unwrap_or(f64::NAN)
}

/// The median of all runs.
fn run_median(runs: &[Measured]) -> f64 {
    let each: Vec<f64> = runs.iter().map(of_run).collect();
    quantile(&each, 0.5).unwrap_or(f64::NAN)
}

fn cores() -> Result<CpuSet, Failure> {
    sched_getaffinity(None).map_err(|error| affinity(&error.to_string()))
}

/// This thread and the processes that it starts run on these cores only.
fn keep_to(cores: &CpuSet) -> Result<(), Failure> {
    sched_setaffinity(None, cores).map_err(|error| affinity(&error.to_string()))
}

fn affinity(reason: &str) -> Failure {
    Failure::Program { program: "sched_setaffinity".to_owned(), reason: reason.to_owned() }
}

fn first_of(cores: &CpuSet) -> CpuSet {
    let mut first = CpuSet::new();
    if let Some(core) = (0..CpuSet::MAX_CPU).find(|core| cores.is_set(*core)) {
        first.set(core);
    }
    first
}
