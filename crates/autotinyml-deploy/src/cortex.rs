//! The cores that a board may have: what a compiler has to know of each, and the emulated machine
//! that runs its programs.

use serde::{Deserialize, Serialize};

/// Arm Cortex-M core with its floating-point unit, as far as a compiler has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Core {
    /// Cortex-M0 (Armv6-M): floats are the library's work.
    CortexM0,
    /// Cortex-M0+ (Armv6-M): floats are the library's work.
    CortexM0plus,
    /// Cortex-M3 (Armv7-M): floats are the library's work.
    CortexM3,
    /// Cortex-M4 with the single-precision unit FPv4-SP.
    CortexM4f,
    /// Cortex-M7 with the single-precision unit FPv5-SP.
    CortexM7f,
    /// Cortex-M7 with the single- and double-precision unit FPv5.
    CortexM7fDp,
    /// Cortex-M33 with the single-precision unit FPv5-SP.
    CortexM33f,
}

impl Core {
    /// From the smallest to the largest.
    pub const ALL: [Self; 7] = [
        Self::CortexM0,
        Self::CortexM0plus,
        Self::CortexM3,
        Self::CortexM4f,
        Self::CortexM7f,
        Self::CortexM7fDp,
        Self::CortexM33f,
    ];

    /// Name as in a board file.
    pub fn name(self) -> &'static str {
        match self {
            Self::CortexM0 => "cortex-m0",
            Self::CortexM0plus => "cortex-m0plus",
            Self::CortexM3 => "cortex-m3",
            Self::CortexM4f => "cortex-m4f",
            Self::CortexM7f => "cortex-m7f",
            Self::CortexM7fDp => "cortex-m7f-dp",
            Self::CortexM33f => "cortex-m33f",
        }
    }

    /// GCC's options that select the core and its floating-point unit.
    pub fn compiler_flags(self) -> &'static [&'static str] {
        match self {
            Self::CortexM0 => &["-mcpu=cortex-m0", "-mthumb", "-mfloat-abi=soft"],
            Self::CortexM0plus => &["-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft"],
            Self::CortexM3 => &["-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"],
            Self::CortexM4f => {
                &["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
            }
            Self::CortexM7f => {
                &["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"]
            }
            Self::CortexM7fDp => {
                &["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"]
            }
            Self::CortexM33f => {
                &["-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"]
            }
        }
    }

    /// Whether floats are computed by the core, not by the C library.
    pub fn has_float_unit(self) -> bool {
        match self {
            Self::CortexM0 | Self::CortexM0plus | Self::CortexM3 => false,
            Self::CortexM4f | Self::CortexM7f | Self::CortexM7fDp | Self::CortexM33f => true,
        }
    }

    /// The machine that runs its programs. QEMU has no Cortex-M0+, and a Cortex-M0 with 16 KiB of
    /// RAM only: Armv6-M is a part of Armv7-M, so a Cortex-M3 stands in for both, told to fault on
    /// unaligned addresses as they do.
    pub fn machine(self) -> Machine {
        match self {
            Self::CortexM0 | Self::CortexM0plus | Self::CortexM3 => {
                Machine { name: "mps2-an385", ..AN386 }
            }
            Self::CortexM4f => AN386,
            Self::CortexM7f | Self::CortexM7fDp => {
                Machine { name: "mps2-an500", weights: 0x6000_0000, ..AN386 }
            }
            // The memory as its secure side sees it, on which the processor starts.
            Self::CortexM33f => Machine {
                name: "mps2-an505",
                code: 0x1000_0000,
                ram: 0x3800_0000,
                weights: 0x8000_0000,
                nanoseconds_per_tick: 50,
            },
        }
    }
}

/// One of Arm's MPS2 boards under QEMU, chosen because they have far more memory than a chip: 4 MiB
/// each for code and RAM, 16 MiB for weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// As QEMU calls it.
    pub name: &'static str,
    /// Address of the memory that holds code.
    pub code: u32,
    /// Address of the memory that holds variables, arena and stack.
    pub ram: u32,
    /// Address of the memory that holds weights.
    pub weights: u32,
    /// Period of its clock, which is SysTick's.
    pub nanoseconds_per_tick: u64,
}

const AN386: Machine = Machine {
    name: "mps2-an386",
    code: 0,
    ram: 0x2000_0000,
    weights: 0x2100_0000,
    nanoseconds_per_tick: 40,
};

impl Machine {
    /// Options of QEMU for every program.
    pub fn flags(self) -> [&'static str; 12] {
        [
            "-machine",
            self.name,
            "-display",
            "none",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-icount",
            "shift=4",
            "-semihosting-config",
            "enable=on,target=native",
        ]
    }
}
