//! All trials as a table for other programs: one line each, empty fields where nothing was measured.

use std::fmt::Display;

use crate::record::{Summary, TrialRecord};

/// Columns after the hyperparameters.
const OUTCOME: [&str; 22] = [
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "fold_accuracies",
    "stopped",
    "deployable",
    "meets_limits",
    "links_on_chip",
    "parameters",
    "macc",
    "st_ram_bytes",
    "st_rom_bytes",
    "ram_bytes",
    "flash_bytes",
    "stack_bytes",
    "instructions",
    "cross_accuracy",
    "rmse",
    "mae",
    "l2r",
    "reasons",
    "seconds",
];

/// Columns: trial, phase, epochs trained, the hyperparameters, and what came of it. Accuracies are shares from 0
/// to 1; several values in one field are separated by `; `.
pub fn trials(summary: &Summary) -> String {
    let names = summary.space.parameters().iter().map(|parameter| parameter.name.as_str());
    let header: Vec<&str> =
        ["trial", "phase", "epochs"].into_iter().chain(names).chain(OUTCOME).collect();
    let mut table = csv::Writer::from_writer(vec![]);
    let records = summary.trials.iter().map(|trial| record(summary, trial));
    let whole = "writing to memory does not fail, and all records are as long as the header";
    table.write_record(header).expect(whole);
    for record in records {
        table.write_record(record).expect(whole);
    }
    String::from_utf8(table.into_inner().expect(whole)).expect("all fields are text")
}

fn record(summary: &Summary, trial: &TrialRecord) -> Vec<String> {
    let outcome = &trial.outcome;
    let verdict = &outcome.verdict;
    let settings =
        summary.space.parameters().iter().map(|parameter| {
            optional(summary.space.setting(&trial.configuration, &parameter.name))
        });
    let footprint = outcome.footprint.as_ref();
    let mut record = vec![trial.id.to_string(), trial.phase.name().to_owned()];
    let epochs = outcome.learning_curve.len();
    record.push(optional((epochs > 0).then_some(epochs)));
    record.extend(settings);
    record.extend([
        optional(outcome.accuracy),
        optional(outcome.balanced_accuracy),
        optional(outcome.macro_f1),
        list(&outcome.fold_accuracies),
        optional(outcome.stopped.as_ref().map(|stopped| &stopped.reason)),
        verdict.deployable().to_string(),
        verdict.meets_limits.to_string(),
        optional(verdict.links_on_chip),
        optional(footprint.map(|f| f.parameters)),
        optional(footprint.map(|f| f.macc)),
        optional(footprint.map(|f| f.st_ram_bytes)),
        optional(footprint.map(|f| f.st_rom_bytes)),
        optional(footprint.and_then(|f| f.ram_bytes)),
        optional(footprint.and_then(|f| f.flash_bytes)),
        optional(footprint.and_then(|f| f.stack_bytes)),
        optional(footprint.and_then(|f| f.instructions)),
        optional(footprint.and_then(|f| f.cross_accuracy)),
        optional(footprint.and_then(|f| f.rmse)),
        optional(footprint.and_then(|f| f.mae)),
        optional(footprint.and_then(|f| f.l2r)),
        list(&verdict.reasons),
        trial.seconds.to_string(),
    ]);
    record
}

fn optional(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn list<T: Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join("; ")
}
