//! Windows cut from recordings in time: a folder with one file per class, each line
//! `time in seconds, channel, channel…`.
//!
//! Classes are the files' names without `.csv`, in natural order (2 before 10). Files that do not
//! end in `.csv` and hidden ones are ignored, as are empty lines and a first line of titles
//! only (a header).
//!
//! What loggers get wrong is put right before any window is cut, and told in the notes:
//! - a row that repeats an earlier row of its file exactly, time included, is a copy and dropped:
//!   kept, it could stand on both sides of a split;
//! - a recording ends, and another begins, where time jumps by more than a second or runs
//!   backwards. No window crosses such a place.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use autotinyml_nn::{Dataset, Shape, Span};

use super::{DataError, Loaded};

/// A longer pause between two rows ends a recording.
const PAUSE_SECONDS_MAX: f64 = 1.0;

/// Reads every `.csv` file of `folder` and cuts a window of `window` rows at every `step`th row of
/// each uninterrupted recording: samples of shape `window × channels × 1`.
///
/// A sample's span counts the rows of its file that were kept, so that windows of one file overlap
/// exactly if their spans do; its `recording` is the file.
pub fn read(folder: &Path, window: usize, step: usize) -> Result<Loaded, DataError> {
    for (key, rows) in [("window", window), ("step", step)] {
        if rows == 0 {
            return Err(DataError::ZeroRows { key });
        }
    }
    let files = csv_files(folder)?;
    let mut classes: Vec<Class> = Vec::with_capacity(files.len());
    for file in &files {
        classes.push(read_class(file, classes.first())?);
    }
    if let [file] = &files[..] {
        return Err(DataError::OneClass { file: file.clone() });
    }

    let channels = classes[0].channels;
    let mut dataset = Dataset {
        shape: Shape::new(window, channels, 1),
        classes: classes.iter().map(|class| class.name.clone()).collect(),
        inputs: vec![],
        labels: vec![],
        spans: None,
        groups: None,
    };
    let mut spans = vec![];
    for (label, class) in classes.iter().enumerate() {
        let windows = class.windows(window, step);
        if windows.is_empty() {
            let longest = class.recordings.iter().map(Range::len).max().unwrap_or(0);
            return Err(DataError::WindowTooLong { file: class.file.clone(), window, longest });
        }
        for rows in windows {
            dataset.inputs.extend(&class.values[rows.start * channels..rows.end * channels]);
            dataset.labels.push(label);
            spans.push(Span { recording: label, start: rows.start, end: rows.end });
        }
    }
    let notes = notes(&classes, &spans, window, step);
    dataset.spans = Some(spans);
    Ok(Loaded { dataset, period: channels, notes })
}

/// One file.
struct Class {
    name: String,
    file: PathBuf,
    /// Columns besides time.
    channels: usize,
    /// Rows kept × channels.
    values: Vec<f32>,
    /// Rows between which time runs on without a jump, as ranges of the rows kept.
    recordings: Vec<Range<usize>>,
    /// Rows in the file.
    rows: usize,
    /// Of these, exact copies of an earlier one.
    copies: usize,
    pauses: usize,
    steps_back: usize,
}

impl Class {
    fn kept(&self) -> usize {
        self.rows - self.copies
    }

    fn windows(&self, window: usize, step: usize) -> Vec<Range<usize>> {
        let starts =
            |rows: &Range<usize>| (rows.start..(rows.end + 1).saturating_sub(window)).step_by(step);
        self.recordings.iter().flat_map(starts).map(|start| start..start + window).collect()
    }
}

fn csv_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |source| DataError::Unreadable { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => DataError::NoFolder { folder: folder.to_owned() },
        io::ErrorKind::NotADirectory => DataError::NotAFolder { path: folder.to_owned() },
        _ => unreadable(source),
    })?;
    let mut files = vec![];
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let is_csv =
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if is_csv && !name(&path).starts_with('.') && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(DataError::NoFiles { folder: folder.to_owned() });
    }
    files.sort_by(|a, b| natural_order(&name(a), &name(b)));
    Ok(files)
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Compares runs of digits by their value and everything else as text: `p2 < p10`, `9 < a`.
fn natural_order(a: &str, b: &str) -> Ordering {
    let key = |text: &str| -> Vec<(Option<u128>, String)> {
        let is_digit = |c: char| c.is_ascii_digit();
        let chars: Vec<char> = text.chars().collect();
        chars
            .chunk_by(|&left, &right| is_digit(left) == is_digit(right))
            .map(|run| run.iter().collect::<String>())
            .map(|run| (run.parse().ok(), run))
            .collect()
    };
    let digits_first = |(value, text): (Option<u128>, String)| (value.is_none(), value, text);
    key(a).into_iter().map(digits_first).cmp(key(b).into_iter().map(digits_first))
}

/// Reads one file; its columns must be as many as those of `first`, the first file.
fn read_class(file: &Path, first: Option<&Class>) -> Result<Class, DataError> {
    let text = fs::read_to_string(file)
        .map_err(|source| DataError::Unreadable { path: file.to_owned(), source })?;
    let mut class = Class {
        name: name(file),
        file: file.to_owned(),
        channels: 0,
        values: vec![],
        recordings: vec![],
        rows: 0,
        copies: 0,
        pauses: 0,
        steps_back: 0,
    };
    let mut columns = first.map(|first| (first.channels + 1, first.file.display().to_string()));
    let mut seen = HashSet::new();
    let mut previous_time = None;
    let mut previous_kept_time = None;
    let mut recording = 0..0;
    for (number, line) in rows(&text) {
        let (time, channels) = read_row(file, number, line, columns.as_ref())?;
        columns.get_or_insert_with(|| (channels.len() + 1, format!("line {number}")));
        class.rows += 1;
        class.channels = channels.len();
        class.steps_back += usize::from(previous_time.is_some_and(|previous| time < previous));
        previous_time = Some(time);

        let bits = channels.iter().map(|value| value.to_bits());
        if !seen.insert((time.to_bits(), bits.collect::<Vec<u32>>())) {
            class.copies += 1;
            continue;
        }
        let step = previous_kept_time.replace(time).map_or(0.0, |previous| time - previous);
        class.pauses += usize::from(step > PAUSE_SECONDS_MAX);
        if !(0.0..=PAUSE_SECONDS_MAX).contains(&step) {
            class.recordings.push(recording.clone());
            recording.start = recording.end;
        }
        recording.end += 1;
        class.values.extend(channels);
    }
    class.recordings.push(recording);
    if class.rows == 0 {
        return Err(DataError::NoRows { file: file.to_owned() });
    }
    Ok(class)
}

/// The lines that carry data, numbered from 1.
fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_title = |field: &str| {
        field.parse::<f64>().is_err()
            && !field.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    };
    let is_header = move |line: &str| line.split(',').map(str::trim).all(is_title);
    text.trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(move |&(number, line)| !(line.is_empty() || number == 1 && is_header(line)))
}

/// Time and channels of a line; `columns`: how many it must have, and like which other lines.
fn read_row(
    file: &Path,
    line: usize,
    text: &str,
    columns: Option<&(usize, String)>,
) -> Result<(f64, Vec<f32>), DataError> {
    let mut numbers = text.split(',').map(str::trim).map(|field| {
        let (file, value) = (file.to_owned(), field.to_owned());
        match field.parse::<f64>() {
            Ok(number) if (number as f32).is_finite() => Ok(number),
            Ok(_) => Err(DataError::NotFinite { file, line, value }),
            Err(_) => Err(DataError::NotANumber { file, line, value }),
        }
    });
    let time = numbers.next().expect("a split has a first part")?;
    let channels =
        numbers.map(|number| Ok(number? as f32)).collect::<Result<Vec<f32>, DataError>>()?;
    let found = channels.len() + 1;
    match columns {
        None if found == 1 => {
            Err(DataError::OneColumn { file: file.to_owned(), line, value: text.to_owned() })
        }
        Some((expected, like)) if found != *expected => Err(DataError::Columns {
            file: file.to_owned(),
            line,
            found,
            expected: *expected,
            like: like.clone(),
        }),
        _ => Ok((time, channels)),
    }
}

fn notes(classes: &[Class], spans: &[Span], window: usize, step: usize) -> Vec<String> {
    let rows: usize = classes.iter().map(|class| class.rows).sum();
    let uncut: usize =
        classes.iter().map(|class| (class.rows + step).saturating_sub(window) / step).sum();
    let mut notes = vec![format!(
        "{} windows of {window} rows, one every {step}, from {rows} rows in {} files ({uncut} if \
         nothing were dropped or cut)",
        spans.len(),
        classes.len()
    )];
    let mut per_class = |what: &str, count: &dyn Fn(&Class) -> usize| {
        let total: usize = classes.iter().map(count).sum();
        if total > 0 {
            let some = classes.iter().filter(|class| count(class) > 0);
            let list: Vec<String> =
                some.map(|class| format!("{}: {}", class.name, count(class))).collect();
            notes.push(format!("{what}: {total} ({})", list.join(", ")));
        }
    };
    per_class("copies of earlier rows, dropped", &|class| class.copies);
    per_class("gaps over 1 s, crossed by no window", &|class| class.pauses);
    per_class("steps back in time, crossed by no window", &|class| class.steps_back);
    let kept: usize = classes.iter().map(Class::kept).sum();
    let idle = kept - rows_covered(spans);
    if idle > 0 {
        notes.push(format!("rows in no window: {idle}"));
    }
    notes
}

/// Rows inside at least one span. Spans are in order of recording and start.
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
