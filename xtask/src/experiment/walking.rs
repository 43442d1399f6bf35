//! Experiment 1: who is walking?

use super::baselines::{self, Baseline};
use super::comparison::{Comparison, EVERY_SEARCHER, Table};
use super::figures::{Measure, Spread, Winner};
use super::page::{self, duel, half_of_the_trainings, missing, undeployable_winners, verdict};
use super::program::Program;

/// But for the first comparison, which has every one.
const SEARCHERS: &[&str] = &["random", "bayes", "tpe", "bohb", "svm-cbo", "svm-cbo-forest", "cbo"];

/// As the talk has it, deployability is a black box: what does not fit is trained all the same.
const BLACK_BOX: &[&str] = &["random", "bayes", "bohb", "svm-cbo", "cbo"];

const MEASURES: [Measure; 6] = Measure::ALL;

/// The talk's baseline of experiment 1.
const BASELINE: Baseline = Baseline {
    file: "har-baseline.toml",
    talk_rom_kb: ["2955.80", "794.14", "375.45"],
    talk_ram_kb: "24.58",
    talk_deployable: [[false, true, true], [false, false, false]],
};

/// Board, as in the study files; split; compression; whether deployability is a black box.
type Setup = (&'static str, &'static str, &'static str, bool);

/// The most telling first.
const SETUPS: [Setup; 14] = [
    ("tiny", "random", "x8", false),
    ("tiny", "block", "x8", false),
    ("tiny", "random", "x4", false),
    ("tiny", "random", "x1", false),
    ("tiny", "random", "x8", true),
    ("tiny", "block", "x4", false),
    ("tiny", "block", "x1", false),
    ("big", "random", "x4", false),
    ("big", "random", "x1", false),
    ("big", "random", "x8", false),
    ("big", "block", "x4", false),
    ("big", "block", "x1", false),
    ("big", "block", "x8", false),
    ("big", "random", "x4", true),
];

/// All of them.
pub fn comparisons() -> Vec<Comparison> {
    SETUPS.iter().map(comparison).collect()
}

fn comparison(&(board, split, compression, black_box): &Setup) -> Comparison {
    let table = match (board, split) {
        ("tiny", "random") => "walking-tiny-random",
        ("tiny", _) => "walking-tiny-block",
        (_, "random") => "walking-big-random",
        _ => "walking-big-block",
    };
    let (regime, check) = match black_box {
        true => ("-black-box", "after-training"),
        false => ("", "before-training"),
    };
    let mut options = vec!["--compression", compression, "--check", check];
    if black_box {
        options.extend(["--evidence", "labels"]);
    }
    let searchers = match (board, split, compression, black_box) {
        ("tiny", "random", "x8", false) => EVERY_SEARCHER,
        (.., true) => BLACK_BOX,
        (.., false) => SEARCHERS,
    };
    Comparison {
        name: format!("{table}-{compression}{regime}"),
        table: Table::Growing(table),
        options: options.into_iter().map(str::to_owned).collect(),
        searchers,
        repeats: if black_box { 5 } else { 10 },
    }
}

/// `docs/experiments/walking.md`
pub fn page(program: &Program, comparisons: &[Comparison]) -> Result<String, String> {
    let mut text = INTRODUCTION.to_owned();
    text += &format!("{}\n", missing(comparisons));
    text += &BASELINES.replace("TABLE", &baselines::page(program, &BASELINE)?);
    text += RESULTS;
    for (comparison, &setup) in comparisons.iter().zip(&SETUPS) {
        if comparison.repeats_done() > 0 {
            text += &section(comparison, setup);
        }
    }
    text += &splits(comparisons);
    text += "## What was claimed, and what the data say\n\n";
    text += &claims(comparisons);
    text += AGAIN;
    Ok(text)
}

/// What the split makes of the same network.
fn splits(comparisons: &[Comparison]) -> String {
    let baseline = |split: &str, measure: Measure| {
        let name = format!("walking-tiny-{split}-x8");
        let winners = comparisons.iter().find(|it| it.name == name)?.winners();
        Spread::of_winners(winners.iter().filter(|w| w.searcher == "baseline"), measure)
    };
    let part = |measure: Measure| {
        let (random, block) = (baseline("random", measure)?, baseline("block", measure)?);
        Some((measure.print(random), measure.print(block)))
    };
    let (Some(validation), Some(test)) = (part(Measure::Validation), part(Measure::Test)) else {
        return String::new();
    };
    format!(
        "### What the split does\n\nThe baseline at ×8, the same network and recipe: {} % of the test part \
         with the random split, {} % with blocks in time; of the validation part {} % and {} %. With the \
         random split most windows of the test part share half of their samples with a window that is \
         trained on, so the network is asked what it has been told. Blocks in time ask for stretches of \
         a walk that it has not seen; which stretch that is makes much of the difference between the \
         validation and the test part, as one block is tested and another one validated on.\n\n",
        test.0, test.1, validation.0, validation.1
    )
}

fn section(comparison: &Comparison, (board, split, compression, black_box): Setup) -> String {
    let board = if board == "tiny" { "Tiny Board" } else { "Big Board" };
    let split = if split == "random" { "random split" } else { "blocks in time" };
    let regime = match black_box {
        true => "; deployability a black box",
        false => "",
    };
    let compression = compression.replace('x', "×");
    let title = format!("{board}, {compression}, {split}{regime}");
    page::section(&title, comparison, &MEASURES)
}

fn claims(comparisons: &[Comparison]) -> String {
    let of = |name: &str| comparisons.iter().find(|it| it.name == name && it.repeats_done() > 0);
    let mut text = String::new();
    for split in ["random", "block"] {
        if let Some(comparison) = of(&format!("walking-tiny-{split}-x8")) {
            text += &at_least_the_baseline(comparison, split);
        }
    }
    for comparison in comparisons.iter().filter(|it| it.repeats_done() > 0) {
        if let Some(duel) = duel(comparison, "svm-cbo", "bohb") {
            text += &format!("- *SVM-CBO beats BOHB*, `{}`: {duel}.\n", comparison.name);
        }
        if let Some(sentence) = half_of_the_trainings(comparison) {
            text += &format!("- `{}`: {sentence}\n", comparison.name);
        }
        let is_black_box = comparison.name.ends_with("black-box");
        if let Some((refused, all)) = undeployable_winners(comparison, "bayes")
            && is_black_box
        {
            text += &format!(
                "- *The best network of BO without constraints is not deployable in most repeats*, \
                 `{}`: {}: not deployable in {refused} of {all}.\n",
                comparison.name,
                verdict(2 * refused > all),
            );
        }
    }
    text + "\n"
}

/// Whether the best networks for the Tiny Board are as accurate as the baseline, which does not fit it.
fn at_least_the_baseline(comparison: &Comparison, split: &str) -> String {
    let winners = comparison.winners();
    let mean = |name: &str, measure: Measure| {
        let of = |winner: &&Winner| {
            winner.searcher == name && (winner.among_deployable || name == "baseline")
        };
        Spread::of_winners(winners.iter().filter(of), measure)
    };
    let mut text = String::new();
    for searcher in ["svm-cbo", "cbo"] {
        for (measure, part) in [(Measure::Validation, "validation"), (Measure::Test, "test")] {
            let (Some(found), Some(baseline)) =
                (mean(searcher, measure), mean("baseline", measure))
            else {
                continue;
            };
            text += &format!(
                "- *On the Tiny Board at ×8 the best network is at least as accurate as the baseline*, \
                 {split} split, `{searcher}`, {part} part: {}: {} % against {} %.\n",
                verdict(found.mean >= baseline.mean),
                measure.print(found),
                measure.print(baseline),
            );
        }
    }
    text
}

const INTRODUCTION: &str = "# Experiment 1: who is walking?

*This page is written by `cargo xtask experiment walking`. Do not edit it.*

The talk's first experiment, run again on the data set that it names: [User Identification From Walking Activity](https://archive.ics.uci.edu/dataset/286) (22 people, a phone in the chest pocket). The talk's baseline row has six outputs, which is the same network on another data set; so its static figures are compared at six outputs, and the accuracies here are our own, baseline and search on the same data.

**Protocol.** Windows of 90 rows that half overlap, standardised by the training part; 10 epochs, batches of 10. A fifth of the windows is the test part, which no search sees; of the rest four fifths are trained on and one fifth, the validation part, is what a search maximises: a hold-out, where the talk has k folds. Two splits: *random*, as in the talk, which puts half-overlapping windows on both sides, so that copies of training samples are validated and tested on; and *blocks in time*, where each person's walk is cut into stretches, and no window of a validation or test stretch overlaps one that is trained on. The second says what a user would see, the first what the talk says.

**Repeats.** A training is a function of configuration, data, recipe and seed. All trainings have the same seed and are kept in a table that all searches share, at ×1, ×4 and ×8 at once; so the repeats of a search differ in the searcher's seed, not in the training's. The baseline is trained with as many seeds as there are repeats. What luck does to a single network can be seen there. What the choice of the samples does comes on top: with the random split the test part has 645 windows, so that an accuracy of 67 % has a standard error of 1.9 percentage points, whatever the number of repeats.

**Budget.** 100 full trainings for each search. `bohb` may spend them in parts: a training of 3 of 10 epochs costs 0.3, and one that goes on begins anew, as `autotinyml` does it.

**Regimes.** What follows from the configuration (RAM, ROM, MACC) is known before training: no searcher tries what cannot fit, random search neither; X-CROSS accuracy stays to be learned. With *deployability a black box*, as in the talk, everything is trained, and a searcher is told deployable or not.

**Limits.** The talk's: RAM ≤ 128 KB and ROM ≤ 1990 KB (Big Board), RAM ≤ 16 KB and ROM ≤ 60 KB (Tiny Board), X-CROSS accuracy ≥ 95 %; RAM and ROM as ST's tool counts them.

";

const BASELINES: &str = "## The baseline, as it is

The talk's network with six outputs; in parentheses the talk's own figures. They are equal but for how they are rounded. Whether a program links on the chip is another question than whether the talk's limits are met: it is compiled and linked against the memory that the chip has.

TABLE";

const RESULTS: &str = "## Results

For each searcher the best deployable network of each repeat, by validation accuracy: mean ± standard deviation over the repeats. Then how the searchers compare: validation accuracy of the best deployable network in the median, when the first deployable one was there (full trainings spent), how many trainings went to networks that are not deployable, the mean rank over the repeats, and p of Wilcoxon's signed-rank test against the searcher with the best mean rank. A validation accuracy that was searched for is optimistic; the test accuracy of the same networks is not.

";

const AGAIN: &str = "## Again

```
cargo xtask experiment walking --data DIR                # all of it, or what is missing
cargo xtask experiment walking --data DIR --minutes 60   # a sitting of an hour; the next one goes on
cargo xtask experiment walking --page                    # only this page
```

`DIR` holds `1.csv` … `22.csv`, as `autotinyml data get uiwad` fetches them. What was trained is in `docs/experiments/data/`: `walking-*.csv.gz` are the tables (their columns: [tables](../../tables/README.md)), the folders hold for each comparison the trials (each configuration by its number in the table), the best networks of each repeat (`winners.csv`), medians and ranks (`comparison.csv`) and all pairs of searchers with Wilcoxon's test (`pairs.csv`).
";
