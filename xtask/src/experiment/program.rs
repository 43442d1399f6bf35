//! The program that is measured, built optimised.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// `autotinyml`.
pub struct Program(PathBuf);

impl Program {
    /// One that is built already.
    pub fn there(file: &Path) -> Self {
        Self(file.to_owned())
    }

    /// Builds it.
    pub fn build() -> Result<Self, String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--release", "--locked", "--package", "autotinyml"])
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo could not be started: {error}"))?;
        let messages = String::from_utf8_lossy(&output.stdout);
        let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
        let mut built = messages.filter_map(|message: Value| {
            let is_it = message["target"]["name"] == "autotinyml";
            message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
        });
        built.next_back().map(Self).ok_or_else(|| "autotinyml could not be built".to_owned())
    }

    /// Runs it; what it prints goes to this terminal.
    pub fn run(&self, arguments: &[String]) -> Result<(), String> {
        let status = Command::new(&self.0).args(arguments).stdout(Stdio::null()).status();
        let status = status.map_err(|error| format!("{}: {error}", self.0.display()))?;
        let line = arguments.join(" ");
        if status.success() { Ok(()) } else { Err(format!("autotinyml {line}: {status}")) }
    }

    /// Runs it and reads the JSON object that it prints.
    pub fn json(&self, arguments: &[String]) -> Result<Value, String> {
        let output = Command::new(&self.0).args(arguments).stderr(Stdio::null()).output();
        let output = output.map_err(|error| format!("{}: {error}", self.0.display()))?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("autotinyml {}: {error}", arguments.join(" ")))
    }
}
