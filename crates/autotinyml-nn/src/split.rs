//! Which samples train a model and which judge it.
//!
//! Windows cut with overlap from one recording share rows. If such windows stand on both sides of a
//! split, the accuracy is optimistic: [`SplitBy::Block`] keeps them apart, [`overlapping_share`]
//! says how many there are. [`SplitBy::Group`] asks for more: people who were never seen.

mod by_group;

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::random::{Purpose, generator};
use crate::{Dataset, Span};

pub use by_group::leave_out;

/// How samples are dealt to the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SplitBy {
    /// Each sample by itself.
    Random,
    /// Each sample by itself, every class in the same proportion on both sides.
    Stratified,
    /// Each recording in contiguous blocks in time; no row of a recording is on both sides.
    Block,
    /// Whole groups, such as people: each is on one side only.
    Group,
}

/// A test side put aside once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldOut {
    /// Samples to learn from, ascending.
    pub train: Vec<usize>,
    /// Samples to judge by, ascending.
    pub test: Vec<usize>,
    /// Training samples left out because they share rows with a test sample ([`SplitBy::Block`]).
    pub dropped: usize,
}

/// One round of a cross-validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Samples to learn from, ascending.
    pub train: Vec<usize>,
    /// Samples to judge by, ascending.
    pub validation: Vec<usize>,
    /// Training samples left out because they share rows with a validation sample
    /// ([`SplitBy::Block`]).
    pub dropped: usize,
}

/// Why samples cannot be split.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// A split by block of samples that come from no recording.
    #[error("a split by block needs recordings, but these samples are independent of each other")]
    NoSpans,
    /// A split by group of samples that nobody has grouped.
    #[error("a split by group needs groups, but nothing says which samples belong together")]
    NoGroups,
    /// Too few groups to have one for each side.
    #[error("groups with samples: {groups}, expected at least {sides}, one for each side")]
    TooFewGroups {
        /// Groups that have samples.
        groups: usize,
        /// Sides that need one at least.
        sides: usize,
    },
    /// A group to leave out that isn't there.
    #[error("there is no group {name:?} to test on; the groups are {}", .known.join(", "))]
    UnknownGroup {
        /// As the user named it.
        name: String,
        /// The groups there are.
        known: Vec<String>,
    },
    /// A class that the network would be judged on without having been trained on it.
    #[error(
        "class {class:?} would be on the {side} side only: all its samples are of the groups there"
    )]
    ClassNotTrained {
        /// Name of the class.
        class: String,
        /// `test` or `validation`.
        side: &'static str,
    },
    /// A share to put aside that isn't a share.
    #[error("the share to put aside is {share}, expected more than 0 and less than 1")]
    Share {
        /// What was given.
        share: f64,
    },
    /// One fold has nothing to learn from.
    #[error("the number of folds is {k}, expected at least 2")]
    TooFewFolds {
        /// What was given.
        k: usize,
    },
    /// A class that cannot be in every fold.
    #[error("samples of class {class:?}: {count}, expected at least {k}, one for each fold")]
    ClassTooSmall {
        /// Name of the class.
        class: String,
        /// Its samples.
        count: usize,
        /// Folds asked for.
        k: usize,
    },
    /// Too few samples for two sides.
    #[error("none of the samples ({samples}) is left on the {side} side")]
    EmptySide {
        /// `train`, `test` or `validation`.
        side: &'static str,
        /// Samples in all.
        samples: usize,
    },
}

/// Puts about `test_share` of the samples aside: of all samples, of each class
/// ([`SplitBy::Stratified`]), of each recording as one run in time at a random place
/// ([`SplitBy::Block`]), or as many whole groups as come near it ([`SplitBy::Group`]).
///
/// # Errors
/// [`SplitError::Share`], [`SplitError::NoSpans`], [`SplitError::EmptySide`]; by group
/// [`SplitError::NoGroups`], [`SplitError::TooFewGroups`], [`SplitError::ClassNotTrained`].
pub fn hold_out(
    data: &Dataset,
    by: SplitBy,
    test_share: f64,
    seed: u64,
) -> Result<HoldOut, SplitError> {
    let samples: Vec<usize> = (0..data.len()).collect();
    let (train, test, dropped) = put_aside(data, &samples, by, test_share, seed, "test")?;
    Ok(HoldOut { train, test, dropped })
}

/// Puts about `share` of the given samples aside to validate with, as [`hold_out`] does of all.
///
/// # Errors
/// As [`hold_out`].
pub fn hold_out_of(
    data: &Dataset,
    samples: &[usize],
    by: SplitBy,
    share: f64,
    seed: u64,
) -> Result<Fold, SplitError> {
    let (train, validation, dropped) = put_aside(data, samples, by, share, seed, "validation")?;
    Ok(Fold { train, validation, dropped })
}

/// Training side, the other one, and how many samples belong to neither.
fn put_aside(
    data: &Dataset,
    samples: &[usize],
    by: SplitBy,
    share: f64,
    seed: u64,
    side: &'static str,
) -> Result<(Vec<usize>, Vec<usize>, usize), SplitError> {
    if !(share > 0.0 && share < 1.0) {
        return Err(SplitError::Share { share });
    }
    let mut random = generator(seed, Purpose::Split);
    let is_out = match by {
        SplitBy::Group => by_group::held_out(data, samples, share, &mut random)?,
        _ => held_out(data, samples, by, share, &mut random)?,
    };
    let mut ascending = samples.to_vec();
    ascending.sort_unstable();
    let (out, train) = ascending.into_iter().partition(|&sample| is_out[sample]);
    apart(data, by, train, out, side)
}

/// Deals `samples` to `k` validation sides, as equal as can be; each sample is in exactly one.
///
/// # Errors
/// [`SplitError::TooFewFolds`], [`SplitError::ClassTooSmall`] (the smallest class, whatever `by` is),
/// [`SplitError::NoSpans`], [`SplitError::EmptySide`]; by group as [`hold_out`].
pub fn k_fold(
    data: &Dataset,
    samples: &[usize],
    by: SplitBy,
    k: usize,
    seed: u64,
) -> Result<Vec<Fold>, SplitError> {
    if k < 2 {
        return Err(SplitError::TooFewFolds { k });
    }
    let mut random = generator(seed, Purpose::Split);
    let fold_of = match by {
        SplitBy::Group => by_group::folds(data, samples, k, &mut random)?,
        _ => folds(data, samples, by, k, &mut random)?,
    };
    let counts = data.class_counts(samples.iter().copied());
    if let Some((class, count)) = data.classes.iter().zip(counts).min_by_key(|&(_, count)| count)
        && count < k
    {
        return Err(SplitError::ClassTooSmall { class: class.clone(), count, k });
    }
    let ascending = {
        let mut ascending = samples.to_vec();
        ascending.sort_unstable();
        ascending
    };
    (0..k)
        .map(|fold| {
            let (validation, train) =
                ascending.iter().partition(|&&sample| fold_of[sample] == fold);
            let (train, validation, dropped) = apart(data, by, train, validation, "validation")?;
            Ok(Fold { train, validation, dropped })
        })
        .collect()
}

/// Share of the test windows that share rows with a training window: 0 for an honest split, and for
/// samples that come from no recording.
pub fn overlapping_share(data: &Dataset, train: &[usize], test: &[usize]) -> f64 {
    let Some(spans) = data.spans.as_deref() else { return 0.0 };
    if test.is_empty() {
        return 0.0;
    }
    let seen = Rows::new(spans, train);
    let overlapping = test.iter().filter(|&&sample| seen.meet(&spans[sample])).count();
    overlapping as f64 / test.len() as f64
}

/// Whether each sample is held out.
fn held_out(
    data: &Dataset,
    samples: &[usize],
    by: SplitBy,
    share: f64,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Vec<bool>, SplitError> {
    let mut is_out = vec![false; data.len()];
    for stratum in strata(data, samples, by, random)? {
        let count = (stratum.len() as f64 * share).round() as usize;
        let start = match by {
            SplitBy::Block => random.random_range(0..=stratum.len() - count),
            _ => 0,
        };
        for &sample in &stratum[start..start + count] {
            is_out[sample] = true;
        }
    }
    Ok(is_out)
}

/// The fold of each sample of the data.
fn folds(
    data: &Dataset,
    samples: &[usize],
    by: SplitBy,
    k: usize,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Vec<usize>, SplitError> {
    let mut fold_of = vec![0; data.len()];
    let mut dealt = 0;
    for stratum in strata(data, samples, by, random)? {
        let first = random.random_range(0..k);
        for (position, &sample) in stratum.iter().enumerate() {
            fold_of[sample] = match by {
                SplitBy::Block => (first + position * k / stratum.len()) % k,
                _ => (dealt + position) % k,
            };
        }
        dealt += stratum.len();
    }
    Ok(fold_of)
}

/// Samples that are dealt together: all in random order, each class in random order, or each
/// recording in order of time.
fn strata(
    data: &Dataset,
    samples: &[usize],
    by: SplitBy,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Vec<Vec<usize>>, SplitError> {
    let recording = |sample: usize| data.spans.as_ref().map(|spans| spans[sample]);
    let mut strata: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &sample in samples {
        let stratum = match by {
            SplitBy::Stratified => data.labels[sample],
            SplitBy::Block => recording(sample).ok_or(SplitError::NoSpans)?.recording,
            SplitBy::Random | SplitBy::Group => 0,
        };
        strata.entry(stratum).or_default().push(sample);
    }
    for stratum in strata.values_mut() {
        match by {
            SplitBy::Block => {
                stratum.sort_by_key(|&sample| (recording(sample).map(|span| span.start), sample));
            }
            _ => stratum.shuffle(random),
        }
    }
    Ok(strata.into_values().collect())
}

/// Both sides without the training samples that share rows with the other side, and their number.
fn apart(
    data: &Dataset,
    by: SplitBy,
    mut train: Vec<usize>,
    judge: Vec<usize>,
    judge_name: &'static str,
) -> Result<(Vec<usize>, Vec<usize>, usize), SplitError> {
    let samples = train.len() + judge.len();
    let before = train.len();
    if let (SplitBy::Block, Some(spans)) = (by, data.spans.as_deref()) {
        let judged = Rows::new(spans, &judge);
        train.retain(|&sample| !judged.meet(&spans[sample]));
    }
    for (side, kept) in [("train", &train), (judge_name, &judge)] {
        if kept.is_empty() {
            return Err(SplitError::EmptySide { side, samples });
        }
    }
    if by == SplitBy::Group {
        let [trained, judged] =
            [&train, &judge].map(|side| data.class_counts(side.iter().copied()));
        for (class, (trained, judged)) in trained.into_iter().zip(judged).enumerate() {
            if trained == 0 && judged > 0 {
                let class = data.classes[class].clone();
                return Err(SplitError::ClassNotTrained { class, side: judge_name });
            }
        }
    }
    let dropped = before - train.len();
    Ok((train, judge, dropped))
}

/// The rows that some windows cover: for each recording, the windows' first rows in order, each
/// with the largest end up to there.
struct Rows(BTreeMap<usize, Vec<(usize, usize)>>);

impl Rows {
    fn new(spans: &[Span], samples: &[usize]) -> Self {
        let mut rows: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for &sample in samples {
            let Span { recording, start, end } = spans[sample];
            rows.entry(recording).or_default().push((start, end));
        }
        for windows in rows.values_mut() {
            windows.sort_unstable();
            let mut largest = 0;
            for (_, end) in windows {
                largest = largest.max(*end);
                *end = largest;
            }
        }
        Self(rows)
    }

    /// Whether a window covers one of these rows.
    fn meet(&self, window: &Span) -> bool {
        let Some(windows) = self.0.get(&window.recording) else { return false };
        let starting_before = windows.partition_point(|&(start, _)| start < window.end);
        starting_before > 0 && windows[starting_before - 1].1 > window.start
    }
}
