//! Which RAM region of a board holds what of a program: the arena, the caller's input and output, and
//! all other variables. The stack is where the board's description puts it.
//!
//! Everything is in the largest region as long as that has room for it. Else as little as possible goes
//! elsewhere: of all ways to give arena, input and output a region each, the first that fits, those with
//! less elsewhere first. If there is none, as the arena is larger than what any region has left, it
//! comes in [two pieces](crate::plan). If that does not fit either, everything stays in the largest
//! region, and the linker says by how much it overflows.

use autotinyml_nn::Network;

use crate::board::{Board, Region, RegionKind};
use crate::emit::STACK_BYTES;
use crate::lower::Kernel;
use crate::plan::{Plan, PlanError, plan, plan_in_pieces};

/// Room that is left in the largest region for the variables of the C library and of the program around.
const OTHERS_BYTES: usize = 512;

/// Sections of the linker script begin at a multiple of it.
const ALIGNMENT: usize = 8;

/// Where a program's memory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The arena.
    pub plan: Plan,
    /// Names of the regions of its pieces, of the input and of the output.
    pub regions: Regions,
}

/// Names of RAM regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regions {
    /// Of each piece of the arena.
    pub arena: Vec<String>,
    /// Of the caller's input.
    pub input: String,
    /// Of the caller's output.
    pub output: String,
}

/// Bytes of what is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// The caller's input.
    pub input: usize,
    /// The caller's output.
    pub output: usize,
}

impl Buffers {
    /// Those of a network.
    pub fn of(network: &Network) -> Self {
        let [input, output] = [network.input, network.output()].map(|shape| shape.len());
        Self { input: input * size_of::<f32>(), output: output * size_of::<f32>() }
    }
}

impl Placement {
    /// Plans the arena of these kernels, and places it and the caller's `buffers` in the board's RAM.
    ///
    /// # Errors
    /// The plan fails its own check: a defect.
    pub fn of(kernels: &[Kernel], buffers: Buffers, board: &Board) -> Result<Self, PlanError> {
        let whole = plan(kernels)?;
        let all = Ram::of(board);
        let choices = all.choices();
        let fits = |choice: &&[usize; 3]| {
            let [arena, input, output] = **choice;
            let mut ram = all.clone();
            ram.take(arena, whole.arena_bytes);
            ram.take(input, buffers.input);
            ram.take(output, buffers.output);
            ram.fits()
        };
        if let Some(&[arena, input, output]) = choices.iter().find(fits) {
            return Ok(all.placement(whole, &[arena], input, output));
        }
        for [first, input, output] in choices {
            let mut ram = all.clone();
            ram.take(input, buffers.input);
            ram.take(output, buffers.output);
            let room = ram.regions[first].1 / ALIGNMENT as isize * ALIGNMENT as isize;
            for second in (0..all.regions.len()).filter(|&second| second != first) {
                if room <= 0 || !ram.fits() {
                    continue;
                }
                let left = ram.regions[second].1 as usize;
                if let Some(pieces) = plan_in_pieces(kernels, [room as usize, left])? {
                    return Ok(all.placement(pieces, &[first, second], input, output));
                }
            }
        }
        Ok(all.placement(whole, &[0], 0, 0))
    }

    /// How much of a region arena, input and output take.
    pub fn bytes_in(&self, region: &str, buffers: Buffers) -> usize {
        let Regions { arena, input, output } = &self.regions;
        let pieces = self.plan.pieces().into_iter().zip(arena);
        let all = pieces.chain([(buffers.input, input), (buffers.output, output)]);
        all.filter(|(_, name)| *name == region).map(|(bytes, _)| bytes).sum()
    }
}

/// The RAM regions of a board, the largest first, and how much of each is left.
#[derive(Clone)]
struct Ram<'b> {
    regions: Vec<(&'b Region, isize)>,
}

impl<'b> Ram<'b> {
    fn of(board: &'b Board) -> Self {
        let largest = board.largest(RegionKind::Ram);
        let others = board.ram().filter(|region| region.name != largest.name);
        let left = |region: &'b Region| {
            let is_stack = region.name == board.stack;
            let is_largest = region.name == largest.name;
            let taken =
                usize::from(is_stack) * STACK_BYTES + usize::from(is_largest) * OTHERS_BYTES;
            (region, region.length_bytes as isize - taken as isize)
        };
        Self { regions: [largest].into_iter().chain(others).map(left).collect() }
    }

    fn take(&mut self, region: usize, bytes: usize) {
        self.regions[region].1 -= bytes.next_multiple_of(ALIGNMENT) as isize;
    }

    fn fits(&self) -> bool {
        self.regions.iter().all(|(_, left)| *left >= 0)
    }

    /// Regions of arena, input and output: those with less outside the largest first.
    fn choices(&self) -> Vec<[usize; 3]> {
        let count = self.regions.len();
        let mut choices: Vec<[usize; 3]> = (0..count * count * count)
            .map(|choice| [choice % count, choice / count % count, choice / (count * count)])
            .collect();
        choices.sort_by_key(|choice| choice.iter().filter(|&&region| region > 0).count());
        choices
    }

    fn placement(&self, plan: Plan, arena: &[usize], input: usize, output: usize) -> Placement {
        let name = |&region: &usize| self.regions[region].0.name.clone();
        let pieces = plan.pieces().len();
        let arena = arena.iter().take(pieces).map(name).collect();
        let regions = Regions { arena, input: name(&input), output: name(&output) };
        Placement { plan, regions }
    }
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Layer, Shape};

    use super::*;
    use crate::lower::lower;

    /// Where dense layers of these sizes have what, and what that takes of each region. The outputs of two
    /// that follow each other are in the arena at the same time.
    fn placed(input: usize, units: [usize; 2], board: &str) -> String {
        let layers = [units[0], units[1], 4].map(|units| Layer::Dense { units });
        let network = Network::chain(Shape::vector(input), &layers).unwrap();
        let board = Board::named(board).unwrap();
        let buffers = Buffers::of(&network);
        let placement = Placement::of(&lower(&network).unwrap(), buffers, board).unwrap();
        let pieces: Vec<String> = placement.plan.pieces().iter().map(usize::to_string).collect();
        let taken = |region: &Region| {
            format!("{} of {}", placement.bytes_in(&region.name, buffers), region.name)
        };
        let taken: Vec<String> = board.ram().map(taken).collect();
        let Regions { arena, input, output } = placement.regions;
        format!(
            "arena: {} in {}, input: {input}, output: {output}; {}",
            pieces.join(" and "),
            arena.join(" and "),
            taken.join(", ")
        )
    }

    #[test]
    fn what_has_no_room_together_goes_apart() {
        let tiny = |input, units| placed(input, units, "stm32f303k8");
        insta::assert_snapshot!(tiny(100, [1000, 1000]), @r"arena: 8000 in sram, input: sram, output: sram; 8416 of sram, 0 of ccm");
        // 12,416 bytes together; the stack leaves 2,048 of the ccm.
        insta::assert_snapshot!(tiny(500, [1300, 1300]), @r"arena: 10400 in sram, input: ccm, output: sram; 10416 of sram, 2000 of ccm");
        // 12,000 in the arena alone.
        insta::assert_snapshot!(tiny(100, [2600, 400]), @r"arena: 10400 and 1600 in sram and ccm, input: sram, output: sram; 10816 of sram, 1600 of ccm");
        // 2,400 find no room beside 11,600.
        insta::assert_snapshot!(tiny(100, [2900, 600]), @r"arena: 14000 in sram, input: sram, output: sram; 14416 of sram, 0 of ccm");
    }

    #[test]
    fn a_single_region_holds_everything() {
        insta::assert_snapshot!(placed(100, [90_000, 10], "stm32f401re"), @r"arena: 360040 in sram, input: sram, output: sram; 360456 of sram");
    }
}
