//! What a user allows, and the verdict on a footprint. Judging is pure: a stored footprint can be judged
//! again under other limits.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::board::RegionKind;
use crate::footprint::{Footprint, RegionUse};
use crate::toolchain::Tool;

/// Which of a footprint's RAM and ROM figures limits are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accounting {
    /// `st_ram_bytes` and `st_rom_bytes`: as ST's tool counts, known from the network alone.
    #[default]
    St,
    /// `ram_bytes` and `flash_bytes`: what the linked program takes.
    Elf,
}

impl fmt::Display for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::St => "ST accounting",
            Self::Elf => "ELF accounting",
        })
    }
}

/// What a user allows. `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Most RAM.
    pub ram_bytes: Option<usize>,
    /// Most ROM (flash).
    pub rom_bytes: Option<usize>,
    /// Least share of inputs (0 to 1) with the same class from the C program and the network.
    pub cross_accuracy: Option<f64>,
    /// Most multiply-accumulates of an inference.
    pub macc: Option<u64>,
    /// Which RAM and ROM figures count.
    pub accounting: Accounting,
}

/// What [`Limits::judge`] found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// No measured figure is beyond its limit.
    pub meets_limits: bool,
    /// Whether the program fits the chip's memory regions. `None`: it was not linked.
    pub links_on_chip: Option<bool>,
    /// One sentence for each limit or region that is exceeded: figure, limit, bytes over.
    pub reasons: Vec<String>,
    /// One sentence for each thing that was not measured, with what enables it.
    pub unchecked: Vec<String>,
}

/// What a network can take too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// RAM, in bytes.
    Ram,
    /// ROM, which is flash, in bytes.
    Rom,
    /// Multiply-accumulates.
    Macc,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ram => "RAM",
            Self::Rom => "ROM",
            Self::Macc => "MACC",
        })
    }
}

/// By how much a footprint is beyond a limit, or a memory region of the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Of what.
    pub resource: Resource,
    /// Bytes (or multiply-accumulates) too many.
    pub over: u64,
    /// Whether the linked program is meant, not ST accounting.
    pub linked: bool,
}

impl Verdict {
    /// Nothing that was measured speaks against deploying.
    pub fn deployable(&self) -> bool {
        self.meets_limits && self.links_on_chip != Some(false)
    }
}

impl Limits {
    /// Holds a footprint against these limits, and the linked program against its chip.
    pub fn judge(&self, footprint: &Footprint) -> Verdict {
        let mut verdict = Verdict {
            meets_limits: true,
            links_on_chip: footprint.links_on_chip(),
            reasons: vec![],
            unchecked: vec![],
        };
        let (ram, rom) = match self.accounting {
            Accounting::St => (Some(footprint.st_ram_bytes), Some(footprint.st_rom_bytes)),
            Accounting::Elf => (footprint.ram_bytes, footprint.flash_bytes),
        };
        self.judge_memory("RAM", ram, self.ram_bytes, &mut verdict);
        self.judge_memory("ROM", rom, self.rom_bytes, &mut verdict);
        if let Some(limit) = self.macc.filter(|&limit| footprint.macc > limit) {
            let over = footprint.macc - limit;
            let [macc, over, limit] = [footprint.macc, over, limit].map(grouped);
            verdict.refuse(format!("MACC {macc} is {over} over the limit of {limit}"));
        }
        self.judge_cross_accuracy(footprint.cross_accuracy, &mut verdict);
        judge_regions(&footprint.regions, &mut verdict);
        if footprint.instructions.is_none() {
            let reason = match footprint.emulated_inputs {
                Some(0) => "the program is larger than the memory of the emulated machine".into(),
                _ => format!(
                    "needs a linked program, and an emulator to run it: {}",
                    Tool::Emulator.install_hint()
                ),
            };
            verdict.unchecked.push(format!("instructions and stack of an inference: {reason}"));
        }
        verdict
    }

    /// Of what a footprint takes too much: for each resource the largest excess over a limit or a memory
    /// region.
    pub fn shortages(&self, footprint: &Footprint) -> Vec<Shortage> {
        let (linked, ram, rom) = match self.accounting {
            Accounting::St => (false, Some(footprint.st_ram_bytes), Some(footprint.st_rom_bytes)),
            Accounting::Elf => (true, footprint.ram_bytes, footprint.flash_bytes),
        };
        let over = |figure: Option<usize>, limit: Option<usize>| {
            figure.zip(limit).map_or(0, |(figure, limit)| figure.saturating_sub(limit) as u64)
        };
        let mut shortages = vec![
            Shortage { resource: Resource::Ram, over: over(ram, self.ram_bytes), linked },
            Shortage { resource: Resource::Rom, over: over(rom, self.rom_bytes), linked },
            Shortage {
                resource: Resource::Macc,
                over: self.macc.map_or(0, |limit| footprint.macc.saturating_sub(limit)),
                linked: false,
            },
        ];
        for region in &footprint.regions {
            let shortage = match region.kind {
                RegionKind::Ram => &mut shortages[0],
                RegionKind::Flash => &mut shortages[1],
            };
            let over = region.over_bytes() as u64;
            if over > shortage.over {
                *shortage = Shortage { over, linked: true, ..*shortage };
            }
        }
        shortages.retain(|shortage| shortage.over > 0);
        shortages
    }

    fn judge_memory(
        &self,
        memory: &str,
        figure: Option<usize>,
        limit: Option<usize>,
        verdict: &mut Verdict,
    ) {
        let Some(limit) = limit else { return };
        match figure {
            None => verdict.unchecked.push(format!(
                "{memory} limit of {} ({}): {}",
                kilobytes(limit),
                self.accounting,
                needs_linking()
            )),
            Some(bytes) if bytes > limit => verdict.refuse(format!(
                "{memory} {} is {} B over the limit of {} ({})",
                kilobytes(bytes),
                grouped((bytes - limit) as u64),
                kilobytes(limit),
                self.accounting
            )),
            Some(_) => {}
        }
    }

    fn judge_cross_accuracy(&self, figure: Option<f64>, verdict: &mut Verdict) {
        let Some(limit) = self.cross_accuracy else { return };
        match figure {
            None => verdict.unchecked.push(format!(
                "X-CROSS accuracy limit of {}: needs a trained network and inputs to run it on",
                percent(limit)
            )),
            Some(share) if share < limit => verdict.refuse(format!(
                "X-CROSS accuracy {} is below the limit of {}",
                percent(share),
                percent(limit)
            )),
            Some(_) => {}
        }
    }
}

fn judge_regions(regions: &[RegionUse], verdict: &mut Verdict) {
    if regions.is_empty() {
        verdict.unchecked.push(format!("whether it fits the chip: {}", needs_linking()));
    }
    for region in regions.iter().filter(|region| region.over_bytes() > 0) {
        verdict.reasons.push(format!(
            "does not fit the chip: {} {} is {} B over the {} that there are",
            region.name,
            kilobytes(region.used_bytes),
            grouped(region.over_bytes() as u64),
            kilobytes(region.length_bytes)
        ));
    }
}

fn needs_linking() -> String {
    let hint = Tool::CrossCompiler.install_hint();
    format!("needs a board, and a cross compiler to link for it: {hint}")
}

impl Verdict {
    fn refuse(&mut self, reason: String) {
        self.meets_limits = false;
        self.reasons.push(reason);
    }
}

/// KB of 1000 bytes with one digit; below one KB, bytes, so that no excess prints as zero.
fn kilobytes(bytes: usize) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        _ => format!("{:.1} KB", bytes as f64 / 1000.0),
    }
}

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let group = |(index, digit): (usize, char)| {
        let comma = index > 0 && (digits.len() - index).is_multiple_of(3);
        [comma.then_some(','), Some(digit)].into_iter().flatten()
    };
    digits.chars().enumerate().flat_map(group).collect()
}

/// Rounded down, so that no shortfall prints as its limit. A share such as 0.95 is not a binary
/// fraction: what is within 1e-9 of a hundredth of a percent counts as that.
fn percent(share: f64) -> String {
    format!("{:.2} %", (share * 1e4 + 1e-5).floor() / 100.0)
}

#[cfg(test)]
mod tests;
