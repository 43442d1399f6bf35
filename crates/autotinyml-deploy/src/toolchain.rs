//! The programs that a check needs from outside, found in `PATH`.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command::run_command;

/// Time for a compiler to say where its library is.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// A program that a check uses if it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// A C compiler for this machine.
    HostCompiler,
    /// GCC for Arm microcontrollers, with newlib.
    CrossCompiler,
    /// QEMU's emulator of Arm machines.
    Emulator,
}

impl Tool {
    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::HostCompiler => "C compiler",
            Self::CrossCompiler => "cross compiler (arm-none-eabi-gcc with newlib)",
            Self::Emulator => "emulator (qemu-system-arm)",
        }
    }

    /// The packages of Debian and its relatives that bring it.
    pub fn packages(self) -> &'static str {
        match self {
            Self::HostCompiler => "gcc libc6-dev",
            Self::CrossCompiler => "gcc-arm-none-eabi libnewlib-arm-none-eabi",
            Self::Emulator => "qemu-system-arm",
        }
    }

    /// What is wrong with it where it is installed. `None`: it is not, or it works.
    pub fn trouble(self) -> Option<String> {
        let path = env::var_os("PATH").unwrap_or_default();
        match self {
            Self::CrossCompiler => c_library_trouble(&find_program("arm-none-eabi-gcc", &path)?),
            Self::HostCompiler | Self::Emulator => None,
        }
    }

    /// The line that installs it there.
    pub fn install_hint(self) -> String {
        format!("sudo apt install {}", self.packages())
    }
}

/// Which tools this machine has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// A C compiler for this machine.
    pub host_cc: Option<PathBuf>,
    /// `arm-none-eabi-gcc`, if newlib is there too.
    pub cross_cc: Option<PathBuf>,
    /// `qemu-system-arm`.
    pub emulator: Option<PathBuf>,
}

impl Tools {
    /// Looks in `PATH`. Takes milliseconds: the cross compiler is asked whether it has its library.
    pub fn find() -> Self {
        Self::find_in(&env::var_os("PATH").unwrap_or_default())
    }

    fn find_in(path: &OsStr) -> Self {
        let first_of = |names: &[&str]| names.iter().find_map(|name| find_program(name, path));
        Self {
            host_cc: first_of(&["cc", "gcc", "clang"]),
            cross_cc: first_of(&["arm-none-eabi-gcc"])
                .filter(|compiler| c_library_trouble(compiler).is_none()),
            emulator: first_of(&["qemu-system-arm"]),
        }
    }

    /// What is not there.
    pub fn missing(&self) -> Vec<Tool> {
        let tools = [
            (Tool::HostCompiler, &self.host_cc),
            (Tool::CrossCompiler, &self.cross_cc),
            (Tool::Emulator, &self.emulator),
        ];
        tools.into_iter().filter(|(_, path)| path.is_none()).map(|(tool, _)| tool).collect()
    }
}

/// The first file called `name` in the folders of `path` that may be executed.
fn find_program(name: &str, path: &OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let executable = |file: &PathBuf| {
        file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(path).map(|folder| folder.join(name)).find(executable)
}

/// Why a cross compiler cannot link programs. GCC prints the path of a library that it has, and the bare
/// name of one that it lacks. Debian's package of newlib's libraries brings its headers.
fn c_library_trouble(compiler: &Path) -> Option<String> {
    let mut command = Command::new(compiler);
    command.arg("-print-file-name=libc.a");
    match run_command(command, PROBE_TIMEOUT) {
        Err(error) => Some(format!("does not work: {error}")),
        Ok(output) => {
            let library = String::from_utf8_lossy(&output.stdout).trim().to_string();
            (!Path::new(&library).is_absolute())
                .then(|| format!("{} is there, but not its C library", compiler.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a shell script for each name.
    fn folder_of_programs(programs: &[(&str, &str)]) -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in programs {
            let file = folder.path().join(name);
            std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        }
        folder
    }

    #[test]
    fn tools_are_found_in_the_path() {
        let folder = folder_of_programs(&[
            ("gcc", ""),
            ("arm-none-eabi-gcc", "echo /usr/lib/arm-none-eabi/newlib/libc.a"),
            ("qemu-system-arm", ""),
        ]);
        let tools = Tools::find_in(folder.path().as_os_str());
        assert_eq!(tools.host_cc, Some(folder.path().join("gcc")));
        assert_eq!(tools.missing(), vec![]);
    }

    #[test]
    fn a_broken_cross_compiler_says_what_is_wrong() {
        let folder = folder_of_programs(&[("arm-none-eabi-gcc", "echo 'no cc1' >&2; exit 4")]);
        let trouble = c_library_trouble(&folder.path().join("arm-none-eabi-gcc")).unwrap();
        assert!(trouble.starts_with("does not work: `"), "{trouble}");
        assert!(trouble.contains("exit code 4") && trouble.ends_with("no cc1"), "{trouble}");
    }

    #[test]
    fn a_cross_compiler_without_its_library_is_missing() {
        let folder = folder_of_programs(&[("arm-none-eabi-gcc", "echo libc.a")]);
        std::fs::write(folder.path().join("cc"), "not executable").unwrap();
        let compiler = folder.path().join("arm-none-eabi-gcc");
        assert!(
            c_library_trouble(&compiler).unwrap().ends_with("gcc is there, but not its C library")
        );
        let missing = Tools::find_in(folder.path().as_os_str()).missing();
        assert_eq!(missing, vec![Tool::HostCompiler, Tool::CrossCompiler, Tool::Emulator]);
        assert!(missing.iter().all(|tool| tool.install_hint().contains("apt install")));
    }
}
