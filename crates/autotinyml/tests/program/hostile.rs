//! Data files that are damaged or made to do harm: exit code 2, a clear message, little memory.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use insta::assert_snapshot;
use rawzip::{CompressionMethod, ZipArchiveWriter};

use crate::text;

/// What a run may take, in KiB: the program itself, its threads' stacks and its buffers fit in.
const MEMORY_KIB: usize = 400_000;

/// What `check` says of a network on these data, with so much memory and no more.
fn complaint(data: &str, write: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    write(&folder.path().join("data"));
    let network = "[[network]]\nflatten = {}\n[[network]]\ndense = { units = \"classes\" }\n";
    fs::write(folder.path().join("network.toml"), format!("[data]\n{data}\n{network}")).unwrap();
    let program = env!("CARGO_BIN_EXE_autotinyml");
    let line = format!("ulimit -v {MEMORY_KIB} && exec '{program}' check network.toml");
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    text(&output.stderr)
}

const WINDOWS: &str = "reader = \"csv-windows\"\npath = \"data\"\nwindow = 4";
const IDX: &str = "reader = \"idx\"\npath = \"data\"";
const NPZ: &str = "reader = \"npz\"\npath = \"data/all.npz\"\ninput = \"x\"\nlabel = \"y\"";

#[test]
fn a_csv_file_of_one_endless_line() {
    assert_snapshot!(complaint(WINDOWS, |data| {
        // 8 GiB of nothing; takes no place on the disk.
        File::create(data.join("a.csv")).unwrap().set_len(8 << 30).unwrap();
        fs::write(data.join("b.csv"), "0,1\n").unwrap();
    }));
}

#[test]
fn windows_that_multiply_the_data() {
    let rows: String = (0..40_000).map(|row| format!("{},1\n", row as f64 * 0.01)).collect();
    let many = WINDOWS.replace('4', "20000") + "\nstep = 1";
    assert_snapshot!(complaint(&many, |data| {
        fs::write(data.join("a.csv"), &rows).unwrap();
        fs::write(data.join("b.csv"), &rows).unwrap();
    }));
}

#[test]
fn an_idx_file_of_absurd_sizes() {
    assert_snapshot!(complaint(IDX, |data| {
        let images = [[0, 0, 8, 3], [0xff; 4], [0xff; 4], [0xff; 4]].concat();
        fs::write(data.join("train-images-idx3-ubyte"), images).unwrap();
        fs::write(data.join("train-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 0]).unwrap();
    }));
}

/// As many values as are allowed are announced, 100 MB would have to be read, but a third is there.
#[test]
fn a_truncated_gz_file() {
    assert_snapshot!(complaint(IDX, |data| {
        let mut images = GzEncoder::new(vec![], Compression::fast());
        images.write_all(&[0, 0, 8, 3, 5, 0xf5, 0xe1, 0, 0, 0, 0, 1, 0, 0, 0, 1]).unwrap();
        images.write_all(&vec![0; 30_000_000]).unwrap();
        let images = images.finish().unwrap();
        fs::write(data.join("train-images-idx3-ubyte.gz"), &images[..images.len() - 20]).unwrap();
        fs::write(data.join("train-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 0]).unwrap();
    }));
}

#[test]
fn an_npz_bomb() {
    assert_snapshot!(complaint(NPZ, |data| {
        let file = File::create(data.join("all.npz")).unwrap();
        let mut writer = ZipArchiveWriter::new(file);
        let header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n";
        for array in ["y.npy", "x.npy"] {
            let entry = writer.new_file(array).compression_method(CompressionMethod::DEFLATE);
            let (mut entry, config) = entry.start().unwrap();
            let mut array = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
            array.write_all(b"\x93NUMPY\x01\x00").unwrap();
            array.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
            array.write_all(header).unwrap();
            // 500 MB in each.
            let zeros = vec![0; 1_000_000];
            (0..500).for_each(|_| array.write_all(&zeros).unwrap());
            let (encoder, descriptor) = array.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        writer.finish().unwrap();
    }));
}
