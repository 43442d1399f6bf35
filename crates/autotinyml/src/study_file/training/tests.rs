//! What `[training]` means.

use autotinyml_deploy::Boards;
use autotinyml_nn::{
    Augmentation, ClassWeights, EarlyStopping, Monitor, Optimizer, Schedule, Training,
};
use autotinyml_search::Setting;

use crate::study_file::StudyFile;
use crate::study_file::section::SourceText;

/// The recipe of a configuration of a file with this space and `[training]`, for classes `a` and `b`.
fn training(space: &str, recipe: &str, settings: &[(&str, Setting)]) -> Training {
    let text = format!(
        "input = [1, 1, 2]\nclasses = 2\n[space]\n{space}\n[[network]]\nflatten = {{}}\n[[network]]\n\
         dense = {{ units = \"classes\", activation = \"softmax\" }}\n\
         [training]\nepochs = 12\nbatch = 10\n{recipe}\n"
    );
    let source = SourceText { name: "study.toml".into(), text };
    let file =
        StudyFile::parse(&source, &Boards::default()).unwrap_or_else(|error| panic!("{error:?}"));
    let settings: Vec<(String, Setting)> =
        settings.iter().map(|(name, setting)| (name.to_string(), setting.clone())).collect();
    let configuration = file.space.configuration(&settings).unwrap();
    let classes = ["a", "b"].map(String::from);
    file.training.unwrap().fill(&file.space, &configuration, &classes)
}

fn text(text: &str) -> Setting {
    Setting::Text(text.into())
}

#[test]
fn left_out_is_left_out() {
    let recipe = training("", "optimizer = \"sgd\"", &[]);
    assert_eq!(recipe, Training::new(12, 10, Optimizer::from_name("sgd").unwrap()));
}

#[test]
fn every_setting_can_be_written_out() {
    let recipe = training(
        "",
        r#"
optimizer = "sgd"
augment = { shift = [4, 2], mirror = true, scale = 0.25, noise = 0.5, mask = [8, 6] }
learning_rate = 0.5
momentum = 0.75
schedule = "step"
schedule_every = 4
schedule_factor = 0.5
l2 = 0.25
label_smoothing = 0.125
class_weights = { b = 3 }
clip_norm = 2
early_stopping = { patience = 3, monitor = "accuracy", hold_out = 0.2 }
"#,
        &[],
    );
    let expected = Training {
        epochs: 12,
        batch: 10,
        augmentation: Augmentation {
            shift: [4, 2],
            mirror: true,
            scale: 0.25,
            noise: 0.5,
            mask: [8, 6],
        },
        optimizer: Optimizer::Sgd { learning_rate: 0.5, momentum: 0.75 },
        schedule: Schedule::Step { every: 4, factor: 0.5 },
        l2: 0.25,
        label_smoothing: 0.125,
        class_weights: ClassWeights::PerClass(vec![1.0, 3.0]),
        clip_norm: Some(2.0),
        early_stopping: Some(EarlyStopping { monitor: Monitor::ValidationAccuracy, patience: 3 }),
    };
    assert_eq!(recipe, expected);
}

#[test]
fn every_setting_can_be_searched() {
    let space = r#"
optimizer = ["adam", "sgd"]
shift = [0, 4]
mirror = ["yes", "no"]
scale = [0.0, 0.25]
noise = { low = 0.0, high = 0.5 }
mask = [0, 8]
rate = { low = 0.001, high = 0.1, log = true }
momentum = { low = 0.0, high = 0.9, when = "$optimizer == sgd" }
schedule = ["constant", "cosine", "step"]
every = { values = [3, 6], when = "$schedule == step" }
factor = { low = 0.1, high = 0.5, when = "$schedule == step" }
l2 = { low = 1e-5, high = 0.1, log = true }
smoothing = [0, 0.1]
weights = ["equal", "balanced"]
norm = [1, 10]
patience = [2, 4]
monitor = ["loss", "accuracy"]
"#;
    let recipe = r#"
optimizer = "$optimizer"
augment = { shift = "$shift", mirror = "$mirror", scale = "$scale", noise = "$noise", mask = "$mask" }
learning_rate = "$rate"
momentum = "$momentum"
schedule = "$schedule"
schedule_every = "$every"
schedule_factor = "$factor"
l2 = "$l2"
label_smoothing = "$smoothing"
class_weights = "$weights"
clip_norm = "$norm"
early_stopping = { patience = "$patience", monitor = "$monitor" }
"#;
    let number = Setting::Number;
    let always = [
        ("shift", number(4.0)),
        ("mirror", text("yes")),
        ("scale", number(0.25)),
        ("noise", number(0.125)),
        ("mask", number(8.0)),
        ("rate", number(0.0625)),
        ("l2", number(0.03125)),
        ("smoothing", number(0.0)),
        ("weights", text("balanced")),
        ("norm", number(10.0)),
        ("patience", number(4.0)),
        ("monitor", text("loss")),
    ];
    let steps = [
        ("optimizer", text("sgd")),
        ("momentum", number(0.5)),
        ("schedule", text("step")),
        ("every", number(6.0)),
        ("factor", number(0.25)),
    ];
    let expected = Training {
        epochs: 12,
        batch: 10,
        augmentation: Augmentation {
            shift: [4, 0],
            mirror: true,
            scale: 0.25,
            noise: 0.125,
            mask: [8, usize::MAX],
        },
        optimizer: Optimizer::Sgd { learning_rate: 0.0625, momentum: 0.5 },
        schedule: Schedule::Step { every: 6, factor: 0.25 },
        l2: 0.03125,
        label_smoothing: 0.0,
        class_weights: ClassWeights::Balanced,
        clip_norm: Some(10.0),
        early_stopping: Some(EarlyStopping { monitor: Monitor::ValidationLoss, patience: 4 }),
    };
    assert_eq!(training(space, recipe, &[&always[..], &steps].concat()), expected);

    let cosine = [("optimizer", text("adam")), ("schedule", text("cosine"))];
    let expected = Training {
        optimizer: Optimizer::Adam { learning_rate: 0.0625 },
        schedule: Schedule::Cosine { epochs: 12 },
        ..expected
    };
    assert_eq!(training(space, recipe, &[&always[..], &cosine].concat()), expected);
}
