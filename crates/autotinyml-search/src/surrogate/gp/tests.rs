use serde::Deserialize;

use super::covariance::Pairs;
use super::evidence::Evidence;
use super::trend::Trend;
use super::*;
use crate::space::{Axis, Family};

const AXES: [Axis; 3] = [Axis::Numeric, Axis::Numeric, Axis::Categorical];

/// What scikit-learn computes: tests/reference/dump_gp.py.
#[derive(Deserialize)]
struct Reference {
    points: Vec<Vec<f64>>,
    targets: Vec<f64>,
    log_hyperparameters: Vec<f64>,
    at: Vec<Vec<f64>>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    log_likelihood: f64,
    gradient: Vec<f64>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../tests/reference/gp.json")).unwrap()
}

fn inputs(points: Vec<Vec<f64>>) -> Rc<Inputs> {
    Rc::new(Inputs::new(&AXES, points))
}

fn predict(gp: &Gp, x: &[f64]) -> (f64, f64) {
    gp.predict(&[x.to_vec()])[0]
}

#[test]
fn predicts_as_scikit_learn_does() {
    let r = reference();
    let hyperparameters = Hyperparameters::from(&r.log_hyperparameters);
    let noise = vec![hyperparameters.noise; r.points.len()];
    let gp = Gp::posterior(inputs(r.points), r.targets, noise, hyperparameters);
    let expected = r.mean.iter().zip(&r.deviation);
    for ((x, (mean, variance)), (expected, deviation)) in
        r.at.iter().zip(gp.predict(&r.at)).zip(expected)
    {
        assert!((mean - expected).abs() < 1e-9, "{mean} {expected}");
        assert!((variance.sqrt() - deviation).abs() < 1e-9, "{variance} {deviation}");
        let alone = gp.predictor().predict_above(x, |_| f64::NEG_INFINITY).unwrap();
        assert!((alone.0 - mean).abs() < 1e-9 && (alone.1 - variance).abs() < 1e-9);
        assert_eq!(gp.predictor().predict_above(x, |_| 1.01 * variance), None);
    }
}

#[test]
fn a_predictor_that_walks_over_a_grid_remembers_nothing_wrong() {
    let r = reference();
    let families = [Family { members: vec![0, 1], categories: None }];
    let inputs = Rc::new(Inputs::of_families(&AXES, &families, r.points));
    let hyperparameters = Hyperparameters::from(&r.log_hyperparameters);
    let noise = vec![hyperparameters.noise; r.targets.len()];
    let gp = Gp::posterior(inputs, r.targets, noise, hyperparameters);
    let mut predictor = gp.predictor();
    // More coordinates of an axis than are remembered, each seen again.
    for step in (0..200).chain((0..200).rev()) {
        let x = [f64::from(step / 20) / 9.0, f64::from(step) / 199.0, f64::from(step % 3)];
        let (mean, variance) = predict(&gp, &x);
        let walked = predictor.predict_above(&x, |_| f64::NEG_INFINITY).unwrap();
        assert!((walked.0 - mean).abs() < 1e-9 && (walked.1 - variance).abs() < 1e-9);
    }
}

#[test]
fn likelihood_and_gradient_are_scikit_learns() {
    let r = reference();
    let pairs = Pairs::new(&AXES, &Trend::new(&AXES, &[]), &r.points);
    let mut evidence = Evidence::new(&pairs, &r.targets, &[0.0; 14]);
    let at = evidence.at(&r.log_hyperparameters).unwrap();
    let height = at.height;
    let gradient = evidence.slope(at).gradient;
    let likelihood = height - 7.0 * std::f64::consts::TAU.ln();
    assert!((likelihood - r.log_likelihood).abs() < 1e-9, "{likelihood}");
    assert_eq!(gradient.len(), r.gradient.len());
    for (found, expected) in gradient.iter().zip(&r.gradient) {
        assert!((found - expected).abs() < 1e-8 * expected.abs().max(1.0), "{gradient:?}");
    }
}

/// Derivatives are those of central differences.
#[test]
fn derivatives_of_the_covariances_are_their_differences() {
    let r = reference();
    let families = [Family { members: vec![0, 1], categories: None }];
    let pairs = Pairs::new(&AXES, &Trend::new(&AXES, &families), &r.points);
    let mut theta = r.log_hyperparameters.clone();
    *theta.last_mut().unwrap() = -0.5;
    // K v, of which the noise is a part.
    let product = |theta: &Vec<f64>| -> Vec<f64> {
        let hyperparameters = Hyperparameters::from(theta);
        let matrix = pairs.covariances(&hyperparameters).matrix;
        let n = r.targets.len();
        let element = |i: usize, j: usize| matrix[i.max(j) * n + i.min(j)];
        let row = |i| (0..n).map(|j| element(i, j) * r.targets[j]).sum::<f64>();
        (0..n).map(|i| row(i) + hyperparameters.noise * r.targets[i]).collect()
    };
    let hyperparameters = Hyperparameters::from(&theta);
    let covariances = pairs.covariances(&hyperparameters);
    let derivatives = pairs.derivatives(&hyperparameters, &covariances, &r.targets);
    assert_eq!(derivatives.len(), theta.len());
    for (i, derivative) in derivatives.iter().enumerate() {
        let moved = |step: f64| {
            let mut moved = theta.clone();
            moved[i] += step;
            product(&moved)
        };
        for (found, (above, below)) in derivative.iter().zip(moved(1e-5).iter().zip(&moved(-1e-5)))
        {
            let expected = (above - below) / 2e-5;
            assert!(
                (found - expected).abs() < 1e-7 * expected.abs().max(1.0),
                "{i}: {found} {expected}"
            );
        }
    }
}

/// Parameters of the same domain are alike: what one of them does is expected of the other.
#[test]
fn a_family_shares_what_its_members_add() {
    let axes = [Axis::Categorical; 3];
    // The second parameter never leaves its first category.
    let points: Vec<Vec<f64>> =
        (0..18).map(|i| vec![f64::from(i % 3), 0.0, f64::from(i / 3 % 2)]).collect();
    let targets: Vec<f64> = points.iter().map(|x| x[0] - 1.0).collect();
    let prior = Prior { trend: (0.0, 1.0), ..Prior::SCORE };
    let rise = |families: &[Family]| {
        let inputs = Inputs::of_families(&axes, families, points.clone());
        let gp = Gp::fit(Rc::new(inputs), targets.clone(), &prior);
        predict(&gp, &[0.0, 2.0, 0.0]).0 - predict(&gp, &[0.0, 1.0, 0.0]).0
    };
    let family = Family { members: vec![0, 1], categories: Some(3) };
    assert!(rise(&[]).abs() < 1e-9, "{}", rise(&[]));
    let shared = rise(&[family]);
    assert!(shared > 0.1, "{shared}");
}

/// Known noise of a target counts as the fitted one does.
#[test]
fn known_noise_is_noise() {
    let r = reference();
    let pairs = Pairs::new(&AXES, &Trend::new(&AXES, &[]), &r.points);
    let mut less = r.log_hyperparameters.clone();
    less[4] = (0.5 * less[4].exp()).ln();
    let known = vec![less[4].exp(); r.points.len()];
    let found = Evidence::new(&pairs, &r.targets, &known).at(&less).unwrap();
    let expected =
        Evidence::new(&pairs, &r.targets, &[0.0; 14]).at(&r.log_hyperparameters).unwrap();
    assert!((found.height - expected.height).abs() < 1e-9);
}

#[test]
fn an_irrelevant_axis_gets_the_longest_scale() {
    let points: Vec<Vec<f64>> = (0..36)
        .map(|i| vec![f64::from(i % 6) / 5.0, f64::from(i / 6) / 5.0, f64::from(i % 2)])
        .collect();
    let targets: Vec<f64> = points.iter().map(|x| 2.0 * (5.0 * x[0]).sin()).collect();
    let Gp { hyperparameters, .. } = Gp::fit(inputs(points), targets, &Prior::SCORE);
    let weights = hyperparameters.weights;
    assert!(weights[0] > 4.0 * weights[1] && weights[0] > 4.0 * weights[2], "{weights:?}");
}

/// Sums of what each parameter adds are foretold where none of the trials is near.
#[test]
fn a_trend_reaches_beyond_the_trials() {
    let sum = |x: &Vec<f64>| 2.0 * x[0] - x[1] + 0.5 * x[2] - 0.5;
    let points: Vec<Vec<f64>> = (0..24)
        .map(|i| vec![f64::from(i % 4) / 5.0, f64::from(i / 4 % 3) / 5.0, f64::from(i % 2)])
        .collect();
    let targets: Vec<f64> = points.iter().map(sum).collect();
    let error = |trend| {
        let prior = Prior { trend, ..Prior::SCORE };
        let gp = Gp::fit(inputs(points.clone()), targets.clone(), &prior);
        (predict(&gp, &[1.0, 1.0, 1.0]).0 - sum(&vec![1.0, 1.0, 1.0])).abs()
    };
    let (with, without) = (error((0.0, 1.0)), error((-9.0, 0.1)));
    assert!(with < 0.1 && with < 0.5 * without, "{with} {without}");
}

#[test]
fn believing_keeps_the_mean_and_removes_uncertainty() {
    let r = reference();
    let gp = Gp::fit(inputs(r.points), r.targets, &Prior::SCORE);
    let before = gp.predict(&r.at);
    let gp = gp.believing(&r.at[..2]);
    for (i, (x, (mean, variance))) in r.at.iter().zip(before).enumerate() {
        let (now, left) = predict(&gp, x);
        assert!((now - mean).abs() < 1e-6, "{now} {mean}");
        assert!(left <= variance + 1e-9 && (i >= 2 || left < 0.02), "{left} {variance}");
    }
}

#[test]
fn constant_and_repeated_trials_do_no_harm() {
    let points = vec![vec![0.5, 0.5, 1.0]; 20];
    let gp = Gp::fit(inputs(points), vec![0.0; 20], &Prior::SCORE);
    let (mean, variance) = predict(&gp, &[0.5, 0.5, 1.0]);
    assert!(mean.abs() < 1e-6 && variance < 0.01, "{mean} {variance}");
    assert!(predict(&gp, &[0.0, 1.0, 0.0]).1 > 0.1);
}
