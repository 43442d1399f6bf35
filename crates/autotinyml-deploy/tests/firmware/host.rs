//! The C computes what the Rust model computes, on this computer.

use std::path::{Path, PathBuf};
use std::process::Command;

use autotinyml_deploy::plan::Extent;
use autotinyml_deploy::{
    Compression, Host, Project, Runner, StoredKernel, Tools, compress, write_project,
};
use autotinyml_nn::{Activation, Layer, Model, Padding, Shape};

use crate::fuzz::SANITIZED;
use crate::support::{
    any_chain, assert_near, convolutions, inputs, lengths, model, project, tools,
};

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

const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror"];

/// All of them, not only those that some test's network uses.
fn kernels() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("c/kernels");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let sources: Vec<_> = entries.filter(|path| path.extension().unwrap() == "c").collect();
    assert!(sources.len() >= 7, "{sources:?}");
    sources
}

/// What a compiler says to `arguments`, in a folder.
fn compile(compiler: &Path, folder: &Path, arguments: &[&[&str]], sources: &[PathBuf]) {
    let mut command = Command::new(compiler);
    command.current_dir(folder).args(arguments.concat()).args(sources);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?}: {said}");
}

/// Clang, which CI has.
fn clang() -> Option<PathBuf> {
    let clang = PathBuf::from("clang");
    let runs = Command::new(&clang).arg("--version").output().is_ok();
    assert!(runs || std::env::var_os("CI").is_none(), "no clang");
    runs.then_some(clang)
}

/// By GCC for both machines and by clang, and as standard C99 too; the check itself compiles every project
/// with warnings as errors.
#[test]
fn every_kernel_compiles_without_a_warning() {
    let Some(tools) = tools(|tools| tools.host_cc.is_some()) else { return };
    let chip = autotinyml_deploy::Core::CortexM4f.compiler_flags();
    for (compiler, flags) in [(tools.host_cc, &[][..]), (tools.cross_cc, chip), (clang(), &[])] {
        let Some(compiler) = compiler else { continue };
        for standard in [&["-std=c99", "-pedantic"][..], &["-std=gnu99"]] {
            let objects = tempfile::tempdir().unwrap();
            let arguments = [flags, standard, &WARNINGS, &["-O2", "-c"]];
            compile(&compiler, objects.path(), &arguments, &kernels());
        }
    }
}

/// What takes memory that was not counted: arrays of variable length, the heap, recursion.
#[test]
fn no_kernel_takes_memory_that_is_not_counted() {
    let Some(tools) = tools(|tools| tools.cross_cc.is_some()) else { return };
    let compiler = tools.cross_cc.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chip = autotinyml_deploy::Core::CortexM4f.compiler_flags();
    let options = ["-std=gnu99", "-O2", "-Wvla", "-Walloca", "-fcallgraph-info", "-c"];
    compile(&compiler, folder.path(), &[chip, &WARNINGS, &options], &kernels());
    let mut calls: Vec<(String, String)> = vec![];
    for kernel in kernels() {
        let graph = folder.path().join(kernel.file_name().unwrap()).with_extension("ci");
        let text = std::fs::read_to_string(graph).unwrap();
        // edge: { sourcename: "file.c:caller" targetname: "callee" label: … }
        for line in text.lines().filter(|line| line.starts_with("edge:")) {
            let mut names = line.split('"').skip(1).step_by(2);
            let [from, to] = [names.next().unwrap(), names.next().unwrap()].map(str::to_owned);
            calls.push((from, to));
        }
    }
    assert!(calls.iter().any(|(_, to)| to == "autotinyml_sum_tile"), "{calls:?}");
    for (from, to) in &calls {
        let name = to.rsplit(':').next().unwrap();
        assert!(!["malloc", "calloc", "realloc", "free"].contains(&name), "{from} calls {to}");
        let mut reached = vec![to];
        let mut next = 0;
        while let Some(caller) = reached.get(next).copied() {
            assert!(caller != from, "{from} calls itself by way of {to}");
            let callees = calls.iter().filter(|(from, _)| from == caller).map(|(_, to)| to);
            let new: Vec<&String> = callees.filter(|callee| !reached.contains(callee)).collect();
            reached.extend(new);
            next += 1;
        }
    }
}

/// As in a project in C++, and in an Arduino library: all files in one folder, and that core's options.
#[test]
fn the_interface_works_from_cpp_and_as_an_arduino_library() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let (model, folder) = (any_chain(3), tempfile::tempdir().unwrap());
    let vectors = inputs(&model.network, 1, 1);
    let stored = compress(&model, Compression::X1);
    write_project(&Project::new(&stored, &vectors).unwrap(), folder.path()).unwrap();
    let library = folder.path().join("library");
    std::fs::create_dir(&library).unwrap();
    let files = std::fs::read_dir(folder.path().join("autotinyml")).unwrap();
    let kernels: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    let network = ["network.c", "network.h", "weights.S", "weights.bin"];
    for file in network.map(|name| folder.path().join(name)).iter().chain(&kernels) {
        std::fs::copy(file, library.join(file.file_name().unwrap())).unwrap();
    }
    let sketch = "#include <network.h>
        static float input[NETWORK_INPUT_LENGTH];
        static float output[NETWORK_OUTPUT_LENGTH];
        int main() {
            network_prepare(input);
            network_run(input, output);
            return network_classes[0] == nullptr || !(output[0] == output[0]);
        }";
    std::fs::write(folder.path().join("sketch.cpp"), sketch).unwrap();
    let entries = std::fs::read_dir(&library).unwrap().map(|entry| entry.unwrap().path());
    let is_source = |path: &PathBuf| path.extension().is_some_and(|it| it == "c" || it == "S");
    let sources: Vec<PathBuf> = entries.filter(is_source).collect();
    let softfp = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16"];
    let include = format!("-I{}", library.display());
    let cross_cc = tools.cross_cc.as_deref().unwrap();
    let [host_cc, cross_cpp] = [tools.host_cc.as_deref().unwrap(), cross_cc];
    for (compiler, core) in [(host_cc, &[][..]), (cross_cpp, &softfp)] {
        let objects = tempfile::tempdir().unwrap();
        let compiling = ["-Os", "-c", "-ffunction-sections", "-fdata-sections", &include];
        compile(
            compiler,
            objects.path(),
            &[core, &WARNINGS, &["-std=gnu11"], &compiling],
            &sources,
        );
        let cpp = ["-x", "c++", "-std=gnu++14", "-fno-exceptions", "-fno-rtti"];
        let sketch = [folder.path().join("sketch.cpp")];
        compile(compiler, objects.path(), &[core, &WARNINGS, &cpp, &compiling], &sketch);
        let entries = std::fs::read_dir(objects.path()).unwrap();
        let linked: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        let specs: &[&str] =
            if core.is_empty() { &[] } else { &["--specs=nano.specs", "--specs=nosys.specs"] };
        let last = [PathBuf::from("-lm")];
        let objects_and_library = [&linked[..], &last].concat();
        let linking = ["-Wl,--gc-sections", "-Wl,--no-warnings", "-o", "program"];
        let linking = if core.is_empty() { &["-o", "program"][..] } else { &linking };
        compile(compiler, objects.path(), &[core, specs, linking], &objects_and_library);
        if core.is_empty() {
            assert!(Command::new(objects.path().join("program")).status().unwrap().success());
        }
    }
}
