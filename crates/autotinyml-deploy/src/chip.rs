//! Whether a firmware fits its chip: the program that `make` builds is linked against the board's
//! true memory regions, and what it takes of each is read from the result.
//!
//! A program too large is an outcome, not an error. The linker then says by how many bytes each
//! region overflows, and is asked once more to write the program all the same, so that the other
//! regions' use is known too.

use tempfile::TempDir;

use crate::board::{Board, Region, RegionKind};
use crate::elf::Elf;
use crate::emit::STACK_BYTES;
use crate::error::DeployError;
use crate::footprint::RegionUse;
use crate::run::compile::ChipObjects;

/// What a linked program takes of its board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipUse {
    /// One for each region of the board, in its order.
    pub regions: Vec<RegionUse>,
    /// All RAM but the stack.
    pub variables_bytes: usize,
    /// All flash.
    pub flash_bytes: usize,
}

/// Links `main.c` of the firmware folder that `objects` were made of, and measures it.
///
/// # Errors
/// The linker fails for another reason than want of memory; a program that cannot be read.
pub fn measure(objects: &ChipObjects, board: &Board) -> Result<ChipUse, DeployError> {
    let folder = TempDir::with_prefix("autotinyml-")
        .map_err(|source| DeployError::File { path: std::env::temp_dir(), source })?;
    let program = folder.path().join("firmware.elf");
    let overflows = match objects.link("chip.ld", &["main"], &[], &program) {
        Ok(()) => vec![],
        Err(DeployError::Command(error)) => {
            let Some(overflows) = overflows(&error.stderr) else { return Err(error.into()) };
            objects.link("chip.ld", &["main"], &["-Wl,--noinhibit-exec"], &program)?;
            overflows
        }
        Err(error) => return Err(error),
    };
    let elf = Elf::read(&program)?;
    let used_bytes = |region: &Region| {
        let over = overflows.iter().find(|(name, _)| *name == region.name);
        over.map_or_else(|| elf.bytes_in(region), |(_, over)| region.length_bytes + over)
    };
    let used = |region: &Region| RegionUse {
        name: region.name.clone(),
        kind: region.kind,
        used_bytes: used_bytes(region),
        length_bytes: region.length_bytes,
    };
    let regions: Vec<RegionUse> = board.regions.iter().map(used).collect();
    let total = |kind| {
        regions.iter().filter(|region| region.kind == kind).map(|region| region.used_bytes).sum()
    };
    let (ram, flash_bytes): (usize, usize) = (total(RegionKind::Ram), total(RegionKind::Flash));
    Ok(ChipUse { variables_bytes: ram - STACK_BYTES, flash_bytes, regions })
}

/// What the linker also says when a region overflows (into the next section, even), or at any time.
const HARMLESS: [&str; 5] = [
    "will not fit in region",
    " overlaps section ",
    "ld returned 1 exit status",
    ": warning: ",
    ": NOTE: ",
];

/// Regions and by how many bytes they overflow, if that is all that the linker complains of.
pub(crate) fn overflows(stderr: &str) -> Option<Vec<(String, usize)>> {
    let mut overflows = vec![];
    for line in stderr.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(overflow) = overflow(line) {
            overflows.push(overflow);
        } else if !HARMLESS.iter().any(|harmless| line.contains(harmless)) {
            return None;
        }
    }
    (!overflows.is_empty()).then_some(overflows)
}

/// Reads "…: region `flash' overflowed by 54568 bytes".
fn overflow(line: &str) -> Option<(String, usize)> {
    let (_, rest) = line.split_once("region `")?;
    let (name, rest) = rest.split_once("' overflowed by ")?;
    let (bytes, _) = rest.split_once(" byte")?;
    Some((name.to_string(), bytes.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "\
/usr/bin/ld: firmware.elf section `.weights' will not fit in region `flash'
/usr/bin/ld: section .data VMA [20000000,2000ffff] overlaps section .weights VMA [08001000,20000fff]
/usr/bin/ld: region `flash' overflowed by 54568 bytes
/usr/bin/ld: region `sram' overflowed by 1 byte
collect2: error: ld returned 1 exit status
";

    #[test]
    fn overflows_are_read_from_what_the_linker_says() {
        let expected = vec![("flash".to_string(), 54_568), ("sram".to_string(), 1)];
        assert_eq!(overflows(FULL), Some(expected));
    }

    #[test]
    fn an_overflow_does_not_hide_another_failure() {
        let other = "/usr/bin/ld: main.o: in function `main': undefined reference to `expf'\n";
        assert_eq!(overflows(&format!("{FULL}{other}")), None);
        assert_eq!(overflows(other), None);
        assert_eq!(overflows(""), None);
    }
}
