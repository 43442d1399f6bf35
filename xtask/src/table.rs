//! Exhaustive tables: every configuration of a study in `tables/`, trained.

use std::path::Path;
use std::process::Command;

/// Configurations that are trained with four more seeds, to show the noise.
const NOISE: &str = "500";

/// Builds the program optimised and lets it make, or go on making, a table.
pub fn run(name: &str, arguments: &[String]) -> Result<(), String> {
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tables");
    let study = tables.join(format!("{name}.toml"));
    if !study.is_file() {
        return Err(format!(
            "there is no study {}; expected a name such as digits",
            study.display()
        ));
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--release", "--locked", "--package", "autotinyml", "--", "table"])
        .arg(study)
        .arg("--out")
        .arg(tables.join(format!("{name}.csv.gz")))
        .args(["--noise", NOISE])
        .args(arguments)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("making the table ended with {status}")) }
}
