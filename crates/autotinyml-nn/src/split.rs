//! Which samples train a model and which judge it.
//!
//! Windows cut with overlap from one recording share rows. If such windows stand on both sides of a
//! split, the accuracy is optimistic: [`SplitBy::Block`] keeps them apart, [`overlapping_share`]
//! says how many there are.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::random::{Purpose, generator};
use crate::{Dataset, Span};

/// How samples are dealt to the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SplitBy {
    /// Each sample by itself.
    Random,
    /// Each sample by itself, every class in the same proportion on both sides.
    Stratified,
    /// Each recording in contiguous blocks in time; no row of a recording is on both sides.
    Block,
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
    /// A test share that isn't a share.
    #[error("the test share is {share}, expected more than 0 and less than 1")]
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
    #[error("class {class:?} has {count} samples, fewer than the {k} folds asked for")]
    ClassTooSmall {
        /// Name of the class.
        class: String,
        /// Its samples.
        count: usize,
        /// Folds asked for.
        k: usize,
    },
    /// Too few samples for two sides.
    #[error("of {samples} samples none is left on the {side} side")]
    EmptySide {
        /// `train`, `test` or `validation`.
        side: &'static str,
        /// Samples in all.
        samples: usize,
    },
}

/// Puts about `test_share` of the samples aside: of all samples, of each class
/// ([`SplitBy::Stratified`]), or of each recording as one run in time at a random place
/// ([`SplitBy::Block`]).
///
/// # Errors
/// [`SplitError::Share`], [`SplitError::NoSpans`], [`SplitError::EmptySide`].
pub fn hold_out(
    data: &Dataset,
    by: SplitBy,
    test_share: f64,
    seed: u64,
) -> Result<HoldOut, SplitError> {
    if !(test_share > 0.0 && test_share < 1.0) {
        return Err(SplitError::Share { share: test_share });
    }
    let samples: Vec<usize> = (0..data.len()).collect();
    let mut random = generator(seed, Purpose::Split);
    let mut is_test = vec![false; data.len()];
    for group in groups(data, &samples, by, &mut random)? {
        let count = (group.len() as f64 * test_share).round() as usize;
        let start = match by {
            SplitBy::Block => random.random_range(0..=group.len() - count),
            SplitBy::Random | SplitBy::Stratified => 0,
        };
        for &sample in &group[start..start + count] {
            is_test[sample] = true;
        }
    }
    let (test, train) = samples.into_iter().partition(|&sample| is_test[sample]);
    let (train, test, dropped) = apart(data, by, train, test, "test")?;
    Ok(HoldOut { train, test, dropped })
}

/// Deals `samples` to `k` validation sides, as equal as can be; each sample is in exactly one.
///
/// # Errors
/// [`SplitError::TooFewFolds`], [`SplitError::ClassTooSmall`] (the smallest class, whatever `by` is),
/// [`SplitError::NoSpans`], [`SplitError::EmptySide`].
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
    let counts = data.class_counts(samples.iter().copied());
    if let Some((class, count)) = data.classes.iter().zip(counts).min_by_key(|&(_, count)| count)
        && count < k
    {
        return Err(SplitError::ClassTooSmall { class: class.clone(), count, k });
    }
    let mut random = generator(seed, Purpose::Split);
    let mut fold_of = vec![0; data.len()];
    let mut dealt = 0;
    for group in groups(data, samples, by, &mut random)? {
        let first = random.random_range(0..k);
        for (position, &sample) in group.iter().enumerate() {
            fold_of[sample] = match by {
                SplitBy::Block => (first + position * k / group.len()) % k,
                SplitBy::Random | SplitBy::Stratified => (dealt + position) % k,
            };
        }
        dealt += group.len();
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

/// Samples that are split together: all in random order, each class in random order, or each
/// recording in order of time.
fn groups(
    data: &Dataset,
    samples: &[usize],
    by: SplitBy,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Vec<Vec<usize>>, SplitError> {
    let spans = match (by, data.spans.as_deref()) {
        (SplitBy::Block, None) => return Err(SplitError::NoSpans),
        (_, spans) => spans.unwrap_or_default(),
    };
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &sample in samples {
        let group = match by {
            SplitBy::Random => 0,
            SplitBy::Stratified => data.labels[sample],
            SplitBy::Block => spans[sample].recording,
        };
        groups.entry(group).or_default().push(sample);
    }
    for group in groups.values_mut() {
        match by {
            SplitBy::Block => group.sort_by_key(|&sample| (spans[sample].start, sample)),
            SplitBy::Random | SplitBy::Stratified => group.shuffle(random),
        }
    }
    Ok(groups.into_values().collect())
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
