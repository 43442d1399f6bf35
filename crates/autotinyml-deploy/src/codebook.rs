//! One-dimensional k-means: the codebook that stands for many weights with the least squared error.
//!
//! On a line, clusters are intervals of the sorted values, and the best k intervals follow by dynamic
//! programming over their ends (Wang and Song, Ckmeans.1d.dp, The R Journal 2011; the ends move
//! monotonically, so that each row is solved by divide and conquer in O(n log n)). Up to 2,048
//! distinct values that is done exactly. More are first put into 2,048 groups, fine where values are
//! dense and where they are far apart alike; the best intervals of groups are then the start of
//! Lloyd's algorithm on all values, which for intervals needs only their ends and prefix sums.

use std::ops::Range;

/// Groups that dynamic programming works on; its time grows with `entries × GROUPS × log GROUPS`.
const GROUPS: usize = 2048;

/// Lloyd's algorithm usually comes to rest sooner.
const LLOYD_ROUNDS: usize = 50;

/// An ascending codebook of at most `entries` (1 to 256) values, and for each value the index of the
/// entry nearest to it. With no more distinct values than entries nothing is lost. If a value is
/// infinite or NaN, there is no nearest entry and no answer to keep: the only entry is NaN.
pub(crate) fn share_weights(values: &[f32], entries: usize) -> (Vec<f32>, Vec<u8>) {
    if !values.iter().all(|value| value.is_finite()) {
        return (vec![f32::NAN], vec![0; values.len()]);
    }
    let sorted = sorted(values);
    let few: Vec<&[f32]> = sorted.chunk_by(f32::eq).take(entries + 1).collect();
    let mut codebook: Vec<f32> = if few.len() <= entries {
        few.iter().map(|equal| equal[0]).collect()
    } else {
        let sums = PrefixSums::new(&sorted);
        let ends = best_ends(&group_ends(&sorted), &sums, entries);
        lloyd(&sorted, &sums, ends)
    };
    codebook.dedup();
    let indices = nearest_entries(values, &codebook);
    (codebook, indices)
}

/// Radix sort, in half the time of a comparison sort: sorting is the largest part of all the work.
fn sorted(values: &[f32]) -> Vec<f32> {
    const BITS: u32 = 11;
    let mut from: Vec<u32> = values.iter().map(|&value| to_ordered(value)).collect();
    let mut to = vec![0; from.len()];
    for shift in (0..u32::BITS).step_by(BITS as usize) {
        let digit = |ordered: u32| (ordered >> shift) as usize % (1 << BITS);
        let mut next = [0; (1 << BITS) + 1];
        from.iter().for_each(|&ordered| next[digit(ordered) + 1] += 1);
        (0..1 << BITS).for_each(|digit| next[digit + 1] += next[digit]);
        for &ordered in &from {
            let place = &mut next[digit(ordered)];
            to[*place] = ordered;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    from.into_iter().map(from_ordered).collect()
}

/// Bits that are ordered as unsigned numbers as the floats are: of a negative float all are turned,
/// of another the sign.
fn to_ordered(value: f32) -> u32 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | 1 << 31 }
}

fn from_ordered(ordered: u32) -> f32 {
    let was_negative = ordered >> 31 == 0;
    f32::from_bits(if was_negative { !ordered } else { ordered & !(1 << 31) })
}

/// Ends of the groups: of each distinct value, or of [`GROUPS`] steps in the mean of a value's share
/// in rank and its share in range.
fn group_ends(sorted: &[f32]) -> Vec<usize> {
    let len = sorted.len();
    let distinct: Vec<&[f32]> = sorted.chunk_by(f32::eq).take(GROUPS + 1).collect();
    if distinct.len() <= GROUPS {
        let end = |end: &mut usize, equal: &[f32]| {
            *end += equal.len();
            Some(*end)
        };
        return distinct.into_iter().scan(0, end).collect();
    }
    let lowest = f64::from(sorted[0]);
    let range = f64::from(sorted[len - 1]) - lowest;
    let group = |index: usize| {
        let share = index as f64 / len as f64 + (f64::from(sorted[index]) - lowest) / range;
        (share / 2.0 * GROUPS as f64) as usize
    };
    let is_end = |&end: &usize| end == len || group(end) != group(end - 1);
    (1..=len).filter(is_end).collect()
}

/// Count, sum and sum of squares of the first values, for every number of them. Values count from
/// their mean, so that differences of sums stay exact enough.
struct PrefixSums {
    mean: f64,
    of_first: Vec<Moments>,
}

#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl PrefixSums {
    fn new(sorted: &[f32]) -> Self {
        let mean = sorted.iter().copied().map(f64::from).sum::<f64>() / sorted.len() as f64;
        let mut of_first = Vec::with_capacity(sorted.len() + 1);
        let mut total = Moments::default();
        of_first.push(total);
        for &value in sorted {
            let deviation = f64::from(value) - mean;
            total.count += 1.0;
            total.sum += deviation;
            total.squares += deviation * deviation;
            of_first.push(total);
        }
        Self { mean, of_first }
    }

    /// The same for whole groups of values.
    fn of_groups(&self, group_ends: &[usize]) -> Self {
        let starts_and_ends = std::iter::once(0).chain(group_ends.iter().copied());
        let of_first = starts_and_ends.map(|end| self.of_first[end]).collect();
        Self { mean: self.mean, of_first }
    }

    fn moments_of(&self, range: Range<usize>) -> Moments {
        let (start, end) = (self.of_first[range.start], self.of_first[range.end]);
        Moments {
            count: end.count - start.count,
            sum: end.sum - start.sum,
            squares: end.squares - start.squares,
        }
    }

    fn mean_of(&self, range: Range<usize>) -> f64 {
        let Moments { count, sum, .. } = self.moments_of(range);
        self.mean + sum / count
    }

    /// Squared error of standing for a range by its mean.
    fn error_of(&self, range: Range<usize>) -> f64 {
        let Moments { count, sum, squares } = self.moments_of(range);
        squares - sum * sum / count
    }
}

/// Ends of the `clusters` intervals of whole groups with the least squared error. There are at least
/// as many groups as clusters.
fn best_ends(group_ends: &[usize], sums: &PrefixSums, clusters: usize) -> Vec<usize> {
    let groups = group_ends.len();
    let sums = sums.of_groups(group_ends);
    // least[g]: of the groups 0..=g in as many clusters as rows were solved so far.
    // first_groups[k][g]: the first group of the last of those k + 1 clusters.
    let mut least: Vec<f64> = (0..groups).map(|last| sums.error_of(0..last + 1)).collect();
    let mut first_groups = vec![vec![0; groups]];
    for cluster in 1..clusters {
        let (worst, first) = (vec![f64::INFINITY; groups], vec![0; groups]);
        let mut row = Row { fewer: &least, sums: &sums, least: worst, first };
        row.solve(cluster..groups, cluster..groups);
        let Row { least: solved, first, .. } = row;
        least = solved;
        first_groups.push(first);
    }
    let mut ends = vec![0; clusters];
    let mut last = groups - 1;
    for cluster in (0..clusters).rev() {
        ends[cluster] = group_ends[last];
        last = first_groups[cluster][last].saturating_sub(1);
    }
    ends
}

/// One more cluster than before, for every last group.
struct Row<'a> {
    fewer: &'a [f64],
    sums: &'a PrefixSums,
    least: Vec<f64>,
    first: Vec<usize>,
}

impl Row<'_> {
    /// Solves the middle one of `lasts` by trying every first group of `firsts`, and the halves
    /// beside it with what that leaves: the best first group never falls as the last one rises.
    fn solve(&mut self, lasts: Range<usize>, firsts: Range<usize>) {
        if lasts.is_empty() {
            return;
        }
        let last = lasts.start.midpoint(lasts.end - 1);
        for first in firsts.start..firsts.end.min(last + 1) {
            let error = self.fewer[first - 1] + self.sums.error_of(first..last + 1);
            if error < self.least[last] {
                (self.least[last], self.first[last]) = (error, first);
            }
        }
        let first = self.first[last];
        self.solve(lasts.start..last, firsts.start..first + 1);
        self.solve(last + 1..lasts.end, first..firsts.end);
    }
}

/// Moves the ends of the clusters half way between the means beside them until none moves. Returns
/// the means.
fn lloyd(sorted: &[f32], sums: &PrefixSums, mut ends: Vec<usize>) -> Vec<f32> {
    let mut means = vec![0.0; ends.len()];
    for _ in 0..LLOYD_ROUNDS {
        let mut start = 0;
        for (mean, &end) in means.iter_mut().zip(&ends) {
            // An interval that lost its last value keeps its place between its neighbours.
            if start < end {
                *mean = sums.mean_of(start..end);
            }
            start = end;
        }
        let mut moved = false;
        for (end, pair) in ends.iter_mut().zip(means.windows(2)) {
            let middle = f64::midpoint(pair[0], pair[1]);
            let new_end = sorted.partition_point(|&value| f64::from(value) < middle);
            moved |= new_end != *end;
            *end = new_end;
        }
        if !moved {
            break;
        }
    }
    means.into_iter().map(|mean| mean as f32).collect()
}

/// For each value the entry nearest to it, the higher one where two are.
fn nearest_entries(values: &[f32], codebook: &[f32]) -> Vec<u8> {
    let middle = |pair: &[f32]| f64::midpoint(f64::from(pair[0]), f64::from(pair[1]));
    let middles: Vec<f64> = codebook.windows(2).map(middle).collect();
    let nearest =
        |&value: &f32| middles.partition_point(|&middle| middle <= f64::from(value)) as u8;
    values.iter().map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// Nearly normal, with a few far out: what trained kernels look like.
    fn weights(len: usize, seed: u64) -> Vec<f32> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut weight = || {
            let normal: f32 = (0..12).map(|_| random.random::<f32>() - 0.5).sum();
            if random.random::<f32>() < 0.001 { normal } else { normal * 0.05 }
        };
        (0..len).map(|_| weight()).collect()
    }

    fn error(values: &[f32], (codebook, indices): &(Vec<f32>, Vec<u8>)) -> f64 {
        let square = |(value, &index): (&f32, &u8)| {
            (f64::from(*value) - f64::from(codebook[usize::from(index)])).powi(2)
        };
        values.iter().zip(indices).map(square).sum()
    }

    /// The textbook recurrence, with nothing clever: O(entries × n²).
    fn least_error(values: &[f32], entries: usize) -> f64 {
        let mut sorted: Vec<f64> = values.iter().copied().map(f64::from).collect();
        sorted.sort_by(f64::total_cmp);
        let mut least = vec![f64::INFINITY; sorted.len() + 1];
        least[0] = 0.0;
        for _ in 0..entries {
            let fewer = least.clone();
            for last in 0..sorted.len() {
                let (mut count, mut mean, mut spread) = (0.0, 0.0, 0.0);
                for first in (0..=last).rev() {
                    // Welford's update
                    count += 1.0;
                    let step = sorted[first] - mean;
                    mean += step / count;
                    spread += step * (sorted[first] - mean);
                    least[last + 1] = least[last + 1].min(fewer[first] + spread);
                }
            }
        }
        least[sorted.len()]
    }

    #[test]
    fn with_few_weights_the_codebook_is_the_best_there_is() {
        for (len, entries) in [(40, 3), (200, 16), (600, 16), (1000, 100)] {
            let values = weights(len, len as u64);
            let (found, best) =
                (error(&values, &share_weights(&values, entries)), least_error(&values, entries));
            assert!((found / best - 1.0).abs() < 1e-4, "{len} in {entries}: {found} and {best}");
        }
    }

    #[test]
    fn with_many_weights_it_is_within_a_few_percent_of_the_best() {
        for entries in [16, 128] {
            let values = weights(2500, 5);
            let ratio =
                error(&values, &share_weights(&values, entries)) / least_error(&values, entries);
            assert!((0.999..1.03).contains(&ratio), "{entries} entries: {ratio}");
        }
    }

    #[test]
    fn few_distinct_weights_lose_nothing() {
        let values = [1e-20, 1.0, -0.5, 1.0, 1e-20];
        let shared = share_weights(&values, 16);
        assert_eq!(shared, (vec![-0.5, 1e-20, 1.0], vec![1, 2, 0, 2, 1]));
        assert_eq!(share_weights(&[0.25; 9], 256), (vec![0.25], vec![0; 9]));
        assert_eq!(share_weights(&[0.0, -0.0], 16).0.len(), 1);
        assert_eq!(share_weights(&[], 16), (vec![], vec![]));
    }

    #[test]
    fn one_weight_that_is_no_number_leaves_none() {
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for len in [10, 3000] {
                let mut values = weights(len, 1);
                values[7] = broken;
                let (codebook, indices) = share_weights(&values, 16);
                assert!(codebook.len() == 1 && codebook[0].is_nan());
                assert_eq!(indices, vec![0; len]);
            }
        }
    }

    #[test]
    fn the_largest_weights_are_shared_like_others() {
        let values: Vec<f32> = weights(3000, 1).iter().map(|value| value.signum() * 3e38).collect();
        assert_eq!(share_weights(&values, 16).0, [-3e38, 3e38]);
        let values: Vec<f32> = weights(3000, 1).iter().map(|value| value * 1e38).collect();
        let (codebook, _) = share_weights(&values, 16);
        assert!(codebook.len() == 16 && codebook.iter().all(|entry| entry.is_finite()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_weight_gets_the_entry_nearest_to_it(
            values in prop::collection::vec(-2.0..2.0_f32, 1..400),
            entries in 1..20_usize,
        ) {
            let (codebook, indices) = share_weights(&values, entries);
            prop_assert!(codebook.len() <= entries && codebook.is_sorted());
            for (value, index) in values.iter().zip(indices) {
                let distance = |entry: &f32| (entry - value).abs();
                let least = codebook.iter().map(distance).fold(f32::INFINITY, f32::min);
                prop_assert!(distance(&codebook[usize::from(index)]) <= least + 1e-6);
            }
        }
    }
}
