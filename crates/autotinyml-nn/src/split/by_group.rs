//! Whole groups on one side: what does the network make of people it has never seen?

use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{HoldOut, SplitError, apart};
use crate::{Dataset, Groups, SplitBy};

/// Puts the samples of the named groups aside.
///
/// # Errors
/// [`SplitError::NoGroups`], [`SplitError::UnknownGroup`], [`SplitError::ClassNotTrained`],
/// [`SplitError::EmptySide`].
pub fn leave_out(data: &Dataset, names: &[String]) -> Result<HoldOut, SplitError> {
    let groups = groups_of(data)?;
    if let Some(name) = names.iter().find(|name| !groups.names.contains(name)) {
        let known = groups.names.clone();
        return Err(SplitError::UnknownGroup { name: name.clone(), known });
    }
    let is_test = |&sample: &usize| names.contains(&groups.names[groups.of[sample]]);
    let (test, train) = (0..data.len()).partition(is_test);
    let (train, test, dropped) = apart(data, SplitBy::Group, train, test, "test")?;
    Ok(HoldOut { train, test, dropped })
}

/// Whether each sample is in a group that is held out: groups come in random order, and each is
/// held out that brings the held-out samples nearer to `share`; the smallest one, if none does.
pub fn held_out(
    data: &Dataset,
    samples: &[usize],
    share: f64,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Vec<bool>, SplitError> {
    let groups = groups_of(data)?;
    let sizes = sizes(groups, samples.iter().copied());
    let order = shuffled(&sizes, random);
    if order.len() < 2 {
        return Err(SplitError::TooFewGroups { groups: order.len(), sides: 2 });
    }
    let wanted = samples.len() as f64 * share;
    let mut is_out = vec![false; sizes.len()];
    let mut held_out = 0.0;
    for &group in &order {
        let with_it = held_out + sizes[group] as f64;
        if (with_it - wanted).abs() < (held_out - wanted).abs() {
            is_out[group] = true;
            held_out = with_it;
        }
    }
    if held_out == 0.0 {
        let smallest = order.into_iter().min_by_key(|&group| sizes[group]);
        is_out[smallest.expect("there are two")] = true;
    }
    Ok(groups.of.iter().map(|&group| is_out[group]).collect())
}

/// The fold of each sample of the data: groups go, the largest first, to the fold that has the
/// fewest samples; among equals in random order.
pub fn folds(
    data: &Dataset,
    samples: &[usize],
    k: usize,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Vec<usize>, SplitError> {
    let groups = groups_of(data)?;
    let sizes = sizes(groups, samples.iter().copied());
    let mut order = shuffled(&sizes, random);
    if order.len() < k {
        return Err(SplitError::TooFewGroups { groups: order.len(), sides: k });
    }
    order.sort_by_key(|&group| std::cmp::Reverse(sizes[group]));
    let mut filled = vec![0; k];
    let mut fold_of_group = vec![0; sizes.len()];
    for group in order {
        let fold = (0..k).min_by_key(|&fold| filled[fold]).expect("two folds at least");
        fold_of_group[group] = fold;
        filled[fold] += sizes[group];
    }
    Ok(groups.of.iter().map(|&group| fold_of_group[group]).collect())
}

fn groups_of(data: &Dataset) -> Result<&Groups, SplitError> {
    data.groups.as_ref().ok_or(SplitError::NoGroups)
}

/// Number of the given samples in each group.
fn sizes(groups: &Groups, samples: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut sizes = vec![0; groups.names.len()];
    for sample in samples {
        sizes[groups.of[sample]] += 1;
    }
    sizes
}

/// The groups that have samples, in random order.
fn shuffled(sizes: &[usize], random: &mut Xoshiro256PlusPlus) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).filter(|&group| sizes[group] > 0).collect();
    order.shuffle(random);
    order
}
