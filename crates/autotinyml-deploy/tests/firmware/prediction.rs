//! What is said of a program before it is linked, against the linked program: networks of experiment 1's
//! spaces, each for its own board. A few of them, or as many as `cargo xtask static` says.

use std::collections::BTreeMap;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use autotinyml_deploy::{
    Accounting, Board, Compression, Footprint, Limits, Overhead, Program, SharedObjects, Subject,
    link, static_footprint,
};
use autotinyml_nn::{Activation, Network};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tempfile::TempDir;

use crate::support::{experiment_1_with, tools};

/// Unless the environment says how many.
const NETWORKS: usize = 30;

const COMPRESSIONS: [Compression; 3] = [Compression::X1, Compression::X4, Compression::X8];

/// Board, the talk's limits for it, and the numbers of filters and units.
const SPACES: [(&str, [usize; 2], &[usize]); 2] = [
    ("stm32l476rg", [128_000, 1_990_000], &[16, 32, 64, 128, 256]),
    ("stm32f303k8", [16_000, 60_000], &[8, 16, 32, 64, 128, 256]),
];

const ACTIVATIONS: [Activation; 4] =
    [Activation::Relu, Activation::Sigmoid, Activation::Selu, Activation::Tanh];

/// All programs of a space: dropout and optimizer make no difference to them.
fn space(sizes: &[usize]) -> Vec<Network> {
    let mut networks = vec![];
    for &filters in sizes {
        for &units in sizes {
            for kernel in [1, 2] {
                for pool in [1, 2] {
                    for kinds in 0..16 {
                        let activations = [kinds / 4, kinds % 4].map(|kind| ACTIVATIONS[kind]);
                        let sizes = [filters, units];
                        networks.push(experiment_1_with(sizes, [kernel, pool], activations, 22));
                    }
                }
            }
        }
    }
    networks
}

struct Case<'a> {
    board: &'static Board,
    limits: Limits,
    compression: Compression,
    network: &'a Network,
    /// The smallest program of the same kind, which is linked for all of them.
    smallest: &'a Network,
}

#[test]
fn what_is_said_before_linking_is_what_is_linked() {
    let Some(tools) = tools(|tools| tools.cross_cc.is_some()) else { return };
    let compiler = tools.cross_cc.as_deref().unwrap();
    let _shared = SharedObjects::keep().unwrap();
    let asked = env::var("AUTOTINYML_STATIC_NETWORKS").ok().map(|text| text.parse().unwrap());
    let networks_in_all = asked.unwrap_or(NETWORKS);
    let spaces = SPACES.map(|(board, limits, sizes)| (board, limits, space(sizes)));
    let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
    let cases: Vec<Case> = (0..networks_in_all)
        .map(|number| {
            let (board, [ram, rom], networks) = &spaces[number % 2];
            let compression = COMPRESSIONS[number / 2 % 3];
            let network = &networks[random.random_range(0..networks.len())];
            let board = Board::named(board).unwrap();
            let program = |network| Program::of(network, compression, board).unwrap();
            let kind = program(network).kind;
            let alike = networks.iter().filter(|network| program(network).kind == kind);
            let smallest = alike.min_by_key(|network| program(network).weights_bytes).unwrap();
            let (ram_bytes, rom_bytes) = (Some(*ram), Some(*rom));
            let limits = Limits { ram_bytes, rom_bytes, ..Limits::default() };
            Case { board, limits, compression, network, smallest }
        })
        .collect();
    let linked = |case: &Case, network: &Network| -> Footprint {
        let subject = Subject {
            network,
            model: None,
            standardisation: None,
            classes: &[],
            vectors: None,
            emulated: None,
        };
        let folder = TempDir::new().unwrap();
        link(&subject, case.compression, case.board, compiler, folder.path()).unwrap()
    };
    let overheads: Mutex<BTreeMap<(String, String), Overhead>> = Mutex::default();
    // Bytes by which flash and RAM were mistaken, and how often.
    let differences: Mutex<BTreeMap<(i64, i64), usize>> = Mutex::default();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Case { board, limits, compression, network, smallest } = case;
            let program = Program::of(network, *compression, board).unwrap();
            let key = (board.name.clone(), program.kind.clone());
            let known = overheads.lock().unwrap().get(&key).cloned();
            let overhead = known.unwrap_or_else(|| {
                let first = Program::of(smallest, *compression, board).unwrap();
                let overhead = Overhead::of(&first, &linked(case, smallest), board);
                overheads.lock().unwrap().insert(key, overhead.clone());
                overhead
            });
            let [mut least, mut most, mut said] =
                [0; 3].map(|_| static_footprint(network, *compression));
            overhead.at_least(&program, board, &mut least);
            overhead.at_most(&program, board, &mut most);
            overhead.estimate(&program, board, &mut said);
            let found = linked(case, network);
            let what = format!("{} {compression} {}", board.name, program.kind);
            // What is refused before linking is refused after it, what is accepted unlinked is accepted.
            for accounting in [Accounting::St, Accounting::Elf] {
                let limits = Limits { accounting, ..*limits };
                let [least, most, found] =
                    [&least, &most, &found].map(|footprint| limits.judge(footprint).deployable());
                assert!(found || !most, "{what}: said to fit, and does not");
                assert!(!found || least, "{what}: said not to fit, and does");
            }
            if !program.near_a_limit(board) {
                assert_eq!(
                    found.links_on_chip(),
                    Some(true),
                    "{what}: not linked, and does not fit"
                );
            }
            let mistake = |said: Option<usize>, found: Option<usize>| {
                found.unwrap() as i64 - said.unwrap() as i64
            };
            let mistakes = (
                mistake(said.flash_bytes, found.flash_bytes),
                mistake(said.ram_bytes, found.ram_bytes),
            );
            assert_eq!(mistakes, (0, 0), "{what}: flash and RAM");
            *differences.lock().unwrap().entry(mistakes).or_default() += 1;
        }
    };
    thread::scope(|scope| {
        (0..2).for_each(|_| {
            scope.spawn(work);
        });
    });
    let (kinds, differences) = (overheads.into_inner().unwrap(), differences.into_inner().unwrap());
    println!("{networks_in_all} networks, {} kinds linked; linked minus said, bytes:", kinds.len());
    for ((flash, ram), count) in &differences {
        println!("  flash {flash:+}, RAM {ram:+}: {count} networks");
    }
    assert_eq!(differences.values().sum::<usize>(), networks_in_all);
}
