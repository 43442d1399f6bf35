//! The best networks of a study of several boards or compressions, side by side: a row for each.

use autotinyml_deploy::Accounting;
use maud::{Markup, html};

use super::findings::{compression, memory};
use super::html::document;
use super::terminal::{paragraphs, rows};
use crate::in_print::{counted, grouped, kilobytes, percent, percent_at_least};
use crate::record::Summary;

/// The columns behind the combination's name; the last stand on the page only.
const HEADER: [&str; 9] =
    ["trial", "validation", "test", "RAM", "ROM", "X-CROSS", "chip", "MACC", "deployable"];
/// Columns on a terminal.
const SHORT: usize = 7;

/// One combination: its folder beside the report, and its own summary.
pub type Named<'a> = (&'a str, &'a Summary);

/// The table as text, at most `columns` wide, with where each network is.
pub fn print(name: &str, all: &[Named<'_>], columns: u16) -> String {
    let header: Vec<String> =
        [""].iter().chain(&HEADER[..SHORT]).map(|&title| title.to_owned()).collect();
    let lines = all.iter().map(|&(folder, summary)| {
        [folder.to_owned()].into_iter().chain(row(summary)).take(1 + SHORT).collect::<Vec<_>>()
    });
    let table = rows(&header, &lines.collect::<Vec<_>>(), columns);
    let alone = |text: String| paragraphs(&[(String::new(), text)], columns);
    [alone(headline(name, all)), table, alone(note(all))].join("\n\n") + "\n"
}

/// The table as a page that needs nothing but itself; each row leads to the report of its combination.
pub fn page(name: &str, all: &[Named<'_>]) -> String {
    let body: Markup = html! {
        header { p.title { (name) } h1.(if found(all) > 0 { "found" } else { "missed" }) { (headline(name, all)) } }
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
    let deployable = summary.trials.iter().filter(|trial| trial.is_deployable()).count();
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
    let Some((_, first)) = all.first() else {
        return format!("{name}: not finished, no trial yet");
    };
    if !is_finished(all) {
        return format!(
            "{name}: not finished, {} of {} trials so far; none has been taken to the chip for good",
            first.trials.len(),
            first.budget
        );
    }
    format!(
        "{name}: a deployable network for {} of {} after {}",
        found(all),
        counted(all.len(), "combination"),
        counted(first.trials.len(), "trial")
    )
}

/// Combinations with a network that was taken to the chip.
fn found(all: &[Named<'_>]) -> usize {
    all.iter().filter(|(_, summary)| summary.best.is_some()).count()
}

fn is_finished(all: &[Named<'_>]) -> bool {
    all.iter().all(|(_, summary)| summary.finished)
}

fn note(all: &[Named<'_>]) -> String {
    let mut note =
        "Each trial is trained once and judged for every combination; they take turns in \
                    suggesting the next."
            .to_owned();
    if let Some((_, summary)) = all.first() {
        let accounting = match summary.limits.accounting {
            Accounting::St => "as ST's tool counts them",
            Accounting::Elf => "of the linked program",
        };
        note += &format!(
            " validation, test: {} as deployed. RAM, ROM: {accounting}.",
            summary.goal.title()
        );
        note += match is_finished(all) {
            true => {
                " The network of each combination, with its C project and its own report, is in the folder \
                 of its name."
            }
            false => " The report of each combination is in the folder of its name.",
        };
    }
    note
}
