//! `new`: a look at data of every kind, and a study of it that runs as it was written.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use insta::assert_snapshot;
use rawzip::ZipArchiveWriter;

use crate::{program, run, text, walkers};

/// What `new` says of `data` in a folder. Then the study is run, but for a few trials, without any
/// compiler.
fn new_and_optimize(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, &[&["new"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut optimize = program(folder);
    let optimize = optimize.args(["optimize", "study.toml", "--trials", "2"]).env("PATH", "");
    let optimized = optimize.output().unwrap();
    assert!(optimized.status.success(), "{}", text(&optimized.stderr));
    assert!(folder.join("runs/study/firmware").is_dir());
    text(&output.stdout)
}

fn study(folder: &Path) -> String {
    fs::read_to_string(folder.join("study.toml")).unwrap()
}

/// Whether the study has a line that begins so, however it is spaced.
fn has(folder: &Path, line: &str) -> bool {
    let spaced = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    study(folder).lines().any(|other| spaced(other).starts_with(line))
}

/// Numbers that look random, from −1 to 1.
fn noise(index: usize) -> f64 {
    2.0 * (index as f64 * 0.618_033_988_749_895).fract() - 1.0
}

#[test]
fn a_recording_for_each_class() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    walkers(&folder.path().join("data"));
    assert_snapshot!(new_and_optimize(folder.path(), &["data"]));
    assert_snapshot!(study(folder.path()));
    let again = run(folder.path(), &["new", "data"]);
    assert_eq!(again.status.code(), Some(2));
    assert_snapshot!(text(&again.stderr));
}

/// Three gestures of five people: 300 rows each.
#[test]
fn a_folder_for_each_class_and_a_file_for_each_person() {
    let folder = tempfile::tempdir().unwrap();
    for (gesture, pace) in [("circle", 0.2), ("line", 0.7), ("rest", 0.0)] {
        let place = folder.path().join("gestures").join(gesture);
        fs::create_dir_all(&place).unwrap();
        for person in ["ada", "bo", "cy", "di", "ed"] {
            let mut rows = "milliseconds,x,y,z\n".to_owned();
            for row in 0..300 {
                let phase = pace * row as f64;
                let (x, y, z) = (phase.sin(), phase.cos(), noise(row));
                writeln!(rows, "{},{x:.3},{y:.3},{z:.3}", 20 * row).unwrap();
            }
            fs::write(place.join(format!("{person}.csv")), rows).unwrap();
        }
    }
    assert_snapshot!(new_and_optimize(folder.path(), &["gestures", "--board", "nrf52840"]));
    for line in ["time_unit = \"ms\"", "split = { test = 0.2, k_fold = 3, by = \"group\" }"] {
        assert!(has(folder.path(), line), "{line}: {}", study(folder.path()));
    }
}

#[test]
fn recordings_with_a_column_of_classes() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = "who,seconds,x,y,what\n".to_owned();
    for (person, slower) in [("ada", 1.0), ("bo", 1.1), ("cy", 1.2), ("di", 1.3), ("ed", 1.4)] {
        for (what, pace) in [("run", 0.9), ("walk", 0.3)] {
            for row in 0..200 {
                let phase = pace / slower * row as f64;
                let seconds = row as f64 * 0.05;
                writeln!(
                    rows,
                    "{person},{seconds:.2},{:.3},{:.3},{what}",
                    phase.sin(),
                    phase.cos()
                )
                .unwrap();
            }
        }
    }
    fs::write(folder.path().join("moves.csv"), rows).unwrap();
    assert_snapshot!(new_and_optimize(folder.path(), &["moves.csv"]));
    assert!(has(folder.path(), "group = \"who\""));
}

/// Milliseconds by the title, or by steps that no seconds are; a gap of two seconds is seen.
#[test]
fn times_in_other_units() {
    for (title, step, unit) in
        [("timestamp_ms", 20, "ms"), ("Time (us)", 20_000, "us"), ("time", 20, "ms")]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = format!("{title},x,y,state\n");
        let second = if unit == "ms" { 1000 } else { 1_000_000 };
        for i in 0..2000 {
            let time = i * step + if i < 700 { 0 } else { 2 * second };
            let state = ["idle", "run"][i / 250 % 2];
            writeln!(rows, "{time},{:.3},{:.3},{state}", noise(i), (i / 250) as f64).unwrap();
        }
        fs::write(folder.path().join("log.csv"), rows).unwrap();
        let said = new_and_optimize(folder.path(), &["log.csv"]);
        assert!(said.contains("2.6 s at about 50 rows a second"), "{title}: {said}");
        assert!(has(folder.path(), &format!("time_unit = \"{unit}\"")), "{}", study(folder.path()));
        let report = text(&run(folder.path(), &["report", "runs/study"]).stdout);
        assert!(report.contains("gaps over 1 s, crossed by no window: 1 "), "{report}");
    }
}

#[test]
fn rows_with_a_column_of_classes() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = "id,length,width,species\n".to_owned();
    for row in 0..90 {
        let (size, species) = [(1.0, "rose"), (3.0, "tulip"), (5.0, "daisy")][row % 3];
        writeln!(rows, "{row},{:.3},{:.3},{species}", size + noise(row), size - noise(row))
            .unwrap();
    }
    fs::write(folder.path().join("flowers.csv"), rows).unwrap();
    assert_snapshot!(new_and_optimize(folder.path(), &["flowers.csv"]));
    let channels = "channels = [\"length\", \"width\"]";
    assert!(has(folder.path(), channels), "the id is no feature: {}", study(folder.path()));
}

/// An array as NumPy writes it.
fn npy(kind: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values);
    bytes
}

/// An array of bytes in an archive.
fn add(archive: &mut ZipArchiveWriter<fs::File>, name: &str, shape: &str, values: &[u8]) {
    let (mut entry, config) = archive.new_file(name).start().unwrap();
    let mut writer = config.wrap(&mut entry);
    writer.write_all(&npy("|u1", shape, values)).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    entry.finish(descriptor).unwrap();
}

#[test]
fn arrays_of_numpy() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = ZipArchiveWriter::new(fs::File::create(folder.path().join("a.npz")).unwrap());
    for (part, count) in [("train", 60), ("test", 20)] {
        let pixels = (0..count * 100).map(|i| (i / 100 % 2 * 128 + i % 97) as u8);
        let labels = (0..count).map(|i| (i % 2) as u8);
        let arrays = [
            (format!("x_{part}.npy"), format!("({count}, 10, 10)"), pixels.collect::<Vec<u8>>()),
            (format!("y_{part}.npy"), format!("({count},)"), labels.collect()),
        ];
        for (name, shape, values) in arrays {
            add(&mut archive, &name, &shape, &values);
        }
    }
    archive.finish().unwrap();
    assert_snapshot!(new_and_optimize(folder.path(), &["a.npz"]));
    assert!(has(folder.path(), "split = { test = [\"x_test\"]"));
}

#[test]
fn idx_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pictures");
    fs::create_dir(&place).unwrap();
    let file = |kind: u8, axes: &[u32], values: Vec<u8>| {
        let mut bytes = vec![0, 0, kind, axes.len() as u8];
        axes.iter().for_each(|axis| bytes.extend(axis.to_be_bytes()));
        bytes.extend(values);
        bytes
    };
    for (part, count) in [("train", 80_u32), ("t10k", 20)] {
        let pixels = (0..count * 144).map(|i| (i / 144 % 4 * 60 + i % 13) as u8).collect();
        let labels = (0..count).map(|i| (i % 4) as u8).collect();
        let name = |what: &str| place.join(format!("{part}-{what}-ubyte"));
        fs::write(name("images-idx3"), file(8, &[count, 12, 12], pixels)).unwrap();
        fs::write(name("labels-idx1"), file(8, &[count], labels)).unwrap();
    }
    assert_snapshot!(new_and_optimize(folder.path(), &["pictures"]));
    assert!(has(folder.path(), "split = { test = [\"t10k\"]"));
}

#[test]
fn what_cannot_be_made_sense_of() {
    let folder = tempfile::tempdir().unwrap();
    let complaint = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["new"], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(!folder.path().join("study.toml").exists());
        text(&output.stderr)
    };
    fs::write(folder.path().join("notes.txt"), "nothing").unwrap();
    let rows: String =
        (0..40).map(|row| format!("{:.3},{:.3}\n", noise(row), row as f64)).collect();
    fs::write(folder.path().join("numbers.csv"), rows).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for data in [&["nowhere"][..], &["notes.txt"], &["empty"], &["numbers.csv"]] {
        assert_snapshot!(complaint(data));
    }
    assert_snapshot!(complaint(&["numbers.csv", "--label", "species"]));
    let rows: String =
        (0..40).map(|row| format!("0,0,{},{}\n", ["rose", "tulip"][row % 2], row % 3)).collect();
    fs::write(folder.path().join("zero.csv"), format!("a,b,species,c\n{rows}")).unwrap();
    fs::write(folder.path().join("two.csv"), "a,b,label\n1,2,x\n3,4,y\n").unwrap();
    assert_snapshot!(complaint(&["zero.csv", "--label", "specis"]));
    assert_snapshot!(complaint(&["two.csv"]));
    let rows: String = (0..40).map(|row| format!("7,{:.2}\n", noise(row))).collect();
    fs::write(folder.path().join("quality.csv"), rows).unwrap();
    assert_snapshot!(complaint(&["quality.csv", "--label", "2"]));
    let labels: String = (0..40).map(|row| format!("7,{}\n", ["a", "b"][row % 2])).collect();
    fs::write(folder.path().join("constant.csv"), labels).unwrap();
    assert_snapshot!(complaint(&["constant.csv"]));
    fs::write(folder.path().join("semicolons.csv"), "a;b;label\n1,5;2;x\n2,5;3;y\n").unwrap();
    assert_snapshot!(complaint(&["semicolons.csv", "--label", "label"]));
}

/// The product of its axes is 0 in 64 bits.
#[test]
fn axes_that_no_memory_holds_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = ZipArchiveWriter::new(fs::File::create(folder.path().join("a.npz")).unwrap());
    add(&mut archive, "x.npy", "(2, 4294967296, 4294967296)", &[0; 8]);
    add(&mut archive, "y.npy", "(2,)", &[0, 1]);
    archive.finish().unwrap();
    let output = run(folder.path(), &["new", "a.npz"]);
    assert_eq!(output.status.code(), Some(2));
    assert_snapshot!(text(&output.stderr));
}
