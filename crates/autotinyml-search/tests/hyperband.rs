//! Hyperband and BOHB where epochs matter.

use std::collections::HashMap;

use autotinyml_search::{
    Bohb, Configuration, Domain, Goal, History, Hyperband, Outcome, Parameter, Problem,
    SearchError, Searcher, SearcherOptions, Setting, Space, Trial, by_name,
};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const FULL: usize = 81;

fn searcher(name: &str) -> Box<dyn Searcher> {
    by_name(name, &SearcherOptions::default()).unwrap()
}

/// Counting ones (Falkner, Klein & Hutter 2018, section 5.1): the categories' sum is known at once, the
/// means of the Bernoulli variables from as many draws as there are epochs.
fn counting_ones(categorical: usize, continuous: usize) -> Space {
    let parameter = |name, domain| Parameter { name, domain, when: None };
    let bits = || Domain::Unordered(vec!["0".to_owned(), "1".to_owned()]);
    let share = || Domain::Range { low: 0.0, high: 1.0, step: None, log: false };
    let categories = (0..categorical).map(|i| parameter(format!("c{i}"), bits()));
    let numbers = (0..continuous).map(|i| parameter(format!("x{i}"), share()));
    Space::new(categories.chain(numbers).collect()).unwrap()
}

/// Greatest is the number of parameters.
fn ones(space: &Space, configuration: &Configuration, epochs: usize, rng: &mut impl RngExt) -> f64 {
    let mut count = |setting: Setting| match setting {
        Setting::Text(bit) => f64::from(u8::from(bit == "1")),
        Setting::Number(share) => {
            let hits = (0..epochs).filter(|_| rng.random::<f64>() < share).count();
            hits as f64 / epochs as f64
        }
    };
    space.settings(configuration).into_iter().map(|(_, setting)| count(setting)).sum()
}

/// The budget's trials, or until so many epochs are spent, those of resumed trainings not counted again; each trial knows
/// the outcomes of all but the `parallel` − 1 before it.
fn run(
    searcher: &dyn Searcher,
    problem: &Problem,
    parallel: usize,
    epochs_in_all: usize,
    mut judge: impl FnMut(&Configuration, usize) -> Outcome,
) -> History {
    let full = problem.epochs.unwrap();
    let mut history = History::default();
    let mut spent = 0;
    for id in 0..problem.budget {
        let suggestion = match searcher.suggest(problem, &history, id, 0) {
            Err(SearchError::Exhausted { .. }) => break,
            suggestion => suggestion.unwrap(),
        };
        let epochs = suggestion.epochs.unwrap_or(full);
        spent += epochs - suggestion.resumes.map_or(0, |id| history.0[id].epochs.unwrap());
        if spent > epochs_in_all {
            break;
        }
        let (configuration, epochs) = (suggestion.configuration, suggestion.epochs);
        history.0.push(Trial { id, configuration, epochs, outcome: None });
        if let Some(ended) = (id + 1).checked_sub(parallel) {
            let trial = &mut history.0[ended];
            trial.outcome = Some(judge(&trial.configuration, trial.epochs.unwrap_or(full)));
        }
    }
    history
}

fn feasible(score: f64) -> Outcome {
    Outcome { score: Some(score), feasible: true, values: vec![] }
}

fn trials_by_epochs(history: &History) -> HashMap<usize, usize> {
    let mut counts = HashMap::new();
    for trial in &history.0 {
        *counts.entry(trial.epochs.unwrap_or(FULL)).or_insert(0) += 1;
    }
    counts
}

/// The 206 trials of the five brackets of the paper's table 1 (81 + 27 + 9 + 3 + 1, 34 + 11 + …). With four
/// workers the next round begins before the last trials of this one. Whatever goes on was among the best of
/// its rung.
#[test]
fn one_round_is_the_papers_table() {
    let space = counting_ones(8, 8);
    let problem = Problem { epochs: Some(FULL), ..Problem::new(&space, Goal::Maximise, 206) };
    for parallel in [1, 4] {
        for name in ["hyperband", "bohb"] {
            let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
            let history =
                run(&*searcher(name), &problem, parallel, usize::MAX, |configuration, epochs| {
                    feasible(ones(&space, configuration, epochs, rng))
                });
            let expected = [(1, 81), (3, 27 + 34), (9, 9 + 11 + 15), (27, 3 + 3 + 5 + 8), (81, 10)];
            if parallel == 1 {
                assert_eq!(trials_by_epochs(&history), HashMap::from(expected), "{name}");
            }
            let of_epochs = |epochs| history.0.iter().filter(move |t| t.epochs == Some(epochs));
            let score = |trial: &Trial| trial.outcome.as_ref().unwrap().score.unwrap();
            let went_on = |trial: &&Trial| {
                of_epochs(3).any(|later| later.configuration == trial.configuration)
            };
            let (promoted, left): (Vec<&Trial>, Vec<&Trial>) =
                of_epochs(1).take(81).partition(went_on);
            let least = promoted.iter().map(|trial| score(trial)).fold(f64::INFINITY, f64::min);
            let greatest = left.iter().map(|trial| score(trial)).fold(f64::NEG_INFINITY, f64::max);
            assert!(promoted.len() == 27 && least >= greatest, "{name}: {least} {greatest}");
        }
    }
}

/// Only one configuration in four is feasible: no other goes on, and full trainings are reached all the same.
#[test]
fn what_is_infeasible_never_goes_on() {
    let space = counting_ones(8, 2);
    let fits = |configuration: &Configuration| {
        let is_one =
            |name| space.setting(configuration, name) == Some(Setting::Text("1".to_owned()));
        is_one("c0") && is_one("c1")
    };
    let problem = Problem { epochs: Some(FULL), ..Problem::new(&space, Goal::Maximise, 206) };
    for name in ["hyperband", "bohb"] {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(2);
        let history = run(&*searcher(name), &problem, 4, 1_500, |configuration, epochs| {
            let score = ones(&space, configuration, epochs, rng);
            Outcome { feasible: fits(configuration), ..feasible(score) }
        });
        let resumed = history.0.iter().enumerate().filter(|(id, trial)| {
            history.0[..*id].iter().any(|earlier| earlier.configuration == trial.configuration)
        });
        let resumed: Vec<&Trial> = resumed.map(|(_, trial)| trial).collect();
        assert!(resumed.len() > 20, "{name}: {}", resumed.len());
        assert!(resumed.iter().all(|trial| fits(&trial.configuration)), "{name}");
        assert!(history.best(Goal::Maximise).is_some(), "{name}");
    }
}

/// A search with fewer trials than a round of five brackets still trains in full.
#[test]
fn a_small_budget_has_full_trainings_too() {
    let space = counting_ones(4, 4);
    for budget in [1, 5, 20, 60] {
        let problem =
            Problem { epochs: Some(FULL), ..Problem::new(&space, Goal::Maximise, budget) };
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(3);
        let history = run(&*searcher("hyperband"), &problem, 1, budget * FULL, |c, epochs| {
            if epochs == FULL {
                feasible(f64::INFINITY)
            } else {
                feasible(ones(&space, c, epochs, rng))
            }
        });
        let full = history.0.iter().take(budget).filter(|trial| trial.epochs.is_none()).count();
        assert!(full >= 1, "{full} full trainings of {budget}");
    }
}

/// Twelve configurations: all begin, then the best go on until all are trained in full.
#[test]
fn a_finite_space_is_trained_in_full_in_the_end() {
    let numbers = Domain::Ordered((0..12).map(f64::from).collect());
    let parameter = Parameter { name: "p".to_owned(), domain: numbers, when: None };
    let space = Space::new(vec![parameter]).unwrap();
    let problem = Problem { epochs: Some(9), ..Problem::new(&space, Goal::Maximise, 100) };
    for name in ["hyperband", "bohb"] {
        let history =
            run(&*searcher(name), &problem, 1, 1_000, |configuration, epochs| {
                match space.setting(configuration, "p") {
                    Some(Setting::Number(number)) => feasible(number + epochs as f64),
                    other => panic!("{other:?}"),
                }
            });
        let full = history.0.iter().filter(|trial| trial.epochs.is_none()).count();
        assert_eq!(full, 12, "{name}");
    }
}

/// Regret after the epochs of so many full trainings, as figure 3 of Falkner et al. has it: Hyperband ahead of
/// random search at first, BOHB far ahead of both in the end. Medians of seven runs.
#[test]
fn on_counting_ones_bohb_beats_hyperband_beats_random_search() {
    let space = counting_ones(8, 8);
    let regret = |name: &str, full_trainings: usize| {
        let problem =
            Problem { epochs: Some(FULL), ..Problem::new(&space, Goal::Maximise, 10_000) };
        let mut regrets: Vec<f64> = (0..7)
            .map(|seed| {
                let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
                let offset = Offset(&*searcher(name), seed);
                let history = run(&offset, &problem, 4, full_trainings * FULL, |c, epochs| {
                    feasible(ones(&space, c, epochs, rng))
                });
                let (best, _) = history.best(Goal::Maximise).unwrap();
                let expected = |(_, setting)| match setting {
                    Setting::Number(share) => share,
                    Setting::Text(bit) => f64::from(u8::from(bit == "1")),
                };
                let settings = space.settings(&best.configuration);
                16.0 - settings.into_iter().map(expected).sum::<f64>()
            })
            .collect();
        regrets.sort_by(f64::total_cmp);
        println!("{name} after {full_trainings}: {regrets:.3?}");
        regrets[3]
    };
    let [early_random, early_hyperband] = ["random", "hyperband"].map(|name| regret(name, 30));
    assert!(early_hyperband < 0.8 * early_random, "{early_hyperband} {early_random}");
    let [hyperband, bohb] = ["hyperband", "bohb"].map(|name| regret(name, 120));
    assert!(bohb < 0.6 * hyperband, "{bohb} {hyperband}");
}

/// A searcher with another seed than the one it is asked with.
struct Offset<'a>(&'a dyn Searcher, u64);

impl Searcher for Offset<'_> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn suggest(
        &self,
        problem: &Problem,
        history: &History,
        trial: usize,
        seed: u64,
    ) -> Result<autotinyml_search::Suggestion, SearchError> {
        self.0.suggest(problem, history, trial, seed + self.1)
    }
}

#[test]
fn eta_out_of_range_is_the_nearest_in_range() {
    let space = counting_ones(4, 4);
    let suggest = |eta: usize, name: &str, epochs: usize| {
        let options = SearcherOptions {
            hyperband: Hyperband { eta },
            bohb: Bohb { eta },
            ..SearcherOptions::default()
        };
        let problem = Problem { epochs: Some(epochs), ..Problem::new(&space, Goal::Maximise, 200) };
        by_name(name, &options).unwrap().suggest(&problem, &History::default(), 0, 0).unwrap()
    };
    for name in ["hyperband", "bohb"] {
        assert_eq!(suggest(0, name, 16), suggest(2, name, 16));
        assert_eq!(suggest(2, name, 16).epochs, Some(1));
        assert_eq!(suggest(4, name, 16).epochs, Some(1));
        assert_eq!(suggest(5, name, 16).epochs, Some(3));
        assert_eq!(suggest(usize::MAX, name, 16).epochs, None);
        suggest(2, name, usize::MAX);
    }
}
