//! `autotinyml check`: footprint and verdict of one network, trained or not.

use std::path::PathBuf;
use std::process::ExitCode;

use autotinyml_deploy::{
    Agreement, Board, Checked, Compression, CrossReport, Estimate, Footprint, Subject, Tools,
    Verdict, check, static_footprint,
};
use autotinyml_nn::{Dataset, Network, Shape, Source, node_parameters};
use autotinyml_search::{Configuration, Setting};
use console::Term;
use serde_json::json;

use super::boards::{OwnBoards, named};
use super::preamble::idle;
use super::{Failure, columns, filled, print};
use crate::advice::{Choice, advice, costs_of_layers, falls_short};
use crate::in_print::counted;
use crate::prescreen::{SAVING_WORTH_IT, saved_share};
use crate::samples::{self, Samples};
use crate::saved_model::SavedModel;
use crate::study_file::{DeployPlan, StudyFile, read_text};
use crate::task::{TrainingTemplate, Unbuildable};

/// Inputs that the emulator runs; this computer's program runs all.
const EMULATED_INPUTS: usize = 200;

/// Inputs that a model is run on if the file names no data.
const RANDOM_INPUTS: usize = 200;

/// What one network takes, and whether it fits: RAM, ROM and MACC by arithmetic; with --board also
/// the linked program, compiled and run.
///
/// FILE is a network (`input`, `classes`, [[network]] …) or a study with a --set for each of its
/// hyperparameters.
#[derive(clap::Args)]
pub struct Arguments {
    /// A network or study file.
    file: PathBuf,
    /// A trained network, as in model/ of a study's folder.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Compile and run it for this board, too.
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
    #[command(flatten)]
    boards: OwnBoards,
    /// x1, x4, x8, x4-all or x8-all, instead of `compression` in the file.
    #[arg(long, value_name = "NAME")]
    compression: Option<Compression>,
    /// Where the data is, instead of `path` in the file.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// A hyperparameter of a study file, such as filters=16.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// text or json.
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// Of the file's combinations the first, if there are any, of the board and the compression asked for.
fn deploy<'f>(arguments: &Arguments, file: &'f StudyFile) -> Option<&'f DeployPlan> {
    let all = file.deploy.as_deref()?;
    let asked = |plan: &&DeployPlan| {
        arguments.board.as_ref().is_none_or(|name| *name == plan.board.name)
            && arguments.compression.is_none_or(|compression| compression == plan.compression)
    };
    all.iter().find(asked).or(all.first())
}

/// Whether the limits of one of the file's combinations are meant for a board: for its own, and for a board that
/// the file doesn't name if all combinations have the same limits.
fn limits_hold(deploy: &DeployPlan, board: Option<&Board>, file: &StudyFile) -> bool {
    let mut others = file.deploy.iter().flatten();
    board.is_none_or(|board| board.name == deploy.board.name)
        || others.all(|other| other.limits == deploy.limits)
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let boards = arguments.boards.read()?;
    let mut file = StudyFile::parse(&read_text(&arguments.file)?, &boards)?;
    if let (Some(place), Some(data)) = (&arguments.data, &mut file.data) {
        data.reader.read_from(place);
    }
    let deploy = deploy(arguments, &file);
    let board = match &arguments.board {
        Some(name) => Some(named(&boards, name)?),
        None => deploy.map(|deploy| &deploy.board),
    };
    let compression =
        arguments.compression.or(deploy.map(|deploy| deploy.compression)).unwrap_or_default();
    let limits = deploy.filter(|deploy| limits_hold(deploy, board, &file)).map(|it| it.limits);

    // Before the data, which may take long to read.
    let configuration = configuration(arguments, &file)?;
    let data = data(arguments, &file)?;
    let network = network(&file, &configuration, data.as_ref())?;
    let Checked { footprint, cross, .. } = match (board, &arguments.model) {
        (None, None) => {
            let footprint = static_footprint(&network, compression);
            Checked { footprint, outputs: None, cross: None }
        }
        _ => measure(arguments, &file, &network, compression, board, data.as_ref())?,
    };
    let warning = data.as_ref().zip(file.data.as_ref()).and_then(|(data, plan)| {
        let seed = file.search.as_ref().map_or(0, |search| search.seed);
        let stop = file.training.as_ref().and_then(TrainingTemplate::hold_out);
        samples::warning(data, &plan.split, stop, seed)
    });
    let limits_or_none = limits.unwrap_or_default();
    let mut verdict = limits_or_none.judge(&footprint);
    let estimate = Estimate::like(&network, &footprint, &limits_or_none, compression, board)?;
    let (input, classes) = (network.input, network.output().len());
    let other_network =
        |other: &Configuration| file.template.network(&file.space, other, input, classes).ok();
    let choice =
        Choice { space: &file.space, configuration: &configuration, network: &other_network };
    let mut advice = advice(&network, &footprint, &estimate, Some(&choice))?;
    if falls_short(&limits_or_none, &footprint) {
        advice.extend(costs_of_layers(cross.as_ref().map_or(&[], |cross| &cross.layers)));
    }
    if board.is_none() {
        verdict.unchecked = vec!["flash, RAM and speed of the program: name a --board".into()];
    }
    print(&match arguments.format.as_str() {
        "json" => {
            verdict.reasons.extend(advice);
            let meets_limits = limits.map(|_| verdict.meets_limits);
            as_json(&footprint, meets_limits, &verdict, cross.as_ref(), &warning)
        }
        _ => {
            let text =
                as_text(&network, compression, &footprint, limits.is_some(), &verdict, &advice);
            let text = text + &cross.as_ref().map_or(String::new(), agreements);
            let text =
                text + &warning.map_or(String::new(), |warning| format!("warning: {warning}\n"));
            // What reads lines gets them whole.
            if Term::stdout().is_term() { filled(&text, columns()) } else { text }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn usage(message: impl Into<String>, help: impl Into<String>) -> Failure {
    Failure::Usage { message: message.into(), help: help.into() }
}

/// The file's data, if they tell something that the file does not, or a model is to be run on them.
fn data(arguments: &Arguments, file: &StudyFile) -> Result<Option<Dataset>, Failure> {
    let is_told = file.input.is_some() && file.classes.is_some();
    match &file.data {
        Some(plan) if !is_told || arguments.model.is_some() => {
            let loaded = samples::read(&plan.reader).map_err(samples::SamplesError::Data)?;
            Ok(Some(loaded.dataset))
        }
        _ => Ok(None),
    }
}

/// A setting for each hyperparameter of the file.
fn configuration(arguments: &Arguments, file: &StudyFile) -> Result<Configuration, Failure> {
    let settings: Vec<(String, Setting)> =
        arguments.set.iter().map(|text| assignment(text)).collect::<Result<_, _>>()?;
    if let Some((name, _)) = settings
        .iter()
        .enumerate()
        .find_map(|(index, setting)| settings[..index].iter().find(|(name, _)| *name == setting.0))
    {
        return Err(usage(format!("--set {name}=… is there twice"), "keep one of them"));
    }
    file.space.configuration(&settings).map_err(|error| {
        let names = "name every hyperparameter of [space], as in --set filters=16";
        usage(format!("{}: {error}", file.source.name), names)
    })
}

/// The file's network, with the shape of its data.
fn network(
    file: &StudyFile,
    configuration: &Configuration,
    data: Option<&Dataset>,
) -> Result<Network, Failure> {
    let (input, classes): (Shape, usize) = match (file.input, file.classes, data) {
        (Some(input), Some(classes), _) => (input, classes),
        (_, _, Some(data)) => (data.shape, data.classes.len()),
        _ => {
            return Err(usage(
                format!("{} does not say what the network reads", file.source.name),
                "add at the top: input = [90, 3, 1] and classes = 6, or a [data] section",
            ));
        }
    };
    let network = file.template.network(&file.space, configuration, input, classes);
    network.map_err(|Unbuildable { reason, place }| {
        let help = "change it, or what comes before it";
        file.source.complain(place, reason, "the layers here cannot be put together", help).into()
    })
}

fn assignment(text: &str) -> Result<(String, Setting), Failure> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        usage(format!("\"{text}\" sets nothing"), "expected NAME=VALUE, as in --set filters=16")
    })?;
    let setting = value.parse().map_or_else(|_| Setting::Text(value.to_string()), Setting::Number);
    Ok((name.to_string(), setting))
}

/// Compiles the network and runs it where the tools of this machine allow.
fn measure(
    arguments: &Arguments,
    file: &StudyFile,
    network: &Network,
    compression: Compression,
    board: Option<&Board>,
    data: Option<&Dataset>,
) -> Result<Checked, Failure> {
    let saved = arguments.model.as_deref().map(SavedModel::load);
    let saved = saved.transpose().map_err(Failure::Model)?;
    if let Some(saved) = &saved
        && saved.model.network != *network
    {
        return Err(usage(
            format!("the model is another network than {}", file.source.name),
            "give the file and the --set values that it was trained with",
        ));
    }
    let vectors = saved.as_ref().map(|saved| vectors(data, saved));
    let classes: Vec<String> = match data {
        Some(data) => data.classes.clone(),
        None => (0..network.output().len()).map(|class| class.to_string()).collect(),
    };
    let subject = Subject {
        network,
        model: saved.as_ref().map(|saved| &saved.model),
        standardisation: saved.as_ref().and_then(|saved| saved.standardisation.as_ref()),
        classes: &classes,
        vectors: vectors.as_deref(),
        emulated: Some(EMULATED_INPUTS),
    };
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::Write { path: std::env::temp_dir(), error })?;
    Ok(check(&subject, compression, board, &Tools::find(), folder.path())?)
}

/// Inputs to compare the C with the model on: all samples of the data, or random ones where the file
/// names no data.
fn vectors(data: Option<&Dataset>, saved: &SavedModel) -> Vec<f32> {
    match data {
        Some(data) => Samples::gather(data, &(0..data.len()).collect::<Vec<_>>()),
        None => saved.random_inputs(RANDOM_INPUTS),
    }
}

/// Who ran it, the classes on which it differs, and what compressing each layer alone changes.
fn agreements(cross: &CrossReport) -> String {
    let mut text = String::new();
    let mut table = |title: &str, agreements: &mut dyn Iterator<Item = &Agreement>| {
        for (index, agreement) in agreements.enumerate() {
            if index == 0 {
                text +=
                    &format!("{title:<24} inputs    X-CROSS       rmse        mae        l2r\n");
            }
            let Agreement { name, inputs, accuracy, rmse, mae, l2r } = agreement;
            let figure = |x: &Option<f64>| x.map_or("–".to_string(), |x| format!("{x:.2e}"));
            let [rmse, mae, l2r] = [rmse, mae, l2r].map(figure);
            let percent = 100.0 * accuracy;
            text += &format!(
                "  {name:<22} {inputs:>6} {percent:>8.2} % {rmse:>10} {mae:>10} {l2r:>10}\n"
            );
        }
    };
    table("run by", &mut cross.runners.iter());
    table("class, where they differ", &mut cross.classes.iter().filter(|c| c.accuracy < 1.0));
    table("layer, compressed alone", &mut cross.layers.iter());
    text
}

fn as_json(
    footprint: &Footprint,
    meets_limits: Option<bool>,
    verdict: &Verdict,
    cross: Option<&CrossReport>,
    warning: &Option<String>,
) -> String {
    let reasons: Vec<&String> = verdict.reasons.iter().chain(&verdict.unchecked).collect();
    let mut object = json!(footprint);
    object["meets_limits"] = json!(meets_limits);
    object["links_on_chip"] = json!(verdict.links_on_chip);
    object["reasons"] = json!(reasons);
    object["cross"] = json!(cross);
    object["warning"] = json!(warning);
    format!("{object}\n")
}

fn as_text(
    network: &Network,
    compression: Compression,
    footprint: &Footprint,
    limited: bool,
    verdict: &Verdict,
    advice: &[String],
) -> String {
    let mut text = String::new();
    let longest = network.nodes.iter().map(|node| node.name.len()).max().unwrap_or(0).max(20);
    let name = |source: &Source| match *source {
        Source::Input => "the input",
        Source::Node(index) => &network.nodes[index].name,
    };
    let mut before = Source::Input;
    for (index, node) in network.nodes.iter().enumerate() {
        let input = node.input.to_string();
        let mut line = format!("{:<longest$} {input:>12} → {:<12}", node.name, node.output);
        let parameters = node_parameters(node);
        if parameters > 0 {
            let s = if parameters == 1 { "" } else { "s" };
            line += &format!(" {parameters:>9} parameter{s}");
        }
        if node.inputs != [before] {
            let sources: Vec<&str> = node.inputs.iter().map(name).collect();
            line += &format!("  reads {}", sources.join(" and "));
        }
        text += line.trim_end();
        text += "\n";
        before = Source::Node(index);
    }
    let kilobytes = |bytes: usize| match bytes {
        0..1000 => counted(bytes, "byte"),
        _ => format!("{:.2} KB ({bytes} bytes)", bytes as f64 / 1000.0),
    };
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text += &format!("{name:<34}{value}\n");
        }
    };
    row("compression", Some(compression.to_string()));
    let saved = saved_share(network, compression);
    if compression != Compression::X1 && saved < SAVING_WORTH_IT {
        row("", Some(idle(compression, saved, "this network")));
    }
    row("parameters", Some(footprint.parameters.to_string()));
    row("MACC", Some(footprint.macc.to_string()));
    row("RAM, ST accounting", Some(kilobytes(footprint.st_ram_bytes)));
    row("ROM, ST accounting", Some(kilobytes(footprint.st_rom_bytes)));
    row("flash of the linked program", footprint.flash_bytes.map(kilobytes));
    row("RAM of the linked program", footprint.ram_bytes.map(kilobytes));
    row("of it arena", footprint.arena_bytes.map(kilobytes));
    row("of it input and output", footprint.buffers_bytes.map(kilobytes));
    row("of it stack", footprint.stack_bytes.map(kilobytes));
    row("of it other variables", other_variables_bytes(footprint).map(kilobytes));
    row("instructions per inference", footprint.instructions.map(|count| count.to_string()));
    row("at most", footprint.instructions_max.map(|count| count.to_string()));
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    row("X-CROSS accuracy", footprint.cross_accuracy.map(percent));
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_string();
    row("meets the limits", limited.then(|| yes_or_no(verdict.meets_limits)));
    row("links on the chip", verdict.links_on_chip.map(yes_or_no));
    for reason in &verdict.reasons {
        text += &format!("refused: {reason}\n");
    }
    for advice in advice {
        text += &format!("advice: {advice}\n");
    }
    for unchecked in &verdict.unchecked {
        text += &format!("not checked: {unchecked}\n");
    }
    text
}

/// What the linked program takes of the RAM beside arena, input, output and stack: the C library's.
fn other_variables_bytes(footprint: &Footprint) -> Option<usize> {
    let Footprint { ram_bytes, arena_bytes, buffers_bytes, stack_bytes, .. } = *footprint;
    ram_bytes?.checked_sub(arena_bytes? + buffers_bytes? + stack_bytes?)
}
