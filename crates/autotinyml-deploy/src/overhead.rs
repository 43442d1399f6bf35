//! What a program takes beside its weights and its arena: the code of its kernels, the C library,
//! the caller's buffers, the example input and the names of classes. It does not depend on how large
//! the layers are, so one linked program tells it for all that are made of the same kernels for the
//! same data, and a search can leave out what cannot fit without compiling each.
//!
//! It is a bound, not a verdict: another compiler than those that were tried may save or spend a few bytes
//! on a number, for which [`SLACK_BYTES`] allow. What is near the limit is for the linker to decide.

use autotinyml_nn::{Activation, Network};

use crate::board::{Board, Region, RegionKind};
use crate::c_function::c_function;
use crate::compression::{Compression, IndexBits};
use crate::cortex::Core;
use crate::emit::{STACK_BYTES, weights_flash_bytes};
use crate::error::DeployError;
use crate::fold::fold_network;
use crate::footprint::{Footprint, RegionUse};
use crate::lower::lower;
use crate::placement::{Buffers, Placement};
use crate::plan::Extent;
use crate::sharing::shared_kernels;

/// By how much two programs made of the same kernels may differ beside weights and arena. With GCC 12.2
/// none do: see `tests/firmware/prediction.rs`.
pub const SLACK_BYTES: usize = 64;

/// More than the code of all kernels together, the C library's included: 12.4 KB on cores with a
/// floating-point unit; without one 15.9 KB on a Cortex-M3 and 18.5 KB on a Cortex-M0+, as the test
/// shows.
pub fn code_bytes_max(core: Core) -> usize {
    if core.has_float_unit() { 16 * 1024 } else { 24 * 1024 }
}

/// For the names of the classes and what standardises inputs, both in flash.
const NAMES_BYTES_MAX: usize = 4 * 1024;

/// No program is known to take more than this of the RAM region of its arena, beside the arena, the
/// caller's buffers, and the stack if that is there.
const VARIABLES_BYTES_MAX: usize = 2 * 1024;

/// What arithmetic tells of a network's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The same for programs made of the same kernels, activations and storage.
    pub kind: String,
    /// Weights, biases and codebooks, in flash.
    pub weights_bytes: usize,
    /// What lies between the layers, and where in RAM that and the caller's buffers are.
    pub placement: Placement,
    /// The caller's input and output, in RAM. Flash holds as much again: the example input, and an
    /// address for the name of each output.
    pub buffers: Buffers,
}

impl Program {
    /// Of a network on a board. Takes microseconds, or a millisecond for a dozen layers.
    ///
    /// # Errors
    /// Lowering or planning fails its own check: a defect of this crate.
    pub fn of(
        network: &Network,
        compression: Compression,
        board: &Board,
    ) -> Result<Self, DeployError> {
        let network = &*fold_network(network);
        let kernels = lower(network)?;
        let buffers = Buffers::of(network);
        let placement = Placement::of(&kernels, buffers, board)?;
        let shared = shared_kernels(network, compression);
        let (mut kind, mut weights_bytes) = (String::new(), 0);
        for (k, kernel) in kernels.iter().enumerate() {
            let shared = shared.iter().find(|shared| kernel.weights == Some(shared.node));
            let bits = shared.map(|shared| shared.bits);
            weights_bytes += weights_flash_bytes(kernel, bits);
            kind += c_function(kernel, bits);
            kind += match bits {
                None => "",
                Some(IndexBits::Four) => " of 4 bits",
                Some(IndexBits::Eight) => " of 8 bits",
            };
            if placement.plan.buffers.get(k).is_some_and(|buffer| buffer.extent != Extent::Whole) {
                kind += " in parts";
            }
            if let Some(activation) = kernel.activation {
                kind += " ";
                kind += activation.name();
                if let Activation::LeakyRelu { negative_slope } = activation {
                    kind += &format!(" {negative_slope}");
                }
            }
            kind += "; ";
        }
        Ok(Self { kind, weights_bytes, placement, buffers })
    }

    /// Arena, input and output.
    fn ram_bytes(&self) -> usize {
        let arena: usize = self.placement.plan.pieces().iter().sum();
        arena + self.buffers.input + self.buffers.output
    }

    /// Whether weights or arena leave so little of the chip that the rest may not fit. Otherwise it
    /// links for sure.
    pub fn near_a_limit(&self, board: &Board) -> bool {
        let [flash, ram] = [RegionKind::Flash, RegionKind::Ram].map(|kind| board.largest(kind));
        let stored = self.weights_bytes + self.buffers.input + self.buffers.output;
        let is_near = |region: &Region| {
            let stack = if region.name == board.stack { STACK_BYTES } else { 0 };
            let others = if region.name == ram.name { VARIABLES_BYTES_MAX } else { 0 };
            let placed = self.placement.bytes_in(&region.name, self.buffers);
            placed + others + stack > region.length_bytes
        };
        stored + code_bytes_max(board.core) + NAMES_BYTES_MAX > flash.length_bytes
            || board.ram().any(is_near)
    }
}

/// What all programs of one kind for the same data take beside weights and arena.
#[derive(Clone, Debug, PartialEq)]
pub struct Overhead {
    /// Without weights, arena, input and output.
    regions: Vec<RegionUse>,
    /// Without arena, input and output.
    ram_bytes: usize,
}

impl Overhead {
    /// Read off a `program` of the kind and its footprint, once [linked](crate::link).
    pub fn of(program: &Program, linked: &Footprint, board: &Board) -> Self {
        let mut regions = linked.regions.clone();
        for region in &mut regions {
            region.used_bytes = region.used_bytes.saturating_sub(share(program, region, board));
        }
        let ram_bytes = linked.ram_bytes.unwrap_or(0).saturating_sub(program.ram_bytes());
        Self { regions, ram_bytes }
    }

    /// Puts into a footprint the least that a program of this kind takes of its chip.
    pub fn at_least(&self, program: &Program, board: &Board, footprint: &mut Footprint) {
        self.fill(program, board, -(SLACK_BYTES as isize), footprint);
    }

    /// Puts into a footprint the most that a program of this kind takes of its chip.
    pub fn at_most(&self, program: &Program, board: &Board, footprint: &mut Footprint) {
        self.fill(program, board, SLACK_BYTES as isize, footprint);
    }

    /// Puts into a footprint what a program of this kind takes of its chip, to within
    /// [`SLACK_BYTES`].
    pub fn estimate(&self, program: &Program, board: &Board, footprint: &mut Footprint) {
        self.fill(program, board, 0, footprint);
    }

    fn fill(&self, program: &Program, board: &Board, slack: isize, footprint: &mut Footprint) {
        let used = |region: &RegionUse| {
            let used = region.used_bytes + share(program, region, board);
            let slack = if region.used_bytes == 0 { 0 } else { slack };
            RegionUse { used_bytes: used.saturating_add_signed(slack), ..region.clone() }
        };
        footprint.regions = self.regions.iter().map(used).collect();
        let flash = footprint.regions.iter().filter(|region| region.kind == RegionKind::Flash);
        footprint.flash_bytes = Some(flash.map(|region| region.used_bytes).sum());
        footprint.ram_bytes =
            Some((self.ram_bytes + program.ram_bytes()).saturating_add_signed(slack));
    }
}

/// How much of a region the weights take, or the arena, the input and the output.
fn share(program: &Program, region: &RegionUse, board: &Board) -> usize {
    match region.kind {
        RegionKind::Flash if region.name != board.largest(region.kind).name => 0,
        RegionKind::Flash => program.weights_bytes,
        RegionKind::Ram => program.placement.bytes_in(&region.name, program.buffers),
    }
}
