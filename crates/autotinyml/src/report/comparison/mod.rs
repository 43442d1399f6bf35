//! What a comparison of searchers tells: in the terminal, as a page, and as tables for other programs.

mod csv;
mod html;
mod svg;
pub mod terminal;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::{ReportError, write_whole};
use crate::compare::{Comparison, Figures, Quartiles};
use crate::in_print::{duration, percent};

/// Writes into a folder that is there: `comparison.html`; `comparison.csv` (a line for each searcher),
/// `pairs.csv` (for each pair of them), `trials.csv` (for each trial of each repeat) and `winners.csv` (for
/// the best networks of each repeat); `trials.svg` and `time.svg`, the page's curves.
///
/// # Errors
/// If a file cannot be written. A reader meets either the old file or the new one, never a part.
pub fn write(comparison: &Comparison, directory: &Path) -> Result<(), ReportError> {
    let names: Vec<&str> = comparison.searchers.iter().map(|s| s.name.as_str()).collect();
    let files = [
        // First what tells a comparison's folder from another.
        ("comparison.html", html::page(comparison)),
        ("trials.csv", csv::trials(comparison)),
        ("winners.csv", csv::winners(comparison)),
        ("pairs.csv", csv::pairs(comparison)),
        ("trials.svg", svg::picture(&names, &html::against_trials(comparison))),
        ("time.svg", svg::picture(&names, &html::against_time(comparison))),
        ("comparison.csv", csv::figures(comparison)),
    ];
    files.iter().try_for_each(|(name, text)| write_whole(&directory.join(name), text))
}

/// The result in a sentence.
fn headline(comparison: &Comparison, figures: &[Figures]) -> String {
    let Some(leader) = figures.iter().find(|figures| figures.p_value.is_none()) else {
        return "Nothing was compared.".to_owned();
    };
    let repeats = comparison.searchers.first().map_or(0, |searched| searched.repeats.len());
    let Quartiles([_, median, _]) = leader.best.last().copied().unwrap_or(Quartiles([0.0; 3]));
    let found = match median > 0.0 {
        true => {
            let goal = comparison.goal.title();
            let reached = percent(median);
            format!(
                "its best deployable network has a validation {goal} of {reached} in the median"
            )
        }
        false => "in the median it finds nothing deployable".to_owned(),
    };
    let repeats = match repeats {
        1 => "1 repeat".to_owned(),
        repeats => format!("{repeats} repeats"),
    };
    let Figures { name, rank, .. } = leader;
    format!("{name} has the best mean rank ({rank:.2}) over {repeats}: {found}.")
}

/// A figure in print, and beside it the range of its quartiles, if they differ.
struct Printed {
    /// The median, or the only figure.
    figure: String,
    /// Lower to upper quartile; empty if there is none.
    range: String,
}

/// Columns of the comparison, the searcher's name first; the terminal breaks them at `|`.
fn header(comparison: &Comparison) -> Vec<String> {
    let best = comparison.checkpoints().into_iter().map(|trials| format!("best, %|after {trials}"));
    let others = ["first|deployable", "wasted|trainings", "training|time", "mean|rank", "|p"];
    let others = others.into_iter().map(str::to_owned);
    ["|searcher".to_owned()].into_iter().chain(best).chain(others).collect()
}

/// A searcher's figures, in the order of [`header`].
fn row(comparison: &Comparison, figures: &Figures) -> Vec<Printed> {
    let never = comparison.trials as f64 + 1.0;
    let trial = |value: f64| match value >= never {
        true => "never".to_owned(),
        false => format!("{value:.0}"),
    };
    let score = |value: f64| match value > 0.0 {
        true => format!("{:.1}", 100.0 * value),
        false => "none".to_owned(),
    };
    let alone = |figure: String| Printed { figure, range: String::new() };
    let best = figures.best.iter().map(|best| quartiles(*best, score));
    let others = [
        quartiles(figures.first_deployable, trial),
        quartiles(figures.wasted, |value| format!("{value:.0}")),
        alone(duration(figures.seconds.0[1])),
        alone(format!("{:.2}", figures.rank)),
        alone(figures.p_value.map_or("–".to_owned(), p_value)),
    ];
    [alone(figures.name.clone())].into_iter().chain(best).chain(others).collect()
}

/// What the columns mean.
fn note(comparison: &Comparison) -> String {
    format!(
        "Medians over the repeats, with their quartiles. best: validation {} of the best deployable \
         network after so many trials. first deployable: trial of the first one. wasted trainings: of \
         networks that are not deployable. mean rank: by the best network at the end. p: Wilcoxon's \
         signed-rank test of those against the searcher with the best mean rank.",
        comparison.goal.title()
    )
}

fn quartiles(Quartiles(all): Quartiles, print: impl Fn(f64) -> String) -> Printed {
    let [low, figure, high] = all.map(print);
    let range = if low == high { String::new() } else { format!("{low}–{high}") };
    Printed { figure, range }
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}
