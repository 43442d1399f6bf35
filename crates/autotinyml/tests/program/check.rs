//! `autotinyml check`: the talk's figures, from the network's description alone.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{root, run, text};

fn check(arguments: &[&str]) -> Value {
    let output = run(&root(), &[&["check"], arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// Table of the talk's two baselines: ROM at ×1, ×4, ×8, then RAM, MACC and parameters.
const BASELINES: [(&str, [u64; 3], u64, u64, u64); 2] = [
    ("har-baseline", [2_955_800, 794_136, 375_448], 24_576, 874_970, 738_950),
    ("bottle-baseline", [4_991_120, 1_453_200, 862_416], 140_800, 20_863_612, 1_247_780),
];

#[test]
fn the_talks_baselines_are_counted_to_the_byte_and_at_once() {
    for (name, roms, ram, macc, parameters) in BASELINES {
        for (compression, rom) in ["x1", "x4", "x8"].into_iter().zip(roms) {
            let file = format!("examples/networks/{name}.toml");
            let start = Instant::now();
            let found = check(&[&file, "--compression", compression]);
            let seconds = start.elapsed().as_secs_f64();
            assert_eq!(found["parameters"], parameters, "{name} {compression}");
            assert_eq!(found["macc"], macc, "{name} {compression}");
            assert_eq!(found["st_ram_bytes"], ram, "{name} {compression}");
            assert_eq!(found["st_rom_bytes"], rom, "{name} {compression}");
            assert!(seconds < 0.2, "{name} {compression} took {seconds:.3} s");
        }
    }
}

/// Banbury et al. 2021, MLPerf Tiny: Keras counts 78,666 parameters in its ResNet, 960 of them in
/// batch normalisations of 240 channels, which are folded away here.
#[test]
fn a_residual_network_is_counted_and_described() {
    let file = "examples/networks/resnet8.toml";
    assert_eq!(check(&[file])["parameters"], 78_666 - 4 * 240);
    let output = run(&root(), &["check", file]);
    insta::assert_snapshot!(text(&output.stdout));
}

#[test]
fn a_study_is_checked_one_configuration_at_a_time() {
    let folder = crate::study_folder(crate::STUDY);
    let study = folder.path().join("study.toml");
    let settings = ["--set", "filters=2", "--set", "activation=relu", "--set", "units=4"];
    let found = check(&[&[study.to_str().unwrap()], &settings[..]].concat());
    // 8×2×1 → conv 3×1 → 6×2×2 → pool 2×1 → 3×2×2 → 12 → 4 → 3
    assert_eq!(found["parameters"], (3 * 2 + 2) + (12 * 4 + 4) + (4 * 3 + 3));
    assert_eq!(found["meets_limits"], true);
}

#[test]
fn every_key_of_the_interface_is_there_without_a_board() {
    let found = check(&["examples/networks/har-baseline.toml"]);
    for key in ["flash_bytes", "ram_bytes", "stack_bytes", "instructions", "cross_accuracy"] {
        assert_eq!(found.get(key), Some(&Value::Null), "{key}");
    }
    assert_eq!(found["meets_limits"], Value::Null);
    assert_eq!(found["links_on_chip"], Value::Null);
    assert_eq!(found["reasons"], json!(["flash, RAM and speed of the program: name a --board"]));
}
