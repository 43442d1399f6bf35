//! Random networks in C against the Rust model: the tests run a few hundred, this as many as it is told.

use std::process::Command;

/// Runs networks `first`, `first + 1` … of the random ones, so many; prints those that differ.
pub fn run(networks: u64, first: u64) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let test = "fuzz::random_networks_compute_what_the_model_computes";
    let status = Command::new(cargo)
        .args([
            "test",
            "--quiet",
            "--locked",
            "--package",
            "autotinyml-deploy",
            "--test",
            "firmware",
        ])
        .args(["--", "--exact", test, "--nocapture"])
        .env("CI", "true")
        .env("AUTOTINYML_FUZZ_NETWORKS", networks.to_string())
        .env("AUTOTINYML_FUZZ_FIRST", first.to_string())
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err("some networks differ".to_owned()) }
}
