//! A suggestion stays affordable however long the history.

use std::time::{Duration, Instant};

use super::*;

/// A machine may be busy; on an idle one it is a fraction of a second, and a cost that grows with the cube of the
/// history would be hours.
const SUGGESTION_MAX: Duration = Duration::from_secs(20);

/// Of ten thousand trials, in the space of the talk and in one of thirty parameters, in the midst and at the
/// end, once with values of the constraints and once with labels.
#[test]
fn a_history_of_ten_thousand_trials_is_tolerable() {
    for (space_name, space) in [("talk", talk()), ("thirty", thirty())] {
        for limit in [None, Some(0.5)] {
            let mut problem = problem(&space, 10_100);
            problem.constraints[0].limit = limit;
            let history = drawn(&problem, 10_000);
            for searcher in searchers() {
                for trial in [5_000, 10_000] {
                    let begin = Instant::now();
                    searcher.suggest(&problem, &history, trial, 42).unwrap();
                    let what = format!(
                        "{} in {space_name}, limit {limit:?}: {:?}",
                        searcher.name(),
                        begin.elapsed()
                    );
                    println!("{what}");
                    assert!(begin.elapsed() < SUGGESTION_MAX, "{what}");
                }
            }
        }
    }
}

/// Trials of different configurations, evenly through the space; those with the lesser value are feasible.
fn drawn(problem: &Problem, trials: usize) -> History {
    let space = problem.space;
    let random = by_name("random", &SearcherOptions::default()).unwrap();
    let mut seen = HashSet::new();
    let mut history = History::default();
    for seed in 0.. {
        if history.0.len() == trials {
            return history;
        }
        let suggestion = random.suggest(problem, &History::default(), 0, seed).unwrap();
        let configuration = suggestion.configuration;
        if seen.insert(configuration.clone()) {
            let value = noise(space, &configuration, 2);
            let feasible = value < 0.5;
            let score = feasible.then(|| noise(space, &configuration, 1));
            let values = vec![problem.constraints[0].limit.map(|_| value)];
            let outcome = Some(Outcome { score, feasible, values });
            history.0.push(Trial::full(history.0.len(), configuration, outcome));
        }
    }
    unreachable!("seeds do not end")
}
