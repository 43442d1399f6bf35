//! The data of a study, ready to train on: read, split, standardised, described.

use autotinyml_nn::{
    Dataset, Fold, SplitBy, SplitError, Standardisation, hold_out, hold_out_of, k_fold, leave_out,
    overlapping_share,
};

use crate::data::{self, DataError, Loaded};
use crate::record::DataSummary;
use crate::study_file::{DataPlan, Reader, SplitPlan, TestPart};

/// All that trials need to know of the data.
#[derive(Debug)]
pub struct Samples {
    /// As measured.
    pub raw: Dataset,
    /// What networks see.
    pub standardised: Dataset,
    /// From the one to the other; fitted on the training part only.
    pub standardisation: Standardisation,
    /// Samples to train the finalists on.
    pub train: Vec<usize>,
    /// Samples of the training part that tell when to stop; empty without early stopping.
    pub stop: Vec<usize>,
    /// Samples that only the finalists see.
    pub test: Vec<usize>,
    /// The training part's folds.
    pub folds: Vec<FoldSamples>,
    /// For people.
    pub summary: DataSummary,
    /// Of all samples and labels: tells whether data changed between two runs.
    pub digest: String,
}

/// A fold, standardised by its own training samples: its validation samples teach it nothing.
#[derive(Debug)]
pub struct FoldSamples {
    /// All samples, as this fold's networks see them.
    pub standardised: Dataset,
    /// Samples to train on.
    pub train: Vec<usize>,
    /// Samples that tell when to stop; empty without early stopping.
    pub stop: Vec<usize>,
    /// Samples to measure accuracy on.
    pub validation: Vec<usize>,
}

/// Data that a study cannot use.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// The files.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The split.
    #[error(transparent)]
    Split(#[from] SplitError),
}

impl Samples {
    /// Reads and splits the data of a study. Of every training part the share `stop`, if any, is put
    /// aside to tell when to stop.
    ///
    /// # Errors
    /// A file that cannot be read, or too few samples for the split.
    pub fn load(plan: &DataPlan, stop: Option<f64>, seed: u64) -> Result<Self, SamplesError> {
        let Loaded { dataset: raw, period, mut notes } = read(&plan.reader)?;
        let SplitPlan { test, k_fold: k, by } = &plan.split;
        let (k, by) = (*k, *by);
        let held_out = match test {
            TestPart::Share(share) => hold_out(&raw, by, *share, seed)?,
            TestPart::Groups(names) => leave_out(&raw, names)?,
        };
        let standardisation = Standardisation::fit(&raw, &held_out.train, period);
        let early = |train: Vec<usize>| match stop {
            None => Ok((train, vec![])),
            Some(share) => hold_out_of(&raw, &train, by, share, seed)
                .map(|Fold { train, validation, .. }| (train, validation)),
        };
        let fold = |Fold { train, validation, .. }| {
            let standardised = raw.standardised(&Standardisation::fit(&raw, &train, period));
            let (train, stop) = early(train)?;
            Ok(FoldSamples { standardised, train, stop, validation })
        };
        let folds = k_fold(&raw, &held_out.train, by, k, seed)?;
        let folds = folds.into_iter().map(fold).collect::<Result<_, SplitError>>()?;
        notes.extend(split_notes(&raw, &held_out.train, &held_out.test, held_out.dropped));
        if let Some(share) = stop {
            notes.push(format!(
                "{:.0} % of each training part only tell when to stop",
                100.0 * share
            ));
        }
        let summary = DataSummary {
            shape: raw.shape.to_string(),
            classes: raw.classes.iter().cloned().zip(raw.samples_per_class()).collect(),
            train: held_out.train.len(),
            test: held_out.test.len(),
            split: describe(&plan.split),
            notes,
        };
        let (train, stop) = early(held_out.train)?;
        Ok(Self {
            standardised: raw.standardised(&standardisation),
            standardisation,
            digest: digest(&raw),
            train,
            stop,
            test: held_out.test,
            folds,
            summary,
            raw,
        })
    }

    /// The values of some samples, one after the other.
    pub fn gather(data: &Dataset, samples: &[usize]) -> Vec<f32> {
        samples.iter().flat_map(|&sample| data.sample(sample)).copied().collect()
    }
}

/// Reads the data without splitting it.
///
/// # Errors
/// A file that is missing or wrong.
pub fn read(reader: &Reader) -> Result<Loaded, DataError> {
    match reader {
        Reader::CsvWindows { path, columns, window, step } => {
            data::csv_windows(path, columns, *window, *step)
        }
        Reader::CsvRows { path, columns, shape, scale } => {
            data::csv_rows(path, columns, *shape, *scale)
        }
        Reader::Npz { path, arrays, options } => data::npz(path, arrays, options),
        Reader::Idx { path, options } => data::idx(path, options),
        Reader::Digits => Ok(data::digits()),
    }
}

fn describe(split: &SplitPlan) -> String {
    let test = match &split.test {
        TestPart::Share(share) => format!("{:.0} %", 100.0 * share),
        TestPart::Groups(names) => names.join(", "),
    };
    let by = match split.by {
        SplitBy::Random => "at random",
        SplitBy::Stratified => "at random within each class",
        SplitBy::Block => "by blocks in time",
        SplitBy::Group => "by whole groups",
    };
    format!("{test} for the test and {} folds of the rest, {by}", split.k_fold)
}

fn split_notes(data: &Dataset, train: &[usize], test: &[usize], dropped: usize) -> Vec<String> {
    let mut notes = vec![];
    if dropped > 0 {
        notes.push(format!(
            "{dropped} windows dropped because they overlap windows of the test part"
        ));
    }
    let shared = overlapping_share(data, train, test);
    if shared > 0.0 {
        notes.push(format!(
            "accuracies are optimistic: {:.0} % of the test windows overlap training windows; \
             by = \"block\" in data.split keeps overlapping windows together",
            100.0 * shared
        ));
    }
    notes
}

/// FNV-1a (Fowler, Noll, Vo; 64 bits) over the bits of every value and label.
fn digest(data: &Dataset) -> String {
    let values = data.inputs.iter().map(|value| value.to_bits() as u64);
    let labels = data.labels.iter().map(|&label| label as u64);
    let hash = values.chain(labels).fold(0xcbf2_9ce4_8422_2325_u64, |hash, word| {
        word.to_le_bytes()
            .iter()
            .fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    });
    format!("{hash:016x}")
}
