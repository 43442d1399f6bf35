//! The table of all trials as a Parquet file, with the type of each column: pandas, Polars, DuckDB and R
//! read it as it is.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::trial_table::{Column, Values, columns};
use crate::record::Summary;

/// The content of `trials.parquet`: all trials as one group of rows. What is not there is null, or an
/// empty list.
pub fn trials(summary: &Summary) -> Vec<u8> {
    write(&columns(summary))
        .expect("writing to memory does not fail, and values are of their types")
}

fn write(columns: &[Column]) -> Result<Vec<u8>> {
    let fields: Result<Vec<TypePtr>> = columns.iter().map(field).collect();
    let schema = Type::group_type_builder("trials").with_fields(fields?).build()?;
    let mut file = SerializedFileWriter::new(vec![], Arc::new(schema), Arc::default())?;
    let mut rows = file.next_row_group()?;
    for column in columns {
        match &column.values {
            Values::Integers(values) => optional::<Int64Type>(&mut rows, values.iter().copied())?,
            Values::Numbers(values) => optional::<DoubleType>(&mut rows, values.iter().copied())?,
            Values::Flags(values) => optional::<BoolType>(&mut rows, values.iter().copied())?,
            Values::Texts(values) => {
                let bytes = |text: &Option<String>| text.as_deref().map(ByteArray::from);
                optional::<ByteArrayType>(&mut rows, values.iter().map(bytes))?;
            }
            Values::NumberLists(lists) => list::<DoubleType>(&mut rows, lists.clone())?,
            Values::TextLists(lists) => {
                let bytes = |texts: &Vec<String>| -> Vec<ByteArray> {
                    texts.iter().map(|text| ByteArray::from(text.as_str())).collect()
                };
                list::<ByteArrayType>(&mut rows, lists.iter().map(bytes).collect())?;
            }
        }
    }
    rows.close()?;
    file.into_inner()
}

fn field(column: &Column) -> Result<TypePtr> {
    let Column { name, values } = column;
    let field = match values {
        Values::Integers(_) => single(name, Physical::INT64, Repetition::OPTIONAL),
        Values::Numbers(_) => single(name, Physical::DOUBLE, Repetition::OPTIONAL),
        Values::Flags(_) => single(name, Physical::BOOLEAN, Repetition::OPTIONAL),
        Values::Texts(_) => single(name, Physical::BYTE_ARRAY, Repetition::OPTIONAL),
        Values::NumberLists(_) => list_of(name, Physical::DOUBLE),
        Values::TextLists(_) => list_of(name, Physical::BYTE_ARRAY),
    };
    field.map(Arc::new)
}

/// All our byte arrays are texts.
fn single(name: &str, physical: Physical, repetition: Repetition) -> Result<Type> {
    let logical = (physical == Physical::BYTE_ARRAY).then_some(LogicalType::String);
    Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
}

/// As Parquet's specification of logical types wants lists.
fn list_of(name: &str, physical: Physical) -> Result<Type> {
    let element = single("element", physical, Repetition::REQUIRED)?;
    let elements = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    Type::group_type_builder(name)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(elements)])
        .build()
}

fn optional<T: DataType>(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<()> {
    let values: Vec<Option<T::T>> = values.collect();
    let is_there: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    column::<T>(rows, &values, &is_there, None)
}

fn list<T: DataType>(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    lists: Vec<Vec<T::T>>,
) -> Result<()> {
    let (mut is_there, mut goes_on) = (vec![], vec![]);
    for list in &lists {
        // An empty one has an entry too, without a value.
        is_there.extend(vec![i16::from(!list.is_empty()); list.len().max(1)]);
        goes_on.push(0);
        goes_on.extend(vec![1; list.len().saturating_sub(1)]);
    }
    column::<T>(rows, &lists.concat(), &is_there, Some(&goes_on))
}

/// Levels are those of the specification: for each entry whether there is a value, and whether it
/// belongs to the row of the one before.
fn column<T: DataType>(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    definition_levels: &[i16],
    repetition_levels: Option<&[i16]>,
) -> Result<()> {
    let mut column = rows.next_column()?.expect("the schema has as many columns");
    let writer = column.typed::<T>();
    writer.write_batch(values, Some(definition_levels), repetition_levels)?;
    column.close()
}
