//! What a linked program takes, read from its ELF file.
//!
//! A section has an address while the program runs, and one where its bytes are stored. Code and
//! constants have the same for both; initialised variables run in RAM from a copy stored in flash,
//! and so count in both; zeroed variables, activations and the stack are not stored at all.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use object::elf::{PT_LOAD, SHF_ALLOC, SHT_NOBITS};
use object::read::elf::{ElfFile32, ElfSymbol32, ProgramHeader, SectionHeader};
use object::{LittleEndian, Object as _, ObjectSection, ObjectSymbol, SymbolKind};

use crate::board::Region;

/// An ELF file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}; expected a linked 32-bit little-endian ELF program", path.display())]
pub struct ElfError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// A linked program: the sections that are in memory while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// In the order of the file; empty ones left out.
    pub sections: Vec<Section>,
}

/// A section that takes memory while the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Such as `.text`.
    pub name: String,
    /// Where it is while the program runs.
    pub address: u64,
    /// Where its bytes are stored. `None`: they are not (zeroed memory).
    pub stored_at: Option<u64>,
    /// Its size.
    pub bytes: usize,
}

impl Elf {
    /// Reads a linked program.
    ///
    /// # Errors
    /// The file is not readable, or not a 32-bit little-endian ELF program.
    pub fn read(path: &Path) -> Result<Self, ElfError> {
        let refuse = |problem: String| ElfError { path: path.to_path_buf(), problem };
        let data = fs::read(path).map_err(|error| refuse(error.to_string()))?;
        Self::parse(&data).map_err(|error| refuse(error.to_string()))
    }

    fn parse(data: &[u8]) -> object::Result<Self> {
        let file = ElfFile32::<LittleEndian>::parse(data)?;
        Ok(Self { sections: sections(&file)? })
    }

    /// Bytes that the program takes of a region: what is there while it runs, and what is stored
    /// there to be copied elsewhere at the start.
    pub fn bytes_in(&self, region: &Region) -> usize {
        let takes = |section: &&Section| {
            region.contains(section.address)
                || section.stored_at.is_some_and(|address| region.contains(address))
        };
        self.sections.iter().filter(takes).map(|section| section.bytes).sum()
    }
}

/// An array or a variable of a program that has a value before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its symbol.
    pub name: String,
    /// Its bytes in the file.
    pub range: Range<usize>,
}

/// The objects of the program `data`, the content of the file `path`.
///
/// # Errors
/// It is not a 32-bit little-endian ELF program.
pub fn objects(data: &[u8], path: &Path) -> Result<Vec<Object>, ElfError> {
    let refuse =
        |error: object::Error| ElfError { path: path.to_path_buf(), problem: error.to_string() };
    let file = ElfFile32::<LittleEndian>::parse(data).map_err(refuse)?;
    let object = |symbol: ElfSymbol32<LittleEndian>| {
        let section = file.section_by_index(symbol.section_index()?).ok()?;
        let start = section.file_range()?.0 + symbol.address() - section.address();
        let range = start as usize..(start + symbol.size()) as usize;
        let is_stored = symbol.kind() == SymbolKind::Data && range.end <= data.len();
        is_stored.then(|| Object { name: symbol.name().unwrap_or_default().to_string(), range })
    };
    Ok(file.symbols().filter_map(object).collect())
}

fn sections(file: &ElfFile32<LittleEndian>) -> object::Result<Vec<Section>> {
    let table = file.elf_section_table();
    let mut sections = vec![];
    for header in table.iter() {
        let bytes = header.sh_size(LittleEndian) as usize;
        if !header.sh_flags(LittleEndian).contains(SHF_ALLOC) || bytes == 0 {
            continue;
        }
        let name = String::from_utf8_lossy(table.section_name(LittleEndian, header)?).into_owned();
        let address = u64::from(header.sh_addr(LittleEndian));
        let is_stored = header.sh_type(LittleEndian) != SHT_NOBITS;
        let stored_at = is_stored.then(|| storage_address(file, address));
        sections.push(Section { name, address, stored_at, bytes });
    }
    Ok(sections)
}

/// The segment that holds a section says where its bytes are stored: at its physical address.
fn storage_address(file: &ElfFile32<LittleEndian>, address: u64) -> u64 {
    let headers = file.elf_program_headers().iter();
    let shift =
        headers.filter(|header| header.p_type(LittleEndian) == PT_LOAD).find_map(|header| {
            let start = u64::from(header.p_vaddr(LittleEndian));
            let end = start + u64::from(header.p_memsz(LittleEndian));
            let stored = u64::from(header.p_paddr(LittleEndian));
            (start..end).contains(&address).then(|| stored.wrapping_sub(start))
        });
    address.wrapping_add(shift.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;

    /// Made by tests/data/sizes.sh, which says what is in it.
    const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sizes.elf");

    #[test]
    fn initialised_variables_count_in_flash_and_in_ram() {
        let elf = Elf::read(Path::new(PROGRAM)).unwrap();
        let board = Board::named("stm32f303k8").unwrap();
        let used: Vec<_> = board.regions.iter().map(|region| elf.bytes_in(region)).collect();
        // flash: 8 of .text, 100 of .rodata, 24 of .data; sram: .data and 400 of .bss; ccm: stack.
        assert_eq!(used, [8 + 100 + 24, 24 + 400, 1024]);
    }

    #[test]
    fn what_is_no_program_is_refused_with_its_name() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let message = Elf::read(file).unwrap_err().to_string();
        assert!(message.contains("Cargo.toml: ") && message.contains("32-bit"), "{message}");
        let message = Elf::read(Path::new("missing.elf")).unwrap_err().to_string();
        assert!(message.starts_with("missing.elf: No such file"), "{message}");
    }
}
