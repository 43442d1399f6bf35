//! A table as a file: CSV in gzip, which every data tool reads. The lines before the header begin with
//! `#` and hold the study file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use autotinyml_deploy::{Boards, Footprint};
use autotinyml_search::Configuration;
use csv::StringRecord;
use flate2::Compression as Effort;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::make::SPACE_MAX;
use super::{COMPRESSIONS, Deployed, Measured, Row, Table};
use crate::study_file::StudyFile;
use crate::study_file::section::{InputError, SourceText};

/// A table that cannot be read or written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TableError {
    /// The file is missing, unreadable, or the disk is full.
    #[error("{}: {error}", path.display())]
    #[diagnostic(help("expected a table, as `autotinyml table` writes it"))]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// Not what `autotinyml table` writes.
    #[error("{}: {problem}", path.display())]
    #[diagnostic(help("expected a table, as `autotinyml table` writes it"))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and what.
        problem: String,
    },
    /// The study file at its head.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Study(#[from] InputError),
}

/// Begins the line that tells the data of a table that grows.
const DATA: &str = "#! data ";

/// Columns before the settings.
const KEY: [&str; 2] = ["configuration", "seed"];

/// Columns after the settings and before those of the compressions.
const NETWORK: [&str; 2] = ["parameters", "macc"];

/// Columns of each compression; its name follows, as in `ram_bytes_x4`.
const STORED: [&str; 7] = [
    "st_ram_bytes",
    "st_rom_bytes",
    "ram_bytes",
    "flash_bytes",
    "validation_accuracy",
    "test_accuracy",
    "cross_accuracy",
];

/// The last columns.
const TRAINING: [&str; 3] = ["validation_curve", "failure", "seconds"];

/// Writes a table: whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write(table: &Table, path: &Path) -> Result<(), TableError> {
    write_part(table, None, path)
}

/// Writes a table that need not have every configuration, and what tells its data from other data.
///
/// # Errors
/// The file cannot be written.
pub fn write_part(table: &Table, data_digest: Option<&str>, path: &Path) -> Result<(), TableError> {
    let partial = path.with_extension("partial");
    let written = File::create(&partial).and_then(|file| {
        let mut encoder = GzEncoder::new(file, Effort::best());
        encoder.write_all(text(table, data_digest).as_bytes())?;
        encoder.finish()?.sync_all()?;
        fs::rename(&partial, path)
    });
    written.map_err(|error| TableError::File { path: path.to_owned(), error })
}

/// The table without gzip. Shares have five digits, which tells one sample from the next in parts of
/// up to 50,000.
fn text(table: &Table, data_digest: Option<&str>) -> String {
    let Table { study, rows } = table;
    let mut text: String = study.source.text.lines().map(|line| format!("# {line}\n")).collect();
    text.extend(data_digest.map(|digest| format!("{DATA}{digest}\n")));
    let settings = study.space.parameters().iter().map(|parameter| parameter.name.as_str());
    let stored = COMPRESSIONS.iter().flat_map(|c| STORED.map(|name| format!("{name}_{c}")));
    let header: Vec<String> = (KEY.into_iter().chain(settings).chain(NETWORK).map(str::to_owned))
        .chain(stored)
        .chain(TRAINING.map(str::to_owned))
        .collect();
    let mut lines = csv::Writer::from_writer(vec![]);
    let whole = "writing to memory does not fail, and all records are as long as the header";
    lines.write_record(header).expect(whole);
    let mut numbers = std::collections::HashMap::new();
    numbers.extend(study.space.enumerate().enumerate().map(|(number, c)| (c, number)));
    for row in rows {
        lines.write_record(record(table, numbers[&row.configuration], row)).expect(whole);
    }
    text += &String::from_utf8(lines.into_inner().expect(whole)).expect("all fields are text");
    text
}

fn record(table: &Table, number: usize, row: &Row) -> Vec<String> {
    let Row { configuration, seed, measured, footprints } = row;
    let space = &table.study.space;
    let settings = space.parameters().iter();
    let settings =
        settings.map(|parameter| optional(space.setting(configuration, &parameter.name)));
    let mut record = vec![number.to_string(), seed.to_string()];
    record.extend(settings);
    let network = footprints.as_ref().map(|[footprint, ..]| footprint);
    record.push(optional(network.map(|footprint| footprint.parameters)));
    record.push(optional(network.map(|footprint| footprint.macc)));
    for column in 0..COMPRESSIONS.len() {
        let footprint = footprints.as_ref().map(|footprints| &footprints[column]);
        let deployed = measured.deployed.as_ref().map(|deployed| &deployed[column]);
        record.extend([
            optional(footprint.map(|f| f.st_ram_bytes)),
            optional(footprint.map(|f| f.st_rom_bytes)),
            optional(footprint.and_then(|f| f.ram_bytes)),
            optional(footprint.and_then(|f| f.flash_bytes)),
            optional(deployed.map(|d| share(d.validation_accuracy))),
            optional(deployed.map(|d| share(d.test_accuracy))),
            optional(deployed.map(|d| share(d.cross_accuracy))),
        ]);
    }
    let curve: Vec<String> = measured.curve.iter().map(|&accuracy| share(accuracy)).collect();
    record.extend([
        curve.join("; "),
        measured.failure.clone().unwrap_or_default(),
        format!("{:.3}", measured.seconds),
    ]);
    record
}

fn share(share: f64) -> String {
    format!("{}", rounded_share(share))
}

fn rounded_share(share: f64) -> f64 {
    (share * 1e5).round() / 1e5
}

/// What was measured as it will be read again.
pub fn rounded(measured: Measured) -> Measured {
    let of_each = |deployed: Deployed| Deployed {
        validation_accuracy: rounded_share(deployed.validation_accuracy),
        test_accuracy: rounded_share(deployed.test_accuracy),
        cross_accuracy: rounded_share(deployed.cross_accuracy),
    };
    Measured {
        curve: measured.curve.into_iter().map(rounded_share).collect(),
        deployed: measured.deployed.map(|deployed| deployed.map(of_each)),
        failure: measured.failure,
        seconds: (measured.seconds * 1e3).round() / 1e3,
    }
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Reads a table of a study for one of these `boards`.
///
/// # Errors
/// The file is missing or no table.
pub fn read(path: &Path, boards: &Boards) -> Result<Table, TableError> {
    let (table, _) = read_part(path, boards)?;
    let configurations: Vec<Configuration> = table.study.space.enumerate().collect();
    match complete(&table, &configurations) {
        true => Ok(table),
        false => Err(TableError::Damaged {
            path: path.to_owned(),
            problem: "its first rows are not every configuration in order".to_owned(),
        }),
    }
}

/// Of a table's text, at most. A row has some hundred.
const TEXT_BYTES_MAX: u64 = 1 << 30;

/// Reads a table that need not have every configuration, and what tells its data from other data if it
/// says so.
///
/// # Errors
/// The file is missing or no table.
pub fn read_part(path: &Path, boards: &Boards) -> Result<(Table, Option<String>), TableError> {
    let file_error = |error| TableError::File { path: path.to_owned(), error };
    let mut text = String::new();
    GzDecoder::new(File::open(path).map_err(file_error)?)
        .take(TEXT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(file_error)?;
    let damaged = |problem: String| TableError::Damaged { path: path.to_owned(), problem };
    if text.len() as u64 == TEXT_BYTES_MAX {
        return Err(damaged(format!("it has more than {TEXT_BYTES_MAX} bytes")));
    }
    let head = text.lines().take_while(|line| line.starts_with('#'));
    let data_digest = head.clone().find_map(|line| line.strip_prefix(DATA)).map(str::to_owned);
    let study_text: String = head
        .filter(|line| !line.starts_with(DATA))
        .map(|line| {
            format!("{}\n", line.trim_start_matches('#').strip_prefix(' ').unwrap_or_default())
        })
        .collect();
    let source = SourceText { name: path.display().to_string(), text: study_text };
    let study = StudyFile::parse(&source, boards)?.into_study()?;
    if study.space.size().is_none_or(|size| size > SPACE_MAX) {
        return Err(damaged(format!("its space has more than {SPACE_MAX} configurations")));
    }
    let configurations: Vec<Configuration> = study.space.enumerate().collect();
    let mut lines = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    let columns = Columns::of(lines.headers().map_err(|error| damaged(error.to_string()))?)
        .map_err(damaged)?;
    let mut rows = Vec::with_capacity(configurations.len());
    let mut record = StringRecord::new();
    while lines.read_record(&mut record).map_err(|error| damaged(error.to_string()))? {
        let number = rows.len() + 1;
        let row = columns.row(&record, &configurations);
        rows.push(row.map_err(|problem| damaged(format!("row {number}: {problem}")))?);
    }
    Ok((Table { study, rows }, data_digest))
}

fn complete(table: &Table, configurations: &[Configuration]) -> bool {
    let Table { study, rows } = table;
    let first = rows.iter().zip(configurations);
    rows.len() >= configurations.len()
        && first
            .into_iter()
            .all(|(row, c)| row.configuration == *c && row.seed == study.search.seed)
}

/// Where each column stands.
struct Columns {
    key: [usize; KEY.len()],
    network: [usize; NETWORK.len()],
    stored: [[usize; STORED.len()]; COMPRESSIONS.len()],
    training: [usize; TRAINING.len()],
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, String> {
        let mut missing = None;
        let mut place = |name: &str| {
            let place = header.iter().position(|column| column == name);
            place.unwrap_or_else(|| {
                missing.get_or_insert_with(|| format!("column `{name}` is missing"));
                0
            })
        };
        let columns = Self {
            key: KEY.map(&mut place),
            network: NETWORK.map(&mut place),
            stored: COMPRESSIONS.map(|c| STORED.map(|name| place(&format!("{name}_{c}")))),
            training: TRAINING.map(&mut place),
        };
        missing.map_or(Ok(columns), Err)
    }

    fn row(&self, record: &StringRecord, all: &[Configuration]) -> Result<Row, String> {
        let [configuration, seed] = self.key;
        let [parameters, macc] = self.network;
        let [curve, failure, seconds] = self.training;
        let number: usize = field(record, configuration)?;
        let configuration = all.get(number).ok_or_else(|| format!("no configuration {number}"))?;
        let deployed = [0, 1, 2].map(|column| self.deployed(record, column));
        let deployed = match deployed {
            [Ok(x1), Ok(x4), Ok(x8)] => Some([x1, x4, x8]),
            _ if !record[failure].is_empty() => None,
            [Err(problem), _, _] | [_, Err(problem), _] | [_, _, Err(problem)] => {
                return Err(problem);
            }
        };
        let curve = record[curve].split("; ").filter(|part| !part.is_empty());
        let curve = curve.map(|part| part.parse().map_err(|_| unexpected(part)));
        let measured = Measured {
            curve: curve.collect::<Result<_, _>>()?,
            deployed,
            failure: Some(record[failure].to_owned()).filter(|failure| !failure.is_empty()),
            seconds: field(record, seconds)?,
        };
        let footprints = match record[parameters].is_empty() {
            true => None,
            false => {
                let [parameters, macc] = [field(record, parameters)?, field(record, macc)?];
                let of = |column| self.footprint(record, column, parameters, macc);
                let mut footprints = [of(0)?, of(1)?, of(2)?];
                for (footprint, deployed) in
                    footprints.iter_mut().zip(measured.deployed.iter().flatten())
                {
                    footprint.cross_accuracy = Some(deployed.cross_accuracy);
                }
                Some(footprints)
            }
        };
        let seed = field(record, seed)?;
        Ok(Row { configuration: configuration.clone(), seed, measured, footprints })
    }

    fn deployed(&self, record: &StringRecord, column: usize) -> Result<Deployed, String> {
        let [_, _, _, _, validation, test, cross] = self.stored[column];
        Ok(Deployed {
            validation_accuracy: field(record, validation)?,
            test_accuracy: field(record, test)?,
            cross_accuracy: field(record, cross)?,
        })
    }

    fn footprint(
        &self,
        record: &StringRecord,
        column: usize,
        parameters: u64,
        macc: u64,
    ) -> Result<Footprint, String> {
        let [st_ram, st_rom, ram, flash, ..] = self.stored[column];
        let measured = |place: usize| match record[place].is_empty() {
            true => Ok(None),
            false => field(record, place).map(Some),
        };
        Ok(Footprint {
            parameters: parameters as usize,
            macc,
            st_ram_bytes: field(record, st_ram)?,
            st_rom_bytes: field(record, st_rom)?,
            ram_bytes: measured(ram)?,
            flash_bytes: measured(flash)?,
            ..Footprint::default()
        })
    }
}

fn field<T: std::str::FromStr>(record: &StringRecord, place: usize) -> Result<T, String> {
    record[place].parse().map_err(|_| unexpected(&record[place]))
}

fn unexpected(text: &str) -> String {
    format!("{text:?} is not a number")
}
