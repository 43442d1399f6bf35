//! What the user reads when a study is done: as wide as the terminal, complete without colour.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};

use super::findings;
use super::side_by_side::{self, Figure, Row};
use crate::in_print::unbroken;
use crate::record::Summary;

/// The whole report as text, at most `columns` wide.
pub fn print(summary: &Summary, columns: u16) -> String {
    let alone = |text| paragraphs(&[(String::new(), text)], columns);
    let overview = paragraphs(&findings::overview(summary), columns);
    let mut parts = vec![alone(findings::title(summary)), overview];
    if summary.best.is_some() || summary.baseline.is_some() {
        parts.push(comparison(summary, columns));
    }
    let remarks = findings::remarks(summary);
    if !remarks.is_empty() {
        parts.push(paragraphs(&remarks, columns));
    }
    parts.push(alone(findings::headline(summary)));
    parts.join("\n\n") + "\n"
}

/// Labels on the left, text that wraps on the right.
pub fn paragraphs(lines: &[(String, String)], columns: u16) -> String {
    let mut table = table(presets::NOTHING, columns);
    let labelled = lines.iter().any(|(label, _)| !label.is_empty());
    for (label, text) in lines {
        let text = Cell::new(unbroken(text));
        table.add_row(if labelled { vec![Cell::new(label), text] } else { vec![text] });
    }
    text(&table)
}

fn comparison(summary: &Summary, columns: u16) -> String {
    let mut table = ruled(columns);
    let cells = |label: Cell, found: Cell, limit: Cell, baseline: Cell| {
        let mut cells = vec![label];
        cells.extend(summary.best.as_ref().map(|_| found));
        cells.push(limit);
        cells.extend(summary.baseline.as_ref().map(|_| baseline));
        cells
    };
    table.set_header(cells(Cell::new(""), right("found"), right("limit"), right("baseline")));
    for (index, rows) in side_by_side::comparison(summary).into_iter().enumerate() {
        if index > 0 {
            table.add_row([""]);
        }
        for Row { label, found, limit, baseline } in rows {
            let limit = right(&limit.unwrap_or_default());
            table.add_row(cells(Cell::new(label), figure(&found), limit, figure(&baseline)));
        }
    }
    text(&table)
}

/// A table as text, of ordinary spaces only.
fn text(table: &Table) -> String {
    table.trim_fmt().replace('\u{a0}', " ")
}

/// A table whose first column names its rows, with a line below its header; what has no room beside
/// that column within `columns` follows in a table below.
pub(super) fn rows(header: &[String], rows: &[Vec<String>], columns: u16) -> String {
    const GAP: usize = 3;
    let width = |column: usize| {
        let cells = rows.iter().map(|row| &row[column]).chain([&header[column]]);
        cells.flat_map(|cell| cell.lines()).map(|line| line.chars().count()).max().unwrap_or(0)
    };
    let mut tables: Vec<Vec<usize>> = vec![];
    let mut taken = usize::MAX;
    for column in 1..header.len() {
        let needed = GAP + width(column);
        if taken.saturating_add(needed) > columns.into() {
            tables.push(vec![0]);
            taken = 2 + width(0);
        }
        tables.last_mut().expect("the first column began one").push(column);
        taken += needed;
    }
    let table = |columns_of_it: &Vec<usize>| {
        let line = |row: &[String]| -> Vec<Cell> {
            let cell = |&column: &usize| match column {
                0 => Cell::new(&row[0]),
                _ => right(&row[column]),
            };
            columns_of_it.iter().map(cell).collect()
        };
        let mut table = ruled(columns);
        table.set_header(line(header)).add_rows(rows.iter().map(|row| line(row)));
        text(&table)
    };
    tables.iter().map(table).collect::<Vec<_>>().join("\n\n")
}

/// A table with a line below its header.
fn ruled(columns: u16) -> Table {
    let rule = LineStyle::none().fill('─').junction('─');
    table(TableStyle::new().header_separator(rule), columns)
}

fn figure(figure: &Figure) -> Cell {
    let text = figure.text.as_deref().unwrap_or("–");
    match figure.within_limit {
        Some(true) => right(&format!("✓ {text}")),
        Some(false) => right(&format!("✗ {text}")),
        None => right(text),
    }
}

/// On one line: a figure keeps its unit.
fn right(text: &str) -> Cell {
    Cell::new(text.replace(' ', "\u{a0}")).set_alignment(CellAlignment::Right)
}

fn table(style: TableStyle, columns: u16) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    table
}
