//! `[data]`, `[deploy]` and `[search]`: where samples come from, what a network must fit, how to
//! search.

use std::ops::Range;
use std::path::{Path, PathBuf};

use autotinyml_deploy::{Accounting, Board, Compression, Limits};
use autotinyml_nn::SplitBy;
use autotinyml_search::{CATALOGUE, SearcherOptions, Surrogate, Variant};

use super::section::{Entry, InputError, Section, nearest};
use crate::evidence::Evidence;

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
    /// t − parallel, so that results don't depend on the number of workers.
    pub parallel: usize,
    /// What the searcher is told of a trial's limits.
    pub evidence: Evidence,
    /// The searcher's own settings.
    pub options: SearcherOptions,
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
    pub(super) fn read(section: &Section<'_>, folder: &Path) -> Result<Self, InputError> {
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
    pub(super) fn read(section: &Section<'_>) -> Result<Self, InputError> {
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
                let kinds = ["random", "stratified", "block", "group"];
                match one_of(&entry, "a kind of split", &kinds)? {
                    "random" => SplitBy::Random,
                    "block" => SplitBy::Block,
                    "group" => SplitBy::Group,
                    _ => SplitBy::Stratified,
                }
            }
        };
        section.finish()?;
        Ok(Self { test, k_fold, by })
    }
}

impl DeployPlan {
    pub(super) fn read(section: &Section<'_>) -> Result<Self, InputError> {
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
    pub(super) fn read(section: &Section<'_>) -> Result<Self, InputError> {
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
