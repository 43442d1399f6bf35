//! SVM-CBO on the talk's one-dimensional example and on Branin's function in two ellipses.

use autotinyml_search::testfn::BRANIN_ELLIPSES;
use autotinyml_search::{
    Configuration, Constraint, Domain, Goal, History, Known, Outcome, Parameter, Phase, Problem,
    Searcher, SearcherOptions, Setting, Space, SvmCbo, Trial, by_name,
};

fn searcher(name: &str) -> Box<dyn Searcher> {
    by_name(name, &SearcherOptions::default()).unwrap()
}

fn constraint(known: Known) -> Vec<Constraint> {
    vec![Constraint { name: "deployable".to_owned(), limit: None, known }]
}

fn number(space: &Space, configuration: &Configuration, name: &str) -> f64 {
    match space.setting(configuration, name) {
        Some(Setting::Number(number)) => number,
        other => panic!("{name} is {other:?}"),
    }
}

/// All trials of a search, and the phases they belong to.
fn run(
    searcher: &dyn Searcher,
    problem: &Problem,
    seed: u64,
    evaluate: impl Fn(&Configuration) -> (f64, bool),
) -> (History, Vec<Phase>) {
    let (mut history, mut phases) = (History::default(), Vec::new());
    for id in 0..problem.budget {
        let suggestion = searcher.suggest(problem, &history, id, seed).unwrap();
        let (score, feasible) = evaluate(&suggestion.configuration);
        let outcome =
            Some(Outcome { score: feasible.then_some(score), feasible, values: vec![None] });
        history.0.push(Trial::full(id, suggestion.configuration, outcome));
        phases.push(suggestion.phase);
    }
    (history, phases)
}

mod the_talks_example {
    //! One hyperparameter; accuracy peaks where models are too large, and lower where they fit.

    use autotinyml_search::testfn::talk::{BEST, ENDS, accuracy, is_deployable, space, x};
    use autotinyml_search::{Bayes, Belief};

    use super::*;

    /// What ten trials tried, and the best accuracy among those deployable.
    fn ten_trials(name: &str, seed: u64) -> (Vec<f64>, f64, Vec<Phase>) {
        let space = space();
        let constraints = constraint(Known::Measured);
        let problem = Problem { constraints, ..Problem::new(&space, Goal::Maximise, 10) };
        let x = |configuration: &Configuration| x(&space, configuration);
        let (history, phases) = run(&*searcher(name), &problem, seed, |configuration| {
            (accuracy(x(configuration)), is_deployable(x(configuration)))
        });
        let best = history.best(Goal::Maximise).map_or(0.0, |(_, accuracy)| accuracy);
        (history.0.iter().map(|trial| x(&trial.configuration)).collect(), best, phases)
    }

    #[test]
    fn four_initial_four_of_phase_1_two_of_phase_2() {
        use Phase::{Boundary, Initial, Optimise};
        let [i, b, o] = [Initial, Boundary, Optimise];
        assert_eq!(ten_trials("svm-cbo", 0).2, [i, i, i, i, b, b, b, b, o, o]);
    }

    /// What is told of a searcher's beliefs is what it acts upon.
    #[test]
    fn the_next_trial_is_the_most_promising_by_what_the_searcher_believes() {
        let domain = Domain::Ordered((0..=100).map(f64::from).collect());
        let hundredths = Parameter { name: "x".to_owned(), domain, when: None };
        let space = Space::new(vec![hundredths]).unwrap();
        let constraints = constraint(Known::Measured);
        let problem = Problem { constraints, ..Problem::new(&space, Goal::Maximise, 10) };
        let evaluate = |configuration: &Configuration| {
            let x = number(&space, configuration, "x") / 100.0;
            (accuracy(x), is_deployable(x))
        };
        let all: Vec<Configuration> = space.enumerate().collect();
        let (svm_cbo, bayes) = (SvmCbo::default(), Bayes::default());
        let mut compared = 0;
        for seed in 0..5 {
            for name in ["svm-cbo", "bayes"] {
                let searcher: &dyn Searcher = if name == "bayes" { &bayes } else { &svm_cbo };
                let (history, phases) = run(searcher, &problem, seed, evaluate);
                for (trial, phase) in phases.iter().enumerate() {
                    let before = History(history.0[..trial].to_vec());
                    let beliefs = match name {
                        "bayes" => bayes.beliefs(&problem, &before, trial, seed, &all),
                        _ => svm_cbo.beliefs(&problem, &before, trial, seed, &all),
                    };
                    if *phase != Phase::Optimise {
                        assert!(beliefs.iter().all(|belief| belief.score.is_none()));
                        continue;
                    }
                    let promise = |belief: &Belief| {
                        let inside = belief.decision.is_none_or(|f| f >= 0.0);
                        belief.score.filter(|_| inside).map_or(f64::NEG_INFINITY, |[.., high]| high)
                    };
                    let next = all.iter().position(|c| *c == history.0[trial].configuration);
                    let untried = all.iter().zip(&beliefs).filter(|(c, _)| !before.contains(c));
                    let most = untried.map(|(_, belief)| promise(belief)).fold(f64::MIN, f64::max);
                    let promised = promise(&beliefs[next.unwrap()]);
                    assert!(promised >= most - 1e-9, "{name}, seed {seed}: {promised} of {most}");
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 5 * (2 + 6));
    }

    /// Phase 1 closes in on both ends of the deployable interval.
    #[test]
    fn phase_1_finds_the_boundary() {
        let error = |x: &[f64], end: f64| {
            let low = x.iter().copied().filter(|&x| x <= end).fold(0.0, f64::max);
            let high = x.iter().copied().filter(|&x| x > end).fold(1.0, f64::min);
            ((low + high) / 2.0 - end).abs()
        };
        let (mut before, mut after) = (0.0, 0.0);
        for seed in 0..20 {
            let (x, ..) = ten_trials("svm-cbo", seed);
            for end in ENDS {
                before += error(&x[..4], end) / 40.0;
                after += error(&x[..8], end) / 40.0;
            }
        }
        println!(
            "mean error of the estimated ends: {before:.3} after 4 trials, {after:.3} after 8"
        );
        assert!(after < 0.03 && after < 0.5 * before, "{before} {after}");
    }

    /// The estimated region ends before any trial that was not deployable.
    #[test]
    fn phase_2_stays_in_the_estimated_region() {
        for seed in 0..20 {
            let (x, ..) = ten_trials("svm-cbo", seed);
            for trial in [8, 9] {
                let (tried, next) = (&x[..trial], x[trial]);
                let deployable: Vec<f64> =
                    tried.iter().copied().filter(|&x| is_deployable(x)).collect();
                let nearest = deployable
                    .iter()
                    .copied()
                    .min_by_key(|x| ((x - next).abs() * 1e9) as u64)
                    .unwrap();
                let between = |x: &&f64| (nearest.min(next)..=nearest.max(next)).contains(*x);
                assert!(
                    tried.iter().filter(between).all(|&x| is_deployable(x)),
                    "seed {seed}: {next} of {x:?}"
                );
            }
        }
    }

    #[test]
    fn it_ends_near_the_best_and_beats_the_grid() {
        let (_, grid, _) = ten_trials("grid", 0);
        let mut found: Vec<f64> = (0..20).map(|seed| ten_trials("svm-cbo", seed).1).collect();
        found.sort_by(f64::total_cmp);
        println!("best {:.2}, grid {grid:.2}, SVM-CBO {found:.2?}", accuracy(BEST));
        assert!(found[10] > accuracy(BEST) - 0.5, "median {}", found[10]);
        assert!(found[4] > grid, "beaten by the grid more than 4 times in 20: {found:?} {grid}");
    }
}

mod branin {
    use super::*;

    fn space() -> Space {
        BRANIN_ELLIPSES.lattice(50)
    }

    fn evaluate(space: &Space, configuration: &Configuration) -> (f64, bool) {
        let at = BRANIN_ELLIPSES.at(space, configuration);
        ((BRANIN_ELLIPSES.value)(at), BRANIN_ELLIPSES.is_feasible(at))
    }

    /// Gap to the optimum after 100 trials, median of ten seeds.
    #[test]
    fn svm_cbo_beats_random_search() {
        let space = space();
        let constraints = constraint(Known::Measured);
        let problem = Problem { constraints, ..Problem::new(&space, Goal::Minimise, 100) };
        let [random, svm_cbo] = ["random", "svm-cbo"].map(|name| {
            let gap = |seed| {
                let (history, _) = run(&*searcher(name), &problem, seed, |c| evaluate(&space, c));
                history
                    .best(Goal::Minimise)
                    .map_or(f64::INFINITY, |(_, y)| y - BRANIN_ELLIPSES.optimum)
            };
            let mut gaps: Vec<f64> = (0..10).map(gap).collect();
            gaps.sort_by(f64::total_cmp);
            println!("{name}: {gaps:.4?}");
            (gaps[4] + gaps[5]) / 2.0
        });
        assert!(svm_cbo < 0.1 * random, "{svm_cbo} against {random}");
    }

    /// The share that phase 1 gets is that of the published code.
    #[test]
    fn of_a_hundred_trials_ten_are_initial_and_sixty_are_phase_1() {
        let space = space();
        let constraints = constraint(Known::Measured);
        let problem = Problem { constraints, ..Problem::new(&space, Goal::Minimise, 100) };
        let (_, phases) = run(&*searcher("svm-cbo"), &problem, 0, |c| evaluate(&space, c));
        let count = |phase| phases.iter().filter(|p| **p == phase).count();
        assert_eq!(
            [count(Phase::Initial), count(Phase::Boundary), count(Phase::Optimise)],
            [10, 60, 30]
        );
        assert!(phases.is_sorted_by_key(|phase| {
            [Phase::Initial, Phase::Boundary, Phase::Optimise].iter().position(|p| p == phase)
        }));
    }

    /// All trials of a search of 25, and how many of them are initial, of phase 1 and of phase 2.
    fn twenty_five_trials(
        initial_trials: usize,
        boundary_share: f64,
        beta: f64,
    ) -> (History, [usize; 3]) {
        let space = space();
        let svm_cbo = SvmCbo {
            initial_trials: Some(initial_trials),
            boundary_share,
            beta,
            ..SvmCbo::default()
        };
        let searcher =
            by_name("svm-cbo", &SearcherOptions { svm_cbo, ..Default::default() }).unwrap();
        let constraints = constraint(Known::Measured);
        let problem = Problem { constraints, ..Problem::new(&space, Goal::Minimise, 25) };
        let (history, phases) = run(&*searcher, &problem, 0, |c| evaluate(&space, c));
        let count = |phase| phases.iter().filter(|p| **p == phase).count();
        (history, [Phase::Initial, Phase::Boundary, Phase::Optimise].map(count))
    }

    #[test]
    fn options_move_the_phases() {
        assert_eq!(twenty_five_trials(5, 0.4, 1.96).1, [5, 8, 12]);
        assert_eq!(twenty_five_trials(5, 0.0, 1.96).1, [5, 0, 20]);
    }

    #[test]
    fn options_out_of_range_are_the_nearest_in_range() {
        assert_eq!(twenty_five_trials(usize::MAX, 0.5, 1.96).1, [25, 0, 0]);
        assert_eq!(twenty_five_trials(0, f64::INFINITY, 1.96).1, [1, 24, 0]);
        let greedy = twenty_five_trials(5, 0.0, 0.0);
        assert_eq!(twenty_five_trials(5, -1.0, -3.0), greedy);
        assert_eq!(twenty_five_trials(5, f64::NAN, f64::NAN), greedy);
        assert_ne!(twenty_five_trials(5, 0.0, 1.96).0, greedy.0, "β plays no part");
    }

    /// Where a prescreen knows the boundary, phase 1 has nothing to find. Trials that fail all the same
    /// bring it back, unless every constraint was known or they are rare.
    #[test]
    fn a_known_boundary_leaves_the_budget_to_phase_2() {
        let space = space();
        let fits = |configuration: &Configuration| evaluate(&space, configuration).1;
        let trials_of_phase_1 = |known, fails_above: f64| {
            let problem = Problem {
                constraints: constraint(known),
                prescreen: Some(&fits),
                ..Problem::new(&space, Goal::Minimise, 40)
            };
            let (history, phases) = run(&*searcher("svm-cbo"), &problem, 0, |configuration| {
                let (y, fits) = evaluate(&space, configuration);
                (y, fits && number(&space, configuration, "y") <= fails_above)
            });
            assert!(history.0.iter().all(|trial| fits(&trial.configuration)));
            phases.iter().filter(|phase| **phase == Phase::Boundary).count()
        };
        assert_eq!(trials_of_phase_1(Known::BeforeTraining, 1.0), 0);
        assert_eq!(trials_of_phase_1(Known::BeforeTraining, 0.3), 0);
        assert_eq!(trials_of_phase_1(Known::Measured, 1.0), 0);
        assert_eq!(trials_of_phase_1(Known::Measured, 0.3), 20);
    }
}
