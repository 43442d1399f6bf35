//! What the user reads when a study is done: at most 100 columns wide, complete without colour.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};

use super::findings;
use super::side_by_side::{self, Figure, Row};
use crate::record::Summary;

const WIDTH_MAX: u16 = 100;

/// The whole report as text.
pub fn print(summary: &Summary) -> String {
    let alone = |text| paragraphs(&[(String::new(), text)]);
    let mut parts = vec![alone(findings::title(summary)), paragraphs(&findings::overview(summary))];
    if summary.best.is_some() || summary.baseline.is_some() {
        parts.push(comparison(summary));
    }
    let remarks = findings::remarks(summary);
    if !remarks.is_empty() {
        parts.push(paragraphs(&remarks));
    }
    parts.push(alone(findings::headline(summary)));
    parts.join("\n\n") + "\n"
}

/// Labels on the left, text that wraps on the right.
pub(super) fn paragraphs(lines: &[(String, String)]) -> String {
    let mut table = table(presets::NOTHING);
    let labelled = lines.iter().any(|(label, _)| !label.is_empty());
    for (label, text) in lines {
        let text = Cell::new(text);
        table.add_row(if labelled { vec![Cell::new(label), text] } else { vec![text] });
    }
    table.trim_fmt()
}

fn comparison(summary: &Summary) -> String {
    let mut table = ruled();
    let columns = |label: Cell, found: Cell, limit: Cell, baseline: Cell| {
        let mut cells = vec![label];
        cells.extend(summary.best.as_ref().map(|_| found));
        cells.push(limit);
        cells.extend(summary.baseline.as_ref().map(|_| baseline));
        cells
    };
    table.set_header(columns(Cell::new(""), right("found"), right("limit"), right("baseline")));
    for (index, rows) in side_by_side::comparison(summary).into_iter().enumerate() {
        if index > 0 {
            table.add_row([""]);
        }
        for Row { label, found, limit, baseline } in rows {
            let limit = right(&limit.unwrap_or_default());
            table.add_row(columns(Cell::new(label), figure(&found), limit, figure(&baseline)));
        }
    }
    table.trim_fmt()
}

/// A table with a line below its header.
pub(super) fn ruled() -> Table {
    let rule = LineStyle::none().fill('─').junction('─');
    table(TableStyle::new().header_separator(rule))
}

fn figure(figure: &Figure) -> Cell {
    let text = figure.text.as_deref().unwrap_or("–");
    match figure.within_limit {
        Some(true) => right(&format!("✓ {text}")),
        Some(false) => right(&format!("✗ {text}")),
        None => right(text),
    }
}

fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn table(style: TableStyle) -> Table {
    let mut table = Table::new();
    table
        .load_style(style)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH_MAX);
    table
}
