//! The C under the emulator: the same answers as on this computer.

use std::path::Path;

use autotinyml_deploy::run::compile::ChipObjects;
use autotinyml_deploy::run::emulator::instructions_per_macc;
use autotinyml_deploy::{Compression, Core, Emulator, Host, Run, Runner, Tools, account};
use autotinyml_nn::{Layer, Model};

use crate::support::{
    any_model, assert_near, convolutions, experiment_1, experiment_2, inputs, lengths, pooled,
    project, rectified, tools,
};

/// Multiplications of the weights with values, with 128 filters and units and with 8:
/// 89 × 2 × 4 × n + 44 × n × n + n × n + n × 6.
const EXPERIMENT_1_MULTIPLY_ADDS: [(usize, f64); 2] = [(128, 829_184.0), (8, 8_624.0)];

/// 32 × 32 × 27 × 32 + 30 × 30 × 288 × 32 + 15 × 15 × 288 × 64 + 13 × 13 × 576 × 64 +
/// 2,304 × 512 + 512 × 4. The last row and column of the last convolution are never pooled: they are
/// counted, but not computed.
const EXPERIMENT_2_MULTIPLY_ADDS: f64 = 20_738_048.0;

#[test]
fn experiment_1_gives_the_same_outputs_as_on_this_computer() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    for (size, multiply_adds) in EXPERIMENT_1_MULTIPLY_ADDS {
        for compression in [Compression::X1, Compression::X4, Compression::X8] {
            let name = format!("{size} filters and units");
            count(&tools, &name, &experiment_1(size), compression, 3, multiply_adds);
        }
    }
}

#[test]
fn experiment_2_gives_the_same_outputs_as_on_this_computer() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let (name, model) = ("experiment 2", experiment_2());
    count(&tools, name, &model, Compression::X1, 1, EXPERIMENT_2_MULTIPLY_ADDS);
}

/// Compares runners and counts instructions.
fn count(
    tools: &Tools,
    name: &str,
    model: &Model,
    compression: Compression,
    samples: usize,
    multiply_adds: f64,
) {
    let run = compare(tools, model, compression, samples);
    let (instructions, stack) = (run.instructions.unwrap(), run.stack_bytes.unwrap());
    let each = instructions as f64 / multiply_adds;
    println!(
        "{name}, {compression}: {instructions} instructions, {each:.2} per multiply-add, \
         stack {stack} bytes"
    );
    assert!((0.5..7.0).contains(&each), "{each} instructions per multiply-add");
    let macc = account(&model.network, compression).macc;
    let upper_estimate = macc * instructions_per_macc(Core::CortexM4f);
    assert!(instructions < upper_estimate, "{instructions} instructions");
    assert!((16..1024).contains(&stack), "a stack of {stack} bytes");
}

#[test]
fn small_networks_give_the_same_outputs_as_on_this_computer() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let adds = |seed: &u64| {
        any_model(*seed).network.nodes.iter().filter(|node| node.layer == Layer::Add).count()
    };
    for seed in [(0..).find(|seed| adds(seed) == 0), (0..).find(|seed| adds(seed) >= 2)] {
        compare(&tools, &any_model(seed.unwrap()), Compression::X1, 40);
    }
    for compression in [Compression::X1, Compression::X4All, Compression::X8All] {
        compare(&tools, &convolutions(1), compression, 3);
    }
    compare(&tools, &pooled(1), Compression::X1, 3);
    compare(&tools, &pooled(2), Compression::X8, 3);
    for compression in [Compression::X1, Compression::X4, Compression::X8] {
        compare(&tools, &rectified(13, [208, 160], 1), compression, 3);
    }
}

/// The C beside the assembly is what it does, to the bit.
#[test]
fn assembly_gives_the_same_bits_as_the_c_beside_it() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    for (name, model, compression) in [
        ("convolutions", convolutions(1), Compression::X1),
        ("convolutions", convolutions(1), Compression::X8All),
        ("pooled", pooled(1), Compression::X1),
        ("pooled", pooled(2), Compression::X8),
        ("rectified", rectified(13, [208, 160], 1), Compression::X1),
        ("rectified", rectified(13, [208, 160], 2), Compression::X4),
        ("rectified", rectified(13, [208, 160], 3), Compression::X8),
    ] {
        let (_, folder) = project(&model, compression);
        let inputs = inputs(&model.network, 3, 9);
        let outputs = || emulate(&tools, &model, folder.path()).run(&inputs).unwrap().outputs;
        let with_assembly = outputs();
        let mut replaced = 0;
        for file in std::fs::read_dir(folder.path().join("autotinyml")).unwrap() {
            let path = file.unwrap().path();
            let source = std::fs::read_to_string(&path).unwrap();
            let plain = source.replace("defined(__arm__)", "0");
            replaced += usize::from(plain != source);
            std::fs::write(&path, plain).unwrap();
        }
        assert!(replaced >= 3, "{name}: {replaced} files with assembly");
        assert_eq!(outputs(), with_assembly, "{name}, {compression}");
    }
}

#[test]
fn a_fault_of_the_program_is_an_error_that_says_so() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let model = any_model(3);
    let (_, folder) = project(&model, Compression::X1);
    let file = folder.path().join("network.c");
    let source = std::fs::read_to_string(&file).unwrap();
    let start = "void network_run(const float *input, float *output)\n{\n";
    let writes_nowhere = format!("{start}    *(volatile int *)0xF0000000 = 1;\n");
    assert!(source.contains(start));
    std::fs::write(&file, source.replace(start, &writes_nowhere)).unwrap();

    let compiler = tools.cross_cc.as_deref().unwrap();
    let objects = ChipObjects::compile(compiler, Core::CortexM4f, folder.path()).unwrap();
    let qemu = tools.emulator.as_deref().unwrap();
    let emulator = Emulator::link(&objects, qemu, lengths(&model.network), 1000).unwrap().unwrap();
    let message = emulator.run(&inputs(&model.network, 1, 0)).unwrap_err().to_string();
    assert!(message.contains("exit code 1") && message.contains("hard fault"), "{message}");
}

/// Both runners agree, and both agree with the model.
fn compare(tools: &Tools, model: &Model, compression: Compression, samples: usize) -> Run {
    let (reference, folder) = project(model, compression);
    let host_cc = tools.host_cc.as_deref().unwrap();
    let host = Host::build(host_cc, &[], folder.path(), lengths(&model.network)).unwrap();
    let emulator = emulate(tools, model, folder.path());
    let inputs = inputs(&model.network, samples, 9);
    let runs = [&host as &dyn Runner, &emulator].map(|runner| runner.run(&inputs).unwrap());
    for run in &runs {
        assert_near(&run.outputs, &reference.predict(&inputs), 1e-4, "runner against model");
    }
    let [host, emulator] = runs;
    assert_near(&emulator.outputs, &host.outputs, 1e-5, "emulator against host");
    emulator
}

fn emulate(tools: &Tools, model: &Model, project: &Path) -> Emulator {
    let [cross_cc, qemu] = [&tools.cross_cc, &tools.emulator].map(|tool| tool.as_deref().unwrap());
    let objects = ChipObjects::compile(cross_cc, Core::CortexM4f, project).unwrap();
    let macc = account(&model.network, Compression::X1).macc;
    Emulator::link(&objects, qemu, lengths(&model.network), macc).unwrap().unwrap()
}
