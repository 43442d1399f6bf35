//! What readers see of a comparison.

use autotinyml_nn::Metric;
use autotinyml_search::Space;
use insta::assert_snapshot;

use super::{csv, html, terminal};
use crate::compare::{Comparison, Repeat, Searched, Step};

/// A searcher whose trials come closer to `reach` by and by; one in `misses` does not fit.
fn searched(name: &str, reach: f64, misses: usize) -> Searched {
    let repeat = |seed: u64| {
        let step = |trial: usize| {
            let luck = ((trial * 7 + seed as usize * 5) % 11) as f64 / 100.0;
            Step {
                configuration: nothing().configuration(&[]).unwrap(),
                test_score: None,
                footprint: None,
                score: Some(reach - 0.4 / (trial as f64 + 1.0) - luck),
                deployable: !(trial + seed as usize).is_multiple_of(misses),
                share: 1.0,
                seconds: 0.5 + luck,
            }
        };
        Repeat { seed, steps: (0..20).map(step).collect() }
    };
    Searched { name: name.into(), repeats: (0..6).map(repeat).collect() }
}

fn nothing() -> Space {
    Space::new(vec![]).unwrap()
}

fn comparison() -> Comparison {
    let mut hopeless = searched("hopeless", 0.9, 2);
    hopeless.repeats.iter_mut().flat_map(|r| &mut r.steps).for_each(|step| step.deployable = false);
    let about = [
        ("table", "digits.csv.gz"),
        ("searches", "6 of 20 trials, seeds from 0"),
        ("limits", "RAM 12.3 KB, ROM 60.0 KB, X-CROSS accuracy 95.00 % (ST accounting), x4"),
        ("regime", "black box with numbers: trials tell RAM, ROM, MACC and cross accuracy"),
        ("space", "20.00 % of it is deployable, the best at 98.12 %"),
    ];
    Comparison {
        name: "digits".into(),
        about: about.map(|(label, text)| (label.into(), text.into())).to_vec(),
        goal: Metric::Accuracy,
        space: nothing(),
        trials: 20,
        baselines: vec![],
        searchers: vec![searched("random", 0.94, 2), searched("svm-cbo", 0.98, 4), hopeless],
    }
}

#[test]
fn the_terminal() {
    let text = terminal::print(&comparison(), 100);
    assert_snapshot!(text);
    crate::report::tests::fits(|columns| terminal::print(&comparison(), columns));
}

#[test]
fn the_figures_as_csv() {
    assert_snapshot!(csv::figures(&comparison()));
    let trials = csv::trials(&comparison());
    assert_eq!(trials.lines().count(), 1 + 3 * 6 * 20);
    let last = trials.lines().last().unwrap();
    assert!(last.starts_with("hopeless,5,19,") && last.ends_with(','), "{last}");
}

#[test]
fn the_page_has_a_line_and_a_band_of_each_searcher_that_found_something() {
    let page = html::page(&comparison());
    for (index, curves) in [(0, 2), (1, 2), (2, 0)] {
        let bands = page.matches(&format!("class=\"quartiles colour-{index}\"")).count();
        assert_eq!(bands, curves, "searcher {index}");
        // Two pictures, and the legend.
        let medians = page.matches(&format!("class=\"median colour-{index}\"")).count();
        assert_eq!(medians, curves + 1, "searcher {index}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf"));
    assert!(page.contains("svm-cbo has the best mean rank"));
}

#[test]
fn a_score_has_the_name_of_its_goal() {
    let comparison = Comparison { goal: Metric::MacroF1, ..comparison() };
    let columns = csv::trials(&comparison);
    assert!(columns.starts_with("searcher,seed,trial,macro_f1,deployable,"), "{columns}");
    for print in [terminal::print(&comparison, 100), html::page(&comparison)] {
        assert!(print.contains("macro F1 of"), "{print}");
        assert!(!print.contains("validation accuracy"), "{print}");
    }
}
