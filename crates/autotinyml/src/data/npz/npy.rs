//! An array of NumPy: `\x93NUMPY`, version, length of the header, a Python dictionary as header, the
//! values.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html> defines it.

use std::io::Read;

use crate::data::DataError;
use crate::data::names::{NAME_BYTES_MAX, Names};
use crate::data::numbers::{Element, Kind, Numbers, in_print};

/// A longer header is taken for damage; NumPy warns of 10,000.
const HEADER_BYTES_MAX: usize = 10_000;

/// Values of an array: numbers, or texts of so many bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Number(Element),
    /// A byte per character.
    Bytes(usize),
    /// Four bytes per character.
    Unicode {
        characters: usize,
        big_endian: bool,
    },
}

/// An array whose header has been read.
pub struct Npy<R> {
    numbers: Numbers<R>,
    element: Type,
    fortran_order: bool,
    dimensions: Vec<usize>,
}

impl<R: Read> Npy<R> {
    /// Reads the header; `place` stands in complaints.
    pub fn new(source: R, place: String) -> Result<Self, DataError> {
        let mut numbers = Numbers::new(source, place);
        let magic: [u8; 6] = numbers.bytes()?;
        let [version, _] = numbers.bytes()?;
        let length = match version {
            1 => usize::from(u16::from_le_bytes(numbers.bytes()?)),
            _ => u32::from_le_bytes(numbers.bytes()?) as usize,
        };
        let is_known = magic == *b"\x93NUMPY" && (1..=3).contains(&version);
        if !is_known || length > HEADER_BYTES_MAX {
            let found = format!("version {version}, a header of {length} bytes");
            let expected = format!("a NumPy array of version 1 to 3, at most {HEADER_BYTES_MAX}");
            return Err(numbers.complain(found, expected, "save it by np.savez"));
        }
        let mut header = vec![0; length];
        numbers.fill(&mut header)?;
        let header = String::from_utf8_lossy(&header);
        let Some(dimensions) = dimensions(&header) else {
            let header: String = header.trim().chars().take(120).collect();
            let expected = "a shape of whole numbers such as (400, 3)";
            let cure = "it is damaged: get the file again, or save it by np.savez";
            return Err(numbers.complain(format_args!("holds {header}"), expected, cure));
        };
        let (Some(element), Some(fortran_order)) = (element(&header), order(&header)) else {
            let header: String = header.trim().chars().take(120).collect();
            let expected = "whole numbers, float32, float64, truth values or texts";
            let cure = "save it as one of them: x.astype(np.float32)";
            return Err(numbers.complain(format_args!("holds {header}"), expected, cure));
        };
        Ok(Self { numbers, element, fortran_order, dimensions })
    }

    /// Lengths of its axes.
    pub fn dimensions(&self) -> &[usize] {
        &self.dimensions
    }

    /// Whether it holds texts, not numbers.
    pub fn is_text(&self) -> bool {
        !matches!(self.element, Type::Number(_))
    }

    /// All values as those of samples, in the order of C.
    pub fn samples(mut self) -> Result<(Vec<usize>, Vec<f32>), DataError> {
        let Type::Number(element) = self.element else {
            let cure = "does `input` in [data] name what you mean?";
            return Err(self.numbers.complain("holds texts", "numbers", cure));
        };
        if self.dimensions.is_empty() {
            let cure = "does `input` in [data] name what you mean?";
            return Err(self.numbers.complain("holds a single number", "samples", cure));
        }
        let count = self.numbers.count(&self.dimensions)?;
        let values = self.numbers.samples(element, count)?;
        self.numbers.end()?;
        let values = match self.fortran_order {
            true => in_c_order(&values, &self.dimensions),
            false => values,
        };
        Ok((self.dimensions, values))
    }

    /// All values as names of classes or groups, one for each sample.
    pub fn names(mut self, names: &mut Names) -> Result<Vec<u32>, DataError> {
        let ([count] | [count, 1]) = self.dimensions[..] else {
            let found = format!("has the shape {}", in_print(&self.dimensions));
            let cure = "one-hot labels become classes by np.argmax(y, axis=1)";
            return Err(self.numbers.complain(found, "one class or group per sample", cure));
        };
        self.numbers.count(&[count])?;
        let named = match self.element {
            Type::Number(element) => self.numbers.named(element, count, names)?,
            Type::Bytes(bytes) => self.texts(count, bytes, names, |text| {
                String::from_utf8_lossy(text).trim_end_matches('\0').to_string()
            })?,
            Type::Unicode { characters, big_endian } => {
                self.texts(count, 4 * characters, names, |text| {
                    text.as_chunks::<4>()
                        .0
                        .iter()
                        .map_while(|&c| character(c, big_endian))
                        .collect()
                })?
            }
        };
        self.numbers.end()?;
        Ok(named)
    }

    fn texts(
        &mut self,
        count: usize,
        bytes: usize,
        names: &mut Names,
        decode: impl Fn(&[u8]) -> String,
    ) -> Result<Vec<u32>, DataError> {
        let mut text = vec![0; bytes];
        let mut named = vec![];
        for _ in 0..count {
            self.numbers.fill(&mut text)?;
            named.push(names.number(&decode(&text), &|| self.numbers.place())?);
        }
        Ok(named)
    }
}

/// A character of UTF-32; none for the zeros that fill a text up.
fn character(bytes: [u8; 4], big_endian: bool) -> Option<char> {
    let code = if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    (code != 0).then(|| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// What stands behind a key of the header's dictionary.
fn value<'h>(header: &'h str, key: &str) -> Option<&'h str> {
    let (_, rest) = header.split_once(&format!("'{key}':"))?;
    Some(rest.trim_start())
}

/// `'<f4'`
fn element(header: &str) -> Option<Type> {
    let (code, _) = value(header, "descr")?.strip_prefix('\'')?.split_once('\'')?;
    let big_endian = code.starts_with('>');
    let code = code.trim_start_matches(['<', '>', '|', '=']);
    let kind = code.chars().next()?;
    let size: usize = code.get(1..)?.parse().ok()?;
    let number = |kind| Some(Type::Number(Element { kind, bytes: size, big_endian }));
    match (kind, size) {
        ('u' | 'b', 1) | ('u', 2 | 4 | 8) => number(Kind::Unsigned),
        ('i', 1 | 2 | 4 | 8) => number(Kind::Signed),
        ('f', 4 | 8) => number(Kind::Float),
        ('S', 1..=NAME_BYTES_MAX) => Some(Type::Bytes(size)),
        ('U', 1..=NAME_BYTES_MAX) => Some(Type::Unicode { characters: size, big_endian }),
        _ => None,
    }
}

/// Whether the first axis runs fastest.
fn order(header: &str) -> Option<bool> {
    let order = value(header, "fortran_order")?;
    match (order.starts_with("True"), order.starts_with("False")) {
        (false, false) => None,
        (is_fortran, _) => Some(is_fortran),
    }
}

/// `(60000, 28, 28)`
fn dimensions(header: &str) -> Option<Vec<usize>> {
    let (axes, _) = value(header, "shape")?.strip_prefix('(')?.split_once(')')?;
    axes.split(',')
        .map(str::trim)
        .filter(|axis| !axis.is_empty())
        .map(|axis| axis.parse().ok())
        .collect()
}

/// Values of which the first axis ran fastest, so that the last one does.
fn in_c_order(values: &[f32], dimensions: &[usize]) -> Vec<f32> {
    let mut ordered = Vec::with_capacity(values.len());
    let mut index = vec![0; dimensions.len()];
    for _ in 0..values.len() {
        let place = index.iter().zip(dimensions).rfold(0, |place, (&i, &axis)| place * axis + i);
        ordered.push(values[place]);
        for (i, &axis) in index.iter_mut().zip(dimensions).rev() {
            *i = (*i + 1) % axis;
            if *i != 0 {
                break;
            }
        }
    }
    ordered
}
