use std::fmt::Write;

use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;

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

/// The error of reading these files, with `…` for the folder's name.
fn error_of(files: &[(&str, &str)], window: usize, step: usize) -> String {
    let folder = folder(files);
    let error = read(folder.path(), window, step).unwrap_err();
    error.to_string().replace(&folder.path().display().to_string(), "…")
}

fn spans_of(loaded: &Loaded, recording: usize) -> Vec<(usize, usize)> {
    let spans = loaded.dataset.spans.as_ref().unwrap();
    spans.iter().filter(|span| span.recording == recording).map(|s| (s.start, s.end)).collect()
}

#[test]
fn windows_hold_the_rows_their_spans_say() {
    let folder = folder(&[("a.csv", &rows_at(0..10)), ("b.csv", &rows_at(0..4))]);
    let loaded = read(folder.path(), 4, 3).unwrap();
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
    let loaded = read(folder.path(), 3, 1).unwrap();
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
    let loaded = read(folder.path(), 3, 1).unwrap();
    assert_eq!(spans_of(&loaded, 0), [(0, 3)]);
    assert_eq!(spans_of(&loaded, 1), [(1, 4)]);
}

/// What 17.csv and 18.csv of the walking data look like: a block of rows comes again.
#[test]
fn repeated_rows_are_dropped_and_counted() {
    let block = rows_at(0..3);
    let folder = folder(&[("a.csv", &format!("{block}{block}0.3,7,7\n")), ("b.csv", &block)]);
    let loaded = read(folder.path(), 3, 1).unwrap();
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
    let data = read(folder.path(), 2, 1).unwrap().dataset;
    assert_eq!(data.classes, ["1", "2", "10"]);
    assert_eq!(data.inputs, [1., 2., 1., 2., 1., 2.]);
}

#[test]
fn natural_order_counts_in_names() {
    let mut names = ["p10", "p2", "p2b", "p", "10", "9", "a", "09"];
    names.sort_by(|a, b| natural_order(a, b));
    assert_eq!(names, ["09", "9", "10", "a", "p", "p2", "p2b", "p10"]);
}

#[test]
fn errors_of_the_folder() {
    let missing = read(Path::new("no/such/folder"), 2, 1).unwrap_err();
    assert_snapshot!(missing, @"data folder no/such/folder does not exist: expected a folder with one .csv file per class; give its place with --data DIR or as `path` in [data]");
    let file = folder(&[("walk.csv", "0,1\n")]);
    let file = file.path().join("walk.csv");
    let error = read(&file, 2, 1).unwrap_err().to_string();
    assert_snapshot!(error.replace(&file.display().to_string(), "…/walk.csv"), @"…/walk.csv is not a folder: expected a folder with one .csv file per class; name the folder that holds the file");
    assert_snapshot!(error_of(&[("README", "")], 2, 1), @"data folder … holds no .csv file: expected one per class, with rows of time, channel…");
    assert_snapshot!(error_of(&[("1.csv", "0,1\n0.1,2\n")], 2, 1), @"…/1.csv is the only .csv file in its folder: expected one per class and at least two classes");
}

#[test]
fn errors_of_a_line() {
    let good = "0,1\n0.1,2\n";
    let in_second = |text: &str| error_of(&[("1.csv", good), ("2.csv", text)], 2, 1);
    assert_snapshot!(in_second("0,1\n\n0.1,abc\n"), @r#"…/2.csv, line 3: "abc" is not a number: expected time, channel… separated by commas; correct the field or remove the line"#);
    assert_snapshot!(in_second("time,1\n0.1,1\n"), @r#"…/2.csv, line 1: "time" is not a number: expected time, channel… separated by commas; correct the field or remove the line"#);
    assert_snapshot!(in_second("0,1\n0.1,\n"), @r#"…/2.csv, line 2: "" is not a number: expected time, channel… separated by commas; correct the field or remove the line"#);
    assert_snapshot!(in_second("0,1\n0.1,NaN\n"), @r#"…/2.csv, line 2: "NaN" is not a finite number: expected one within ±3.4e38; remove the line or fill the value in"#);
    assert_snapshot!(in_second("0,1e39\n"), @r#"…/2.csv, line 1: "1e39" is not a finite number: expected one within ±3.4e38; remove the line or fill the value in"#);
    assert_snapshot!(in_second("0,1,2\n"), @"…/2.csv, line 1: 3 columns: expected 2 as in …/1.csv; make all lines of all files alike");
    assert_snapshot!(in_second(""), @"…/2.csv has no rows: expected time, channel… in each line; fill it or take it out of the folder");
    assert_snapshot!(in_second("time,x\n"), @"…/2.csv has no rows: expected time, channel… in each line; fill it or take it out of the folder");
    assert_snapshot!(error_of(&[("1.csv", "0;1\n")], 2, 1), @r#"…/1.csv, line 1: "0;1" is not a number: expected time, channel… separated by commas; the file seems to have semicolons between fields: replace them (and decimal commas by points)"#);
    assert_snapshot!(error_of(&[("1.csv", "0\n")], 2, 1), @r#"…/1.csv, line 1: one column ("0"): expected time, channel… separated by commas"#);
    assert_snapshot!(error_of(&[("1.csv", "0,1\n0.1,2,3\n")], 2, 1), @"…/1.csv, line 2: 3 columns: expected 2 as in line 1; make all lines of all files alike");
}

#[test]
fn errors_of_the_window() {
    let files = [("1.csv", &*rows_at(0..9)), ("2.csv", &*rows_at((0..3).chain(20..24)))];
    assert_snapshot!(error_of(&files, 5, 1), @"…/2.csv: a window of 5 rows is longer than every recording in it: expected at most 4, the most rows without a gap over 1 s or a step back in time; make `window` smaller or take the file out of the folder");
    assert_snapshot!(error_of(&files, 0, 1), @"`window = 0` in [data]: expected at least 1 row");
    assert_snapshot!(error_of(&files, 2, 0), @"`step = 0` in [data]: expected at least 1 row");
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
    let loaded = read(&folder, 90, 45).unwrap();
    let data = &loaded.dataset;
    assert_eq!(data.shape, Shape::new(90, 3, 1));
    assert_eq!(data.len(), 3226);
    assert_eq!(data.classes, (1..=22).map(|person| person.to_string()).collect::<Vec<_>>());
    let per_class = data.samples_per_class();
    assert_eq!((per_class[18], per_class[16]), (19, 477));
    assert_snapshot!(loaded.notes.join("\n"), @r"
        3226 windows of 90 rows, one every 45, from 149332 rows in 22 files (3286 if nothing were dropped or cut)
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
    assert!(error.ends_with("seconds, not in milliseconds?"), "{error}");
}
