//! `[data]`: where samples come from, and which of them train and judge.

use std::ops::Range;
use std::path::{Path, PathBuf};

use autotinyml_nn::{Shape, SplitBy};

use super::section::{Entry, InputError, Section};
use super::{one_of, shape};
use crate::data::csv::{Column, Columns, Time, TimeUnit};
use crate::data::labelled::ArrayOptions;
use crate::data::npz::Arrays;
use crate::data::{BOTTLES_MAX, Scale};

/// `[data]`
#[derive(Clone, Debug, PartialEq)]
pub struct DataPlan {
    /// How to read it.
    pub reader: Reader,
    /// How to split it.
    pub split: SplitPlan,
    /// Where that stands in the file, in bytes.
    pub split_place: Range<usize>,
}

/// `data.reader` and its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Reader {
    /// Recordings in time, in CSV files.
    CsvWindows {
        /// A file or a folder.
        path: PathBuf,
        /// Which column is what.
        columns: Columns,
        /// Rows per window.
        window: usize,
        /// Rows from one window's start to the next one's.
        step: usize,
    },
    /// CSV files of which each row is a sample.
    CsvRows {
        /// A file or a folder.
        path: PathBuf,
        /// Which column is what.
        columns: Columns,
        /// Shape of a sample.
        shape: Option<Shape>,
        /// What is standardised together.
        scale: Scale,
    },
    /// A `.npz` file of NumPy.
    Npz {
        /// The file.
        path: PathBuf,
        /// Which array is what.
        arrays: Arrays,
        /// What else is said of them.
        options: ArrayOptions,
    },
    /// IDX files: MNIST and its family.
    Idx {
        /// The folder.
        path: PathBuf,
        /// What is said of them.
        options: ArrayOptions,
    },
    /// The UCI handwritten digits, built in.
    Digits,
    /// Pictures of bottles, made up.
    Bottles {
        /// How many.
        samples: usize,
        /// Which.
        seed: u64,
    },
}

impl Reader {
    /// Where it reads. None: what is built in.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::CsvWindows { path, .. }
            | Self::CsvRows { path, .. }
            | Self::Npz { path, .. }
            | Self::Idx { path, .. } => Some(path),
            Self::Digits | Self::Bottles { .. } => None,
        }
    }

    /// Lets it read elsewhere, if it reads files at all.
    pub fn read_from(&mut self, place: &Path) {
        match self {
            Self::CsvWindows { path, .. }
            | Self::CsvRows { path, .. }
            | Self::Npz { path, .. }
            | Self::Idx { path, .. } => *path = place.to_owned(),
            Self::Digits | Self::Bottles { .. } => {}
        }
    }
}

/// `data.split`
#[derive(Clone, Debug, PartialEq)]
pub struct SplitPlan {
    /// What is kept for the test at the end.
    pub test: TestPart,
    /// Folds of the rest that a trial's accuracy is the mean of.
    pub k_fold: usize,
    /// How samples are told apart.
    pub by: SplitBy,
}

/// `data.split.test`
#[derive(Clone, Debug, PartialEq)]
pub enum TestPart {
    /// A share of the samples.
    Share(f64),
    /// The samples of these groups.
    Groups(Vec<String>),
}

const READERS: [&str; 6] = ["csv-windows", "csv-rows", "npz", "idx", "digits", "bottles"];

impl DataPlan {
    pub(super) fn read(section: &Section<'_>, folder: &Path) -> Result<Self, InputError> {
        let reader = section.required("reader", "reader = \"csv-windows\"")?;
        let path = || -> Result<PathBuf, InputError> {
            Ok(folder.join(section.required("path", "path = \"data/walking\"")?.text()?))
        };
        let reader = match one_of(&reader, "a reader", &READERS)? {
            "csv-windows" => {
                let window = section.required("window", "window = 90")?.whole_number(1)? as usize;
                Reader::CsvWindows {
                    window,
                    step: match section.optional("step") {
                        Some(step) => step.whole_number(1)? as usize,
                        None => window,
                    },
                    columns: timed(section)?,
                    path: path()?,
                }
            }
            "csv-rows" => {
                let shape = section.optional("shape").map(|entry| shape(&entry)).transpose()?;
                let scale = if shape.is_some() { Scale::Channels } else { Scale::Values };
                Reader::CsvRows {
                    path: path()?,
                    columns: columns(section)?,
                    shape,
                    scale: self::scale(section, scale)?,
                }
            }
            "npz" => Reader::Npz {
                path: path()?,
                arrays: arrays(section)?,
                options: array_options(section)?,
            },
            "idx" => Reader::Idx { path: path()?, options: array_options(section)? },
            "bottles" => bottles(section)?,
            _ => Reader::Digits,
        };
        let split = section.optional("split");
        let split_place = split.as_ref().map_or(section.span(), Entry::span);
        let split = match split {
            Some(split) => SplitPlan::read(&split.section()?)?,
            None => SplitPlan { test: TestPart::Share(0.2), k_fold: 3, by: SplitBy::Stratified },
        };
        section.finish()?;
        Ok(Self { reader, split, split_place })
    }
}

fn bottles(section: &Section<'_>) -> Result<Reader, InputError> {
    let samples = section.required("samples", "samples = 4000")?;
    let seed = section.optional("seed").map(|entry| entry.whole_number(0)).transpose()?;
    match samples.whole_number(1)? {
        count if count <= BOTTLES_MAX as u64 => {
            Ok(Reader::Bottles { samples: count as usize, seed: seed.unwrap_or(0) })
        }
        _ => Err(samples.unexpected(format!("at most {BOTTLES_MAX}"), "make fewer pictures")),
    }
}

/// Label, group and channels of CSV files; no time.
fn columns(section: &Section<'_>) -> Result<Columns, InputError> {
    let named = |key| section.optional(key).map(|entry| column(&entry)).transpose();
    let channels = section.optional("channels").map(|entry| {
        let list = entry.list().filter(|list| !list.is_empty()).ok_or_else(|| {
            entry.unexpected("a list of columns", "for example channels = [\"x\", \"y\", \"z\"]")
        })?;
        list.iter().map(column).collect::<Result<Vec<Column>, InputError>>()
    });
    Ok(Columns {
        label: named("label")?,
        group: named("group")?,
        time: Time::None,
        time_unit: TimeUnit::Seconds,
        channels: channels.transpose()?,
    })
}

/// Those of recordings.
fn timed(section: &Section<'_>) -> Result<Columns, InputError> {
    let time = match section.optional("time") {
        None => Time::First,
        Some(entry) if matches!(entry.truth(), Ok(false)) => Time::None,
        Some(entry) => Time::Column(column(&entry)?),
    };
    let time_unit = match section.optional("time_unit") {
        None => TimeUnit::Seconds,
        Some(entry) if time == Time::None => {
            let help = "leave it out, or name the column of the time";
            return Err(entry.complain("`data.time_unit` is of no time", "without effect", help));
        }
        Some(entry) => {
            let symbol = one_of(&entry, "a unit of time", &TimeUnit::ALL.map(TimeUnit::symbol))?;
            let named = TimeUnit::ALL.into_iter().find(|unit| unit.symbol() == symbol);
            named.expect("every symbol in the list is one")
        }
    };
    Ok(Columns { time, time_unit, ..columns(section)? })
}

fn column(entry: &Entry<'_>) -> Result<Column, InputError> {
    match (entry.text(), entry.whole_number(1)) {
        (Ok(title), _) => Ok(Column::Title(title.to_string())),
        (_, Ok(number)) => Ok(Column::Number(number as usize)),
        _ => Err(entry.unexpected(
            "the title of a column, or its number",
            "columns are counted from 1; time = false: there is no time",
        )),
    }
}

/// Arrays of samples, labels and groups, as many of each.
fn arrays(section: &Section<'_>) -> Result<Arrays, InputError> {
    let input = names(&section.required("input", "input = \"x_train\"")?)?;
    let of_each_input = |entry: Entry<'_>| -> Result<Vec<String>, InputError> {
        let names = names(&entry)?;
        if names.len() == input.len() {
            return Ok(names);
        }
        let expected = format!("{} arrays, one for each of `input`", input.len());
        Err(entry.unexpected(expected, "write them in the same order"))
    };
    Ok(Arrays {
        label: of_each_input(section.required("label", "label = \"y_train\"")?)?,
        group: section.optional("group").map(of_each_input).transpose()?,
        input,
    })
}

fn array_options(section: &Section<'_>) -> Result<ArrayOptions, InputError> {
    Ok(ArrayOptions {
        shape: section.optional("shape").map(|entry| shape(&entry)).transpose()?,
        classes: match section.optional("classes") {
            None => None,
            Some(entry) => match names(&entry)? {
                names if names.len() >= 2 => match twice(&names) {
                    None => Some(names),
                    Some(name) => {
                        let message = format!("`{}` names {name:?} twice", entry.path);
                        let cure = "give each class a name of its own";
                        return Err(entry.complain(message, "these names", cure));
                    }
                },
                _ => return Err(entry.unexpected("two names at least", "name every class")),
            },
        },
        scale: scale(section, Scale::Channels)?,
    })
}

/// The first name that is there a second time.
fn twice(names: &[String]) -> Option<&String> {
    names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)).map(|(_, n)| n)
}

/// A text, or a list of some.
fn names(entry: &Entry<'_>) -> Result<Vec<String>, InputError> {
    let Some(list) = entry.list() else { return Ok(vec![entry.text()?.to_string()]) };
    if list.is_empty() {
        return Err(entry.unexpected("a text at least", "put it in quotes: [\"…\"]"));
    }
    list.iter().map(|name| Ok(name.text()?.to_string())).collect()
}

fn scale(section: &Section<'_>, default: Scale) -> Result<Scale, InputError> {
    let Some(entry) = section.optional("scale") else { return Ok(default) };
    let what = "what shares a mean and a deviation";
    Ok(match one_of(&entry, what, &["channels", "columns", "values"])? {
        "channels" => Scale::Channels,
        "columns" => Scale::Columns,
        _ => Scale::Values,
    })
}

impl SplitPlan {
    fn read(section: &Section<'_>) -> Result<Self, InputError> {
        let test = section.optional("test").map(|entry| TestPart::read(&entry)).transpose()?;
        let k_fold = match section.optional("k_fold") {
            None => 3,
            Some(entry) => entry.whole_number(2)? as usize,
        };
        let by = match section.optional("by") {
            None => SplitBy::Stratified,
            Some(entry) => {
                let kinds = ["random", "stratified", "block", "group"];
                match one_of(&entry, "a kind of split", &kinds)? {
                    "random" => SplitBy::Random,
                    "block" => SplitBy::Block,
                    "group" => SplitBy::Group,
                    _ => SplitBy::Stratified,
                }
            }
        };
        section.finish()?;
        Ok(Self { test: test.unwrap_or(TestPart::Share(0.2)), k_fold, by })
    }
}

impl TestPart {
    fn read(entry: &Entry<'_>) -> Result<Self, InputError> {
        if entry.list().is_some() {
            return Ok(Self::Groups(names(entry)?));
        }
        match entry.number() {
            Ok(share) if share > 0.0 && share < 1.0 => Ok(Self::Share(share)),
            _ => Err(entry.unexpected(
                "a share between 0 and 1, or a list of groups",
                "0.2 keeps a fifth, [\"ada\"] all samples of the group ada",
            )),
        }
    }
}
