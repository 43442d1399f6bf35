//! The catalogue of boards. A board is hardware as its data sheet gives it: limits are not part of
//! it. Each board is a TOML file in `boards/` whose every memory region names its source.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

const EMBEDDED: [(&str, &str); 2] = [
    ("stm32l476rg.toml", include_str!("../boards/stm32l476rg.toml")),
    ("stm32f303k8.toml", include_str!("../boards/stm32f303k8.toml")),
];

/// Processor core with its floating-point unit, as far as a compiler has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Core {
    /// Arm Cortex-M4 with the single-precision unit FPv4-SP.
    CortexM4f,
}

impl Core {
    /// Name as in a board file.
    pub fn name(self) -> &'static str {
        match self {
            Self::CortexM4f => "cortex-m4f",
        }
    }

    /// GCC's options that select the core and its floating-point unit.
    pub fn compiler_flags(self) -> &'static [&'static str] {
        match self {
            Self::CortexM4f => {
                &["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
            }
        }
    }
}

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
    /// Name of the RAM region that holds the stack.
    pub stack: String,
    /// Memory; at least one flash and one RAM region, none overlapping.
    pub regions: Vec<Region>,
}

/// Why a board file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct BoardError {
    /// The file, as given by the caller.
    pub file: String,
    /// What is wrong with it, where, and what was expected.
    pub problem: String,
}

impl Board {
    /// Every board of the catalogue, in a fixed order.
    pub fn catalogue() -> &'static [Board] {
        static CATALOGUE: OnceLock<Vec<Board>> = OnceLock::new();
        CATALOGUE.get_or_init(|| {
            let parse =
                |(file, text)| Board::parse(text, file).expect("tested: embedded boards parse");
            EMBEDDED.into_iter().map(parse).collect()
        })
    }

    /// The board of the catalogue with this name.
    pub fn named(name: &str) -> Option<&'static Board> {
        Self::catalogue().iter().find(|board| board.name == name)
    }

    /// Reads a board from the text of a TOML file; `file` is only used in messages.
    ///
    /// # Errors
    /// Syntax (with the line), unknown or missing fields, and figures that contradict each other.
    pub fn parse(text: &str, file: &str) -> Result<Self, BoardError> {
        let refuse = |problem: String| BoardError { file: file.to_string(), problem };
        let board: Self = toml::from_str(text).map_err(|error| refuse(error.to_string()))?;
        match board.contradiction() {
            Some(problem) => Err(refuse(problem)),
            None => Ok(board),
        }
    }

    /// The flash regions, in the order of the file.
    pub fn flash(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(|region| region.kind == RegionKind::Flash)
    }

    /// The RAM regions, in the order of the file.
    pub fn ram(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(|region| region.kind == RegionKind::Ram)
    }

    /// The region that holds the stack.
    pub fn stack_region(&self) -> &Region {
        self.ram().find(|region| region.name == self.stack).expect("checked when parsed")
    }

    /// The largest region of a kind: code and weights are there, or variables and the arena.
    pub fn largest(&self, kind: RegionKind) -> &Region {
        let regions = self.regions.iter().filter(|region| region.kind == kind);
        regions.max_by_key(|region| region.length_bytes).expect("checked when parsed")
    }

    fn contradiction(&self) -> Option<String> {
        if self.clock_hz == 0 {
            return Some("clock_hz is 0, expected the highest clock of the core in hertz".into());
        }
        for (kind, count) in [("flash", self.flash().count()), ("ram", self.ram().count())] {
            if count == 0 {
                return Some(format!("no region of kind \"{kind}\", expected at least one"));
            }
        }
        if !self.ram().any(|region| region.name == self.stack) {
            let names: Vec<_> = self.ram().map(|region| region.name.as_str()).collect();
            let names = names.join(", ");
            return Some(format!("stack is \"{}\", expected a RAM region: {names}", self.stack));
        }
        self.regions
            .iter()
            .enumerate()
            .find_map(|(index, region)| region.contradiction(&self.regions[..index]))
    }
}

impl Region {
    fn contradiction(&self, earlier: &[Region]) -> Option<String> {
        let name = &self.name;
        if !is_c_identifier(name) {
            return Some(format!("region name \"{name}\", expected letters, digits and _"));
        }
        if self.length_bytes == 0 || self.end() > 1 << 32 {
            let length = self.length_bytes;
            return Some(format!(
                "region {name}: length_bytes is {length}, expected at least 1 and an end within 32-bit addresses"
            ));
        }
        earlier.iter().find_map(|other| {
            if other.name == *name {
                return Some(format!("two regions are named {name}, expected different names"));
            }
            let overlaps =
                u64::from(self.origin) < other.end() && u64::from(other.origin) < self.end();
            overlaps.then(|| format!("regions {} and {name} overlap", other.name))
        })
    }
}

fn is_c_identifier(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = EMBEDDED[1].1;

    #[test]
    fn the_catalogue_holds_both_boards_of_the_talk() {
        let sizes = |name: &str| {
            let board = Board::named(name).unwrap();
            let sizes = board.regions.iter().map(|region| (region.origin, region.length_bytes));
            (board.clock_hz / 1_000_000, sizes.collect::<Vec<_>>())
        };
        let kib = 1024;
        assert_eq!(
            sizes("stm32l476rg"),
            (80, vec![(0x0800_0000, 1024 * kib), (0x2000_0000, 96 * kib), (0x1000_0000, 32 * kib)])
        );
        assert_eq!(
            sizes("stm32f303k8"),
            (72, vec![(0x0800_0000, 64 * kib), (0x2000_0000, 12 * kib), (0x1000_0000, 4 * kib)])
        );
        assert_eq!(Board::named("stm32f303k8").unwrap().stack_region().name, "ccm");
        assert!(Board::named("STM32F303K8").is_none());
    }

    #[test]
    fn every_embedded_board_is_named_after_its_file_and_gives_sources() {
        for (file, text) in EMBEDDED {
            let board = Board::parse(text, file).unwrap();
            assert_eq!(format!("{}.toml", board.name), file);
            assert!(board.regions.iter().all(|region| region.source.len() > 10), "{file}");
        }
    }

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
        unknown field `clock`, expected one of `name`, `title`, `core`, `clock_hz`, `stack`, `regions`
        ");
        insta::assert_snapshot!(refusal("\"cortex-m4f\"", "\"cortex-m5\""), @r#"
        mine.toml: TOML parse error at line 6, column 8
          |
        6 | core = "cortex-m5"
          |        ^^^^^^^^^^^
        unknown variant `cortex-m5`, expected `cortex-m4f`
        "#);
        insta::assert_snapshot!(refusal("12_288", "\"12 KiB\""), @r#"
        mine.toml: TOML parse error at line 21, column 16
           |
        21 | length_bytes = "12 KiB"
           |                ^^^^^^^^
        invalid type: string "12 KiB", expected usize
        "#);
    }

    #[test]
    fn contradictions_are_refused() {
        insta::assert_snapshot!(refusal("stack = \"ccm\"", "stack = \"flash\""), @r#"mine.toml: stack is "flash", expected a RAM region: sram, ccm"#);
        insta::assert_snapshot!(refusal("name = \"sram\"", "name = \"ccm\""), @r"mine.toml: two regions are named ccm, expected different names");
        insta::assert_snapshot!(refusal("name = \"sram\"", "name = \"main ram\""), @r#"mine.toml: region name "main ram", expected letters, digits and _"#);
        insta::assert_snapshot!(refusal("0x1000_0000", "0x2000_2000"), @r"mine.toml: regions sram and ccm overlap");
        insta::assert_snapshot!(refusal("kind = \"flash\"", "kind = \"ram\""), @r#"mine.toml: no region of kind "flash", expected at least one"#);
        insta::assert_snapshot!(refusal("72_000_000", "0"), @r"mine.toml: clock_hz is 0, expected the highest clock of the core in hertz");
        insta::assert_snapshot!(refusal("65_536", "0"), @r"mine.toml: region flash: length_bytes is 0, expected at least 1 and an end within 32-bit addresses");
    }
}
