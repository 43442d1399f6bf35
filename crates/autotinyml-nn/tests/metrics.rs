//! Metrics against scikit-learn: `reference/metrics.json`, made by the script beside it.

use autotinyml_nn::{Confusion, Metric};
use serde::Deserialize;

#[derive(Deserialize)]
struct Dump {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    classes: usize,
    labels: Vec<usize>,
    chosen: Vec<usize>,
    confusion: Vec<Vec<usize>>,
    accuracy: f64,
    balanced_accuracy: f64,
    macro_f1: f64,
}

/// Outputs that choose these classes.
fn outputs(chosen: &[usize], classes: usize) -> Vec<f32> {
    let of = |&chosen: &usize| (0..classes).map(move |class| f32::from(u8::from(class == chosen)));
    chosen.iter().flat_map(of).collect()
}

#[test]
fn metrics_agree_with_scikit_learn() {
    let dump: Dump = serde_json::from_str(include_str!("reference/metrics.json")).unwrap();
    assert_eq!(dump.cases.len(), 4);
    for Case { classes, labels, chosen, confusion, accuracy, balanced_accuracy, macro_f1 } in
        dump.cases
    {
        let ours = Confusion::of(&outputs(&chosen, classes), labels, classes);
        assert_eq!(ours.counts, confusion);
        let expected = [accuracy, balanced_accuracy, macro_f1];
        for (metric, expected) in Metric::ALL.into_iter().zip(expected) {
            assert!((ours.score(metric) - expected).abs() < 1e-12, "{metric:?}");
        }
    }
}

#[test]
fn outputs_that_are_no_numbers_choose_no_class() {
    let mut some = outputs(&[0, 0, 1, 1], 2);
    some[1] = f32::NAN;
    some[4] = f32::INFINITY;
    let confusion = Confusion::of(&some, [0, 0, 1, 1], 2);
    assert_eq!(confusion.counts, [[1, 0], [0, 1]]);
    assert_eq!(confusion.undecided, [1, 1]);
    assert_eq!(confusion.score(Metric::Accuracy), 0.5);
    assert_eq!(confusion.score(Metric::BalancedAccuracy), 0.5);
    // Of each class one of two samples is found (recall ½), and nothing else (precision 1).
    assert!((confusion.score(Metric::MacroF1) - 2.0 / 3.0).abs() < 1e-12);
}
