//! Properties of the splits, over random data.

use autotinyml_nn::{
    Dataset, Fold, Groups, HoldOut, Shape, Span, SplitBy, SplitError, hold_out, hold_out_of,
    k_fold, leave_out, overlapping_share,
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
        groups: None,
        labels,
    }
}

fn data() -> impl Strategy<Value = Dataset> {
    (prop::collection::vec(12usize..60, 1..5), 1usize..40, 1usize..20)
        .prop_map(|(windows_of, window, step)| recordings(&windows_of, window, step))
}

/// Samples of two classes, dealt to groups of these sizes; every group has both classes.
fn grouped(sizes: &[usize]) -> Dataset {
    let of: Vec<usize> = (0..sizes.len()).flat_map(|group| vec![group; sizes[group]]).collect();
    Dataset {
        shape: Shape::vector(1),
        classes: ["left", "right"].map(String::from).to_vec(),
        inputs: vec![0.0; of.len()],
        labels: (0..of.len()).map(|sample| sample % 2).collect(),
        spans: None,
        groups: Some(Groups {
            names: (0..sizes.len()).map(|group| format!("p{group}")).collect(),
            of,
        }),
    }
}

fn groups_of(data: &Dataset, samples: &[usize]) -> Vec<usize> {
    let mut groups: Vec<usize> =
        samples.iter().map(|&sample| data.groups.as_ref().unwrap().of[sample]).collect();
    groups.dedup();
    groups
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

    #[test]
    fn whole_groups_are_left_out(
        sizes in prop::collection::vec(2usize..40, 5..12), seed: u64, share in 0.1f64..0.5
    ) {
        let data = grouped(&sizes);
        let HoldOut { train, test, dropped } =
            hold_out(&data, SplitBy::Group, share, seed).unwrap();
        prop_assert_eq!(sorted(&[&train, &test]), (0..data.len()).collect::<Vec<_>>());
        prop_assert_eq!(dropped, 0);
        let [trained, tested] = [&train, &test].map(|side| groups_of(&data, side));
        prop_assert!(trained.iter().all(|group| !tested.contains(group)));
        // Dealt one by one: off by less than a group.
        let largest = *sizes.iter().max().unwrap() as f64;
        prop_assert!((test.len() as f64 - share * data.len() as f64).abs() <= largest);

        let k = trained.len().min(3);
        if k < 2 {
            return Ok(());
        }
        let folds = k_fold(&data, &train, SplitBy::Group, k, seed).unwrap();
        let sides: Vec<&[usize]> = folds.iter().map(|fold| &fold.validation[..]).collect();
        prop_assert_eq!(sorted(&sides), train.clone());
        for Fold { train, validation, .. } in &folds {
            let trained = groups_of(&data, train);
            prop_assert!(groups_of(&data, validation).iter().all(|group| !trained.contains(group)));
        }
        // Largest first to the emptiest fold: no two folds differ by more than a group.
        let lengths = folds.iter().map(|fold| fold.validation.len());
        let (most, least) = (lengths.clone().max().unwrap(), lengths.min().unwrap());
        prop_assert!((most - least) as f64 <= largest);
    }
}

#[test]
fn named_groups_are_left_out() {
    let data = grouped(&[4, 2, 6]);
    let names = ["p0", "p2"].map(String::from);
    let split = leave_out(&data, &names).unwrap();
    assert_eq!((split.train, split.test.len()), (vec![4, 5], 10));
    insta::assert_snapshot!(
        leave_out(&data, &["p3".to_string()]).unwrap_err(),
        @r#"there is no group "p3" to test on; the groups are p0, p1, p2"#
    );
}

#[test]
fn errors_of_groups_say_what_was_expected() {
    let data = grouped(&[4, 2, 6]);
    let samples: Vec<usize> = (0..data.len()).collect();
    insta::assert_snapshot!(
        k_fold(&data, &samples, SplitBy::Group, 4, 0).unwrap_err(),
        @"groups with samples: 3, expected at least 4, one for each side"
    );
    insta::assert_snapshot!(
        hold_out(&Dataset { groups: None, ..data.clone() }, SplitBy::Group, 0.2, 0).unwrap_err(),
        @"a split by group needs groups, but nothing says which samples belong together"
    );
    // Each person is a class, as in the walking data: who is left out, is never learned.
    let labels = data.groups.as_ref().unwrap().of.clone();
    let classes = ["ada", "bo", "cy"].map(String::from).to_vec();
    insta::assert_snapshot!(
        hold_out(&Dataset { labels, classes, ..data }, SplitBy::Group, 0.1, 0).unwrap_err(),
        @r#"class "bo" would be on the test side only: all its samples are of the groups there"#
    );
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
                error, @r#"samples of class "walker 1": 3, expected at least 4, one for each fold"#
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
        @"the share to put aside is 1, expected more than 0 and less than 1"
    );
    insta::assert_snapshot!(
        hold_out(&data, SplitBy::Random, 0.01, 0).unwrap_err(),
        @"none of the samples (17) is left on the test side"
    );
    insta::assert_snapshot!(
        k_fold(&data, &samples, SplitBy::Random, 1, 0).unwrap_err(),
        @"the number of folds is 1, expected at least 2"
    );
}

#[test]
fn a_share_of_some_samples_is_put_aside_as_of_all() {
    let of_recordings = recordings(&[40, 20, 60], 10, 5);
    let of_groups = grouped(&[10, 20, 30, 40, 50]);
    for by in [SplitBy::Random, SplitBy::Stratified, SplitBy::Block, SplitBy::Group] {
        let data = if by == SplitBy::Group { &of_groups } else { &of_recordings };
        let all: Vec<usize> = (0..data.len()).collect();
        let HoldOut { train, test, dropped } = hold_out(data, by, 0.25, 3).unwrap();
        let same = Fold { train, validation: test, dropped };
        assert_eq!(hold_out_of(data, &all, by, 0.25, 3), Ok(same), "{by:?}");

        let some: Vec<usize> = all.into_iter().filter(|sample| sample % 3 > 0).rev().collect();
        let Fold { train, validation, dropped } = hold_out_of(data, &some, by, 0.25, 3).unwrap();
        let dealt = sorted(&[&train, &validation]);
        assert_eq!(dealt.len() + dropped, some.len(), "{by:?}");
        assert!(dealt.iter().all(|sample| some.contains(sample)), "{by:?}");
        let share = validation.len() as f64 / some.len() as f64;
        assert!((share - 0.25).abs() < 0.1, "{by:?} {share}");
        match by {
            SplitBy::Block => assert_eq!(any_shared(data, &train, &validation), 0),
            SplitBy::Group => {
                let trained = groups_of(data, &train);
                assert!(groups_of(data, &validation).iter().all(|group| !trained.contains(group)));
            }
            _ => {}
        }
    }
}
