//! The comparison as text.

use super::{Printed, header, headline, note, row};
use crate::compare::Comparison;
use crate::report::terminal::{paragraphs, rows};

/// The whole comparison, at most `columns` wide.
pub fn print(comparison: &Comparison, columns: u16) -> String {
    let figures = comparison.figures();
    let header: Vec<String> =
        header(comparison).iter().map(|name| name.replace('|', "\n")).collect();
    let line = |figures| {
        let cells = row(comparison, figures).into_iter();
        let cell = |Printed { figure, range }| format!("{figure}\n{range}").trim_end().to_owned();
        cells.map(cell).collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = figures.iter().map(line).collect();
    let alone = |text: String| paragraphs(&[(String::new(), text)], columns);
    let parts = [
        alone(comparison.name.clone()),
        paragraphs(&comparison.about, columns),
        rows(&header, &lines, columns),
        alone(note(comparison)),
        alone(headline(comparison, &figures)),
    ];
    parts.join("\n\n") + "\n"
}
