//! Several constraints at once, of every kind: with values and with labels, known before training and
//! measured.

use super::*;

/// A size that is known before training, a measured value that is missing now and then, and a label.
fn constraints() -> Vec<Constraint> {
    let constraint = |name: &str, limit, known| Constraint { name: name.to_owned(), limit, known };
    vec![
        constraint("size", Some(0.6), Known::BeforeTraining),
        constraint("time", Some(0.5), Known::Measured),
        constraint("works", None, Known::Measured),
    ]
}

/// Sizes and times grow with the coordinates, which is there to be learned; whether it works is chance, and so is
/// whether a trial of a high time is scored. Scores have nothing to do with any of it.
fn evaluate(space: &Space, configuration: &Configuration) -> Outcome {
    let chance = |salt| noise(space, configuration, salt);
    let (size, time) =
        (size(space, configuration), 0.7 * size(space, configuration) + 0.3 * chance(1));
    let works = chance(2) < 0.8;
    let feasible = size <= 0.6 && time <= 0.5 && works;
    let is_scored = feasible || chance(3) < 0.5;
    let is_timed = chance(4) < 0.9;
    Outcome {
        score: is_scored.then(|| chance(5)),
        feasible,
        values: vec![Some(size), is_timed.then_some(time), None],
    }
}

/// The mean place of the settings within their domains, in `[0, 1]`.
fn size(space: &Space, configuration: &Configuration) -> f64 {
    let settings = space.settings(configuration);
    let place = |(name, setting): &(&str, Setting)| {
        let parameter = space.parameters().iter().find(|p| p.name == *name).unwrap();
        match (&parameter.domain, setting) {
            (Domain::Ordered(numbers), Setting::Number(number)) => {
                let at = numbers.iter().position(|other| other == number).unwrap();
                at as f64 / numbers.len().saturating_sub(1).max(1) as f64
            }
            (Domain::Unordered(names), Setting::Text(text)) => {
                let at = names.iter().position(|other| other == text).unwrap();
                at as f64 / names.len().saturating_sub(1).max(1) as f64
            }
            (Domain::Range { low, high, log: false, .. }, Setting::Number(number)) => {
                (number - low) / (high - low)
            }
            (Domain::Range { low, high, log: true, .. }, Setting::Number(number)) => {
                (number / low).ln() / (high / low).ln()
            }
            other => panic!("{other:?}"),
        }
    };
    settings.iter().map(place).sum::<f64>() / settings.len() as f64
}

fn search(searcher: &dyn Searcher, problem: &Problem, history: &mut History, until: usize) {
    for id in history.0.len()..until {
        let suggestion = searcher.suggest(problem, history, id, 42).unwrap();
        let outcome = Some(evaluate(problem.space, &suggestion.configuration));
        let Suggestion { configuration, epochs, .. } = suggestion;
        history.0.push(Trial { id, configuration, epochs, outcome });
    }
}

fn feasible(history: &History) -> usize {
    history.0.iter().filter(|trial| trial.outcome.as_ref().is_some_and(|o| o.feasible)).count()
}

/// With the size checked before training and without: nothing twice, nothing that is known not to fit, the same
/// after a restart.
#[test]
fn values_and_labels_may_be_mixed() {
    for searcher in searchers() {
        for (space_name, space) in spaces().iter().filter(|(name, _)| *name != "one choice") {
            let fits = |configuration: &Configuration| size(space, configuration) <= 0.6;
            for prescreen in [None, Some(&fits as _)] {
                let problem =
                    Problem { constraints: constraints(), prescreen, ..problem(space, 24) };
                let what = format!(
                    "{} in {space_name}, size known: {}",
                    searcher.name(),
                    prescreen.is_some()
                );
                let mut history = History::default();
                search(&*searcher, &problem, &mut history, 24);
                let different: HashSet<_> =
                    history.0.iter().map(|trial| &trial.configuration).collect();
                assert_eq!(different.len(), 24, "repeats: {what}");
                if prescreen.is_some() {
                    assert!(different.iter().all(|configuration| fits(configuration)), "{what}");
                }
                let mut resumed = stored_and_read(space, &History(history.0[..15].to_vec()));
                search(&*searcher, &problem, &mut resumed, 24);
                assert_eq!(resumed, history, "resumed: {what}");
            }
        }
    }
}

/// What learns of constraints meets all of them more often than chance does, whatever they tell.
#[test]
fn every_kind_of_constraint_is_learned() {
    let space = talk();
    let problem = Problem { constraints: constraints(), ..problem(&space, 80) };
    let found = |name: &str| {
        let searcher = by_name(name, &SearcherOptions::default()).unwrap();
        let mut history = History::default();
        search(&*searcher, &problem, &mut history, 80);
        feasible(&history)
    };
    let by_chance = found("random");
    for name in ["cbo", "c-tpe", "svm-cbo"] {
        let found = found(name);
        assert!(4 * found > 5 * by_chance, "{name}: {found}, by chance {by_chance}");
    }
}
