//! What data can be read and split, and yet is hardly what its owner means: columns that never change,
//! measured quantities in the place of classes.

use autotinyml_nn::Dataset;

use crate::data::Loaded;
use crate::in_print::counted;

/// More classes than this are rarely meant.
const CLASSES_MAX: usize = 64;

/// No more names than this stand in a caution.
const LISTED_MAX: usize = 5;

/// What to look at before believing the data.
pub fn of(loaded: &Loaded) -> Vec<String> {
    constant_columns(loaded).into_iter().chain(labels(&loaded.dataset)).collect()
}

/// Whether all values are the same, so that no sample differs from another.
pub fn constant(data: &Dataset) -> Option<f32> {
    let first = *data.inputs.first()?;
    data.inputs.iter().all(|&value| value == first).then_some(first)
}

/// Columns of one value only. Without columns of their own, as in pictures, values may well be constant.
fn constant_columns(loaded: &Loaded) -> Option<String> {
    let Loaded { dataset, period, columns, .. } = loaded;
    let period = Some(*period).filter(|&period| period > 1)?;
    let mut constant =
        dataset.inputs.get(..period)?.iter().map(|&first| Some(first)).collect::<Vec<_>>();
    for row in dataset.inputs.chunks_exact(period) {
        for (known, value) in constant.iter_mut().zip(row) {
            *known = known.filter(|known| known == value);
        }
    }
    let title = |index: usize| match columns {
        Some(titles) if titles.len() == period => titles[index].clone(),
        _ => (index + 1).to_string(),
    };
    let told = constant.iter().enumerate().filter_map(|(index, known)| Some((index, (*known)?)));
    let told: Vec<String> =
        told.map(|(index, value)| format!("{} (always {value})", title(index))).collect();
    let count = told.len();
    (count > 0).then(|| {
        let (what, they, them) = match count {
            1 => ("columns never changes", "it tells", "it"),
            _ => ("columns never change", "they tell", "them"),
        };
        format!(
            "{count} of {period} {what}: {}; {they} nothing of the class: mend the recording, or leave \
             {them} out",
            listed(&told)
        )
    })
}

/// Labels that look like a quantity, or like something that is no class at all.
pub fn labels(data: &Dataset) -> Option<String> {
    let count = data.classes.len();
    let numbers: Option<Vec<f64>> = data.classes.iter().map(|class| class.parse().ok()).collect();
    let classes = counted(count, "class");
    match numbers {
        Some(numbers) if numbers.iter().any(|number| number.fract() != 0.0) => Some(format!(
            "the {classes} are numbers with fractions ({}), which look like a measured quantity; a \
             network here chooses between classes that have no order: put the quantity into a few \
             ranges, such as low, middle and high, and let those be the label",
            listed(&data.classes)
        )),
        Some(_) if count > CLASSES_MAX => Some(format!(
            "there are {classes}, all numbers ({}), which look like a quantity or a count; a network \
             here chooses between classes that have no order: put the numbers into a few ranges, such \
             as low, middle and high, and let those be the label",
            listed(&data.classes)
        )),
        None if count > CLASSES_MAX => Some(format!(
            "there are {classes} ({}): does `label` name what is to be told apart, or something like a \
             name or a date?",
            listed(&data.classes)
        )),
        _ => None,
    }
}

/// The first of many.
fn listed(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(LISTED_MAX).map(String::as_str).collect();
    let more = if names.len() > first.len() { ", …" } else { "" };
    first.join(", ") + more
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::Shape;

    use super::*;

    fn loaded(inputs: &[f32], classes: &[&str]) -> Loaded {
        let labels = (0..inputs.len() / 3).map(|sample| sample % classes.len()).collect();
        let classes = classes.iter().map(|&class| class.to_owned()).collect();
        let dataset = Dataset {
            shape: Shape::new(3, 1, 1),
            classes,
            inputs: inputs.to_vec(),
            labels,
            spans: None,
            groups: None,
        };
        let columns = Some(["x", "y", "z"].map(str::to_owned).to_vec());
        Loaded { dataset, period: 3, columns, notes: vec![] }
    }

    #[test]
    fn what_varies_and_is_a_name_is_no_reason_for_caution() {
        let fine = loaded(&[1., 2., 3., 1., 5., 6., 2., 2., 6.], &["2", "10"]);
        assert_eq!(of(&fine), Vec::<String>::new());
        assert_eq!(constant(&fine.dataset), None);
        assert_eq!(constant(&loaded(&[4.; 6], &["a", "b"]).dataset), Some(4.0));
    }

    #[test]
    fn columns_that_never_change_are_named() {
        let dead = loaded(&[1., 0., 3., 2., 0., 3., 3., 0., 3.], &["a", "b"]);
        insta::assert_snapshot!(of(&dead).join("\n"), @"2 of 3 columns never change: y (always 0), z (always 3); they tell nothing of the class: mend the recording, or leave them out");
    }

    #[test]
    fn quantities_are_no_classes() {
        let values: Vec<f32> = (0..9).map(|value| value as f32).collect();
        insta::assert_snapshot!(of(&loaded(&values, &["2.1", "3.7", "5"])).join("\n"), @"the 3 classes are numbers with fractions (2.1, 3.7, 5), which look like a measured quantity; a network here chooses between classes that have no order: put the quantity into a few ranges, such as low, middle and high, and let those be the label");
        let many: Vec<String> = (0..100).map(|class| class.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(of(&loaded(&values, &many))[0].contains("100 classes, all numbers"));
    }
}
