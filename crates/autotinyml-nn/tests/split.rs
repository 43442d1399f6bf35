//! Properties of the splits, over random data.

use autotinyml_nn::{
    Dataset, Fold, HoldOut, Shape, Span, SplitBy, SplitError, hold_out, k_fold, overlapping_share,
};
use proptest::prelude::*;

const EACH: [SplitBy; 3] = [SplitBy::Random, SplitBy::Stratified, SplitBy::Block];

/// A recording of each class, cut in windows of `window` rows every `step` rows.
fn recordings(windows_of: &[usize], window: usize, step: usize) -> Dataset {
    let each = windows_of.iter().enumerate();
    let labels: Vec<usize> = each.flat_map(|(class, &windows)| vec![class; windows]).collect();
    let spans = windows_of.iter().enumerate().flat_map(|(recording, &windows)| {
        let start = move |window: usize| window * step;
        (0..windows).map(move |i| Span { recording, start: start(i), end: start(i) + window })
    });
    Dataset {
        shape: Shape::vector(1),
        classes: (0..windows_of.len()).map(|class| format!("walker {class}")).collect(),
        inputs: vec![0.0; labels.len()],
        spans: Some(spans.collect()),
        labels,
    }
}

fn data() -> impl Strategy<Value = Dataset> {
    (prop::collection::vec(12usize..60, 1..5), 1usize..40, 1usize..20)
        .prop_map(|(windows_of, window, step)| recordings(&windows_of, window, step))
}

fn sorted(sides: &[&[usize]]) -> Vec<usize> {
    let mut all = sides.concat();
    all.sort_unstable();
    all
}

fn count(data: &Dataset, samples: &[usize], class: usize) -> usize {
    samples.iter().filter(|&&sample| data.labels[sample] == class).count()
}

/// Whether two windows share rows: the definition, pair by pair.
fn share_rows(data: &Dataset, a: usize, b: usize) -> bool {
    let [a, b] = [a, b].map(|sample| data.spans.as_ref().unwrap()[sample]);
    a.recording == b.recording && (a.start..a.end).any(|row| (b.start..b.end).contains(&row))
}

fn any_shared(data: &Dataset, train: &[usize], other: &[usize]) -> usize {
    other.iter().filter(|&&b| train.iter().any(|&a| share_rows(data, a, b))).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hold_out_loses_and_doubles_nothing(data in data(), seed: u64, share in 0.1f64..0.6) {
        for by in EACH {
            let split = match hold_out(&data, by, share, seed) {
                // Windows much longer than their step may leave nothing to train on.
                Err(SplitError::EmptySide { side: "train", .. }) if by == SplitBy::Block => continue,
                split => split.unwrap(),
            };
            let HoldOut { train, test, dropped } = &split;
            prop_assert_eq!(train.len() + test.len() + dropped, data.len());
            let all = sorted(&[train, test]);
            prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(Ok(split.clone()), hold_out(&data, by, share, seed));
            let shared = any_shared(&data, train, test);
            prop_assert_eq!(overlapping_share(&data, train, test), shared as f64 / test.len() as f64);
            if by == SplitBy::Block {
                prop_assert_eq!(shared, 0);
            } else {
                prop_assert_eq!(*dropped, 0);
                prop_assert_eq!(all, (0..data.len()).collect::<Vec<_>>());
            }
            if by == SplitBy::Random {
                prop_assert_eq!(test.len(), (data.len() as f64 * share).round() as usize);
            } else {
                // A recording is a class here: both splits keep its share.
                for (class, total) in data.samples_per_class().into_iter().enumerate() {
                    let expected = (total as f64 * share).round() as usize;
                    prop_assert_eq!(count(&data, test, class), expected);
                }
            }
        }
    }

    #[test]
    fn k_fold_validates_each_sample_once(data in data(), seed: u64, k in 2usize..6) {
        // Every third sample is put aside before.
        let samples: Vec<usize> = (0..data.len()).filter(|i| i % 3 != 0).collect();
        for by in EACH {
            let folds = match k_fold(&data, &samples, by, k, seed) {
                Err(SplitError::EmptySide { side: "train", .. }) if by == SplitBy::Block => continue,
                folds => folds.unwrap(),
            };
            prop_assert_eq!(folds.len(), k);
            let sides: Vec<&[usize]> = folds.iter().map(|fold| &fold.validation[..]).collect();
            prop_assert_eq!(sorted(&sides), samples.clone());
            prop_assert_eq!(Ok(folds.clone()), k_fold(&data, &samples, by, k, seed));
            for Fold { train, validation, dropped } in &folds {
                prop_assert_eq!(train.len() + validation.len() + dropped, samples.len());
                if by == SplitBy::Block {
                    prop_assert_eq!(any_shared(&data, train, validation), 0);
                } else {
                    prop_assert_eq!(sorted(&[train, validation]), samples.clone());
                    prop_assert!(validation.len().abs_diff(samples.len() / k) <= 1);
                }
                if by != SplitBy::Random {
                    for class in 0..data.classes.len() {
                        let mean = count(&data, &samples, class) as f64 / k as f64;
                        prop_assert!((count(&data, validation, class) as f64 - mean).abs() < 1.0);
                    }
                }
            }
        }
    }
}

#[test]
fn blocks_are_runs_in_time() {
    let data = recordings(&[20], 10, 10);
    let split = hold_out(&data, SplitBy::Block, 0.25, 1).unwrap();
    assert_eq!(split.test, (split.test[0]..split.test[0] + 5).collect::<Vec<_>>());
    assert_eq!(split.dropped, 0, "windows without overlap share no rows");
    for fold in k_fold(&data, &(0..20).collect::<Vec<_>>(), SplitBy::Block, 4, 1).unwrap() {
        let first = fold.validation[0];
        assert_eq!(fold.validation, (first..first + 5).collect::<Vec<_>>());
    }
}

#[test]
fn other_seeds_split_otherwise() {
    let data = recordings(&[50, 50], 10, 5);
    for by in EACH {
        let of_seed = |seed| hold_out(&data, by, 0.2, seed).unwrap().test;
        assert_ne!(of_seed(0), of_seed(1), "{by:?}");
    }
}

#[test]
fn half_overlapping_windows_are_seen() {
    // Windows 0..10, 5..15, 10..20, 15..25: the first shares rows with the second only.
    let data = recordings(&[4], 10, 5);
    assert_eq!(overlapping_share(&data, &[1], &[0, 2, 3]), 2.0 / 3.0);
    assert_eq!(overlapping_share(&data, &[0], &[2, 3]), 0.0);
    assert_eq!(overlapping_share(&Dataset { spans: None, ..data }, &[1], &[0]), 0.0);
}

#[test]
fn errors_say_what_was_expected() {
    let data = recordings(&[9, 3, 5], 10, 10);
    let samples: Vec<usize> = (0..data.len()).collect();
    for by in EACH {
        let error = k_fold(&data, &samples, by, 4, 0).unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(
                error, @r#"class "walker 1" has 3 samples, fewer than the 4 folds asked for"#
            );
        }
    }
    let independent = Dataset { spans: None, ..data.clone() };
    insta::assert_snapshot!(
        hold_out(&independent, SplitBy::Block, 0.2, 0).unwrap_err(),
        @"a split by block needs recordings, but these samples are independent of each other"
    );
    insta::assert_snapshot!(
        hold_out(&data, SplitBy::Random, 1.0, 0).unwrap_err(),
        @"the test share is 1, expected more than 0 and less than 1"
    );
    insta::assert_snapshot!(
        hold_out(&data, SplitBy::Random, 0.01, 0).unwrap_err(),
        @"of 17 samples none is left on the test side"
    );
    insta::assert_snapshot!(
        k_fold(&data, &samples, SplitBy::Random, 1, 0).unwrap_err(),
        @"the number of folds is 1, expected at least 2"
    );
}
