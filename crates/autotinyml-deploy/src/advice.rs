//! What to do about a network that does not fit: what takes most of that of which there is too little,
//! and the nearest change with which it would fit.

use std::fmt;

use autotinyml_nn::{Layer, Network, Source};

use crate::board::Board;
use crate::check::static_footprint;
use crate::compression::Compression;
use crate::error::DeployError;
use crate::footprint::Footprint;
use crate::limits::{Accounting, Limits, Resource, Shortage, grouped};
use crate::lower::lower;
use crate::overhead::{Overhead, Program};
use crate::placement::Buffers;
use crate::plan::plan;
use crate::st::{layer_costs, ram_peak};

/// Tells of networks like one that was measured whether they fit: by arithmetic, with the code of the
/// measured one.
#[derive(Clone, Debug)]
pub struct Estimate<'a> {
    /// What they are held against.
    pub limits: Limits,
    /// How their weights are stored.
    pub compression: Compression,
    /// The chip, and what the measured program takes of it beside weights and arena.
    linked: Option<(&'a Board, Overhead)>,
}

impl<'a> Estimate<'a> {
    /// From a network and its footprint; without a board, or if it was not linked, by arithmetic alone.
    ///
    /// # Errors
    /// As [`Program::of`].
    pub fn like(
        network: &Network,
        footprint: &Footprint,
        limits: &Limits,
        compression: Compression,
        board: Option<&'a Board>,
    ) -> Result<Self, DeployError> {
        let linked = match board {
            Some(board) if !footprint.regions.is_empty() => {
                let program = Program::of(network, compression, board)?;
                Some((board, Overhead::of(&program, footprint, board)))
            }
            _ => None,
        };
        Ok(Self { limits: *limits, compression, linked })
    }

    /// The most that a network takes. `None`: its program cannot be planned.
    pub fn footprint(&self, network: &Network) -> Option<Footprint> {
        let mut footprint = static_footprint(network, self.compression);
        if let Some((board, overhead)) = &self.linked {
            let program = Program::of(network, self.compression, board).ok()?;
            overhead.at_most(&program, board, &mut footprint);
        }
        Some(footprint)
    }

    /// Whether a network is within the limits and fits the chip.
    pub fn fits(&self, network: &Network) -> bool {
        let footprint = self.footprint(network);
        footprint.is_some_and(|footprint| self.limits.judge(&footprint).deployable())
    }

    /// What is saved by `smaller` of what a network is short of, such as "11,264 B of ROM".
    pub fn savings(&self, shortages: &[Shortage], from: &Network, smaller: &Network) -> String {
        let [Some(from), Some(smaller)] = [from, smaller].map(|network| self.footprint(network))
        else {
            return String::new();
        };
        let saved = |shortage: &Shortage| {
            let [from, smaller] =
                [&from, &smaller].map(|footprint| self.amount(shortage, footprint));
            let saved = from.saturating_sub(smaller);
            (saved > 0).then(|| match shortage.resource {
                Resource::Macc => format!("{} MACC", grouped(saved)),
                memory => format!("{} B of {memory}", grouped(saved)),
            })
        };
        shortages.iter().filter_map(saved).collect::<Vec<_>>().join(" and ")
    }

    /// What a network takes of that of which there is too little, as it was counted there.
    fn amount(&self, shortage: &Shortage, footprint: &Footprint) -> u64 {
        let linked = shortage.linked || self.limits.accounting == Accounting::Elf;
        let bytes = match (shortage.resource, linked) {
            (Resource::Macc, _) => return footprint.macc,
            (Resource::Ram, false) => footprint.st_ram_bytes,
            (Resource::Rom, false) => footprint.st_rom_bytes,
            (Resource::Ram, true) => footprint.ram_bytes.unwrap_or(0),
            (Resource::Rom, true) => footprint.flash_bytes.unwrap_or(0),
        };
        bytes as u64
    }
}

/// For each shortage a sentence on what takes most of it.
///
/// # Errors
/// Lowering or planning fails its own check: a defect of this crate.
pub fn what_takes_most(
    network: &Network,
    compression: Compression,
    shortages: &[Shortage],
    footprint: &Footprint,
) -> Result<Vec<String>, DeployError> {
    let mut sentences = vec![];
    for Shortage { resource, linked, .. } in shortages {
        let (what, amount) = match resource {
            Resource::Macc => {
                largest(layer_costs(network, compression).map(|(name, cost)| (name, cost.macc)))
            }
            Resource::Rom => {
                let layers = layer_costs(network, compression);
                let layer = largest(layers.map(|(name, cost)| (name, cost.rom_bytes as u64)));
                let beside =
                    footprint.flash_bytes.map(|flash| (flash - footprint.st_rom_bytes) as u64);
                match beside.filter(|&beside| *linked && beside > layer.1) {
                    Some(beside) => ("what is beside the weights".to_string(), beside),
                    None => layer,
                }
            }
            Resource::Ram if *linked => {
                let arena_bytes = plan(&lower(network)?)?.arena_bytes;
                let Buffers { input, output } = Buffers::of(network);
                let stack_bytes = footprint.stack_bytes.unwrap_or(crate::emit::STACK_BYTES);
                largest([
                    ("what lies between the layers".to_string(), arena_bytes as u64),
                    ("the caller's input and output".to_string(), (input + output) as u64),
                    ("the stack".to_string(), stack_bytes as u64),
                ])
            }
            Resource::Ram => {
                let (layer, bytes) = ram_peak(network);
                (layer, bytes as u64)
            }
        };
        let unit = if *resource == Resource::Macc { "" } else { " B" };
        sentences.push(format!("{what} takes most of the {resource}, {}{unit}", grouped(amount)));
    }
    Ok(sentences)
}

/// The first of the largest.
fn largest(shares: impl IntoIterator<Item = (String, u64)>) -> (String, u64) {
    let keep_first = |a: (String, u64), b: (String, u64)| if b.1 > a.1 { b } else { a };
    shares.into_iter().reduce(keep_first).unwrap_or_default()
}

/// A layer with fewer filters or units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Name of the layer.
    pub layer: String,
    /// "filters" or "units".
    pub what: &'static str,
    /// As it is.
    pub from: usize,
    /// With which it would fit.
    pub to: usize,
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {} → {}", self.what, self.layer, self.from, self.to)
    }
}

/// So many sizes of a layer are tried at most.
const SIZES_MAX: usize = 512;

/// The nearest network that `fits`, with fewer filters or units: of one layer, that which keeps the
/// largest share of them; if that does not do, of all layers by the same factor. The layer that gives the
/// output stays as it is. `None`: no such network fits.
pub fn nearest_sizes(
    network: &Network,
    fits: &dyn Fn(&Network) -> bool,
) -> Option<(Vec<Resize>, Network)> {
    let output = network.nodes.iter().rposition(|node| node.layer.has_weights())?;
    let sizes: Vec<(usize, usize)> = (network.nodes.iter().enumerate())
        .filter(|(index, _)| *index != output)
        .filter_map(|(index, node)| Some((index, size(&node.layer)?.1)))
        .collect();
    let try_sizes = |sizes: &[(usize, usize)]| {
        resized(network, sizes).filter(fits).map(|smaller| (changes(network, sizes), smaller))
    };
    let of_one = |&(index, size): &(usize, usize)| {
        try_sizes(&[(index, 1)])?; // If that does not do, none does.
        let smaller = (1..size).rev().step_by(size.div_ceil(SIZES_MAX));
        let mut found = smaller.map(|smaller| (smaller, [(index, smaller)]));
        found.find_map(|(to, sizes)| Some((to as f64 / size as f64, try_sizes(&sizes)?)))
    };
    let nearest_of_one =
        sizes.iter().filter_map(of_one).reduce(|a, b| if b.0 > a.0 { b } else { a });
    nearest_of_one.map(|(_, found)| found).or_else(|| {
        let scaled = |step: usize| -> Vec<(usize, usize)> {
            let scale = |size: usize| (size * step / SIZES_MAX).max(1);
            sizes.iter().map(|&(index, size)| (index, scale(size))).collect()
        };
        try_sizes(&scaled(0))?;
        (0..SIZES_MAX).rev().find_map(|step| try_sizes(&scaled(step)))
    })
}

/// What a layer has so and so many of.
fn size(layer: &Layer) -> Option<(&'static str, usize)> {
    match *layer {
        Layer::Conv2d { filters, .. } => Some(("filters", filters)),
        Layer::Dense { units } => Some(("units", units)),
        _ => None,
    }
}

/// The network with other sizes of some of its nodes. `None`: its layers do not go together then.
fn resized(network: &Network, sizes: &[(usize, usize)]) -> Option<Network> {
    let mut layers: Vec<(Layer, Vec<Source>)> =
        network.nodes.iter().map(|node| (node.layer, node.inputs.clone())).collect();
    for &(index, to) in sizes {
        match &mut layers[index].0 {
            Layer::Conv2d { filters: size, .. } | Layer::Dense { units: size } => *size = to,
            _ => {}
        }
    }
    Network::graph(network.input, &layers).ok()
}

fn changes(network: &Network, sizes: &[(usize, usize)]) -> Vec<Resize> {
    let change = |&(index, to): &(usize, usize)| {
        let node = &network.nodes[index];
        let (what, from) = size(&node.layer)?;
        (from != to).then(|| Resize { layer: node.name.clone(), what, from, to })
    };
    sizes.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Activation, Padding, Shape};

    use super::*;
    use crate::board::RegionKind;
    use crate::footprint::RegionUse;
    use crate::st::account;

    /// Experiment 1's network with 6 classes.
    fn experiment_1(filters: usize, units: usize) -> Network {
        let conv = Layer::Conv2d {
            filters,
            kernel: [2, 2],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Valid,
        };
        let relu = Layer::Activation(Activation::Relu);
        let pool = Layer::MaxPool2d { window: [2, 2], stride: [2, 2] };
        let dense = Layer::Dense { units };
        let last = Layer::Dense { units: 6 };
        let layers = [conv, relu, pool, Layer::Flatten, dense, relu, dense, relu, last];
        Network::chain(Shape::new(90, 3, 1), &layers).unwrap()
    }

    fn limits(ram_bytes: usize, rom_bytes: usize) -> Limits {
        let (ram_bytes, rom_bytes) = (Some(ram_bytes), Some(rom_bytes));
        Limits { ram_bytes, rom_bytes, ..Limits::default() }
    }

    fn estimate(limits: Limits) -> Estimate<'static> {
        Estimate { limits, compression: Compression::X1, linked: None }
    }

    #[test]
    fn costs_of_layers_add_up() {
        let network = experiment_1(128, 128);
        for compression in [Compression::X1, Compression::X4, Compression::X8] {
            let whole = account(&network, compression);
            let costs: Vec<_> = layer_costs(&network, compression).map(|(_, cost)| cost).collect();
            assert_eq!(costs.iter().map(|cost| cost.rom_bytes).sum::<usize>(), whole.rom_bytes);
            assert_eq!(costs.iter().map(|cost| cost.macc).sum::<u64>(), whole.macc);
        }
    }

    #[test]
    fn what_takes_most_is_named() {
        let network = experiment_1(128, 128);
        let footprint = static_footprint(&network, Compression::X1);
        let told = |shortages: &[Shortage], footprint: &Footprint| {
            what_takes_most(&network, Compression::X1, shortages, footprint).unwrap().join("\n")
        };
        let limits = Limits { macc: Some(1), ..limits(1, 1) };
        // 5632 × 128 + 128 floats; 44 × 128 floats and two rows under a pooling window; products.
        insta::assert_snapshot!(told(&limits.shortages(&footprint), &footprint), @r"
        conv2d takes most of the RAM, 24,576 B
        dense_1 takes most of the ROM, 2,884,096 B
        dense_1 takes most of the MACC, 720,896
        ");
        let region = RegionUse {
            name: "sram".into(),
            kind: RegionKind::Ram,
            used_bytes: 4_000,
            length_bytes: 3_000,
        };
        let linked = Footprint { regions: vec![region], ..footprint };
        let shortages = Limits::default().shortages(&linked);
        assert_eq!(shortages, [Shortage { resource: Resource::Ram, over: 1_000, linked: true }]);
        insta::assert_snapshot!(told(&shortages, &linked), @"the stack takes most of the RAM, 2,048 B");
    }

    /// The layer that keeps most of its size, and not one unit less than must go.
    #[test]
    fn the_nearest_size_fits_and_one_more_does_not() {
        let network = experiment_1(128, 128);
        for rom_bytes in [100_000, 1_000_000, 2_900_000] {
            let estimate = estimate(limits(usize::MAX, rom_bytes));
            let (changes, smaller) = nearest_sizes(&network, &|n| estimate.fits(n)).unwrap();
            assert!(account(&smaller, Compression::X1).rom_bytes <= rom_bytes);
            let [Resize { what, from: 128, to, .. }] = &changes[..] else { panic!("{changes:?}") };
            let bytes = |filters, units| {
                let mut network = experiment_1(filters, 128);
                let dense = network.nodes.iter().position(|node| node.name == "dense_1").unwrap();
                network = resized(&network, &[(dense, units)]).unwrap();
                account(&network, Compression::X1).rom_bytes
            };
            let one_more = if *what == "filters" { bytes(to + 1, 128) } else { bytes(128, to + 1) };
            assert!(one_more > rom_bytes, "{changes:?}: {one_more} fit into {rom_bytes}, too");
        }
    }

    #[test]
    fn where_no_layer_alone_will_do_all_shrink() {
        let network = experiment_1(128, 128);
        let estimate = estimate(limits(2_000, 20_000));
        let (changes, smaller) = nearest_sizes(&network, &|n| estimate.fits(n)).unwrap();
        assert_eq!(changes.len(), 3, "{changes:?}");
        assert!(estimate.fits(&smaller) && !estimate.fits(&network));
        assert_eq!(smaller.output(), network.output());
        assert!(nearest_sizes(&network, &|_| false).is_none());
    }

    #[test]
    fn savings_are_told_of_what_is_short() {
        let (network, smaller) = (experiment_1(128, 128), experiment_1(128, 64));
        let shortages =
            limits(usize::MAX, 100_000).shortages(&static_footprint(&network, Compression::X1));
        let saved = estimate(limits(usize::MAX, 100_000)).savings(&shortages, &network, &smaller);
        // (5632 + 1) × 64, 128 × 129 − 64 × 65 and 64 × 6 floats.
        assert_eq!(saved, "1,492,992 B of ROM");
    }
}
