//! The C computes what the Rust model computes, on this computer.

use std::path::Path;
use std::process::Command;

use autotinyml_deploy::plan::Extent;
use autotinyml_deploy::{Compression, Host, Project, Runner, StoredKernel, Tools, compress};
use autotinyml_nn::{Activation, Layer, Model, Padding, Shape};

use crate::support::{
    any_chain, any_model, assert_near, convolutions, inputs, lengths, model, project, tools,
};

/// Wrong accesses and undefined behaviour end the program; -O1 halves the time to compile.
const SANITIZED: [&str; 3] = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

const MODELS: u64 = 36;

#[test]
fn random_networks_compute_what_the_model_computes() {
    let Some(tools) = tools(|tools| tools.host_cc.is_some()) else { return };
    let adds = |seed| any_model(seed).network.nodes.iter().any(|node| node.layer == Layer::Add);
    let residual: Vec<u64> = (0..MODELS).filter(|&seed| adds(seed)).collect();
    assert!(residual.len() >= 12, "shortcuts in {residual:?} only");
    std::thread::scope(|scope| {
        for start in 0..2 {
            let tools = &tools;
            let compare = move |seed| compare(tools, &any_model(seed), Compression::X1, seed);
            scope.spawn(move || (start..MODELS).step_by(2).for_each(compare));
        }
    });
}

#[test]
fn shared_weights_compute_what_the_decompressed_model_computes() {
    let Some(tools) = tools(|tools| tools.host_cc.is_some()) else { return };
    // 301 and 27: odd numbers of indices, and outputs in groups of sixteen, eight and one.
    let [first, second] = [27, 33].map(|units| Layer::Dense { units });
    let layers = [first, Layer::Activation(Activation::Selu), second];
    let model = model(Shape::vector(301), &layers, 11);
    for compression in [Compression::X4, Compression::X8] {
        let stored = compress(&model, compression);
        let shared = stored.weights.iter().flatten();
        assert!(
            shared.map(|weights| &weights.kernel).any(|k| matches!(k, StoredKernel::Shared { .. }))
        );
        compare(&tools, &model, compression, 1);
    }
}

#[test]
fn all_layers_with_shared_weights_compute_what_the_decompressed_model_computes() {
    let Some(tools) = tools(|tools| tools.host_cc.is_some()) else { return };
    for (seed, compression) in [(1, Compression::X4All), (2, Compression::X8All)] {
        let model = convolutions(seed);
        let stored = compress(&model, compression);
        let shared = stored.weights.iter().flatten();
        let shared = shared.filter(|w| matches!(w.kernel, StoredKernel::Shared { .. }));
        assert_eq!(shared.count(), 6, "{compression}");
        compare(&tools, &model, compression, 1);
    }
}

#[test]
fn a_dense_layer_that_takes_a_map_in_parts_computes_what_the_model_computes() {
    let Some(tools) = tools(|tools| tools.host_cc.is_some()) else { return };
    // Parts of 13 × 5 values: an odd number. Outputs in groups of sixteen, eight and one.
    let conv = Layer::Conv2d {
        filters: 5,
        kernel: [2, 2],
        stride: [1, 1],
        dilation: [1, 1],
        padding: Padding::Same,
    };
    let pool = Layer::MaxPool2d { window: [2, 2], stride: [2, 2] };
    let dense = Layer::Dense { units: 27 };
    let layers = [conv, pool, Layer::Flatten, dense, Layer::Activation(Activation::Selu), dense];
    let model = model(Shape::new(18, 14, 2), &layers, 12);
    for compression in [Compression::X1, Compression::X4, Compression::X8] {
        let stored = compress(&model, compression);
        let example = inputs(&model.network, 1, 1);
        let plan = Project::new(&stored, &example).unwrap().plan().clone();
        assert_eq!(plan.buffers[0].extent, Extent::Pixels(13));
        compare(&tools, &model, compression, 1);
    }
}

#[test]
fn chains_whose_maps_are_streamed_compute_what_the_model_computes() {
    let Some(tools) = tools(|tools| tools.host_cc.is_some()) else { return };
    let rows_kept = |model: &Model| {
        let stored = compress(model, Compression::X1);
        let example = inputs(&model.network, 1, 1);
        let plan = Project::new(&stored, &example).unwrap().plan().clone();
        plan.buffers.iter().filter(|buffer| matches!(buffer.extent, Extent::Rows(_))).count()
    };
    let models: Vec<(u64, Model)> = (0..).map(|seed| (seed, any_chain(seed))).take(12).collect();
    let streamed = models.iter().filter(|(_, model)| rows_kept(model) >= 2).count();
    assert!(streamed >= 6, "two maps or more are streamed in {streamed} networks only");
    std::thread::scope(|scope| {
        for half in models.chunks(models.len() / 2) {
            let tools = &tools;
            scope.spawn(move || {
                for (seed, model) in half {
                    compare(tools, model, Compression::X1, *seed);
                }
            });
        }
    });
}

fn compare(tools: &Tools, model: &Model, compression: Compression, seed: u64) {
    let (reference, folder) = project(model, compression);
    let lengths = lengths(&model.network);
    let compiler = tools.host_cc.as_deref().unwrap();
    let host = Host::build(compiler, &SANITIZED, folder.path(), lengths).unwrap();
    let inputs = inputs(&model.network, 7, seed);
    let outputs = host.run(&inputs).unwrap().outputs;
    let what = format!("seed {seed}, {compression}, {:?}", model.network);
    assert_near(&outputs, &reference.predict(&inputs), 1e-4, &what);
}

/// Not only the kernels that some test's network uses, and as standard C99 too; the check itself
/// compiles every project with warnings as errors.
#[test]
fn every_kernel_compiles_without_a_warning() {
    let Some(tools) = tools(|tools| tools.host_cc.is_some()) else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("c/kernels");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let sources: Vec<_> = entries.filter(|path| path.extension().unwrap() == "c").collect();
    assert!(sources.len() >= 7, "{sources:?}");
    let chip = autotinyml_deploy::Core::CortexM4f.compiler_flags();
    for (compiler, flags) in [(tools.host_cc, &[][..]), (tools.cross_cc, chip)] {
        let Some(compiler) = compiler else { continue };
        for standard in [&["-std=c99", "-pedantic"][..], &["-std=gnu99"]] {
            let objects = tempfile::tempdir().unwrap();
            let warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror"];
            let output = Command::new(&compiler)
                .current_dir(objects.path())
                .args(flags)
                .args(standard)
                .args(warnings)
                .args(["-O2", "-c"])
                .args(&sources)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{standard:?}: {said}");
        }
    }
}
