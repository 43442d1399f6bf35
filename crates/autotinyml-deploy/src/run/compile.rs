//! How the files of a firmware folder are compiled and linked. The same options stand in its
//! Makefile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::temporary_folder;
use crate::cortex::Core;
use crate::error::DeployError;
use crate::toolchain::run_command;

/// Options for every C file. gnu99 instead of c99: only there may a multiplication and an addition
/// become one instruction.
pub const COMPILER_FLAGS: [&str; 8] = [
    "-std=gnu99",
    "-O2",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wdouble-promotion",
];

/// Further options for a chip. Scheduling before registers are given out makes GCC run out of them.
pub const CHIP_FLAGS: [&str; 1] = ["-fno-schedule-insns"];

/// Options for linking a program for a chip.
pub const LINKER_FLAGS: [&str; 3] = ["-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections"];

/// Libraries, behind the objects.
pub const LIBRARIES: [&str; 1] = ["-lm"];

/// A compiler takes a second for a project; this is for a machine that is busy or asleep.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Compiles `sources` of a firmware folder into `objects`, warnings being errors.
///
/// Works with GCC and clang. The objects are named after their sources.
///
/// # Errors
/// The compiler's, with its command line and what it said.
pub fn compile(
    compiler: &Path,
    options: &[&str],
    project: &Path,
    sources: &[PathBuf],
    objects: &Path,
) -> Result<Vec<PathBuf>, DeployError> {
    let project = absolute(project)?;
    let mut command = Command::new(compiler);
    // In the folder of the objects: with several sources a compiler writes them where it runs.
    command.current_dir(objects).args(COMPILER_FLAGS).arg("-Werror").args(options);
    for include in ["", "autotinyml"] {
        command.arg("-I").arg(project.join(include));
    }
    command.arg("-c").args(sources.iter().map(|source| project.join(source)));
    run_command(command, TIMEOUT)?;
    let object =
        |source: &PathBuf| objects.join(source.file_name().expect("a file")).with_extension("o");
    Ok(sources.iter().map(object).collect())
}

/// Links a program.
///
/// # Errors
/// The linker's, with its command line and what it said.
pub fn link(
    compiler: &Path,
    options: &[&str],
    objects: &[PathBuf],
    program: &Path,
) -> Result<(), DeployError> {
    let mut command = Command::new(compiler);
    command.args(options).args(objects).args(LIBRARIES).arg("-o").arg(program);
    run_command(command, TIMEOUT)?;
    Ok(())
}

/// The sources that every program of a firmware folder needs: the network and its kernels.
///
/// # Errors
/// The folder cannot be read.
pub fn network_sources(project: &Path) -> Result<Vec<PathBuf>, DeployError> {
    let folder = project.join("autotinyml");
    let unreadable = |source| DeployError::File { path: folder.clone(), source };
    let mut sources = vec![PathBuf::from("network.c"), PathBuf::from("weights.S")];
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "c") {
            sources.push(Path::new("autotinyml").join(name));
        }
    }
    sources.sort();
    Ok(sources)
}

/// The objects of a firmware folder for a chip: those that `make` builds, and those of the selftest.
#[derive(Debug)]
pub struct ChipObjects {
    compiler: PathBuf,
    core: Core,
    project: PathBuf,
    folder: TempDir,
    network: Vec<PathBuf>,
}

impl ChipObjects {
    /// Compiles all C files of the firmware folder `project`.
    ///
    /// # Errors
    /// The compiler's, with its command line and what it said.
    pub fn compile(compiler: &Path, core: Core, project: &Path) -> Result<Self, DeployError> {
        let folder = temporary_folder()?;
        let project = absolute(project)?;
        let mut sources = network_sources(&project)?;
        sources.push(PathBuf::from("startup.c"));
        let network = sources.len();
        sources.extend(["main.c", "selftest.c", "semihosting.c"].map(PathBuf::from));
        let flags = [core.compiler_flags(), &CHIP_FLAGS].concat();
        let mut objects = compile(compiler, &flags, &project, &sources, folder.path())?;
        objects.truncate(network);
        Ok(Self { compiler: compiler.to_path_buf(), core, project, folder, network: objects })
    }

    /// The core that they are for.
    pub fn core(&self) -> Core {
        self.core
    }

    /// Links the network with `main.c`, or `selftest.c` and `semihosting.c` (names without their
    /// ending), as the linker `script` of the firmware folder says.
    ///
    /// # Errors
    /// The linker's, with its command line and what it said.
    pub fn link(
        &self,
        script: &str,
        main: &[&str],
        options: &[&str],
        program: &Path,
    ) -> Result<(), DeployError> {
        let script = format!("-T{}", self.project.join(script).display());
        let options =
            [self.core.compiler_flags(), &LINKER_FLAGS, &[script.as_str()], options].concat();
        let main = main.iter().map(|name| self.folder.path().join(name).with_extension("o"));
        let objects: Vec<PathBuf> = main.chain(self.network.iter().cloned()).collect();
        link(&self.compiler, &options, &objects, program)
    }
}

fn absolute(path: &Path) -> Result<PathBuf, DeployError> {
    std::path::absolute(path)
        .map_err(|source| DeployError::File { path: path.to_path_buf(), source })
}
