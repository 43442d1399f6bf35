//! Random networks: the C computes on this computer, under sanitizers, what the Rust model computes with
//! the same stored weights; and under the emulator the same classes. A few hundred of them, or as many
//! as `cargo xtask fuzz-c` says.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use autotinyml_deploy::run::compile::ChipObjects;
use autotinyml_deploy::{
    Compression, Core, DeployError, Emulator, Host, Runner, SharedObjects, Tools, account,
    shared_kernels,
};
use autotinyml_nn::{Layer, Model, largest};

use crate::support::{any_chain, any_model, any_rectified, inputs, lengths, project, tools};

/// Wrong accesses and undefined behaviour end the program: what lies around the arena is guarded as
/// every array is. -O1 halves the time to compile.
pub const SANITIZED: [&str; 3] =
    ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Unless the environment says how many.
const NETWORKS: u64 = 300;

/// One of so many also runs under the emulator.
const EMULATED: u64 = 20;

const SAMPLES: usize = 7;

/// Of an output larger than 1, relative to it.
const TOLERANCE: f32 = 1e-4;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// A third of the networks are chains long enough for their maps to be streamed, and some have dense layers
/// that pass over zeros.
fn network(seed: u64) -> (Model, Compression) {
    let model = match seed % 12 {
        0 | 3 | 6 | 9 => any_chain(seed),
        7 | 8 => any_rectified(seed),
        _ => any_model(seed),
    };
    let shared = &Compression::ALL[1..];
    let compression = match seed % 2 {
        0 => Compression::X1,
        _ => shared[(seed / 2) as usize % shared.len()],
    };
    (model, compression)
}

#[test]
fn random_networks_compute_what_the_model_computes() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let _shared = SharedObjects::keep().unwrap();
    let first = number("AUTOTINYML_FUZZ_FIRST").unwrap_or(0);
    let end = first + number("AUTOTINYML_FUZZ_NETWORKS").unwrap_or(NETWORKS);
    let (next, failures) = (AtomicU64::new(first), Mutex::new(vec![]));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let (model, compression) = network(seed);
            if let Err(failure) = compare(&tools, &model, compression, seed) {
                let what = format!("{seed}, {compression}: {failure}\n  {:?}", model.network);
                println!("{what}");
                failures.lock().unwrap().push(what);
            }
            if (seed + 1 - first).is_multiple_of(500) {
                println!("{} networks", seed + 1 - first);
            }
        }
    };
    thread::scope(|scope| {
        (0..thread::available_parallelism().map_or(2, usize::from)).for_each(|_| {
            scope.spawn(work);
        });
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} networks differ", failures.len(), end - first);
}

/// The networks are not all of one kind.
#[test]
fn random_networks_have_shortcuts_and_shared_weights() {
    let networks: Vec<(Model, Compression)> = (0..NETWORKS).map(network).collect();
    let with = |is_it: &dyn Fn(&(Model, Compression)) -> bool| {
        networks.iter().filter(|network| is_it(network)).count()
    };
    let sums = with(&|(model, _)| model.network.nodes.iter().any(|node| node.layer == Layer::Add));
    let shared =
        with(&|(model, compression)| !shared_kernels(&model.network, *compression).is_empty());
    assert!(sums >= 40 && shared >= 60, "{sums} with sums, {shared} with shared weights");
}

fn compare(
    tools: &Tools,
    model: &Model,
    compression: Compression,
    seed: u64,
) -> Result<(), String> {
    let told = |error: DeployError| error.to_string();
    let (reference, folder) = project(model, compression);
    let lengths = lengths(&model.network);
    let [host_cc, cross_cc, qemu] =
        [&tools.host_cc, &tools.cross_cc, &tools.emulator].map(|tool| tool.as_deref().unwrap());
    let host = Host::build(host_cc, &SANITIZED, folder.path(), lengths).map_err(told)?;
    let inputs = inputs(&model.network, SAMPLES, seed);
    let outputs = host.run(&inputs).map_err(told)?.outputs;
    difference(&outputs, &reference.predict(&inputs)).map_or(Ok(()), Err)?;
    if !seed.is_multiple_of(EMULATED) {
        return Ok(());
    }
    let objects = ChipObjects::compile(cross_cc, Core::CortexM4f, folder.path()).map_err(told)?;
    let macc = account(&model.network, compression).macc;
    let emulator =
        Emulator::link(&objects, qemu, lengths, macc).map_err(told)?.ok_or("too large")?;
    let emulated = emulator.run(&inputs).map_err(told)?.outputs;
    difference(&emulated, &outputs)
        .map_or(Ok(()), |difference| Err(format!("emulator, {difference}")))?;
    let rows = outputs.chunks(lengths[1]).zip(emulated.chunks(lengths[1]));
    for (sample, (host, emulated)) in rows.enumerate() {
        // Two outputs that rounding alone tells apart may change places.
        let tie = host[largest(host)] - host[largest(emulated)];
        if largest(host) != largest(emulated) && tie > 1e-6 {
            return Err(format!("emulator, sample {sample}: another class"));
        }
    }
    Ok(())
}

/// Where outputs are further apart than rounding explains.
fn difference(outputs: &[f32], expected: &[f32]) -> Option<String> {
    let far = |(output, expected): &(&f32, &f32)| {
        let near = (*output - *expected).abs() <= TOLERANCE * expected.abs().max(1.0);
        !near
    };
    let index = outputs.iter().zip(expected).position(|pair| far(&pair))?;
    Some(format!("output {index} is {}, expected {}", outputs[index], expected[index]))
}
