//! Statistics for comparing searchers: how far a search is from the best there is, curves of many
//! repeats, ranks over many problems, and a test of whether a difference is more than luck.

use crate::problem::Goal;

/// How far a score is from the best known one, on a scale that makes problems comparable: 0 is `best`, 1 is
/// `reference` (say, the median feasible configuration) or worse, or no score at all.
///
/// If `best` and `reference` are equal, every score as good as they is 0.
pub fn normalised_regret(goal: Goal, score: Option<f64>, best: f64, reference: f64) -> f64 {
    let Some(score) = score.filter(|score| score.is_finite()) else { return 1.0 };
    let behind = goal.utility(best) - goal.utility(score);
    let range = goal.utility(best) - goal.utility(reference);
    if behind <= 0.0 {
        0.0
    } else if range > 0.0 {
        (behind / range).min(1.0)
    } else {
        1.0
    }
}

/// After each trial, the best feasible score so far; `None` until there is one. `scores` holds one entry per
/// trial: the score if the trial was feasible, else `None`. Scores that aren't finite count as none.
pub fn best_so_far(goal: Goal, scores: impl IntoIterator<Item = Option<f64>>) -> Vec<Option<f64>> {
    let mut best: Option<f64> = None;
    let step = |score: Option<f64>| {
        if let Some(score) = score.filter(|score| score.is_finite())
            && best.is_none_or(|best| goal.utility(score) > goal.utility(best))
        {
            best = Some(score);
        }
        best
    };
    scores.into_iter().map(step).collect()
}

/// A quantile, 0 to 1, with linear interpolation between the two nearest of the sorted values: type 7 of
/// Hyndman & Fan (1996), as NumPy's and R's default. `None` of no values.
pub fn quantile(values: &[f64], at: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let position = at.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    let share = position - below as f64;
    // Exact at both ends, and no difference of infinities where the two are the same.
    Some(if low == high || share == 0.0 { low } else { low + (high - low) * share })
}

/// Quantiles over the curves of many repeats: for each quantile in `at`, one value per step. A curve that
/// ended early keeps its last value.
pub fn quantile_bands(curves: &[Vec<f64>], at: &[f64]) -> Vec<Vec<f64>> {
    let steps = curves.iter().map(Vec::len).max().unwrap_or(0);
    let across: Vec<Vec<f64>> = (0..steps)
        .map(|step| {
            let value_of = |curve: &Vec<f64>| curve.get(step).or(curve.last()).copied();
            curves.iter().filter_map(value_of).collect()
        })
        .collect();
    let band = |&at: &f64| across.iter().filter_map(|values| quantile(values, at)).collect();
    at.iter().map(band).collect()
}

/// The rank of each value, 1 for the least; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| *other == value).count() as f64;
        below + (equal + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

/// The mean rank of each contestant over all rounds; less is better. `rounds[r][c]`: what contestant c
/// has in round r, where less is better, too. Empty of no rounds.
pub fn average_ranks(rounds: &[Vec<f64>]) -> Vec<f64> {
    let Some(first) = rounds.first() else { return vec![] };
    let mut sums = vec![0.0; first.len()];
    for round in rounds {
        for (sum, rank) in sums.iter_mut().zip(ranks(round)) {
            *sum += rank;
        }
    }
    sums.into_iter().map(|sum| sum / rounds.len() as f64).collect()
}

/// Outcome of a [`wilcoxon_signed_rank`] test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRankTest {
    /// Differences other than zero.
    pub pairs: usize,
    /// W⁺, the sum of the ranks of the positive differences.
    pub positive_rank_sum: f64,
    /// Probability of a sum at least as far from its mean if differences of either sign were equally
    /// likely (two-sided).
    pub p_value: f64,
}

/// The signed-rank test of F. Wilcoxon, Individual Comparisons by Ranking Methods (1945), on the
/// differences of pairs. Zeros are discarded, as there; equal sizes share the mean of their ranks.
///
/// The p-value is exact for any number of pairs n, ties included: the distribution of W⁺ is built up rank
/// by rank, in about n³ additions (half a second for a thousand pairs).
pub fn wilcoxon_signed_rank(differences: &[f64]) -> SignedRankTest {
    let differences: Vec<f64> =
        differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    // Shared ranks are halves: twice a rank is a whole number.
    let doubled: Vec<usize> = ranks(&sizes).iter().map(|rank| (2.0 * rank) as usize).collect();
    let positive = differences.iter().zip(&doubled).filter(|(difference, _)| **difference > 0.0);
    let sum: usize = positive.map(|(_, rank)| rank).sum();
    let total: usize = doubled.iter().sum();

    // probability[s]: that the doubled ranks with a positive sign sum to s.
    let mut probability = vec![0.0; total + 1];
    probability[0] = 1.0;
    let mut reached = 0;
    for &rank in &doubled {
        reached += rank;
        for s in (0..=reached).rev() {
            let with = if s >= rank { probability[s - rank] } else { 0.0 };
            probability[s] = 0.5 * (probability[s] + with);
        }
    }
    // The distribution is symmetric: both tails are twice the lower one.
    let lower_tail: f64 = probability[..=sum.min(total - sum)].iter().sum();
    SignedRankTest {
        pairs: differences.len(),
        positive_rank_sum: sum as f64 / 2.0,
        p_value: (2.0 * lower_tail).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        values: Vec<f64>,
        ranks: Vec<f64>,
        quantiles: Vec<(f64, f64)>,
        tests: Vec<ReferenceTest>,
    }

    #[derive(Deserialize)]
    struct ReferenceTest {
        differences: Vec<f64>,
        positive_rank_sum: f64,
        p_value: f64,
    }

    fn reference() -> Reference {
        serde_json::from_str(include_str!("../tests/reference/compare.json")).unwrap()
    }

    #[test]
    fn quantiles_are_those_of_numpy_and_ranks_those_of_scipy() {
        let reference = reference();
        assert_eq!(ranks(&reference.values), reference.ranks);
        for (at, expected) in reference.quantiles {
            let found = quantile(&reference.values, at).unwrap();
            assert!((found - expected).abs() < 1e-12, "{at}: {found}, NumPy says {expected}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn p_values_are_those_of_scipy() {
        let tests = reference().tests;
        assert!(tests.len() >= 8);
        for test in tests {
            let found = wilcoxon_signed_rank(&test.differences);
            assert_eq!(found.positive_rank_sum, test.positive_rank_sum);
            let off = (found.p_value / test.p_value - 1.0).abs();
            assert!(off < 1e-9, "{} of SciPy's {}", found.p_value, test.p_value);
        }
    }

    #[test]
    fn without_differences_nothing_is_shown() {
        let test = wilcoxon_signed_rank(&[0.0, 0.0]);
        assert_eq!((test.pairs, test.p_value), (0, 1.0));
    }

    /// By hand: in the second round the first two share ranks 1 and 2.
    #[test]
    fn average_ranks_share_ties() {
        let rounds = [vec![0.1, 0.2, 0.3], vec![0.0, 0.0, 1.0]];
        assert_eq!(average_ranks(&rounds), [1.25, 1.75, 3.0]);
        assert!(average_ranks(&[]).is_empty());
    }

    #[test]
    fn regret_is_0_at_the_best_and_1_at_the_reference() {
        let regret = |score| normalised_regret(Goal::Maximise, score, 0.9, 0.5);
        let scores = [Some(0.95), Some(0.9), Some(0.8), Some(0.5), Some(0.1), None, Some(f64::NAN)];
        let expected = [0.0, 0.0, 0.25, 1.0, 1.0, 1.0, 1.0];
        for (score, expected) in scores.into_iter().zip(expected) {
            assert!((regret(score) - expected).abs() < 1e-12, "{score:?}");
        }
        assert_eq!(normalised_regret(Goal::Minimise, Some(2.0), 1.0, 5.0), 0.25);
        assert_eq!(normalised_regret(Goal::Minimise, Some(1.0), 1.0, 1.0), 0.0);
        assert_eq!(normalised_regret(Goal::Minimise, Some(2.0), 1.0, 1.0), 1.0);
    }

    #[test]
    fn the_best_stays_until_it_is_beaten() {
        let scores = [None, Some(3.0), Some(f64::NAN), Some(4.0), Some(1.0), None];
        let least = best_so_far(Goal::Minimise, scores);
        assert_eq!(least, [None, Some(3.0), Some(3.0), Some(3.0), Some(1.0), Some(1.0)]);
        let greatest = best_so_far(Goal::Maximise, scores);
        assert_eq!(greatest[3..], [Some(4.0), Some(4.0), Some(4.0)]);
    }

    #[test]
    fn bands_lie_across_the_curves() {
        let curves = [vec![1.0, 0.5, 0.0], vec![3.0, 1.5], vec![2.0, 1.0, 0.5]];
        let bands = quantile_bands(&curves, &[0.0, 0.5, 1.0]);
        assert_eq!(bands, [vec![1.0, 0.5, 0.0], vec![2.0, 1.0, 0.5], vec![3.0, 1.5, 1.5]]);
        assert_eq!(quantile_bands(&[], &[0.5]), [Vec::<f64>::new()]);
    }
}
