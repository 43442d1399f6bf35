//! Pictures of bottles, and a look at them.

use std::fs;

use insta::assert_snapshot;

use crate::{run, text};

const NETWORK: &str = r#"[data]
reader  = "bottles"
samples = 8

[[network]]
conv2d = { filters = 2, kernel = 3 }
[[network]]
flatten = {}
[[network]]
dense = { units = "classes", activation = "softmax" }
"#;

#[test]
fn a_network_reads_them_and_they_can_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("network.toml"), NETWORK).unwrap();
    let checked = run(folder.path(), &["check", "network.toml"]);
    assert!(text(&checked.stdout).contains("32×32×3"), "{}", text(&checked.stderr));

    let show = ["data", "show", "network.toml", "--columns", "2", "--out", "sheet.png"];
    assert_snapshot!(text(&run(folder.path(), &show).stdout));
    let sheet = fs::read(folder.path().join("sheet.png")).unwrap();
    // 2 by 4 pictures of 96 pixels, 4 apart.
    let size = [196_u32, 396].map(u32::to_be_bytes).concat();
    assert_eq!((&sheet[..8], &sheet[16..24]), (&b"\x89PNG\r\n\x1a\n"[..], &size[..]));
}

#[test]
fn there_is_an_end_to_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let many = NETWORK.replace("samples = 8", "samples = 43_691");
    fs::write(folder.path().join("network.toml"), many).unwrap();
    let checked = run(folder.path(), &["check", "network.toml"]);
    assert_eq!(checked.status.code(), Some(2));
    assert_snapshot!(text(&checked.stderr));
}
