//! The data of a study, and what to do where it cannot be split.

use autotinyml_nn::{SplitBy, SplitError};

use super::Failure;
use crate::samples::{Samples, SamplesError};
use crate::study_file::Study;

/// Refuses a study of several boards or compressions where only one makes sense.
pub fn one_combination(study: &Study) -> Result<(), Failure> {
    if study.combinations.len() == 1 {
        return Ok(());
    }
    Err(Failure::Usage {
        message: format!("{} is of several boards or compressions", study.source.name),
        help: "leave one board and one compression in [deploy]".into(),
    })
}

/// The data of a study, split; complains about the split where the study file says it.
pub fn load_samples(study: &Study) -> Result<Samples, Failure> {
    let stop = study.training.hold_out();
    let samples = Samples::load(&study.data, stop, study.search.seed).map_err(|error| {
        let (place, help) = match (&error, &study.training.early_stopping) {
            (SamplesError::Split { error, .. }, _) => {
                (&study.data.split_place, split_cure(error, study.data.split.by))
            }
            (SamplesError::Stop(error), Some(stopping)) => (&stopping.place, stop_cure(error)),
            _ => return Failure::from(error),
        };
        study.source.complain(place.clone(), error, "this split", help).into()
    })?;
    if let Some((name, place)) = study.training.unknown_class(&samples.raw.classes) {
        let message = format!(
            "`training.class_weights` names the class {name:?}, which the data does not have"
        );
        let help = format!("the classes are {}", samples.raw.classes.join(", "));
        return Err(study.source.complain(place, message, "one of these names", help).into());
    }
    let augment = &study.training.augment;
    if let Some(excess) = augment.excess(&study.space, samples.raw.shape) {
        let help = "choose less: a tenth of the sample to shift, a quarter to mask, are plenty";
        let complaint = study.source.complain(augment.place.clone(), excess, "too much", help);
        return Err(complaint.into());
    }
    Ok(samples)
}

/// What to do about data that cannot be split for the test and the folds.
fn split_cure(error: &SplitError, by: SplitBy) -> &'static str {
    match error {
        SplitError::ClassTooSmall { .. } if by == SplitBy::Group => {
            "with by = \"group\" each fold is of whole groups: lower k_fold to the number of groups \
             that are trained on, or less"
        }
        SplitError::ClassTooSmall { .. } => {
            "lower k_fold, collect more of that class, or take it out of the data"
        }
        SplitError::NoSpans => "by = \"stratified\" suits samples without recordings",
        SplitError::NoGroups => "name what groups the samples by `group` in [data]",
        SplitError::TooFewGroups { .. } => "lower k_fold, or collect data of more groups",
        SplitError::UnknownGroup { .. } => "name groups of the data, as they are spelt there",
        SplitError::ClassNotTrained { .. } => {
            "by = \"block\" tests on another stretch of the same recordings; a split by group needs \
             each class in several groups"
        }
        _ => "more samples are needed for such a split, or a larger share for this side",
    }
}

/// What to do about training parts of which nothing can be put aside to tell when to stop.
fn stop_cure(error: &SplitError) -> &'static str {
    match error {
        SplitError::TooFewGroups { .. } => {
            "with by = \"group\" in data.split it puts whole groups aside, too: raise k_fold, so that \
             more groups are trained on, collect data of more groups, or leave early_stopping out"
        }
        SplitError::ClassNotTrained { .. } => {
            "with by = \"group\" in data.split it puts whole groups aside, too, so each training part \
             needs each class in several groups: raise k_fold, or leave early_stopping out"
        }
        SplitError::EmptySide { side: "train", .. } => {
            "lower its hold_out, collect more samples, or leave early_stopping out"
        }
        _ => "raise its hold_out, collect more samples, or leave early_stopping out",
    }
}
