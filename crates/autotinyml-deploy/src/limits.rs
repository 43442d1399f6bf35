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
mod tests {
    use super::*;

    /// Experiment 1's baseline at ×4.
    fn baseline() -> Footprint {
        Footprint {
            parameters: 738_950,
            macc: 874_970,
            st_ram_bytes: 24_576,
            st_rom_bytes: 794_136,
            ..Footprint::default()
        }
    }

    fn linked(used_bytes: [usize; 3]) -> Footprint {
        let region = |name: &str, kind, used_bytes, length_bytes| RegionUse {
            name: name.into(),
            kind,
            used_bytes,
            length_bytes,
        };
        Footprint {
            flash_bytes: Some(used_bytes[0]),
            ram_bytes: Some(used_bytes[1] + used_bytes[2]),
            instructions: Some(1_000_000),
            cross_accuracy: Some(0.98),
            regions: vec![
                region("flash", RegionKind::Flash, used_bytes[0], 65_536),
                region("sram", RegionKind::Ram, used_bytes[1], 12_288),
                region("ccm", RegionKind::Ram, used_bytes[2], 4_096),
            ],
            ..baseline()
        }
    }

    fn limits(accounting: Accounting) -> Limits {
        Limits {
            ram_bytes: Some(16_000),
            rom_bytes: Some(60_000),
            cross_accuracy: Some(0.95),
            macc: None,
            accounting,
        }
    }

    fn told(limits: &Limits, footprint: &Footprint) -> String {
        let verdict = limits.judge(footprint);
        let Verdict { meets_limits, links_on_chip, .. } = verdict;
        let mut lines = vec![format!(
            "meets {meets_limits}, links {links_on_chip:?}, deployable {}",
            verdict.deployable()
        )];
        lines.extend(verdict.reasons.iter().map(|reason| format!("- {reason}")));
        lines.extend(verdict.unchecked.iter().map(|gap| format!("? {gap}")));
        lines.join("\n")
    }

    #[test]
    fn the_baseline_is_refused_by_the_tiny_board_before_anything_is_linked() {
        insta::assert_snapshot!(told(&limits(Accounting::St), &baseline()), @r"
        meets false, links None, deployable false
        - RAM 24.6 KB is 8,576 B over the limit of 16.0 KB (ST accounting)
        - ROM 794.1 KB is 734,136 B over the limit of 60.0 KB (ST accounting)
        ? X-CROSS accuracy limit of 95.00 %: needs a trained network and inputs to run it on
        ? whether it fits the chip: needs a board, and a cross compiler to link for it: sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi
        ? instructions and stack of an inference: needs a linked program, and an emulator to run it: sudo apt install qemu-system-arm
        ");
    }

    #[test]
    fn a_limit_on_the_linked_program_is_unchecked_until_it_is_linked() {
        insta::assert_snapshot!(told(&limits(Accounting::Elf), &baseline()), @r"
        meets true, links None, deployable true
        ? RAM limit of 16.0 KB (ELF accounting): needs a board, and a cross compiler to link for it: sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi
        ? ROM limit of 60.0 KB (ELF accounting): needs a board, and a cross compiler to link for it: sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi
        ? X-CROSS accuracy limit of 95.00 %: needs a trained network and inputs to run it on
        ? whether it fits the chip: needs a board, and a cross compiler to link for it: sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi
        ? instructions and stack of an inference: needs a linked program, and an emulator to run it: sudo apt install qemu-system-arm
        ");
    }

    #[test]
    fn the_linked_program_is_judged_by_elf_accounting() {
        insta::assert_snapshot!(told(&limits(Accounting::Elf), &linked([61_000, 10_000, 4_000])), @r"
        meets false, links Some(true), deployable false
        - ROM 61.0 KB is 1,000 B over the limit of 60.0 KB (ELF accounting)
        ");
        insta::assert_snapshot!(told(&limits(Accounting::Elf), &linked([59_000, 14_000, 4_000])), @r"
        meets false, links Some(false), deployable false
        - RAM 18.0 KB is 2,000 B over the limit of 16.0 KB (ELF accounting)
        - does not fit the chip: sram 14.0 KB is 1,712 B over the 12.3 KB that there are
        ");
        insta::assert_snapshot!(told(&limits(Accounting::Elf), &linked([59_000, 10_000, 4_000])), @r"meets true, links Some(true), deployable true");
    }

    #[test]
    fn st_accounting_and_the_chip_are_two_verdicts() {
        let small = Footprint {
            st_ram_bytes: 13_000,
            st_rom_bytes: 59_000,
            ..linked([63_000, 13_000, 4_000])
        };
        insta::assert_snapshot!(told(&limits(Accounting::St), &small), @r"
        meets true, links Some(false), deployable false
        - does not fit the chip: sram 13.0 KB is 712 B over the 12.3 KB that there are
        ");
        let big = Footprint { st_ram_bytes: 16_001, ..linked([63_000, 10_000, 4_000]) };
        insta::assert_snapshot!(told(&limits(Accounting::St), &big), @r"
        meets false, links Some(true), deployable false
        - RAM 16.0 KB is 1 B over the limit of 16.0 KB (ST accounting)
        - ROM 794.1 KB is 734,136 B over the limit of 60.0 KB (ST accounting)
        ");
    }

    #[test]
    fn cross_accuracy_and_macc_have_limits_too() {
        let only = Limits { cross_accuracy: Some(0.95), macc: Some(500_000), ..Limits::default() };
        let footprint = |share| Footprint { cross_accuracy: Some(share), ..linked([1, 1, 1]) };
        insta::assert_snapshot!(told(&only, &footprint(0.949_999)), @r"
        meets false, links Some(true), deployable false
        - MACC 874,970 is 374,970 over the limit of 500,000
        - X-CROSS accuracy 94.99 % is below the limit of 95.00 %
        ");
        insta::assert_snapshot!(told(&only, &footprint(0.95)), @r"
        meets false, links Some(true), deployable false
        - MACC 874,970 is 374,970 over the limit of 500,000
        ");
    }

    #[test]
    fn a_figure_at_its_limit_meets_it_and_one_beyond_does_not() {
        let fp = linked([60_000, 12_000, 4_000]);
        assert!(limits(Accounting::Elf).judge(&fp).deployable());
        for (rom, ram, cross_accuracy, macc) in
            [(1, 0, 0.95, 0), (0, 1, 0.95, 0), (0, 0, 0.94, 0), (0, 0, 0.95, 1)]
        {
            let beyond = Footprint {
                flash_bytes: Some(60_000 + rom),
                ram_bytes: Some(16_000 + ram),
                cross_accuracy: Some(cross_accuracy),
                macc: 900_000 + macc,
                ..fp.clone()
            };
            let limits = Limits { macc: Some(900_000), ..limits(Accounting::Elf) };
            let verdict = limits.judge(&beyond);
            assert!(!verdict.meets_limits && verdict.reasons.len() == 1, "{verdict:?}");
        }
    }

    #[test]
    fn what_no_emulator_can_hold_is_unchecked() {
        let huge =
            Footprint { instructions: None, emulated_inputs: Some(0), ..linked([70_000, 1, 1]) };
        insta::assert_snapshot!(told(&Limits::default(), &huge), @r"
        meets true, links Some(false), deployable false
        - does not fit the chip: flash 70.0 KB is 4,464 B over the 65.5 KB that there are
        ? instructions and stack of an inference: the program is larger than the memory of the emulated machine
        ");
    }

    #[test]
    fn without_limits_only_the_chip_speaks() {
        insta::assert_snapshot!(told(&Limits::default(), &linked([70_000, 1, 5_000])), @r"
        meets true, links Some(false), deployable false
        - does not fit the chip: flash 70.0 KB is 4,464 B over the 65.5 KB that there are
        - does not fit the chip: ccm 5.0 KB is 904 B over the 4.1 KB that there are
        ");
        assert!(Limits::default().judge(&baseline()).deployable());
    }
}
