use std::fmt::Write;
use std::fs;

use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;
use crate::data::csv::{Column, Time, TimeUnit};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Rows at these times, in tenths of a second; both channels tell the row.
fn rows_at(tenths: impl IntoIterator<Item = usize>) -> String {
    tenths.into_iter().enumerate().fold(String::new(), |mut text, (row, tenths)| {
        writeln!(text, "{},{row},-{row}", tenths as f64 / 10.0).unwrap();
        text
    })
}

/// `time, channel…`, a file or folder per class.
const PLAIN: Columns = Columns {
    label: None,
    group: None,
    time: Time::First,
    time_unit: TimeUnit::Seconds,
    channels: None,
};

/// Columns by their titles.
fn titled(label: &str, group: Option<&str>, time: Time) -> Columns {
    let title = |title: &str| Column::Title(title.to_string());
    Columns {
        label: Some(title(label)),
        group: group.map(title),
        time,
        time_unit: TimeUnit::Seconds,
        channels: None,
    }
}

/// The error of reading these files, with `…` for the folder's name.
fn error_of(files: &[(&str, &str)], window: usize, step: usize) -> String {
    let folder = folder(files);
    let error = read(folder.path(), &PLAIN, window, step).unwrap_err();
    error.to_string().replace(&folder.path().display().to_string(), "…")
}

fn spans_of(loaded: &Loaded, recording: usize) -> Vec<(usize, usize)> {
    let spans = loaded.dataset.spans.as_ref().unwrap();
    spans.iter().filter(|span| span.recording == recording).map(|s| (s.start, s.end)).collect()
}

#[test]
fn windows_hold_the_rows_their_spans_say() {
    let folder = folder(&[("a.csv", &rows_at(0..10)), ("b.csv", &rows_at(0..4))]);
    let loaded = read(folder.path(), &PLAIN, 4, 3).unwrap();
    let data = &loaded.dataset;
    assert_eq!(data.shape, Shape::new(4, 2, 1));
    assert_eq!(loaded.period, 2);
    assert_eq!(data.classes, ["a", "b"]);
    assert_eq!(data.labels, [0, 0, 0, 1]);
    assert_eq!(spans_of(&loaded, 0), [(0, 4), (3, 7), (6, 10)]);
    assert_eq!(data.sample(1), [3., -3., 4., -4., 5., -5., 6., -6.]);
    assert_eq!(data.inputs.len(), 4 * data.shape.len());
}

#[test]
fn no_window_crosses_a_gap_or_a_step_back() {
    let gap = rows_at((0..6).chain(17..21));
    let back = rows_at((100..105).chain(50..54));
    let folder = folder(&[("back.csv", &back), ("gap.csv", &gap)]);
    let loaded = read(folder.path(), &PLAIN, 3, 1).unwrap();
    assert_eq!(spans_of(&loaded, 0), [(0, 3), (1, 4), (2, 5), (5, 8), (6, 9)]);
    assert_eq!(spans_of(&loaded, 1), [(0, 3), (1, 4), (2, 5), (3, 6), (6, 9), (7, 10)]);
    assert_snapshot!(loaded.notes.join("\n"), @r"
        11 windows of 3 rows, one every 1, from 19 rows in 2 files (15 if nothing were dropped or cut)
        gaps over 1 s, crossed by no window: 1 (gap: 1)
        steps back in time, crossed by no window: 1 (back: 1)
        ");
}

#[test]
fn a_pause_of_just_a_second_is_no_gap() {
    let folder = folder(&[("a.csv", "0,1\n1,2\n2,3"), ("b.csv", "0,1\n1.5,2\n2,3\n2,4\n")]);
    let loaded = read(folder.path(), &PLAIN, 3, 1).unwrap();
    assert_eq!(spans_of(&loaded, 0), [(0, 3)]);
    assert_eq!(spans_of(&loaded, 1), [(1, 4)]);
}

/// What 17.csv and 18.csv of the walking data look like: a block of rows comes again.
#[test]
fn repeated_rows_are_dropped_and_counted() {
    let block = rows_at(0..3);
    let folder = folder(&[("a.csv", &format!("{block}{block}0.3,7,7\n")), ("b.csv", &block)]);
    let loaded = read(folder.path(), &PLAIN, 3, 1).unwrap();
    assert_eq!(spans_of(&loaded, 0), [(0, 3), (1, 4)]);
    assert_eq!(loaded.dataset.sample(1), [1., -1., 2., -2., 7., 7.]);
    assert_snapshot!(loaded.notes.join("\n"), @r"
        3 windows of 3 rows, one every 1, from 10 rows in 2 files (6 if nothing were dropped or cut)
        copies of earlier rows, dropped: 3 (a: 3)
        steps back in time, crossed by no window: 1 (a: 1)
        ");
}

#[test]
fn headers_spaces_line_ends_and_other_files_do_no_harm() {
    let folder = folder(&[
        ("2.csv", "\u{feff}time, x\r\n0, 1\r\n\r\n0.1, 2\r\n"),
        ("10.CSV", "0,1\n0.1,2"),
        ("1.csv", "0,1\n0.1,2"),
        ("README.txt", "not data"),
        ("._1.csv", "not data"),
    ]);
    let data = read(folder.path(), &PLAIN, 2, 1).unwrap().dataset;
    assert_eq!(data.classes, ["1", "2", "10"]);
    assert_eq!(data.inputs, [1., 2., 1., 2., 1., 2.]);
}

#[test]
fn a_folder_per_class_with_a_file_per_person() {
    let folder = TempDir::new().unwrap();
    for (class, person) in [("run", "bo"), ("walk", "ada"), ("walk", "bo")] {
        fs::create_dir_all(folder.path().join(class)).unwrap();
        fs::write(folder.path().join(class).join(format!("{person}.csv")), rows_at(0..4)).unwrap();
    }
    let data = read(folder.path(), &PLAIN, 2, 2).unwrap().dataset;
    assert_eq!(data.classes, ["run", "walk"]);
    assert_eq!(data.labels, [0, 0, 1, 1, 1, 1]);
    let groups = data.groups.unwrap();
    assert_eq!(
        (groups.names, groups.of),
        (vec!["ada".into(), "bo".into()], vec![1, 1, 0, 0, 1, 1])
    );
    let recordings: Vec<usize> = data.spans.unwrap().iter().map(|span| span.recording).collect();
    assert_eq!(recordings, [0, 0, 1, 1, 2, 2]);
}

/// Ada walks, runs and walks again, then Bo walks.
const LABELLED: &str = "\
who,t,x,what
ada,0.0,1,walk
ada,0.1,2,walk
ada,0.2,3,walk
ada,0.3,4,run
ada,0.4,5,run
ada,0.5,6,\"walk\"
ada,0.6,7,walk
bo,0.7,8,walk
bo,0.8,9,walk
";

#[test]
fn a_column_of_labels_and_one_of_groups() {
    let folder = folder(&[("all.csv", LABELLED)]);
    let columns = titled("what", Some("who"), Time::First);
    for path in [folder.path().join("all.csv"), folder.path().to_owned()] {
        let data = read(&path, &columns, 2, 1).unwrap().dataset;
        assert_eq!(data.shape, Shape::new(2, 1, 1));
        assert_eq!(data.classes, ["run", "walk"]);
        // No window crosses a change of label or of person, though time runs on.
        assert_eq!(data.inputs, [1., 2., 2., 3., 4., 5., 6., 7., 8., 9.]);
        assert_eq!(data.labels, [1, 1, 0, 1, 1]);
        let groups = data.groups.unwrap();
        assert_eq!(
            (groups.names, groups.of),
            (vec!["ada".into(), "bo".into()], vec![0, 0, 0, 0, 1])
        );
        let recordings: Vec<usize> =
            data.spans.unwrap().iter().map(|span| span.recording).collect();
        assert_eq!(recordings, [0, 0, 1, 0, 2], "those of a class and person in a file");
    }
}

#[test]
fn columns_by_number_and_channels_by_choice() {
    let columns = Columns {
        label: Some(Column::Number(4)),
        group: None,
        time: Time::Column(Column::Number(2)),
        time_unit: TimeUnit::Seconds,
        channels: Some(vec![Column::Number(3)]),
    };
    let untitled = LABELLED.split_once('\n').unwrap().1;
    let folder = folder(&[("a.csv", untitled), ("b.csv", LABELLED)]);
    let data = read(folder.path(), &columns, 2, 2).unwrap().dataset;
    assert_eq!(data.inputs[..8], [1., 2., 4., 5., 6., 7., 8., 9.][..8]);
    assert_eq!(data.groups.unwrap().names, ["a", "b"], "files are groups where nothing else is");
}

#[test]
fn rows_without_time_are_never_copies() {
    let columns = Columns { time: Time::None, ..PLAIN };
    let folder = folder(&[("a.csv", "1\n1\n1\n1\n"), ("b.csv", "2\n2\n")]);
    let loaded = read(folder.path(), &columns, 2, 2).unwrap();
    assert_eq!(loaded.dataset.inputs, [1., 1., 1., 1., 2., 2.]);
}

#[test]
fn errors_of_the_folder() {
    let missing = read(Path::new("no/such/folder"), &PLAIN, 2, 1).unwrap_err();
    assert_snapshot!(missing, @"no/such/folder: does not exist: expected a folder with one .csv file per class, or with one folder of .csv files per class; give its place with --data or as `path` in [data]");
    let file = folder(&[("walk.csv", "0,1\n")]);
    let file = file.path().join("walk.csv");
    let error = read(&file, &PLAIN, 2, 1).unwrap_err().to_string();
    assert_snapshot!(error.replace(&file.display().to_string(), "…/walk.csv"), @"…/walk.csv: is not a folder: expected a folder with one .csv file per class, or with one folder of .csv files per class; name the folder, or the column with the classes by `label`");
    assert_snapshot!(error_of(&[("README", "")], 2, 1), @"…: holds no .csv file: expected a folder with one .csv file per class, or with one folder of .csv files per class; name another folder by `path` or --data, with files that end in .csv");
    assert_snapshot!(error_of(&[("1.csv", "0,1\n0.1,2\n")], 2, 1), @r#"…: all of it is of one class, "1": expected two classes at least; add the files of another class, or name the column with the classes by `label`"#);
}

#[test]
fn errors_of_a_line() {
    let good = "0,1\n0.1,2\n";
    let in_second = |text: &str| error_of(&[("1.csv", good), ("2.csv", text)], 2, 1);
    assert_snapshot!(in_second("0,1\n\n0.1,abc\n"), @r#"…/2.csv, line 3: "abc" is not a number: expected one in column 2; correct the field or remove the line; a column that is no measurement may be left out by `channels`, or be the `label`"#);
    assert_snapshot!(in_second("time,1\n0.1,1\n"), @r#"…/2.csv, line 1: "time" is not a number: expected one in column 1; correct the field or remove the line; a column that is no measurement may be left out by `channels`, or be the `label`"#);
    assert_snapshot!(in_second("0,1\n0.1,\n"), @r#"…/2.csv, line 2: "" is not a number: expected one in column 2; correct the field or remove the line; a column that is no measurement may be left out by `channels`, or be the `label`"#);
    assert_snapshot!(in_second("0,1\n0.1,NaN\n"), @r#"…/2.csv, line 2: "NaN" is not a finite number: expected one within ±3.4e38; remove the line or fill the value in"#);
    assert_snapshot!(in_second("0,1e39\n"), @r#"…/2.csv, line 1: "1e39" is not a finite number: expected one within ±3.4e38; remove the line or fill the value in"#);
    assert_snapshot!(in_second("0,1,2\n"), @"…/2.csv, line 1: 2 channels: expected 1 as in …/1.csv; make all files alike, or name the columns to read by `channels`");
    assert_snapshot!(in_second(""), @"…/2.csv: no rows: expected numbers in each line; fill it or take it out of the folder");
    assert_snapshot!(in_second("time,x\n"), @"…/2.csv: no rows: expected numbers in each line; fill it or take it out of the folder");
    assert_snapshot!(error_of(&[("1.csv", "0;1\n")], 2, 1), @r#"…/1.csv, line 1: no column of values ("0;1"): expected time, channel… separated by commas; the file seems to have semicolons between fields: replace them (and decimal commas by points)"#);
    assert_snapshot!(error_of(&[("1.csv", "0\n")], 2, 1), @r#"…/1.csv, line 1: no column of values ("0"): expected time, channel… separated by commas; add the channels; `time = false` in [data], if the file has no time"#);
    assert_snapshot!(error_of(&[("1.csv", "0,1\n0.1,2,3\n")], 2, 1), @"…/1.csv, line 2: 3 columns: expected 2 as in line 1; make all lines alike; a field may hold no comma");
    assert_snapshot!(error_of(&[("1.csv", "t,x\n0,1\n"), ("2.csv", "t,y\n0,1\n")], 1, 1), @r#"…/2.csv, line 1: the channels are "y": expected "x" as in …/1.csv; make all files alike, or name the columns to read by `channels`"#);
}

#[test]
fn errors_of_columns() {
    let complaint = |columns: &Columns, text: &str| {
        let folder = folder(&[("all.csv", text)]);
        let error = read(folder.path(), columns, 2, 1).unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "…")
    };
    let label = Some(Column::Number(9));
    assert_snapshot!(complaint(&titled("activity", None, Time::First), LABELLED), @r#"…/all.csv, line 1: no column has the title "activity": expected one of who, t, x, what; correct `label` in [data]"#);
    assert_snapshot!(complaint(&Columns { label, ..PLAIN }, LABELLED), @"…/all.csv, line 1: there is no column 9: expected a number from 1 to 4; correct `label` in [data]");
    assert_snapshot!(complaint(&titled("what", Some("what"), Time::First), LABELLED), @r#"…/all.csv, line 1: column "what" is named twice in [data]: expected one meaning for each; let label, group, time and channels name different columns"#);
    assert_snapshot!(complaint(&titled("what", None, Time::First), LABELLED), @r#"…/all.csv, line 2: "ada" is not a number: expected one in column "who"; correct the field or remove the line; a column that is no measurement may be left out by `channels`, or be the `label`"#);
    let ones = LABELLED.replace("run", "walk");
    assert_snapshot!(complaint(&titled("what", Some("who"), Time::First), &ones), @r#"…: all of it is of one class, "walk": expected two classes at least; add the files of another class, or name the column with the classes by `label`"#);
    let empty = LABELLED.replace("run", "");
    assert_snapshot!(complaint(&titled("what", Some("who"), Time::First), &empty), @"…/all.csv, line 5: the label is empty: expected a name of 1 to 200 bytes; fill it in, or correct `label` in [data]");
    let column = Time::Column(Column::Title("t".into()));
    let untitled = LABELLED.split_once('\n').unwrap().1;
    assert_snapshot!(complaint(&titled("what", None, column), untitled), @r#"…/all.csv, line 1: no column has the title "what": expected one of ada, 0.0, 1, walk; correct `label` in [data]"#);
}

#[test]
fn errors_of_the_window() {
    let files = [("1.csv", &*rows_at(0..9)), ("2.csv", &*rows_at((0..3).chain(20..24)))];
    assert_snapshot!(error_of(&files, 5, 1), @r#"…/2.csv: a window of 5 rows is longer than every recording of class "2": expected at most 4, the most rows without a gap over 1 s or a step back in time; make `window` smaller or take the class out of the data"#);
    assert_snapshot!(error_of(&files, 0, 1), @"[data]: `window = 0`: expected at least 1 row; write another number");
    assert_snapshot!(error_of(&files, 2, 0), @"[data]: `step = 0`: expected at least 1 row; write another number");
    let folder = folder(&[("all.csv", LABELLED)]);
    let columns = titled("what", Some("who"), Time::First);
    let error = read(folder.path(), &columns, 3, 1).unwrap_err().to_string();
    assert_snapshot!(error.replace(&folder.path().display().to_string(), "…"), @r#"…/all.csv: a window of 3 rows is longer than every recording of class "run": expected at most 2, the most rows without a gap over 1 s or a step back in time; make `window` smaller or take the class out of the data"#);
}

/// The counts that were taken of the data by an independent program: 3,286 windows of the files as
/// they are, 3,226 of which none crosses a gap or a step back.
#[test]
fn the_walking_data_give_the_published_counts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/uiwad");
    if !folder.is_dir() {
        eprintln!("skipped: no walking data in {}", folder.display());
        return;
    }
    let loaded = read(&folder, &PLAIN, 90, 45).unwrap();
    let data = &loaded.dataset;
    assert_eq!(data.shape, Shape::new(90, 3, 1));
    assert_eq!(data.len(), 3226);
    assert_eq!(data.classes, (1..=22).map(|person| person.to_string()).collect::<Vec<_>>());
    let per_class = data.samples_per_class();
    assert_eq!((per_class[18], per_class[16]), (19, 477));
    assert_snapshot!(loaded.notes.join("\n"), @r"
    3,226 windows of 90 rows, one every 45, from 149,332 rows in 22 files (3286 if nothing were dropped or cut)
    copies of earlier rows, dropped: 448 (17: 256, 18: 192)
    gaps over 1 s, crossed by no window: 33 (2: 5, 8: 1, 9: 4, 12: 2, 13: 5, 14: 1, 16: 1, 17: 3, 18: 7, 21: 1, 22: 3)
    steps back in time, crossed by no window: 7 (17: 4, 18: 3)
    rows in no window: 1239
    ");
}

#[test]
fn times_in_milliseconds_are_guessed() {
    let milliseconds: String = (0..20).map(|row| format!("{},{row},0\n", row * 3000)).collect();
    let error = error_of(&[("a.csv", &milliseconds), ("b.csv", &rows_at(0..20))], 4, 4);
    assert!(error.contains("time_unit = \"ms\""), "{error}");
}
