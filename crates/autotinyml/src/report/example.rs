//! A study as it comes out of the talk's experiment 1 on the Tiny Board, for the tests of reports.
//! Sizes follow from each network; accuracies are made up.

use autotinyml_deploy::{
    Accounting, Board, Footprint, Limits, MemoryMap, RegionKind, RegionUse, Verdict,
};
use autotinyml_nn::{Layer, Metric, Network, Padding, Shape};
use autotinyml_search::{Condition, Configuration, Domain, Parameter, Phase, Setting, Space};

use crate::record::{DataSummary, Deployable, Finalist, Summary, TrialOutcome, TrialRecord};

const LIMITS: Limits = Limits {
    ram_bytes: Some(16_000),
    rom_bytes: Some(60_000),
    cross_accuracy: Some(0.95),
    macc: None,
    accounting: Accounting::St,
};

/// A study of this many trials, its winner, and a baseline that does not fit.
pub fn study(count: usize) -> Summary {
    let space = space();
    let trials = trials(&space, count);
    let best = trials
        .iter()
        .filter(|trial| trial.outcome.verdict.deployable())
        .max_by(|a, b| a.outcome.accuracy.partial_cmp(&b.outcome.accuracy).expect("no NaN"))
        .map(|trial| winner(&space, trial));
    let best_trial =
        trials.iter().find(|trial| best.as_ref().is_some_and(|b| b.trial == Some(trial.id)));
    let best_memory = best_trial.map(|trial| memory_map(&space, trial));
    Summary {
        name: "walking-tiny".into(),
        study_text: "name = \"walking-tiny\"\n\n[space]\nfilters = [8, 16, 32, 64, 128, 256]\n"
            .into(),
        board: "STM32F303K8T6 (Tiny Board)".into(),
        compression: "x4".into(),
        limits: LIMITS,
        searcher: "svm-cbo".into(),
        goal: Metric::Accuracy,
        budget: count,
        data: data(),
        deployable: Some(Deployable {
            space: 34_560,
            within_limits: 9_120,
            unbuildable: 0,
            unbuildable_reason: None,
        }),
        space,
        trials,
        finished: true,
        best,
        best_memory,
        baseline: Some(baseline()),
    }
}

/// The same study, if nothing had fitted.
pub fn fruitless(count: usize) -> Summary {
    let mut summary = study(count);
    summary.limits.ram_bytes = Some(100);
    summary.best = None;
    summary.best_memory = None;
    summary.deployable.as_mut().expect("the space is finite").within_limits = 0;
    for trial in &mut summary.trials {
        let footprint = trial.outcome.footprint.as_ref().expect("all can be built");
        trial.outcome.verdict = summary.limits.judge(footprint);
    }
    summary
}

fn space() -> Space {
    let numbers =
        |name: &str, numbers: &[f64]| (name.to_owned(), Domain::Ordered(numbers.to_vec()));
    let names = |name: &str, names: &[&str]| {
        (name.to_owned(), Domain::Unordered(names.iter().map(|&name| name.to_owned()).collect()))
    };
    let activations = ["relu", "sigmoid", "selu", "tanh"];
    let sizes = [8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
    let rate = Domain::Range { low: 1e-4, high: 1e-1, step: None, log: true };
    let adam = Condition {
        parameter: "optimizer".into(),
        is: vec![Setting::Text("adam".into())],
        negated: false,
    };
    let always = [
        numbers("filters", &sizes),
        names("conv_activation", &activations),
        numbers("kernel", &[1.0, 2.0]),
        numbers("pool", &[1.0, 2.0]),
        numbers("dropout", &[0.1, 0.2, 0.3]),
        numbers("units", &sizes),
        names("dense_activation", &activations),
        names("optimizer", &["adam", "sgd", "rmsprop", "adadelta", "adamax"]),
    ];
    let mut parameters: Vec<Parameter> =
        always.map(|(name, domain)| Parameter { name, domain, when: None }).into();
    parameters.push(Parameter { name: "learning_rate".into(), domain: rate, when: Some(adam) });
    Space::new(parameters).expect("the space is sound")
}

fn trials(space: &Space, count: usize) -> Vec<TrialRecord> {
    let trial = |id| {
        let configuration = configuration(space, id);
        let number = |name| match space.setting(&configuration, name) {
            Some(Setting::Number(number)) => number as usize,
            other => unreachable!("{name} is always a number, not {other:?}"),
        };
        let (filters, units) = (number("filters"), number("units"));
        let outcome = outcome(id, filters, number("kernel"), number("pool"), units);
        let phase = match id * 10 / count {
            0 => Phase::Initial,
            1..6 => Phase::Boundary,
            _ => Phase::Optimise,
        };
        let seconds = 0.2 + (filters * units) as f64 / 900.0;
        TrialRecord {
            id,
            configuration,
            phase,
            epochs: None,
            outcome,
            combinations: vec![],
            seconds,
        }
    };
    (0..count).map(trial).collect()
}

/// Spreads trials over the space by multiples of irrational numbers: the root of a prime for each
/// parameter.
fn configuration(space: &Space, id: usize) -> Configuration {
    let mut settings: Vec<(String, Setting)> = vec![];
    let primes = [2.0_f64, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0];
    for (parameter, prime) in space.parameters().iter().zip(primes) {
        let share = ((id + 1) as f64 * prime.sqrt()).fract();
        let pick = |length: usize| (share * length as f64) as usize;
        let setting = match &parameter.domain {
            Domain::Ordered(numbers) => Setting::Number(numbers[pick(numbers.len())]),
            Domain::Unordered(names) => Setting::Text(names[pick(names.len())].clone()),
            Domain::Range { low, high, .. } => Setting::Number(low * (high / low).powf(share)),
        };
        let adam = settings.iter().any(|(_, setting)| *setting == Setting::Text("adam".into()));
        if parameter.when.is_none() || adam {
            settings.push((parameter.name.clone(), setting));
        }
    }
    space.configuration(&settings).expect("the settings are the space's own")
}

fn outcome(id: usize, filters: usize, kernel: usize, pool: usize, units: usize) -> TrialOutcome {
    let (rows, columns) = (91 - kernel, 4 - kernel);
    let flat = (rows / pool) * (columns / pool) * filters;
    let dense = flat * units + units * units + units * 22;
    let mut footprint = Footprint {
        parameters: filters * (kernel * kernel + 1) + dense + 2 * units + 22,
        macc: (rows * columns * filters * kernel * kernel + dense) as u64,
        st_ram_bytes: 4 * (flat + pool * columns * filters),
        st_rom_bytes: dense + 3 * 1024 + 4 * (filters * (kernel * kernel + 1) + 2 * units + 22),
        ..Footprint::default()
    };
    let trained = LIMITS.judge(&footprint).meets_limits || id % 10 == 3;
    let chance = (id as f64 * 0.754_877_666).fract();
    let size = (flat as f64 * units as f64).ln() / 16.0;
    let accuracy = trained.then_some(0.35 + 0.25 * size.min(1.0) + 0.12 * chance);
    if trained {
        footprint.cross_accuracy = Some(1.0 - 0.06 * (id as f64 * 0.569_840_29).fract());
    }
    let curve = |accuracy: f64| {
        (1..=10).map(|epoch| accuracy * (1.1 - 0.8 / f64::from(epoch))).collect::<Vec<f64>>()
    };
    TrialOutcome {
        accuracy,
        balanced_accuracy: accuracy.map(|accuracy| accuracy - 0.02),
        macro_f1: accuracy.map(|accuracy| accuracy - 0.03),
        fold_scores: vec![],
        fold_accuracies: accuracy.map_or(vec![], |mean| vec![mean - 0.01, mean, mean + 0.01]),
        learning_curve: accuracy.map_or(vec![], curve),
        validation_curve: vec![],
        stopped: None,
        verdict: LIMITS.judge(&footprint),
        footprint: Some(footprint),
    }
}

fn data() -> DataSummary {
    let windows = [
        111, 78, 24, 154, 24, 108, 81, 74, 170, 67, 124, 102, 140, 264, 80, 35, 477, 444, 19, 375,
        65, 210,
    ];
    let person = |(index, &count): (usize, &usize)| ((index + 1).to_string(), count);
    DataSummary {
        shape: "90×3×1".into(),
        classes: windows.iter().enumerate().map(person).collect(),
        train: 2_581,
        test: 645,
        split: "at random: 20 % for the test, 3 folds".into(),
        notes: vec![
            "3226 windows of 90 rows, one every 45, from 149332 rows in 22 files".into(),
            "copies of earlier rows, dropped: 448 (17: 256, 18: 192)".into(),
            "87 % of the test windows share rows with a training window: accuracies are optimistic"
                .into(),
        ],
        cautions: vec![],
    }
}

fn winner(space: &Space, trial: &TrialRecord) -> Finalist {
    let settings = space.settings(&trial.configuration).into_iter();
    let st = trial.outcome.footprint.clone().expect("it was trained");
    let regions = [
        ("flash", RegionKind::Flash, st.st_rom_bytes + 4_000, 65_536),
        ("sram", RegionKind::Ram, st.st_ram_bytes.min(12_000), 12_288),
        ("ccm", RegionKind::Ram, 1_536, 4_096),
    ];
    let region = |(name, kind, used_bytes, length_bytes): (&str, RegionKind, usize, usize)| {
        RegionUse { name: name.into(), kind, used_bytes, length_bytes }
    };
    let footprint = Footprint {
        flash_bytes: Some(st.st_rom_bytes + 4_000),
        ram_bytes: Some(st.st_ram_bytes + 1_536),
        stack_bytes: Some(312),
        instructions: Some(3 * st.macc + 12_345),
        cross_accuracy: Some(0.9969),
        regions: regions.map(region).into(),
        ..st
    };
    let accuracy = trial.outcome.accuracy.expect("it was trained");
    Finalist {
        cross: None,
        trial: Some(trial.id),
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
        validation_accuracy: accuracy,
        validation_goal: None,
        test_accuracy: accuracy + 0.012,
        deployed_accuracy: accuracy + 0.0105,
        confusion: (0..22)
            .map(|row| (0..22).map(|column| confused(row, column)).collect())
            .collect(),
        undecided: vec![0; 22],
        verdict: LIMITS.judge(&footprint),
        footprint,
    }
}

fn memory_map(space: &Space, trial: &TrialRecord) -> MemoryMap {
    let number = |name| match space.setting(&trial.configuration, name) {
        Some(Setting::Number(number)) => number as usize,
        other => unreachable!("{name} is always a number, not {other:?}"),
    };
    let (kernel, pool) = (number("kernel"), number("pool"));
    let conv = Layer::Conv2d {
        filters: number("filters"),
        kernel: [kernel; 2],
        stride: [1; 2],
        dilation: [1; 2],
        padding: Padding::Valid,
    };
    let pool = Layer::MaxPool2d { window: [pool; 2], stride: [pool; 2] };
    let dense = Layer::Dense { units: number("units") };
    let layers = [conv, pool, Layer::Flatten, dense, dense, Layer::Dense { units: 22 }];
    let network = Network::chain(Shape::new(90, 3, 1), &layers).expect("it can be built");
    let board = Board::named("stm32f303k8").expect("it is in the catalogue");
    MemoryMap::of(&network, board).expect("it can be planned")
}

fn confused(row: usize, column: usize) -> usize {
    match row.abs_diff(column) {
        0 => 5 + 3 * row,
        1 => (row * 7 + column) % 5,
        _ => usize::from((row * 31 + column * 17).is_multiple_of(23)),
    }
}

/// The HAR network with 22 outputs.
fn baseline() -> Finalist {
    let footprint = Footprint {
        parameters: 741_014,
        macc: 877_258,
        st_ram_bytes: 24_576,
        st_rom_bytes: 802_392,
        ..Footprint::default()
    };
    let settings = [("filters", "128"), ("kernel", "2"), ("pool", "2"), ("units", "128")];
    Finalist {
        cross: None,
        trial: None,
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        validation_accuracy: 0.6382,
        validation_goal: None,
        test_accuracy: 0.6512,
        deployed_accuracy: 0.6496,
        confusion: vec![],
        undecided: vec![],
        verdict: Verdict {
            unchecked: vec!["whether it fits the chip: needs a cross compiler".into()],
            ..LIMITS.judge(&footprint)
        },
        footprint,
    }
}
