//! The study file: what a user writes, checked line by line before anything runs.

mod network;
pub mod section;
mod space;
#[cfg(test)]
mod tests;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use autotinyml_deploy::{Accounting, Board, Compression, Limits};
use autotinyml_nn::{Shape, SplitBy};
use autotinyml_search::{CATALOGUE, Configuration, SearcherOptions, Setting, Space};

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
    /// `[deploy]`
    pub deploy: Option<DeployPlan>,
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
    /// What a network must fit.
    pub deploy: DeployPlan,
    /// How to search.
    pub search: SearchPlan,
    /// A fixed configuration to compare with, and where it stands in the file, in bytes.
    pub baseline: Option<(Configuration, Range<usize>)>,
}

/// `[data]`
#[derive(Clone, Debug, PartialEq)]
pub struct DataPlan {
    /// How to read it.
    pub reader: Reader,
    /// How to split it.
    pub split: SplitPlan,
    /// Where that stands in the file, in bytes.
    pub split_place: Range<usize>,
}

/// `data.reader` and its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Reader {
    /// A folder, one file per class: time, channels …
    CsvWindows {
        /// The folder.
        path: PathBuf,
        /// Rows per window.
        window: usize,
        /// Rows from one window's start to the next one's.
        step: usize,
    },
    /// The UCI handwritten digits, built in.
    Digits,
}

/// `data.split`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitPlan {
    /// Share of the samples kept for the test at the end.
    pub test: f64,
    /// Folds of the rest that a trial's accuracy is the mean of.
    pub k_fold: usize,
    /// How samples are told apart.
    pub by: SplitBy,
}

/// `[deploy]`
#[derive(Clone, Debug, PartialEq)]
pub struct DeployPlan {
    /// The chip.
    pub board: &'static Board,
    /// What a network may take.
    pub limits: Limits,
    /// How weights are stored.
    pub compression: Compression,
    /// When a configuration that cannot fit is refused.
    pub check: Check,
}

/// `deploy.check`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// What follows from the configuration is checked first: nothing is trained that cannot fit.
    BeforeTraining,
    /// The talk's black box: every configuration is trained, the searcher sees only the label.
    AfterTraining,
}

/// `[search]`
#[derive(Clone, Debug, PartialEq)]
pub struct SearchPlan {
    /// As in `autotinyml searchers`.
    pub searcher: String,
    /// How many configurations are tried.
    pub trials: usize,
    /// Decides every random number of the study.
    pub seed: u64,
    /// Trials that may run at once. Trial t is suggested from the outcomes of the trials up to
    /// t − parallel, so that results don't depend on the number of workers.
    pub parallel: usize,
    /// The searcher's own settings.
    pub options: SearcherOptions,
}

/// A study file that cannot be read at all.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read {}: {error}", path.display())]
#[diagnostic(help("expected the path of a study file, such as examples/walking-tiny.toml"))]
pub struct Unreadable {
    path: PathBuf,
    error: std::io::Error,
}

/// The text of a file.
///
/// # Errors
/// It is missing or not text.
pub fn read_text(path: &Path) -> Result<SourceText, Unreadable> {
    let text =
        fs::read_to_string(path).map_err(|error| Unreadable { path: path.to_owned(), error })?;
    Ok(SourceText { name: path.display().to_string(), text })
}

impl StudyFile {
    /// Reads and checks a file. A relative `data.path` counts from the file's own folder.
    ///
    /// # Errors
    /// The first mistake, with its place and cure.
    pub fn parse(source: &SourceText) -> Result<Self, InputError> {
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
                .map(|training| training_template(&training, &parameters))
                .transpose()?,
            deploy: section("deploy")?.map(|deploy| DeployPlan::read(&deploy)).transpose()?,
            search: section("search")?.map(|search| SearchPlan::read(&search)).transpose()?,
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
        let Some(deploy) = self.deploy else {
            return Err(missing(
                "deploy",
                "board = \"stm32f303k8\"\nlimits = { ram_kb = 16, rom_kb = 60 }",
            ));
        };
        let Some(search) = self.search else {
            return Err(missing("search", "searcher = \"svm-cbo\"\ntrials = 100"));
        };
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
            deploy,
            search,
            baseline: self.baseline,
        })
    }
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
    match axes[..] {
        [height, width, channels] => Ok(Shape::new(height, width, channels)),
        _ => Err(wrong()),
    }
}

fn training_template(
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<TrainingTemplate, InputError> {
    let rate = section.optional("learning_rate");
    let template = TrainingTemplate {
        epochs: parameters.slot(&section.required("epochs", "epochs = 10")?)?,
        batch: parameters.slot(&section.required("batch", "batch = 10")?)?,
        optimizer: parameters.slot(&section.required("optimizer", "optimizer = \"adam\"")?)?,
        learning_rate: rate.map(|rate| parameters.slot(&rate)).transpose()?,
    };
    section.finish()?;
    Ok(template)
}

/// `[baseline]`: a setting for every hyperparameter.
fn configuration(section: &Section<'_>, space: &Space) -> Result<Configuration, InputError> {
    let mut settings: Vec<(String, Setting)> = vec![];
    let mut last = None;
    for (name, entry) in section.entries() {
        let setting = entry.setting().ok_or_else(|| {
            entry.unexpected("a number or a text", "one of its values in [space]")
        })?;
        settings.push((name.to_string(), setting));
        last = Some(entry);
    }
    space.configuration(&settings).map_err(|error| match last {
        Some(entry) => entry.complain(
            format!("[baseline] is not a configuration of [space]: {error}"),
            "in this section",
            "give every hyperparameter one of its values in [space]",
        ),
        None => section.required("a hyperparameter", "filters = 16").map(|_| ()).unwrap_err(),
    })
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

impl DataPlan {
    fn read(section: &Section<'_>, folder: &Path) -> Result<Self, InputError> {
        let reader = section.required("reader", "reader = \"csv-windows\"")?;
        let reader = match one_of(&reader, "a reader", &["csv-windows", "digits"])? {
            "digits" => Reader::Digits,
            _ => {
                let window = section.required("window", "window = 90")?.whole_number(1)? as usize;
                Reader::CsvWindows {
                    path: folder.join(section.required("path", "path = \"data/walking\"")?.text()?),
                    window,
                    step: match section.optional("step") {
                        Some(step) => step.whole_number(1)? as usize,
                        None => window,
                    },
                }
            }
        };
        let split = section.optional("split");
        let split_place = split.as_ref().map_or(section.span(), Entry::span);
        let split = match split {
            Some(split) => SplitPlan::read(&split.section()?)?,
            None => SplitPlan { test: 0.2, k_fold: 3, by: SplitBy::Stratified },
        };
        section.finish()?;
        Ok(Self { reader, split, split_place })
    }
}

impl SplitPlan {
    fn read(section: &Section<'_>) -> Result<Self, InputError> {
        let test = match section.optional("test") {
            None => 0.2,
            Some(entry) => match entry.number()? {
                share if share > 0.0 && share < 1.0 => share,
                _ => return Err(entry.unexpected("a share between 0 and 1", "0.2 keeps a fifth")),
            },
        };
        let k_fold = match section.optional("k_fold") {
            None => 3,
            Some(entry) => entry.whole_number(2)? as usize,
        };
        let by = match section.optional("by") {
            None => SplitBy::Stratified,
            Some(entry) => {
                match one_of(&entry, "a kind of split", &["random", "stratified", "block"])? {
                    "random" => SplitBy::Random,
                    "block" => SplitBy::Block,
                    _ => SplitBy::Stratified,
                }
            }
        };
        section.finish()?;
        Ok(Self { test, k_fold, by })
    }
}

impl DeployPlan {
    fn read(section: &Section<'_>) -> Result<Self, InputError> {
        let boards: Vec<&str> =
            Board::catalogue().iter().map(|board| board.name.as_str()).collect();
        let entry = section.required("board", "board = \"stm32f303k8\"")?;
        let board = one_of(&entry, "a board (see `autotinyml boards`)", &boards)?;
        let accounting = match section.optional("accounting") {
            Some(entry) if one_of(&entry, "a way to count", &["st", "elf"])? == "elf" => {
                Accounting::Elf
            }
            _ => Accounting::St,
        };
        let limits = section.required("limits", "limits = { ram_kb = 16, rom_kb = 60 }")?;
        let compression = match section.optional("compression") {
            None => Compression::X1,
            Some(entry) => one_of(&entry, "a compression", &["x1", "x4", "x8"])?
                .parse()
                .expect("every name in the list is one"),
        };
        let check = match section.optional("check") {
            Some(entry)
                if one_of(&entry, "when to check", &["before-training", "after-training"])?
                    == "after-training" =>
            {
                Check::AfterTraining
            }
            _ => Check::BeforeTraining,
        };
        let plan = Self {
            board: Board::named(board).expect("it is in the catalogue"),
            limits: read_limits(&limits.section()?, accounting)?,
            compression,
            check,
        };
        section.finish()?;
        Ok(plan)
    }
}

fn read_limits(section: &Section<'_>, accounting: Accounting) -> Result<Limits, InputError> {
    let kilobytes = |key| {
        let entry = section.optional(key);
        entry.map(|entry| positive(&entry).map(|kb| (kb * 1000.0).round() as usize)).transpose()
    };
    let limits = Limits {
        ram_bytes: kilobytes("ram_kb")?,
        rom_bytes: kilobytes("rom_kb")?,
        macc: section.optional("macc").map(|entry| entry.whole_number(1)).transpose()?,
        cross_accuracy: match section.optional("cross_accuracy") {
            None => None,
            Some(entry) => match entry.number()? {
                share if (0.0..=1.0).contains(&share) => Some(share),
                _ => return Err(entry.unexpected("a share from 0 to 1", "95 % is 0.95")),
            },
        },
        accounting,
    };
    section.finish()?;
    Ok(limits)
}

fn positive(entry: &Entry<'_>) -> Result<f64, InputError> {
    match entry.number()? {
        number if number > 0.0 => Ok(number),
        _ => Err(entry.unexpected("more than 0", "leave it out if there is no limit")),
    }
}

/// Settings of `svm-cbo`.
fn searcher_options(section: &Section<'_>) -> Result<SearcherOptions, InputError> {
    let mut options = SearcherOptions::default();
    let svm_cbo = &mut options.svm_cbo;
    if let Some(entry) = section.optional("initial") {
        svm_cbo.initial_trials = Some(entry.whole_number(1)? as usize);
    }
    if let Some(entry) = section.optional("phase_1") {
        svm_cbo.boundary_share = match entry.number()? {
            share if (0.0..=1.0).contains(&share) => share,
            _ => return Err(entry.unexpected("a share from 0 to 1", "the default is 0.6667")),
        };
    }
    if let Some(entry) = section.optional("beta") {
        svm_cbo.beta = match entry.number()? {
            beta if beta >= 0.0 => beta,
            _ => return Err(entry.unexpected("at least 0", "the default is 1.96")),
        };
    }
    Ok(options)
}

impl SearchPlan {
    fn read(section: &Section<'_>) -> Result<Self, InputError> {
        let searchers: Vec<&str> = CATALOGUE.iter().map(|(name, _)| *name).collect();
        let searcher = match section.optional("searcher") {
            Some(entry) => one_of(&entry, "a searcher (see `autotinyml searchers`)", &searchers)?,
            None => "svm-cbo",
        };
        let number = |key, least, default| match section.optional(key) {
            Some(entry) => entry.whole_number(least),
            None => Ok(default),
        };
        let plan = Self {
            searcher: searcher.to_string(),
            trials: number("trials", 1, 100)? as usize,
            seed: number("seed", 0, 0)?,
            parallel: number("parallel", 1, 4)? as usize,
            options: searcher_options(section)?,
        };
        section.finish()?;
        Ok(plan)
    }
}
