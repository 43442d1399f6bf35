//! What every searcher of the catalogue keeps to, whatever the space and whatever the history.

mod constraints;
mod long_history;
mod rare;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use autotinyml_search::{
    CATALOGUE, Condition, Configuration, Constraint, Domain, Goal, History, Known, Outcome,
    Parameter, Phase, Problem, SearchError, Searcher, SearcherOptions, Setting, Space, Suggestion,
    Trial, by_name, least_violating,
};

fn searchers() -> Vec<Box<dyn Searcher>> {
    let options = SearcherOptions::default();
    CATALOGUE
        .iter()
        .map(|(name, _)| by_name(name, &options).expect("it is in the catalogue"))
        .collect()
}

fn parameter(name: &str, domain: Domain) -> Parameter {
    Parameter { name: name.to_owned(), domain, when: None }
}

fn numbers(name: &str, count: usize) -> Parameter {
    parameter(name, Domain::Ordered((0..count).map(|n| n as f64).collect()))
}

fn categories(name: &str, count: usize) -> Parameter {
    parameter(name, Domain::Unordered((0..count).map(|n| format!("c{n}")).collect()))
}

fn range(name: &str, low: f64, high: f64, step: Option<f64>, log: bool) -> Parameter {
    parameter(name, Domain::Range { low, high, step, log })
}

fn only_when(mut parameter: Parameter, on: &str, is: f64, negated: bool) -> Parameter {
    parameter.when =
        Some(Condition { parameter: on.to_owned(), is: vec![Setting::Number(is)], negated });
    parameter
}

/// The talk's experiment 1 on the Tiny Board.
fn talk() -> Space {
    Space::new(vec![
        numbers("filters", 6),
        categories("conv_activation", 4),
        numbers("kernel", 2),
        numbers("pool", 2),
        numbers("dropout", 3),
        numbers("units", 6),
        categories("dense_activation", 4),
        categories("optimizer", 5),
    ])
    .unwrap()
}

fn thirty() -> Space {
    let mixed = |index: usize| match index % 5 {
        0 => numbers(&format!("p{index}"), 4),
        1 => categories(&format!("p{index}"), 3),
        2 => range(&format!("p{index}"), 1e-4, 1.0, None, true),
        3 => range(&format!("p{index}"), 0.0, 100.0, Some(0.5), false),
        _ => range(&format!("p{index}"), -1.0, 1.0, None, false),
    };
    Space::new((0..30).map(mixed).collect()).unwrap()
}

fn conditional() -> Space {
    Space::new(vec![
        numbers("depth", 3),
        only_when(numbers("second", 4), "depth", 0.0, true),
        only_when(categories("third", 3), "depth", 2.0, false),
        only_when(range("rate", 0.001, 0.1, None, true), "second", 3.0, true),
        range("size", 1.0, 64.0, Some(1.0), true),
    ])
    .unwrap()
}

fn spaces() -> Vec<(&'static str, Space)> {
    vec![
        ("one list", Space::new(vec![numbers("p", 40)]).unwrap()),
        ("one range", Space::new(vec![range("p", -3.0, 5.0, None, false)]).unwrap()),
        (
            "one choice",
            Space::new(vec![categories("a", 1), numbers("b", 1), numbers("c", 50)]).unwrap(),
        ),
        ("talk", talk()),
        ("thirty", thirty()),
        ("conditional", conditional()),
    ]
}

/// Fixed pseudo-random numbers in `[0, 1)` of a configuration.
fn noise(space: &Space, configuration: &Configuration, salt: u64) -> f64 {
    let mut hasher = DefaultHasher::new();
    for (name, setting) in space.settings(configuration) {
        (salt, name, setting.to_string()).hash(&mut hasher);
    }
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

type Judge = fn(f64, f64) -> Outcome;

fn outcome(score: Option<f64>, feasible: bool) -> Outcome {
    Outcome { score, feasible, values: vec![None] }
}

const JUDGES: [(&str, Judge); 6] = [
    ("mixed", |score, label| outcome((label < 0.5).then_some(score), label < 0.5)),
    ("all feasible", |score, _| outcome(Some(score), true)),
    ("all infeasible", |_, _| outcome(None, false)),
    ("constant scores", |_, label| outcome(Some(0.5), label < 0.7)),
    ("feasible without score", |score, label| outcome((label < 0.5).then_some(score), true)),
    ("scores that are no numbers", |score, label| {
        outcome(Some(if label < 0.3 { f64::NAN } else { score }), true)
    }),
];

fn problem(space: &Space, budget: usize) -> Problem<'_> {
    let constraint = Constraint { name: "fits".to_owned(), limit: None, known: Known::Measured };
    Problem { constraints: vec![constraint], ..Problem::new(space, Goal::Maximise, budget) }
}

/// Trials `history.0.len()..until`, each suggested from all before it.
fn run(
    searcher: &dyn Searcher,
    problem: &Problem,
    judge: Judge,
    history: &mut History,
    until: usize,
) {
    for id in history.0.len()..until {
        let Suggestion { configuration, epochs, .. } =
            searcher.suggest(problem, history, id, 42).unwrap();
        let draw = |salt| noise(problem.space, &configuration, salt);
        let outcome = Some(judge(draw(1), draw(2)));
        history.0.push(Trial { id, configuration, epochs, outcome });
    }
}

/// What a store does: settings as text and back.
fn stored_and_read(space: &Space, history: &History) -> History {
    let read = |trial: &Trial| {
        let settings = space.settings(&trial.configuration);
        let text = serde_json::to_string(&settings).unwrap();
        let settings: Vec<(String, Setting)> = serde_json::from_str(&text).unwrap();
        Trial { configuration: space.configuration(&settings).unwrap(), ..trial.clone() }
    };
    History(history.0.iter().map(read).collect())
}

#[test]
fn names_are_stable() {
    for (searcher, (name, what)) in searchers().iter().zip(CATALOGUE) {
        assert_eq!(searcher.name(), *name);
        assert!(!what.is_empty());
    }
    assert!(by_name("no such searcher", &SearcherOptions::default()).is_none());
    for phase in Phase::ALL {
        assert_eq!(Phase::from_name(phase.name()), Some(phase));
    }
    assert_eq!(Phase::from_name("phase 3"), None);
}

/// In the space, never twice, the same again after a restart: for every kind of space and history.
#[test]
fn suggestions_are_new_and_reproducible() {
    for searcher in searchers() {
        for (space_name, space) in &spaces() {
            for (judge_name, judge) in JUDGES {
                let problem = problem(space, 30);
                let mut history = History::default();
                run(&*searcher, &problem, judge, &mut history, 30);
                let what = format!("{} in {space_name}, {judge_name}", searcher.name());

                let different: HashSet<_> =
                    history.0.iter().map(|trial| &trial.configuration).collect();
                assert_eq!(different.len(), 30, "repeats: {what}");

                let mut resumed = stored_and_read(space, &History(history.0[..17].to_vec()));
                run(&*searcher, &problem, judge, &mut resumed, 30);
                let configurations = |history: &History| -> Vec<Configuration> {
                    history.0.iter().map(|trial| trial.configuration.clone()).collect()
                };
                assert_eq!(configurations(&resumed), configurations(&history), "resumed: {what}");
            }
        }
    }
}

/// A configuration is suggested again only to train it for longer, after a feasible trial with fewer epochs:
/// the one that it resumes. Each trial knows the outcomes of all but the four before it.
#[test]
fn longer_trainings_are_earned() {
    const FULL: usize = 27;
    for searcher in searchers() {
        for (space_name, space) in &spaces() {
            for (judge_name, judge) in JUDGES {
                let problem = Problem { epochs: Some(FULL), ..problem(space, 60) };
                let what = format!("{} in {space_name}, {judge_name}", searcher.name());
                let mut history = History::default();
                let first = searcher.suggest(&problem, &history, 0, 42).unwrap();
                let trials = if first.epochs.is_some() { 60 } else { 8 };
                for id in 0..trials {
                    let suggestion = match searcher.suggest(&problem, &history, id, 42) {
                        Err(SearchError::Exhausted { .. }) => break,
                        suggestion => suggestion.unwrap(),
                    };
                    let again =
                        searcher.suggest(&problem, &stored_and_read(space, &history), id, 42);
                    assert_eq!(again.as_ref(), Ok(&suggestion), "{what}");
                    check_resumption(&history, &suggestion, FULL, &what);
                    let Suggestion { configuration, epochs, .. } = suggestion;
                    history.0.push(Trial { id, configuration, epochs, outcome: None });
                    if let Some(ended) = id.checked_sub(4) {
                        let trial = &mut history.0[ended];
                        let draw = |salt| noise(space, &trial.configuration, salt);
                        trial.outcome = Some(judge(draw(1), draw(2)));
                    }
                }
            }
        }
    }
}

fn check_resumption(history: &History, suggestion: &Suggestion, full: usize, what: &str) {
    let epochs = suggestion.epochs.unwrap_or(full);
    assert!(suggestion.epochs.is_none_or(|epochs| (1..full).contains(&epochs)), "{what}");
    let earlier: Vec<&Trial> =
        history.0.iter().filter(|t| t.configuration == suggestion.configuration).collect();
    let longest = earlier.iter().max_by_key(|trial| trial.epochs.unwrap_or(full));
    assert_eq!(suggestion.resumes, longest.map(|trial| trial.id), "{what}");
    if let Some(trial) = longest {
        assert!(trial.epochs.unwrap_or(full) < epochs, "{what}");
        assert!(trial.outcome.as_ref().is_some_and(|o| o.feasible_score().is_some()), "{what}");
    }
}

/// Nothing but seed, trial and history decides, in every phase: not what a searcher was asked before.
#[test]
fn a_suggestion_is_a_function_of_seed_trial_and_history() {
    let space = conditional();
    let problem = problem(&space, 30);
    for (searcher, other) in searchers().iter().zip(searchers()) {
        let mut history = History::default();
        run(&**searcher, &problem, JUDGES[0].1, &mut history, 24);
        for trial in [24, 12, 3, 0] {
            let before = History(history.0[..trial].to_vec());
            let suggest = |searcher: &dyn Searcher| searcher.suggest(&problem, &before, trial, 42);
            let first = suggest(&**searcher).unwrap();
            assert_eq!(suggest(&*other).unwrap(), first, "{} {trial}", searcher.name());
            assert!(history.0.get(trial).is_none_or(|t| t.configuration == first.configuration));
        }
    }
}

/// Whatever the history: every setting is one of its domain's, every active parameter has one.
#[test]
fn suggestions_stay_in_the_space() {
    let is_in = |domain: &Domain, setting: &Setting| match (domain, setting) {
        (Domain::Ordered(numbers), Setting::Number(number)) => numbers.contains(number),
        (Domain::Unordered(names), Setting::Text(text)) => names.contains(text),
        (Domain::Range { low, high, step, .. }, Setting::Number(number)) => {
            let steps = step.map_or(0.0, |step| (number - low) / step);
            (*low..=*high).contains(number) && (steps - steps.round()).abs() < 1e-9
        }
        _ => false,
    };
    let active = |settings: &[(&str, Setting)], parameter: &Parameter| {
        let set = |name: &str| settings.iter().find(|(n, _)| *n == name).map(|(_, s)| s);
        parameter.when.as_ref().is_none_or(|Condition { parameter, is, negated }| {
            set(parameter).is_some_and(|setting| is.contains(setting) != *negated)
        })
    };
    for searcher in searchers() {
        for (name, space) in &spaces() {
            let mut history = History::default();
            run(&*searcher, &problem(space, 24), JUDGES[0].1, &mut history, 24);
            for trial in &history.0 {
                let settings = space.settings(&trial.configuration);
                for parameter in space.parameters() {
                    let setting = settings.iter().find(|(name, _)| *name == parameter.name);
                    let right = match setting {
                        Some((_, setting)) => is_in(&parameter.domain, setting),
                        None => true,
                    };
                    let is_set = setting.is_some() == active(&settings, parameter);
                    assert!(right && is_set, "{} in {name}: {settings:?}", searcher.name());
                }
            }
        }
    }
}

#[test]
fn seeds_and_trials_make_a_difference() {
    let space = thirty();
    for searcher in searchers().iter().filter(|searcher| searcher.name() != "grid") {
        let suggest = |trial, seed| {
            searcher
                .suggest(&problem(&space, 100), &History::default(), trial, seed)
                .unwrap()
                .configuration
        };
        assert_ne!(suggest(0, 1), suggest(0, 2), "{}", searcher.name());
        assert_ne!(suggest(0, 1), suggest(1, 1), "{}", searcher.name());
    }
}

/// Five at once, in every phase: all different, although none has ended.
#[test]
fn running_trials_are_respected() {
    for searcher in searchers() {
        for (space_name, space) in &spaces() {
            for completed in [0, 6, 14, 30] {
                let problem = problem(space, 36);
                let mut history = History::default();
                run(&*searcher, &problem, JUDGES[0].1, &mut history, completed);
                for id in completed..completed + 5 {
                    let configuration =
                        searcher.suggest(&problem, &history, id, 42).unwrap().configuration;
                    let what = format!("{} in {space_name} after {completed}", searcher.name());
                    assert!(!history.contains(&configuration), "{what}");
                    history.0.push(Trial::full(id, configuration, None));
                }
            }
        }
    }
}

#[test]
fn a_finite_space_is_used_up_and_then_said_to_be() {
    let space =
        Space::new(vec![numbers("a", 3), only_when(numbers("b", 4), "a", 1.0, false)]).unwrap();
    for searcher in searchers() {
        let problem = problem(&space, 20);
        let mut history = History::default();
        run(&*searcher, &problem, JUDGES[0].1, &mut history, 6);
        let all: HashSet<_> = history.0.iter().map(|trial| trial.configuration.clone()).collect();
        assert_eq!(all, space.enumerate().collect(), "{}", searcher.name());
        let error = searcher.suggest(&problem, &history, 6, 42).unwrap_err();
        assert_eq!(error, SearchError::Exhausted { accepted: 6 }, "{}", searcher.name());
    }
}

/// Whatever the phase, and whether anything was tried before.
#[test]
fn a_space_without_parameters_is_used_up_by_one_trial() {
    let space = Space::new(vec![]).unwrap();
    let problem = problem(&space, 20);
    let only = space.configuration(&[]).unwrap();
    for searcher in searchers() {
        for trial in [0, 10, 19] {
            let suggest = |history: &History| searcher.suggest(&problem, history, trial, 42);
            let suggestion = suggest(&History::default()).unwrap();
            assert_eq!(suggestion.configuration, only, "{}", searcher.name());
            for repeats in 1..4 {
                let repeated = (0..repeats).map(|id| {
                    let outcome = Some(outcome(Some(0.5), id != 1));
                    Trial::full(id, only.clone(), outcome)
                });
                let error = suggest(&History(repeated.collect())).unwrap_err();
                assert_eq!(error, SearchError::Exhausted { accepted: 1 }, "{}", searcher.name());
            }
        }
    }
}

/// The prescreen accepts 4 of 34,560: they are found, nothing else is suggested, then it is over.
#[test]
fn the_prescreen_is_never_violated_however_little_it_accepts() {
    let space = talk();
    let all: Vec<_> = space.enumerate().collect();
    let few: HashSet<_> =
        [7, 9_876, 20_000, 34_559].into_iter().map(|index| all[index].clone()).collect();
    let accepts_few = |configuration: &Configuration| few.contains(configuration);
    let accepts_none = |_: &Configuration| false;
    for searcher in searchers() {
        for known in [Known::BeforeTraining, Known::Measured] {
            let mut problem = problem(&space, 100);
            problem.constraints[0].known = known;
            problem.prescreen = Some(&accepts_few);
            let mut history = History::default();
            run(&*searcher, &problem, JUDGES[0].1, &mut history, 4);
            let found: HashSet<_> =
                history.0.iter().map(|trial| trial.configuration.clone()).collect();
            assert_eq!(found, few, "{}", searcher.name());
            for trial in [4, 20, 80] {
                let error = searcher.suggest(&problem, &history, trial, 42).unwrap_err();
                assert_eq!(error, SearchError::Exhausted { accepted: 4 }, "{}", searcher.name());
            }
            problem.prescreen = Some(&accepts_none);
            for trial in [0, 20, 80] {
                let error = searcher.suggest(&problem, &History::default(), trial, 42).unwrap_err();
                assert_eq!(error, SearchError::NothingAccepted, "{}", searcher.name());
            }
        }
    }
}

#[test]
fn the_prescreen_holds_in_every_space_and_phase() {
    for searcher in searchers() {
        for (space_name, space) in spaces().iter().filter(|(name, _)| !name.starts_with("one")) {
            let accepts = |configuration: &Configuration| noise(space, configuration, 3) < 0.1;
            let problem = Problem { prescreen: Some(&accepts), ..problem(space, 30) };
            let mut history = History::default();
            run(&*searcher, &problem, JUDGES[0].1, &mut history, 30);
            let refused = history.0.iter().filter(|trial| !accepts(&trial.configuration)).count();
            assert_eq!(refused, 0, "{} in {space_name}", searcher.name());
        }
    }
}

/// A store may hold the same configuration many times, with outcomes that contradict each other.
#[test]
fn repeated_and_contradicting_trials_do_no_harm() {
    let space = talk();
    let configuration = space.enumerate().nth(1_000).unwrap();
    let repeated = (0..40).map(|id| {
        let feasible = id % 2 == 0;
        let outcome = Some(outcome(feasible.then_some(id as f64), feasible));
        Trial::full(id, configuration.clone(), outcome)
    });
    let history = History(repeated.collect());
    for searcher in searchers() {
        for trial in [40, 90] {
            let suggestion = searcher.suggest(&problem(&space, 100), &history, trial, 42).unwrap();
            assert_ne!(suggestion.configuration, configuration, "{}", searcher.name());
        }
    }
}
