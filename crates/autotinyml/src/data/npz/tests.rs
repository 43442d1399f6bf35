use std::io::Write;
use std::path::PathBuf;

use autotinyml_nn::Shape;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use insta::assert_snapshot;
use rawzip::ZipArchiveWriter;

use super::*;
use crate::data::Scale;

/// What NumPy wrote: `tests/reference/arrays.py`.
fn written_by_numpy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

const AS_IN_FILE: ArrayOptions =
    ArrayOptions { shape: None, classes: None, scale: Scale::Channels };

fn arrays(input: &[&str], label: &[&str], group: Option<&[&str]>) -> Arrays {
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    Arrays { input: owned(input), label: owned(label), group: group.map(owned) }
}

fn samples(input: &str) -> Vec<f32> {
    let [stored, deflated] = ["stored.npz", "deflated.npz"].map(|file| {
        let arrays = arrays(&[input], &["numbers"], None);
        read(&written_by_numpy(file), &arrays, &AS_IN_FILE).unwrap().dataset.inputs
    });
    assert_eq!(stored, deflated);
    stored
}

#[test]
fn arrays_of_every_type_are_read() {
    let counted: Vec<f32> = (0..36).map(|value| value as f32).collect();
    assert_eq!(samples("images"), counted);
    assert_eq!(samples("fortran"), counted, "in the order of C");
    assert_eq!(samples("negative"), counted.iter().map(|value| -value).collect::<Vec<_>>());
    assert_eq!(samples("double"), counted.iter().map(|value| value / 8.0).collect::<Vec<_>>());
    assert_eq!(samples("truth")[..3], [1.0, 0.0, 1.0]);
}

#[test]
fn labels_and_groups_are_numbers_or_texts() {
    let file = written_by_numpy("deflated.npz");
    let read = |label: &str, group: &str| {
        read(&file, &arrays(&["images"], &[label], Some(&[group])), &AS_IN_FILE).unwrap().dataset
    };
    let data = read("numbers", "texts");
    assert_eq!(data.shape, Shape::new(2, 3, 1));
    assert_eq!(
        (data.classes, data.labels),
        (vec!["2".into(), "10".into()], vec![0, 1, 0, 1, 0, 0])
    );
    let groups = data.groups.unwrap();
    assert_eq!(groups.names, ["run", "walk", "é"]);
    assert_eq!(groups.of, [1, 0, 1, 0, 2, 0]);
    let data = read("column", "bytes");
    assert_eq!((data.classes, data.labels), (vec!["0".into(), "1".into()], vec![1, 0, 1, 0, 1, 0]));
    assert_eq!(data.groups.unwrap().of, [0, 1, 0, 0, 0, 1]);
}

#[test]
fn several_arrays_are_parts_of_one_set() {
    let file = written_by_numpy("stored.npz");
    let parts = arrays(&["images", "more"], &["numbers", "two"], None);
    let Loaded { dataset, period, notes, .. } = read(&file, &parts, &AS_IN_FILE).unwrap();
    assert_eq!((dataset.len(), period), (8, 1));
    assert_eq!(dataset.sample(6)[..2], [100.0, 101.0], "big-endian");
    assert_eq!(dataset.labels[6..], [1, 0]);
    let groups = dataset.groups.unwrap();
    assert_eq!(
        (groups.names, groups.of),
        (vec!["images".into(), "more".into()], vec![0, 0, 0, 0, 0, 0, 1, 1])
    );
    assert!(notes[1].starts_with("2 samples in "), "{notes:?}");
}

#[test]
fn the_study_file_has_the_last_word_on_shape_and_classes() {
    let file = written_by_numpy("stored.npz");
    let named = ArrayOptions {
        shape: Some(Shape::new(3, 1, 2)),
        classes: Some(vec!["off".into(), "on".into()]),
        scale: Scale::Columns,
    };
    let columns = arrays(&["images"], &["column"], None);
    let Loaded { dataset, period, .. } = read(&file, &columns, &named).unwrap();
    assert_eq!((dataset.shape, period), (Shape::new(3, 1, 2), 2));
    assert_eq!(
        (dataset.classes, dataset.labels),
        (vec!["off".into(), "on".into()], vec![1, 0, 1, 0, 1, 0])
    );
}

fn complaint(input: &str, label: &str, group: Option<&[&str]>, options: &ArrayOptions) -> String {
    let file = written_by_numpy("deflated.npz");
    let error = read(&file, &arrays(&[input], &[label], group), options).unwrap_err().to_string();
    error.replace(&file.parent().unwrap().display().to_string(), "…")
}

#[test]
fn arrays_that_cannot_be_used() {
    let of = |input, label| complaint(input, label, None, &AS_IN_FILE);
    assert_snapshot!(of("image", "numbers"), @r#"…/deflated.npz: there is no array "image": expected one of images, fortran, more, negative, truth, double, numbers, column, texts, bytes, two, one_hot; correct `input`, `label` or `group` in [data]"#);
    assert_snapshot!(of("images", "one_hot"), @"…/deflated.npz, array one_hot: has the shape 6×6: expected one class or group per sample; one-hot labels become classes by np.argmax(y, axis=1)");
    assert_snapshot!(of("images", "two"), @"…/deflated.npz, array images: 6 samples, but 2 labels: expected one label for each sample; name the arrays or files that belong together");
    assert_snapshot!(of("half", "numbers"), @"…/deflated.npz, array half: holds {'descr': '<f2', 'fortran_order': False, 'shape': (6, 2, 3), }: expected whole numbers, float32, float64, truth values or texts; save it as one of them: x.astype(np.float32)");
    assert_snapshot!(of("objects", "numbers"), @"…/deflated.npz, array objects: holds {'descr': '|O', 'fortran_order': False, 'shape': (6,), }: expected whole numbers, float32, float64, truth values or texts; save it as one of them: x.astype(np.float32)");
    assert_snapshot!(of("gaps", "numbers"), @"…/deflated.npz, array gaps: value 7 (from 0) is NaN: expected finite numbers within ±3.4e38; fill it in, or leave its sample out");
    assert_snapshot!(of("texts", "numbers"), @"…/deflated.npz, array texts: holds texts: expected numbers; does `input` in [data] name what you mean?");
    assert_snapshot!(complaint("images", "numbers", Some(&["two"]), &AS_IN_FILE), @"…/deflated.npz, array images: 6 samples, but 2 groups: expected one group for each sample; name the arrays or files that belong together");
    let shape = Some(Shape::new(5, 1, 1));
    assert_snapshot!(complaint("images", "numbers", None, &ArrayOptions { shape, ..AS_IN_FILE }), @"…/deflated.npz, array images: samples of 6 values: expected 5 for a sample of 5×1×1; correct `shape` in [data]");
    let classes = Some(vec!["a".into(), "b".into()]);
    assert_snapshot!(complaint("images", "numbers", None, &ArrayOptions { classes, ..AS_IN_FILE }), @r#"…/deflated.npz: there is a label "2": expected 0 to 1, as `classes` has 2 names; name every class in [data], in order from 0 on"#);
}

/// An archive with one array `x`: a header of version 1, and as many zeros as it takes.
fn archive(dictionary: &str, zeros: usize) -> Vec<u8> {
    let mut bytes = vec![];
    let mut writer = ZipArchiveWriter::new(&mut bytes);
    let file = writer.new_file("x.npy").compression_method(CompressionMethod::DEFLATE);
    let (mut entry, config) = file.start().unwrap();
    let mut array = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
    array.write_all(b"\x93NUMPY\x01\x00").unwrap();
    array.write_all(&(dictionary.len() as u16).to_le_bytes()).unwrap();
    array.write_all(dictionary.as_bytes()).unwrap();
    for left in (0..zeros).step_by(1 << 20).map(|done| zeros - done) {
        array.write_all(&vec![0; left.min(1 << 20)]).unwrap();
    }
    let (encoder, descriptor) = array.finish().unwrap();
    encoder.finish().unwrap();
    entry.finish(descriptor).unwrap();
    writer.finish().unwrap();
    bytes
}

fn header(shape: &str) -> String {
    format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}\n")
}

fn problem(bytes: &[u8]) -> String {
    parse(bytes, "x").unwrap_err().to_string()
}

#[test]
fn archives_that_were_made_to_do_harm() {
    assert_eq!(parse(&archive(&header("2, 3"), 6), "x").unwrap(), (vec![2, 3], vec![0.0; 6]));
    let bomb = archive(&header("2, 3"), 100 << 20);
    assert!(bomb.len() < 1 << 20, "100 MiB in {} bytes", bomb.len());
    assert_snapshot!(problem(&bomb), @"memory, array x: goes on behind the last value that its header announces: expected the end; it is damaged: get the file again");
    assert_snapshot!(problem(&archive(&header("4000000000, 4000000000, 4000000000"), 6)), @"memory, array x: announces 4000000000×4000000000×4000000000 values: expected at most 134217728; is it damaged? else keep a part of it");
    assert_snapshot!(problem(&archive(&header("99999999999999999999"), 6)), @"memory, array x: holds {'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999), }: expected a shape of whole numbers such as (400, 3); it is damaged: get the file again, or save it by np.savez");
    assert!(problem(&archive(&header("-400, 3"), 6)).contains("expected a shape of whole numbers"));
    assert_snapshot!(problem(&archive(&header("0, 3"), 0)), @"memory, array x: holds no values: expected samples; name another file");
    assert_snapshot!(problem(&archive(&header("2, 3"), 5)), @"memory, array x: ends too early: expected all that its header announces; it is truncated: get the file again");
    assert_snapshot!(problem(&archive(&"'shape':".repeat(2000), 0)), @"memory, array x: version 1, a header of 16000 bytes: expected a NumPy array of version 1 to 3, at most 10000; save it by np.savez");
    assert_snapshot!(problem(&archive("", 0)), @"memory, array x: holds : expected a shape of whole numbers such as (400, 3); it is damaged: get the file again, or save it by np.savez");
}

#[test]
fn archives_that_are_damaged() {
    let whole = archive(&header("2000"), 2000);
    assert!(parse(&whole, "x").is_ok());
    assert_snapshot!(problem(b"not a zip archive, but long enough to be one"), @"memory: is no archive that can be read (Missing end of central directory): expected a .npz file, whole; get the file again, or save it by np.savez");
    for length in 0..whole.len() {
        assert!(parse(&whole[..length], "x").is_err(), "cut at {length}");
    }
    // A byte of the packed values: the checksum tells.
    let mut altered = whole.clone();
    let place = altered.len() / 2 - 40;
    altered[place] ^= 1;
    assert!(parse(&altered, "x").is_err());
}

#[test]
fn a_file_that_is_not_there() {
    let error = read(Path::new("no/such.npz"), &arrays(&["x"], &["y"], None), &AS_IN_FILE);
    assert_snapshot!(error.unwrap_err(), @"no/such.npz: does not exist: expected a .npz file; give its place with --data or as `path` in [data]");
}
