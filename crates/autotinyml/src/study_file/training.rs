//! `[training]`: the recipe, any of whose settings a hyperparameter may decide.

#[cfg(test)]
mod tests;

use autotinyml_nn::{Monitor, Optimizer};

use super::section::{Entry, InputError, Section};
use super::space::Parameters;
use crate::task::{
    AugmentTemplate, ClassWeighting, ClassWeightsTemplate, EarlyStoppingTemplate, Rows,
    ScheduleKind, ScheduleTemplate, Share, Slot, Switch, TrainingTemplate,
};

/// Share of the training samples that tell when to stop, if the file does not say.
const HOLD_OUT: f64 = 0.1;
/// What a step down leaves of the learning rate, if the file does not say.
const STEP_FACTOR: f32 = 0.1;

pub fn read(
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<TrainingTemplate, InputError> {
    let optimizer = section.required("optimizer", "optimizer = \"adam\"")?;
    let positive = |key| section.optional(key).map(|entry| parameters.slot(&entry)).transpose();
    let template = TrainingTemplate {
        epochs: parameters.slot(&section.required("epochs", "epochs = 10")?)?,
        batch: parameters.slot(&section.required("batch", "batch = 10")?)?,
        augment: match section.optional("augment") {
            Some(changes) => augment(&changes.section()?, parameters)?,
            None => AugmentTemplate::default(),
        },
        learning_rate: positive("learning_rate")?,
        momentum: momentum(section, parameters, &optimizer)?,
        optimizer: parameters.slot(&optimizer)?,
        schedule: schedule(section, parameters)?,
        l2: parameters.or(section, "l2", Share(0.0))?,
        label_smoothing: parameters.or(section, "label_smoothing", Share(0.0))?,
        class_weights: match section.optional("class_weights") {
            Some(weights) => class_weights(&weights, parameters)?,
            None => ClassWeightsTemplate::Rule(Slot::Fixed(ClassWeighting::Equal)),
        },
        clip_norm: positive("clip_norm")?,
        early_stopping: match section.optional("early_stopping") {
            Some(stopping) => Some(early_stopping(&stopping.section()?, parameters)?),
            None => None,
        },
    };
    section.finish()?;
    Ok(template)
}

fn augment(
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<AugmentTemplate, InputError> {
    let rows = |key| match section.optional(key) {
        Some(entry) => rows_and_columns(&entry, parameters),
        None => Ok((Slot::Fixed(Rows(0)), Some(Slot::Fixed(Rows(0))))),
    };
    let shift = rows("shift")?;
    let template = AugmentTemplate {
        shift: [shift.0, shift.1.unwrap_or(Slot::Fixed(Rows(0)))],
        mirror: match section.optional("mirror") {
            Some(entry) => parameters.switch(&entry)?,
            None => Slot::Fixed(Switch(false)),
        },
        scale: parameters.or(section, "scale", Share(0.0))?,
        noise: parameters.or(section, "noise", Share(0.0))?,
        mask: rows("mask")?,
        place: section.span(),
    };
    section.finish()?;
    Ok(template)
}

/// A number of rows, or a list of that and a number of columns.
fn rows_and_columns(
    entry: &Entry<'_>,
    parameters: &Parameters<'_>,
) -> Result<(Slot<Rows>, Option<Slot<Rows>>), InputError> {
    match entry.list().as_deref() {
        None => Ok((parameters.slot(entry)?, None)),
        Some([rows, columns]) => Ok((parameters.slot(rows)?, Some(parameters.slot(columns)?))),
        Some(_) => Err(entry.unexpected("a number of rows, or a list", "[rows, columns]")),
    }
}

fn momentum(
    section: &Section<'_>,
    parameters: &Parameters<'_>,
    optimizer: &Entry<'_>,
) -> Result<Option<Slot<Share>>, InputError> {
    let Some(entry) = section.optional("momentum") else { return Ok(None) };
    parameters.slot::<Optimizer>(optimizer)?;
    match parameters.can_be(optimizer, "sgd") {
        Some(when) => parameters.given(when.as_ref(), || parameters.slot(&entry)).map(Some),
        None => Err(entry.without_effect("sgd", optimizer)),
    }
}

/// `schedule`, and `schedule_every` and `schedule_factor` of one that goes down in steps.
fn schedule(
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<ScheduleTemplate, InputError> {
    let settings = [section.optional("schedule_every"), section.optional("schedule_factor")];
    let factor = Slot::Fixed(Share(STEP_FACTOR));
    let Some(entry) = section.optional("schedule") else {
        return match settings.into_iter().flatten().next() {
            None => {
                let kind = Slot::Fixed(ScheduleKind::Constant);
                Ok(ScheduleTemplate { kind, every: None, factor })
            }
            Some(setting) => Err(setting.complain(
                format!("`{}` is for schedule = \"step\", which is not there", setting.path),
                "without effect",
                "add schedule = \"step\", or leave it out",
            )),
        };
    };
    let kind = parameters.slot(&entry)?;
    let Some(when) = parameters.can_be(&entry, "step") else {
        return match settings.into_iter().flatten().next() {
            None => Ok(ScheduleTemplate { kind, every: None, factor }),
            Some(setting) => Err(setting.without_effect("step", &entry)),
        };
    };
    let [every, given] = settings;
    let Some(every) = every else {
        return Err(entry.complain(
            format!("`{}` can be \"step\", but nothing says when it steps", entry.path),
            "needs schedule_every",
            "add for example: schedule_every = 5, the epochs from one step down to the next",
        ));
    };
    parameters.given(when.as_ref(), || {
        Ok(ScheduleTemplate {
            kind,
            every: Some(parameters.slot(&every)?),
            factor: given.map(|given| parameters.slot(&given)).transpose()?.unwrap_or(factor),
        })
    })
}

/// A rule, or a table of classes.
fn class_weights(
    entry: &Entry<'_>,
    parameters: &Parameters<'_>,
) -> Result<ClassWeightsTemplate, InputError> {
    let Ok(table) = entry.section() else {
        return parameters.slot(entry).map(ClassWeightsTemplate::Rule);
    };
    let weights =
        table.entries().map(|(name, weight)| Ok((name.to_string(), parameters.slot(&weight)?)));
    Ok(ClassWeightsTemplate::PerClass(weights.collect::<Result<_, _>>()?, entry.span()))
}

fn early_stopping(
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<EarlyStoppingTemplate, InputError> {
    let template = EarlyStoppingTemplate {
        patience: parameters.slot(&section.required("patience", "patience = 5")?)?,
        monitor: parameters.or(section, "monitor", Monitor::ValidationLoss)?,
        hold_out: match section.optional("hold_out") {
            None => HOLD_OUT,
            Some(entry) => match entry.number()? {
                share if share > 0.0 && share < 1.0 => share,
                _ => return Err(entry.unexpected("a share between 0 and 1", "0.1 is a tenth")),
            },
        },
        place: section.span(),
    };
    section.finish()?;
    Ok(template)
}
