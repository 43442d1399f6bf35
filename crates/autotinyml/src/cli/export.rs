//! `autotinyml export`: the C project of a trial.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use autotinyml_deploy::Tools;

use super::load::load_samples;
use super::report::Stored;
use super::{Failure, print};
use crate::evaluate::Evaluator;
use crate::finalist::Final;
use crate::store::Fact;

/// Writes the C project of a trial: trains it again (to the same bits), compiles and checks it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  autotinyml export runs/quickstart --out firmware
  autotinyml export runs/quickstart --trial 12 --out firmware-12")]
pub struct Arguments {
    /// The study's folder, such as runs/quickstart.
    folder: PathBuf,
    /// Which trial [default: the best].
    #[arg(long, value_name = "N")]
    trial: Option<usize>,
    /// Where to write the project; must not exist yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where the data is, if it has moved since.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Stored { store, mut study, identity } = Stored::read(&arguments.folder)?;
    let usage = |message: String, help: &str| Failure::Usage { message, help: help.to_string() };
    if arguments.out.exists() {
        let message = format!("{} exists already", arguments.out.display());
        return Err(usage(message, "choose another --out, so that nothing is lost"));
    }
    if let Some(data) = arguments.data.as_ref().or(identity.data_path.as_ref()) {
        study.data.reader.read_from(data);
    }
    let trials = store.trials(&study.space)?;
    let best = store.finalist(Fact::Best)?.and_then(|best| best.trial);
    let id = arguments.trial.or(best).ok_or_else(|| {
        usage("this study has found nothing deployable".into(), "choose a trial by --trial")
    })?;
    let trial = trials.iter().find(|trial| trial.id == id).ok_or_else(|| {
        let message = format!("trial {id} is not one of the {} of this study", trials.len());
        usage(message, "see trials.csv for their numbers")
    })?;
    let samples = load_samples(&study)?;
    if samples.digest != identity.data_digest {
        let message = "the data has changed since this study was made".to_string();
        return Err(usage(message, "name the folder with the original data by --data"));
    }
    let tools = Tools::find();
    let evaluator = Evaluator::new(&study, &samples, &tools);
    let place = arguments.out.parent().filter(|place| !place.as_os_str().is_empty());
    let place = place.unwrap_or(Path::new("."));
    let folder = fs::create_dir_all(place)
        .and_then(|()| tempfile::tempdir_in(place))
        .map_err(|error| Failure::Write { path: arguments.out.clone(), error })?;
    let partial = folder.path().join("firmware");
    let ended = evaluator.finalist(&trial.configuration, Some(trial), &partial)?;
    let Final::Ran(finalist, _) = ended else {
        let message = format!("trial {id} has no network: training on the whole data diverges");
        return Err(usage(message, "choose another by --trial"));
    };
    fs::rename(&partial, &arguments.out)
        .map_err(|error| Failure::Write { path: arguments.out.clone(), error })?;
    for line in finalist.verdict.reasons.iter().chain(&finalist.verdict.unchecked) {
        eprintln!("{line}");
    }
    let verdict = if finalist.verdict.deployable() { "deployable" } else { "not deployable" };
    print(&format!("trial {id}, {verdict}: {}\n", arguments.out.display()))?;
    Ok(ExitCode::SUCCESS)
}
