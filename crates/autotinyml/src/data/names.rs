//! Names of classes and groups, numbered while files are read.

use std::collections::HashMap;

use super::DataError;
use super::files::natural_order;

/// More names are taken for a wrong column or array.
const NAMES_MAX: usize = 10_000;

/// A longer name is taken for damage.
pub const NAME_BYTES_MAX: usize = 200;

/// Names, numbered in order of appearance.
pub struct Names {
    numbers: HashMap<String, u32>,
    /// `label` or `group`: the key of `[data]` that led to them.
    key: &'static str,
}

impl Names {
    /// `key` of `[data]` says where they are.
    pub fn of(key: &'static str) -> Self {
        Self { numbers: HashMap::new(), key }
    }

    /// The number of a name.
    ///
    /// # Errors
    /// It is empty or very long, or there are too many; `place` is for the complaint.
    pub fn number(&mut self, name: &str, place: &dyn Fn() -> String) -> Result<u32, DataError> {
        if let Some(&number) = self.numbers.get(name) {
            return Ok(number);
        }
        let key = self.key;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let start: String = name.chars().take(20).collect();
            let found = format!("the {key} begins with {start:?} and has {} bytes", name.len());
            let found = if name.is_empty() { format!("the {key} is empty") } else { found };
            let expected = format!("a name of 1 to {NAME_BYTES_MAX} bytes");
            let cure = format!("fill it in, or correct `{key}` in [data]");
            return Err(DataError::at(place(), found, expected, cure));
        }
        if self.numbers.len() == NAMES_MAX {
            let found = format!("a {key} more than {NAMES_MAX} others");
            let cure = format!("does `{key}` in [data] name what you mean?");
            return Err(DataError::at(place(), found, "far fewer", cure));
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(name.to_string(), number);
        Ok(number)
    }

    /// The names in natural order, and the place there of each number.
    pub fn sorted(self) -> (Vec<String>, Vec<u32>) {
        let mut names: Vec<(String, u32)> = self.numbers.into_iter().collect();
        names.sort_by(|(a, _), (b, _)| natural_order(a, b).then_with(|| a.cmp(b)));
        let mut place = vec![0; names.len()];
        for (new, (_, number)) in names.iter().enumerate() {
            place[*number as usize] = new as u32;
        }
        (names.into_iter().map(|(name, _)| name).collect(), place)
    }
}
