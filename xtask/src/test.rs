//! Format, lints, documentation, tests: in the order in which they fail fastest.

use std::process::Command;
use std::time::Instant;

struct Step {
    arguments: &'static [&'static str],
    variable: Option<(&'static str, &'static str)>,
}

const STEPS: [Step; 4] = [
    Step { arguments: &["fmt", "--all", "--check"], variable: None },
    Step {
        arguments: &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        variable: None,
    },
    Step {
        arguments: &["doc", "--workspace", "--no-deps", "--locked"],
        variable: Some(("RUSTDOCFLAGS", "-D warnings")),
    },
    // Under CI, tests that need the cross compiler or the emulator fail rather than skip.
    Step { arguments: &["test", "--workspace", "--locked"], variable: Some(("CI", "true")) },
];

/// Runs every step; the first that fails ends it.
pub fn run() -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    for Step { arguments, variable } in STEPS {
        let line = format!("cargo {}", arguments.join(" "));
        eprintln!("xtask: {line}");
        let start = Instant::now();
        let status = Command::new(&cargo)
            .args(arguments)
            .envs(variable)
            .status()
            .map_err(|error| format!("`{line}` could not be started: {error}"))?;
        if !status.success() {
            return Err(format!("`{line}` failed"));
        }
        eprintln!("xtask: {line}: {:.0} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}
