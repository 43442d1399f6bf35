//! The table of all trials as text: a line each, empty fields where there is nothing.

use std::fmt::Display;

use super::trial_table::{Values, columns};
use crate::record::Summary;

/// The content of `trials.csv`. Several values in one field are separated by `; `.
pub fn trials(summary: &Summary) -> String {
    let columns = columns(summary);
    let mut table = csv::Writer::from_writer(vec![]);
    let whole = "writing to memory does not fail, and all records are as long as the header";
    table.write_record(columns.iter().map(|column| &column.name)).expect(whole);
    for trial in 0..summary.trials.len() {
        let record = columns.iter().map(|column| field(&column.values, trial));
        table.write_record(record).expect(whole);
    }
    String::from_utf8(table.into_inner().expect(whole)).expect("all fields are text")
}

fn field(values: &Values, trial: usize) -> String {
    match values {
        Values::Integers(values) => optional(&values[trial]),
        Values::Numbers(values) => optional(&values[trial]),
        Values::Flags(values) => optional(&values[trial]),
        Values::Texts(values) => optional(&values[trial]),
        Values::NumberLists(values) => list(&values[trial]),
        Values::TextLists(values) => list(&values[trial]),
    }
}

fn optional(value: &Option<impl Display>) -> String {
    value.as_ref().map(|value| value.to_string()).unwrap_or_default()
}

fn list<T: Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join("; ")
}
