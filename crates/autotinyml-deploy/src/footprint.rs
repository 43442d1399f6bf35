//! Measured numbers. What they are held against is in [`limits`](crate::limits).

use serde::{Deserialize, Serialize};

use crate::board::RegionKind;

/// What a network takes on a chip. `None` means: was not measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// Trained numbers of the network.
    pub parameters: usize,
    /// Multiply-accumulates of an inference as ST's tool counts them; see [`crate::st`].
    pub macc: u64,
    /// RAM as ST's tool counts it: activations and scratch.
    pub st_ram_bytes: usize,
    /// ROM as ST's tool counts it: weights.
    pub st_rom_bytes: usize,
    /// Flash that the linked program takes: code, constants and the initial values of variables.
    pub flash_bytes: Option<usize>,
    /// RAM that the linked program takes: activations, variables, stack, input and output buffers.
    pub ram_bytes: Option<usize>,
    /// Of that: what lies between the layers.
    pub arena_bytes: Option<usize>,
    /// Of that: the caller's input and output.
    pub buffers_bytes: Option<usize>,
    /// Of that: the deepest stack seen while running.
    pub stack_bytes: Option<usize>,
    /// Instructions of one inference on the emulated core, the mean over the inputs that it ran: exact, but
    /// not a latency.
    pub instructions: Option<u64>,
    /// The most that an inference takes, if layers pass over inputs that are zero. `None`: none does, so
    /// that all take as many, but for a few in activations.
    pub instructions_max: Option<u64>,
    /// Inputs that the emulator ran. 0: the program is larger than the emulated machine's memory.
    pub emulated_inputs: Option<usize>,
    /// Share of inputs (0 to 1) on which the C program chooses the same class as the network.
    pub cross_accuracy: Option<f64>,
    /// Root mean square difference between the C program's outputs and the network's.
    pub rmse: Option<f64>,
    /// Mean absolute difference between the outputs.
    pub mae: Option<f64>,
    /// Euclidean norm of the difference relative to that of the network's outputs.
    pub l2r: Option<f64>,
    /// What the program takes of each memory region of its board; empty if it was not linked.
    pub regions: Vec<RegionUse>,
}

/// What a program takes of one memory region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionUse {
    /// Name of the region, as in the board's file.
    pub name: String,
    /// What it is good for.
    pub kind: RegionKind,
    /// Bytes that the program needs of it; more than `length_bytes` if it does not fit.
    pub used_bytes: usize,
    /// Bytes that there are.
    pub length_bytes: usize,
}

impl RegionUse {
    /// Bytes that the region is short of.
    pub fn over_bytes(&self) -> usize {
        self.used_bytes.saturating_sub(self.length_bytes)
    }
}

impl Footprint {
    /// Whether the program fits the board's memory regions. `None`: it was not linked.
    pub fn links_on_chip(&self) -> Option<bool> {
        let fits = self.regions.iter().all(|region| region.over_bytes() == 0);
        (!self.regions.is_empty()).then_some(fits)
    }
}
