//! What data looks like: which reader fits, and which column or array is what.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::arrays::{self, Chosen};
use super::columns::{CLASSES_MAX, Clock, Look};
use crate::data::csv::{Column, TimeUnit, separator_of};
use crate::data::{Classes, DataError, csv_files, is_part_of_a_split};

/// What was found at a path.
pub struct Sighting {
    /// In a few words.
    pub what: String,
    /// Keys of `[data]` with their values and what to say of them, but for path, window and split.
    pub settings: Vec<(&'static str, String, String)>,
    /// Samples are cut from recordings with so many rows in a second, if that can be told.
    pub recordings: Option<Option<f64>>,
    /// Each sample is a list of features, not a series or a picture.
    pub features: bool,
    /// What to look at before believing it.
    pub remarks: Vec<String>,
}

/// At most so many features have a scale each; more are a series.
const FEATURES_MAX: usize = 256;

impl Sighting {
    fn new(what: &str, reader: &str) -> Self {
        let settings = vec![("reader", quoted(reader), what.to_owned())];
        let what = what.to_owned();
        Self { what, settings, recordings: None, features: false, remarks: vec![] }
    }

    fn set(&mut self, key: &'static str, value: String, because: &str) {
        self.settings.push((key, value, because.to_owned()));
    }

    fn name_column(&mut self, key: &'static str, look: &Look, column: usize, because: &str) {
        self.set(key, column_in_file(&look.name(column)), because);
    }
}

/// Looks at a file or folder; `label` names the column with the class, by title or number from 1.
///
/// # Errors
/// Nothing there can be read by any reader, or there is no class.
pub fn look(path: &Path, label: Option<&str>) -> Result<Sighting, DataError> {
    let expected = "a folder with a .csv file or a folder for each class, .csv files with a column of \
                    classes, a .npz file, or a folder of IDX files";
    let kind = fs::metadata(path).map_err(|error| {
        let found = match error.kind() {
            ErrorKind::NotFound => "does not exist".to_owned(),
            _ => format!("cannot be opened ({error})"),
        };
        DataError::new(path, found, expected, "name another place")
    })?;
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match (kind.is_dir(), extension.as_str()) {
        (true, _) if holds_idx(path) => Ok(Sighting::new("IDX files, as of MNIST", "idx")),
        (true, _) => csv(path, label, false),
        (false, "npz") => npz(path),
        (false, "csv") => csv(path, label, true),
        (false, _) => {
            let found = match extension.as_str() {
                "" => "has no ending that tells what it is".to_owned(),
                ending => format!("ends in .{ending}, which no reader knows"),
            };
            let cure = "save it as one of these; a table of values separated by commas may just be \
                        renamed to .csv";
            Err(DataError::new(path, found, expected, cure))
        }
    }
}

fn holds_idx(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.any(|name| name.contains("images") && name.contains("idx"))
}

fn npz(path: &Path) -> Result<Sighting, DataError> {
    let Chosen { input, label, group, axes, rest } = arrays::choose(path)?;
    let mut seen = Sighting::new("arrays of NumPy", "npz");
    seen.features = axes.len() == 1 && axes[0] <= FEATURES_MAX;
    seen.set("input", list(&input), "samples");
    seen.set("label", list(&label), "their classes");
    if let Some(group) = group {
        seen.set("group", list(&group), "who or what they come from");
    }
    seen.remarks.extend(rest.into_iter().map(|name| {
        format!(
            "array {name} is left out; if it says who or what samples come from, name it by `group`"
        )
    }));
    match axes[..] {
        [features] if features <= FEATURES_MAX => {
            seen.set("scale", quoted("values"), "each feature has its own mean and deviation");
        }
        [_, width] if width < 8 => {
            seen.set("scale", quoted("columns"), "each channel has its own mean and deviation");
        }
        _ => {}
    }
    Ok(seen)
}

fn csv(path: &Path, label: Option<&str>, is_file: bool) -> Result<Sighting, DataError> {
    let (files, classes_by) = csv_files(path, is_file)?;
    let look = Look::at(&files[0].path)?;
    // A file of all classes, or parts of one.
    let is_whole = is_file || files.iter().all(|file| is_part_of_a_split(&file.stem));
    let label = match label {
        None => look.label(is_whole).filter(|_| classes_by != Classes::Folder),
        Some(name) => Some(look.named(name).ok_or_else(|| look.no_column(&files[0].path, name))?),
    };
    if is_whole && label.is_none() {
        let found = format!("no column looks like the classes ({})", look.described());
        let expected = format!("one with 2 to {CLASSES_MAX} different texts or whole numbers");
        let cure = "name it by --label TITLE, or by its number from 1 on";
        let cure = separator_of(&look.first_line).unwrap_or(cure);
        return Err(DataError::new(path, found, expected, cure));
    }
    let group = look.group(label);
    let mut taken: Vec<usize> = label.into_iter().chain(group).collect();
    let clock = look.clock(&taken);
    // A file for each class holds a recording; rows of a table are samples, unless they have a time.
    let recordings = clock.is_some() || label.is_none();
    let what = match (label, classes_by) {
        (Some(_), _) if recordings => "recordings with a column of classes",
        (Some(_), _) => "rows with a column of classes",
        (None, Classes::Folder) => "a folder with recordings for each class",
        (None, _) => "a recording for each class",
    };
    let mut seen = Sighting::new(what, if recordings { "csv-windows" } else { "csv-rows" });
    seen.recordings = recordings.then(|| clock.as_ref().and_then(|clock| clock.rate_hz));
    if let Some(label) = label {
        seen.name_column("label", &look, label, "the class");
    }
    if let Some(group) = group {
        seen.name_column("group", &look, group, "who or what it comes from");
    }
    if recordings {
        time(&mut seen, &look, clock.as_ref(), taken.is_empty());
        taken.extend(clock.as_ref().map(|clock| clock.column));
    }
    let left_out = clock.as_ref().is_some_and(|clock| clock.unit.is_none());
    channels(&mut seen, &look, &taken, left_out, path)?;
    Ok(seen)
}

/// Where the time is, if the reader does not find it by itself.
fn time(seen: &mut Sighting, look: &Look, clock: Option<&Clock>, first: bool) {
    match clock {
        None => seen.set("time", "false".into(), "no column looks like one: gaps cannot be seen"),
        Some(Clock { column, unit: Some(unit), .. }) => {
            let (name, because) = match unit {
                TimeUnit::Seconds => (None, "seconds"),
                TimeUnit::Milliseconds | TimeUnit::Microseconds => {
                    (Some(unit.symbol()), "the time")
                }
            };
            if *column > 0 || !first {
                seen.name_column("time", look, *column, because);
            }
            if let Some(name) = name {
                seen.set("time_unit", quoted(name), "as its title or its steps tell");
            }
        }
        Some(Clock { column, .. }) => {
            seen.set("time", "false".into(), "no numbers that increase: see below");
            seen.remarks.push(format!(
                "column {} looks like a time, but not like numbers that increase: it is left out, and \
                 gaps in the recordings cannot be seen; with seconds there they would be",
                look.name(*column)
            ));
        }
    }
}

/// Which columns are values, if the reader does not find them by itself, as where some are `left_out`; and
/// what a row of them is, if it is a sample.
fn channels(
    seen: &mut Sighting,
    look: &Look,
    taken: &[usize],
    left_out: bool,
    path: &Path,
) -> Result<(), DataError> {
    let channels = look.channels(taken);
    let rest = look.left_out(taken);
    if channels.is_empty() {
        let found = [vec!["there is no column of values".to_owned()], rest].concat().join("; ");
        let found = format!("{found} (it begins with {:?})", look.first_line);
        let (expected, cure) = ("numbers separated by commas", "add a column for each measurement");
        let cure = separator_of(&look.first_line).unwrap_or(cure);
        return Err(DataError::new(path, &found, expected, cure));
    }
    let cure = "; if it matters, mend it, or add it to `channels`";
    seen.remarks.extend(rest.into_iter().map(|column| column + cure));
    let width = channels.len();
    if left_out || width + taken.len() < look.width() {
        let names: Vec<String> =
            channels.iter().map(|&column| column_in_file(&look.name(column))).collect();
        seen.set("channels", format!("[{}]", names.join(", ")), "the columns of values");
    }
    match seen.recordings {
        Some(_) => {}
        None if width <= FEATURES_MAX => seen.features = true,
        None => {
            let side = width.isqrt();
            let is_square = side * side == width;
            let (height, width) = if is_square { (side, side) } else { (width, 1) };
            let what = if is_square { "a square picture?" } else { "a series?" };
            seen.set("shape", format!("[{height}, {width}, 1]"), what);
            seen.remarks.push(format!(
                "each row has {} values, taken for {}; if it is something else, correct `shape`",
                height * width,
                if is_square { "a square picture" } else { "a series" },
            ));
        }
    }
    Ok(())
}

fn column_in_file(column: &Column) -> String {
    match column {
        Column::Title(title) => quoted(title),
        Column::Number(number) => number.to_string(),
    }
}

/// A text as TOML writes it.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(names: &[String]) -> String {
    match names {
        [name] => quoted(name),
        names => {
            format!("[{}]", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "))
        }
    }
}
