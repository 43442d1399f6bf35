//! The data of a study, ready to train on: read, split, standardised, described.

use autotinyml_nn::{
    Dataset, Fold, HoldOut, Shape, SplitBy, SplitError, Standardisation, hold_out, hold_out_of,
    k_fold, leave_out, overlapping_share,
};

use crate::cautions;
use crate::data::{self, DataError, Loaded};
use crate::in_print::counted;
use crate::record::DataSummary;
use crate::study_file::{DataPlan, Reader, SplitPlan, TestPart};

/// All that trials need to know of the data.
#[derive(Debug)]
pub struct Samples {
    /// As measured. A training standardises a copy: no other is kept, however many folds there are.
    pub raw: Dataset,
    /// From what was measured to what the finalists see; fitted on the training part only.
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
    /// Why accuracies will be better than on the device, if they will.
    pub optimism: Option<String>,
    /// Of all samples and labels: tells whether data changed between two runs.
    pub digest: String,
}

/// A fold, standardised by its own training samples: its validation samples teach it nothing.
#[derive(Debug)]
pub struct FoldSamples {
    /// From what was measured to what this fold's networks see.
    pub standardisation: Standardisation,
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
    #[error("{data} cannot be split like this: {error}{}", .caution.iter().map(|it| format!("; {it}")).collect::<String>())]
    Split {
        /// What there is.
        data: String,
        /// Why not.
        error: SplitError,
        /// What makes one doubt the labels.
        caution: Option<String>,
    },
    /// What is to tell when to stop.
    #[error("early stopping cannot put training samples aside: {0}")]
    Stop(SplitError),
}

impl From<SplitError> for SamplesError {
    fn from(error: SplitError) -> Self {
        Self::Split { data: "the data".into(), error, caution: None }
    }
}

impl SamplesError {
    /// Of this data.
    fn of(self, reader: &Reader, raw: &Dataset) -> Self {
        let Self::Split { data, error, .. } = self else { return self };
        let place = reader.path().map_or(data, |path| path.display().to_string());
        let samples = counted(raw.len(), "sample");
        let classes = counted(raw.classes.len(), "class");
        let data = format!("{place} ({samples} of {classes})");
        Self::Split { data, error, caution: cautions::labels(raw) }
    }
}

impl Samples {
    /// Reads and splits the data of a study. Of every training part the share `stop`, if any, is put
    /// aside to tell when to stop.
    ///
    /// # Errors
    /// A file that cannot be read, or too few samples for the split.
    pub fn load(plan: &DataPlan, stop: Option<f64>, seed: u64) -> Result<Self, SamplesError> {
        let loaded = read(&plan.reader)?;
        let cautions = cautions::of(&loaded);
        let Loaded { dataset: raw, period, mut notes, .. } = loaded;
        let of_parts = Parts::of(&raw, &plan.split, stop, seed);
        let Parts { held_out, folds, early } =
            of_parts.map_err(|error| error.of(&plan.reader, &raw))?;
        let of_folds: Vec<usize> = folds.iter().map(|fold| fold.dropped).collect();
        notes.extend(dropped_windows("overlap windows of the test part", &[held_out.dropped]));
        notes.extend(dropped_windows("overlap validation windows of their fold", &of_folds));
        let optimism = optimism(&raw, &held_out, &folds, &early);
        notes.extend(optimism.clone());
        if let Some(share) = stop {
            let share = 100.0 * share;
            notes.push(format!("{share:.0} % of each training part only tell when to stop"));
            let of_all: Vec<usize> = early.iter().map(|early| early.dropped).collect();
            notes.extend(dropped_windows("overlap windows that tell when to stop", &of_all));
        }
        let standardisation = Standardisation::fit(&raw, &held_out.train, period);
        let mut early = early.into_iter().map(|Fold { train, validation, .. }| (train, validation));
        let (train, stop) = early.next().unwrap_or_else(|| (held_out.train.clone(), vec![]));
        let fold = |Fold { train, validation, .. }: Fold| {
            let standardisation = Standardisation::fit(&raw, &train, period);
            let (train, stop) = early.next().unwrap_or((train, vec![]));
            FoldSamples { standardisation, train, stop, validation }
        };
        let folds = folds.into_iter().map(fold).collect();
        let summary = DataSummary {
            shape: raw.shape.to_string(),
            classes: raw.classes.iter().cloned().zip(raw.samples_per_class()).collect(),
            train: held_out.train.len(),
            test: held_out.test.len(),
            split: describe(&plan.split),
            notes,
            cautions,
        };
        Ok(Self {
            standardisation,
            digest: digest(&raw),
            train,
            stop,
            test: held_out.test,
            folds,
            summary,
            optimism,
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
    let loaded = match reader {
        Reader::CsvWindows { path, columns, window, step } => {
            data::csv_windows(path, columns, *window, *step)?
        }
        Reader::CsvRows { path, columns, shape, scale } => {
            data::csv_rows(path, columns, *shape, *scale)?
        }
        Reader::Npz { path, arrays, options } => data::npz(path, arrays, options)?,
        Reader::Idx { path, options } => data::idx(path, options)?,
        Reader::Digits => data::digits(),
        Reader::Bottles { samples, seed } => data::bottles(*samples, *seed),
    };
    match (reader.path(), cautions::constant(&loaded.dataset)) {
        (Some(path), Some(value)) => {
            let found = format!("every value of every sample is {value}");
            let cure =
                "is this the right file, and does [data] name the columns that were measured?";
            Err(DataError::new(path, found, "values that differ", cure))
        }
        _ => Ok(loaded),
    }
}

fn describe(split: &SplitPlan) -> String {
    let test = match &split.test {
        TestPart::Share(share) => format!("{:.0} %", 100.0 * share),
        TestPart::Groups(names) if names.len() == 1 => format!("group {}", names[0]),
        TestPart::Groups(names) => format!("groups {}", names.join(", ")),
    };
    let by = match split.by {
        SplitBy::Random => "at random",
        SplitBy::Stratified => "at random within each class",
        SplitBy::Block => "by blocks in time",
        SplitBy::Group => "by whole groups",
    };
    format!("{test} for the test and {} of the rest, {by}", counted(split.k_fold, "fold"))
}

/// The samples' indices on each side.
struct Parts {
    held_out: HoldOut,
    folds: Vec<Fold>,
    /// The training part and then that of each fold, split again for early stopping; empty without.
    early: Vec<Fold>,
}

impl Parts {
    fn of(
        data: &Dataset,
        split: &SplitPlan,
        stop: Option<f64>,
        seed: u64,
    ) -> Result<Self, SamplesError> {
        let held_out = match &split.test {
            TestPart::Share(share) => hold_out(data, split.by, *share, seed)?,
            TestPart::Groups(names) => leave_out(data, names)?,
        };
        let folds = k_fold(data, &held_out.train, split.by, split.k_fold, seed)?;
        let trained = [&held_out.train].into_iter().chain(folds.iter().map(|fold| &fold.train));
        let early = |share| {
            let put_aside = |train: &Vec<_>| hold_out_of(data, train, split.by, share, seed);
            trained.map(put_aside).collect::<Result<_, _>>().map_err(SamplesError::Stop)
        };
        let early = stop.map(early).transpose()?.unwrap_or_default();
        Ok(Self { held_out, folds, early })
    }
}

/// What a reader should know about this split of the data before believing its accuracies.
pub fn warning(data: &Dataset, split: &SplitPlan, stop: Option<f64>, seed: u64) -> Option<String> {
    match Parts::of(data, split, stop, seed) {
        Ok(Parts { held_out, folds, early }) => optimism(data, &held_out, &folds, &early),
        Err(error) => Some(error.to_string()),
    }
}

/// Tells of training windows left out, if there are any: their number, or the least and the most of
/// several parts.
fn dropped_windows(because: &str, counts: &[usize]) -> Option<String> {
    let (least, most) = (*counts.iter().min()?, *counts.iter().max()?);
    let count = match least == most {
        true => most.to_string(),
        false => format!("{least} to {most}"),
    };
    (most > 0).then(|| format!("training windows dropped because they {because}: {count}"))
}

/// Tells of windows that share rows with those a network learns from: of the test part, of the folds, and
/// of what tells when to stop.
fn optimism(data: &Dataset, held_out: &HoldOut, folds: &[Fold], early: &[Fold]) -> Option<String> {
    let of_test = overlapping_share(data, &held_out.train, &held_out.test);
    let mean = |folds: &[Fold]| {
        let of_fold = |fold: &Fold| overlapping_share(data, &fold.train, &fold.validation);
        folds.iter().map(of_fold).sum::<f64>() / folds.len().max(1) as f64
    };
    let (of_folds, of_early) = (mean(folds), mean(early));
    let [test, folds, stop] = [of_test, of_folds, of_early].map(|share| 100.0 * share);
    let shares = match early {
        [] => format!("{test:.0} % of the test windows and {folds:.0} % of the validation windows"),
        _ => format!(
            "{test:.0} % of the test windows, {folds:.0} % of the validation windows and {stop:.0} % of \
             the windows that tell when to stop"
        ),
    };
    (of_test > 0.0 || of_folds > 0.0 || of_early > 0.0).then(|| {
        format!(
            "accuracies are optimistic: {shares} overlap windows that are trained on; by = \"block\" in \
             data.split keeps overlapping windows together"
        )
    })
}

/// FNV-1a (Fowler, Noll, Vo; 64 bits) over the bits of every value and label, and over all that decides
/// how samples are split.
fn digest(data: &Dataset) -> String {
    let values = data.inputs.iter().map(|value| value.to_bits() as u64);
    let labels = data.labels.iter().map(|&label| label as u64);
    let spans = data.spans.iter().flatten();
    let spans = spans.flat_map(|span| [span.recording, span.start, span.end]);
    let groups = data.groups.iter().flat_map(|groups| groups.of.iter().copied());
    let Shape { height, width, channels } = data.shape;
    let numbers = [height, width, channels].into_iter().chain(spans).chain(groups);
    let names = data.classes.iter().chain(data.groups.iter().flat_map(|groups| &groups.names));
    let letters = names.flat_map(|name| name.bytes().chain([0]).map(u64::from));
    let words = values.chain(labels).chain(numbers.map(|number| number as u64)).chain(letters);
    let hash = words.fold(0xcbf2_9ce4_8422_2325_u64, |hash, word| {
        word.to_le_bytes()
            .iter()
            .fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean of all values of some samples, as they were measured.
    fn mean(samples: &Samples, of: &[usize]) -> f64 {
        of.iter().flat_map(|&sample| samples.raw.sample(sample)).map(|&v| f64::from(v)).sum::<f64>()
            / (of.len() * samples.raw.shape.len()) as f64
    }

    #[test]
    fn nothing_but_training_samples_decides_how_inputs_are_scaled() {
        let split = SplitPlan { test: TestPart::Share(0.3), k_fold: 3, by: SplitBy::Random };
        let plan = DataPlan { reader: Reader::Digits, split, split_place: 0..0 };
        let samples = Samples::load(&plan, None, 3).unwrap();
        let [fitted, trained] =
            [f64::from(samples.standardisation.mean[0]), mean(&samples, &samples.train)];
        assert!((fitted - trained).abs() < 1e-5, "{fitted} {trained}");
        let all: Vec<usize> = (0..samples.raw.len()).collect();
        assert!((fitted - mean(&samples, &all)).abs() > 1e-4, "the test part counts for nothing");
        for fold in &samples.folds {
            let data = samples.raw.standardised(&fold.standardisation);
            let values = fold.train.iter().flat_map(|&sample| data.sample(sample));
            let count = (fold.train.len() * 64) as f64;
            let mean = values.map(|&value| f64::from(value)).sum::<f64>() / count;
            assert!(mean.abs() < 1e-5, "each fold by its own training samples: {mean}");
        }
    }
}
