//! Tables of real trainings: every configuration of a space with its loss and what it takes.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use autotinyml_search::{Configuration, Domain, Parameter, Space};
use serde::Deserialize;

use crate::failure::Failure;
use crate::{folders, python};

/// A table. Row r is the r-th configuration that the space enumerates.
pub struct Table {
    /// Of the data set.
    pub name: String,
    /// What was trained.
    pub space: Space,
    /// Whether losses span orders of magnitude, so that regret is taken of their logarithms.
    pub logarithmic: bool,
    /// One per row; less is better.
    pub loss: Vec<f64>,
    /// By name ("size", "time"), one value per row.
    pub constraints: BTreeMap<String, Vec<f64>>,
    configurations: Vec<Configuration>,
    rows: HashMap<Configuration, usize>,
}

#[derive(Deserialize)]
struct TableFile {
    name: String,
    parameters: Vec<ParameterFile>,
    logarithmic: bool,
    loss: Vec<f64>,
    constraints: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
struct ParameterFile {
    name: String,
    numbers: Option<Vec<f64>>,
    categories: Option<Vec<String>>,
}

impl Table {
    /// The table of a data set; the first call exports all of them.
    ///
    /// # Errors
    /// If Python is missing, or a file is not what `export.py` writes.
    pub fn load(name: &str) -> Result<Self, Failure> {
        let folder = folders::made().join("tables");
        let path = folder.join(format!("{name}.json"));
        if !path.exists() {
            let source = folders::sources().join("tables");
            let python = python::interpreter("tables-venv", &source.join("requirements.txt"))?;
            eprintln!("bench: exporting the tables to {}", folder.display());
            python::run(Command::new(python).arg(source.join("export.py")).arg(&folder))?;
        }
        Self::read(&path)
    }

    /// Reads what `export.py` wrote.
    ///
    /// # Errors
    /// If the file cannot be read, or its columns don't have one value per configuration.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
        let content = |reason: String| Failure::Content { path: path.to_owned(), reason };
        let file: TableFile = serde_json::from_str(&text).map_err(|e| content(e.to_string()))?;
        let parameters = file.parameters.into_iter().map(parameter).collect();
        let space = Space::new(parameters).map_err(|error| content(error.to_string()))?;
        let configurations: Vec<Configuration> = space.enumerate().collect();
        let columns = file.constraints.values().chain([&file.loss]);
        for column in columns {
            if column.len() != configurations.len() || !column.iter().all(|v| v.is_finite()) {
                let expected = configurations.len();
                return Err(content(format!("expected {expected} numbers in every column")));
            }
        }
        let rows = configurations.iter().cloned().zip(0..).collect();
        Ok(Self {
            name: file.name,
            space,
            logarithmic: file.logarithmic,
            loss: file.loss,
            constraints: file.constraints,
            configurations,
            rows,
        })
    }

    /// Number of configurations.
    pub fn len(&self) -> usize {
        self.loss.len()
    }

    /// The row of a configuration of the space.
    pub fn row(&self, configuration: &Configuration) -> usize {
        self.rows[configuration]
    }

    /// The configuration of a row.
    pub fn configuration(&self, row: usize) -> &Configuration {
        &self.configurations[row]
    }
}

fn parameter(file: ParameterFile) -> Parameter {
    let domain = match file.categories {
        Some(categories) => Domain::Unordered(categories),
        None => Domain::Ordered(file.numbers.unwrap_or_default()),
    };
    Parameter { name: file.name, domain, when: None }
}

#[cfg(test)]
mod tests {
    use autotinyml_search::Setting;

    use super::*;

    #[test]
    fn rows_are_configurations_in_the_order_of_an_odometer() {
        let table = Table::read(&folders::sources().join("tests/tiny.json")).unwrap();
        assert_eq!(table.len(), 6);
        let settings = table.space.settings(table.configuration(3));
        let tanh = Setting::Text("tanh".to_owned());
        assert_eq!(settings, [("units", Setting::Number(16.0)), ("activation", tanh)]);
        assert!((0..6).all(|row| table.row(table.configuration(row)) == row));
    }
}
