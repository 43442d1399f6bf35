//! The best networks of a study of several boards or compressions, side by side: a row for each.

use std::collections::HashMap;

use autotinyml_deploy::{Accounting, Limits};
use maud::{Markup, html};

use super::findings::{compression, memory};
use super::html::document;
use super::side_by_side::shortened;
use super::terminal::{paragraphs, rows};
use crate::finalist::ranking;
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
    let names = parameters(all);
    let limits =
        |summary: &Summary| told(LIMITS.iter().zip(limits(summary)).take(LIMITS.len() - 1));
    let settings = |summary: &Summary| told(names.iter().zip(settings(summary, &names)));
    let mut parts = vec![alone(headline(name, all)), table];
    parts.extend(of_each("Limits", all, columns, limits));
    parts.extend(of_each("Settings of the best networks", all, columns, settings));
    parts.push(alone(note(all)));
    parts.join("\n\n") + "\n"
}

/// A line for each combination of which there is something to tell; one for all, if it is the same.
fn of_each(
    title: &str,
    all: &[Named<'_>],
    columns: u16,
    text: impl Fn(&Summary) -> String,
) -> Option<String> {
    let lines = all.iter().map(|&(folder, summary)| (folder.to_owned(), text(summary)));
    let lines: Vec<(String, String)> = lines.filter(|(_, text)| !text.is_empty()).collect();
    let (_, first) = lines.first()?;
    if lines.len() == all.len() && lines.iter().all(|(_, text)| text == first) {
        return Some(paragraphs(&[(format!("{title} of all"), first.clone())], columns));
    }
    let title = paragraphs(&[(String::new(), title.to_owned())], columns);
    Some(format!("{title}\n{}", paragraphs(&lines, columns)))
}

/// Names with their values, but for those without one.
fn told<'a>(values: impl Iterator<Item = (&'a &'a str, String)>) -> String {
    let known = values.filter(|(_, value)| value != "–");
    known.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// The table as a page that needs nothing but itself; each row leads to the report of its combination.
pub fn page(name: &str, all: &[Named<'_>]) -> String {
    let body: Markup = html! {
        header { p.title { (name) } h1.(if found(all) > 0 { "found" } else { "missed" }) { (headline(name, all)) } }
        main {
            section {
                h2 { "Best networks" }
                (table(all, &HEADER, row))
                p.note { (note(all)) }
            }
            section { h2 { "Limits" } (table(all, &LIMITS, limits)) }
            @let names = parameters(all);
            @if found(all) > 0 {
                section {
                    h2 { "Settings of the best networks" }
                    (table(all, &names, |summary| settings(summary, &names)))
                }
            }
        }
        footer { "AutoTinyML " (env!("CARGO_PKG_VERSION")) }
    };
    document(name, &body)
}

/// A row for each combination; its name leads to its own report.
fn table(all: &[Named<'_>], header: &[&str], cells: impl Fn(&Summary) -> Vec<String>) -> Markup {
    html! {
        div.scroll {
            table.searchers {
                thead {
                    tr {
                        th { "board, compression" }
                        @for title in header { th { (title) } }
                    }
                }
                tbody {
                    @for (folder, summary) in all {
                        tr {
                            th scope="row" {
                                a href={ (folder) "/report.html" } { (combination(summary)) }
                            }
                            @for cell in cells(summary) { td { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// What may be limited.
const LIMITS: [&str; 5] = ["RAM", "ROM", "MACC", "X-CROSS", "memory is counted"];

fn limits(summary: &Summary) -> Vec<String> {
    let Limits { ram_bytes, rom_bytes, macc, cross_accuracy, accounting } = summary.limits;
    let none = || "–".to_owned();
    let at_most =
        |bytes: Option<usize>| bytes.map_or_else(none, |it| format!("≤ {}", kilobytes(it as f64)));
    let counted = match accounting {
        Accounting::St => "as ST's tool does",
        Accounting::Elf => "in the linked program",
    };
    vec![
        at_most(ram_bytes),
        at_most(rom_bytes),
        macc.map_or_else(none, |macc| format!("≤ {}", grouped(macc))),
        cross_accuracy.map_or_else(none, |share| format!("≥ {}", percent(share))),
        counted.to_owned(),
    ]
}

/// Names of the hyperparameters, which all combinations share.
fn parameters<'a>(all: &[Named<'a>]) -> Vec<&'a str> {
    let first = all.first().map(|(_, summary)| summary.space.parameters());
    first.into_iter().flatten().map(|parameter| parameter.name.as_str()).collect()
}

fn settings(summary: &Summary, names: &[&str]) -> Vec<String> {
    let of_best = summary.best.iter().flat_map(|best| &best.settings);
    let settings: HashMap<&str, &str> =
        of_best.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let setting = |name: &&str| settings.get(name).map_or("–".to_owned(), |text| shortened(text));
    names.iter().map(setting).collect()
}

fn combination(summary: &Summary) -> String {
    format!("{} {}", summary.board, compression(summary))
}

fn row(summary: &Summary) -> Vec<String> {
    let deployable = summary.trials.iter().filter(|trial| trial.is_deployable()).count();
    let none = || "–".to_owned();
    let size = |bytes: Option<usize>| bytes.map_or_else(none, |bytes| kilobytes(bytes as f64));
    let Some(best) = &summary.best else {
        let mut cells = vec![none(); HEADER.len() - 1];
        cells.push(deployable.to_string());
        let so_far = ranking(&summary.trials, summary.goal);
        if let Some(trial) = so_far.first().filter(|_| !summary.finished)
            && let Some(footprint) = &trial.outcome.footprint
        {
            let (ram, rom) = memory(summary.limits.accounting, footprint);
            cells[0] = trial.id.to_string();
            cells[1] = trial.outcome.score(summary.goal).map_or_else(none, percent);
            (cells[3], cells[4]) = (size(ram), size(rom));
            cells[5] = footprint.cross_accuracy.map_or_else(none, percent_at_least);
            cells[7] = grouped(footprint.macc);
        }
        return cells;
    };
    let (ram, rom) = memory(summary.limits.accounting, &best.footprint);
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
