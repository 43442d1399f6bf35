//! What must hold of each parser, whatever it is fed. `cargo fuzz` looks for bytes that break it; the
//! tests of `autotinyml` replay `corpus/` on stable Rust.

use autotinyml::data;
use autotinyml::data::csv::{Column, Columns, Time, TimeUnit};

/// The first byte says which columns are named; the rest is the file.
pub fn csv(bytes: &[u8]) {
    let Some((&choice, file)) = bytes.split_first() else { return };
    let named = |bit: u8, column| (choice & bit != 0).then_some(column);
    let columns = Columns {
        label: named(1, Column::Number(1)),
        group: named(2, Column::Title("who".to_string())),
        time: if choice & 4 != 0 { Time::First } else { Time::None },
        time_unit: TimeUnit::Seconds,
        channels: named(8, Column::Number(2)).map(|column| vec![column]),
    };
    let Ok(table) = data::csv::parse(file, &columns) else { return };
    assert!(table.rows() > 0 && table.values.len() % table.rows() == 0);
    assert_eq!(table.groups.len(), table.rows());
    assert!(table.times.is_empty() || table.times.len() == table.rows());
    assert!(table.values.iter().all(|value| value.is_finite()));
}

/// A file of samples.
pub fn idx(bytes: &[u8]) {
    let Ok((dimensions, values)) = data::idx::parse(bytes) else { return };
    assert_eq!(values.len(), dimensions.iter().product::<usize>());
    assert!(values.iter().all(|value| value.is_finite()));
}

/// An archive with samples `x` and labels `y`.
pub fn npz(bytes: &[u8]) {
    if let Ok((dimensions, values)) = data::npz::parse(bytes, "x") {
        assert_eq!(values.len(), dimensions.iter().product::<usize>());
        assert!(values.iter().all(|value| value.is_finite()));
    }
    if let Ok(labels) = data::npz::parse_labels(bytes, "y") {
        assert!(!labels.is_empty());
    }
}
