use super::*;

fn of_curves<'a>(curves: &[&'a [f64]]) -> Vec<Earlier<'a>> {
    curves.iter().map(|curve| Earlier { curve, ..Earlier::default() }).collect()
}

fn scores(hurdles: &[Option<Hurdle>]) -> Vec<Option<f64>> {
    hurdles.iter().map(|hurdle| hurdle.map(|hurdle| hurdle.score)).collect()
}

fn hurdles(rule: Rule, first: usize, earlier: &[&[f64]]) -> Vec<Option<f64>> {
    scores(&Hurdles::new(EarlyStopping { rule, first }, &of_curves(earlier)).after_epoch)
}

#[test]
fn after_each_fold_the_means_over_the_folds_are_compared() {
    let folds: [&[f64]; 6] = [&[0.5, 0.7, 0.6], &[0.8, 0.6], &[0.7], &[0.3], &[], &[0.6, 0.6, 0.6]];
    let earlier = folds.map(|folds| Earlier { curve: &[0.1], folds, ..Earlier::default() });
    let hurdles =
        |rule| scores(&Hurdles::new(EarlyStopping { rule, first: 9 }, &earlier).after_fold);
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
        "stopped after fold 2: 55.0 %, the best 1 of 2 had at least 60.0 % there"
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
        "stopped after epoch 1: 25.0 %, the best 1 of 2 had at least 30.0 % there"
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

/// Scores at a place and at the end.
const ENDED: [(f64, f64); 7] = [
    (0.30, 0.52),
    (0.41, 0.60),
    (0.38, 0.61),
    (0.22, 0.45),
    (0.45, 0.58),
    (0.35, 0.50),
    (0.10, 0.40),
];

/// Intercept and slope by the normal equations.
fn least_squares(points: &[(f64, f64)]) -> (f64, f64) {
    let sum = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    let (n, x, y) = (points.len() as f64, sum(|p| p.0), sum(|p| p.1));
    let (xx, xy) = (sum(|p| p.0 * p.0), sum(|p| p.0 * p.1));
    let slope = (n * xy - x * y) / (n * xx - x * x);
    ((y - slope * x) / n, slope)
}

#[test]
fn a_prediction_is_as_far_off_as_lines_without_the_trial() {
    let mut squares = 0.0;
    for (left_out, &(x, y)) in ENDED.iter().enumerate() {
        let others: Vec<_> = [&ENDED[..left_out], &ENDED[left_out + 1..]].concat();
        let (intercept, slope) = least_squares(&others);
        squares += (y - intercept - slope * x).powi(2);
    }
    let spread = (squares / ENDED.len() as f64).sqrt();
    let (intercept, slope) = least_squares(&ENDED);
    // Φ⁻¹(0.95), Φ⁻¹(0.99)
    for (chance, z) in [(0.05, 1.644_853_626_951), (0.01, 2.326_347_874_041)] {
        let stopping = EarlyStopping { rule: Rule::Prediction { chance }, first: 1 };
        let curves = ENDED.map(|(x, _)| [x]);
        let mut earlier: Vec<Earlier<'_>> = (curves.iter().zip(ENDED))
            .map(|(curve, (_, y))| Earlier {
                curve,
                folds: &[],
                end: Some(y),
                deployable: y < 0.605,
            })
            .collect();
        // Those that were stopped, and those that do not fit, tell nothing of the best.
        earlier.push(Earlier { curve: &[0.2], ..Earlier::default() });
        let hurdles = Hurdles::new(stopping, &earlier);
        let hurdle = scores(&hurdles.after_epoch)[0].unwrap();
        assert!((intercept + slope * hurdle - (0.60 - z * spread)).abs() < 1e-9, "{hurdle}");
        assert_eq!(hurdles.missed(&[hurdle]), None);
        let missed = hurdles.missed(&[hurdle - 0.1]).unwrap();
        let expected = intercept + slope * (hurdle - 0.1);
        assert!((missed.expected.unwrap() - expected).abs() < 1e-12);
        assert_eq!(
            missed.to_string(),
            format!(
                "stopped after epoch 1: {:.1} % lets {:.1} % expect; with less than {:.1} % there the \
                 chance to become the best is below {} %",
                100.0 * (hurdle - 0.1),
                100.0 * expected,
                100.0 * hurdle,
                100.0 * chance
            )
        );
        let score =
            |count: usize| scores(&Hurdles::new(stopping, &earlier[..count]).after_epoch)[0];
        assert_eq!((score(5), score(6).is_some()), (None, true), "five are too few");
    }
}

#[test]
fn what_tells_nothing_stops_nobody() {
    let stopping = EarlyStopping { rule: Rule::Prediction { chance: 0.4 }, first: 1 };
    let all = |points: [(f64, f64); 7]| {
        let curves = points.map(|(x, _)| [x]);
        let earlier: Vec<Earlier<'_>> = (curves.iter().zip(points))
            .map(|(curve, (_, y))| Earlier { curve, folds: &[], end: Some(y), deployable: true })
            .collect();
        scores(&Hurdles::new(stopping, &earlier).after_epoch)[0]
    };
    assert!(all(ENDED).is_some());
    assert_eq!(all(ENDED.map(|(x, y)| (1.0 - x, y))), None, "who begins worse ends better");
    assert_eq!(all(ENDED.map(|(_, y)| (0.3, y))), None, "all begin alike");
    let mut alone = ENDED.map(|(_, y)| (0.3, y));
    alone[6] = (0.4, 0.9);
    assert_eq!(all(alone), None, "all but one begin alike");
}

/// Ends follow beginnings with an error: of the trials that were stopped less than the chance would have
/// become the best, and most are.
#[test]
fn hardly_a_stopped_trial_would_have_become_the_best() {
    let golden = 0.618_033_988_749_895;
    let stopping = EarlyStopping { rule: Rule::Prediction { chance: 0.05 }, first: 1 };
    let trial = |number: usize| {
        let draw = |step: f64| (number as f64 * step).fract();
        // Nearly normal, of standard deviation 0.03.
        let error = 0.06 * (draw(golden) + draw(0.754_877_666) + draw(0.569_840_291) - 1.5);
        let begin = draw(0.732_050_808);
        (vec![begin, begin], 0.3 + 0.5 * begin + error)
    };
    let (mut reached, mut best, mut stopped, mut lost): (Vec<(Vec<f64>, Option<f64>)>, _, _, _) =
        (vec![], 0.0_f64, 0, 0);
    for number in 0..400 {
        let (curve, end) = trial(number);
        let earlier: Vec<Earlier<'_>> = (reached.iter())
            .map(|(curve, end)| Earlier { curve, folds: &[], end: *end, deployable: true })
            .collect();
        if Hurdles::new(stopping, &earlier).missed(&curve[..1]).is_some() {
            (stopped, lost) = (stopped + 1, lost + usize::from(end > best));
            reached.push((curve[..1].to_vec(), None));
        } else {
            best = best.max(end);
            reached.push((curve, Some(end)));
        }
    }
    assert!(stopped > 300 && 20 * lost < stopped, "{lost} of {stopped}");
}
