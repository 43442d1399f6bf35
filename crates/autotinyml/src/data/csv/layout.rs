//! Which column of a CSV file is what.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use crate::data::DataError;
use crate::study_file::section::nearest;

/// A column, as the study file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// By what stands in the first line.
    Title(String),
    /// Counted from 1.
    Number(usize),
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title(title) => write!(f, "{title:?}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Where time is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Time {
    /// In the first column that is neither label nor group.
    First,
    /// In this one.
    Column(Column),
    /// Nowhere: rows follow each other evenly.
    None,
}

/// What a step of time by 1 is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// One second.
    #[default]
    Seconds,
    /// A thousandth.
    Milliseconds,
    /// A millionth.
    Microseconds,
}

impl TimeUnit {
    /// The longest first.
    pub const ALL: [Self; 3] = [Self::Seconds, Self::Milliseconds, Self::Microseconds];

    /// How many of them make a second.
    pub fn per_second(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Milliseconds => 1e3,
            Self::Microseconds => 1e6,
        }
    }

    /// As a study file writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
        }
    }
}

/// The columns that a study file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The class of a row.
    pub label: Option<Column>,
    /// The person, device or session that a row is of.
    pub group: Option<Column>,
    /// Its time.
    pub time: Time,
    /// What that is in.
    pub time_unit: TimeUnit,
    /// Its values. None: all other columns.
    pub channels: Option<Vec<Column>>,
}

/// The columns of one file, counted from 0.
pub struct Layout {
    pub label: Option<usize>,
    pub group: Option<usize>,
    pub time: Option<usize>,
    pub channels: Vec<usize>,
    /// How many there are in all.
    pub columns: usize,
    /// The line that told.
    pub line: usize,
    titles: Option<Vec<String>>,
}

/// Fields of a line, without spaces and quotes around them.
pub fn fields(line: &str) -> Vec<&str> {
    line.split(',').map(|field| unquoted(field.trim())).collect()
}

fn unquoted(field: &str) -> &str {
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).map_or(field, str::trim)
}

impl Layout {
    /// From the first line of a file; tells also whether that line is one of titles.
    pub fn of(
        columns: &Columns,
        file: &Path,
        line: usize,
        text: &str,
    ) -> Result<(Self, bool), DataError> {
        let fields = fields(text);
        let is_titles = columns.have_title() || fields.iter().all(|field| is_title(field));
        let mut layout = Self {
            label: None,
            group: None,
            time: None,
            channels: vec![],
            columns: fields.len(),
            line,
            titles: is_titles.then(|| fields.iter().map(|&title| title.into()).collect()),
        };
        let find = |key: &str, column: &Column| layout.find(file, &fields, key, column);
        let label = columns.label.as_ref().map(|column| find("label", column)).transpose()?;
        let group = columns.group.as_ref().map(|column| find("group", column)).transpose()?;
        let is_taken = |column: &usize| Some(*column) == label || Some(*column) == group;
        let time = match &columns.time {
            Time::First => (0..fields.len()).find(|column| !is_taken(column)),
            Time::Column(column) => Some(find("time", column)?),
            Time::None => None,
        };
        let is_taken = |column: &usize| is_taken(column) || Some(*column) == time;
        let channels = match &columns.channels {
            Some(channels) => channels
                .iter()
                .map(|column| find("channels", column))
                .collect::<Result<Vec<usize>, _>>()?,
            None => (0..fields.len()).filter(|column| !is_taken(column)).collect(),
        };
        (layout.label, layout.group, layout.time) = (label, group, time);
        layout.channels = channels;
        layout.check(file, text)?;
        if columns.channels.is_none() {
            layout.check_titles(file)?;
        }
        Ok((layout, is_titles))
    }

    fn find(
        &self,
        file: &Path,
        fields: &[&str],
        key: &str,
        column: &Column,
    ) -> Result<usize, DataError> {
        if let Column::Title(title) = column
            && fields.iter().filter(|field| *field == title).count() > 1
        {
            return Err(same_title(file, self.line, column));
        }
        let found = match column {
            Column::Title(title) => fields.iter().position(|field| field == title),
            Column::Number(number) => Some(number - 1).filter(|&column| column < fields.len()),
        };
        found.ok_or_else(|| {
            let (found, expected) = match column {
                Column::Title(_) => (
                    format!("no column has the title {column}"),
                    format!("one of {}", shortened(&fields.join(", "))),
                ),
                Column::Number(_) => (
                    format!("there is no column {column}"),
                    format!("a number from 1 to {}", fields.len()),
                ),
            };
            let guess = match column {
                Column::Title(title) => nearest(title, fields.iter().copied()),
                Column::Number(_) => None,
            };
            let cure = match (separator_of(&fields.join(" ")), guess) {
                (Some(other), _) => other.to_string(),
                (None, Some(title)) => format!("did you mean {title:?}? correct `{key}` in [data]"),
                (None, None) => format!("correct `{key}` in [data]"),
            };
            DataError::in_line(file, self.line, found, expected, cure)
        })
    }

    /// Each column has one meaning, and there is something to learn from.
    fn check(&self, file: &Path, text: &str) -> Result<(), DataError> {
        let mut used: Vec<usize> =
            [self.label, self.group, self.time].into_iter().flatten().collect();
        used.extend(&self.channels);
        used.sort_unstable();
        if let Some(pair) = used.windows(2).find(|pair| pair[0] == pair[1]) {
            let found = format!("column {} is named twice in [data]", self.title(pair[0]));
            let cure = "let label, group, time and channels name different columns";
            return Err(DataError::in_line(file, self.line, found, "one meaning for each", cure));
        }
        if self.channels.is_empty() {
            let found = format!("no column of values ({:?})", shortened(text));
            let expected = "time, channel… separated by commas";
            let cure = separator_of(text)
                .unwrap_or("add the channels; `time = false` in [data], if the file has no time");
            return Err(DataError::in_line(file, self.line, found, expected, cure));
        }
        Ok(())
    }

    /// A number of a row.
    pub fn number(
        &self,
        file: &Path,
        line: usize,
        fields: &[&str],
        column: usize,
    ) -> Result<f64, DataError> {
        let field = fields[column];
        let value = shortened(field);
        match field.parse::<f64>() {
            Ok(number) if (number as f32).is_finite() => Ok(number),
            Ok(_) => {
                let found = format!("{value:?} is not a finite number");
                let cure = "remove the line or fill the value in";
                Err(DataError::in_line(file, line, found, "one within ±3.4e38", cure))
            }
            Err(_) => {
                let found = format!("{value:?} is not a number");
                let expected = format!("one in column {}", self.title(column));
                Err(DataError::in_line(file, line, found, expected, cure_of_field(field)))
            }
        }
    }

    /// Titles of the channels, if the file has titles.
    pub fn channel_titles(&self) -> Option<Vec<String>> {
        self.titles.as_ref()?;
        Some(self.channels.iter().map(|&column| self.title(column)).collect())
    }

    /// Columns that nobody has chosen among have titles of their own, if any.
    fn check_titles(&self, file: &Path) -> Result<(), DataError> {
        let mut seen = HashSet::new();
        let titles = self.titles.iter().flatten().filter(|title| !title.is_empty());
        match titles.into_iter().find(|title| !seen.insert(*title)) {
            Some(title) => Err(same_title(file, self.line, format!("{:?}", shortened(title)))),
            None => Ok(()),
        }
    }

    fn title(&self, column: usize) -> String {
        match &self.titles {
            Some(titles) => format!("{:?}", shortened(&titles[column])),
            None => (column + 1).to_string(),
        }
    }
}

impl Columns {
    fn have_title(&self) -> bool {
        let time = match &self.time {
            Time::Column(column) => Some(column),
            _ => None,
        };
        let channels = self.channels.iter().flatten();
        let mut named = self.label.iter().chain(&self.group).chain(time).chain(channels);
        named.any(|column| matches!(column, Column::Title(_)))
    }
}

fn is_title(field: &str) -> bool {
    field.parse::<f64>().is_err() && !field.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}

/// Enough of a text to know it by.
fn shortened(text: &str) -> String {
    const CHARACTERS: usize = 60;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// Two columns that nobody can tell apart.
fn same_title(file: &Path, line: usize, title: impl fmt::Display) -> DataError {
    let found = format!("two columns have the title {title}");
    let cure = "give one of them another title, or name the columns to read by their numbers in `channels`";
    DataError::in_line(file, line, found, "a title of its own for each", cure)
}

const SEMICOLONS: &str =
    "the file seems to have semicolons between fields: replace them (and decimal commas by points)";

const TABS: &str = "the file seems to have tabs between fields: replace them by commas";

/// What to do about a file whose fields seem to be separated by something other than commas.
pub fn separator_of(text: &str) -> Option<&'static str> {
    match text {
        _ if text.contains(';') => Some(SEMICOLONS),
        _ if text.contains('\t') => Some(TABS),
        _ => None,
    }
}

fn cure_of_field(value: &str) -> &'static str {
    let cure = "correct the field or remove the line; a column that is no measurement may be left out \
                by `channels`, or be the `label`";
    separator_of(value).unwrap_or(cure)
}
