//! Tests of the generated C on more networks than `cargo xtask test` has time for.

use std::process::Command;

/// Random networks against the Rust model.
pub const FUZZ: &str = "fuzz::random_networks_compute_what_the_model_computes";

/// Sizes that are said before linking against those of linked programs.
pub const STATIC: &str = "prediction::what_is_said_before_linking_is_what_is_linked";

/// Runs one test with its `settings`, variables of the environment.
pub fn run(test: &str, settings: &[(&str, u64)]) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let settings = settings.iter().map(|(name, number)| (name, number.to_string()));
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
        .envs(settings)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{test} failed")) }
}
