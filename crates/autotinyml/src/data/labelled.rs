//! From arrays of samples and labels to a data set: what IDX files and `.npz` have in common.

use std::path::Path;

use autotinyml_nn::{Dataset, Groups, Shape};

use super::names::Names;
use super::numbers::in_print;
use super::{DataError, Loaded, Scale, VALUES_MAX};
use crate::in_print::counted;

/// What the study file says of arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayOptions {
    /// Shape of a sample. None: as in the file.
    pub shape: Option<Shape>,
    /// Names of the classes 0, 1, 2 … None: the labels are the names.
    pub classes: Option<Vec<String>>,
    /// What is standardised together.
    pub scale: Scale,
}

/// Samples with their labels, all of one group or each with its own.
#[derive(Debug)]
pub struct Part {
    /// Where they come from, for complaints.
    pub place: String,
    /// Samples, then the axes of one.
    pub dimensions: Vec<usize>,
    /// The samples' values, one sample after the other.
    pub inputs: Vec<f32>,
    /// Label of each sample, a number of the names.
    pub labels: Vec<u32>,
    /// Group of each sample, a number of the names.
    pub groups: Vec<u32>,
}

/// Adds a part, unless there are too many values by now.
///
/// # Errors
/// All parts together have more than [`VALUES_MAX`] values.
pub fn add(parts: &mut Vec<Part>, part: Part, path: &Path) -> Result<(), DataError> {
    parts.push(part);
    match parts.iter().map(|part| part.inputs.len()).sum::<usize>() {
        0..=VALUES_MAX => Ok(()),
        _ => Err(super::too_large(path, "values")),
    }
}

/// One data set of all parts, whose labels and groups have these names.
///
/// # Errors
/// Parts that do not go together, labels without a name, a single class.
pub fn join(
    parts: Vec<Part>,
    [labels, groups]: [Names; 2],
    options: &ArrayOptions,
    path: &Path,
) -> Result<Loaded, DataError> {
    let shape = shape(&parts, options)?;
    let period = options.scale.period(shape, path)?;
    let (labels, label_order) = labels.sorted();
    let (group_names, group_order) = groups.sorted();
    let class_of_label = class_of_label(&labels, options, path)?;
    let classes = options.classes.clone().unwrap_or(labels);
    if classes.len() < 2 {
        let found = format!("all of it is of one class, {:?}", classes.concat());
        let cure = "are these the right labels?";
        return Err(DataError::new(path, found, "two classes at least", cure));
    }
    let mut dataset =
        Dataset { shape, classes, inputs: vec![], labels: vec![], spans: None, groups: None };
    let mut groups = Groups { names: group_names, of: vec![] };
    let mut notes = vec![];
    for part in parts {
        notes.push(format!("{} in {}", counted(part.labels.len(), "sample"), part.place));
        let class = |&label: &u32| class_of_label[label_order[label as usize] as usize];
        dataset.labels.extend(part.labels.iter().map(class));
        groups.of.extend(part.groups.iter().map(|&group| group_order[group as usize] as usize));
        dataset.inputs.extend(part.inputs);
    }
    dataset.groups = (groups.names.len() > 1).then_some(groups);
    Ok(Loaded { dataset, period, columns: None, notes })
}

/// The class that each label means: the one of that number if the study file names the classes, else
/// each its own.
fn class_of_label(
    labels: &[String],
    options: &ArrayOptions,
    path: &Path,
) -> Result<Vec<usize>, DataError> {
    let Some(classes) = &options.classes else { return Ok((0..labels.len()).collect()) };
    let class = |label: &String| {
        label.parse().ok().filter(|&class| class < classes.len()).ok_or_else(|| {
            let found = format!("there is a label {label:?}");
            let expected = format!(
                "0 to {}, as `classes` has {}",
                classes.len() - 1,
                counted(classes.len(), "name")
            );
            let cure = "name every class in [data], in order from 0 on";
            DataError::new(path, found, expected, cure)
        })
    };
    labels.iter().map(class).collect()
}

/// The shape of each sample; checks that the parts agree and that each has as many labels as samples.
fn shape(parts: &[Part], options: &ArrayOptions) -> Result<Shape, DataError> {
    let first = &parts[0];
    for part in parts {
        let (samples, labels) = (part.dimensions[0], part.labels.len());
        if samples != labels || part.groups.len() != samples {
            let (others, expected) = match samples == labels {
                true => (counted(part.groups.len(), "group"), "one group for each sample"),
                false => (counted(labels, "label"), "one label for each sample"),
            };
            let found = format!("{}, but {others}", counted(samples, "sample"));
            let cure = "name the arrays or files that belong together";
            return Err(DataError::at(&part.place, found, expected, cure));
        }
        if part.dimensions[1..] != first.dimensions[1..] {
            let found = format!("samples of {}", in_print(&part.dimensions[1..]));
            let expected = format!("{} as in {}", in_print(&first.dimensions[1..]), first.place);
            return Err(DataError::at(&part.place, found, expected, "name parts of one data set"));
        }
    }
    let in_file = match first.dimensions[1..] {
        [] => Shape::new(1, 1, 1),
        [height] => Shape::new(height, 1, 1),
        [height, width] => Shape::new(height, width, 1),
        [height, width, channels] => Shape::new(height, width, channels),
        ref axes => {
            let found = format!("samples of {} axes", axes.len());
            let cure = "join some of them before you save the file";
            return Err(DataError::at(&first.place, found, "at most 3", cure));
        }
    };
    match options.shape {
        None => Ok(in_file),
        Some(shape) if shape.len() == in_file.len() => Ok(shape),
        Some(shape) => {
            let found = format!("samples of {}", counted(in_file.len(), "value"));
            let expected = format!("{} for a sample of {shape}", shape.len());
            Err(DataError::at(&first.place, found, expected, "correct `shape` in [data]"))
        }
    }
}
