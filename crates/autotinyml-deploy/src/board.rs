//! A board: hardware as its data sheet gives it. Limits are not part of it.

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cortex::Core;

/// What a memory region is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegionKind {
    /// Keeps its content without power; read and executed, not written, while a program runs.
    Flash,
    /// Read and written by the processor. May hold activations, variables or the stack.
    Ram,
}

/// One contiguous piece of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Unique on the board, a C identifier: the linker script uses it.
    pub name: String,
    /// What it is good for.
    pub kind: RegionKind,
    /// Address of its first byte.
    pub origin: u32,
    /// Number of bytes.
    pub length_bytes: usize,
    /// The document and section the figures come from.
    pub source: String,
}

impl Region {
    /// Address behind its last byte.
    pub fn end(&self) -> u64 {
        u64::from(self.origin) + self.length_bytes as u64
    }

    /// Whether the byte at `address` is in this region.
    pub fn contains(&self, address: u64) -> bool {
        (u64::from(self.origin)..self.end()).contains(&address)
    }
}

/// A microcontroller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Name as in a study file: lower case, no spaces.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Processor core.
    pub core: Core,
    /// Highest clock of the core.
    pub clock_hz: u64,
    /// The document that the clock comes from.
    pub clock_source: String,
    /// Name of the RAM region that holds the stack.
    pub stack: String,
    /// What starting the program takes beside writing it into the flash.
    pub flashing: Option<String>,
    /// Memory; at least one flash and one RAM region, none overlapping.
    pub regions: Vec<Region>,
}

/// Why a board file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct BoardError {
    /// The file as given by the caller, and the line if one is to blame.
    pub place: String,
    /// What is wrong there, and what was expected.
    pub problem: String,
}

/// What contradicts itself in a board file, and where: a key of the file or of one of its regions.
struct Contradiction {
    region: Option<usize>,
    key: &'static str,
    problem: String,
}

/// The vector table begins the largest flash region; Cortex-M cores want its address a multiple of
/// its size, rounded up to a power of two, and of 128 at least.
const VECTOR_TABLE_ALIGNMENT: u32 = 128;

impl Board {
    /// Reads a board from the text of a TOML file; `file` is only used in messages.
    ///
    /// # Errors
    /// Syntax (with the line), unknown or missing fields, and figures that contradict each other.
    pub fn parse(text: &str, file: &str) -> Result<Self, BoardError> {
        let board: Self = toml::from_str(text)
            .map_err(|error| BoardError { place: file.to_string(), problem: error.to_string() })?;
        let Some(Contradiction { region, key, problem }) = board.contradiction() else {
            return Ok(board);
        };
        Err(BoardError { place: place(file, text, region, key), problem })
    }

    /// Whether a program for one is a program for the other: core, stack and memory are the same.
    pub fn is_same_hardware(&self, other: &Self) -> bool {
        let memory = |board: &Self| -> Vec<(String, RegionKind, u32, usize)> {
            let regions = board.regions.iter();
            let memory = regions.map(|r| (r.name.clone(), r.kind, r.origin, r.length_bytes));
            memory.collect()
        };
        (self.core, &self.stack) == (other.core, &other.stack) && memory(self) == memory(other)
    }

    /// The flash regions, in the order of the file.
    pub fn flash(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(|region| region.kind == RegionKind::Flash)
    }

    /// The RAM regions, in the order of the file.
    pub fn ram(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(|region| region.kind == RegionKind::Ram)
    }

    /// The largest region of a kind: code and weights are there, or variables and, if it has room, the
    /// arena.
    pub fn largest(&self, kind: RegionKind) -> &Region {
        let regions = self.regions.iter().filter(|region| region.kind == kind);
        regions.max_by_key(|region| region.length_bytes).expect("checked when parsed")
    }

    fn contradiction(&self) -> Option<Contradiction> {
        let found = |key, problem| Some(Contradiction { region: None, key, problem });
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            let expected = "expected lower-case letters, digits, - _ and .";
            return found("name", format!("name is \"{}\", {expected}", self.name));
        }
        if self.title.chars().any(char::is_control) || self.title.contains("*/") {
            let expected = "expected one line of text without */, which ends a comment in C";
            return found("title", format!("title is {:?}, {expected}", self.title));
        }
        if self.clock_hz == 0 {
            let problem = "clock_hz is 0, expected the highest clock of the core in hertz";
            return found("clock_hz", problem.into());
        }
        for (kind, count) in [("flash", self.flash().count()), ("ram", self.ram().count())] {
            if count == 0 {
                let problem = format!("no region of kind \"{kind}\", expected at least one");
                return found("regions", problem);
            }
        }
        if !self.ram().any(|region| region.name == self.stack) {
            let names: Vec<_> = self.ram().map(|region| region.name.as_str()).collect();
            let names = names.join(", ");
            let problem = format!("stack is \"{}\", expected a RAM region: {names}", self.stack);
            return found("stack", problem);
        }
        let largest = &self.largest(RegionKind::Flash).name;
        self.regions.iter().enumerate().find_map(|(index, region)| {
            let earlier = &self.regions[..index];
            let (key, problem) = region.contradiction(earlier, region.name == *largest)?;
            Some(Contradiction { region: Some(index), key, problem })
        })
    }
}

impl Region {
    /// The key to blame, and what is wrong with it.
    fn contradiction(
        &self,
        earlier: &[Region],
        holds_vectors: bool,
    ) -> Option<(&'static str, String)> {
        let Self { name, origin, length_bytes, .. } = self;
        if !is_c_identifier(name) {
            let problem = format!("region name \"{name}\", expected letters, digits and _");
            return Some(("name", problem));
        }
        if *length_bytes == 0 || self.end() > 1 << 32 {
            return Some((
                "length_bytes",
                format!(
                    "region {name}: length_bytes is {length_bytes}, expected at least 1 and an end within 32-bit addresses"
                ),
            ));
        }
        if holds_vectors && origin % VECTOR_TABLE_ALIGNMENT != 0 {
            return Some((
                "origin",
                format!(
                    "region {name}: origin is {origin:#010x}, expected a multiple of {VECTOR_TABLE_ALIGNMENT}: the vector table begins there"
                ),
            ));
        }
        earlier.iter().find_map(|other| {
            if other.name == *name {
                let problem = format!("two regions are named {name}, expected different names");
                return Some(("name", problem));
            }
            let overlaps =
                u64::from(self.origin) < other.end() && u64::from(other.origin) < self.end();
            overlaps.then(|| {
                let problem = format!(
                    "regions {} and {name} overlap, expected pieces of memory apart",
                    other.name
                );
                ("origin", problem)
            })
        })
    }
}

/// `file:line` of a key, the file's or that of one of its regions.
pub(crate) fn place(file: &str, text: &str, region: Option<usize>, key: &str) -> String {
    line(text, region, key).map_or(file.to_string(), |line| format!("{file}:{line}"))
}

/// Counted from 1.
fn line(text: &str, region: Option<usize>, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let root = document.get_ref();
    let place = match region {
        None => value(root, key)?.span(),
        Some(index) => {
            let DeValue::Array(regions) = value(root, "regions")?.get_ref() else { return None };
            let DeValue::Table(table) = regions.get(index)?.get_ref() else { return None };
            value(table, key)?.span()
        }
    };
    Some(1 + text[..place.start].matches('\n').count())
}

fn value<'a>(table: &'a DeTable<'a>, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
    table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
}

fn is_c_identifier(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = include_str!("../boards/stm32f303k8.toml");

    /// The message for the Tiny Board's file after one change.
    fn refusal(from: &str, to: &str) -> String {
        assert!(TINY.contains(from), "{from}");
        Board::parse(&TINY.replacen(from, to, 1), "mine.toml").unwrap_err().to_string()
    }

    #[test]
    fn a_bad_file_is_refused_with_its_place() {
        insta::assert_snapshot!(refusal("clock_hz", "clock"), @r"
        mine.toml: TOML parse error at line 7, column 1
          |
        7 | clock = 72_000_000
          | ^^^^^
        unknown field `clock`, expected one of `name`, `title`, `core`, `clock_hz`, `clock_source`, `stack`, `flashing`, `regions`
        ");
        insta::assert_snapshot!(refusal("\"cortex-m4f\"", "\"cortex-m5\""), @r#"
        mine.toml: TOML parse error at line 6, column 8
          |
        6 | core = "cortex-m5"
          |        ^^^^^^^^^^^
        unknown variant `cortex-m5`, expected one of `cortex-m0`, `cortex-m0plus`, `cortex-m3`, `cortex-m4f`, `cortex-m7f`, `cortex-m7f-dp`, `cortex-m33f`
        "#);
        insta::assert_snapshot!(refusal("12_288", "\"12 KiB\""), @r#"
        mine.toml: TOML parse error at line 22, column 16
           |
        22 | length_bytes = "12 KiB"
           |                ^^^^^^^^
        invalid type: string "12 KiB", expected usize
        "#);
    }

    #[test]
    fn contradictions_are_refused() {
        insta::assert_snapshot!(refusal("stack = \"ccm\"", "stack = \"flash\""), @r#"mine.toml:9: stack is "flash", expected a RAM region: sram, ccm"#);
        insta::assert_snapshot!(refusal("name = \"sram\"", "name = \"ccm\""), @r"mine.toml:26: two regions are named ccm, expected different names");
        insta::assert_snapshot!(refusal("name = \"sram\"", "name = \"main ram\""), @r#"mine.toml:19: region name "main ram", expected letters, digits and _"#);
        insta::assert_snapshot!(refusal("0x1000_0000", "0x2000_2000"), @r"mine.toml:28: regions sram and ccm overlap, expected pieces of memory apart");
        insta::assert_snapshot!(refusal("kind = \"flash\"", "kind = \"ram\""), @r#"mine.toml:11: no region of kind "flash", expected at least one"#);
        insta::assert_snapshot!(refusal("72_000_000", "0"), @r"mine.toml:7: clock_hz is 0, expected the highest clock of the core in hertz");
        insta::assert_snapshot!(refusal("65_536", "0"), @r"mine.toml:15: region flash: length_bytes is 0, expected at least 1 and an end within 32-bit addresses");
        insta::assert_snapshot!(refusal("name = \"stm32f303k8\"", "name = \"My Board\""), @r#"mine.toml:4: name is "My Board", expected lower-case letters, digits, - _ and ."#);
        insta::assert_snapshot!(refusal("the talk's", "a */ b"), @r#"mine.toml:5: title is "STM32F303K8T6 (a */ b Tiny Board)", expected one line of text without */, which ends a comment in C"#);
        insta::assert_snapshot!(refusal("0x0800_0000", "0x0800_0040"), @r"mine.toml:14: region flash: origin is 0x08000040, expected a multiple of 128: the vector table begins there");
    }
}
