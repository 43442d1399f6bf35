//! Which arrays of a `.npz` file are samples, which their classes and groups.

use std::path::Path;

use super::columns::{is_group, is_label};
use crate::data::npz::{self, Listed};
use crate::data::{DataError, VALUES_MAX, in_print};

/// The arrays of a study.
pub struct Chosen {
    pub input: Vec<String>,
    pub label: Vec<String>,
    pub group: Option<Vec<String>>,
    /// Axes of a sample.
    pub axes: Vec<usize>,
    /// Arrays with a value for each sample that are none of these.
    pub rest: Vec<String>,
}

/// Looks through an archive: samples have two axes at least; beside each array of them there is one with
/// as many classes, `y_train` beside `x_train`.
///
/// # Errors
/// It cannot be read, or nothing in it looks like samples with classes.
pub fn choose(path: &Path) -> Result<Chosen, DataError> {
    let arrays = npz::list(path)?;
    let mut chosen =
        Chosen { input: vec![], label: vec![], group: Some(vec![]), axes: vec![], rest: vec![] };
    let samples = |array: &&Listed| !array.is_text && (2..=4).contains(&array.dimensions.len());
    if let Some(array) = arrays.iter().find(|array| size(&array.dimensions).is_none()) {
        let place = format!("{}, array {}", path.display(), array.name);
        let found = format!("announces {} values", in_print(&array.dimensions));
        let cure = "is it damaged? else keep a part of it";
        return Err(DataError::at(place, found, format!("at most {VALUES_MAX}"), cure));
    }
    let longest = |array: &Listed| size(&array.dimensions[1..]).unwrap_or(usize::MAX);
    let axes = arrays.iter().filter(samples).filter(|array| longest(array) > 1);
    let axes = axes.max_by_key(|array| longest(array)).map(|array| array.dimensions[1..].to_vec());
    for input in arrays.iter().filter(samples) {
        if axes.as_deref() != Some(&input.dimensions[1..]) {
            continue;
        }
        let count = input.dimensions[0];
        let beside = || arrays.iter().filter(move |array| is_beside(array, count));
        let of_part = |array: &&Listed| part(&array.name) == part(&input.name);
        let label = beside().filter(of_part).find(|array| is_label(stem(&array.name)));
        let other = beside().find(|array| !is_group(stem(&array.name)));
        let Some(label) = label.or(other) else { continue };
        let group = beside().filter(of_part).find(|array| is_group(stem(&array.name)));
        chosen.input.push(input.name.clone());
        chosen.label.push(label.name.clone());
        chosen.group = chosen.group.zip(group).map(|(mut groups, group)| {
            groups.push(group.name.clone());
            groups
        });
    }
    let Some(axes) = axes.filter(|_| !chosen.input.is_empty()) else {
        let found: Vec<String> =
            arrays.iter().map(|array| format!("{} {:?}", array.name, array.dimensions)).collect();
        let found = format!("holds {}", found.join(", "));
        let expected = "an array of samples, and one with the class of each";
        let cure = "save both, as by np.savez_compressed(\"data.npz\", x=samples, y=classes)";
        return Err(DataError::new(path, found, expected, cure));
    };
    let is_used = |name: &String| {
        let groups = chosen.group.iter().flatten();
        chosen.input.iter().chain(&chosen.label).chain(groups).any(|used| used == name)
    };
    let counts: Vec<usize> = (arrays.iter().filter(|array| chosen.input.contains(&array.name)))
        .map(|array| array.dimensions[0])
        .collect();
    let beside = arrays.iter().filter(|array| counts.iter().any(|&count| is_beside(array, count)));
    let rest = beside.map(|array| array.name.clone()).filter(|name| !is_used(name)).collect();
    Ok(Chosen { axes, rest, ..chosen })
}

/// None: more than any data set may have.
fn size(axes: &[usize]) -> Option<usize> {
    let size = axes.iter().try_fold(1_usize, |size, &axis| size.checked_mul(axis));
    size.filter(|&size| size <= VALUES_MAX)
}

fn is_beside(array: &Listed, count: usize) -> bool {
    matches!(array.dimensions[..], [n] | [n, 1] if n == count)
}

/// `x` of `x_train`.
fn stem(name: &str) -> &str {
    name.split_once('_').map_or(name, |(stem, _)| stem)
}

/// `train` of `x_train`.
fn part(name: &str) -> &str {
    name.split_once('_').map_or("", |(_, part)| part)
}
