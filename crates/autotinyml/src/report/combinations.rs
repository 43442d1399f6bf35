//! The best networks of a study of several boards or compressions, side by side: a row for each.

use comfy_table::{Cell, CellAlignment, ColumnConstraint};
use maud::{Markup, html};

use super::findings::{compression, memory};
use super::html::document;
use super::numbers::{counted, grouped, kilobytes, percent, percent_at_least};
use super::terminal::{paragraphs, ruled};
use crate::record::Summary;

/// Of the columns behind the combination's name, those for which a terminal is too narrow last.
const HEADER: [&str; 9] =
    ["trial", "validation", "test", "RAM", "ROM", "X-CROSS", "chip", "MACC", "deployable"];
/// Columns on a terminal.
const SHORT: usize = 7;

/// One combination: its folder beside the report, and its own summary.
pub type Named<'a> = (&'a str, &'a Summary);

/// The table as text, with where each network is.
pub fn print(name: &str, all: &[Named<'_>]) -> String {
    let mut table = ruled();
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let header = HEADER[..SHORT].iter().map(|&title| right(title.to_owned()));
    table.set_header([Cell::new("")].into_iter().chain(header));
    for (folder, summary) in all {
        let cells = row(summary).into_iter().take(SHORT).map(right);
        table.add_row([Cell::new(folder)].into_iter().chain(cells));
    }
    // Names are for copying.
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    let alone = |text: String| paragraphs(&[(String::new(), text)]);
    [alone(headline(name, all)), table.trim_fmt(), alone(note(all))].join("\n\n") + "\n"
}

/// The table as a page that needs nothing but itself; each row leads to the report of its combination.
pub fn page(name: &str, all: &[Named<'_>]) -> String {
    let body: Markup = html! {
        header { p.title { (name) } h1.found { (headline(name, all)) } }
        main {
            section {
                h2 { "Best networks" }
                div.scroll {
                    table.searchers {
                        thead {
                            tr {
                                th { "board, compression" }
                                @for title in HEADER { th { (title) } }
                            }
                        }
                        tbody {
                            @for (folder, summary) in all {
                                tr {
                                    th scope="row" {
                                        a href={ (folder) "/report.html" } { (combination(summary)) }
                                    }
                                    @for cell in row(summary) { td { (cell) } }
                                }
                            }
                        }
                    }
                }
                p.note { (note(all)) }
            }
        }
        footer { "AutoTinyML " (env!("CARGO_PKG_VERSION")) }
    };
    document(name, &body)
}

fn combination(summary: &Summary) -> String {
    format!("{} {}", summary.board, compression(summary))
}

fn row(summary: &Summary) -> Vec<String> {
    let trained = summary.trials.iter().filter(|trial| trial.outcome.accuracy.is_some());
    let deployable = trained.filter(|trial| trial.outcome.verdict.deployable()).count();
    let none = || "–".to_owned();
    let Some(best) = &summary.best else {
        let mut cells = vec![none(); HEADER.len() - 1];
        cells.push(deployable.to_string());
        return cells;
    };
    let (ram, rom) = memory(summary.limits.accounting, &best.footprint);
    let size = |bytes: Option<usize>| bytes.map_or_else(none, |bytes| kilobytes(bytes as f64));
    let deployed = best.deployed_score(summary.goal).unwrap_or(best.deployed_accuracy);
    vec![
        best.trial.map_or_else(none, |trial| trial.to_string()),
        percent(best.validation_score()),
        percent(deployed),
        size(ram),
        size(rom),
        best.footprint.cross_accuracy.map_or_else(none, percent_at_least),
        match best.verdict.links_on_chip {
            Some(true) => "fits".to_owned(),
            Some(false) => "does not fit".to_owned(),
            None => "not linked".to_owned(),
        },
        grouped(best.footprint.macc),
        deployable.to_string(),
    ]
}

fn headline(name: &str, all: &[Named<'_>]) -> String {
    let found = all.iter().filter(|(_, summary)| summary.best.is_some()).count();
    let trials = all.first().map_or(0, |(_, summary)| summary.trials.len());
    format!(
        "{name}: a deployable network for {found} of {} after {}",
        counted(all.len(), "combination"),
        counted(trials, "trial")
    )
}

fn note(all: &[Named<'_>]) -> String {
    let goal = all.first().map_or("", |(_, summary)| summary.goal.title());
    format!(
        "Each trial is trained once and judged for every combination; they take turns in suggesting the \
         next. validation, test: {goal} as deployed. The \
         network of each combination, with its C project and its own report, is in the folder of its name."
    )
}
