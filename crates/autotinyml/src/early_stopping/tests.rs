use super::*;

fn of_curves<'a>(curves: &[&'a [f64]]) -> Vec<Earlier<'a>> {
    curves.iter().map(|curve| Earlier { curve, folds: &[] }).collect()
}

fn hurdles(rule: Rule, first: usize, earlier: &[&[f64]]) -> Vec<Option<f64>> {
    Hurdles::new(EarlyStopping { rule, first }, &of_curves(earlier)).after_epoch
}

#[test]
fn after_each_fold_the_means_over_the_folds_are_compared() {
    let folds: [&[f64]; 6] = [&[0.5, 0.7, 0.6], &[0.8, 0.6], &[0.7], &[0.3], &[], &[0.6, 0.6, 0.6]];
    let earlier = folds.map(|folds| Earlier { curve: &[0.1], folds });
    let hurdles = |rule| Hurdles::new(EarlyStopping { rule, first: 9 }, &earlier).after_fold;
    // After fold 1 the best 3 of 6, after fold 2 the best 2 of 4, after fold 3 the best 2 of 3.
    let halving = hurdles(Rule::SuccessiveHalving { eta: 2 });
    assert_eq!(halving, [Some(0.6), Some(0.6), Some((0.5 + 0.7 + 0.6) / 3.0)]);
    // .0 .3 .5 .6 .7 .8; .0 .0 .0 .6 .6 .7
    let median = hurdles(Rule::Median);
    assert_eq!(median[..2], [Some(0.55), Some(0.3)]);

    let stopping = EarlyStopping { rule: Rule::SuccessiveHalving { eta: 2 }, first: 9 };
    let hurdles = Hurdles::new(stopping, &earlier);
    assert_eq!(hurdles.missed_after(&[]), None);
    assert_eq!(hurdles.missed_after(&[0.6]), None);
    assert_eq!(
        hurdles.missed_after(&[0.7, 0.4]).unwrap().to_string(),
        "stopped after fold 2: 55.0 % accuracy, the best 1 of 2 had at least 60.0 % there"
    );
}

#[test]
fn the_median_is_that_of_running_means_and_the_best_so_far_is_held_against_it() {
    let earlier: [&[f64]; 5] = [&[0.2, 0.4, 0.6], &[0.5, 0.7, 0.9], &[0.1, 0.1], &[0.8], &[]];
    // Means up to epoch 1: .1 .2 .5 .8, 2: .1 .3 .6 .8, 3: .1 .4 .7 .8; who never trained has none.
    let median = hurdles(Rule::Median, 1, &earlier);
    let expected = [0.35, 0.45, 0.55];
    assert!(median.iter().zip(expected).all(|(m, e)| (m.unwrap() - e).abs() < 1e-12), "{median:?}");
    assert_eq!(hurdles(Rule::Median, 3, &earlier)[..2], [None, None]);
    assert_eq!(hurdles(Rule::Median, 1, &earlier[..3]), [None; 3], "three are no majority");

    let stopping = EarlyStopping { rule: Rule::Median, first: 1 };
    let hurdles = Hurdles::new(stopping, &of_curves(&earlier));
    assert_eq!(hurdles.missed(&[]), None);
    assert_eq!(hurdles.missed(&[0.36, 0.1]).map(|missed| missed.place), Some(Place::Epoch(2)));
    assert_eq!(hurdles.missed(&[0.56, 0.1, 0.1]), None, "it has been good enough");
    assert_eq!(hurdles.missed(&[0.0; 4]), None, "nobody has come so far");
    assert_eq!(
        hurdles.missed(&[0.3, 0.2, 0.4]).unwrap().to_string(),
        "stopped after epoch 3: 40.0 % at best, the median of earlier trials is 55.0 %"
    );
}

#[test]
fn of_eta_trials_at_a_rung_one_goes_on() {
    let earlier: [&[f64]; 5] =
        [&[0.3, 0.3, 0.5, 0.3], &[0.5, 0.1], &[0.4, 0.6, 0.7], &[0.2], &[0.1]];
    let halving = Rule::SuccessiveHalving { eta: 2 };
    // Rungs 1, 2, 4: the best 3 of 6, the best 2 of 4, the best of 2.
    assert_eq!(hurdles(halving, 1, &earlier), [Some(0.3), Some(0.3), None, Some(0.3)]);
    // Rung 3 only: the best 2 of 3.
    assert_eq!(hurdles(halving, 3, &earlier), [None, None, Some(0.5), None]);
    // The best 2 of 6, the best of 3; at epoch 4 one of 2, which is no third.
    let thirds = Rule::SuccessiveHalving { eta: 3 };
    assert_eq!(hurdles(thirds, 1, &earlier), [Some(0.4), None, Some(0.7), None]);

    let hurdles = Hurdles::new(EarlyStopping { rule: halving, first: 1 }, &of_curves(&earlier));
    assert_eq!(hurdles.missed(&[0.3]), None, "as good as the last that goes on");
    assert_eq!(hurdles.missed(&[0.9, 0.2]).map(|missed| missed.place), Some(Place::Epoch(2)));
    assert_eq!(
        hurdles.missed(&[0.25]).unwrap().to_string(),
        "stopped after epoch 1: 25.0 % accuracy, the best 1 of 2 had at least 30.0 % there"
    );
}

fn epochs_of(missed: Missed) -> usize {
    match missed.place {
        Place::Epoch(epoch) => epoch,
        Place::Fold(_) => unreachable!("there are no folds"),
    }
}

/// Of trials that come in any order, a share of 1/η goes beyond each rung, a few more at the beginning.
#[test]
fn halving_halves() {
    let golden = 0.618_033_988_749_895;
    let stopping = EarlyStopping { rule: Rule::SuccessiveHalving { eta: 2 }, first: 1 };
    let mut curves: Vec<Vec<f64>> = vec![];
    for trial in 0..400 {
        let merit = (f64::from(trial) * golden).fract();
        let whole = [merit; 4];
        let earlier: Vec<&[f64]> = curves.iter().map(Vec::as_slice).collect();
        let hurdles = Hurdles::new(stopping, &of_curves(&earlier));
        let missed = (1..=4).find_map(|epochs| hurdles.missed(&whole[..epochs]));
        curves.push(whole[..missed.map_or(4, epochs_of)].to_vec());
    }
    let beyond = |epoch| curves.iter().filter(|curve| curve.len() > epoch).count();
    let (first, second) = (beyond(1), beyond(2));
    assert!((190..=210).contains(&first) && (95..=120).contains(&second), "{first}, {second}");
}
