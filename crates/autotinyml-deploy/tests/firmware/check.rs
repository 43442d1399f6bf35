//! The whole pipeline, with all tools, with none, and with broken ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use autotinyml_deploy::{Board, Checked, Compression, DeployError, Limits, Subject, Tools, check};
use autotinyml_nn::{Layer, Model, Network, Shape, Standardisation};
use tempfile::TempDir;

use crate::support::{assert_near, baseline, experiment_1, inputs, model, rectified, tools};

/// About 14 KB of weights.
fn small() -> Model {
    experiment_1(8)
}

fn subject<'a>(model: &'a Model, vectors: &'a [f32]) -> Subject<'a> {
    Subject {
        network: &model.network,
        model: Some(model),
        standardisation: None,
        classes: &[],
        vectors: Some(vectors),
        emulated: None,
    }
}

fn tiny_board() -> Option<&'static Board> {
    Board::named("stm32f303k8")
}

#[test]
fn a_network_that_fits_is_measured_in_every_way() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let (model, folder) = (small(), TempDir::new().unwrap());
    let standardisation =
        Standardisation { mean: vec![0.5, -0.25, 0.0], deviation: vec![2.0, 0.5, 1.5] };
    let vectors = inputs(&model.network, 20, 4);
    let subject = Subject { standardisation: Some(&standardisation), ..subject(&model, &vectors) };
    let Checked { footprint, outputs, cross } =
        check(&subject, Compression::X1, tiny_board(), &tools, folder.path()).unwrap();
    // What it answers are the outputs of the C program to all vectors.
    let mut inputs = vectors.clone();
    standardisation.apply(&mut inputs);
    assert_near(&outputs.unwrap(), &model.predict(&inputs), 1e-4, "the C program");
    assert_eq!(footprint.emulated_inputs, Some(20));
    let runners: Vec<_> = cross.iter().flat_map(|cross| &cross.runners).collect();
    assert_eq!(runners.len(), 2);
    assert!(runners.iter().all(|runner| (runner.inputs, runner.accuracy) == (20, 1.0)));
    // The C standardises as the model's inputs were: else the outputs would be far apart.
    assert_eq!(footprint.cross_accuracy, Some(1.0));
    assert!(footprint.l2r.unwrap() < 1e-5, "{footprint:?}");
    assert_eq!(footprint.links_on_chip(), Some(true), "{footprint:?}");
    // At least the weights; at least eight pixels of the pooled map, the sums, input and output.
    assert!(footprint.flash_bytes.unwrap() > footprint.parameters * 4);
    assert!(footprint.ram_bytes.unwrap() > (8 * 8 + 8 + 270 + 6) * 4);
    assert!(footprint.ram_bytes.unwrap() < 3000 && footprint.stack_bytes.unwrap() < 1000);
    // All of it is told, but for some words of the C library.
    assert_eq!(footprint.buffers_bytes, Some((270 + 6) * 4));
    let told = footprint.arena_bytes.unwrap() + (270 + 6) * 4 + footprint.stack_bytes.unwrap();
    assert!((told..=told + 8).contains(&footprint.ram_bytes.unwrap()), "{footprint:?}");
    assert!((8_624..100_000).contains(&footprint.instructions.unwrap()), "{footprint:?}");
    assert!(Limits::default().judge(&footprint).deployable());
    // What make builds is what was checked.
    let flash = footprint.regions[0].used_bytes;
    run_make(folder.path(), &tools, &[]);
    let elf = autotinyml_deploy::Elf::read(&folder.path().join("firmware.elf")).unwrap();
    assert_eq!(elf.bytes_in(&tiny_board().unwrap().regions[0]), flash);
}

#[test]
fn an_inference_that_finds_no_zeros_takes_the_most() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let folder = TempDir::new().unwrap();
    for (model, compression, multiply_adds) in [
        (small(), Compression::X1, 0),
        (rectified(13, [208, 160], 1), Compression::X1, 1352 * 208 + 208 * 160),
        (rectified(13, [208, 160], 1), Compression::X4, 1352 * 208 + 208 * 160),
        // The second dense layer has so few weights that it does not look for zeros.
        (rectified(13, [208, 160], 1), Compression::X8, 1352 * 208),
    ] {
        let vectors = inputs(&model.network, 3, 4);
        let checked = check(&subject(&model, &vectors), compression, None, &tools, folder.path());
        let footprint = checked.unwrap().footprint;
        let mean = footprint.instructions.unwrap();
        let most = footprint.instructions_max;
        assert_eq!(most.is_some(), multiply_adds > 0, "{compression}: {footprint:?}");
        // Some zeros, at an instruction or more for each weight that is passed over.
        let saved = most.unwrap_or(mean) - mean;
        assert!(saved >= multiply_adds / 20 && saved < 4 * multiply_adds.max(1), "{saved}");
    }
}

/// As a user calls it.
fn make(folder: &Path, tools: &Tools) -> Command {
    let mut make = Command::new("make");
    make.current_dir(folder).arg("--silent");
    make.arg(format!("CC={}", tools.cross_cc.as_ref().unwrap().display()));
    make.arg(format!("QEMU={}", tools.emulator.as_ref().unwrap().display()));
    make
}

fn runs(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// What make and the programs that it runs say.
fn run_make(folder: &Path, tools: &Tools, targets: &[&str]) -> String {
    let output = make(folder, tools).args(targets).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn make_run_prints_the_class_of_the_example() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let (model, folder) = (small(), TempDir::new().unwrap());
    let classes = ["still", "walking", "running", "climbing", "falling", "dancing"];
    let classes = classes.map(String::from);
    let vectors = inputs(&model.network, 1, 6);
    let subject = Subject { classes: &classes, ..subject(&model, &vectors) };
    let outputs = model.predict(&vectors);
    let largest = (0..6).max_by(|&a, &b| outputs[a].total_cmp(&outputs[b])).unwrap();
    // Without a board too: make then builds the emulator's program. A Pico 2 has another machine.
    for board in [None, Board::named("pico2")] {
        check(&subject, Compression::X1, board, &Tools::default(), folder.path()).unwrap();
        assert_eq!(run_make(folder.path(), &tools, &["clean"]), "");
        assert_eq!(run_make(folder.path(), &tools, &[]), "");
        let said = run_make(folder.path(), &tools, &["run"]);
        assert_eq!(said, format!("{}\n", classes[largest]));
        let said = run_make(folder.path(), &tools, &["selftest"]);
        assert_eq!(said, "X-CROSS accuracy 100.00 % (1 of 1 inputs)\n");
    }
}

#[test]
fn make_selftest_fails_if_weights_are_not_what_they_were() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let (model, folder) = (small(), TempDir::new().unwrap());
    let vectors = inputs(&model.network, 40, 6);
    check(&subject(&model, &vectors), Compression::X1, None, &Tools::default(), folder.path())
        .unwrap();
    let said = run_make(folder.path(), &tools, &["selftest"]);
    assert_eq!(said, "X-CROSS accuracy 100.00 % (32 of 32 inputs)\n");
    let weights = folder.path().join("weights.bin");
    // Every weight with the other sign.
    let mut bytes = fs::read(&weights).unwrap();
    bytes.iter_mut().skip(3).step_by(4).for_each(|byte| *byte ^= 0x80);
    fs::write(&weights, bytes).unwrap();
    let output = make(folder.path(), &tools).arg("selftest").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("selftest: fewer than 31\n"), "{said}");
}

/// As a part of a C++ project and by itself, for the chip and for this computer.
#[test]
fn cmake_builds_what_make_builds() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    if !runs("cmake") {
        assert!(std::env::var_os("CI").is_none(), "no cmake");
        return;
    }
    let (model, folder) = (small(), TempDir::new().unwrap());
    let vectors = inputs(&model.network, 3, 6);
    let checked =
        check(&subject(&model, &vectors), Compression::X4, tiny_board(), &tools, folder.path());
    let cmake = |arguments: &[&str]| {
        let output = Command::new("cmake").current_dir(folder.path()).args(arguments).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };
    cmake(&["-B", "chip", "-DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake"]);
    cmake(&["--build", "chip"]);
    let elf = autotinyml_deploy::Elf::read(&folder.path().join("chip/firmware.elf")).unwrap();
    let flash = elf.bytes_in(&tiny_board().unwrap().regions[0]);
    assert_eq!(Some(flash), checked.unwrap().footprint.flash_bytes);
    let said = cmake(&["--build", "chip", "--target", "selftest"]);
    assert!(said.contains("X-CROSS accuracy 100.00 % (3 of 3 inputs)"), "{said}");

    cmake(&["-B", "here"]);
    cmake(&["--build", "here"]);
    let mut host = Command::new(folder.path().join("here/host"));
    let host =
        host.current_dir(folder.path()).args(["inputs.bin", "answers.bin"]).output().unwrap();
    assert!(host.status.success(), "{}", String::from_utf8_lossy(&host.stderr));
    let bytes = fs::read(folder.path().join("answers.bin")).unwrap();
    let (answers, _) = bytes.as_chunks::<4>();
    let answers: Vec<f32> = answers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    assert_near(&answers, &model.predict(&vectors), 0.05, "host, weights shared");
}

#[test]
fn a_network_too_large_for_its_chip_is_an_outcome() {
    let Some(tools) = tools(|tools| tools.cross_cc.is_some()) else { return };
    let (model, folder) = (baseline(), TempDir::new().unwrap());
    let subject = Subject { model: None, vectors: None, ..subject(&model, &[]) };
    let tools = Tools { emulator: None, host_cc: None, ..tools };
    let Checked { footprint, .. } =
        check(&subject, Compression::X1, tiny_board(), &tools, folder.path()).unwrap();
    let [flash, sram, ccm] = &footprint.regions[..] else { panic!("three regions") };
    // 738,950 floats and a few KB of code; the arena of 1,024 bytes, input and output.
    let weights = 738_950 * 4;
    assert!((weights + 1_000..weights + 10_000).contains(&flash.used_bytes), "{flash:?}");
    assert!((1_024 + 1_080..1_024 + 2_000).contains(&sram.used_bytes), "{sram:?}");
    assert_eq!((ccm.used_bytes, ccm.over_bytes()), (2048, 0));
    assert_eq!(footprint.links_on_chip(), Some(false));
    assert_eq!((footprint.cross_accuracy, footprint.instructions), (None, None));
    assert!(!Limits::default().judge(&footprint).deployable());
}

#[test]
fn a_network_too_large_for_the_emulator_is_an_outcome() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    // 17.6 MB of weights; the emulated machine holds 16 MiB.
    let layers = [Layer::Dense { units: 2100 }, Layer::Dense { units: 3 }];
    let (model, folder) = (model(Shape::vector(2100), &layers, 1), TempDir::new().unwrap());
    let vectors = inputs(&model.network, 2, 3);
    let subject = subject(&model, &vectors);
    let checked = check(&subject, Compression::X1, tiny_board(), &tools, folder.path()).unwrap();
    let footprint = checked.footprint;
    assert_eq!((footprint.emulated_inputs, footprint.instructions), (Some(0), None));
    assert_eq!((footprint.links_on_chip(), footprint.cross_accuracy), (Some(false), Some(1.0)));
    assert_near(&checked.outputs.unwrap(), &model.predict(&vectors), 1e-4, "host");
    let unchecked = Limits::default().judge(&footprint).unchecked;
    assert!(unchecked.len() == 1 && unchecked[0].contains("emulated machine"), "{unchecked:?}");
}

#[test]
fn the_emulator_may_run_only_some_of_the_vectors() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let (model, folder) = (small(), TempDir::new().unwrap());
    let vectors = inputs(&model.network, 7, 4);
    let subject = Subject { emulated: Some(3), ..subject(&model, &vectors) };
    let check =
        |tools: &Tools| check(&subject, Compression::X1, None, tools, folder.path()).unwrap();
    let checked = check(&tools);
    assert_eq!(checked.footprint.emulated_inputs, Some(3));
    let runners = checked.cross.unwrap().runners;
    assert_eq!(runners.iter().map(|runner| runner.inputs).collect::<Vec<_>>(), [7, 3]);
    assert_near(&checked.outputs.unwrap(), &model.predict(&vectors), 1e-4, "host");
    // Without a compiler for this computer no C program ran them all.
    let checked = check(&Tools { host_cc: None, ..tools.clone() });
    assert_eq!((checked.outputs, checked.footprint.cross_accuracy), (None, Some(1.0)));
}

#[test]
fn an_emulator_that_answers_otherwise_is_an_error_that_names_the_answers() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let folder = TempDir::new().unwrap();
    // Six zeros, which no softmax gives.
    let wrong = "head -c 24 /dev/zero > outputs.bin; echo 'ticks 1' > measurements.txt";
    let tools = Tools { emulator: Some(fake_tool(folder.path(), wrong)), ..tools };
    let error = check_with(&tools, &small().network).unwrap_err();
    assert!(
        matches!(error, DeployError::RunnersDiffer { input: 0, host, emulated: 0.0, .. } if host > 0.0),
        "{error}"
    );
}

#[test]
fn without_tools_the_model_still_answers() {
    let (model, folder) = (small(), TempDir::new().unwrap());
    let vectors = inputs(&model.network, 5, 4);
    let none = Tools::default();
    let subject = subject(&model, &vectors);
    let Checked { footprint, .. } =
        check(&subject, Compression::X4, tiny_board(), &none, folder.path()).unwrap();
    assert!(footprint.cross_accuracy.unwrap() >= 0.6);
    assert_eq!((footprint.flash_bytes, footprint.links_on_chip()), (None, None));
    assert!(folder.path().join("network.c").exists());
}

fn fake_tool(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("tool");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn check_with(tools: &Tools, network: &Network) -> Result<Checked, DeployError> {
    let model = Model::initialise(network.clone(), 0);
    let subject = Subject { vectors: None, ..subject(&model, &[]) };
    check(&subject, Compression::X1, tiny_board(), tools, TempDir::new().unwrap().path())
}

#[test]
fn a_compiler_that_crashes_is_an_error_with_its_words() {
    let folder = TempDir::new().unwrap();
    let compiler = fake_tool(folder.path(), "echo 'internal compiler error' >&2; kill -SEGV $$");
    for tools in [
        Tools { host_cc: Some(compiler.clone()), ..Tools::default() },
        Tools { cross_cc: Some(compiler.clone()), ..Tools::default() },
    ] {
        let message = check_with(&tools, &small().network).unwrap_err().to_string();
        assert!(message.contains("/tool -std=gnu99 -O2"), "{message}");
        assert!(message.contains("signal 11"), "{message}");
        assert!(message.contains("internal compiler error"), "{message}");
    }
}

#[test]
fn an_emulator_that_fails_is_an_error_with_its_words() {
    let Some(tools) = tools(|tools| tools.cross_cc.is_some()) else { return };
    let folder = TempDir::new().unwrap();
    let broken = fake_tool(folder.path(), "echo 'no such machine' >&2; exit 1");
    let fails = Tools { emulator: Some(broken), ..tools.clone() };
    let message = check_with(&fails, &small().network).unwrap_err().to_string();
    assert!(message.contains("/tool -machine mps2-an386"), "{message}");
    assert!(message.contains("exit code 1") && message.contains("no such machine"), "{message}");

    let silent = fake_tool(folder.path(), "exit 0");
    let says_nothing = Tools { emulator: Some(silent), ..tools };
    let message = check_with(&says_nothing, &small().network).unwrap_err().to_string();
    assert!(message.contains("outputs.bin"), "{message}");
}
