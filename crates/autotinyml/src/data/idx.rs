//! IDX files, the format of MNIST and its family; plain or in gzip.
//!
//! A file is 0, 0, type, number of axes; the length of each axis as 32 bits; the values. Numbers
//! are big-endian. <http://yann.lecun.com/exdb/mnist/> defines it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::labelled::{ArrayOptions, Part, add, join};
use super::names::Names;
use super::numbers::{Element, Kind, Numbers};
use super::{DataError, Loaded};

/// What `path` should be, in print.
const LAYOUT: &str =
    "a folder with files such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz";

/// A file in gzip begins with it.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads every pair of images and labels in a folder; each pair is a group, named by what stands
/// before `-images`: `train` and `t10k`.
///
/// # Errors
/// The folder has no pair, or a file is damaged.
pub fn read(folder: &Path, options: &ArrayOptions) -> Result<Loaded, DataError> {
    let (mut labels, mut groups) = (Names::of("label"), Names::of("group"));
    let mut parts = vec![];
    for pair in pairs(folder)? {
        let (dimensions, inputs) = open(&pair.images)?.samples()?;
        let part_labels = open(&pair.labels)?.labels(&mut labels)?;
        let place = pair.images.display().to_string();
        let group = groups.number(&pair.name, &|| place.clone())?;
        let groups = vec![group; dimensions[0]];
        let part = Part { place, dimensions, inputs, labels: part_labels, groups };
        add(&mut parts, part, folder)?;
    }
    join(parts, [labels, groups], options, folder)
}

/// Reads a file of samples from memory: the lengths of its axes, and its values.
///
/// # Errors
/// It is damaged or too large.
pub fn parse(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f32>), DataError> {
    Idx::new(bytes, "memory".to_string())?.samples()
}

fn open(file: &Path) -> Result<Idx<Box<dyn Read>>, DataError> {
    let source = File::open(file).map_err(|error| DataError::unreadable(file, &error, LAYOUT))?;
    Idx::new(BufReader::new(source), file.display().to_string())
}

/// A pair of files.
struct Pair {
    name: String,
    images: PathBuf,
    labels: PathBuf,
}

fn pairs(folder: &Path) -> Result<Vec<Pair>, DataError> {
    let unreadable = |error| DataError::unreadable(folder, &error, LAYOUT);
    let mut names = vec![];
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    let mut pairs: Vec<Pair> = vec![];
    for images in names.iter().filter(|name| !name.starts_with('.')) {
        let Some((name, rest)) = images.split_once("images") else { continue };
        let name = name.trim_end_matches(['-', '_', '.']).to_string();
        // Unpacked files come before packed ones: of both only the first is read.
        if !rest.contains("idx") || pairs.iter().any(|pair| pair.name == name) {
            continue;
        }
        let plain = images.trim_end_matches(".gz").replacen("images", "labels", 1);
        let plain = plain.replacen("idx3", "idx1", 1);
        let candidates = [plain.clone(), format!("{plain}.gz")];
        let Some(labels) = candidates.iter().find(|labels| names.contains(labels)) else {
            let found = "there are no labels for it";
            let cure = "put the publisher's file beside it";
            return Err(DataError::new(&folder.join(images), found, candidates.join(" or "), cure));
        };
        pairs.push(Pair { name, images: folder.join(images), labels: folder.join(labels) });
    }
    if pairs.is_empty() {
        let cure = "name another folder by `path` or --data";
        return Err(DataError::new(folder, "holds no IDX file of images", LAYOUT, cure));
    }
    Ok(pairs)
}

/// A file whose header has been read.
struct Idx<R> {
    numbers: Numbers<R>,
    element: Element,
    dimensions: Vec<usize>,
}

impl<'a> Idx<Box<dyn Read + 'a>> {
    fn new(mut source: impl BufRead + 'a, place: String) -> Result<Self, DataError> {
        let start = source.fill_buf().unwrap_or_default();
        let source: Box<dyn Read + 'a> = if start.starts_with(&GZIP_MAGIC) {
            Box::new(MultiGzDecoder::new(source))
        } else {
            Box::new(source)
        };
        let mut numbers = Numbers::new(source, place);
        let [zero_a, zero_b, kind, axes] = numbers.bytes()?;
        let element = match (zero_a, zero_b, kind) {
            (0, 0, 0x08) => (Kind::Unsigned, 1),
            (0, 0, 0x09) => (Kind::Signed, 1),
            (0, 0, 0x0b) => (Kind::Signed, 2),
            (0, 0, 0x0c) => (Kind::Signed, 4),
            (0, 0, 0x0d) => (Kind::Float, 4),
            (0, 0, 0x0e) => (Kind::Float, 8),
            _ => {
                let found = format!("begins with the bytes {zero_a}, {zero_b}, {kind}");
                let expected = "0, 0 and a type of IDX (8, 9, 11, 12, 13, 14)";
                return Err(numbers.complain(found, expected, "is this an IDX file?"));
            }
        };
        if !(1..=4).contains(&axes) {
            let (found, cure) = (format!("has {axes} axes"), "is this an IDX file of samples?");
            return Err(numbers.complain(found, "1 to 4", cure));
        }
        let mut dimensions = vec![];
        for _ in 0..axes {
            dimensions.push(u32::from_be_bytes(numbers.bytes()?) as usize);
        }
        let (kind, bytes) = element;
        Ok(Self { numbers, element: Element { kind, bytes, big_endian: true }, dimensions })
    }
}

impl<R: Read> Idx<R> {
    fn samples(mut self) -> Result<(Vec<usize>, Vec<f32>), DataError> {
        let count = self.numbers.count(&self.dimensions)?;
        let values = self.numbers.samples(self.element, count)?;
        self.numbers.end()?;
        Ok((self.dimensions, values))
    }

    fn labels(mut self, names: &mut Names) -> Result<Vec<u32>, DataError> {
        let [count] = self.dimensions[..] else {
            let found = format!("labels with {} axes", self.dimensions.len());
            let cure = "is this the file of the labels?";
            return Err(self.numbers.complain(found, "1: a class for each sample", cure));
        };
        self.numbers.count(&[count])?;
        let labels = self.numbers.named(self.element, count, names)?;
        self.numbers.end()?;
        Ok(labels)
    }
}

#[cfg(test)]
mod tests;
