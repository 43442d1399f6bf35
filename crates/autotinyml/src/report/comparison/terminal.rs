//! The comparison as text, at most 100 columns wide.

use comfy_table::{Cell, CellAlignment};

use super::{Printed, header, headline, note, row};
use crate::compare::Comparison;
use crate::report::terminal::{paragraphs, ruled};

/// The whole comparison.
pub fn print(comparison: &Comparison) -> String {
    let figures = comparison.figures();
    let mut table = ruled();
    table.set_header(cells(header(comparison).iter().map(|name| name.replace('|', "\n"))));
    for figures in &figures {
        let figures = row(comparison, figures).into_iter();
        table.add_row(cells(figures.map(|Printed { figure, range }| format!("{figure}\n{range}"))));
    }
    let alone = |text: String| paragraphs(&[(String::new(), text)]);
    let parts = [
        alone(comparison.name.clone()),
        paragraphs(&comparison.about),
        table.trim_fmt(),
        alone(note(comparison)),
        alone(headline(comparison, &figures)),
    ];
    parts.join("\n\n") + "\n"
}

/// The searcher on the left, figures on the right.
fn cells(texts: impl Iterator<Item = String>) -> Vec<Cell> {
    let cells = texts.enumerate().map(|(column, text)| match column {
        0 => Cell::new(text.trim()),
        _ => Cell::new(text).set_alignment(CellAlignment::Right),
    });
    cells.collect()
}
