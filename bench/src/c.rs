//! `cargo xtask bench c`: what the generated C takes of a Cortex-M4F: instructions, code, memory.
//!
//! Cycles are a [model's](crate::cycles).
//!
//! Three networks: the baselines of the talk's two experiments, and the first one with 8 filters and
//! units. Instructions are counted under the emulator, exactly. Weights and inputs are random; only how
//! many zeros dense layers find to pass over depends on them.

use std::path::Path;

use autotinyml_deploy::run::compile::ChipObjects;
use autotinyml_deploy::{
    Board, Compression, Core, DeployError, Emulator, Program, Project, Runner, Subject, Tools,
    compress, link, static_footprint, write_project,
};
use autotinyml_nn::{Activation, Layer, Model, Network, Padding, Shape};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::cycles;
use crate::failure::Failure;

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How weights are stored: names, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "x1,x4,x8,x8-all")]
    compressions: Vec<Compression>,
}

/// A network, and what other tools make of it with float weights.
struct Case {
    name: &'static str,
    network: Network,
    /// Products of a weight and a value in convolutions and dense layers.
    multiply_adds: f64,
    others: [Other; 4],
}

/// Measured once with the same compiler (GCC 12.2) and emulator, at the better of -O2 and -O3;
/// X-CUBE-AI's are from its own report.
struct Other {
    name: &'static str,
    /// Instructions per multiply-add.
    instructions: Option<f64>,
    /// Of activations.
    ram_bytes: Option<usize>,
}

/// Measures and prints one line per network and compression, and what others take.
///
/// # Errors
/// If a compiler or the emulator is missing or fails.
pub fn c(options: &Options) -> Result<(), Failure> {
    let tools = Tools::find();
    if let Some(tool) = tools.missing().first() {
        return Err(Failure::Program {
            program: "bench c".to_string(),
            reason: format!("a tool is missing: {}", tool.install_hint()),
        });
    }
    println!(
        "                      instructions   per multiply-add   at most   cycles, ms by the model   code bytes   activation bytes"
    );
    for case in cases() {
        println!("{}", case.name);
        for &compression in &options.compressions {
            let measured = measure(&case, compression, &tools).map_err(|error| {
                Failure::Program { program: "bench c".to_string(), reason: error.to_string() }
            })?;
            let Measured { cycles, milliseconds, code_bytes, arena_bytes, .. } = measured;
            let Measured { instructions, instructions_max, .. } = measured;
            let [each, most] =
                [instructions, instructions_max].map(|count| count as f64 / case.multiply_adds);
            let name = format!("AutoTinyML {compression}");
            println!(
                "  {name:<18}  {instructions:>12}   {each:>16.2}   {most:>7.2}   {cycles:>12} {milliseconds:>10.2}   {code_bytes:>10}   {arena_bytes:>16}"
            );
        }
        for Other { name, instructions, ram_bytes } in case.others {
            let each = instructions.map_or("-".to_string(), |each| format!("{each:.2}"));
            let ram_bytes = ram_bytes.map_or("-".to_string(), |bytes| bytes.to_string());
            println!(
                "  {name:<18}  {:>12}   {each:>16}   {:>7}   {:>23}   {:>10}   {ram_bytes:>16}",
                "", "", "", ""
            );
        }
    }
    Ok(())
}

struct Measured {
    /// Of an inference, the mean.
    instructions: u64,
    /// Of one that finds no zeros to pass over.
    instructions_max: u64,
    /// On a Cortex-M4F that never waits for its memory, the most.
    cycles: u64,
    /// On an STM32L476 at 80 MHz, whose flash has wait states.
    milliseconds: f64,
    /// Flash of the linked program without weights and its example input.
    code_bytes: usize,
    /// Of the arena, beside which kernels have no memory but the stack.
    arena_bytes: usize,
}

/// Random inputs over which instructions are counted.
const INPUTS: usize = 16;

fn measure(case: &Case, compression: Compression, tools: &Tools) -> Result<Measured, DeployError> {
    let network = &case.network;
    let folder = std::env::temp_dir().join(format!("autotinyml-bench-{}", std::process::id()));
    let (tool, lengths) =
        ("Tools::missing said there is", [network.input.len(), network.output().len()]);
    let compiler = tools.cross_cc.as_deref().expect(tool);
    let stored = compress(&Model::initialise(network.clone(), 0), compression);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
    let inputs: Vec<f32> =
        (0..INPUTS * lengths[0]).map(|_| random.random_range(-1.0..1.0)).collect();
    let input = &inputs[..lengths[0]];
    let project = Project::new(&stored, input)?;
    let arena_bytes = project.plan().arena_bytes;
    write_project(&project, &folder)?;
    let objects = ChipObjects::compile(compiler, Core::CortexM4f, &folder)?;
    let footprint = static_footprint(network, compression);
    let emulator = tools.emulator.as_deref().expect(tool);
    let linked = Emulator::link(&objects, emulator, lengths, footprint.macc)?.expect("of 16 MiB");
    let instructions = linked.run(&inputs)?.instructions.unwrap_or(0);
    let linked = linked.without_zeros()?;
    let instructions_max = linked.run(input)?.instructions.unwrap_or(0);
    let traced = cycles::trace(&linked.program(), objects.core(), emulator, input, &folder)?;
    let cycles = traced.cycles;
    let waits = cycles::WAIT_STATES * cycles::flash_reads(network, compression)?;
    let milliseconds = (cycles + waits) as f64 / cycles::CYCLES_PER_MS;

    let code_bytes = code_bytes(network, compression, compiler, &folder)?;
    let board = Board::named("stm32l476rg").expect("in the catalogue");
    let weights_bytes = Program::of(network, compression, board)?.weights_bytes;
    let code_bytes = code_bytes - weights_bytes - size_of_val(input);
    // A temporary folder: that nothing of it stays is nice to have.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(Measured { instructions, instructions_max, cycles, milliseconds, code_bytes, arena_bytes })
}

/// Flash that the program takes, whether its chip has it or not.
fn code_bytes(
    network: &Network,
    compression: Compression,
    compiler: &Path,
    folder: &Path,
) -> Result<usize, DeployError> {
    let board = Board::named("stm32l476rg").expect("in the catalogue");
    let subject = Subject {
        network,
        model: None,
        standardisation: None,
        classes: &[],
        vectors: None,
        emulated: None,
    };
    Ok(link(&subject, compression, board, compiler, folder)?.flash_bytes.unwrap_or(0))
}

const RELU: Layer = Layer::Activation(Activation::Relu);

fn cases() -> [Case; 3] {
    let other = |name, instructions, ram_bytes| Other { name, instructions, ram_bytes };
    [
        Case {
            name: "experiment 1, 128 filters and units",
            network: experiment_1(128),
            multiply_adds: 829_184.0,
            others: [
                other("onnx2c", Some(5.30), Some(182_288)),
                other("TFLM", Some(11.6), Some(115_776)),
                other("keras2c", Some(8.05), Some(162_580)),
                other("X-CUBE-AI", None, Some(24_576)),
            ],
        },
        Case {
            name: "experiment 1, 8 filters and units",
            network: experiment_1(8),
            multiply_adds: 8_624.0,
            others: [
                other("onnx2c", Some(6.84), Some(11_408)),
                other("TFLM", Some(46.2), Some(8_256)),
                other("keras2c", Some(17.0), Some(10_892)),
                other("X-CUBE-AI", None, None),
            ],
        },
        Case {
            name: "experiment 2",
            network: experiment_2(),
            multiply_adds: 20_738_048.0,
            others: [
                other("onnx2c", Some(6.59), Some(262_152)),
                other("TFLM", Some(7.5), Some(249_360)),
                other("keras2c", Some(7.31), Some(461_788)),
                other("X-CUBE-AI", None, Some(140_800)),
            ],
        },
    ]
}

fn chain(input: Shape, layers: &[Layer]) -> Network {
    Network::chain(input, layers).expect("these layers fit together")
}

fn conv(filters: usize, size: usize, padding: Padding) -> Layer {
    Layer::Conv2d { filters, kernel: [size; 2], stride: [1, 1], dilation: [1, 1], padding }
}

const POOL: Layer = Layer::MaxPool2d { window: [2, 2], stride: [2, 2] };

/// The talk's first baseline has 128 filters and units.
fn experiment_1(size: usize) -> Network {
    let dense = Layer::Dense { units: size };
    let softmax = Layer::Activation(Activation::Softmax);
    let head = [Layer::Flatten, dense, RELU, dense, RELU, Layer::Dense { units: 6 }, softmax];
    let layers = [&[conv(size, 2, Padding::Valid), RELU, POOL][..], &head].concat();
    chain(Shape::new(90, 3, 1), &layers)
}

/// The talk's second baseline.
fn experiment_2() -> Network {
    let block = |filters| {
        [conv(filters, 3, Padding::Same), RELU, conv(filters, 3, Padding::Valid), RELU, POOL]
    };
    let softmax = Layer::Activation(Activation::Softmax);
    let head =
        [Layer::Flatten, Layer::Dense { units: 512 }, RELU, Layer::Dense { units: 4 }, softmax];
    chain(Shape::new(32, 32, 3), &[&block(32)[..], &block(64), &head].concat())
}
