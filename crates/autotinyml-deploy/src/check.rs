//! The whole pipeline on one page: a network in, its footprint out. The C project that a user
//! receives is written, compiled, linked for the chip, run here and under the emulator, and compared
//! with the network, as far as this machine has the tools.

use std::path::Path;

use autotinyml_nn::{Model, Network, Standardisation};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::board::Board;
use crate::chip;
use crate::compress::{CompressedModel, compress};
use crate::compression::Compression;
use crate::cortex::Core;
use crate::cross_accuracy::{Agreement, CrossReport, of_each_class, of_each_layer};
use crate::emit::{Project, STACK_BYTES, Selftest, write_project};
use crate::error::DeployError;
use crate::footprint::{Footprint, RegionUse};
use crate::lower::lower;
use crate::placement::{Buffers, Placement};
use crate::run::compile::ChipObjects;
use crate::run::emulator::instructions_per_macc;
use crate::run::{Emulator, Host, Runner, compare_runners};
use crate::st::account;
use crate::toolchain::Tools;

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What is computed.
    pub network: &'a Network,
    /// The network with trained weights. `None`: random ones do, sizes are the same.
    pub model: Option<&'a Model>,
    /// What the model's inputs went through, and inputs will on the chip.
    pub standardisation: Option<&'a Standardisation>,
    /// Name of each output; those without one are numbered.
    pub classes: &'a [String],
    /// Inputs to compare on, not standardised, `n × input.len()`. `None`: one random input is run.
    pub vectors: Option<&'a [f32]>,
    /// How many of the vectors the emulator runs, which takes a millisecond for each 100,000
    /// instructions. `None`: as many as are expected to end within half a minute, at least 32.
    pub emulated: Option<usize>,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// What was measured.
    pub footprint: Footprint,
    /// What the C program answered to all vectors, `n × output.len()`: under the emulator if that
    /// ran all of them, else on this computer. `None`: no vectors, or no compiler to run them all.
    pub outputs: Option<Vec<f32>>,
    /// How far program and network agree, by runner, class and layer. `None`: no model or no vectors.
    pub cross: Option<CrossReport>,
}

/// What the C program answered.
#[derive(Default)]
struct Answers {
    /// On this computer, to all vectors.
    host: Option<Vec<f32>>,
    /// Under the emulator, and to which vectors.
    emulated: Option<(Vec<usize>, Vec<f32>)>,
}

/// What the emulator is given to do if nobody says how much: half a minute's work.
const EMULATED_INSTRUCTIONS_MAX: u64 = 3_000_000_000;

/// So many inputs are emulated in any case.
const EMULATED_INPUTS_MIN: usize = 32;

/// What is known from the network alone; takes microseconds.
pub fn static_footprint(network: &Network, compression: Compression) -> Footprint {
    let account = account(network, compression);
    Footprint {
        parameters: account.parameters,
        macc: account.macc,
        st_ram_bytes: account.ram_bytes,
        st_rom_bytes: account.rom_bytes,
        ..Footprint::default()
    }
}

/// Writes the C project into `directory` and measures it with the tools that there are. Figures for
/// which a tool, the board, or the model is missing stay `None`.
///
/// X-CROSS accuracy is that of the emulator if it ran all vectors, else of this computer's C
/// program, else (no compiler for it) of the Rust model with the stored weights.
///
/// # Errors
/// Files that cannot be written; a compiler, linker or emulator that fails or hangs; an emulator
/// that gives other answers than this computer. A program that does not fit its chip, or not even
/// the emulated machine, is not an error.
pub fn check(
    subject: &Subject,
    compression: Compression,
    board: Option<&Board>,
    tools: &Tools,
    directory: &Path,
) -> Result<Checked, DeployError> {
    let mut footprint = static_footprint(subject.network, compression);
    let stored = match subject.model {
        Some(model) => compress(model, compression),
        None => random_weights(subject.network, compression),
    };
    let random_input = random_input(subject.network);
    let given = subject.vectors.filter(|vectors| !vectors.is_empty());
    let vectors = given.unwrap_or(&random_input);
    let lengths = [subject.network.input.len(), subject.network.output().len()];

    let selftest = given.map(|vectors| selftest(subject, &stored, vectors));
    let example = &vectors[..lengths[0]];
    let project = write(subject, &stored, example, selftest.as_ref(), board, directory)?;

    let mut answers = Answers::default();
    if let Some(compiler) = &tools.host_cc {
        let host = Host::build(compiler, &[], directory, lengths)?;
        answers.host = Some(host.run(vectors)?.outputs);
    }
    if let Some(compiler) = &tools.cross_cc {
        let core = board.map_or(Core::CortexM4f, |board| board.core);
        let objects = ChipObjects::compile(compiler, core, directory)?;
        if let Some(emulator) = &tools.emulator {
            let emulator = Emulator::link(&objects, emulator, lengths, footprint.macc)?;
            let inputs = subject.emulated.unwrap_or_else(|| {
                affordable_inputs(footprint.macc.saturating_mul(instructions_per_macc(core)))
            });
            let (chosen, outputs) =
                emulate(&mut footprint, emulator.as_ref(), inputs, vectors, lengths)?;
            // Elsewhere the library's arithmetic takes its time by the value, and no value takes the most.
            let counts_most = project.skips_zeros() && core.has_float_unit();
            if let (Some(emulator), true) = (&emulator, counts_most) {
                let most = emulator.without_zeros()?.run(example)?;
                footprint.instructions_max = most.instructions;
            }
            if let Some(host) = &answers.host {
                let host = rows(host, &chosen, lengths[1]);
                compare_runners(&chosen, &host, &outputs, lengths[1])?;
            }
            answers.emulated = (!chosen.is_empty()).then_some((chosen, outputs));
        }
        if let Some(board) = board {
            fit(&mut footprint, &objects, subject.network, board)?;
        }
    }
    let (Some(vectors), samples) = (given, vectors.len() / lengths[0]) else {
        return Ok(Checked { footprint, outputs: None, cross: None });
    };
    let cross = subject
        .model
        .map(|model| compare(&mut footprint, subject, model, &stored, vectors, &answers));
    let outputs = match answers.emulated {
        Some((chosen, outputs)) if chosen.len() == samples => Some(outputs),
        _ => answers.host,
    };
    Ok(Checked { footprint, outputs, cross })
}

/// Writes the C project into `directory` and links it for its chip: the sizes of a network that has
/// not been trained, since they do not depend on the values of its weights. The stack counts in
/// full, as the linker sets it aside. Takes a third of a second.
///
/// # Errors
/// As [`check`].
pub fn link(
    subject: &Subject,
    compression: Compression,
    board: &Board,
    compiler: &Path,
    directory: &Path,
) -> Result<Footprint, DeployError> {
    let mut footprint = static_footprint(subject.network, compression);
    let stored = random_weights(subject.network, compression);
    write(subject, &stored, &random_input(subject.network), None, Some(board), directory)?;
    let objects = ChipObjects::compile(compiler, board.core, directory)?;
    fit(&mut footprint, &objects, subject.network, board)?;
    Ok(footprint)
}

fn write<'a>(
    subject: &Subject<'a>,
    stored: &'a CompressedModel,
    example: &'a [f32],
    selftest: Option<&'a Selftest>,
    board: Option<&'a Board>,
    directory: &Path,
) -> Result<Project<'a>, DeployError> {
    let mut project = Project::new(stored, example)?;
    project.standardisation = subject.standardisation;
    project.classes = subject.classes;
    project.selftest = selftest;
    if let Some(board) = board {
        project.set_board(board)?;
    }
    write_project(&project, directory)?;
    Ok(project)
}

/// Inputs that stay with the project.
const SELFTEST_INPUTS: usize = 32;

/// Vectors evenly spread over those that there are.
fn selftest(subject: &Subject, stored: &CompressedModel, vectors: &[f32]) -> Selftest {
    let samples = vectors.len() / subject.network.input.len();
    let chosen = spread(SELFTEST_INPUTS, samples);
    let inputs = rows(vectors, &chosen, subject.network.input.len());
    let mut prepared = inputs.clone();
    if let Some(standardisation) = subject.standardisation {
        standardisation.apply(&mut prepared);
    }
    let outputs = stored.decompressed().predict(&prepared);
    let expected = subject.model.map_or_else(|| outputs.clone(), |model| model.predict(&prepared));
    let classes = subject.network.output().len();
    let classes_of = |outputs: &[f32]| -> Vec<usize> {
        outputs.chunks_exact(classes).map(autotinyml_nn::largest).collect()
    };
    let (outputs, wanted) = (classes_of(&outputs), classes_of(&expected));
    let agreeing = outputs.iter().zip(&wanted).filter(|(output, wanted)| output == wanted).count();
    // Rounding may decide one that is near a tie.
    Selftest { inputs, expected, agreeing: agreeing.saturating_sub(1) }
}

/// So many of the samples (or all), evenly spread, in order.
fn spread(count: usize, samples: usize) -> Vec<usize> {
    let count = count.clamp(1, samples);
    (0..count).map(|index| index * samples / count).collect()
}

/// Runs so many `inputs`, evenly spread over the vectors, and returns which, and their outputs. None are
/// run if there is no `emulator` because the program is too large for it.
fn emulate(
    footprint: &mut Footprint,
    emulator: Option<&Emulator>,
    inputs: usize,
    vectors: &[f32],
    lengths: [usize; 2],
) -> Result<(Vec<usize>, Vec<f32>), DeployError> {
    let Some(emulator) = emulator else {
        footprint.emulated_inputs = Some(0);
        return Ok((vec![], vec![]));
    };
    let chosen = spread(inputs, vectors.len() / lengths[0]);
    let run = emulator.run(&rows(vectors, &chosen, lengths[0]))?;
    footprint.emulated_inputs = Some(chosen.len());
    footprint.instructions = run.instructions;
    footprint.stack_bytes = run.stack_bytes;
    Ok((chosen, run.outputs))
}

/// Some of the rows of a table of so many `columns`.
fn rows(values: &[f32], chosen: &[usize], columns: usize) -> Vec<f32> {
    chosen.iter().flat_map(|&row| &values[row * columns..][..columns]).copied().collect()
}

/// Of so many instructions each.
fn affordable_inputs(instructions: u64) -> usize {
    EMULATED_INPUTS_MIN.max((EMULATED_INSTRUCTIONS_MAX / instructions.max(1)) as usize)
}

/// What the program for the chip takes. Of the stack that the linker sets aside only what was used
/// counts as RAM, if that was measured; a deeper one needs more of its region.
fn fit(
    footprint: &mut Footprint,
    objects: &ChipObjects,
    network: &Network,
    board: &Board,
) -> Result<(), DeployError> {
    let chip = chip::measure(objects, board)?;
    let buffers = Buffers::of(network);
    let placement = Placement::of(&lower(network)?, buffers, board)?;
    footprint.arena_bytes = Some(placement.plan.pieces().iter().sum());
    footprint.buffers_bytes = Some(buffers.input + buffers.output);
    footprint.flash_bytes = Some(chip.flash_bytes);
    let stack = footprint.stack_bytes.unwrap_or(STACK_BYTES);
    footprint.ram_bytes = Some(chip.variables_bytes + stack);
    footprint.regions = chip.regions;
    let holds_stack = |region: &&mut RegionUse| region.name == board.stack;
    if let Some(region) = footprint.regions.iter_mut().find(holds_stack) {
        region.used_bytes += stack.saturating_sub(STACK_BYTES);
    }
    Ok(())
}

/// How far the C program agrees with the network: the emulator's if it ran all vectors, else this
/// computer's, else (no compiler for it) what the stored weights give in Rust.
fn compare(
    footprint: &mut Footprint,
    subject: &Subject,
    model: &Model,
    stored: &CompressedModel,
    vectors: &[f32],
    answers: &Answers,
) -> CrossReport {
    let mut inputs = vectors.to_vec();
    if let Some(standardisation) = subject.standardisation {
        standardisation.apply(&mut inputs);
    }
    let (reference, classes) = (model.predict(&inputs), model.network.output().len());
    let mut report = CrossReport::default();
    let all = match &answers.host {
        Some(host) => host.clone(),
        None => stored.decompressed().predict(&inputs),
    };
    let name = if answers.host.is_some() { "this computer" } else { "model with stored weights" };
    report.runners.push(Agreement::between(name, &reference, &all, classes));
    if let Some((chosen, outputs)) = &answers.emulated {
        let reference = rows(&reference, chosen, classes);
        report.runners.push(Agreement::between("emulator", &reference, outputs, classes));
    }
    let complete = |runner: &&Agreement| runner.inputs == reference.len() / classes;
    let whole = report.runners.iter().rfind(complete).expect("the first ran all");
    footprint.cross_accuracy = Some(whole.accuracy);
    (footprint.rmse, footprint.mae, footprint.l2r) = (whole.rmse, whole.mae, whole.l2r);
    report.classes = of_each_class(&reference, &all, classes, subject.classes);
    report.layers = of_each_layer(model, stored, &inputs);
    report
}

fn random_weights(network: &Network, compression: Compression) -> CompressedModel {
    compress(&Model::initialise(network.clone(), 0), compression)
}

fn random_input(network: &Network) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
    (0..network.input.len()).map(|_| random.random_range(-1.0..1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulator_gets_half_a_minute_of_work_but_some_inputs_in_any_case() {
        // The talk's two baselines, and a network that computes nothing.
        assert_eq!(affordable_inputs(5 * 874_970), 685);
        assert_eq!(affordable_inputs(5 * 20_863_612), 32);
        assert_eq!(affordable_inputs(0), 3_000_000_000);
    }
}
