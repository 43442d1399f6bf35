//! `cargo xtask bench suggest`: what one suggestion costs on one core, in processor time.
//!
//! The space is that of a network with nine hyperparameters of every kind, and the two constraints are
//! learned from their values. A history of n random trials is told; then a searcher suggests, is told the
//! outcome, suggests again, so that refits are counted as often as they occur.

use std::time::{Duration, Instant};

use autotinyml_search::compare::quantile;
use autotinyml_search::{
    Configuration, Constraint, Domain, Goal, History, Known, Outcome, Parameter, Problem, Random,
    Searcher, Setting, Space, Trial,
};

use crate::contestant::Contestant;
use crate::failure::Failure;

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Names, separated by commas; the others are held against the first.
    #[arg(long, value_delimiter = ',', default_value = "random,svm-cbo")]
    searchers: Vec<String>,
    /// Trials in the history.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000")]
    history: Vec<usize>,
    /// Suggestions per searcher and history length, at most.
    #[arg(long, default_value_t = 200)]
    suggestions: usize,
    /// Seconds per searcher and history length after which no further suggestion is asked for.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Suggestions in a row on one history; then comes another history.
const IN_A_ROW: usize = 20;

/// Measures and prints one line per searcher and history length.
///
/// # Errors
/// If a name is unknown or a searcher fails.
pub fn suggest(options: &Options) -> Result<(), Failure> {
    print_machine();
    println!("searcher                  n    p50 ms    p99 ms   suggestions   p50 / first's");
    let space = space();
    for &trials in &options.history {
        let mut first = None;
        for name in &options.searchers {
            let milliseconds = measure(options, &space, name, trials)?;
            let at = |p| quantile(&milliseconds, p).unwrap_or(f64::NAN);
            let ratio = at(0.5) / *first.get_or_insert(at(0.5));
            println!(
                "{name:<21} {trials:>5} {:>9.3} {:>9.3} {:>13} {ratio:>15.2}",
                at(0.5),
                at(0.99),
                milliseconds.len()
            );
        }
    }
    Ok(())
}

/// Milliseconds of each suggestion.
fn measure(
    options: &Options,
    space: &Space,
    name: &str,
    trials: usize,
) -> Result<Vec<f64>, Failure> {
    let constraints = [("ram", 16e3), ("rom", 60e3)].map(|(name, limit)| Constraint {
        name: name.to_owned(),
        limit: Some(limit),
        known: Known::Measured,
    });
    let constraints = constraints.to_vec();
    let budget = trials + IN_A_ROW;
    let problem = Problem { constraints, ..Problem::new(space, Goal::Maximise, budget) };
    let mut contestant = Contestant::of_name(name)?;
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut milliseconds = Vec::with_capacity(options.suggestions);
    for seed in 0.. {
        let mut history = random_history(&problem, trials, seed);
        contestant.begin(&problem, seed)?;
        for _ in 0..IN_A_ROW {
            let (configuration, seconds) = contestant.suggest(&problem, &history, seed)?;
            milliseconds.push(1e3 * seconds);
            if milliseconds.len() == options.suggestions || Instant::now() > end {
                return Ok(milliseconds);
            }
            history.0.push(evaluated(space, history.0.len(), configuration));
        }
    }
    Ok(milliseconds)
}

fn random_history(problem: &Problem, trials: usize, seed: u64) -> History {
    let mut history = History::default();
    for id in 0..trials {
        if let Ok(suggestion) = Random.suggest(problem, &history, id, seed) {
            history.0.push(evaluated(problem.space, id, suggestion.configuration));
        }
    }
    history
}

/// Nine hyperparameters: ordered lists, categories, a range with steps and a logarithmic one.
fn space() -> Space {
    let list = |numbers: &[f64]| Domain::Ordered(numbers.to_vec());
    let of = |names: &[&str]| Domain::Unordered(names.iter().map(|&n| n.to_owned()).collect());
    let activations = ["relu", "sigmoid", "selu", "tanh"];
    let domains = [
        ("filters", list(&[6.0, 8.0, 10.0, 12.0, 16.0, 32.0, 64.0])),
        ("conv_activation", of(&activations)),
        ("kernel", list(&[1.0, 2.0, 3.0])),
        ("pool", list(&[1.0, 2.0, 3.0])),
        ("dropout", Domain::Range { low: 0.0, high: 0.5, step: None, log: false }),
        ("units", list(&[6.0, 8.0, 10.0, 12.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0])),
        ("dense_activation", of(&activations)),
        ("optimizer", of(&["adam", "sgd", "rmsprop", "adagrad", "adadelta"])),
        ("learning_rate", Domain::Range { low: 1e-4, high: 1e-1, step: None, log: true }),
    ];
    let parameter =
        |(name, domain): (&str, Domain)| Parameter { name: name.to_owned(), domain, when: None };
    match Space::new(domains.into_iter().map(parameter).collect()) {
        Ok(space) => space,
        Err(error) => unreachable!("fixed parameters: {error}"),
    }
}

/// What such a network might take and reach: sizes as they follow from its layers on 16 × 16 inputs, and
/// an accuracy that grows with size and has its best learning rate and dropout inside.
fn evaluated(space: &Space, id: usize, configuration: Configuration) -> Trial {
    let number = |name| match space.setting(&configuration, name) {
        Some(Setting::Number(number)) => number,
        _ => 0.0,
    };
    let is = |name, text: &str| match space.setting(&configuration, name) {
        Some(Setting::Text(found)) => f64::from(u8::from(found == text)),
        _ => 0.0,
    };
    let edge = ((17.0 - number("kernel")) / number("pool")).floor();
    let map = edge * edge * number("filters");
    let ram = 4.0 * (map + number("units"));
    let rom = 4.0 * (number("kernel").powi(2) * number("filters") + map * number("units"));
    let rate = (number("learning_rate") / 3e-3).ln();
    let accuracy = 0.9
        - 0.4 / (1.0 + number("units") / 8.0)
        - 0.2 / number("filters").sqrt()
        - 0.01 * rate * rate
        - 0.5 * (number("dropout") - 0.2).powi(2)
        + 0.03 * is("optimizer", "adam")
        - 0.05 * is("conv_activation", "sigmoid")
        - 0.02 * is("dense_activation", "sigmoid");
    let outcome = Outcome {
        score: Some(accuracy),
        feasible: ram <= 16e3 && rom <= 60e3,
        values: vec![Some(ram), Some(rom)],
    };
    Trial::full(id, configuration, Some(outcome))
}

/// Which processor, and whether it has other work: then times are too long.
pub fn print_machine() {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if let Some(model) = cpu.lines().find_map(|line| line.strip_prefix("model name")) {
        println!("{}", model.trim_start_matches(['\t', ' ', ':']));
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().and_then(|load| load.parse::<f64>().ok());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match load {
        Some(load) if load > 0.5 * cores as f64 => {
            println!("load {load} on {cores} cores: busy, which lengthens even processor time");
        }
        Some(load) => println!("load {load} on {cores} cores"),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both constraints must have something to teach.
    #[test]
    fn a_random_history_is_feasible_in_part_for_each_constraint() {
        let space = space();
        let problem = Problem::new(&space, Goal::Maximise, 200);
        let history = random_history(&problem, 200, 0);
        for (index, limit) in [(0, 16e3), (1, 60e3)] {
            let met = history
                .completed()
                .filter(|(_, outcome)| outcome.values[index].is_some_and(|value| value <= limit));
            let met = met.count();
            assert!((40..180).contains(&met), "constraint {index}: {met} of 200");
        }
    }
}
