use std::collections::HashSet;

use autotinyml_deploy::Accounting;
use autotinyml_nn::Metric;
use autotinyml_search::Landscape;
use insta::assert_snapshot;

use super::example::{fruitless, study};
use super::*;
use crate::record::{Finalist, TrialOutcome, TrialRecord};

#[test]
fn the_terminal_shows_found_limit_and_baseline() {
    assert_snapshot!(terminal::print(&study(100), 100), @r"
     walking-tiny: svm-cbo for STM32F303K8T6 (Tiny Board) at ×4

     data     3,226 samples of 90×3×1: 2,581 for training, 645 for the test
              3226 windows of 90 rows, one every 45, from 149332 rows in 22 files
              copies of earlier rows, dropped: 448 (17: 256, 18: 192)
              87 % of the test windows share rows with a training window: accuracies are optimistic
     split    at random: 20 % for the test, 3 folds
     classes  1: 111, 2: 78, 3: 24, 4: 154, 5: 24, 6: 108, 7: 81, 8: 74, 9: 170, 10: 67, 11: 124,
              12: 102, 13: 140, 14: 264, 15: 80, 16: 35, 17: 477, 18: 444, 19: 19, 20: 375, 21: 65,
              22: 210
     space    9,120 of 34,560 configurations are within the limits (26.39 %)
     trials   100 of 100: 30 trained, 17 deployable, 83 refused

                                                found        limit      baseline
    ─────────────────────────────────────────────────────────────────────────────
     filters                                        8                        128
     conv_activation                             tanh                          –
     kernel                                         2                          2
     pool                                           1                          2
     dropout                                      0.3                          –
     units                                         32                        128
     dense_activation                            relu                          –
     optimizer                                 adamax                          –

     validation accuracy                      62.09 %                    63.82 %
     test accuracy, float network             63.29 %                    65.12 %
     test accuracy, as deployed               63.14 %                    64.96 %
     test balanced accuracy, as deployed      85.82 %                          –
     test macro F1, as deployed               85.43 %                          –

     X-CROSS accuracy                       ✓ 99.69 %    ≥ 95.00 %             –
     RAM, ST accounting                     ✓ 5.76 KB   ≤ 16.00 KB    ✗ 24.58 KB
     ROM, ST accounting                    ✓ 50.87 KB   ≤ 60.00 KB   ✗ 802.39 KB
     RAM, linked program                      7.30 KB                          –
     flash, linked program                   54.87 KB                          –
     chip's flash                          ✓ 54.87 KB   ≤ 65.54 KB             –
     chip's sram                            ✓ 5.76 KB   ≤ 12.29 KB             –
     chip's ccm                             ✓ 1.54 KB    ≤ 4.10 KB             –
     deepest stack                              312 B                          –
     MACC                                      52,992                    877,258
     instructions per inference               171,321                          –
     parameters                                47,422                    741,014

     baseline refused  RAM 24.6 KB is 8,576 B over the limit of 16.0 KB (ST accounting)
                       ROM 802.4 KB is 742,392 B over the limit of 60.0 KB (ST accounting)
     confused          2 taken for 3 (4 of 15), 6 taken for 5 (4 of 25), 7 taken for 8 (4 of 30)
     not checked       whether it fits the chip: needs a cross compiler

     The best network fits the STM32F303K8T6 (Tiny Board) at ×4; as deployed it is right on 63.14 % of
     the test samples. The baseline does not fit it and reaches 64.96 %.
    ");
}

#[test]
fn the_terminal_shows_the_nearest_misses_if_nothing_was_found() {
    assert_snapshot!(terminal::print(&fruitless(20), 100), @r"
     walking-tiny: svm-cbo for STM32F303K8T6 (Tiny Board) at ×4

     data     3,226 samples of 90×3×1: 2,581 for training, 645 for the test
              3226 windows of 90 rows, one every 45, from 149332 rows in 22 files
              copies of earlier rows, dropped: 448 (17: 256, 18: 192)
              87 % of the test windows share rows with a training window: accuracies are optimistic
     split    at random: 20 % for the test, 3 folds
     classes  1: 111, 2: 78, 3: 24, 4: 154, 5: 24, 6: 108, 7: 81, 8: 74, 9: 170, 10: 67, 11: 124,
              12: 102, 13: 140, 14: 264, 15: 80, 16: 35, 17: 477, 18: 444, 19: 19, 20: 375, 21: 65,
              22: 210
     space    0 of 34,560 configurations are within the limits (0.00 %)
     trials   20 of 20: 7 trained, 0 deployable, 20 refused

                                                limit      baseline
    ────────────────────────────────────────────────────────────────
     filters                                                    128
     kernel                                                       2
     pool                                                         2
     units                                                      128

     validation accuracy                                    63.82 %
     test accuracy, float network                           65.12 %
     test accuracy, as deployed                             64.96 %
     test balanced accuracy, as deployed                          –
     test macro F1, as deployed                                   –

     X-CROSS accuracy                       ≥ 95.00 %             –
     RAM, ST accounting                       ≤ 100 B    ✗ 24.58 KB
     ROM, ST accounting                    ≤ 60.00 KB   ✗ 802.39 KB
     RAM, linked program                                          –
     flash, linked program                                        –
     deepest stack                                                –
     MACC                                                   877,258
     instructions per inference                                   –
     parameters                                             741,014

     baseline refused  RAM 24.6 KB is 8,576 B over the limit of 16.0 KB (ST accounting)
                       ROM 802.4 KB is 742,392 B over the limit of 60.0 KB (ST accounting)
     not checked       whether it fits the chip: needs a cross compiler
     nearest misses    trial 16 (filters 8, conv_activation sigmoid, kernel 1, pool 2, dropout 0.2,
                       units 16, dense_activation relu, optimizer adam, learning_rate 0.003867): RAM
                       1.6 KB is 1,532 B over the limit of 100 B (ST accounting)
                       trial 2 (filters 16, conv_activation relu, kernel 2, pool 2, dropout 0.3, units
                       128, dense_activation sigmoid, optimizer adam, learning_rate 0.001454): RAM
                       3.1 KB is 2,972 B over the limit of 100 B (ST accounting); ROM 113.8 KB is
                       53,816 B over the limit of 60.0 KB (ST accounting)
                       trial 14 (filters 16, conv_activation tanh, kernel 2, pool 2, dropout 0.3, units
                       8, dense_activation tanh, optimizer sgd): RAM 3.1 KB is 2,972 B over the limit
                       of 100 B (ST accounting); X-CROSS accuracy 94.13 % is below the limit of 95.00 %

     Nothing deployable on the STM32F303K8T6 (Tiny Board) at ×4 was found in 20 trials.
    ");
}

#[test]
fn what_was_deployable_after_a_short_training_only_is_told() {
    let mut summary = study(20);
    summary.best = None;
    assert!(
        !findings::headline(&summary).contains("short"),
        "trained in full, refused on the chip"
    );
    for trial in &mut summary.trials {
        trial.epochs = Some(3);
    }
    let deployable =
        |t: &&TrialRecord| t.outcome.accuracy.is_some() && t.outcome.verdict.deployable();
    let count = summary.trials.iter().filter(deployable).count();
    let said = findings::headline(&summary);
    let short = format!("{count} were deployable after a short training, but none");
    assert!(count > 1 && said.contains(&short) && said.contains("More trials"), "{said}");
}

/// No line is longer than asked, and no word is broken that stands whole where there is room.
pub(super) fn fits(print: impl Fn(u16) -> String) {
    let whole = print(2000);
    let words: HashSet<&str> = whole.split([' ', '\n']).collect();
    for columns in [60, 80, 120] {
        let printed = print(columns);
        for line in printed.lines() {
            assert!(line.chars().count() <= columns.into(), "{columns} columns:\n{printed}");
        }
        for word in printed.split([' ', '\n']).filter(|word| !word.starts_with('─')) {
            assert!(words.contains(word), "{word} is broken at {columns} columns:\n{printed}");
        }
    }
}

#[test]
fn the_terminal_is_no_wider_than_asked() {
    let mut summary = fruitless(20);
    summary.name = "a study whose name is long ".repeat(8);
    summary.data.notes.push("a note that is long ".repeat(10));
    fits(|columns| terminal::print(&summary, columns));
    fits(|columns| terminal::print(&study(100), columns));
    let (mut found, summary) = (study(20), fruitless(20));
    found.goal = autotinyml_nn::Metric::BalancedAccuracy;
    let all = [("stm32f303k8-x4-all", &found), ("arduino-nano-33-ble-x8-all", &summary)];
    fits(|columns| super::combinations::print("walking", &all, columns));
}

#[test]
fn limits_stand_beside_the_figures_they_count() {
    let limited = |accounting| {
        let mut summary = study(20);
        summary.limits.accounting = accounting;
        let rows = side_by_side::comparison(&summary).into_iter().flatten();
        let memory = rows.filter(|row| row.limit.is_some() && row.label.contains(", "));
        memory.map(|row| row.label).collect::<Vec<_>>()
    };
    assert_eq!(limited(Accounting::St), ["RAM, ST accounting", "ROM, ST accounting"]);
    assert_eq!(limited(Accounting::Elf), ["RAM, linked program", "flash, linked program"]);
}

#[test]
fn the_page_escapes_what_users_and_tools_wrote() {
    let hostile = "<script>alert('&\"')</script>";
    let mut summary = study(20);
    summary.name = hostile.into();
    summary.study_text = hostile.into();
    summary.board = hostile.into();
    summary.searcher = hostile.into();
    summary.data.classes[0].0 = hostile.into();
    summary.data.notes = vec![hostile.into()];
    summary.trials[0].outcome = TrialOutcome::refused(hostile.into(), None);
    summary.best.as_mut().unwrap().settings[0] = (hostile.into(), hostile.into());
    let page = html::page(&summary);
    assert_eq!(page.matches("<script").count(), 1, "markup from outside got into the page");
    assert!(page.matches("&lt;script&gt;").count() >= 8);
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let page = html::page(&study(20));
    for outside in ["src=", "href=", "url(", "@import", "http:", "https:"] {
        assert!(!page.contains(outside), "{outside} refers to something outside");
    }
}

#[test]
fn the_page_of_a_thousand_trials_stays_small() {
    let bytes = html::page(&study(1000)).len();
    assert!(bytes < 3_000_000, "{bytes} bytes");
}

#[test]
fn every_trial_is_a_mark_and_shapes_tell_the_deployable() {
    let summary = study(100);
    let picture = plot::progress(&summary).into_string();
    let deployable = summary.trials.iter().filter(|t| t.outcome.verdict.deployable()).count();
    assert_eq!(picture.matches("<circle class=\"deployable\"").count(), deployable);
    assert_eq!(picture.matches("<path class=\"refused\"").count(), 100 - deployable);
}

#[test]
fn every_hyperparameter_has_its_picture_conditional_ones_too() {
    let summary = study(100);
    let effects = plot::effects(&summary);
    let names: Vec<&str> = effects.iter().map(|(name, _)| name.as_str()).collect();
    let parameters: Vec<&str> =
        summary.space.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, parameters);

    let marks = |picture: &maud::Markup| picture.0.matches("<title>trial ").count();
    let trained = |trial: &&TrialRecord| trial.outcome.accuracy.is_some();
    let with_rate = |trial: &&TrialRecord| {
        summary.space.setting(&trial.configuration, "learning_rate").is_some()
    };
    let all = summary.trials.iter().filter(trained).count();
    let some = summary.trials.iter().filter(trained).filter(with_rate).count();
    assert!(0 < some && some < all);
    assert_eq!(marks(&effects[0].1), all);
    assert_eq!(marks(&effects[8].1), some);
}

/// A study that was just begun, one without memory figures, one where all is alike.
#[test]
fn every_trial_is_a_line_through_all_settings() {
    let summary = study(100);
    let picture = plot::parallel(&summary).into_string();
    let lines: Vec<&str> = picture.split("<path d=\"").skip(1).collect();
    assert_eq!(lines.len(), 100);
    let corners = |line: &&str| line.split_once('"').unwrap().0.matches('L').count();
    assert!(lines.iter().all(|line| corners(line) == summary.space.parameters().len()));
}

#[test]
fn what_decides_deployability_here_is_how_much_there_is_to_store() {
    let summary = study(200);
    let page = html::page(&summary);
    let history = html::history(&summary);
    let landscape = Landscape::fit(&summary.space, &history).unwrap();
    let mut importance = landscape.importance();
    importance.sort_by(|a, b| b.feasible.partial_cmp(&a.feasible).unwrap());
    let mut first = [&importance[0].parameter, &importance[1].parameter];
    first.sort();
    assert_eq!(first, ["filters", "units"], "{importance:?}");
    let slices = plot::slices(&summary, &landscape);
    assert!(slices.iter().all(|(_, picture)| picture.0.contains("class=\"likely\"")));
    assert!(slices.len() >= 8 && page.contains("Around the best network"));
}

#[test]
fn pages_of_odd_studies_have_no_broken_coordinates() {
    let mut begun = study(20);
    begun.trials.clear();
    begun.best = None;
    begun.baseline = None;
    begun.deployable = None;
    let mut unlinked = study(20);
    unlinked.limits.accounting = Accounting::Elf;
    let mut single = study(40);
    let trained = single.trials.iter().position(|trial| trial.outcome.accuracy.is_some()).unwrap();
    single.trials = vec![single.trials[trained].clone()];
    for summary in [begun, unlinked, single, fruitless(20)] {
        let page = html::page(&summary);
        assert!(!page.contains("NaN") && !page.contains("\"inf") && !page.contains("\"-inf"));
        assert!(terminal::print(&summary, 100).ends_with(".\n"));
    }
}

#[test]
fn a_network_that_is_no_better_than_a_guess_is_called_so() {
    let mut summary = study(20);
    summary.data.classes = vec![("rest".into(), 8), ("walk".into(), 4)];
    let mut told = |confusion: [[usize; 2]; 2], deployed_accuracy: f64| {
        let best = summary.best.as_mut().unwrap();
        best.confusion = confusion.map(Vec::from).to_vec();
        best.undecided = vec![0, 0];
        best.deployed_accuracy = deployed_accuracy;
        let remarks = findings::remarks(&summary);
        remarks.into_iter().any(|(_, text)| text.contains("always answering rest would be right"))
    };
    assert!(told([[8, 0], [4, 0]], 8.0 / 12.0));
    assert!(!told([[7, 1], [2, 2]], 9.0 / 12.0));
}

#[test]
fn test_samples_for_which_no_class_is_chosen_count_against_the_network() {
    let mut summary = study(100);
    summary.data.classes = vec![("rest".into(), 4), ("walk".into(), 4)];
    let best = summary.best.as_mut().unwrap();
    best.confusion = vec![vec![3, 1], vec![0, 0]];
    best.undecided = vec![0, 4];
    // Recall 3/4 and 0; precision 1 and 0.
    assert_eq!(best.deployed_score(Metric::BalancedAccuracy), Some(0.375));
    assert_eq!(best.deployed_score(Metric::MacroF1), Some((2.0 * 0.75 / 1.75) / 2.0));
    let mut stored = serde_json::to_value(&*best).unwrap();
    assert_eq!(serde_json::from_value::<Finalist>(stored.clone()).unwrap(), *best);
    stored.as_object_mut().unwrap().remove("undecided");
    let old: Finalist = serde_json::from_value(stored).unwrap();
    assert_eq!(old.deployed_score(Metric::BalancedAccuracy), Some(0.75), "as far as it is known");
    let remarks = findings::remarks(&summary);
    let (_, confused) = remarks.iter().find(|(label, _)| label == "confused").unwrap();
    let expected = "walk taken for no class, as outputs are not numbers (4 of 4), rest taken for walk \
                    (1 of 4)";
    assert_eq!(confused, expected);
}

#[test]
fn files_are_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    for trials in [30, 10] {
        write(&study(trials), folder.path()).unwrap();
    }
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["report.html", "trials.csv", "trials.parquet"]);
    let table = fs::read_to_string(folder.path().join("trials.csv")).unwrap();
    assert_eq!(table.lines().count(), 11);

    let error = write(&study(10), &folder.path().join("missing")).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot write ") && error.contains("missing/trials.csv: "),
        "{error}"
    );
}
