//! `[deploy]` and `[search]`: what a network must fit, how to search.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use autotinyml_deploy::{Accounting, Board, Boards, Compression, Limits};
use autotinyml_nn::Metric;
use autotinyml_search::{CATALOGUE, SearcherOptions, Surrogate, Variant};

use super::one_of;
use super::section::{Entry, InputError, Section, SourceText, nearest};
use crate::early_stopping::{EarlyStopping, Rule};
use crate::evidence::Evidence;

/// `[deploy]`
#[derive(Clone, Debug, PartialEq)]
pub struct DeployPlan {
    /// The chip.
    pub board: Board,
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
    /// The talk's black box: every configuration is trained, and what it takes is seen afterwards.
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
    /// t − parallel, so that results don't depend on the number of workers. None: the workers of the
    /// study's first run.
    pub parallel: Option<usize>,
    /// A trial that takes longer is stopped.
    pub trial_time_limit: Option<Duration>,
    /// When bad trials are stopped. None: all train to the end.
    pub early_stopping: Option<EarlyStopping>,
    /// A study's folder, with whose trials this one begins; and where that stands in the file.
    pub warm_start: Option<(PathBuf, Range<usize>)>,
    /// Settings of searchers that this one does not read.
    pub unread: Vec<&'static str>,
    /// What the search wants more of.
    pub goal: Metric,
    /// What the searcher is told of a trial's limits.
    pub evidence: Evidence,
    /// The searcher's own settings.
    pub options: SearcherOptions,
}

/// Whether a searcher gives most trials fewer epochs than a full training.
pub fn decides_epochs(searcher: &str) -> bool {
    matches!(searcher, "hyperband" | "bohb")
}

impl EarlyStopping {
    /// A value of `search.early_stopping`; `name` is where it stands.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse(value: &str, name: &str) -> Result<Self, InputError> {
        let text = format!("early_stopping = {value}");
        let source = SourceText { name: name.to_owned(), text };
        let document = source.parse()?;
        let root = Section::root(&source, &document);
        let stopping = early_stopping(&root.required("early_stopping", "")?)?;
        root.finish()?;
        Ok(stopping)
    }
}

impl DeployPlan {
    /// Short, and good for a folder: `stm32f303k8-x4`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.board.name, self.compression)
    }

    /// One for each combination of a board and a compression, the boards in order and for each the
    /// compressions; one at least.
    pub(super) fn read(section: &Section<'_>, boards: &Boards) -> Result<Vec<Self>, InputError> {
        let chosen = read_boards(section, boards)?;
        let accounting = match section.optional("accounting") {
            Some(entry) if one_of(&entry, "a way to count", &["st", "elf"])? == "elf" => {
                Accounting::Elf
            }
            _ => Accounting::St,
        };
        let limits = section.required("limits", "limits = { ram_kb = 16, rom_kb = 60 }")?;
        let limits = limits.section()?;
        let common = read_limits(&limits, accounting)?;
        let compressions = match section.optional("compression") {
            None => vec![Compression::X1],
            Some(entry) => each(&entry, &|entry: &Entry<'_>| {
                let names = Compression::ALL.map(Compression::name);
                let name = one_of(entry, "a compression", &names)?;
                Ok(name.parse().expect("every name in the list is one"))
            })?,
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
        let mut plans = vec![];
        for board in &chosen {
            let own = match chosen.len() {
                1 => None,
                _ => limits.optional(&board.name),
            };
            let limits = match own {
                None => common,
                Some(own) => {
                    let own = own.section()?;
                    let limits = own_or_common(read_limits(&own, accounting)?, &common);
                    own.finish()?;
                    limits
                }
            };
            let plan = |&compression| Self { board: board.clone(), limits, compression, check };
            plans.extend(compressions.iter().map(plan));
        }
        limits.finish()?;
        section.finish()?;
        Ok(plans)
    }
}

/// What a function makes of an entry, or of each of a list, no two the same.
fn each<'a, T: PartialEq>(
    entry: &Entry<'a>,
    read: &dyn Fn(&Entry<'a>) -> Result<T, InputError>,
) -> Result<Vec<T>, InputError> {
    let Some(list) = entry.list() else { return Ok(vec![read(entry)?]) };
    let mut all = vec![];
    for entry in &list {
        let one = read(entry)?;
        if all.contains(&one) {
            return Err(entry.unexpected("each of them once", "leave it out"));
        }
        all.push(one);
    }
    match all.is_empty() {
        true => Err(entry.unexpected("one at least", "write it into the list")),
        false => Ok(all),
    }
}

/// `board`, or `boards`.
fn read_boards(section: &Section<'_>, boards: &Boards) -> Result<Vec<Board>, InputError> {
    let entry = match section.optional("boards") {
        Some(entry) if section.optional("board").is_some() => {
            return Err(entry.complain(
                "`deploy.board` is there, too",
                "names boards a second time",
                "put all of them into boards = [\"…\", \"…\"], and leave board out",
            ));
        }
        Some(entry) => entry,
        None => section.required("board", "board = \"stm32f303k8\"")?,
    };
    each(&entry, &|entry: &Entry<'_>| {
        let name = entry.text()?;
        boards.named(name).cloned().ok_or_else(|| {
            let guess = nearest(name, boards.names().into_iter());
            let guess = guess.map_or(String::new(), |guess| format!("did you mean \"{guess}\"? "));
            let cure = format!("{guess}boards of your own are added by --boards DIR");
            entry.unexpected("a board (see `autotinyml boards`)", cure)
        })
    })
}

fn read_limits(section: &Section<'_>, accounting: Accounting) -> Result<Limits, InputError> {
    let kilobytes = |key| {
        let entry = section.optional(key);
        entry.map(|entry| positive(&entry).map(|kb| (kb * 1000.0).round() as usize)).transpose()
    };
    Ok(Limits {
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
    })
}

/// A board's own limits, and the common ones where it has none.
fn own_or_common(own: Limits, common: &Limits) -> Limits {
    Limits {
        ram_bytes: own.ram_bytes.or(common.ram_bytes),
        rom_bytes: own.rom_bytes.or(common.rom_bytes),
        macc: own.macc.or(common.macc),
        cross_accuracy: own.cross_accuracy.or(common.cross_accuracy),
        accounting: common.accounting,
    }
}

fn positive(entry: &Entry<'_>) -> Result<f64, InputError> {
    match entry.number()? {
        number if number > 0.0 => Ok(number),
        _ => Err(entry.unexpected("more than 0", "leave it out if there is no limit")),
    }
}

fn seconds(entry: Entry<'_>) -> Result<Duration, InputError> {
    let duration = Duration::try_from_secs_f64(entry.number()?).ok();
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| {
        entry.unexpected("seconds, more than 0", "leave it out if trials may take any time")
    })
}

/// The settings of searchers, and who reads each.
const READERS: [(&str, &[&str]); 6] = [
    ("initial", &["svm-cbo", "bayes"]),
    ("phase_1", &["svm-cbo"]),
    ("beta", &["svm-cbo", "bayes"]),
    ("surrogate", &["svm-cbo"]),
    ("variant", &["svm-cbo"]),
    ("eta", &["hyperband", "bohb"]),
];

/// No mistake: `compare` gives one file to several searchers.
fn unread(section: &Section<'_>, searcher: &str) -> Vec<&'static str> {
    let idle = READERS.into_iter().filter(|(_, readers)| !readers.contains(&searcher));
    idle.map(|(key, _)| key).filter(|key| section.optional(key).is_some()).collect()
}

fn early_stopping(entry: &Entry<'_>) -> Result<EarlyStopping, InputError> {
    let section = entry.section()?;
    let rule = section.required("rule", "rule = \"median\"")?;
    let [eta, chance] = ["eta", "chance"].map(|key| section.optional(key));
    let name = one_of(&rule, "a rule", &["median", "successive-halving", "prediction"])?;
    for (entry, of) in [(&eta, "successive-halving"), (&chance, "prediction")] {
        if let Some(entry) = entry.as_ref().filter(|_| name != of) {
            return Err(entry.without_effect(of, &rule));
        }
    }
    let rule = match name {
        "median" => Rule::Median,
        "successive-halving" => {
            Rule::SuccessiveHalving { eta: eta.map_or(Ok(2), |eta| eta.whole_number(2))? as usize }
        }
        _ => Rule::Prediction { chance: chance.map_or(Ok(0.1), |chance| a_chance(&chance))? },
    };
    let first = match section.optional("first") {
        Some(first) => first.whole_number(1)? as usize,
        None => 2,
    };
    section.finish()?;
    Ok(EarlyStopping { rule, first })
}

/// Above 0, below ½.
fn a_chance(entry: &Entry<'_>) -> Result<f64, InputError> {
    match entry.number()? {
        chance if chance > 0.0 && chance < 0.5 => Ok(chance),
        _ => Err(entry.unexpected("a chance above 0 and below 0.5", "the default is 0.1")),
    }
}

fn warm_start(
    entry: &Entry<'_>,
    searcher: &str,
    stops: bool,
    folder: &Path,
) -> Result<(PathBuf, Range<usize>), InputError> {
    if stops {
        return Err(entry.complain(
            "early_stopping holds trials against the curves of earlier ones of the same study",
            "it cannot begin with the trials of another study",
            "leave warm_start or early_stopping out",
        ));
    }
    if decides_epochs(searcher) {
        return Err(entry.complain(
            format!("{searcher} plans short trainings from its first trial on"),
            "it cannot begin with the trials of another study",
            "leave warm_start out, or choose another searcher",
        ));
    }
    Ok((folder.join(entry.text()?), entry.span()))
}

/// Settings of searchers.
fn searcher_options(section: &Section<'_>) -> Result<SearcherOptions, InputError> {
    let mut options = SearcherOptions::default();
    let SearcherOptions { svm_cbo, bayes, hyperband, bohb } = &mut options;
    if let Some(entry) = section.optional("eta") {
        hyperband.eta = entry.whole_number(2)? as usize;
        bohb.eta = hyperband.eta;
    }
    if let Some(entry) = section.optional("initial") {
        svm_cbo.initial_trials = Some(entry.whole_number(1)? as usize);
        bayes.initial_trials = svm_cbo.initial_trials;
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
        bayes.beta = svm_cbo.beta;
    }
    if let Some(entry) = section.optional("surrogate") {
        svm_cbo.surrogate = match one_of(&entry, "a surrogate", &["gp", "forest"])? {
            "forest" => Surrogate::Forest,
            _ => Surrogate::Gp,
        };
    }
    if let Some(entry) = section.optional("variant") {
        svm_cbo.variant = match one_of(&entry, "a variant", &["published", "repaired"])? {
            "published" => Variant::Published,
            _ => Variant::Repaired,
        };
    }
    Ok(options)
}

impl SearchPlan {
    /// A relative `warm_start` counts from `folder`.
    pub(super) fn read(section: &Section<'_>, folder: &Path) -> Result<Self, InputError> {
        let searchers: Vec<&str> = CATALOGUE.iter().map(|(name, _)| *name).collect();
        let searcher = match section.optional("searcher") {
            Some(entry) => one_of(&entry, "a searcher (see `autotinyml searchers`)", &searchers)?,
            None => "svm-cbo",
        };
        let number = |key, least, default| match section.optional(key) {
            Some(entry) => entry.whole_number(least),
            None => Ok(default),
        };
        let early_stopping = match section.optional("early_stopping") {
            Some(entry) if decides_epochs(searcher) => {
                return Err(entry.complain(
                    format!("{searcher} itself decides which trials train for how many epochs"),
                    "no trial can be stopped on top of that",
                    "leave early_stopping out, or choose another searcher",
                ));
            }
            Some(entry) => Some(early_stopping(&entry)?),
            None => None,
        };
        let plan = Self {
            searcher: searcher.to_string(),
            trials: number("trials", 1, 100)? as usize,
            seed: number("seed", 0, 0)?,
            parallel: match section.optional("parallel") {
                Some(entry) => Some(entry.whole_number(1)? as usize),
                None => None,
            },
            trial_time_limit: section.optional("trial_time_limit").map(seconds).transpose()?,
            early_stopping,
            warm_start: match section.optional("warm_start") {
                Some(entry) => {
                    Some(warm_start(&entry, searcher, early_stopping.is_some(), folder)?)
                }
                None => None,
            },
            unread: unread(section, searcher),
            goal: match section.optional("goal") {
                None => Metric::Accuracy,
                Some(entry) => {
                    let name = one_of(&entry, "a goal", &Metric::ALL.map(Metric::name))?;
                    Metric::ALL.into_iter().find(|metric| metric.name() == name).unwrap_or_default()
                }
            },
            evidence: match section.optional("evidence") {
                Some(entry)
                    if one_of(&entry, "what a searcher sees", &["values", "labels"])?
                        == "labels" =>
                {
                    Evidence::Labels
                }
                _ => Evidence::Values,
            },
            options: searcher_options(section)?,
        };
        section.finish()?;
        Ok(plan)
    }
}
