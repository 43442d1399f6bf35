//! A first study file for data that nobody has described: looks at it, and writes a study that fits it and
//! the board. What is written has been read back, split and held against the board before.

mod arrays;
mod columns;
mod look;
mod template;

use std::path::{Component, Path, PathBuf};

use autotinyml_deploy::{Board, Boards, Tools};
use autotinyml_nn::Dataset;

use crate::data::{DataError, Loaded};
use crate::evaluate::{EvaluateError, Evaluator};
use crate::in_print::{class_sizes, grouped};
use crate::prescreen::Prescreen;
use crate::samples::{self, Samples, SamplesError};
use crate::study_file::section::{InputError, SourceText};
use crate::study_file::{DataPlan, Study, StudyFile};
use look::{Sighting, quoted};
use template::{Kind, WIDTHS};

/// What is asked for.
pub struct Wanted<'a> {
    /// The data: a file or a folder.
    pub data: &'a Path,
    /// Where the study file is going to be.
    pub out: &'a Path,
    /// The column with the class, by its title or its number from 1, if the look is not to decide.
    pub label: Option<&'a str>,
    /// The chip.
    pub board: &'a Board,
    /// All that there are.
    pub boards: &'a Boards,
}

/// A study file, and what it was made from.
pub struct Draft {
    /// The file.
    pub text: String,
    /// What was seen and decided, each with its label.
    pub seen: Vec<(&'static str, String)>,
}

/// Why no study could be made.
#[derive(Debug, thiserror::Error)]
pub enum NewStudyError {
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// No split suits the data.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// Not even the smallest networks fit.
    #[error("not even networks of {} filters or units fit the {board}", WIDTHS[2][0])]
    TooSmall {
        /// Title of the board.
        board: String,
    },
    /// A defect: what was written is no study.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A defect of the planner.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

/// Seconds of a window: about two steps of somebody walking.
const WINDOW_SECONDS: f64 = 2.56;
/// Rows of a window, where nobody knows how many there are in a second.
const WINDOW_ROWS: f64 = 64.0;
/// Windows are not made shorter than this to get more of them.
const WINDOW_MIN: usize = 8;
/// Share of the chip's memory that the network may take; the rest is for code, stack, and what else runs.
const MEMORY_SHARE: f64 = 0.75;
/// If one class has so many times the samples of another, all count alike.
const IMBALANCE: usize = 3;
/// More samples than this are trained in larger batches.
const MANY_SAMPLES: usize = 2000;

/// Looks at the data and writes a study.
///
/// # Errors
/// See [`NewStudyError`].
pub fn draft(wanted: &Wanted<'_>) -> Result<Draft, NewStudyError> {
    let sighting = look::look(wanted.data, wanted.label)?;
    let data = Data::find(wanted, &sighting)?;
    let kind = match (sighting.features, sighting.recordings) {
        (true, _) => Kind::Features,
        (_, Some(_)) => Kind::Series,
        _ => Kind::of(data.samples.raw.shape),
    };
    for widths in WIDTHS {
        let text = data.study(wanted, kind, widths);
        let study = parse(wanted, &text)?.into_study()?;
        if fits(&study, &data.samples)? {
            return Ok(Draft { text, seen: data.seen(wanted, &sighting, kind) });
        }
    }
    Err(NewStudyError::TooSmall { board: wanted.board.title.clone() })
}

fn parse(wanted: &Wanted<'_>, text: &str) -> Result<StudyFile, InputError> {
    let name = wanted.out.display().to_string();
    StudyFile::parse(&SourceText { name, text: text.to_owned() }, wanted.boards)
}

/// Whether some configuration does.
fn fits(study: &Study, samples: &Samples) -> Result<bool, EvaluateError> {
    let tools = Tools::default();
    let evaluator = Evaluator::new(study, samples, &tools);
    let prescreen = Prescreen::by_arithmetic(&evaluator)?;
    Ok(prescreen.deployable().is_some_and(|deployable| deployable.within_limits > 0))
}

/// Data that can be read and split.
struct Data {
    /// `[data]`
    section: String,
    samples: Samples,
    /// Rows, and how many there are in a second.
    window: Option<(usize, Option<f64>)>,
    split: Split,
}

/// How the test part and the folds are told apart.
#[derive(Clone)]
struct Split {
    /// As in the file.
    text: String,
    because: &'static str,
}

impl Data {
    /// The longest window and the strictest split that the data is enough for.
    fn find(wanted: &Wanted<'_>, sighting: &Sighting) -> Result<Self, NewStudyError> {
        let Some(rate_hz) = sighting.recordings else {
            return Self::with_window(wanted, sighting, None);
        };
        let rows = rate_hz.map_or(WINDOW_ROWS, |rate| rate * WINDOW_SECONDS);
        let longest = (8.0 * (rows / 8.0).round()).clamp(2.0 * WINDOW_MIN as f64, 256.0) as usize;
        let windows = std::iter::successors(Some(longest), |rows| Some(rows / 2));
        let mut first = None;
        for rows in windows.take_while(|&rows| rows >= WINDOW_MIN) {
            match Self::with_window(wanted, sighting, Some((rows, rate_hz))) {
                Ok(data) => return Ok(data),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.expect("there is a window to try"))
    }

    fn with_window(
        wanted: &Wanted<'_>,
        sighting: &Sighting,
        window: Option<(usize, Option<f64>)>,
    ) -> Result<Self, NewStudyError> {
        let any = Split { text: String::new(), because: "" };
        let plan = plan(wanted, &section(wanted, sighting, window, &any))?;
        let Loaded { dataset, .. } = samples::read(&plan.reader)?;
        let mut first = None;
        for split in splits(&dataset) {
            let section = section(wanted, sighting, window, &split);
            match Samples::load(&self::plan(wanted, &section)?, None, 0) {
                Ok(samples) => return Ok(Self { section, samples, window, split }),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.expect("there is a split to try").into())
    }

    /// The whole file.
    fn study(&self, wanted: &Wanted<'_>, kind: Kind, widths: &[usize]) -> String {
        let Self { section, samples, .. } = self;
        let (name, out) = (name(wanted.out), wanted.out.display());
        let network = template::network(kind, samples.raw.shape, widths);
        let batch = if samples.raw.len() > MANY_SAMPLES { 32 } else { 16 };
        let (ram_kb, rom_kb) = memory_kb(wanted.board);
        let (board, title) = (&wanted.board.name, &wanted.board.title);
        let goal = match is_lopsided(samples) {
            true => {
                "goal     = \"balanced-accuracy\"      # rare classes count as much as the others\n"
            }
            false => "",
        };
        format!(
            r#"# {kind}
#
#   autotinyml optimize {out}
#
# docs/study-file.md tells of every key.
name = {name}

{section}
{network}
[training]
epochs        = 20
batch         = {batch}
optimizer     = "adam"
learning_rate = "$learning_rate"

[deploy]
board       = "{board}"{pad}# {title}; others: autotinyml boards
# Three quarters of the chip's memory; the rest is for code, stack and the rest of your program.
limits      = {{ ram_kb = {ram_kb}, rom_kb = {rom_kb}, cross_accuracy = 0.95 }}
compression = "x1"                  # "x8-all": weights in as little as an eighth

[search]
searcher = "cbo"
trials   = 50                       # more find more
{goal}early_stopping = {{ rule = "successive-halving" }}   # bad trials end early
"#,
            kind = format_args!("Each sample is {}.", kind.name()),
            name = quoted(&name),
            pad = " ".repeat(20_usize.saturating_sub(board.len())),
        )
    }

    /// For people.
    fn seen(
        &self,
        wanted: &Wanted<'_>,
        sighting: &Sighting,
        kind: Kind,
    ) -> Vec<(&'static str, String)> {
        let Samples { raw, .. } = &self.samples;
        let what = match self.window {
            Some((rows, Some(rate))) => format!(
                ": windows of {rows} rows, {:.1} s at about {rate:.0} rows a second, each with half of the \
                 one before it",
                rows as f64 / rate
            ),
            Some((rows, None)) => {
                format!(": windows of {rows} rows, each with half of the one before it")
            }
            None => String::new(),
        };
        let classes = &self.samples.summary.classes;
        let (ram_kb, rom_kb) = memory_kb(wanted.board);
        let mut seen = vec![
            ("data", format!("{}: {}", wanted.data.display(), sighting.what)),
            ("samples", format!("{} of {}{what}", grouped(raw.len()), raw.shape)),
            ("classes", format!("{} ({})", classes.len(), class_sizes(classes))),
            ("split", self.split.because.to_owned()),
            ("network", kind.name().to_owned()),
            (
                "board",
                format!(
                    "{}: {ram_kb} KB of RAM and {rom_kb} KB of flash for the network",
                    wanted.board.title
                ),
            ),
        ];
        if let Some(groups) = &raw.groups {
            let names: Vec<&str> = groups.names.iter().take(8).map(String::as_str).collect();
            let more = if groups.names.len() > names.len() { ", …" } else { "" };
            let text = format!("{}: {}{more}", groups.names.len(), names.join(", "));
            seen.insert(3, ("groups", text));
        }
        if is_lopsided(&self.samples) {
            let text = "some classes are rare: the study searches for balanced accuracy";
            seen.push(("note", text.to_owned()));
        }
        seen.extend(sighting.remarks.iter().map(|remark| ("note", remark.clone())));
        let cautions = self.samples.summary.cautions.iter();
        seen.extend(cautions.map(|caution| ("caution", caution.clone())));
        seen
    }
}

/// `[data]` of a text, as far as a reader needs it.
fn plan(wanted: &Wanted<'_>, section: &str) -> Result<DataPlan, InputError> {
    const ANY_NETWORK: &str =
        "[[network]]\ndense = { units = \"classes\", activation = \"softmax\" }\n";
    let file = parse(wanted, &format!("{section}\n{ANY_NETWORK}"))?;
    Ok(file.data.expect("the text has a section [data]"))
}

fn section(
    wanted: &Wanted<'_>,
    sighting: &Sighting,
    window: Option<(usize, Option<f64>)>,
    split: &Split,
) -> String {
    let mut lines = sighting.settings.clone();
    let path = relative(wanted.data, wanted.out);
    lines.insert(1, ("path", quoted(&path), "from this file's own folder".into()));
    if let Some((rows, rate_hz)) = window {
        let seconds = rate_hz.map(|rate| format!(": {:.1} s", rows as f64 / rate));
        lines.push(("window", rows.to_string(), format!("rows{}", seconds.unwrap_or_default())));
        lines.push((
            "step",
            (rows / 2).to_string(),
            "each window has half of the one before".into(),
        ));
    }
    if !split.text.is_empty() {
        lines.push(("split", split.text.clone(), split.because.to_owned()));
    }
    let longest = lines.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
    let line = |(key, value, because): (&str, String, String)| {
        let setting = format!("{key:longest$} = {value}");
        format!("{setting:<35} # {because}\n")
    };
    "[data]\n".to_owned() + &lines.into_iter().map(line).collect::<String>()
}

/// Splits to try, the strictest first.
fn splits(data: &Dataset) -> Vec<Split> {
    let part = |group: &&String| {
        ["test", "t10k", "testing"].iter().any(|name| {
            let group = group.to_lowercase();
            group == *name || group.ends_with(&format!("_{name}"))
        })
    };
    let groups = data.groups.as_ref().map_or(&[][..], |groups| &groups.names);
    let published = groups.iter().find(part).filter(|_| groups.len() <= 3);
    let split = |test: &str, k_fold: usize, by: &str, because| Split {
        text: format!("{{ test = {test}, k_fold = {k_fold}, by = \"{by}\" }}"),
        because,
    };
    let mut splits = vec![];
    for k_fold in [3, 2] {
        match (published, &data.spans) {
            (Some(test), None) => {
                let test = format!("[{}]", quoted(test));
                let because = "the part that is called so is the test";
                splits.push(split(&test, k_fold, "stratified", because));
            }
            (None, _) if groups.len() >= 4 => {
                splits.push(split("0.2", k_fold, "group", "tested on groups never trained on"));
            }
            _ => {}
        }
    }
    for k_fold in [3, 2] {
        splits.push(match data.spans {
            Some(_) => split("0.2", k_fold, "block", "tested on another stretch of time"),
            None => split("0.2", k_fold, "stratified", "a fifth of each class is the test"),
        });
    }
    splits
}

/// RAM and flash for the network, in KB of 1000 bytes.
fn memory_kb(board: &Board) -> (f64, f64) {
    let kb = |bytes: usize| {
        let share = MEMORY_SHARE * bytes as f64 / 1000.0;
        if share >= 10.0 { share.floor() } else { (10.0 * share).floor() / 10.0 }
    };
    let ram = board.ram().map(|region| region.length_bytes).sum();
    let flash = board.flash().map(|region| region.length_bytes).sum();
    (kb(ram), kb(flash))
}

fn is_lopsided(samples: &Samples) -> bool {
    let counts = samples.raw.samples_per_class();
    let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
    *most > IMBALANCE * *least
}

/// Letters, digits, - and _ of a file's stem.
fn name(out: &Path) -> String {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let allowed = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
    stem.chars().map(allowed).collect()
}

/// The path of the data from the folder of the study file.
fn relative(data: &Path, out: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (data, out) = (absolute(data), absolute(out));
    let folder = out.parent().unwrap_or(Path::new("/"));
    let common = data.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().count() - common;
    let rest = data.components().skip(common);
    let path: PathBuf = if up <= 2 {
        (0..up).map(|_| Component::ParentDir).chain(rest).collect()
    } else {
        data.clone()
    };
    if path.as_os_str().is_empty() { ".".into() } else { path.display().to_string() }
}
