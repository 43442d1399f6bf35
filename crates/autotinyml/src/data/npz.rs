//! `.npz` files of NumPy: a zip archive of arrays, stored or deflated.

mod npy;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive};

use self::npy::Npy;
use super::labelled::{ArrayOptions, Part, add, join};
use super::names::Names;
use super::{DataError, Loaded};

/// The arrays that a study file names; several of each are parts of one data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrays {
    /// Samples.
    pub input: Vec<String>,
    /// Their classes, an array for each of `input`.
    pub label: Vec<String>,
    /// Their groups, an array for each of `input`. None: each part is one, named as its input.
    pub group: Option<Vec<String>>,
}

/// Reads samples of the shape that the arrays have beside their first axis; of one or two axes, what
/// misses is 1.
///
/// # Errors
/// The file is missing or damaged, an array is not there, or the arrays do not go together.
pub fn read(path: &Path, arrays: &Arrays, options: &ArrayOptions) -> Result<Loaded, DataError> {
    let mut archive = open(path)?;
    let (mut labels, mut groups) = (Names::of("label"), Names::of("group"));
    let mut parts = vec![];
    for (index, (input, label)) in arrays.input.iter().zip(&arrays.label).enumerate() {
        let part_labels = archive.array(label)?.names(&mut labels)?;
        let part_groups = match &arrays.group {
            Some(group) => archive.array(&group[index])?.names(&mut groups)?,
            None => vec![groups.number(input, &|| input.clone())?; part_labels.len()],
        };
        let (dimensions, inputs) = archive.array(input)?.samples()?;
        let place = archive.place_of(input);
        let part = Part { place, dimensions, inputs, labels: part_labels, groups: part_groups };
        add(&mut parts, part, path)?;
    }
    join(parts, [labels, groups], options, path)
}

/// An array of an archive, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Without `.npy`.
    pub name: String,
    /// Lengths of its axes.
    pub dimensions: Vec<usize>,
    /// It holds texts, not numbers.
    pub is_text: bool,
}

/// The first hundred arrays of a file that can be read, in its order.
///
/// # Errors
/// The file is missing or damaged.
pub fn list(path: &Path) -> Result<Vec<Listed>, DataError> {
    let mut archive = open(path)?;
    let names = archive.names(100)?;
    let listed = names.into_iter().filter_map(|name| {
        let array = archive.array(&name).ok()?;
        let (dimensions, is_text) = (array.dimensions().to_vec(), array.is_text());
        drop(array);
        Some(Listed { name, dimensions, is_text })
    });
    Ok(listed.collect())
}

fn open(path: &Path) -> Result<Archive<impl ReaderAt>, DataError> {
    let expected = "a .npz file";
    let unreadable = |error: &io::Error| DataError::unreadable(path, error, expected);
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    if !file.metadata().map_err(|error| unreadable(&error))?.is_file() {
        return Err(DataError::new(path, "is not a file", expected, "name the file in it"));
    }
    let place = path.display().to_string();
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive =
        ZipArchive::from_file(file, &mut buffer).map_err(|error| damaged(&place, error))?;
    Ok(Archive { archive, buffer, place })
}

/// Reads an array of samples from an archive in memory: the lengths of its axes, and its values.
///
/// # Errors
/// The archive is damaged, the array is not there or too large.
pub fn parse(bytes: &[u8], array: &str) -> Result<(Vec<usize>, Vec<f32>), DataError> {
    in_memory(bytes)?.array(array)?.samples()
}

/// Reads an array of labels from an archive in memory, as numbers in order of appearance.
///
/// # Errors
/// As [`parse`].
pub fn parse_labels(bytes: &[u8], array: &str) -> Result<Vec<u32>, DataError> {
    in_memory(bytes)?.array(array)?.names(&mut Names::of("label"))
}

fn in_memory(bytes: &[u8]) -> Result<Archive<impl ReaderAt>, DataError> {
    let place = "memory".to_string();
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_seekable(Cursor::new(bytes), &mut buffer)
        .map_err(|error| damaged(&place, error))?;
    Ok(Archive { archive, buffer, place })
}

fn damaged(place: &str, error: rawzip::Error) -> DataError {
    let found = format!("is no archive that can be read ({error})");
    DataError::at(place, found, "a .npz file, whole", "get the file again, or save it by np.savez")
}

/// An open file.
struct Archive<R> {
    archive: ZipArchive<R>,
    buffer: Vec<u8>,
    place: String,
}

impl<R: ReaderAt> Archive<R> {
    fn place_of(&self, array: &str) -> String {
        format!("{}, array {array}", self.place)
    }

    /// Names of its first arrays.
    fn names(&mut self, most: usize) -> Result<Vec<String>, DataError> {
        let mut entries = self.archive.entries(&mut self.buffer);
        let mut names = vec![];
        while names.len() < most
            && let Some(entry) =
                entries.next_entry().map_err(|error| damaged(&self.place, error))?
        {
            let path = entry.file_path();
            let file = String::from_utf8_lossy(path.as_ref());
            names.push(file.strip_suffix(".npy").unwrap_or(&file).to_owned());
        }
        Ok(names)
    }

    /// The array of that name, its header read.
    fn array(&mut self, name: &str) -> Result<Npy<impl Read>, DataError> {
        let place = self.place_of(name);
        let damaged = |error| damaged(&place, error);
        let mut entries = self.archive.entries(&mut self.buffer);
        let mut others = vec![];
        let (way, method) = loop {
            let Some(entry) = entries.next_entry().map_err(damaged)? else {
                let found = format!("there is no array {name:?}");
                let expected = format!("one of {}", others.join(", "));
                let cure = "correct `input`, `label` or `group` in [data]";
                return Err(DataError::at(&self.place, found, expected, cure));
            };
            let path = entry.file_path();
            let file = String::from_utf8_lossy(path.as_ref());
            let array = file.strip_suffix(".npy").unwrap_or(&file);
            if array == name {
                break (entry.wayfinder(), entry.compression_method());
            }
            if others.len() < LISTED_ARRAYS_MAX {
                others.push(array.chars().take(40).collect::<String>());
            }
        };
        let entry = self.archive.get_entry(way).map_err(damaged)?;
        let stored = BufReader::new(entry.reader());
        let unpacked: Box<dyn Read> = match method {
            CompressionMethod::STORE => Box::new(entry.verifying_reader(stored)),
            CompressionMethod::DEFLATE => {
                Box::new(entry.verifying_reader(DeflateDecoder::new(stored)))
            }
            _ => {
                let found = format!("is packed by a method that NumPy does not use ({method:?})");
                let cure = "save it by np.savez or np.savez_compressed";
                return Err(DataError::at(place, found, "stored or deflated", cure));
            }
        };
        Npy::new(unpacked, place)
    }
}

/// A complaint lists no more arrays than this.
const LISTED_ARRAYS_MAX: usize = 12;

#[cfg(test)]
mod tests;
