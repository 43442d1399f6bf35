//! Real data: handwritten digits, which come with the build.

use std::ops::ControlFlow;

use autotinyml_deploy::run::compile::ChipObjects;
use autotinyml_deploy::{
    CompressedModel, Compression, Core, Emulator, Host, Project, Runner, StoredKernel, Tools,
    account, compress, write_project,
};
use autotinyml_nn::{
    Activation, Dataset, Layer, Model, Network, Optimizer, Padding, Standardisation, Training,
    train,
};
/// Compilers and emulator. CI has them all; elsewhere a test that needs one says so and ends.
fn tools() -> Option<Tools> {
    let tools = Tools::find();
    let missing = tools.missing();
    if missing.is_empty() {
        return Some(tools);
    }
    assert!(std::env::var_os("CI").is_none(), "CI must have every tool: {missing:?}");
    eprintln!("skipped: {missing:?} is missing; `cargo xtask test` installs it");
    None
}

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
        Layer::Conv2d { filters: 8, kernel: [3, 3], stride: [1, 1], padding: Padding::Same },
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
    let training = Training { epochs: 2, batch: 10, optimizer };
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
