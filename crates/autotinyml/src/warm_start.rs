//! A study that begins with the trials of another: those that it would have run to the same bits itself,
//! since they make the same network, trained in the same way on the same data.

use std::collections::{BTreeMap, HashSet};

use autotinyml_search::{Configuration, Domain, Phase, Setting, Space, SpaceError};

use crate::judge::Judge;
use crate::record::TrialRecord;
use crate::samples::Samples;
use crate::study_file::{Check, Study};

/// So many settings are tried for each hyperparameter that the other space does not have.
const TRIED_MAX: usize = 1000;

/// The trials of another study, as those of this one.
pub struct WarmStart {
    /// Trials of the other study.
    pub of: usize,
    /// Those that are taken over, in their order, numbered from 0.
    pub trials: Vec<TrialRecord>,
    /// Why the others are not, and how many for each reason.
    pub left_out: BTreeMap<String, usize>,
}

/// What makes trainings of the two studies incomparable, whatever their spaces. `None`: nothing.
pub fn obstacle(
    other: &Study,
    study: &Study,
    other_digest: &str,
    samples: &Samples,
) -> Option<&'static str> {
    let mut data = other.data.clone();
    if let Some(path) = study.data.reader.path() {
        data.reader.read_from(path);
    }
    [
        (other_digest != samples.digest, "its data is different"),
        (data.reader != study.data.reader, "its data is read differently"),
        (data.split != study.data.split, "its data is split differently"),
        (other.search.seed != study.search.seed, "its seed is different"),
        (
            other.deploy.limits.accounting != study.deploy.limits.accounting,
            "its accounting is different",
        ),
        (other.deploy.compression != study.deploy.compression, "its compression is different"),
        (other.training.hold_out() != study.training.hold_out(), "its early_stopping is different"),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

impl WarmStart {
    /// What is left of the `others` in this study.
    pub fn from(other: &Study, others: &[TrialRecord], study: &Study, samples: &Samples) -> Self {
        let mut warm = Self { of: others.len(), trials: vec![], left_out: BTreeMap::new() };
        let mut seen = HashSet::new();
        for trial in others {
            let taken = translate(other, trial, study, samples).and_then(|trial| {
                let new = seen.insert(trial.configuration.clone());
                new.then_some(trial).ok_or_else(|| "the same here as an earlier one".into())
            });
            match taken {
                Ok(trial) => warm.trials.push(TrialRecord { id: warm.trials.len(), ..trial }),
                Err(reason) => *warm.left_out.entry(reason).or_default() += 1,
            }
        }
        warm
    }
}

/// A trial of the other study as one of this, or why it is none.
fn translate(
    other: &Study,
    trial: &TrialRecord,
    study: &Study,
    samples: &Samples,
) -> Result<TrialRecord, String> {
    if trial.outcome.accuracy.is_none() || trial.epochs.is_some() {
        return Err("not trained in full".into());
    }
    let configuration = configuration(other, &trial.configuration, study, samples)?;
    let other_board = !other.deploy.board.is_same_hardware(&study.deploy.board);
    let judge = Judge {
        before: &other.deploy.limits,
        limits: &study.deploy.limits,
        board: other_board.then_some(&study.deploy.board),
    };
    let outcome = judge.outcome(&trial.outcome);
    let refused = study.deploy.check == Check::BeforeTraining
        && outcome.footprint.as_ref().is_some_and(|footprint| {
            let mut known = footprint.clone();
            known.cross_accuracy = None;
            !study.deploy.limits.judge(&known).deployable()
        });
    if refused {
        return Err("outside the limits, as is known before training".into());
    }
    Ok(TrialRecord { configuration, phase: Phase::Initial, outcome, ..trial.clone() })
}

/// The configuration of this study's space that makes the same network, trained in the same way. Where
/// this space has a hyperparameter that the other does not have, its settings are tried.
fn configuration(
    other: &Study,
    there: &Configuration,
    study: &Study,
    samples: &Samples,
) -> Result<Configuration, String> {
    let names: HashSet<&str> =
        study.space.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    let settings = other.space.settings(there).into_iter();
    let mut settings: Vec<(String, Setting)> = settings
        .filter(|(name, _)| names.contains(name))
        .map(|(name, setting)| (name.to_owned(), setting))
        .collect();
    let wanted = trained(other, there, samples);
    fitting(&mut settings, study, &|here| trained(study, here, samples) == wanted)
}

fn fitting(
    settings: &mut Vec<(String, Setting)>,
    study: &Study,
    is_same: &dyn Fn(&Configuration) -> bool,
) -> Result<Configuration, String> {
    match study.space.configuration(settings) {
        Ok(configuration) if is_same(&configuration) => Ok(configuration),
        Ok(_) => Err("its settings make another network or training here".into()),
        Err(SpaceError::NotInDomain { parameter, setting, .. }) => {
            Err(format!("{parameter} = {setting} is not in this space"))
        }
        Err(SpaceError::Missing(name)) => {
            for setting in settings_of(&study.space, &name) {
                settings.push((name.clone(), setting));
                let found = fitting(settings, study, is_same);
                settings.pop();
                if found.is_ok() {
                    return found;
                }
            }
            Err(format!("{name} is new here, and no setting of it makes the same network"))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// A network's layers and training recipe; None: the layers cannot be put together.
fn trained(
    study: &Study,
    configuration: &Configuration,
    samples: &Samples,
) -> Option<(autotinyml_nn::Network, autotinyml_nn::Training)> {
    let data = &samples.raw;
    let Study { template, training, space, .. } = study;
    let network = template.network(space, configuration, data.shape, data.classes.len()).ok()?;
    Some((network, training.fill(space, configuration, &data.classes)))
}

/// The settings of a hyperparameter; none if it may be any number.
fn settings_of(space: &Space, name: &str) -> Vec<Setting> {
    let parameter = space.parameters().iter().find(|parameter| parameter.name == name);
    match parameter.map(|parameter| &parameter.domain) {
        Some(Domain::Ordered(numbers)) => numbers.iter().map(|&n| Setting::Number(n)).collect(),
        Some(Domain::Unordered(texts)) => texts.iter().cloned().map(Setting::Text).collect(),
        Some(&Domain::Range { low, high, step: Some(step), .. }) => {
            let steps = ((high - low) / step * (1.0 + 1e-9)).floor() as usize;
            (0..=steps.min(TRIED_MAX)).map(|i| Setting::Number(low + step * i as f64)).collect()
        }
        _ => vec![],
    }
}
