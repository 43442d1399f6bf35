//! Benchmarks: what follows `cargo xtask bench` goes to the program in `bench/`.

use std::process::Command;

/// Builds the program optimised and runs it.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--release", "--locked", "--package", "autotinyml-bench", "--"])
        .args(arguments)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the benchmark ended with {status}")) }
}
