//! Experiment 2: how full is the bottle?

use super::baselines::{self, Baseline};
use super::comparison::{Comparison, EVERY_SEARCHER, Table};
use super::figures::{Measure, Spread, rows};
use super::folder;
use super::page::{self, duel, half_of_the_trainings, header, missing, table};
use super::program::Program;

const MEASURES: [Measure; 6] = Measure::ALL;

/// The talk's baseline of experiment 2.
const BASELINE: Baseline = Baseline {
    file: "bottle-baseline.toml",
    talk_rom_kb: ["4991.12", "1453.20", "862.42"],
    talk_ram_kb: "140.80",
    talk_deployable: [[false, false, false], [false, false, false]],
};

/// Name, title, limits.
const BOARDS: [(&str, &str, &str); 2] =
    [("tiny", "Tiny Board", "ram_kb=16,rom_kb=60"), ("big", "Big Board", "ram_kb=128,rom_kb=1990")];

/// Both boards at ×8, as in the talk.
pub fn comparisons() -> Vec<Comparison> {
    let on = |(name, _, limits): (&str, &str, &str)| Comparison {
        name: format!("bottles-{name}-x8"),
        table: Table::Growing("bottles"),
        options: ["--compression", "x8", "--limits", limits].map(str::to_owned).to_vec(),
        searchers: EVERY_SEARCHER,
        repeats: 10,
    };
    BOARDS.map(on).into_iter().collect()
}

/// Trains the baseline with five seeds, unless that has been done.
pub fn train_baseline(program: &Program) -> Result<(), String> {
    let [study, out] = ["bottle-baseline.toml", "data/bottle-baseline.csv.gz"]
        .map(|file| folder().join(file).display().to_string());
    if folder().join("data/bottle-baseline.csv.gz").exists() {
        return Ok(());
    }
    let pieces = folder().join("../../target/experiments/bottle-baseline.pieces");
    let pieces = pieces.display().to_string();
    let arguments = ["table", &study, "--out", &out, "--pieces", &pieces, "--noise", "1"];
    program.run(&arguments.map(str::to_owned))
}

/// `docs/experiments/bottle.md`
pub fn page(program: &Program, comparisons: &[Comparison]) -> Result<String, String> {
    let mut text = INTRODUCTION.to_owned();
    text += &format!("{}\n", missing(comparisons));
    text += &BASELINES.replace("TABLE", &baselines::page(program, &BASELINE)?);
    let trained = trained_baseline()?;
    text += &trained_page(&trained);
    text += RESULTS;
    for (comparison, (_, board, _)) in comparisons.iter().zip(BOARDS) {
        if comparison.repeats_done() > 0 {
            text += &section(comparison, board, &trained);
        }
    }
    Ok(text + AGAIN)
}

/// Figures of the baseline's trainings at ×1, ×4 and ×8: validation, test, X-CROSS; empty before they are
/// made.
fn trained_baseline() -> Result<[[Vec<f64>; 3]; 3], String> {
    let path = folder().join("data/bottle-baseline.csv.gz");
    let text = if path.exists() { super::unzip(&path)? } else { String::new() };
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let of = |compression: &str, figure: &str| {
        let column = format!("{figure}_{compression}");
        rows(&text).filter_map(|row| row[&column[..]].parse().ok()).collect()
    };
    Ok(["x1", "x4", "x8"].map(|compression| {
        ["validation_accuracy", "test_accuracy", "cross_accuracy"].map(|it| of(compression, it))
    }))
}

fn trained_page(trained: &[[Vec<f64>; 3]; 3]) -> String {
    if trained[0][0].is_empty() {
        return String::new();
    }
    let measures = [Measure::Validation, Measure::Test, Measure::CrossAccuracy];
    let titles = measures.map(Measure::title);
    let line = |(compression, figures): (&str, &[Vec<f64>; 3])| {
        let cells = measures.iter().zip(figures);
        let cells = cells.map(|(measure, of)| {
            Spread::of(of).map_or("–".to_owned(), |spread| measure.print(spread))
        });
        [compression.to_owned()].into_iter().chain(cells).collect()
    };
    let lines: Vec<Vec<String>> = ["×1", "×4", "×8"].into_iter().zip(trained).map(line).collect();
    format!(
        "Trained on the made-up pictures, with {} seeds (the talk: 95.72 %, 95.72 % and 96.20 % at ×1, ×4 \
         and ×8, on its own pictures):\n\n{}",
        trained[0][0].len(),
        table(&header(&["", titles[0], titles[1], titles[2]]), 1, &lines)
    )
}

fn section(comparison: &Comparison, board: &str, trained: &[[Vec<f64>; 3]; 3]) -> String {
    let mut text = page::section(&format!("{board}, ×8"), comparison, &MEASURES);
    text += "The talk's table, here: SVM-CBO with a random forest against the baseline.\n\n";
    text += &differences(comparison, trained);
    for (one, other) in [("svm-cbo-forest", "bohb"), ("cbo", "svm-cbo-forest")] {
        text += &duel(comparison, one, other).map_or(String::new(), |duel| format!("- {duel}.\n"));
    }
    if let Some(sentence) = half_of_the_trainings(comparison) {
        text += &format!("- {sentence}\n");
    }
    text + "\n"
}

/// Baseline, SVM-CBO with a forest, and the mean difference, as on the talk's slide.
fn differences(comparison: &Comparison, trained: &[[Vec<f64>; 3]; 3]) -> String {
    let mean = |values: &[f64]| Spread::of(values).map(|spread| spread.mean);
    let [_, _, [validation, test, cross]] = trained;
    // RAM, ROM and MACC of the network as it is, at ×8.
    let baseline = |measure: Measure| match measure {
        Measure::Validation => mean(validation),
        Measure::Test => mean(test),
        Measure::CrossAccuracy => mean(cross),
        Measure::RamBytes => Some(140_800.0),
        Measure::RomBytes => Some(862_416.0),
        Measure::Macc => Some(20_863_612.0),
    };
    let winners = comparison.winners();
    let found = |measure: Measure| {
        let of = winners.iter().filter(|w| w.searcher == "svm-cbo-forest" && w.among_deployable);
        Spread::of_winners(of, measure)
    };
    let line = |&measure: &Measure| {
        let (baseline, found) = (baseline(measure), found(measure));
        let print = |spread: Option<Spread>| {
            spread.map_or("–".to_owned(), |spread| measure.print(spread))
        };
        let difference = baseline.zip(found).map(|(baseline, found)| match measure {
            Measure::Validation | Measure::Test | Measure::CrossAccuracy => {
                format!("{:+.2} points", 100.0 * (found.mean - baseline))
            }
            _ => format!("{:+.2} %", 100.0 * (found.mean / baseline - 1.0)),
        });
        let alone = baseline.map(|mean| Spread { mean, deviation: 0.0, count: 1 });
        let difference = difference.unwrap_or("–".to_owned());
        vec![measure.title().to_owned(), print(alone), print(found), difference]
    };
    let lines: Vec<Vec<String>> = MEASURES.iter().map(line).collect();
    table(&header(&["", "baseline", "`svm-cbo-forest`", "mean difference"]), 1, &lines)
}

const INTRODUCTION: &str = "# Experiment 2: how full is the bottle?

*This page is written by `cargo xtask experiment bottle`. Do not edit it.*

The talk's second experiment, run again. Its pictures are private: these are [made up](../your-own-data.md#pictures-of-bottles), 32×32 pixels in three colours, four levels. So accuracies cannot be compared with the talk's, only baseline and search on the same pictures. The space is the talk's, 806,400 configurations with its architectural hyperparameter: which of the four convolutions is left out.

**Protocol.** 1,500 pictures: a fifth is the test part, which no search sees; of the rest four fifths (960) are trained on and one fifth (240), the validation part, is what a search maximises: a hold-out, where the talk has k folds, and fewer pictures than `examples/bottles.toml` has, so that it can be run on two cores. 10 epochs, batches of 32.

**Repeats, budget, limits.** As in [experiment 1](walking.md): all trainings have the same seed and are kept in a table that all searches share, so the repeats differ in the searcher's seed; 100 full trainings for each search; what follows from the configuration is known before training. The talk's limits: RAM ≤ 128 KB and ROM ≤ 1990 KB (Big Board), RAM ≤ 16 KB and ROM ≤ 60 KB (Tiny Board), X-CROSS accuracy ≥ 95 %; RAM and ROM as ST's tool counts them.

![pictures of each level](../images/bottles.png)

";

const BASELINES: &str = "## The baseline, as it is

In parentheses the talk's own figures. Whether a program links on the chip is another question than whether the talk's limits are met: it is compiled and linked against the memory that the chip has, and holds less between the layers than ST's tool does. [The undeployable network, deployed](../undeployable-deployed.md) goes further.

TABLE";

const RESULTS: &str = "## Results

For each searcher the best deployable network of each repeat, by validation accuracy: mean ± standard deviation over the repeats; then how the searchers compare, as on [experiment 1's page](walking.md).

";

const AGAIN: &str = "## Again

```
cargo xtask experiment bottle                # all of it, or what is missing
cargo xtask experiment bottle --minutes 60   # a sitting of an hour; the next one goes on
cargo xtask experiment bottle --page         # only this page
```

What was trained is in `docs/experiments/data/`: `bottles.csv.gz` and `bottle-baseline.csv.gz` are the tables (their columns: [tables](../../tables/README.md)); the folders hold for each comparison the trials (each configuration by its number in the table), the best networks of each repeat (`winners.csv`), medians and ranks (`comparison.csv`) and all pairs of searchers with Wilcoxon's test (`pairs.csv`).
";
