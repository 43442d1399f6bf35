//! `cargo xtask bench search`: regret on tables of real trainings.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::contestant::Contestant;
use crate::failure::Failure;
use crate::folders;
use crate::problem::{ProblemSet, TableProblem};
use crate::results::{Key, Results};
use crate::run::{Regime, run};
use crate::summary::{Curve, Entry, print_means, print_ranks};

/// What to run.
#[derive(clap::Args)]
pub struct Options {
    /// Problems: core, wide, g09, slow, or all.
    #[arg(long = "set", default_value = "core")]
    sets: Vec<ProblemSet>,
    /// Names, separated by commas; the first is tested against each other one.
    #[arg(long, value_delimiter = ',', default_value = "random")]
    searchers: Vec<String>,
    /// values, labels, known; separated by commas.
    #[arg(long = "regime", value_delimiter = ',', default_value = "values")]
    regimes: Vec<Regime>,
    /// Runs per problem.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Trials per run, the starting ones included.
    #[arg(long, default_value_t = 200)]
    trials: usize,
    /// How many uniformly drawn trials, the same for every searcher, each run begins with.
    #[arg(long, default_value_t = 10)]
    start: usize,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Run again what is in the file already.
    #[arg(long)]
    fresh: bool,
    /// Where runs are kept [default: target/bench/results/search.csv].
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Runs from one word of progress to the next.
const PROGRESS: usize = 50;

/// One run that is to be done.
struct Job<'a> {
    problem: usize,
    regime: Regime,
    searcher: &'a str,
    seed: u64,
}

/// Runs what is missing and prints what it comes to.
///
/// # Errors
/// If a name is unknown, a table is missing, or a searcher fails.
pub fn search(options: &Options) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for set in &options.sets {
        problems.extend(set.problems()?);
    }
    let path =
        options.out.clone().unwrap_or_else(|| folders::made().join("results").join("search.csv"));
    let mut jobs = Vec::new();
    for &regime in &options.regimes {
        for searcher in &options.searchers {
            for seed in 0..options.seeds {
                jobs.extend((0..problems.len()).map(|problem| Job {
                    problem,
                    regime,
                    searcher,
                    seed,
                }));
            }
        }
    }
    let asked: Vec<Key> = jobs.iter().map(|job| key(options, &problems, job)).collect();
    let results = Results::open(&path, |key| options.fresh && asked.contains(key))?;
    let mut curves = run_all(options, &problems, &jobs, &results)?.into_iter();
    let runs_per_entry = problems.len() * options.seeds as usize;
    let mut entries = Vec::new();
    for &regime in &options.regimes {
        for searcher in &options.searchers {
            let curves: Vec<Curve> = curves.by_ref().take(runs_per_entry).collect();
            entries.push(Entry { regime, searcher, curves });
        }
    }
    print_means(&entries, options.trials);
    for regime in &options.regimes {
        let of_regime: Vec<&Entry> =
            entries.iter().filter(|entry| entry.regime == *regime).collect();
        print_ranks(&of_regime, problems.len(), options.trials);
    }
    Ok(())
}

fn key(options: &Options, problems: &[TableProblem], job: &Job) -> Key {
    Key {
        problem: problems[job.problem].id.clone(),
        regime: job.regime.name().to_owned(),
        searcher: job.searcher.to_owned(),
        seed: job.seed,
        trials: options.trials,
        starts: options.start,
    }
}

/// The curves of all jobs, in their order.
fn run_all(
    options: &Options,
    problems: &[TableProblem],
    jobs: &[Job],
    results: &Results,
) -> Result<Vec<Curve>, Failure> {
    let next = AtomicUsize::new(0);
    let finished: Mutex<Vec<(usize, Curve)>> = Mutex::new(Vec::with_capacity(jobs.len()));
    let work = || -> Result<(), Failure> {
        // The last contestant stays: starting a peer takes seconds.
        let mut present: Option<(&str, Contestant)> = None;
        while let Some((index, job)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(index).map(|job| (index, job))
        } {
            let on = &problems[job.problem];
            let key = key(options, problems, job);
            let judge = |run: &_| Curve::new(on, job.problem, options.start, run);
            let curve = if let Some(known) = results.get(&key) {
                judge(known)
            } else {
                let starts = on.starts(options.start, job.regime == Regime::Known, job.seed);
                let mut contestant = match present.take() {
                    Some((name, contestant)) if name == job.searcher => contestant,
                    _ => Contestant::of_name(job.searcher)?,
                };
                let run = run(on, &mut contestant, job.regime, &starts, options.trials, job.seed)?;
                present = Some((job.searcher, contestant));
                results.add(&key, &run)?;
                if (index + 1).is_multiple_of(PROGRESS) {
                    eprintln!("bench: run {} of {}", index + 1, jobs.len());
                }
                judge(&run)
            };
            finished.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, curve));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let mut finished = finished.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    finished.sort_by_key(|(index, _)| *index);
    Ok(finished.into_iter().map(|(_, curve)| curve).collect())
}
