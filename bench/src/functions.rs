//! `cargo xtask bench functions`: the constrained functions on which SVM-CBO was published.
//!
//! Gap after n trials: |best after n − best of the start| / |optimum − best of the start|, so 1 is the
//! optimum and 0 no progress. A start has a feasible point: without one there is no gap.

use autotinyml_search::compare::{best_so_far, quantile};
use autotinyml_search::testfn::{FUNCTIONS, TestFunction};
use autotinyml_search::{Goal, History, Problem, Random, Searcher, Space, Trial};

use crate::contestant::Contestant;
use crate::failure::Failure;

/// Median gap after 10 + 60 + 30 trials of the program that its authors published, run five times.
const PUBLISHED: [(&str, f64); 5] = [
    ("mishras-bird", 0.750),
    ("michalewicz", 0.850),
    ("rosenbrock-disk", 0.973),
    ("branin-ellipses", 0.853),
    ("alpine-2", 0.391),
];

/// What to run.
#[derive(clap::Args)]
pub struct Options {
    /// Names, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "random")]
    searchers: Vec<String>,
    /// Runs per function.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Trials per run, the starting ones included.
    #[arg(long, default_value_t = 100, value_parser = trials_in_range)]
    trials: usize,
}

/// Uniformly drawn trials that each run begins with.
const STARTS: usize = 10;

/// Trials after which the gap is told, beside the last.
const EARLY: usize = 60;

fn trials_in_range(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|trials| *trials > STARTS).ok_or("expected more than 10".to_owned())
}

/// Runs everything and prints a table per function.
///
/// # Errors
/// If a name is unknown or a searcher fails.
pub fn functions(options: &Options) -> Result<(), Failure> {
    let trials = options.trials;
    for function in &FUNCTIONS {
        println!("{} (optimum {})", function.name, function.optimum);
        for (_, gap) in PUBLISHED.iter().filter(|(name, _)| *name == function.name) {
            println!("  {:<21} after 100: {gap:.3}", "the authors' program");
        }
        for name in &options.searchers {
            let mut contestant = Contestant::of_name(name)?;
            let runs: Result<Vec<History>, Failure> = (0..options.seeds)
                .map(|seed| run(function, &mut contestant, trials, seed))
                .collect();
            let runs = runs?;
            let gap = |at: usize| {
                let gaps: Vec<f64> = runs.iter().map(|run| gap(function, run, at)).collect();
                quantile(&gaps, 0.5).unwrap_or(f64::NAN)
            };
            let infeasible: usize = runs.iter().map(infeasible).sum();
            println!(
                "  {name:<21} after {EARLY}: {:.4}, after {trials}: {:.4}, infeasible {:.0} of {trials}",
                gap(EARLY.min(trials)),
                gap(trials),
                infeasible as f64 / runs.len() as f64,
            );
        }
    }
    Ok(())
}

fn run(
    function: &TestFunction,
    contestant: &mut Contestant,
    trials: usize,
    seed: u64,
) -> Result<History, Failure> {
    let space = function.space();
    let constraints = function.constraints();
    let problem = Problem { constraints, ..Problem::new(&space, Goal::Minimise, trials) };
    let mut history = start(function, &problem, seed)?;
    contestant.begin(&problem, seed)?;
    for id in STARTS..trials {
        let (configuration, _) = contestant.suggest(&problem, &history, seed)?;
        history.0.push(evaluated(function, &space, id, configuration));
    }
    Ok(history)
}

/// The first of the drawn designs that has a feasible point.
fn start(function: &TestFunction, problem: &Problem, seed: u64) -> Result<History, Failure> {
    let mut drawn = History::default();
    loop {
        let id = drawn.0.len();
        let suggestion = Random
            .suggest(problem, &drawn, id, seed)
            .map_err(|source| Failure::Searcher { searcher: "random".to_owned(), seed, source })?;
        drawn.0.push(evaluated(function, problem.space, id, suggestion.configuration));
        if drawn.0.len() % STARTS == 0 {
            let mut design = drawn.0.split_off(drawn.0.len() - STARTS);
            if design.iter().any(is_feasible) {
                for (id, trial) in design.iter_mut().enumerate() {
                    trial.id = id;
                }
                return Ok(History(design));
            }
            drawn.0.append(&mut design);
        }
    }
}

fn evaluated(
    function: &TestFunction,
    space: &Space,
    id: usize,
    configuration: autotinyml_search::Configuration,
) -> Trial {
    let outcome = function.evaluate(space, &configuration);
    Trial::full(id, configuration, Some(outcome))
}

fn is_feasible(trial: &Trial) -> bool {
    trial.outcome.as_ref().is_some_and(|outcome| outcome.feasible)
}

fn infeasible(run: &History) -> usize {
    run.0.iter().filter(|trial| !is_feasible(trial)).count()
}

fn gap(function: &TestFunction, run: &History, trials: usize) -> f64 {
    let scores = run.0.iter().map(|trial| trial.outcome.as_ref()?.feasible_score());
    let best = best_so_far(Goal::Minimise, scores);
    let (Some(first), Some(last)) = (best[STARTS - 1], best[trials - 1]) else { return 0.0 };
    (first - last) / (first - function.optimum)
}

#[cfg(test)]
mod tests {
    use autotinyml_search::SearcherOptions;
    use autotinyml_search::by_name;

    use super::*;

    #[test]
    fn a_run_begins_alike_for_everyone_and_its_gap_grows() {
        let function = &FUNCTIONS[0];
        let mut runs = ["random", "grid"].map(|name| {
            let searcher = by_name(name, &SearcherOptions::default()).unwrap();
            run(function, &mut Contestant::Ours(searcher), 40, 3).unwrap()
        });
        assert_eq!(runs[0].0[..STARTS], runs[1].0[..STARTS]);
        assert!(runs[0].0[..STARTS].iter().any(is_feasible));
        let gaps: Vec<f64> = (STARTS..=40).map(|at| gap(function, &runs[0], at)).collect();
        assert_eq!(gaps[0], 0.0);
        assert!(gaps.is_sorted() && gaps.iter().all(|gap| *gap < 1.0), "{gaps:?}");

        // By hand: half of the way from the best of the start to the optimum.
        let best = runs[1].0[..STARTS].iter().filter_map(|t| t.outcome.as_ref()?.feasible_score());
        let half = (best.fold(f64::INFINITY, f64::min) + function.optimum) / 2.0;
        let last = runs[1].0[39].outcome.as_mut().unwrap();
        (last.score, last.feasible) = (Some(half), true);
        runs[1].0[STARTS..39].iter_mut().for_each(|trial| trial.outcome = None);
        assert!((gap(function, &runs[1], 40) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn every_function_has_its_published_figure() {
        let names = FUNCTIONS.map(|function| function.name);
        assert_eq!(names, PUBLISHED.map(|(name, _)| name));
    }
}
