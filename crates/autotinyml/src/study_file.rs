//! The study file: what a user writes, checked line by line before anything runs.

mod data;
mod network;
mod plans;
pub mod section;
mod space;
#[cfg(test)]
mod tests;
mod training;

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use autotinyml_deploy::Boards;
use autotinyml_nn::{COUNT_MAX, Shape};
use autotinyml_search::{Configuration, Setting, Space, SpaceError};

pub use data::{DataPlan, Reader, SplitPlan, TestPart};
pub use plans::{Check, DeployPlan, SearchPlan, decides_epochs};
use section::{Entry, InputError, Section, SourceText, nearest};
use space::Parameters;

use crate::task::{Template, TrainingTemplate};

/// A file as far as it goes: a study has every section, a plain network only `[[network]]`.
#[derive(Debug)]
pub struct StudyFile {
    /// The file's text, as written.
    pub source: SourceText,
    /// `name`, or the file's stem.
    pub name: String,
    /// `input`: shape of one sample, for a network without data.
    pub input: Option<Shape>,
    /// `classes`, for a network without data.
    pub classes: Option<usize>,
    /// `[data]`
    pub data: Option<DataPlan>,
    /// `[space]`; empty for a plain network.
    pub space: Space,
    /// `[[network]]`
    pub template: Template,
    /// Where the last layer stands in the file, in bytes.
    last_layer: Range<usize>,
    /// `[training]`
    pub training: Option<TrainingTemplate>,
    /// `[deploy]`: each combination of a board and a compression.
    pub deploy: Option<Vec<DeployPlan>>,
    /// `[search]`
    pub search: Option<SearchPlan>,
    /// `[baseline]`: a fixed configuration to compare with, and where it stands in the file.
    pub baseline: Option<(Configuration, Range<usize>)>,
}

/// A complete study.
#[derive(Clone, Debug)]
pub struct Study {
    /// For reports and folders.
    pub name: String,
    /// The study file, as written.
    pub source: SourceText,
    /// Where the samples come from.
    pub data: DataPlan,
    /// What is searched.
    pub space: Space,
    /// The network with its `$names`.
    pub template: Template,
    /// The training recipe with its `$names`.
    pub training: TrainingTemplate,
    /// What a network must fit: the first of `combinations`.
    pub deploy: DeployPlan,
    /// Boards and compressions for which the best networks are sought, one at least.
    pub combinations: Vec<DeployPlan>,
    /// How to search.
    pub search: SearchPlan,
    /// A fixed configuration to compare with, and where it stands in the file, in bytes.
    pub baseline: Option<(Configuration, Range<usize>)>,
}

/// A study file that cannot be read at all.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read {}: {error}", path.display())]
#[diagnostic(help("{help}"))]
pub struct Unreadable {
    path: PathBuf,
    error: io::Error,
    help: String,
}

/// The text of a file.
///
/// # Errors
/// It is missing, not text, or rather data.
pub fn read_text(path: &Path) -> Result<SourceText, Unreadable> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_data = path.is_dir() || path.exists() && matches!(&*ending, "csv" | "npz");
    let unreadable = |error| {
        let expected = "expected the path of a study file, such as examples/walking-tiny.toml";
        let help = match is_data {
            true => format!("{expected}; `autotinyml new {}` writes one for data", path.display()),
            false => expected.to_owned(),
        };
        Unreadable { path: path.to_owned(), error, help }
    };
    if is_data {
        return Err(unreadable(io::Error::other("it is no study file")));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    Ok(SourceText { name: path.display().to_string(), text })
}

impl StudyFile {
    /// Reads and checks a file, which may name one of these `boards`. A relative `data.path` counts from the file's own folder.
    ///
    /// # Errors
    /// The first mistake, with its place and cure.
    pub fn parse(source: &SourceText, boards: &Boards) -> Result<Self, InputError> {
        let document = source.parse()?;
        let root = Section::root(source, &document);
        let section = |key| root.optional(key).map(|entry: Entry<'_>| entry.section()).transpose();
        let parameters = Parameters::read(section("space")?)?;
        let (template, last_layer) = network::template(&root, &parameters)?;
        let folder = Path::new(&source.name).parent().unwrap_or(Path::new(""));
        let file = Self {
            source: source.clone(),
            name: match root.optional("name") {
                Some(name) => file_name(&name)?,
                None => stem(&source.name),
            },
            input: root.optional("input").map(|input| shape(&input)).transpose()?,
            classes: match root.optional("classes") {
                Some(classes) => Some(classes.whole_number(2)? as usize),
                None => None,
            },
            data: section("data")?.map(|data| DataPlan::read(&data, folder)).transpose()?,
            template,
            last_layer,
            training: section("training")?
                .map(|section| training::read(&section, &parameters))
                .transpose()?,
            deploy: section("deploy")?
                .map(|deploy| DeployPlan::read(&deploy, boards))
                .transpose()?,
            search: section("search")?
                .map(|search| SearchPlan::read(&search, folder))
                .transpose()?,
            space: parameters.finish()?,
            baseline: None,
        };
        let baseline = section("baseline")?;
        root.finish()?;
        let baseline = match baseline {
            Some(section) => Some((configuration(&section, &file.space)?, section.span())),
            None => None,
        };
        Ok(Self { baseline, ..file })
    }

    /// The file as a study: every section has to be there.
    ///
    /// # Errors
    /// Names the first missing section.
    pub fn into_study(self) -> Result<Study, InputError> {
        let missing = |section: &str, example: &str| {
            self.source.complain(
                0..0,
                format!("[{section}] is missing: this file is not a complete study"),
                "in this file",
                format!("add [{section}], for example:\n{example}"),
            )
        };
        match self.space.size() {
            Some(1) if self.space.parameters().is_empty() => {
                return Err(missing("space", "filters = [8, 16, 32]"));
            }
            _ => {}
        }
        let Some(data) = self.data else {
            return Err(missing(
                "data",
                "reader = \"csv-windows\"\npath = \"data/walking\"\nwindow = 90",
            ));
        };
        let Some(training) = self.training else {
            return Err(missing("training", "epochs = 10\nbatch = 10\noptimizer = \"adam\""));
        };
        let Some(combinations) = self.deploy else {
            return Err(missing(
                "deploy",
                "board = \"stm32f303k8\"\nlimits = { ram_kb = 16, rom_kb = 60 }",
            ));
        };
        let Some(search) = self.search else {
            return Err(missing("search", "searcher = \"svm-cbo\"\ntrials = 100"));
        };
        if combinations.len() > 1 && decides_epochs(&search.searcher) {
            let message =
                format!("{} plans its trials for one board and one compression", search.searcher);
            let help = "choose another searcher, or one board and one compression";
            return Err(self.source.complain(0..0, message, "in this file", help));
        }
        if combinations.len() > 1
            && let Some((_, place)) = &search.warm_start
        {
            let message = "trials of another study are of one board and one compression";
            let help = "leave warm_start out, or choose one board and one compression";
            return Err(self.source.complain(place.clone(), message, "without effect", help));
        }
        if !self.template.chooses_a_class() {
            return Err(self.source.complain(
                self.last_layer,
                "the last layer gives no probability of each class",
                "the last layer",
                "end with dense = { units = \"classes\", activation = \"softmax\" }",
            ));
        }
        Ok(Study {
            name: self.name,
            source: self.source,
            data,
            space: self.space,
            template: self.template,
            training,
            deploy: combinations[0].clone(),
            combinations,
            search,
            baseline: self.baseline,
        })
    }
}

impl Study {
    /// The study of one of its combinations alone.
    pub fn of(&self, combination: usize) -> Self {
        let deploy = self.combinations[combination].clone();
        Self { combinations: vec![deploy.clone()], deploy, ..self.clone() }
    }
}

/// The entry's word if it is one of `names`, else a complaint with the nearest one.
fn one_of<'n>(entry: &Entry<'_>, what: &str, names: &[&'n str]) -> Result<&'n str, InputError> {
    let word = entry.text()?;
    if let Some(name) = names.iter().find(|name| **name == word) {
        return Ok(name);
    }
    let guess = nearest(word, names.iter().copied());
    let guess = guess.map_or(String::new(), |guess| format!("did you mean \"{guess}\"? "));
    Err(entry.unexpected(what, format!("{guess}known: {}", names.join(", "))))
}

/// A study's name is that of its folder, too.
fn file_name(entry: &Entry<'_>) -> Result<String, InputError> {
    let name = entry.text()?;
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
        let expected = "a name of letters, digits, spaces, - _ and .";
        return Err(entry.unexpected(expected, "it becomes the folder runs/NAME"));
    }
    Ok(name.to_string())
}

fn stem(name: &str) -> String {
    Path::new(name).file_stem().map_or("study".into(), |stem| stem.to_string_lossy().into_owned())
}

fn shape(entry: &Entry<'_>) -> Result<Shape, InputError> {
    let wrong = || {
        entry.unexpected(
            "height, width and channels of one sample",
            "for example input = [90, 3, 1]",
        )
    };
    let axes = entry.list().ok_or_else(wrong)?;
    let axes: Vec<usize> =
        axes.iter().map(|axis| Ok(axis.whole_number(1)? as usize)).collect::<Result<_, _>>()?;
    let [height, width, channels] = axes[..] else { return Err(wrong()) };
    let shape = Shape::new(height, width, channels);
    if !shape.is_possible() {
        return Err(entry.complain(
            format!("samples of {shape}: expected at most {COUNT_MAX} values in each"),
            "this shape",
            "write height, width and channels of one sample, for example [90, 3, 1]",
        ));
    }
    Ok(shape)
}

/// `[baseline]`: a setting for every hyperparameter that matters beside the others.
fn configuration(section: &Section<'_>, space: &Space) -> Result<Configuration, InputError> {
    let setting = |(name, entry): (&str, Entry<'_>)| match entry.setting() {
        Some(setting) => Ok((name.to_string(), setting)),
        None => Err(entry.unexpected("a number or a text", "one of its values in [space]")),
    };
    let settings: Vec<(String, Setting)> =
        section.entries().map(setting).collect::<Result<_, _>>()?;
    space.configuration(&settings).map_err(|error| {
        let wrong = match &error {
            SpaceError::Unknown(name) | SpaceError::NotInDomain { parameter: name, .. } => {
                section.entries().find(|(key, _)| key == name)
            }
            _ => None,
        };
        let message = format!("[baseline] is not a configuration of [space]: {error}");
        let cure = "give every hyperparameter one of its values in [space]";
        match wrong {
            Some((_, entry)) => entry.complain(message, "this setting", cure),
            None => section.complain(message, "in this section", cure),
        }
    })
}
