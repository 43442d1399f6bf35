//! What the columns of a CSV file look like they are.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::data::DataError;
use crate::data::csv::{Column, TimeUnit, fields, separator_of};
use crate::in_print::counted;
use crate::study_file::section::nearest;

/// Titles that a column with the class usually has.
const LABELS: &[&str] = &[
    "label", "labels", "class", "classes", "target", "targets", "y", "activity", "category",
    "what", "gesture", "species", "type", "outcome",
];
/// Titles of a column with who or what a row comes from.
const GROUPS: &[&str] = &[
    "group",
    "groups",
    "who",
    "subject",
    "person",
    "user",
    "participant",
    "patient",
    "speaker",
    "writer",
    "session",
    "device",
    "subject_id",
    "user_id",
];
/// Words in the title of a column with the time.
const TIMES: &[&str] =
    &["t", "ts", "time", "times", "timestamp", "timestamps", "datetime", "elapsed", "uptime"];
/// Words for its unit, there or as the whole title.
const UNITS: &[(&str, TimeUnit)] = &[
    ("s", TimeUnit::Seconds),
    ("sec", TimeUnit::Seconds),
    ("secs", TimeUnit::Seconds),
    ("second", TimeUnit::Seconds),
    ("seconds", TimeUnit::Seconds),
    ("ms", TimeUnit::Milliseconds),
    ("msec", TimeUnit::Milliseconds),
    ("millis", TimeUnit::Milliseconds),
    ("milliseconds", TimeUnit::Milliseconds),
    ("us", TimeUnit::Microseconds),
    ("usec", TimeUnit::Microseconds),
    ("micros", TimeUnit::Microseconds),
    ("microseconds", TimeUnit::Microseconds),
];
/// Most classes that are taken for such.
pub const CLASSES_MAX: usize = 64;
/// A line is read so far.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Of so many rows the steps from one to the next are looked at.
const STEPS_MAX: usize = 2000;

pub fn is_label(title: &str) -> bool {
    LABELS.contains(&title.to_lowercase().as_str())
}

pub fn is_group(title: &str) -> bool {
    GROUPS.contains(&title.to_lowercase().as_str())
}

/// A file, column by column.
pub struct Look {
    /// As it stands there.
    pub first_line: String,
    titles: Option<Vec<String>>,
    columns: Vec<ColumnLook>,
    pub rows: usize,
}

#[derive(Default)]
struct ColumnLook {
    texts: usize,
    /// The first of them, with its line from 1.
    first_text: Option<(usize, String)>,
    fractions: usize,
    /// Of the first [`CLASSES_MAX`] + 1.
    values: HashSet<String>,
    last: Option<f64>,
    steps: Vec<f64>,
}

impl ColumnLook {
    fn see(&mut self, field: &str, line: usize) {
        if self.values.len() <= CLASSES_MAX && !self.values.contains(field) {
            self.values.insert(field.to_owned());
        }
        let Ok(number) = field.parse::<f64>() else {
            self.texts += 1;
            self.first_text.get_or_insert_with(|| (line, field.chars().take(20).collect()));
            return;
        };
        self.fractions += usize::from(number.fract() != 0.0);
        if let Some(last) = self.last.replace(number)
            && self.steps.len() < STEPS_MAX
        {
            self.steps.push(number - last);
        }
    }

    fn is_text(&self) -> bool {
        self.texts > 0
    }

    /// Few values of which each is there several times, none with a fraction.
    fn can_be_classes(&self, rows: usize) -> bool {
        let few = (2..=CLASSES_MAX).contains(&self.values.len()) && 4 * self.values.len() <= rows;
        few && self.fractions == 0
    }

    /// Hardly ever steps back.
    fn increases(&self) -> bool {
        let forward = self.steps.iter().filter(|step| **step >= 0.0).count();
        !self.is_text() && self.values.len() > 8 && 100 * forward >= 95 * self.steps.len()
    }

    /// 0, 1, 2 …
    fn counts(&self) -> bool {
        let ones = self.steps.iter().filter(|step| **step == 1.0).count();
        self.increases() && self.fractions == 0 && 100 * ones >= 95 * self.steps.len()
    }

    /// The usual step.
    fn step(&self) -> Option<f64> {
        let mut forward: Vec<f64> = self.steps.iter().copied().filter(|step| *step > 0.0).collect();
        forward.sort_by(f64::total_cmp);
        forward.get(forward.len() / 2).copied()
    }
}

/// The time of recordings.
pub struct Clock {
    pub column: usize,
    /// Rows in a second, as nearly as can be told.
    pub rate_hz: Option<f64>,
    /// None: not numbers that increase, so that nothing can be told by them.
    pub unit: Option<TimeUnit>,
}

/// The unit of a time, as its title tells; seconds, if it tells none. `None`: the title of something else.
fn unit_in(title: &str) -> Option<TimeUnit> {
    let title = title.to_lowercase();
    let words: Vec<&str> =
        title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let unit_of = |word: &&str| UNITS.iter().find(|(name, _)| name == word).map(|(_, unit)| *unit);
    let is_time = words.iter().any(|word| TIMES.contains(word));
    match words[..] {
        [only] if !is_time => unit_of(&only),
        _ => is_time.then(|| words.iter().find_map(unit_of).unwrap_or_default()),
    }
}

impl Look {
    /// # Errors
    /// The file cannot be read, or holds no two rows.
    pub fn at(path: &Path) -> Result<Self, DataError> {
        let expected = "a file of text that can be read";
        let unreadable = |error| DataError::unreadable(path, &error, expected);
        let mut source = BufReader::new(File::open(path).map_err(unreadable)?);
        let mut look = Self { first_line: String::new(), titles: None, columns: vec![], rows: 0 };
        let mut line = vec![];
        for number in 1.. {
            line.clear();
            let read = source.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
            if read.map_err(unreadable)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() {
                if look.first_line.is_empty() {
                    look.first_line = text.chars().take(60).collect();
                }
                look.line(number, &fields(text));
            }
        }
        if look.rows < 2 {
            let found = format!("holds {} of values", counted(look.rows, "row"));
            let cure = "name a file or folder with the samples";
            return Err(DataError::new(
                path,
                found,
                "a row for each sample or point in time",
                cure,
            ));
        }
        Ok(look)
    }

    fn line(&mut self, number: usize, fields: &[&str]) {
        if self.columns.is_empty() {
            self.columns = fields.iter().map(|_| ColumnLook::default()).collect();
            if fields.iter().all(|field| field.parse::<f64>().is_err()) {
                self.titles = Some(fields.iter().map(|&title| title.to_owned()).collect());
                return;
            }
        }
        self.columns.iter_mut().zip(fields).for_each(|(column, field)| column.see(field, number));
        self.rows += 1;
    }

    fn title(&self, column: usize) -> &str {
        self.titles.as_ref().map_or("", |titles| &titles[column])
    }

    /// As a study file names it.
    pub fn name(&self, column: usize) -> Column {
        let title = self.title(column);
        let known = self.titles.iter().flatten().filter(|other| *other == title).count() == 1;
        if known && !title.is_empty() {
            return Column::Title(title.to_owned());
        }
        Column::Number(column + 1)
    }

    /// The column of that title, or number from 1.
    pub fn named(&self, name: &str) -> Option<usize> {
        let titled = (0..self.columns.len()).find(|&column| self.title(column) == name);
        let number = name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        titled.or(number.filter(|&column| column < self.columns.len()))
    }

    /// A complaint about a name that no column has.
    pub fn no_column(&self, file: &Path, name: &str) -> DataError {
        let titles: Vec<&str> = self.titles.iter().flatten().map(String::as_str).collect();
        let numbers = format!("a number from 1 to {}", self.columns.len());
        let expected = match titles[..] {
            [] => format!("{numbers}, as the columns have no titles"),
            _ => format!("one of {}, or {numbers}", titles.join(", ")),
        };
        let cure = match (separator_of(&self.first_line), nearest(name, titles.into_iter())) {
            (Some(other), _) => other.to_owned(),
            (None, Some(title)) => format!("did you mean {title:?}? correct --label"),
            (None, None) => "correct --label".to_owned(),
        };
        DataError::in_line(file, 1, format_args!("no column is called {name:?}"), expected, cure)
    }

    /// Each column in a few words.
    pub fn described(&self) -> String {
        const DESCRIBED_MAX: usize = 8;
        let column = |(column, look): (usize, &ColumnLook)| {
            let name = match self.name(column) {
                Column::Title(title) => title,
                Column::Number(number) => format!("column {number}"),
            };
            let what = match look {
                look if look.values.len() > CLASSES_MAX && look.is_text() => "many texts",
                look if look.values.len() > CLASSES_MAX && look.fractions == 0 => "many numbers",
                look if look.values.len() == 1 => "always the same",
                look if look.fractions > 0 => "numbers with fractions",
                look if look.is_text() => "texts",
                _ => "whole numbers",
            };
            format!("{name}: {what}")
        };
        let all = self.columns.iter().enumerate();
        let described: Vec<String> = all.take(DESCRIBED_MAX).map(column).collect();
        let more = if self.columns.len() > described.len() { ", …" } else { "" };
        described.join(", ") + more
    }

    /// The column with the class: by its title; else the only one of texts; and in a file that must have
    /// one, the last or the first, if it holds few whole numbers.
    pub fn label(&self, must: bool) -> Option<usize> {
        let columns = || 0..self.columns.len();
        let few = |column: usize| self.columns[column].values.len() <= CLASSES_MAX;
        let likely = |&column: &usize| self.columns[column].can_be_classes(self.rows);
        let texts: Vec<usize> = columns()
            .filter(|&column| self.columns[column].is_text() && !is_group(self.title(column)))
            .filter(|&column| few(column))
            .collect();
        let by_text = match texts[..] {
            [only] => Some(only),
            _ => None,
        };
        let is_axis = |column: usize| {
            let titled = |name: &str| columns().any(|c| self.title(c).eq_ignore_ascii_case(name));
            self.title(column).eq_ignore_ascii_case("y") && (titled("x") || titled("z"))
        };
        let titled = columns().find(|&column| {
            let is_whole = self.columns[column].fractions == 0;
            is_label(self.title(column)) && few(column) && is_whole && !is_axis(column)
        });
        let ends = || [self.columns.len() - 1, 0].into_iter().find(likely).filter(|_| must);
        titled.or(by_text).or_else(ends)
    }

    /// The column with who or what a row comes from.
    pub fn group(&self, label: Option<usize>) -> Option<usize> {
        let mut columns = (0..self.columns.len()).filter(|&column| Some(column) != label);
        columns.find(|&column| is_group(self.title(column)))
    }

    /// The column with the time: by its title; in a file without titles the first one, if it increases.
    pub fn clock(&self, taken: &[usize]) -> Option<Clock> {
        let columns = || (0..self.columns.len()).filter(|column| !taken.contains(column));
        let titled = columns().find_map(|column| Some((column, unit_in(self.title(column))?)));
        let first = columns().next().filter(|&column| {
            self.titles.is_none()
                && self.columns[column].increases()
                && !self.columns[column].counts()
        });
        let (column, titled) = titled.or(first.map(|column| (column, TimeUnit::Seconds)))?;
        let look = &self.columns[column];
        let Some(step) = look.step().filter(|_| look.increases()) else {
            return Some(Clock { column, rate_hz: None, unit: None });
        };
        // Nobody records a row in more than a second: that is a shorter unit.
        let units =
            TimeUnit::ALL.into_iter().filter(|unit| unit.per_second() >= titled.per_second());
        let unit = units.into_iter().find(|unit| step <= unit.per_second());
        let rate_hz = unit.map(|unit| unit.per_second() / step);
        Some(Clock { column, rate_hz, unit })
    }

    /// Columns of values beside those that are `taken`: numbers that do not just count the rows.
    pub fn channels(&self, taken: &[usize]) -> Vec<usize> {
        let left = (0..self.columns.len()).filter(|column| !taken.contains(column));
        left.filter(|&column| !self.columns[column].is_text() && !self.columns[column].counts())
            .collect()
    }

    /// What becomes of columns that are neither `taken` nor values.
    pub fn left_out(&self, taken: &[usize]) -> Vec<String> {
        let is_value = self.channels(taken);
        let rest = (0..self.columns.len())
            .filter(|column| !taken.contains(column) && !is_value.contains(column));
        let why = |column: usize| match &self.columns[column] {
            ColumnLook { first_text: None, .. } => "it just counts the rows".to_owned(),
            ColumnLook { texts: 1, first_text: Some((line, text)), .. } => {
                format!("1 of its values is no number, {text:?} in line {line}")
            }
            ColumnLook { texts, first_text: Some((line, text)), .. } => {
                format!("{texts} of its values are no numbers, first {text:?} in line {line}")
            }
        };
        rest.map(|column| match self.name(column) {
            Column::Title(title) => format!("column `{title}` is left out: {}", why(column)),
            Column::Number(number) => format!("column {number} is left out: {}", why(column)),
        })
        .collect()
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.columns.len()
    }
}
