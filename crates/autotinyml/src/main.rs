//! The `autotinyml` program; all it does is in the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    autotinyml::cli::main()
}
