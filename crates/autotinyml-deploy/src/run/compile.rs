//! How the files of a firmware folder are compiled and linked. The same options stand in its
//! Makefile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::objects::SharedObjects;
use super::temporary_folder;
use crate::command::run_command;
use crate::cortex::Core;
use crate::error::DeployError;

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

/// A compiler takes a second for a project; this is for a machine that is starved or asleep.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A compiler with its options beside [`COMPILER_FLAGS`], for the firmware folder `project`.
#[derive(Debug)]
pub struct Compiling {
    compiler: PathBuf,
    options: Vec<String>,
    project: PathBuf,
    /// Where objects go that no other project shares.
    folder: TempDir,
    shared: Arc<SharedObjects>,
}

impl Compiling {
    /// Works with GCC and clang.
    ///
    /// # Errors
    /// A temporary folder cannot be made.
    pub fn new(compiler: &Path, options: &[&str], project: &Path) -> Result<Self, DeployError> {
        Ok(Self {
            compiler: compiler.to_path_buf(),
            options: options.iter().map(ToString::to_string).collect(),
            project: absolute(project)?,
            folder: temporary_folder()?,
            shared: SharedObjects::keep()?,
        })
    }

    /// The temporary folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Compiles `sources`, warnings being errors, but for those that another project has compiled; returns
    /// their objects in the same order.
    ///
    /// # Errors
    /// The compiler's, with its command line and what it said.
    pub fn compile(&self, sources: &[PathBuf]) -> Result<Vec<PathBuf>, DeployError> {
        let options: Vec<&str> = COMPILER_FLAGS
            .into_iter()
            .chain(["-Werror"])
            .chain(self.options.iter().map(String::as_str))
            .collect();
        let includes = ["", "autotinyml"].map(|folder| self.project.join(folder));
        let own = |source: &PathBuf| {
            let name = source.file_name().expect("a file");
            self.folder.path().join(name).with_extension("o")
        };
        let mut objects = vec![];
        let mut missing = vec![];
        for source in sources {
            let place = if is_shared(source) {
                let path = self.project.join(source);
                self.shared.place(&self.compiler, &options, &path, &includes)?
            } else {
                own(source)
            };
            if !place.exists() {
                missing.push((source, place.clone()));
            }
            objects.push(place);
        }
        if missing.is_empty() {
            return Ok(objects);
        }
        let mut command = Command::new(&self.compiler);
        // In the folder of the objects: with several sources a compiler writes them where it runs.
        command.current_dir(self.folder.path()).args(&options);
        for include in &includes {
            command.arg("-I").arg(include);
        }
        command.arg("-c").args(missing.iter().map(|(source, _)| self.project.join(source)));
        run_command(command, TIMEOUT)?;
        for (source, place) in missing.iter().filter(|(source, _)| is_shared(source)) {
            self.shared.put(&own(source), place)?;
        }
        Ok(objects)
    }
}

/// Whether a source is the same for many networks.
fn is_shared(source: &Path) -> bool {
    source.starts_with("autotinyml")
        || ["startup.c", "semihosting.c"].iter().any(|name| source == Path::new(name))
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

/// The objects of a firmware folder for a chip.
#[derive(Debug)]
pub struct ChipObjects {
    core: Core,
    compiling: Compiling,
    network: Vec<PathBuf>,
}

impl ChipObjects {
    /// Compiles the network of the firmware folder `project`, its kernels and its start-up code.
    ///
    /// # Errors
    /// The compiler's, with its command line and what it said.
    pub fn compile(compiler: &Path, core: Core, project: &Path) -> Result<Self, DeployError> {
        let flags = [core.compiler_flags(), &CHIP_FLAGS].concat();
        let compiling = Compiling::new(compiler, &flags, project)?;
        let mut sources = network_sources(project)?;
        sources.push(PathBuf::from("startup.c"));
        let network = compiling.compile(&sources)?;
        Ok(Self { core, compiling, network })
    }

    /// The core that they are for.
    pub fn core(&self) -> Core {
        self.core
    }

    /// Links the network with `main.c`, or `selftest.c` and `semihosting.c` (names without their
    /// ending), as the linker `script` of the firmware folder says.
    ///
    /// # Errors
    /// The compiler's or linker's, with its command line and what it said.
    pub fn link(
        &self,
        script: &str,
        main: &[&str],
        options: &[&str],
        program: &Path,
    ) -> Result<(), DeployError> {
        let script = format!("-T{}", self.compiling.project.join(script).display());
        let options =
            [self.core.compiler_flags(), &LINKER_FLAGS, &[script.as_str()], options].concat();
        let main: Vec<PathBuf> = main.iter().map(|name| format!("{name}.c").into()).collect();
        let objects = [self.compiling.compile(&main)?, self.network.clone()].concat();
        link(&self.compiling.compiler, &options, &objects, program)
    }
}

fn absolute(path: &Path) -> Result<PathBuf, DeployError> {
    std::path::absolute(path)
        .map_err(|source| DeployError::File { path: path.to_path_buf(), source })
}
