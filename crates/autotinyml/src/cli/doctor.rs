//! `autotinyml doctor`: what this machine has and lacks.

use std::path::PathBuf;
use std::process::ExitCode;

use autotinyml_deploy::{Tool, Tools};

use super::{Failure, print};

/// Every external program, where it is or how to get it, and what it is for.
pub fn run() -> Result<ExitCode, Failure> {
    let Tools { host_cc, cross_cc, emulator } = Tools::find();
    let tools: [(Tool, Option<PathBuf>, &str); 3] = [
        (Tool::HostCompiler, host_cc, "runs the generated C on this machine: cross accuracy"),
        (Tool::CrossCompiler, cross_cc, "links for the chip: flash and RAM, firmware/"),
        (Tool::Emulator, emulator, "runs it on an emulated Cortex-M: instructions, stack"),
    ];
    let mut text = String::new();
    for (tool, path, purpose) in tools {
        text += &match path {
            Some(path) => format!("✓ {:<20} {}\n", tool.name(), path.display()),
            None => {
                let trouble = tool.trouble().unwrap_or_else(|| "missing".to_string());
                format!("✗ {:<20} {trouble}: {}\n", tool.name(), tool.install_hint())
            }
        };
        text += &format!("  {purpose}\n");
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
