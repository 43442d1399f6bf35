use std::fs;
use std::io::Write;

use autotinyml_nn::Shape;
use flate2::Compression;
use flate2::write::GzEncoder;
use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;
use crate::data::Scale;

const AS_IN_FILE: ArrayOptions =
    ArrayOptions { shape: None, classes: None, scale: Scale::Channels };

/// An IDX file.
fn idx(kind: u8, dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dimensions.len() as u8];
    bytes.extend(dimensions.iter().flat_map(|axis| axis.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn complaint(files: &[(&str, Vec<u8>)], options: &ArrayOptions) -> String {
    let folder = folder(files);
    let error = read(folder.path(), options).unwrap_err().to_string();
    error.replace(&folder.path().display().to_string(), "…")
}

#[test]
fn a_folder_like_mnists_is_read() {
    let train = idx(8, &[3, 2, 2], &(0..12).collect::<Vec<u8>>());
    let test = idx(8, &[1, 2, 2], &[252, 253, 254, 255]);
    let files = [
        ("train-images-idx3-ubyte.gz", gzip(&train)),
        ("train-labels-idx1-ubyte.gz", gzip(&idx(8, &[3], &[7, 0, 7]))),
        ("t10k-images-idx3-ubyte", test.clone()),
        ("t10k-images-idx3-ubyte.gz", b"unpacked beside it: not read".to_vec()),
        ("t10k-labels.idx1-ubyte", vec![]),
        ("t10k-labels-idx1-ubyte", idx(8, &[1], &[9])),
        ("README.md", b"about images".to_vec()),
    ];
    let folder = folder(&files);
    let Loaded { dataset, period, .. } = read(folder.path(), &AS_IN_FILE).unwrap();
    assert_eq!((dataset.shape, period), (Shape::new(2, 2, 1), 1));
    assert_eq!(dataset.sample(0), [252.0, 253.0, 254.0, 255.0]);
    assert_eq!(dataset.sample(3), [8.0, 9.0, 10.0, 11.0]);
    assert_eq!(
        (dataset.classes, dataset.labels),
        (vec!["0".into(), "7".into(), "9".into()], vec![2, 1, 0, 1])
    );
    let groups = dataset.groups.unwrap();
    assert_eq!((groups.names, groups.of), (vec!["t10k".into(), "train".into()], vec![0, 1, 1, 1]));
}

#[test]
fn numbers_of_every_type_are_read() {
    let floats = [0.5_f32, -1.0].map(f32::to_be_bytes).concat();
    let doubles = [0.5_f64, -1.0].map(f64::to_be_bytes).concat();
    for (kind, values, expected) in [
        (0x08, vec![1, 255], [1.0, 255.0]),
        (0x09, vec![1, 255], [1.0, -1.0]),
        (0x0b, vec![1, 0, 255, 255], [256.0, -1.0]),
        (0x0c, vec![0, 1, 0, 0, 255, 255, 255, 255], [65536.0, -1.0]),
        (0x0d, floats, [0.5, -1.0]),
        (0x0e, doubles, [0.5, -1.0]),
    ] {
        assert_eq!(parse(&idx(kind, &[1, 2], &values)).unwrap(), (vec![1, 2], expected.to_vec()));
    }
}

#[test]
fn files_that_do_not_go_together() {
    let images = ("train-images-idx3-ubyte", idx(8, &[2, 1, 1], &[1, 2]));
    let labels =
        |values: &[u8]| ("train-labels-idx1-ubyte", idx(8, &[values.len() as u32], values));
    let of = |files: &[(&str, Vec<u8>)]| complaint(files, &AS_IN_FILE);
    assert_snapshot!(of(&[]), @"…: holds no IDX file of images: expected a folder with files such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz; name another folder by `path` or --data");
    assert_snapshot!(of(std::slice::from_ref(&images)), @"…/train-images-idx3-ubyte: there are no labels for it: expected train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz; put the publisher's file beside it");
    assert_snapshot!(of(&[images.clone(), labels(&[1, 2, 3])]), @"…/train-images-idx3-ubyte: 2 samples, but 3 labels: expected one label for each sample; name the arrays or files that belong together");
    assert_snapshot!(of(&[images.clone(), labels(&[4, 4])]), @r#"…: all of it is of one class, "4": expected two classes at least; are these the right labels?"#);
    assert_snapshot!(of(&[images.clone(), ("train-labels-idx1-ubyte", images.1.clone())]), @"…/train-labels-idx1-ubyte: labels with 3 axes: expected 1: a class for each sample; is this the file of the labels?");
    let other = ("t10k-images-idx3-ubyte", idx(8, &[1, 1, 2], &[1, 2]));
    let other_labels = ("t10k-labels-idx1-ubyte", idx(8, &[1], &[1]));
    assert_snapshot!(of(&[images.clone(), labels(&[0, 1]), other, other_labels]), @"…/train-images-idx3-ubyte: samples of 1×1: expected 1×2 as in …/t10k-images-idx3-ubyte; name parts of one data set");
    let classes = Some(vec!["left".to_string(), "right".to_string()]);
    let named = ArrayOptions { classes, ..AS_IN_FILE };
    assert_snapshot!(complaint(&[images, labels(&[1, 2])], &named), @r#"…: there is a label "2": expected 0 to 1, as `classes` has 2 names; name every class in [data], in order from 0 on"#);
    assert_snapshot!(read(Path::new("no/such/folder"), &AS_IN_FILE).unwrap_err(), @"no/such/folder: does not exist: expected a folder with files such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz; give its place with --data or as `path` in [data]");
}

#[test]
fn files_that_are_damaged_or_made_to_do_harm() {
    let problem = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
    let whole = idx(8, &[50, 28, 28], &vec![7; 50 * 28 * 28]);
    let packed = gzip(&whole);
    assert_snapshot!(problem(&whole[..whole.len() - 1]), @"memory: ends too early: expected all that its header announces; it is truncated: get the file again");
    assert_snapshot!(problem(&packed[..packed.len() / 2]), @"memory: ends too early: expected all that its header announces; it is truncated: get the file again");
    for length in 0..packed.len() {
        assert!(parse(&packed[..length]).is_err(), "cut at {length}");
    }
    assert_snapshot!(problem(&idx(8, &[u32::MAX; 4], &[0; 100])), @"memory: announces 4294967295×4294967295×4294967295×4294967295 values: expected at most 134217728; is it damaged? else keep a part of it");
    assert_snapshot!(problem(&idx(8, &[1 << 30, 1, 1], &[0; 100])), @"memory: announces 1073741824×1×1 values: expected at most 134217728; is it damaged? else keep a part of it");
    assert_snapshot!(problem(&idx(8, &[0, 28, 28], &[])), @"memory: holds no values: expected samples; name another file");
    assert_snapshot!(problem(&idx(8, &[1, 2], &[1, 2, 3])), @"memory: goes on behind the last value that its header announces: expected the end; it is damaged: get the file again");
    assert_snapshot!(problem(&idx(7, &[1, 2], &[1, 2])), @"memory: begins with the bytes 0, 0, 7: expected 0, 0 and a type of IDX (8, 9, 11, 12, 13, 14); is this an IDX file?");
    assert_snapshot!(problem(&idx(8, &[1; 200], &[1])), @"memory: has 200 axes: expected 1 to 4; is this an IDX file of samples?");
    assert_snapshot!(problem(&idx(0x0d, &[1, 1], &f32::NAN.to_be_bytes())), @"memory: value 0 (from 0) is NaN: expected finite numbers within ±3.4e38; fill it in, or leave its sample out");
    assert_snapshot!(problem(b"\x1f\x8b not gzip"), @"memory: cannot be read (invalid gzip header): expected a whole file; it is damaged: get the file again");
    assert_snapshot!(problem(b""), @"memory: ends too early: expected all that its header announces; it is truncated: get the file again");
    // 100 MiB of zeros behind what the header announces.
    let bomb = gzip(&[idx(8, &[1, 1], &[1]), vec![0; 100 << 20]].concat());
    assert!(bomb.len() < 1 << 20);
    assert_snapshot!(problem(&bomb), @"memory: goes on behind the last value that its header announces: expected the end; it is damaged: get the file again");
}
