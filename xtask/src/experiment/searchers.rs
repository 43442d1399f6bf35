//! All searchers on the exhaustive table of digits.

use super::comparison::{Comparison, EVERY_SEARCHER, Table};
use super::page::{self, duel, half_of_the_trainings, missing, undeployable_winners, verdict};

/// Name, title, and options of `autotinyml compare`.
const REGIMES: [(&str, &str, &[&str]); 2] = [
    (
        "black-box",
        "Deployability a black box",
        &["--check", "after-training", "--evidence", "labels"],
    ),
    ("known", "Sizes known before training", &["--check", "before-training"]),
];

/// Percent of the space that are deployable.
const SHARES: [u32; 4] = [20, 5, 50, 80];

/// The talk's share of the space first.
pub fn comparisons() -> Vec<Comparison> {
    let with = |share: u32| {
        REGIMES.iter().map(move |(name, _, options)| {
            let deployable = ["--deployable".to_owned(), share.to_string()];
            Comparison {
                name: format!("digits-{share}-{name}"),
                table: Table::Whole("digits"),
                options: options
                    .iter()
                    .map(|&option| option.to_owned())
                    .chain(deployable)
                    .collect(),
                searchers: EVERY_SEARCHER,
                repeats: 20,
            }
        })
    };
    SHARES.into_iter().flat_map(with).collect()
}

/// `docs/experiments/searchers.md`
pub fn page(comparisons: &[Comparison]) -> Result<String, String> {
    let mut text = INTRODUCTION.to_owned() + &missing(comparisons) + "\n";
    for (regime, title, _) in REGIMES {
        let mut sections = String::new();
        let mut shares = SHARES;
        shares.sort_unstable();
        for share in shares {
            let name = format!("digits-{share}-{regime}");
            let found = comparisons.iter().find(|it| it.name == name && it.repeats_done() > 0);
            let Some(comparison) = found else { continue };
            let title = format!("{share} % of the space deployable");
            sections += &page::section(&title, comparison, &[]);
        }
        if !sections.is_empty() {
            text += &format!("## {title}\n\n{sections}");
        }
    }
    text += "## What was claimed, and what the data say\n\n";
    for comparison in comparisons.iter().filter(|it| it.repeats_done() > 0) {
        text += &claims(comparison);
    }
    Ok(text + AGAIN)
}

fn claims(comparison: &Comparison) -> String {
    let mut text = format!("`{}`:\n\n", comparison.name);
    for (one, other) in [
        ("svm-cbo", "bohb"),
        ("svm-cbo-forest", "bohb"),
        ("cbo", "svm-cbo"),
        ("svm-cbo", "svm-cbo-published"),
    ] {
        text += &duel(comparison, one, other).map_or(String::new(), |duel| format!("- {duel}.\n"));
    }
    if let Some(sentence) = half_of_the_trainings(comparison) {
        text += &format!("- {sentence}\n");
    }
    if let Some((refused, all)) = undeployable_winners(comparison, "bayes")
        && comparison.name.ends_with("black-box")
    {
        text += &format!(
            "- *The best network of BO without constraints is not deployable in most repeats* {}: not \
             deployable in {refused} of {all}.\n",
            verdict(2 * refused > all),
        );
    }
    text + "\n"
}

const INTRODUCTION: &str = "# All searchers on one table

*This page is written by `cargo xtask experiment searchers`. Do not edit it.*

Which searcher finds the better deployable network, and how soon? On the [exhaustive table of digits](../../tables/README.md) all 24,000 configurations of experiment 1's space for the Big Board are trained, so every search is a matter of looking things up. RAM and ROM limits are set such that 5, 20, 50 or 80 % of the space is deployable; X-CROSS accuracy has to be 95 %; compression ×4.

Two regimes that must not be mixed: with *deployability a black box*, as in the talk, everything is trained and a searcher is told deployable or not; with *sizes known before training* nobody tries what cannot fit, random search neither.

Every search may spend 100 full trainings. `hyperband` and `bohb` spend them in parts: a training of 3 of 10 epochs costs 0.3, and one that goes on begins anew, as `autotinyml` does it. The repeats of all searchers have the same 20 seeds. Training seeds are the same throughout: a configuration has one accuracy.

The tables show the validation accuracy in % of the best deployable network, in the median (with the quartiles at the end); the full trainings spent when the first deployable network was there; trainings whose network was not deployable (for `hyperband` and `bohb` short ones, too); the mean rank over the repeats; and p of Wilcoxon's signed-rank test, two-sided, paired by seed, against the searcher with the best mean rank, not corrected for the number of searchers. `svm-cbo-published` computes as its authors' program does, mistakes included; `-forest` has a random forest where the other has a Gaussian process. The pictures show the error on a logarithmic scale: median and quartiles.

";

const AGAIN: &str = "## Again

```
cargo xtask experiment searchers                     # what is missing
cargo xtask experiment searchers --again --minutes 60  # anew, with searchers that have changed
cargo xtask experiment searchers --page              # only this page
```

`docs/experiments/data/digits-*/` holds for each comparison the trials (each configuration by its number in the table), the best networks of each repeat (`winners.csv`), medians and ranks (`comparison.csv`) and all pairs of searchers with Wilcoxon's test (`pairs.csv`).
";
