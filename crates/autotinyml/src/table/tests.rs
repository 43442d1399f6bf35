//! Tables made up here: what they say, as files and to searchers.

use autotinyml_deploy::{Boards, Footprint};
use autotinyml_search::{CATALOGUE, Configuration, SearcherOptions, by_name};

use super::{COMPRESSIONS, Deployed, Measured, Row, Table, read, write};
use crate::compare::on_table::{TableStudy, limits_for_share};
use crate::study_file::section::SourceText;
use crate::study_file::{Check, Study, StudyFile};

const STUDY: &str = r#"# A study of nothing.
[data]
reader = "digits"

[space]
units = { low = 1, high = 60, step = 1 }
rate = [0.1, 0.2, 0.3, 0.4]

[[network]]
flatten = {}
[[network]]
dropout = { rate = "$rate" }
[[network]]
dense = { units = "$units", activation = "relu" }
[[network]]
dense = { units = "classes", activation = "softmax" }

[training]
epochs = 3
batch = 10
optimizer = "adam"

[deploy]
board = "stm32f303k8"
limits = { cross_accuracy = 0.9 }
compression = "x4"
check = "after-training"

[search]
trials = 12
"#;

fn study() -> Study {
    let source = SourceText { name: "made-up.toml".into(), text: STUDY.into() };
    StudyFile::parse(&source, &Boards::default()).unwrap().into_study().unwrap()
}

/// Configuration n takes n more bytes than the one before and is a little more accurate; every tenth
/// disagrees with its compressed self, every 37th diverges.
fn table() -> Table {
    let study = study();
    let row = |(n, configuration): (usize, Configuration)| {
        let diverged = n % 37 == 36;
        let cross_accuracy = if n % 10 == 9 { 0.5 } else { 0.95 };
        let accuracy = (500 + n) as f64 / 1000.0;
        let deployed = Deployed {
            validation_accuracy: accuracy,
            test_accuracy: (490 + n) as f64 / 1000.0,
            cross_accuracy,
        };
        let footprint = Footprint {
            parameters: 10 * n,
            macc: 20 * n as u64,
            st_ram_bytes: 100,
            st_rom_bytes: 1000 + n,
            ram_bytes: (n % 2 == 0).then_some(200),
            flash_bytes: (n % 2 == 0).then_some(2000 + n),
            cross_accuracy: (!diverged).then_some(cross_accuracy),
            ..Footprint::default()
        };
        let measured = Measured {
            curve: if diverged { vec![0.1] } else { vec![0.1, 0.2, accuracy] },
            deployed: (!diverged).then_some([deployed; COMPRESSIONS.len()]),
            failure: diverged.then(|| "diverged at epoch 2".to_owned()),
            seconds: 0.125 * n as f64,
        };
        let footprints = Some(COMPRESSIONS.map(|_| footprint.clone()));
        Row { configuration, seed: 0, measured, footprints }
    };
    let mut rows: Vec<Row> = study.space.enumerate().enumerate().map(row).collect();
    let again: Vec<Row> = rows[3..5].iter().map(|row| Row { seed: 1, ..row.clone() }).collect();
    rows.extend(again);
    Table { study, rows }
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made-up.csv.gz");
    let table = table();
    write(&table, &path).unwrap();
    let found = read(&path, &Boards::default()).unwrap();
    assert_eq!(found.rows, table.rows);
    assert_eq!(found.study.source.text, STUDY);
    assert_eq!((found.rows.len(), found.first_seed().len()), (242, 240));
}

#[test]
fn a_table_cut_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made-up.csv.gz");
    let mut table = table();
    table.rows.remove(7);
    write(&table, &path).unwrap();
    let problem = read(&path, &Boards::default()).unwrap_err().to_string();
    assert!(problem.ends_with("its first rows are not every configuration in order"), "{problem}");
    std::fs::write(&path, "no table").unwrap();
    assert!(read(&path, &Boards::default()).is_err());
    assert!(read(&folder.path().join("nowhere"), &Boards::default()).is_err());
}

#[test]
fn limits_make_the_share_deployable_that_was_asked_for() {
    let table = table();
    let mut study = study();
    for share in [0.05, 0.2, 0.5, 0.8] {
        study.deploy.limits = limits_for_share(&table, &study, share);
        let judged = TableStudy::new(&table, &study);
        let (found, best) = judged.deployable().unwrap();
        assert!((found - share).abs() < 0.01, "asked for {share}, found {found}");
        // The most accurate of what fits is among the largest.
        let limit = study.deploy.limits.rom_bytes.unwrap();
        assert!(best.unwrap() > 0.5 + (limit as f64 - 1000.0 - 4.0) / 1000.0);
    }
    assert_eq!(study.deploy.limits.cross_accuracy, Some(0.9), "the other limits stay");
}

#[test]
fn a_shorter_training_shows_an_earlier_accuracy_for_less_time() {
    let (table, study) = (table(), study());
    let judged = TableStudy::new(&table, &study);
    let row = &table.rows[8];
    let [(full, whole), (partial, third), (same, all)] =
        [None, Some(1), Some(3)].map(|epochs| judged.trial(row, epochs));
    assert_eq!((full.score, whole), (Some(0.508), 1.0));
    assert_eq!((partial.score, partial.feasible), (Some(0.1), full.feasible));
    assert!((third - 1.0 / 3.0).abs() < 1e-12, "{third}");
    assert_eq!((same, all), (full, whole));
}

#[test]
fn what_is_known_before_training_is_never_tried() {
    let table = table();
    let mut study = study();
    study.deploy.limits = limits_for_share(&table, &study, 0.2);
    for check in [Check::BeforeTraining, Check::AfterTraining] {
        study.deploy.check = check;
        let judged = TableStudy::new(&table, &study);
        let options = SearcherOptions::default();
        let searchers: Vec<_> =
            CATALOGUE.iter().map(|(name, _)| by_name(name, &options).unwrap()).collect();
        let compare = |jobs| judged.compare(&searchers, &[0, 1], jobs, &|| false, &|| {}).unwrap();
        let searched = compare(2);
        for (one, other) in compare(1).iter().zip(&searched) {
            assert_eq!(one.repeats, other.repeats);
        }
        let limit = study.deploy.limits.rom_bytes.unwrap() as f64;
        for (searched, (name, _)) in searched.iter().zip(CATALOGUE) {
            assert_eq!(searched.name, *name);
            for repeat in &searched.repeats {
                let spent: f64 = repeat.steps.iter().map(|step| step.share).sum();
                assert!(spent > 12.0 - 1e-9 && spent < 13.0, "{name} spent {spent}");
                // Seconds tell the configuration.
                let fits = |seconds: f64| 1000.0 + seconds / 0.125 <= limit;
                let too_large = repeat.steps.iter().filter(|step| !fits(step.seconds)).count();
                let expected = check == Check::BeforeTraining;
                assert_eq!(too_large == 0, expected, "{name}: {too_large} too large");
            }
        }
    }
}
