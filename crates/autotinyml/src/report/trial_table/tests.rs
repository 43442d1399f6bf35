use std::collections::HashMap;
use std::fs::{self, File};

use ::parquet::file::reader::FileReader;
use ::parquet::file::serialized_reader::SerializedFileReader;
use ::parquet::record::Field;
use autotinyml_search::{Domain, Parameter, Setting, Space};

use crate::report::example::study;
use crate::report::{csv, parquet};

#[test]
fn trials_can_be_read_back_from_the_table() {
    let summary = study(50);
    let text = csv::trials(&summary);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<HashMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 50);
    for (row, trial) in rows.iter().zip(&summary.trials) {
        let names = summary.space.parameters().iter().map(|parameter| &parameter.name);
        let settings: Vec<(String, Setting)> = names
            .filter(|&name| !row[name].is_empty())
            .map(|name| {
                let text = row[name].clone();
                (name.clone(), text.parse().map_or(Setting::Text(text), Setting::Number))
            })
            .collect();
        assert_eq!(summary.space.configuration(&settings).as_ref(), Ok(&trial.configuration));
        assert_eq!(row["accuracy"].parse().ok(), trial.outcome.accuracy);
        assert_eq!(row["deployable"], trial.outcome.verdict.deployable().to_string());
        assert_eq!(row["reasons"], trial.outcome.verdict.reasons.join("; "));
    }
}

/// Read by the crate's reader of rows, which shares nothing with the writer of columns but the format;
/// with pyarrow's, the same.
#[test]
fn trials_can_be_read_back_from_parquet_with_their_types() {
    let mut summary = study(50);
    summary.trials[3].outcome.verdict.reasons = vec!["one".into(), "two, und „drei“".into()];
    let bytes = parquet::trials(&summary);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trials.parquet");
    fs::write(&path, &bytes).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let rows: Vec<HashMap<String, Field>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().into_columns().into_iter().collect())
        .collect();
    assert_eq!(rows.len(), 50);
    let number = |number: Option<f64>| number.map_or(Field::Null, Field::Double);
    let integer = |number: Option<u64>| number.map_or(Field::Null, |n| Field::Long(n as i64));
    let list = |field: &Field| match field {
        Field::ListInternal(list) => list.elements().to_vec(),
        other => panic!("{other} is no list"),
    };
    for (row, trial) in rows.iter().zip(&summary.trials) {
        let (outcome, footprint) = (&trial.outcome, trial.outcome.footprint.as_ref().unwrap());
        assert_eq!(row["trial"], Field::Long(trial.id as i64));
        assert_eq!(row["phase"], Field::Str(trial.phase.name().into()));
        assert_eq!(row["accuracy"], number(outcome.accuracy));
        assert_eq!(row["macc"], integer(Some(footprint.macc)));
        assert_eq!(row["instructions"], Field::Null);
        assert_eq!(row["cross_accuracy"], number(footprint.cross_accuracy));
        assert_eq!(row["deployable"], Field::Bool(outcome.verdict.deployable()));
        assert_eq!(row["links_on_chip"], Field::Null);
        let folds = outcome.fold_accuracies.iter().map(|&share| Field::Double(share));
        assert_eq!(list(&row["fold_accuracies"]), folds.collect::<Vec<_>>());
        let reasons = outcome.verdict.reasons.iter().map(|reason| Field::Str(reason.clone()));
        assert_eq!(list(&row["reasons"]), reasons.collect::<Vec<_>>());
        for parameter in summary.space.parameters() {
            let setting = summary.space.setting(&trial.configuration, &parameter.name);
            let expected = match (setting, &*parameter.name) {
                (None, _) => Field::Null,
                (Some(Setting::Text(text)), _) => Field::Str(text),
                (Some(Setting::Number(n)), "dropout" | "learning_rate") => Field::Double(n),
                (Some(Setting::Number(n)), _) => Field::Long(n as i64),
            };
            assert_eq!(row[&parameter.name], expected, "{}", parameter.name);
        }
    }
}

#[test]
fn a_study_without_trials_has_a_parquet_file_without_rows() {
    let mut summary = study(10);
    summary.trials.clear();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trials.parquet");
    fs::write(&path, parquet::trials(&summary)).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.get_row_iter(None).unwrap().count(), 0);
}

#[test]
fn no_two_columns_have_the_same_name_whatever_hyperparameters_are_called() {
    let mut summary = study(5);
    let names = ["epochs", "setting_epochs", "accuracy", "trial", "units"];
    let domain = || Domain::Ordered(vec![1.0, 2.0]);
    let parameter = |name: &str| Parameter { name: name.into(), domain: domain(), when: None };
    summary.space = Space::new(names.map(parameter).into()).unwrap();
    let settings = names.map(|name| (name.to_owned(), Setting::Number(2.0)));
    let configuration = summary.space.configuration(&settings).unwrap();
    summary.trials.iter_mut().for_each(|trial| trial.configuration = configuration.clone());
    let header = csv::trials(&summary).lines().next().unwrap().to_owned();
    let begin = "trial,phase,epochs,setting_epochs,setting_setting_epochs,setting_accuracy,setting_trial,units,";
    assert!(header.starts_with(begin), "{header}");
    assert!(!parquet::trials(&summary).is_empty());
}
