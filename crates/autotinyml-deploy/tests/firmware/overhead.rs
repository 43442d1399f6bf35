//! One linked program bounds the sizes of all that are made of the same kernels.

use autotinyml_deploy::overhead::SLACK_BYTES;
use autotinyml_deploy::{
    Board, Compression, Footprint, Overhead, Program, RegionUse, Subject, link, static_footprint,
};
use autotinyml_nn::{Activation, Layer, Network, Padding, Shape};
use tempfile::TempDir;

use crate::support::tools;

/// Experiment 1's template with 22 classes.
fn network(filters: usize, units: usize, pool: usize, activation: Activation) -> Network {
    let activation = Layer::Activation(activation);
    let layers = [
        Layer::Conv2d { filters, kernel: [2, 2], stride: [1, 1], padding: Padding::Valid },
        activation,
        Layer::MaxPool2d { window: [pool; 2], stride: [pool; 2] },
        Layer::Flatten,
        Layer::Dense { units },
        activation,
        Layer::Dense { units },
        activation,
        Layer::Dense { units: 22 },
        Layer::Activation(Activation::Softmax),
    ];
    Network::chain(Shape::new(90, 3, 1), &layers).unwrap()
}

#[test]
fn one_program_of_a_kind_tells_the_size_of_the_others() {
    let Some(tools) = tools(|tools| tools.cross_cc.is_some()) else { return };
    let compiler = tools.cross_cc.as_deref().unwrap();
    let board = Board::named("stm32f303k8").unwrap();
    let compression = Compression::X4;
    let linked = |network: &Network| -> Footprint {
        let folder = TempDir::new().unwrap();
        let subject = Subject {
            network,
            model: None,
            standardisation: None,
            classes: &[],
            vectors: None,
            emulated: None,
        };
        link(&subject, compression, board, compiler, folder.path()).unwrap()
    };
    for (activation, pool) in [(Activation::Relu, 2), (Activation::Tanh, 1)] {
        let sizes = [(8, 32), (16, 32), (64, 32), (9, 33), (256, 64), (8, 256)];
        let networks = sizes.map(|(filters, units)| network(filters, units, pool, activation));
        let programs: Vec<Program> =
            networks.iter().map(|network| Program::of(network, compression).unwrap()).collect();
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
