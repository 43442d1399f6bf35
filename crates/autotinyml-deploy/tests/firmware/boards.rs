//! Every board of the catalogue, and every core under the emulator.

use autotinyml_deploy::run::compile::ChipObjects;
use autotinyml_deploy::{
    Board, Boards, Compression, Core, Emulator, Host, Project, Runner, account, chip, compress,
    write_project,
};
use autotinyml_nn::{Activation, Layer, Model, Network, Padding, Shape, Source};
use tempfile::TempDir;

use crate::support::{assert_near, inputs, lengths, tools, with_weights};

/// Kernels with and without a library function behind their activation, a sum, shared weights.
fn any_kernels() -> Model {
    let conv = |filters, dilation| Layer::Conv2d {
        filters,
        kernel: [3, 3],
        stride: [1, 1],
        dilation,
        padding: Padding::Same,
    };
    let [relu, selu, tanh, softmax] =
        [Activation::Relu, Activation::Selu, Activation::Tanh, Activation::Softmax]
            .map(Layer::Activation);
    let layers = [
        conv(5, [1, 1]),
        relu,
        Layer::MaxPool2d { window: [2, 2], stride: [2, 2] },
        Layer::DepthwiseConv2d {
            kernel: [2, 3],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Same,
        },
        Layer::Add,
        conv(4, [1, 2]),
        selu,
        Layer::AveragePool2d { window: [2, 2], stride: [2, 2] },
        Layer::Flatten,
        Layer::Dense { units: 40 },
        tanh,
        Layer::Dense { units: 6 },
        softmax,
    ];
    let nodes: Vec<(Layer, Vec<Source>)> = layers
        .into_iter()
        .enumerate()
        .map(|(index, layer)| {
            let before = index.checked_sub(1).map_or(Source::Input, Source::Node);
            let sources = match layer {
                Layer::Add => vec![before, Source::Node(index - 2)],
                _ => vec![before],
            };
            (layer, sources)
        })
        .collect();
    with_weights(Network::graph(Shape::new(10, 11, 3), &nodes).unwrap(), 4)
}

/// The same answers on every core as on this computer, and room on every board: compiled once for
/// each core, linked for each board.
#[test]
fn a_network_runs_on_every_core_and_links_for_every_board() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let [host_cc, cross_cc, qemu] =
        [&tools.host_cc, &tools.cross_cc, &tools.emulator].map(|tool| tool.as_deref().unwrap());
    let model = any_kernels();
    let (stored, lengths) = (compress(&model, Compression::X4), lengths(&model.network));
    let (example, vectors) = (inputs(&model.network, 1, 1), inputs(&model.network, 6, 2));
    let macc = account(&model.network, Compression::X4).macc;
    let folder = TempDir::new().unwrap();
    let write = |board| {
        let mut project = Project::new(&stored, &example).unwrap();
        project.set_board(board).unwrap();
        write_project(&project, folder.path()).unwrap();
    };
    let mut expected = None;
    let mut linked = 0;
    for core in Core::ALL {
        let boards: Vec<&Board> =
            Board::catalogue().iter().filter(|board| board.core == core).collect();
        write(boards[0]);
        let expected = expected.get_or_insert_with(|| {
            let host = Host::build(host_cc, &[], folder.path(), lengths).unwrap();
            host.run(&vectors).unwrap().outputs
        });
        let objects = ChipObjects::compile(cross_cc, core, folder.path()).unwrap();
        let emulator = Emulator::link(&objects, qemu, lengths, macc).unwrap().unwrap();
        let run = emulator.run(&vectors).unwrap();
        println!(
            "{}: {:.1} instructions per MACC, stack {} bytes",
            core.name(),
            run.instructions.unwrap() as f64 / macc as f64,
            run.stack_bytes.unwrap()
        );
        assert_near(&run.outputs, expected, 1e-5, core.name());
        for board in boards {
            write(board);
            let used = chip::measure(&objects, board).unwrap();
            let weights = account(&model.network, Compression::X4).rom_bytes;
            assert!((weights..weights + 32 * 1024).contains(&used.flash_bytes), "{used:?}");
            assert!(used.regions.iter().all(|region| region.over_bytes() == 0), "{used:?}");
            linked += 1;
        }
    }
    assert_eq!(linked, Boards::default().iter().count());
}

/// Two maps are needed at the same time, 86,400 and 14,400 bytes, and an input of 14,400: more than the
/// larger of the board's two RAM regions.
#[test]
fn what_has_no_room_in_one_region_of_a_board_takes_two() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let [host_cc, cross_cc, qemu] =
        [&tools.host_cc, &tools.cross_cc, &tools.emulator].map(|tool| tool.as_deref().unwrap());
    let conv = |filters| Layer::Conv2d {
        filters,
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        padding: Padding::Same,
    };
    let node = Source::Node;
    let nodes = [
        (conv(6), vec![Source::Input]),
        (conv(1), vec![node(0)]),
        (conv(1), vec![node(0)]),
        (Layer::Add, vec![node(1), node(2)]),
        (Layer::GlobalAveragePool2d, vec![node(3)]),
        (Layer::Dense { units: 3 }, vec![node(4)]),
    ];
    let model = with_weights(Network::graph(Shape::new(60, 60, 1), &nodes).unwrap(), 4);
    let (stored, lengths) = (compress(&model, Compression::X1), lengths(&model.network));
    let vectors = inputs(&model.network, 1, 2);
    let board = Board::named("stm32l476rg").unwrap();
    let folder = TempDir::new().unwrap();
    let mut project = Project::new(&stored, &vectors).unwrap();
    assert_eq!(project.plan().pieces().len(), 1);
    project.set_board(board).unwrap();
    assert_eq!(project.plan().pieces().len(), 2, "{}", project.plan());
    write_project(&project, folder.path()).unwrap();

    let objects = ChipObjects::compile(cross_cc, board.core, folder.path()).unwrap();
    let used = chip::measure(&objects, board).unwrap();
    let of = |name: &str| used.regions.iter().find(|region| region.name == name).unwrap();
    assert!(used.regions.iter().all(|region| region.over_bytes() == 0), "{used:?}");
    assert!(of("sram1").used_bytes >= 86_400 && of("sram2").used_bytes >= 2_048 + 14_400);
    assert!(used.variables_bytes >= 86_400 + 2 * 14_400, "{used:?}");

    let macc = account(&model.network, Compression::X1).macc;
    let expected = model.predict(&vectors);
    let host = Host::build(host_cc, &[], folder.path(), lengths).unwrap();
    let emulator = Emulator::link(&objects, qemu, lengths, macc).unwrap().unwrap();
    assert_near(&host.run(&vectors).unwrap().outputs, &expected, 1e-4, "host");
    assert_near(&emulator.run(&vectors).unwrap().outputs, &expected, 1e-4, "emulator");
}
