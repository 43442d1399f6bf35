//! CSV files of which each row is a sample.

use std::path::Path;

use autotinyml_nn::{Dataset, Groups, Shape};

use super::csv::{self, Columns, Time};
use super::{DataError, Loaded, Scale};
use crate::in_print::counted;

/// Reads the files that `path` stands for. Samples have the given shape, whose values follow each
/// other row by row, channels last; without one, `channels × 1 × 1`.
///
/// # Errors
/// A file is missing or wrong, or its rows do not fill the shape.
pub fn read(
    path: &Path,
    columns: &Columns,
    shape: Option<Shape>,
    scale: Scale,
) -> Result<Loaded, DataError> {
    let columns = Columns { time: Time::None, ..columns.clone() };
    let csv::Tables { tables, classes, groups, channels, titles } = csv::read(path, &columns)?;
    let shape = shape.unwrap_or(Shape::new(channels, 1, 1));
    if shape.len() != channels {
        let found = format!("rows of {}", counted(channels, "value"));
        let expected = format!("{} for a sample of {shape}", shape.len());
        let cure = "correct `shape` in [data], or name the columns to read by `channels`";
        return Err(DataError::new(path, found, expected, cure));
    }
    let period = scale.period(shape, path)?;
    let rows = |of: fn(&csv::Table) -> &[u32]| {
        tables.iter().flat_map(of).map(|&index| index as usize).collect::<Vec<usize>>()
    };
    let labels = rows(|table| &table.classes);
    let groups = groups.map(|names| Groups { names, of: rows(|table| &table.groups) });
    let notes =
        vec![format!("{} in {}", counted(labels.len(), "row"), counted(tables.len(), "file"))];
    let mut inputs = vec![];
    for table in tables {
        inputs.extend(table.values);
    }
    let dataset = Dataset { shape, classes, inputs, labels, spans: None, groups };
    Ok(Loaded { dataset, period, columns: titles, notes })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use insta::assert_snapshot;

    use super::*;
    use crate::data::csv::{Column, TimeUnit};

    fn labelled(column: usize) -> Columns {
        let label = Some(Column::Number(column));
        Columns {
            label,
            group: None,
            time: Time::First,
            time_unit: TimeUnit::Seconds,
            channels: None,
        }
    }

    #[test]
    fn a_row_is_a_sample() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("train.csv"), "1,2,3,4,no\n5,6,7,8,yes\n").unwrap();
        fs::write(folder.path().join("test.csv"), "9,10,11,12,no\n").unwrap();
        let read = |shape, scale| read(folder.path(), &labelled(5), shape, scale);

        let Loaded { dataset, period, .. } = read(None, Scale::Values).unwrap();
        assert_eq!((dataset.shape, period), (Shape::new(4, 1, 1), 4));
        assert_eq!(dataset.sample(0), [9., 10., 11., 12.]);
        assert_eq!(
            (dataset.classes, dataset.labels),
            (vec!["no".into(), "yes".into()], vec![0, 0, 1])
        );
        let groups = dataset.groups.unwrap();
        assert_eq!((groups.names, groups.of), (vec!["test".into(), "train".into()], vec![0, 1, 1]));

        let shape = Shape::new(2, 2, 1);
        let of = |scale| read(Some(shape), scale).unwrap().period;
        assert_eq!([of(Scale::Channels), of(Scale::Columns), of(Scale::Values)], [1, 2, 4]);
        let error = read(Some(Shape::new(3, 1, 1)), Scale::Channels).unwrap_err().to_string();
        assert_snapshot!(error.replace(&folder.path().display().to_string(), "…"), @"…: rows of 4 values: expected 3 for a sample of 3×1×1; correct `shape` in [data], or name the columns to read by `channels`");
    }

    /// Counts as in its README: 4,000 and 1,000 series of 40 values.
    #[test]
    fn mnist_1d_is_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mnist1d");
        if !folder.is_dir() {
            eprintln!("skipped: no MNIST-1D in {}", folder.display());
            return;
        }
        let shape = Some(Shape::new(40, 1, 1));
        let data = read(&folder, &labelled(1), shape, Scale::Channels).unwrap().dataset;
        let groups = data.groups.as_ref().unwrap();
        let tested = groups.of.iter().filter(|&&group| groups.names[group] == "test").count();
        assert_eq!((data.len(), tested), (5000, 1000));
        assert_eq!(data.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
}
