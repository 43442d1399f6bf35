//! Real data: handwritten digits, which come with the build, and people who walk.

use std::ops::ControlFlow;
use std::time::Instant;

use autotinyml_deploy::run::compile::ChipObjects;
use autotinyml_deploy::{
    CompressedModel, Compression, Core, Emulator, Host, Project, Runner, StoredKernel, Tools,
    account, compress, write_project,
};
use autotinyml_nn::{
    Activation, Dataset, Layer, Model, Network, Optimizer, Padding, Standardisation, Training,
    train,
};
use serde_json::Value;

use crate::{root, run, text, tools};

/// Images that no network of these tests was trained on.
const IMAGES: usize = 1_000;

/// How many of them the emulator runs.
const EMULATED: usize = 200;

#[test]
fn the_c_gives_the_models_outputs_for_a_thousand_images() {
    let Some(tools) = tools() else { return };
    let digits = autotinyml::data::digits().dataset;
    let (model, standardisation) = trained_on_the_rest(&digits);
    let images = &digits.inputs[..IMAGES * digits.shape.len()];
    let mut standardised = images.to_vec();
    standardisation.apply(&mut standardised);
    for compression in [Compression::X1, Compression::X4, Compression::X8] {
        let stored = compress(&model, compression);
        let reference = match compression {
            Compression::X1 => model.clone(),
            _ => stored.decompressed(),
        };
        assert_eq!(shares_weights(&stored), compression != Compression::X1);
        let expected = reference.predict(&standardised);
        for (runner, outputs) in c_outputs(&tools, &stored, &standardisation, images) {
            let pairs = outputs.iter().zip(&expected);
            let widest = pairs.map(|(found, expected)| (found - expected).abs()).reduce(f32::max);
            println!("{compression} on {runner}: outputs differ by at most {widest:?}");
            assert!(widest.unwrap() <= 1e-4, "{compression} on {runner}: {widest:?}");
            let right = right_share(&outputs, &digits);
            assert!(right > 0.8, "{compression} on {runner} is right on {right}");
        }
    }
}

/// Two epochs on the images after the first thousand.
fn trained_on_the_rest(digits: &Dataset) -> (Model, Standardisation) {
    let layers = [
        Layer::Conv2d {
            filters: 8,
            kernel: [3, 3],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Same,
        },
        Layer::Activation(Activation::Relu),
        Layer::MaxPool2d { window: [2, 2], stride: [2, 2] },
        Layer::Flatten,
        Layer::Dense { units: 32 },
        Layer::Activation(Activation::Tanh),
        Layer::Dense { units: 10 },
        Layer::Activation(Activation::Softmax),
    ];
    let network = Network::chain(digits.shape, &layers).unwrap();
    let samples: Vec<usize> = (IMAGES..digits.len()).collect();
    let standardisation = Standardisation::fit(digits, &samples, 1);
    let optimizer = Optimizer::from_name("adam").unwrap().with_learning_rate(0.01);
    let training = Training::new(2, 10, optimizer);
    let data = digits.standardised(&standardisation);
    let model = train(&network, &data, &samples, &training, 0, &mut |_| ControlFlow::Continue(()));
    (model.unwrap(), standardisation)
}

fn shares_weights(stored: &CompressedModel) -> bool {
    let mut kernels = stored.weights.iter().flatten().map(|weights| &weights.kernel);
    kernels.any(|kernel| matches!(kernel, StoredKernel::Shared { .. }))
}

/// What the C project computes from images as they were taken: of all on this computer, of the first
/// under the emulator.
fn c_outputs(
    tools: &Tools,
    stored: &CompressedModel,
    standardisation: &Standardisation,
    images: &[f32],
) -> [(&'static str, Vec<f32>); 2] {
    let lengths = [stored.network.input.len(), stored.network.output().len()];
    let mut project = Project::new(stored, &images[..lengths[0]]).unwrap();
    project.standardisation = Some(standardisation);
    let folder = tempfile::tempdir().unwrap();
    write_project(&project, folder.path()).unwrap();
    let [host_cc, cross_cc, qemu] = [&tools.host_cc, &tools.cross_cc, &tools.emulator]
        .map(|tool| tool.as_deref().expect("no tool is missing"));

    let host = Host::build(host_cc, &[], folder.path(), lengths).unwrap();
    let macc = account(&stored.network, stored.compression).macc;
    let objects = ChipObjects::compile(cross_cc, Core::CortexM4f, folder.path()).unwrap();
    let emulator = Emulator::link(&objects, qemu, lengths, macc).unwrap().expect("it is small");
    let some_images = &images[..EMULATED * lengths[0]];
    let outputs = [host.run(images).unwrap().outputs, emulator.run(some_images).unwrap().outputs];
    assert_eq!(outputs.each_ref().map(Vec::len), [IMAGES, EMULATED].map(|n| n * lengths[1]));
    let [on_host, emulated] = outputs;
    [("this computer", on_host), ("the emulated chip", emulated)]
}

/// Share of images whose largest output is their class.
fn right_share(outputs: &[f32], digits: &Dataset) -> f64 {
    let classes = digits.classes.len();
    let answers = outputs.chunks(classes).map(|outputs| {
        (0..classes).max_by(|&a, &b| outputs[a].total_cmp(&outputs[b])).expect("classes")
    });
    let right = answers.zip(&digits.labels).filter(|(answer, label)| answer == *label).count();
    right as f64 / (outputs.len() / classes) as f64
}

#[test]
fn quickstart_ends_with_a_network_that_fits_and_is_done_when_called_again() {
    let folder = tempfile::tempdir().unwrap();
    let quickstart = || {
        let begin = Instant::now();
        let output = run(folder.path(), &["quickstart", "--out", "quick"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), text(&output.stderr), begin.elapsed())
    };
    let trained = |said: &str| {
        said.lines()
            .filter(|line| line.starts_with("trial ") || line.starts_with("baseline"))
            .count()
    };
    let (table, said, took) = quickstart();
    assert!(table.contains("X-CROSS accuracy"), "{table}");
    assert!(trained(&said) >= 60, "{said}");
    for file in ["study.db", "report.html", "firmware/network.c", "model/weights.safetensors"] {
        assert!(folder.path().join("quick").join(file).is_file(), "{file}");
    }
    let (again, said, took_again) = quickstart();
    println!("quickstart: {took:.1?}, called again {took_again:.1?}");
    assert_eq!(again, table);
    assert_eq!(trained(&said), 0, "{said}");
    assert!(took_again < took / 5, "{took:.1?}, called again {took_again:.1?}");

    let report = run(folder.path(), &["report", "quick", "--json"]);
    let summary: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(summary["trials"], 60);
    let best = &summary["best"];
    assert_eq!(best["verdict"]["meets_limits"], true, "{best}");
    assert_ne!(best["verdict"]["links_on_chip"], false, "{best}");
    assert!(best["deployed_accuracy"].as_f64().unwrap() > 0.9, "{best}");
}

/// Experiment 1 of the talk on the Tiny Board, cut to four trials.
#[test]
fn a_network_that_knows_people_by_their_walk_runs_on_the_emulated_tiny_board() {
    let data = root().join("../shared/data/uiwad");
    if !data.is_dir() {
        println!("skipped: no walking data in {}", data.display());
        return;
    }
    if tools().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("walking");
    let [data, out] = [&data, &out].map(|path| path.to_str().expect("a path in Unicode"));
    let study = ["optimize", "examples/walking-tiny.toml", "--data", data, "--out", out];
    let limits = ["--trials", "4", "--jobs", "2", "--json"];
    let output = run(&root(), &[&study[..], &limits].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let summary: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();

    let classes = summary["data"]["classes"].as_array().unwrap();
    let windows: u64 = classes.iter().map(|class| class[1].as_u64().unwrap()).sum();
    assert_eq!((classes.len(), windows), (22, 3_226));
    let notes = summary["data"]["notes"].to_string();
    assert!(notes.contains("gaps over 1 s, crossed by no window: 33 ("), "{notes}");
    assert!(
        notes.contains("steps back in time, crossed by no window: 7 (17: 4, 18: 3)"),
        "{notes}"
    );

    let best = &summary["best"];
    assert_eq!(best["verdict"]["links_on_chip"], true, "{best}");
    assert!(best["footprint"]["instructions"].as_u64().unwrap() > 0, "{best}");
    assert!(best["footprint"]["cross_accuracy"].as_f64().unwrap() >= 0.95, "{best}");
}
