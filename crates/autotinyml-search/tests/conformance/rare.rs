//! What is known before training is never violated, however little of the space meets it.

use std::time::{Duration, Instant};

use super::*;

/// A prescreen, by how much a configuration violates it, and the share of the space that it accepts.
struct Rare {
    name: &'static str,
    space: Space,
    violation: fn(&Space, &Configuration) -> f64,
    share: f64,
}

impl Rare {
    fn accepts(&self, configuration: &Configuration) -> bool {
        (self.violation)(&self.space, configuration) <= 0.0
    }
}

fn number(space: &Space, configuration: &Configuration, name: &str) -> f64 {
    match space.setting(configuration, name) {
        Some(Setting::Number(number)) => number,
        _ => f64::NAN,
    }
}

/// Sum of all numbers.
fn sum(space: &Space, configuration: &Configuration) -> f64 {
    let settings = space.settings(configuration).into_iter();
    settings.map(|(_, setting)| if let Setting::Number(x) = setting { x } else { 0.0 }).sum()
}

fn unit_cube(dimension: usize) -> Space {
    let axis = |index: usize| range(&format!("x{index}"), 0.0, 1.0, None, false);
    Space::new((0..dimension).map(axis).collect()).unwrap()
}

/// Numbers and categories of which ten billion configurations can be made.
fn ten_billion() -> Space {
    let parameter = |index: usize| match index {
        0 => categories("c", 10),
        _ => numbers(&format!("p{index}"), 10),
    };
    Space::new((0..10).map(parameter).collect()).unwrap()
}

/// A corner of the cube is a simplex: n numbers with a sum of at most s have the share sⁿ/n!.
const RARE: [fn() -> Rare; 6] = [
    || Rare {
        name: "corner, 1 in 10",
        space: unit_cube(2),
        violation: |space, c| (sum(space, c) - 0.2_f64.sqrt()).max(0.0),
        share: 1e-1,
    },
    || Rare {
        name: "corner, 1 in 1,000",
        space: unit_cube(6),
        violation: |space, c| (sum(space, c) - 0.72_f64.powf(1.0 / 6.0)).max(0.0),
        share: 1e-3,
    },
    || Rare {
        name: "corner, 1 in 100,000",
        space: unit_cube(6),
        violation: |space, c| (sum(space, c) - 0.0072_f64.powf(1.0 / 6.0)).max(0.0),
        share: 1e-5,
    },
    || Rare {
        name: "five of ten levels, 1 in 100,000",
        space: ten_billion(),
        violation: |space, c| {
            let others = ["p2", "p4", "p6", "p8"].map(|name| number(space, c, name) != 7.0);
            let category = space.setting(c, "c") != Some(Setting::Text("c3".to_owned()));
            others.into_iter().filter(|other| *other).count() as f64 + f64::from(category)
        },
        share: 1e-5,
    },
    || Rare {
        name: "conditional, 1 in 100,000",
        space: Space::new(vec![
            numbers("depth", 10),
            only_when(range("width", 0.0, 1.0, None, false), "depth", 9.0, false),
            only_when(range("rate", 1e-4, 1.0, None, true), "depth", 9.0, false),
            range("size", 0.0, 1.0, None, false),
        ])
        .unwrap(),
        violation: |space, c| {
            let depth = 9.0 - number(space, c, "depth");
            if depth > 0.0 {
                return depth + 3.0;
            }
            let away = |name, scale: fn(f64) -> f64, from: f64, to: f64| {
                let x = scale(number(space, c, name));
                (from - x).max(x - to).max(0.0)
            };
            // 1/10 · 1/10 · 1/10 · 1/100
            away("width", |x| x, 0.6, 0.7)
                + away("rate", |x| x.log10() / 4.0 + 1.0, 0.2, 0.3)
                + away("size", |x| x, 0.33, 0.34)
        },
        share: 1e-5,
    },
    || Rare {
        name: "thirty parameters, 1 in 50,000,000",
        space: thirty(),
        violation: |space, c| {
            // Every third of the continuous ones in a tenth of its range, and three lists at a fourth.
            let away = |x: f64, to: f64| (x - to).max(0.0);
            (0..30)
                .map(|index| (index, number(space, c, &format!("p{index}"))))
                .map(|(index, x)| match index {
                    4 | 9 | 14 | 19 | 24 | 29 => away(x, -0.8),
                    0 | 5 | 10 => away(x, 0.0),
                    _ => 0.0,
                })
                .sum()
        },
        share: 1e-6 / 64.0,
    },
];

/// The shares are as said, so far as a hundred thousand draws can tell.
#[test]
fn what_is_rare_is_rare() {
    for rare in RARE {
        let Rare { name, space, share, .. } = &rare();
        let random = by_name("random", &SearcherOptions::default()).unwrap();
        let draw = |seed| {
            let history = History::default();
            random.suggest(&problem(space, 1), &history, 0, seed).unwrap().configuration
        };
        let accepted = (0..100_000).filter(|&seed| rare().accepts(&draw(seed))).count() as f64;
        let expected = share * 1e5;
        let deviation = expected.sqrt();
        assert!((accepted - expected).abs() <= 4.0 * deviation + 2.0, "{name}: {accepted}");
    }
}

/// Every searcher, fifteen trials; how long the dearest suggestion took is printed.
#[test]
fn what_is_rare_is_found_and_kept_to() {
    for rare in RARE {
        let rare = rare();
        let accepts = |configuration: &Configuration| rare.accepts(configuration);
        let violation = |c: &Configuration| (rare.violation)(&rare.space, c);
        let problem = Problem {
            prescreen: Some(&accepts),
            violation: Some(&violation),
            ..problem(&rare.space, 15)
        };
        for searcher in searchers() {
            let what = format!("{}, {}", searcher.name(), rare.name);
            let mut history = History::default();
            let mut dearest = Duration::ZERO;
            for until in 1..=15 {
                let begin = Instant::now();
                run(&*searcher, &problem, JUDGES[0].1, &mut history, until);
                dearest = dearest.max(begin.elapsed());
            }
            println!("{what}: {dearest:?}");
            assert!(history.0.iter().all(|trial| accepts(&trial.configuration)), "{what}");
            let different: HashSet<_> = history.0.iter().map(|t| &t.configuration).collect();
            assert_eq!(different.len(), 15, "{what}");
            assert!(dearest < Duration::from_secs(20), "{what}: {dearest:?}");
        }
    }
}

/// In a corner of one in 100,000, the mean of each of six numbers with a sum of at most s is s/7.
#[test]
fn draws_spread_evenly_over_what_is_rare() {
    let rare = RARE[2]();
    let accepts = |configuration: &Configuration| rare.accepts(configuration);
    let violation = |c: &Configuration| (rare.violation)(&rare.space, c);
    let problem = Problem {
        prescreen: Some(&accepts),
        violation: Some(&violation),
        ..problem(&rare.space, 1)
    };
    let random = by_name("random", &SearcherOptions::default()).unwrap();
    let mut means = [0.0; 6];
    for seed in 0..1_000 {
        let drawn = random.suggest(&problem, &History::default(), 0, seed).unwrap().configuration;
        for (axis, mean) in means.iter_mut().enumerate() {
            *mean += number(&rare.space, &drawn, &format!("x{axis}")) / 1_000.0;
        }
    }
    let expected = 0.0072_f64.powf(1.0 / 6.0) / 7.0;
    for mean in means {
        assert!((mean / expected - 1.0).abs() < 0.1, "{means:?} instead of {expected}");
    }
}

/// Two million suggestions where one configuration in ten is accepted, and some where it is one in 100,000.
#[test]
fn of_millions_of_suggestions_none_is_refused() {
    for (rare, suggestions) in [(RARE[0](), 2_000_000), (RARE[1](), 5_000), (RARE[3](), 5_000)] {
        let accepts = |configuration: &Configuration| rare.accepts(configuration);
        let violation = |c: &Configuration| (rare.violation)(&rare.space, c);
        let problem = Problem {
            prescreen: Some(&accepts),
            violation: Some(&violation),
            ..problem(&rare.space, 1)
        };
        let random = by_name("random", &SearcherOptions::default()).unwrap();
        let history = History::default();
        for seed in 0..suggestions {
            let suggestion = random.suggest(&problem, &history, 0, seed).unwrap();
            assert!(rare.accepts(&suggestion.configuration), "{}, seed {seed}", rare.name);
        }
    }
}

/// Blind draws find one in 1,000; from what was found, walks find more.
#[test]
fn without_a_measure_of_violation_rare_regions_are_found_too() {
    for rare in [RARE[1](), RARE[2]()] {
        let accepts = |configuration: &Configuration| rare.accepts(configuration);
        let problem = Problem { prescreen: Some(&accepts), ..problem(&rare.space, 20) };
        let random = by_name("random", &SearcherOptions::default()).unwrap();
        let mut history = History::default();
        run(&*random, &problem, JUDGES[0].1, &mut history, 20);
        assert!(history.0.iter().all(|trial| accepts(&trial.configuration)), "{}", rare.name);
    }
}

/// In spaces too large to walk through, too; the nearest configuration tells how far off everything is.
#[test]
fn where_nothing_is_accepted_the_nearest_is_found() {
    for (rare, nearest) in [(RARE[2](), 0.0), (RARE[3](), 0.0)] {
        let accepts = |_: &Configuration| false;
        let violation = |c: &Configuration| 1.0 + (rare.violation)(&rare.space, c);
        let problem = Problem {
            prescreen: Some(&accepts),
            violation: Some(&violation),
            ..problem(&rare.space, 20)
        };
        let (configuration, accepted) = least_violating(&problem, 0).unwrap();
        assert!(!accepted);
        assert_eq!((rare.violation)(&rare.space, &configuration), nearest, "{}", rare.name);
        for searcher in searchers() {
            let error = searcher.suggest(&problem, &History::default(), 0, 42).unwrap_err();
            assert_eq!(error, SearchError::NothingAccepted, "{}", searcher.name());
        }
    }
}
