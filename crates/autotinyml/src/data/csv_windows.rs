//! Windows cut from recordings in time, in CSV files.
//!
//! What loggers get wrong is put right before any window is cut, and told in the notes:
//! - a row that repeats an earlier row of its file exactly, time included, is a copy and dropped:
//!   kept, it could stand on both sides of a split;
//! - a recording ends, and another begins, where time jumps by more than a second or runs
//!   backwards, or where the label or the group changes. No window crosses such a place.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use autotinyml_nn::{Dataset, Groups, Shape, Span};

use super::csv::{self, Columns, Table, Tables};
use super::{DataError, Loaded, VALUES_MAX};
use crate::in_print::counted;

/// A longer pause between two rows ends a recording.
const PAUSE_SECONDS_MAX: f64 = 1.0;

/// Reads the files that `path` stands for and cuts a window of `window` rows at every `step`th row
/// of each uninterrupted recording: samples of shape `window × channels × 1`.
///
/// A sample's span counts the rows of its file that were kept, so that windows of one file overlap
/// exactly if their spans do; its `recording` is the rows of one class and group in one file.
///
/// # Errors
/// A file is missing or wrong, or a class has no window.
pub fn read(
    path: &Path,
    columns: &Columns,
    window: usize,
    step: usize,
) -> Result<Loaded, DataError> {
    for (key, rows) in [("window", window), ("step", step)] {
        if rows == 0 {
            let found = format!("`{key} = 0`");
            return Err(DataError::at("[data]", found, "at least 1 row", "write another number"));
        }
    }
    let Tables { tables, classes, groups, channels, titles } = csv::read(path, columns)?;
    let files: Vec<Recorded> =
        tables.into_iter().map(|table| Recorded::of(table, channels)).collect();
    check_number(&files, path, channels, window, step)?;
    let windows: Vec<Window> = cut(&files, window, step);
    check_every_class(&files, &windows, &classes, path, window)?;

    let spans: Vec<Span> = windows.iter().map(|window| window.span).collect();
    let notes = notes(&files, &spans, window, step);
    let rows = |window: &Window| {
        let Span { start, end, .. } = window.span;
        &files[window.file].table.values[start * channels..end * channels]
    };
    let dataset = Dataset {
        shape: Shape::new(window, channels, 1),
        inputs: windows.iter().flat_map(rows).copied().collect(),
        labels: windows.iter().map(|window| window.class).collect(),
        groups: groups
            .map(|names| Groups { names, of: windows.iter().map(|window| window.group).collect() }),
        spans: Some(spans),
        classes,
    };
    Ok(Loaded { dataset, period: channels, columns: titles, notes })
}

/// A file without its copies, and its uninterrupted recordings.
struct Recorded {
    table: Table,
    /// Rows between which time runs on without a jump, as ranges of the rows kept.
    recordings: Vec<Range<usize>>,
    /// Rows in the file.
    rows: usize,
    /// Of these, exact copies of an earlier one.
    copies: usize,
    pauses: usize,
    steps_back: usize,
}

impl Recorded {
    fn of(mut table: Table, channels: usize) -> Self {
        let rows = table.rows();
        let steps_back = table.times.windows(2).filter(|pair| pair[1] < pair[0]).count();
        drop_copies(&mut table, channels);
        let kept = table.rows();
        let mut pauses = 0;
        let mut recordings = vec![];
        let mut start = 0;
        for row in 1..kept {
            let seconds = match &table.times[..] {
                [] => 0.0,
                times => times[row] - times[row - 1],
            };
            pauses += usize::from(seconds > PAUSE_SECONDS_MAX);
            let goes_on = (0.0..=PAUSE_SECONDS_MAX).contains(&seconds)
                && table.classes[row] == table.classes[row - 1]
                && table.groups[row] == table.groups[row - 1];
            if !goes_on {
                recordings.push(start..row);
                start = row;
            }
        }
        recordings.push(start..kept);
        Self { recordings, rows, copies: rows - kept, pauses, steps_back, table }
    }

    fn windows(&self, window: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
        let starts = move |rows: &Range<usize>| {
            (rows.start..(rows.end + 1).saturating_sub(window)).step_by(step)
        };
        self.recordings.iter().flat_map(starts).map(move |start| start..start + window)
    }
}

/// Drops every row that repeats an earlier one to the bit, its time included. Without times nothing
/// is known to be a copy: a sensor at rest gives the same values again.
fn drop_copies(table: &mut Table, channels: usize) {
    if table.times.is_empty() {
        return;
    }
    let bits = |row: usize| {
        let values = table.values[row * channels..][..channels].iter().map(|value| value.to_bits());
        (table.times[row].to_bits(), table.classes[row], table.groups[row], values)
    };
    let order = |&a: &usize, &b: &usize| {
        let ((time_a, class_a, group_a, a), (time_b, class_b, group_b, b)) = (bits(a), bits(b));
        (time_a, class_a, group_a).cmp(&(time_b, class_b, group_b)).then_with(|| a.cmp(b))
    };
    let mut rows: Vec<usize> = (0..table.rows()).collect();
    // A stable sort: of equal rows the first in the file stays first.
    rows.sort_by(order);
    let mut is_copy = vec![false; rows.len()];
    for pair in rows.windows(2) {
        is_copy[pair[1]] = order(&pair[0], &pair[1]).is_eq();
    }
    let kept = |index: usize| !is_copy[index];
    retain(&mut table.times, kept);
    retain(&mut table.classes, kept);
    retain(&mut table.groups, kept);
    retain(&mut table.values, |value| kept(value / channels));
}

/// Keeps the elements at the places that are to be kept.
fn retain<T>(elements: &mut Vec<T>, is_kept: impl Fn(usize) -> bool) {
    let mut index = 0;
    elements.retain(|_| {
        index += 1;
        is_kept(index - 1)
    });
}

/// A sample to be.
struct Window {
    file: usize,
    class: usize,
    group: usize,
    span: Span,
}

/// All windows, in order of file and row.
fn cut(files: &[Recorded], window: usize, step: usize) -> Vec<Window> {
    let mut recordings: HashMap<(usize, usize, usize), usize> = HashMap::new();
    let mut windows = vec![];
    for (file, recorded) in files.iter().enumerate() {
        for Range { start, end } in recorded.windows(window, step) {
            let class = recorded.table.classes[start] as usize;
            let group = recorded.table.groups[start] as usize;
            let next = recordings.len();
            let recording = *recordings.entry((file, class, group)).or_insert(next);
            windows.push(Window { file, class, group, span: Span { recording, start, end } });
        }
    }
    windows
}

/// Complains about more windows than can be meant.
fn check_number(
    files: &[Recorded],
    path: &Path,
    channels: usize,
    window: usize,
    step: usize,
) -> Result<(), DataError> {
    let windows: usize = files.iter().map(|file| file.windows(window, step).count()).sum();
    let values = windows.saturating_mul(window).saturating_mul(channels);
    if values <= VALUES_MAX {
        return Ok(());
    }
    let found = format!("{windows} windows of {window} rows are {values} values");
    let expected = format!("at most {VALUES_MAX}");
    Err(DataError::new(path, found, expected, "make `step` larger in [data]"))
}

/// Complains about the first class without a window.
fn check_every_class(
    files: &[Recorded],
    windows: &[Window],
    classes: &[String],
    path: &Path,
    window: usize,
) -> Result<(), DataError> {
    let Some(class) =
        (0..classes.len()).find(|&class| windows.iter().all(|window| window.class != class))
    else {
        return Ok(());
    };
    let of_class = |recorded: &&Recorded| recorded.table.classes.contains(&(class as u32));
    let mut of_class = files.iter().filter(of_class);
    let lengths = files.iter().flat_map(|recorded| {
        let is_of = |rows: &&Range<usize>| recorded.table.classes[rows.start] == class as u32;
        recorded.recordings.iter().filter(is_of).map(Range::len)
    });
    let longest = lengths.max().unwrap_or(0);
    let file = match (of_class.next(), of_class.next()) {
        (Some(only), None) => &only.table.file.path,
        _ => path,
    };
    let found = format!(
        "a window of {window} rows is longer than every recording of class {:?}",
        classes[class]
    );
    let expected =
        format!("at most {longest}, the most rows without a gap over 1 s or a step back in time");
    let cure = if longest <= 1 {
        "is the time in milliseconds? then add time_unit = \"ms\" to [data]; without a time: `time = false`"
    } else {
        "make `window` smaller or take the class out of the data"
    };
    Err(DataError::new(file, found, expected, cure))
}

fn notes(files: &[Recorded], spans: &[Span], window: usize, step: usize) -> Vec<String> {
    let rows: usize = files.iter().map(|file| file.rows).sum();
    let uncut: usize =
        files.iter().map(|file| (file.rows + step).saturating_sub(window) / step).sum();
    let mut notes = vec![format!(
        "{} of {}, one every {step}, from {} in {} ({uncut} if nothing were dropped or cut)",
        counted(spans.len(), "window"),
        counted(window, "row"),
        counted(rows, "row"),
        counted(files.len(), "file")
    )];
    let mut per_file = |what: &str, count: &dyn Fn(&Recorded) -> usize| {
        let total: usize = files.iter().map(count).sum();
        if total > 0 {
            let some: Vec<&Recorded> = files.iter().filter(|file| count(file) > 0).collect();
            let list: Vec<String> = some
                .iter()
                .take(LISTED_FILES_MAX)
                .map(|file| format!("{}: {}", file.table.file.name(), count(file)))
                .collect();
            let more = if some.len() > list.len() { ", …" } else { "" };
            notes.push(format!("{what}: {total} ({}{more})", list.join(", ")));
        }
    };
    per_file("copies of earlier rows, dropped", &|file| file.copies);
    per_file("gaps over 1 s, crossed by no window", &|file| file.pauses);
    per_file("steps back in time, crossed by no window", &|file| file.steps_back);
    let kept: usize = files.iter().map(|file| file.rows - file.copies).sum();
    let idle = kept - rows_covered(spans);
    if idle > 0 {
        notes.push(format!("rows in no window: {idle}"));
    }
    notes
}

/// A note lists no more files than this.
const LISTED_FILES_MAX: usize = 30;

/// Rows inside at least one span. Spans are in order of file and start.
fn rows_covered(spans: &[Span]) -> usize {
    let mut previous: Option<&Span> = None;
    let mut covered = 0;
    for span in spans {
        let known = previous.filter(|p| p.recording == span.recording).map_or(0, |p| p.end);
        covered += span.end - span.start.max(known);
        previous = Some(span);
    }
    covered
}

#[cfg(test)]
mod tests;
