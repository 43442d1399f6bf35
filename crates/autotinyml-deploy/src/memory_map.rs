//! What lies where in memory while a network runs, for people to look at.

use std::ops::Range;

use autotinyml_nn::{Network, Source};

use crate::board::Board;
use crate::error::DeployError;
use crate::lower::{Kernel, lower};
use crate::placement::{Buffers, Placement, Regions};
use crate::plan::Plan;

/// The values of one inference, over the kernels that compute it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryMap {
    /// Names of the kernels, in the order in which they run.
    pub kernels: Vec<String>,
    /// Kernels that run together: one, or several by turns. Each kernel is in one of them.
    pub cascades: Vec<Range<usize>>,
    /// The caller's input, the pieces of the arena (none, one or two), and the caller's output.
    pub areas: Vec<Area>,
}

/// Memory of which all is in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Whose it is, or what it is for.
    pub name: String,
    /// Name of the board's region.
    pub region: String,
    /// Its size.
    pub bytes: usize,
    /// What lies in it, in the order in which it is written.
    pub held: Vec<Held>,
}

/// Values, and the bytes that they have to themselves for as long as they are needed, but for those
/// that what takes their place is already written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What they are: the kernel that writes them, and how many of them there are at a time.
    pub name: String,
    /// From the beginning of the area.
    pub bytes: Range<usize>,
    /// While these kernels run.
    pub kernels: Range<usize>,
}

impl MemoryMap {
    /// Of this network on this board.
    ///
    /// # Errors
    /// Lowering or planning fails its own check: a defect of this crate.
    pub fn of(network: &Network, board: &Board) -> Result<Self, DeployError> {
        let kernels = lower(network)?;
        let buffers = Buffers::of(network);
        let Placement { plan, regions } = Placement::of(&kernels, buffers, board)?;
        let Regions { arena, input, output } = regions;
        let cascades = plan.cascades();
        let first = cascades.last().map_or(0, |cascade| cascade.start);
        let mut areas =
            vec![all_of("input", input, buffers.input, 0..input_needed(&kernels, &cascades))];
        areas.extend(pieces(&plan, &kernels, arena));
        areas.push(all_of("output", output, buffers.output, first..kernels.len()));
        let kernels = kernels.into_iter().map(|kernel| kernel.name).collect();
        Ok(Self { kernels, cascades, areas })
    }
}

/// An area of one thing.
fn all_of(name: &str, region: String, bytes: usize, kernels: Range<usize>) -> Area {
    let held = vec![Held { name: name.to_owned(), bytes: 0..bytes, kernels }];
    Area { name: name.to_owned(), region, bytes, held }
}

/// Kernels up to the last of the cascade that reads the network's input last.
fn input_needed(kernels: &[Kernel], cascades: &[Range<usize>]) -> usize {
    let reads = |kernel: &Kernel| kernel.inputs.contains(&Source::Input);
    let last = kernels.iter().rposition(reads).unwrap_or(0);
    cascades.iter().find(|cascade| cascade.contains(&last)).map_or(0, |cascade| cascade.end)
}

fn pieces(plan: &Plan, kernels: &[Kernel], regions: Vec<String>) -> Vec<Area> {
    let lives = plan.lives(kernels);
    let border = plan.border_bytes.unwrap_or(usize::MAX);
    let piece = |(index, (bytes, region)): (usize, (usize, String))| {
        let start = if index == 0 { 0 } else { border };
        let held = plan.buffers.iter().zip(&lives);
        let held = held.filter(|(buffer, _)| (buffer.offset_bytes >= border) == (index == 1));
        let held = held.map(|(buffer, kernels)| {
            let offset = buffer.offset_bytes - start;
            let bytes = offset..offset + buffer.length_bytes;
            Held { name: buffer.to_string(), bytes, kernels: kernels.clone() }
        });
        let name = if index == 0 { "arena" } else { "arena, second piece" };
        Area { name: name.to_owned(), region, bytes, held: held.collect() }
    };
    let pieces = plan.pieces().into_iter().zip(regions).filter(|(bytes, _)| *bytes > 0);
    pieces.enumerate().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Layer, Padding, Shape};

    use super::*;

    fn map(input: usize, units: &[usize], board: &str) -> MemoryMap {
        let layers: Vec<Layer> = units.iter().map(|&units| Layer::Dense { units }).collect();
        let network = Network::chain(Shape::vector(input), &layers).unwrap();
        MemoryMap::of(&network, Board::named(board).unwrap()).unwrap()
    }

    fn print(map: &MemoryMap) -> String {
        let held =
            |held: &Held| format!("  {} at {:?} in {:?}\n", held.name, held.bytes, held.kernels);
        let area = |area: &Area| {
            let held: String = area.held.iter().map(held).collect();
            format!("{} in {}: {} bytes\n{held}", area.name, area.region, area.bytes)
        };
        map.areas.iter().map(area).collect()
    }

    #[test]
    fn a_chain_hands_on_from_buffer_to_buffer() {
        let map = map(20, &[10, 30, 5], "stm32f303k8");
        assert_eq!(map.kernels, ["dense_1", "dense_2", "dense_3"]);
        assert_eq!(map.cascades, [0..1, 1..2, 2..3]);
        insta::assert_snapshot!(print(&map), @r"
        input in sram: 80 bytes
          input at 0..80 in 0..1
        arena in sram: 160 bytes
          dense_1 at 120..160 in 0..2
          dense_2 at 0..120 in 1..3
        output in sram: 20 bytes
          output at 0..20 in 2..3
        ");
    }

    #[test]
    fn an_arena_in_two_pieces_is_two_areas() {
        let map = map(100, &[2600, 400, 4], "stm32f303k8");
        insta::assert_snapshot!(print(&map), @r"
        input in sram: 400 bytes
          input at 0..400 in 0..1
        arena in sram: 10400 bytes
          dense_1 at 0..10400 in 0..2
        arena, second piece in ccm: 1600 bytes
          dense_2 at 0..1600 in 1..3
        output in sram: 16 bytes
          output at 0..16 in 2..3
        ");
    }

    #[test]
    fn kernels_by_turns_hold_their_maps_together() {
        // Experiment 1's baseline with fewer filters and units.
        let (padding, dense) = (Padding::Valid, Layer::Dense { units: 8 });
        let conv =
            Layer::Conv2d { filters: 8, kernel: [2; 2], stride: [1; 2], dilation: [1; 2], padding };
        let pool = Layer::MaxPool2d { window: [2; 2], stride: [2; 2] };
        let layers = [conv, pool, Layer::Flatten, dense, dense, Layer::Dense { units: 3 }];
        let network = Network::chain(Shape::new(90, 3, 1), &layers).unwrap();
        let map = MemoryMap::of(&network, Board::named("stm32l476rg").unwrap()).unwrap();
        assert_eq!(map.cascades, [0..2, 2..3, 3..4]);
        insta::assert_snapshot!(print(&map), @r"
        input in sram1: 1080 bytes
          input at 0..1080 in 0..2
        arena in sram1: 288 bytes
          conv2d, 8 pixels at a time at 0..256 in 0..2
          dense_1 at 256..288 in 0..3
          dense_2 at 0..32 in 2..4
        output in sram1: 12 bytes
          output at 0..12 in 3..4
        ");
    }

    #[test]
    fn a_single_kernel_has_no_arena() {
        let map = map(4, &[2], "stm32f303k8");
        insta::assert_snapshot!(print(&map), @r"
        input in sram: 16 bytes
          input at 0..16 in 0..1
        output in sram: 8 bytes
          output at 0..8 in 0..1
        ");
    }
}
