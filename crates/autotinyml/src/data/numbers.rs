//! Numbers in binary files, read piece by piece: memory grows with what is there, never with what a
//! header claims.

use std::io::{ErrorKind, Read};

use super::names::Names;
use super::{DataError, VALUES_MAX};

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// What the bits mean.
    pub kind: Kind,
    /// 1, 2, 4 or 8; floats 4 or 8.
    pub bytes: usize,
    /// Whether the first byte is the most significant.
    pub big_endian: bool,
}

/// What the bits of a number mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number from 0 on.
    Unsigned,
    /// A whole number, two's complement.
    Signed,
    /// IEEE 754.
    Float,
}

impl Element {
    /// The number in `bytes` bytes. Whole numbers beyond ±2⁵³ are rounded.
    fn decode(self, stored: &[u8]) -> f64 {
        let mut bytes = [0; 8];
        let place = &mut bytes[..self.bytes];
        place.copy_from_slice(stored);
        if self.big_endian {
            place.reverse();
        }
        let bits = u64::from_le_bytes(bytes);
        let unused_bits = 64 - 8 * self.bytes as u32;
        match (self.kind, self.bytes) {
            (Kind::Unsigned, _) => bits as f64,
            (Kind::Signed, _) => ((bits << unused_bits) as i64 >> unused_bits) as f64,
            (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Kind::Float, _) => f64::from_bits(bits),
        }
    }
}

/// A file, or an array in one, from its first byte to its last.
pub struct Numbers<R> {
    source: R,
    place: String,
}

impl<R: Read> Numbers<R> {
    /// `place` stands in complaints.
    pub fn new(source: R, place: String) -> Self {
        Self { source, place }
    }

    /// Where they are, for complaints.
    pub fn place(&self) -> String {
        self.place.clone()
    }

    /// A complaint about this file or array.
    pub fn complain(
        &self,
        found: impl std::fmt::Display,
        expected: impl std::fmt::Display,
        cure: impl std::fmt::Display,
    ) -> DataError {
        DataError::at(&self.place, found, expected, cure)
    }

    /// The next bytes.
    ///
    /// # Errors
    /// The file ends before or cannot be read.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N], DataError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills the whole buffer.
    ///
    /// # Errors
    /// The file ends before or cannot be read.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<(), DataError> {
        self.source.read_exact(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                let cure = "it is truncated: get the file again";
                self.complain("ends too early", "all that its header announces", cure)
            }
            _ => {
                let cure = "it is damaged: get the file again";
                self.complain(format_args!("cannot be read ({error})"), "a whole file", cure)
            }
        })
    }

    /// How many values an array of these dimensions has.
    ///
    /// # Errors
    /// None, or too many.
    pub fn count(&self, dimensions: &[usize]) -> Result<usize, DataError> {
        let product = dimensions.iter().try_fold(1_usize, |count, &axis| count.checked_mul(axis));
        match product.filter(|&count| count <= VALUES_MAX) {
            Some(0) => Err(self.complain("holds no values", "samples", "name another file")),
            Some(count) => Ok(count),
            None => {
                let found = format!("announces {} values", in_print(dimensions));
                let expected = format!("at most {VALUES_MAX}");
                Err(self.complain(found, expected, "is it damaged? else keep a part of it"))
            }
        }
    }

    /// Hands over the next `count` numbers, one after the other.
    ///
    /// # Errors
    /// The file ends before or cannot be read, or `take` complains.
    fn values(
        &mut self,
        element: Element,
        count: usize,
        mut take: impl FnMut(f64) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        const PIECE: usize = 8192;
        let mut buffer = vec![0; element.bytes * PIECE.min(count)];
        let mut left = count;
        while left > 0 {
            let piece = &mut buffer[..left.min(PIECE) * element.bytes];
            self.fill(piece)?;
            for stored in piece.chunks_exact(element.bytes) {
                take(element.decode(stored))?;
            }
            left -= left.min(PIECE);
        }
        Ok(())
    }

    /// The next `count` numbers as values of samples.
    ///
    /// # Errors
    /// The file ends before or cannot be read, or a number is not finite.
    pub fn samples(&mut self, element: Element, count: usize) -> Result<Vec<f32>, DataError> {
        let place = self.place.clone();
        let mut values = vec![];
        self.values(element, count, |number| {
            if !(number as f32).is_finite() {
                let found = format!("value {} (from 0) is {number}", values.len());
                let expected = "finite numbers within ±3.4e38";
                let cure = "fill it in, or leave its sample out";
                return Err(DataError::at(&place, found, expected, cure));
            }
            values.push(number as f32);
            Ok(())
        })?;
        Ok(values)
    }

    /// The next `count` numbers as names of classes or groups.
    ///
    /// # Errors
    /// The file ends before or cannot be read, or there are too many names.
    pub fn named(
        &mut self,
        element: Element,
        count: usize,
        names: &mut Names,
    ) -> Result<Vec<u32>, DataError> {
        let place = self.place.clone();
        let mut numbers = vec![];
        let mut last = None;
        self.values(element, count, |value| {
            // Neighbours are mostly of one class: print each value once.
            let number = match last {
                Some((known, number)) if known == value => number,
                _ => names.number(&value.to_string(), &|| place.clone())?,
            };
            last = Some((value, number));
            numbers.push(number);
            Ok(())
        })?;
        Ok(numbers)
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// Something does, or the rest is damaged.
    pub fn end(&mut self) -> Result<(), DataError> {
        match self.source.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => {
                let found = "goes on behind the last value that its header announces";
                Err(self.complain(found, "the end", "it is damaged: get the file again"))
            }
            Err(error) => {
                let cure = "it is damaged: get the file again";
                Err(self.complain(format_args!("cannot be read ({error})"), "a whole file", cure))
            }
        }
    }
}

/// `60000×28×28`
pub fn in_print(dimensions: &[usize]) -> String {
    dimensions.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_kind_are_decoded() {
        let little = |kind, stored: &[u8]| {
            Element { kind, bytes: stored.len(), big_endian: false }.decode(stored)
        };
        let big = |kind, stored: &[u8]| {
            Element { kind, bytes: stored.len(), big_endian: true }.decode(stored)
        };
        assert_eq!(little(Kind::Unsigned, &[200]), 200.0);
        assert_eq!(little(Kind::Signed, &[200]), -56.0);
        assert_eq!(little(Kind::Signed, &(-3_i16).to_le_bytes()), -3.0);
        assert_eq!(big(Kind::Signed, &(-70_000_i32).to_be_bytes()), -70_000.0);
        assert_eq!(big(Kind::Unsigned, &u64::MAX.to_be_bytes()), u64::MAX as f64);
        assert_eq!(little(Kind::Signed, &i64::MIN.to_le_bytes()), i64::MIN as f64);
        assert_eq!(little(Kind::Float, &1.5_f32.to_le_bytes()), 1.5);
        assert_eq!(big(Kind::Float, &(-1e300_f64).to_be_bytes()), -1e300);
    }
}
