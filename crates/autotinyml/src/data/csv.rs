//! CSV files as tables of rows: fields separated by commas, read line by line in bounded memory.
//!
//! Empty lines, a byte-order mark and quotes around a field do no harm. The first line is one of
//! titles if none of its fields is a number, or if the study file names a column by its title.

mod layout;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use layout::Layout;
pub use layout::{Column, Columns, Time, TimeUnit};
pub(crate) use layout::{fields, separator_of};

use super::files::{Classes, CsvFile, csv_files};
use super::names::Names;
use super::{DataError, VALUES_MAX, too_large};
use crate::in_print::counted;

/// A longer line is taken for damage: 3,072 numbers of 20 digits are 64 KB.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The rows of all files, with the same channels.
#[derive(Debug)]
pub struct Tables {
    /// One per file, in natural order.
    pub tables: Vec<Table>,
    /// Names of the classes, in natural order; two at least.
    pub classes: Vec<String>,
    /// Names of the groups in natural order, if a column or the files' names tell them.
    pub groups: Option<Vec<String>>,
    /// Values of a row.
    pub channels: usize,
    /// Their titles, if the files have any.
    pub titles: Option<Vec<String>>,
}

/// The rows of one file.
#[derive(Debug)]
pub struct Table {
    /// Where it was read.
    pub file: CsvFile,
    /// Seconds of each row; empty without a column of time.
    pub times: Vec<f64>,
    /// Rows × channels.
    pub values: Vec<f32>,
    /// Class of each row, an index into the names.
    pub classes: Vec<u32>,
    /// Group of each row, an index into the names; all 0 if there are no groups.
    pub groups: Vec<u32>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.classes.len()
    }
}

/// Reads every file that `path` stands for.
///
/// # Errors
/// A file is missing or wrong, files differ in their channels, or there is a single class.
pub fn read(path: &Path, columns: &Columns) -> Result<Tables, DataError> {
    let (files, classes_by) = csv_files(path, columns.label.is_some())?;
    let groups_by_file = columns.group.is_none()
        && (classes_by == Classes::Folder || classes_by == Classes::Column && files.len() > 1);
    let mut reading = Reading { classes_by, groups_by_file, ..Reading::new(columns) };
    let mut tables = vec![];
    for file in files {
        let name = file.path.clone();
        let unreadable =
            |error| DataError::unreadable(&name, &error, "a file of text that can be read");
        let source = File::open(&file.path).map_err(unreadable)?;
        tables.push(reading.table(BufReader::new(source), file)?);
    }
    let is_grouped = columns.group.is_some() || groups_by_file;
    let Reading { classes, groups, channels, .. } = reading;
    let (classes, class_order) = classes.sorted();
    let (groups, group_order) = groups.sorted();
    if let [class] = &classes[..] {
        let found = format!("all of it is of one class, {class:?}");
        return Err(DataError::new(
            path,
            found,
            "two classes at least",
            "add the files of another class, or name the column with the classes by `label`",
        ));
    }
    for table in &mut tables {
        table.classes.iter_mut().for_each(|class| *class = class_order[*class as usize]);
        table.groups.iter_mut().for_each(|group| *group = group_order[*group as usize]);
    }
    let (channels, titles) = channels.map_or((0, None), |first| (first.count, first.titles));
    Ok(Tables { tables, classes, groups: is_grouped.then_some(groups), channels, titles })
}

/// Reads one file from memory, as [`read`] reads those of a path.
///
/// # Errors
/// As [`read`], but for a single class.
pub fn parse(source: &[u8], columns: &Columns) -> Result<Table, DataError> {
    let file =
        CsvFile { path: "memory.csv".into(), stem: "memory".into(), folder: Some("class".into()) };
    Reading::new(columns).table(source, file)
}

/// Those of the first file.
struct Channels {
    count: usize,
    titles: Option<Vec<String>>,
    file: String,
}

/// What is known while files are read one after the other.
struct Reading<'a> {
    columns: &'a Columns,
    classes_by: Classes,
    groups_by_file: bool,
    classes: Names,
    groups: Names,
    channels: Option<Channels>,
    /// Numbers read so far, of all files.
    numbers: usize,
}

impl<'a> Reading<'a> {
    fn new(columns: &'a Columns) -> Self {
        Self {
            columns,
            classes_by: if columns.label.is_some() { Classes::Column } else { Classes::Folder },
            groups_by_file: columns.group.is_none(),
            classes: Names::of("label"),
            groups: Names::of("group"),
            channels: None,
            numbers: 0,
        }
    }

    fn table(&mut self, source: impl BufRead, file: CsvFile) -> Result<Table, DataError> {
        let mut lines = Lines { source, number: 0, line: vec![] };
        let mut table =
            Table { times: vec![], values: vec![], classes: vec![], groups: vec![], file };
        let mut layout: Option<Layout> = None;
        while let Some((number, line)) = lines.next(&table.file.path)? {
            if layout.is_none() {
                let (found, is_titles) = Layout::of(self.columns, &table.file.path, number, line)?;
                self.compare_channels(&found, &table.file.path, number)?;
                layout = Some(found);
                if is_titles {
                    continue;
                }
            }
            let layout = layout.as_ref().expect("made of the first line");
            self.row(layout, &mut table, number, line)?;
        }
        if table.rows() == 0 {
            let cure = "fill it or take it out of the folder";
            let found = "no rows";
            return Err(DataError::new(&table.file.path, found, "numbers in each line", cure));
        }
        Ok(table)
    }

    /// All files have the channels of the first one.
    fn compare_channels(
        &mut self,
        layout: &Layout,
        file: &Path,
        line: usize,
    ) -> Result<(), DataError> {
        let (count, titles) = (layout.channels.len(), layout.channel_titles());
        let Some(first) = &self.channels else {
            self.channels = Some(Channels { count, titles, file: file.display().to_string() });
            return Ok(());
        };
        let (found, expected) = match (&titles, &first.titles) {
            _ if count != first.count => (counted(count, "channel"), first.count.to_string()),
            (Some(titles), Some(of_first)) if titles != of_first => {
                (format!("the channels are {}", titles.join(", ")), of_first.join(", "))
            }
            _ => return Ok(()),
        };
        let expected = format!("{expected} as in {}", first.file);
        let cure = "make all files alike, or name the columns to read by `channels`";
        Err(DataError::in_line(file, line, found, expected, cure))
    }

    fn row(
        &mut self,
        layout: &Layout,
        table: &mut Table,
        number: usize,
        line: &str,
    ) -> Result<(), DataError> {
        let path = &table.file.path;
        let fields = fields(line);
        if fields.len() != layout.columns {
            let found = counted(fields.len(), "column");
            let expected = format!("{} as in line {}", layout.columns, layout.line);
            let cure =
                separator_of(line).unwrap_or("make all lines alike; a field may hold no comma");
            return Err(DataError::in_line(path, number, found, expected, cure));
        }
        self.numbers += fields.len();
        if self.numbers > VALUES_MAX {
            return Err(too_large(path, "fields"));
        }
        let place = || format!("{}, line {number}", path.display());
        let class = match (layout.label, self.classes_by) {
            (Some(label), _) => fields[label],
            (None, Classes::File) => &table.file.stem,
            (None, _) => table.file.folder.as_deref().unwrap_or_default(),
        };
        table.classes.push(self.classes.number(class, &place)?);
        let group = match layout.group {
            Some(group) => fields[group],
            None if self.groups_by_file => &table.file.stem,
            None => "all",
        };
        table.groups.push(self.groups.number(group, &place)?);
        if let Some(time) = layout.time {
            let time = layout.number(path, number, &fields, time)?;
            table.times.push(time / self.columns.time_unit.per_second());
        }
        for &channel in &layout.channels {
            table.values.push(layout.number(path, number, &fields, channel)? as f32);
        }
        Ok(())
    }
}

/// The lines of a file that hold something.
struct Lines<R> {
    source: R,
    number: usize,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next line, trimmed, with its number counted from 1.
    fn next(&mut self, file: &Path) -> Result<Option<(usize, &str)>, DataError> {
        loop {
            self.line.clear();
            let mut bounded = (&mut self.source).take(LINE_BYTES_MAX + 1);
            let length = bounded
                .read_until(b'\n', &mut self.line)
                .map_err(|error| DataError::unreadable(file, &error, "a file that can be read"))?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            if length as u64 > LINE_BYTES_MAX {
                let found = format!("a line of more than {LINE_BYTES_MAX} bytes");
                let cure = "is this a CSV file whose lines end in \\n or \\r\\n?";
                let expected = "lines of numbers separated by commas";
                return Err(DataError::in_line(file, self.number, found, expected, cure));
            }
            if self.number == 1 && self.line.starts_with("\u{feff}".as_bytes()) {
                self.line.drain(..3);
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let number = self.number;
        match str::from_utf8(self.line.trim_ascii()) {
            Ok(line) => Ok(Some((number, line))),
            Err(_) => {
                let cure = "save the file as CSV, in UTF-8";
                Err(DataError::in_line(file, number, "not text", "a line of UTF-8", cure))
            }
        }
    }
}
