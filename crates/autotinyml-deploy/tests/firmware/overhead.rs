//! One linked program bounds the sizes of all that are made of the same kernels.

use autotinyml_deploy::overhead::{SLACK_BYTES, code_bytes_max};
use autotinyml_deploy::{
    Board, Compression, Footprint, Overhead, Program, RegionKind, RegionUse, Subject, link,
    static_footprint,
};
use autotinyml_nn::{Activation, Layer, Network, Padding, Shape, Source};
use tempfile::TempDir;

use crate::support::{experiment_1_with, tools};

#[test]
fn a_large_input_takes_flash_too() {
    let board = Board::named("stm32l476rg").unwrap();
    // 998,452 bytes of weights leave 50 KB of the flash; the example input takes 76,800 of it.
    let layers =
        [Layer::Flatten, Layer::Dense { units: 13 }, Layer::Activation(Activation::Softmax)];
    let network = Network::chain(Shape::new(80, 80, 3), &layers).unwrap();
    assert!(Program::of(&network, Compression::X1, board).unwrap().near_a_limit(board));
    // A quarter of the weights leaves plenty.
    assert!(!Program::of(&network, Compression::X4, board).unwrap().near_a_limit(board));

    let Some(tools) = tools(|tools| tools.cross_cc.is_some()) else { return };
    for (compression, fits) in [(Compression::X1, false), (Compression::X4, true)] {
        let folder = TempDir::new().unwrap();
        let compiler = tools.cross_cc.as_deref().unwrap();
        let linked = link(&untrained(&network), compression, board, compiler, folder.path());
        assert_eq!(linked.unwrap().links_on_chip(), Some(fits), "{compression}");
    }
}

fn untrained(network: &Network) -> Subject<'_> {
    Subject {
        network,
        model: None,
        standardisation: None,
        classes: &[],
        vectors: None,
        emulated: None,
    }
}

/// Links a network with every kernel, activation and storage.
#[test]
fn no_code_takes_more_flash_than_is_allowed_for() {
    let Some(tools) = tools(|tools| tools.cross_cc.is_some()) else { return };
    let conv = |kernel, padding| Layer::Conv2d {
        filters: 5,
        kernel,
        stride: [1, 1],
        dilation: [1, 1],
        padding,
    };
    let [relu, relu6, leaky_relu, hard_swish, sigmoid, selu, tanh, softmax] =
        Activation::ALL.map(Layer::Activation);
    let pool = Layer::MaxPool2d { window: [2, 2], stride: [2, 2] };
    let layers = [
        conv([3, 3], Padding::Same),
        relu,
        Layer::Conv2d {
            filters: 3,
            kernel: [2, 2],
            stride: [1, 1],
            dilation: [1, 2],
            padding: Padding::Same,
        },
        relu6,
        leaky_relu,
        hard_swish,
        conv([2, 2], Padding::Valid),
        sigmoid,
        pool,
        conv([3, 1], Padding::Same),
        selu,
        pool,
        Layer::AveragePool2d { window: [2, 2], stride: [2, 2] },
        Layer::DepthwiseConv2d {
            kernel: [3, 3],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Same,
        },
        pool,
        Layer::Flatten,
        Layer::Dense { units: 400 },
        tanh,
        Layer::Dense { units: 22 },
        softmax,
    ];
    let mut chain: Vec<(Layer, Vec<Source>)> = vec![];
    for layer in layers {
        let before = chain.len().checked_sub(1).map_or(Source::Input, Source::Node);
        chain.push((layer, vec![before]));
        if let Layer::DepthwiseConv2d { .. } = layer {
            chain.push((Layer::Add, vec![Source::Node(chain.len() - 1), before]));
        }
    }
    let network = Network::graph(Shape::new(80, 80, 2), &chain).unwrap();
    for (board, compression) in [
        ("stm32l476rg", Compression::X1),
        ("stm32l476rg", Compression::X4),
        ("stm32l476rg", Compression::X8),
        ("stm32g0b1re", Compression::X8),
        ("stm32f103rb", Compression::X8),
        ("pico2", Compression::X8),
    ] {
        let board = Board::named(board).unwrap();
        let folder = TempDir::new().unwrap();
        let compiler = tools.cross_cc.as_deref().unwrap();
        let linked = link(&untrained(&network), compression, board, compiler, folder.path());
        let program = Program::of(&network, compression, board).unwrap();
        let flash = linked.unwrap().flash_bytes.unwrap();
        let code = flash - program.weights_bytes - program.buffers.input - program.buffers.output;
        println!("{}, {compression}: {code} bytes of code", board.core.name());
        assert!((4_000..code_bytes_max(board.core)).contains(&code), "{code} bytes of code");
    }
}

/// One input more than there is surely room for, and the linker has to be asked.
#[test]
fn the_stack_counts_where_the_arena_is() {
    let layers = [Layer::Flatten, Layer::Dense { units: 2 }];
    let inputs = |board: &str, stack: usize| {
        let board = Board::named(board).unwrap();
        let near = |inputs: usize| {
            let network = Network::chain(Shape::vector(inputs), &layers).unwrap();
            Program::of(&network, Compression::X1, board).unwrap().near_a_limit(board)
        };
        // Input and output, of four bytes each; 2 KiB for variables.
        let room = (board.largest(RegionKind::Ram).length_bytes - 2048 - stack) / 4 - 2;
        (near(room), near(room + 1))
    };
    assert_eq!(inputs("stm32f303k8", 0), (false, true));
    assert_eq!(inputs("stm32f030r8", 2048), (false, true));
}

#[test]
fn one_program_of_a_kind_tells_the_size_of_the_others() {
    let Some(tools) = tools(|tools| tools.cross_cc.is_some()) else { return };
    let compiler = tools.cross_cc.as_deref().unwrap();
    let compression = Compression::X4;
    let sizes = [[8, 32], [16, 32], [64, 32], [9, 33], [8, 40], [256, 64], [8, 256]];
    // Their first dense layer passes over zeros.
    let large = [[64, 32], [128, 32], [256, 64], [16, 64], [8, 256], [65, 32]];
    for (board, activation, pool, sizes) in [
        ("stm32f303k8", Activation::Relu, 2, &large[..]),
        ("stm32f303k8", Activation::Tanh, 1, &sizes),
        // Without a floating-point unit.
        ("stm32f030r8", Activation::Tanh, 1, &sizes[..6]),
    ] {
        let board = Board::named(board).unwrap();
        let linked = |network: &Network| -> Footprint {
            let folder = TempDir::new().unwrap();
            link(&untrained(network), compression, board, compiler, folder.path()).unwrap()
        };
        let networks: Vec<Network> = sizes
            .iter()
            .map(|&sizes| experiment_1_with(sizes, [2, pool], [activation; 2], 22))
            .collect();
        let programs: Vec<Program> = networks
            .iter()
            .map(|network| Program::of(network, compression, board).unwrap())
            .collect();
        let overhead = Overhead::of(&programs[0], &linked(&networks[0]), board);
        let mut compared = 0;
        for (network, program) in networks.iter().zip(&programs) {
            if program.kind != programs[0].kind {
                continue;
            }
            compared += 1;
            let mut least = static_footprint(network, compression);
            overhead.at_least(program, board, &mut least);
            let linked = linked(network);
            assert!(program.near_a_limit(board) || linked.links_on_chip() == Some(true));
            for (least, true_use) in least.regions.iter().zip(&linked.regions) {
                let RegionUse { name, used_bytes, .. } = true_use;
                assert!(
                    least.used_bytes <= *used_bytes,
                    "{name}: {least:?}, in truth {used_bytes}"
                );
                let missed = used_bytes - least.used_bytes;
                assert!(missed <= 2 * SLACK_BYTES, "{name} of {}: missed {missed}", program.kind);
            }
        }
        assert!(compared >= 3, "{compared} programs of one kind");
    }
}
