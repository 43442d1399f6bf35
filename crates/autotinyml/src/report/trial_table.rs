//! All trials as a table for other programs: a column for each hyperparameter and each figure.

use autotinyml_deploy::Footprint;
use autotinyml_search::{Domain, Parameter, Setting};

use crate::record::{Summary, TrialRecord};

/// What is known of one thing, of all trials.
pub struct Column {
    /// Unique in its table.
    pub name: String,
    /// In the order of the trials.
    pub values: Values,
}

/// A value for each trial; `None`: was not measured, or does not apply.
pub enum Values {
    Integers(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
    Flags(Vec<Option<bool>>),
    Texts(Vec<Option<String>>),
    NumberLists(Vec<Vec<f64>>),
    TextLists(Vec<Vec<String>>),
}

/// Trial, phase, epochs trained, the hyperparameters, and what came of it. Accuracies are shares from 0
/// to 1.
pub fn columns(summary: &Summary) -> Vec<Column> {
    let (mut columns, outcome) = (identity(summary), outcome(summary));
    let taken: Vec<String> =
        columns.iter().chain(&outcome).map(|column| column.name.clone()).collect();
    for parameter in summary.space.parameters() {
        let mut name = parameter.name.clone();
        while taken.contains(&name) || columns.iter().any(|column| column.name == name) {
            name.insert_str(0, "setting_");
        }
        columns.push(Column { name, values: settings(summary, parameter) });
    }
    columns.extend(outcome);
    columns
}

fn identity(summary: &Summary) -> Vec<Column> {
    let epochs =
        |trial: &TrialRecord| Some(trial.outcome.learning_curve.len()).filter(|&epochs| epochs > 0);
    vec![
        integers(summary, "trial", |trial| Some(trial.id)),
        column(
            "phase",
            Values::Texts(of_all(summary, |trial| Some(trial.phase.name().to_owned()))),
        ),
        integers(summary, "epochs", epochs),
    ]
}

/// Of one hyperparameter: integers, numbers or names, as its domain has them.
fn settings(summary: &Summary, parameter: &Parameter) -> Values {
    let setting =
        |trial: &TrialRecord| summary.space.setting(&trial.configuration, &parameter.name);
    let number = |trial: &TrialRecord| match setting(trial)? {
        Setting::Number(number) => Some(number),
        Setting::Text(_) => None,
    };
    match &parameter.domain {
        Domain::Unordered(_) => {
            Values::Texts(of_all(summary, |trial| Some(setting(trial)?.to_string())))
        }
        domain if are_integers(domain) => {
            Values::Integers(of_all(summary, |trial| Some(number(trial)? as i64)))
        }
        _ => Values::Numbers(of_all(summary, number)),
    }
}

fn are_integers(domain: &Domain) -> bool {
    let is_integer = |number: &f64| number.fract() == 0.0 && number.abs() < 2_f64.powi(53);
    match domain {
        Domain::Ordered(numbers) => numbers.iter().all(is_integer),
        Domain::Range { low, high, step: Some(step), .. } => {
            [low, high, step].into_iter().all(is_integer)
        }
        Domain::Range { step: None, .. } | Domain::Unordered(_) => false,
    }
}

fn outcome(summary: &Summary) -> Vec<Column> {
    let numbers = |name, of: fn(&TrialRecord) -> Option<f64>| {
        column(name, Values::Numbers(of_all(summary, of)))
    };
    let flags = |name, of: fn(&TrialRecord) -> Option<bool>| {
        column(name, Values::Flags(of_all(summary, of)))
    };
    let size = |name, of: fn(&Footprint) -> Option<usize>| {
        integers(summary, name, |trial| of(trial.outcome.footprint.as_ref()?))
    };
    let share = |name, of: fn(&Footprint) -> Option<f64>| {
        column(name, Values::Numbers(of_all(summary, |t| of(t.outcome.footprint.as_ref()?))))
    };
    let count = |name, of: fn(&Footprint) -> Option<u64>| {
        integers(summary, name, |trial| of(trial.outcome.footprint.as_ref()?))
    };
    let folds = |trial: &TrialRecord| trial.outcome.fold_accuracies.clone();
    let stopped = |trial: &TrialRecord| {
        trial.outcome.stopped.as_ref().map(|stopped| stopped.reason.to_string())
    };
    let reasons = |trial: &TrialRecord| trial.outcome.verdict.reasons.clone();
    vec![
        numbers("accuracy", |t| t.outcome.accuracy),
        numbers("balanced_accuracy", |t| t.outcome.balanced_accuracy),
        numbers("macro_f1", |t| t.outcome.macro_f1),
        column("fold_accuracies", Values::NumberLists(of_all(summary, folds))),
        column("stopped", Values::Texts(of_all(summary, stopped))),
        flags("deployable", |t| Some(t.is_deployable())),
        flags("meets_limits", |t| Some(t.outcome.verdict.meets_limits)),
        flags("links_on_chip", |t| t.outcome.verdict.links_on_chip),
        size("parameters", |f| Some(f.parameters)),
        count("macc", |f| Some(f.macc)),
        size("st_ram_bytes", |f| Some(f.st_ram_bytes)),
        size("st_rom_bytes", |f| Some(f.st_rom_bytes)),
        size("ram_bytes", |f| f.ram_bytes),
        size("flash_bytes", |f| f.flash_bytes),
        size("stack_bytes", |f| f.stack_bytes),
        count("instructions", |f| f.instructions),
        count("instructions_max", |f| f.instructions_max),
        share("cross_accuracy", |f| f.cross_accuracy),
        share("rmse", |f| f.rmse),
        share("mae", |f| f.mae),
        share("l2r", |f| f.l2r),
        column("reasons", Values::TextLists(of_all(summary, reasons))),
        numbers("seconds", |t| Some(t.seconds)),
    ]
}

fn column(name: &str, values: Values) -> Column {
    Column { name: name.to_owned(), values }
}

fn integers<T: TryInto<i64>>(
    summary: &Summary,
    name: &str,
    of: impl Fn(&TrialRecord) -> Option<T>,
) -> Column {
    // None of ours is above 2⁶³.
    column(name, Values::Integers(of_all(summary, |trial| of(trial)?.try_into().ok())))
}

fn of_all<T>(summary: &Summary, of: impl Fn(&TrialRecord) -> T) -> Vec<T> {
    summary.trials.iter().map(of).collect()
}

#[cfg(test)]
mod tests;
