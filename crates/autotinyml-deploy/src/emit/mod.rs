//! The firmware folder: a C project that `make` builds, and that the check compiles file by file.
//!
//! Kernels and programs are real C files in `c/`, copied as they are. Generated are only
//! declarations and data: `network.h` and `network.c` (layers, arena, calls in order), the weights
//! packed as the kernels read them, an example input, the chip's linker script, and a README.

mod debugger;
mod linker_script;
mod network_c;
mod readme;
mod run_c;
mod weights;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use autotinyml_nn::{Shape, Standardisation};

pub use self::linker_script::STACK_BYTES;
use self::weights::WeightsFile;
pub use self::weights::flash_bytes as weights_flash_bytes;
use crate::board::Board;
use crate::c_function::{c_file, skips_zeros};
use crate::compress::{CompressedModel, StoredWeights};
use crate::compression::IndexBits;
use crate::cortex::Core;
use crate::error::DeployError;
use crate::lower::{Kernel, lower};
use crate::placement::{Buffers, Placement, Regions};
use crate::plan::{Plan, plan};
use crate::run::compile::{CHIP_FLAGS, COMPILER_FLAGS, LIBRARIES, LINKER_FLAGS};

/// Files of `c/firmware` that every project holds as they are.
const PROGRAMS: [(&str, &str); 6] = [
    ("main.c", include_str!("../../c/firmware/main.c")),
    ("host.c", include_str!("../../c/firmware/host.c")),
    ("selftest.c", include_str!("../../c/firmware/selftest.c")),
    ("semihosting.c", include_str!("../../c/firmware/semihosting.c")),
    ("semihosting.h", include_str!("../../c/firmware/semihosting.h")),
    ("startup.c", include_str!("../../c/firmware/startup.c")),
];

/// Its memory's addresses and its name are filled in.
const EMULATOR_SCRIPT: &str = include_str!("../../c/firmware/emulator.ld");

/// What differs from board to board is filled in.
const BUILD_FILES: [(&str, &str); 3] = [
    ("Makefile", include_str!("../../c/firmware/Makefile")),
    ("CMakeLists.txt", include_str!("../../c/firmware/CMakeLists.txt")),
    ("arm-none-eabi.cmake", include_str!("../../c/firmware/arm-none-eabi.cmake")),
];

/// Files of `c/kernels` that every project holds: the rest depends on its layers.
const COMMON_KERNELS: [(&str, &str); 3] = [
    ("autotinyml.h", include_str!("../../c/kernels/autotinyml.h")),
    ("activation.c", include_str!("../../c/kernels/activation.c")),
    ("load.h", include_str!("../../c/kernels/load.h")),
];

const CASCADE: (&str, &str) = ("cascade.c", include_str!("../../c/kernels/cascade.c"));

/// What dense layers share that pass over inputs that are zero.
const DENSE_ROWS: (&str, &str) = ("dense_rows.h", include_str!("../../c/kernels/dense_rows.h"));

const CONV2D_SHARED: (&str, &str) =
    ("conv2d_shared.c", include_str!("../../c/kernels/conv2d_shared.c"));

/// What all kernels of a convolution share.
const CONV2D_TILE: (&str, &str) = ("conv2d_tile.h", include_str!("../../c/kernels/conv2d_tile.h"));

/// What the general ones call.
const CONV2D: [(&str, &str); 2] = [
    ("conv2d_tile.c", include_str!("../../c/kernels/conv2d_tile.c")),
    ("conv2d_products.c", include_str!("../../c/kernels/conv2d_products.c")),
];

/// Inputs that stay with the project, to try it on whenever it was built anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Selftest {
    /// Not standardised, `n × input.len()`.
    pub inputs: Vec<f32>,
    /// What the network answers before it is compressed, `n × output.len()`.
    pub expected: Vec<f32>,
    /// On how many of them the C program is to choose the same class, at least.
    pub agreeing: usize,
}

/// What a firmware folder is made from.
#[derive(Clone, Debug)]
pub struct Project<'a> {
    /// The network with its weights as they are stored.
    pub model: &'a CompressedModel,
    /// What `network_prepare` applies.
    pub standardisation: Option<&'a Standardisation>,
    /// Name of each output.
    pub classes: &'a [String],
    /// The input that `main.c` runs, not standardised.
    pub example: &'a [f32],
    /// What `make selftest` runs.
    pub selftest: Option<&'a Selftest>,
    board: Option<&'a Board>,
    kernels: Vec<Kernel>,
    plan: Plan,
    /// Where the board has what.
    regions: Option<Regions>,
}

impl<'a> Project<'a> {
    /// Lowers the network and plans its memory. Outputs without a name in `classes` are numbered.
    ///
    /// # Errors
    /// Lowering or planning fails its own check: a defect of this crate.
    ///
    /// # Panics
    /// `example` is not one input.
    pub fn new(model: &'a CompressedModel, example: &'a [f32]) -> Result<Self, DeployError> {
        assert_eq!(example.len(), model.network.input.len(), "one input");
        let kernels = lower(&model.network)?;
        let plan = plan(&kernels)?;
        let (standardisation, classes, selftest) = (None, &[][..], None);
        let (board, regions) = (None, None);
        Ok(Self {
            model,
            standardisation,
            classes,
            example,
            selftest,
            board,
            kernels,
            plan,
            regions,
        })
    }

    /// Lets `make` build for this board, not only for the emulator: its memory is planned anew.
    ///
    /// # Errors
    /// Planning fails its own check: a defect of this crate.
    pub fn set_board(&mut self, board: &'a Board) -> Result<(), DeployError> {
        let network = &self.model.network;
        let Placement { plan, regions } =
            Placement::of(&self.kernels, Buffers::of(network), board)?;
        (self.board, self.plan, self.regions) = (Some(board), plan, Some(regions));
        Ok(())
    }

    /// The arena: what lies between the layers, and where.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether a layer passes over inputs that are zero, so that some inferences take fewer instructions than
    /// others.
    pub fn skips_zeros(&self) -> bool {
        self.kernels.iter().any(|kernel| skips_zeros(network_c::function(self, kernel)))
    }

    fn input(&self) -> Shape {
        self.model.network.input
    }

    fn output(&self) -> Shape {
        self.model.network.output()
    }

    fn core(&self) -> Core {
        self.board.map_or(Core::CortexM4f, |board| board.core)
    }

    fn weights_of(&self, kernel: &Kernel) -> Option<&StoredWeights> {
        self.model.weights[kernel.weights?].as_ref()
    }

    /// Bits of the indices that a kernel's weights are. `None`: they are floats.
    fn index_bits(&self, kernel: &Kernel) -> Option<IndexBits> {
        self.weights_of(kernel)?.kernel.index_bits()
    }

    /// Files of the kernels that the network uses: name and content.
    fn kernel_files(&self) -> Vec<(&'static str, &'static str)> {
        let mut files = COMMON_KERNELS.to_vec();
        for kernel in &self.kernels {
            let function = network_c::function(self, kernel);
            files.extend(c_file(function));
            files.extend(skips_zeros(function).then_some(DENSE_ROWS));
            files.extend(function.starts_with("conv2d").then_some(CONV2D_TILE));
            if ["conv2d", "conv2d_max_pool2d"].contains(&function) {
                files.extend(CONV2D);
                files.extend(self.index_bits(kernel).map(|_| CONV2D_SHARED));
            }
        }
        if self.plan.cascades().iter().any(|cascade| run_c::has_stages(self, cascade)) {
            files.push(CASCADE);
        }
        files.sort_unstable();
        files.dedup();
        files
    }

    fn weights_file(&self) -> WeightsFile {
        let mut file = WeightsFile::default();
        for kernel in &self.kernels {
            if let Some(weights) = self.weights_of(kernel) {
                file.add(kernel, weights);
            }
        }
        file
    }
}

/// Writes the C project into `directory`, which is made if it isn't there. Files of an earlier
/// project there are replaced; its folder `autotinyml` is made anew.
///
/// # Errors
/// A file that cannot be written.
pub fn write_project(project: &Project, directory: &Path) -> Result<(), DeployError> {
    let weights = project.weights_file();
    let kernels = directory.join("autotinyml");
    let [chip_script, inputs, expected] =
        ["chip.ld", "inputs.bin", "expected.bin"].map(|name| directory.join(name));
    for (path, result) in [
        (&kernels, fs::remove_dir_all(&kernels)),
        (&chip_script, fs::remove_file(&chip_script)),
        (&inputs, fs::remove_file(&inputs)),
        (&expected, fs::remove_file(&expected)),
        (&kernels, fs::create_dir_all(&kernels)),
    ] {
        match result {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(DeployError::File { path: path.clone(), source });
            }
            _ => {}
        }
    }
    for (name, content) in project.kernel_files() {
        write(&kernels.join(name), content)?;
    }
    for (name, content) in PROGRAMS {
        write(&directory.join(name), content)?;
    }
    write(&directory.join("emulator.ld"), emulator_script(project.core()))?;
    write(&directory.join("network.h"), network_c::header(project))?;
    write(&directory.join("network.c"), network_c::source(project, &weights.arrays))?;
    write(&directory.join("weights.S"), weights.assembly())?;
    write(&directory.join("weights.bin"), &weights.bytes)?;
    write(&directory.join("example.h"), example(project))?;
    for (name, template) in BUILD_FILES {
        write(&directory.join(name), build_file(project, template))?;
    }
    if let Some(selftest) = project.selftest {
        let bytes =
            |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        write(&inputs, bytes(&selftest.inputs))?;
        write(&expected, bytes(&selftest.expected))?;
    }
    write(&directory.join("README.md"), readme::readme(project, weights.bytes.len()))?;
    match project.board.zip(project.regions.as_ref()) {
        Some((board, regions)) => write(&chip_script, linker_script::linker_script(board, regions)),
        None => Ok(()),
    }
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), DeployError> {
    fs::write(path, content)
        .map_err(|source| DeployError::File { path: path.to_path_buf(), source })
}

fn build_file(project: &Project, template: &str) -> String {
    let goal = if project.board.is_some() { "firmware.elf" } else { "emulated.elf" };
    let chip = project.board.and_then(debugger::probe_rs_chip).unwrap_or_default();
    let openocd = project.board.and_then(debugger::openocd_options).unwrap_or_default();
    template
        .replace("@GOAL@", goal)
        .replace("@CHIP@", chip)
        .replace("@OPENOCD@", &openocd)
        .replace("@CORE@", &project.core().compiler_flags().join(" "))
        .replace("@CFLAGS@", &[&COMPILER_FLAGS[..], &CHIP_FLAGS].concat().join(" "))
        .replace("@LDFLAGS@", &LINKER_FLAGS.join(" "))
        .replace("@LIBRARIES@", &LIBRARIES.join(" "))
        .replace("@EMULATOR@", &project.core().machine().flags().join(" "))
}

fn emulator_script(core: Core) -> String {
    let machine = core.machine();
    let address = |address: u32| format!("{address:#010x}");
    EMULATOR_SCRIPT
        .replace("@MACHINE@", machine.name)
        .replace("@CODE@", &address(machine.code))
        .replace("@RAM@", &address(machine.ram))
        .replace("@WEIGHTS@", &address(machine.weights))
}

fn example(project: &Project) -> String {
    let values = network_c::floats(project.example).replace('\n', " \\\n");
    let agreeing = project.selftest.map_or(0, |selftest| selftest.agreeing);
    format!(
        "/* Values as a sensor gives them, before network_prepare. */\n#define NETWORK_EXAMPLE \\\n    {values}\n\n\
         /* Inputs of inputs.bin on which it chooses the class that it chose before it was compressed. */\n\
         #define NETWORK_SELFTEST_AGREEING {agreeing}U\n"
    )
}

#[cfg(test)]
mod tests;
