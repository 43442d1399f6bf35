//! What was found, what is allowed and the baseline, figure by figure.

use autotinyml_deploy::{Accounting, Footprint, Limits, RegionUse};
use autotinyml_nn::Metric;
use autotinyml_search::Setting;

use crate::in_print::{grouped, kilobytes, percent, percent_at_least, setting};
use crate::record::{Finalist, Summary};

/// A figure of one network, in print.
#[derive(Default)]
pub struct Figure {
    /// None: not measured, or the network has no such thing.
    pub text: Option<String>,
    /// None: there is no limit, or no figure.
    pub within_limit: Option<bool>,
}

/// A line of the comparison between what was found, what is allowed, and the baseline.
pub struct Row {
    /// What is compared.
    pub label: String,
    /// Of the best network.
    pub found: Figure,
    /// In print.
    pub limit: Option<String>,
    /// Of the baseline.
    pub baseline: Figure,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
        }
    }

    fn print(self, print: fn(f64) -> String) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {}", print(limit)),
            Self::AtLeast(limit) => format!("≥ {}", print(limit)),
        }
    }
}

/// Found, limit and baseline side by side, in three parts: hyperparameters, accuracies, and what the
/// network takes of the chip.
pub fn comparison(summary: &Summary) -> [Vec<Row>; 3] {
    let accuracy = |label: &str, figure: fn(&Finalist) -> f64| {
        row(summary, label.to_owned(), percent, None, |finalist| Some(figure(finalist)))
    };
    let mut accuracies = vec![
        accuracy("validation accuracy", |f| f.validation_accuracy),
        accuracy("test accuracy, float network", |f| f.test_accuracy),
        accuracy("test accuracy, as deployed", |f| f.deployed_accuracy),
    ];
    if summary.goal != Metric::Accuracy {
        let label = format!("validation {}", summary.goal.title());
        let figure = |finalist: &Finalist| finalist.validation_goal;
        accuracies.insert(0, row(summary, label, percent, None, figure));
    }
    for metric in [Metric::BalancedAccuracy, Metric::MacroF1] {
        let label = format!("test {}, as deployed", metric.title());
        let figure = |finalist: &Finalist| finalist.deployed_score(metric);
        accuracies.push(row(summary, label, percent, None, figure));
    }
    [settings(summary), accuracies, figures(summary)]
}

fn settings(summary: &Summary) -> Vec<Row> {
    let settings_of = |finalist: &Option<Finalist>| {
        finalist.as_ref().map(|finalist| finalist.settings.clone()).unwrap_or_default()
    };
    let (found, baseline) = (settings_of(&summary.best), settings_of(&summary.baseline));
    let mut names: Vec<&String> = found.iter().map(|(name, _)| name).collect();
    for (name, _) in &baseline {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let figure = |settings: &[(String, String)], name: &str| Figure {
        text: settings.iter().find(|(n, _)| n == name).map(|(_, value)| shortened(value)),
        within_limit: None,
    };
    let row = |name: &String| Row {
        label: name.clone(),
        found: figure(&found, name),
        limit: None,
        baseline: figure(&baseline, name),
    };
    names.into_iter().map(row).collect()
}

/// A setting in print.
pub fn shortened(value: &str) -> String {
    value.parse().map_or_else(|_| value.to_owned(), |number| setting(&Setting::Number(number)))
}

fn figures(summary: &Summary) -> Vec<Row> {
    let Limits { ram_bytes, rom_bytes, cross_accuracy, macc, accounting } = summary.limits;
    let st = |limit: Option<usize>| limit.filter(|_| accounting == Accounting::St);
    let elf = |limit: Option<usize>| limit.filter(|_| accounting == Accounting::Elf);
    let memory = |label: &str, limit: Option<usize>, figure: fn(&Footprint) -> Option<usize>| {
        let limit = limit.map(|limit| Bound::AtMost(limit as f64));
        row(summary, label.to_owned(), kilobytes, limit, |finalist| {
            figure(&finalist.footprint).map(|bytes| bytes as f64)
        })
    };
    let count = |label: &str, limit: Option<u64>, figure: fn(&Footprint) -> Option<u64>| {
        let limit = limit.map(|limit| Bound::AtMost(limit as f64));
        row(
            summary,
            label.to_owned(),
            |number| grouped(number as u64),
            limit,
            |finalist| figure(&finalist.footprint).map(|count| count as f64),
        )
    };
    let cross = row(
        summary,
        "X-CROSS accuracy".to_owned(),
        percent_at_least,
        cross_accuracy.map(Bound::AtLeast),
        |finalist| finalist.footprint.cross_accuracy,
    );
    let mut rows = vec![
        cross,
        memory("RAM, ST accounting", st(ram_bytes), |f| Some(f.st_ram_bytes)),
        memory("ROM, ST accounting", st(rom_bytes), |f| Some(f.st_rom_bytes)),
        memory("RAM, linked program", elf(ram_bytes), |f| f.ram_bytes),
        memory("flash, linked program", elf(rom_bytes), |f| f.flash_bytes),
    ];
    rows.extend(regions(summary));
    rows.extend([
        memory("deepest stack", None, |f| f.stack_bytes),
        count("MACC", macc, |f| Some(f.macc)),
        count("instructions per inference", None, |f| f.instructions),
    ]);
    let mut finalists = summary.best.iter().chain(&summary.baseline);
    if finalists.any(|finalist| finalist.footprint.instructions_max.is_some()) {
        rows.push(count("instructions at most", None, |f| f.instructions_max.or(f.instructions)));
    }
    rows.push(count("parameters", None, |f| Some(f.parameters as u64)));
    rows
}

/// One row per memory region of the chip, if anything was linked for it.
fn regions(summary: &Summary) -> Vec<Row> {
    let finalists = summary.best.iter().chain(&summary.baseline);
    let linked = finalists.map(|finalist| &finalist.footprint.regions).find(|r| !r.is_empty());
    let row_of = |region: &RegionUse| {
        let limit = Bound::AtMost(region.length_bytes as f64);
        row(summary, format!("chip's {}", region.name), kilobytes, Some(limit), |finalist| {
            let same = finalist.footprint.regions.iter().find(|other| other.name == region.name);
            same.map(|region| region.used_bytes as f64)
        })
    };
    linked.into_iter().flatten().map(row_of).collect()
}

fn row(
    summary: &Summary,
    label: String,
    print: fn(f64) -> String,
    limit: Option<Bound>,
    figure: impl Fn(&Finalist) -> Option<f64>,
) -> Row {
    let of = |finalist: &Option<Finalist>| {
        let figure = finalist.as_ref().and_then(&figure);
        Figure {
            text: figure.map(print),
            within_limit: limit.and_then(|limit| figure.map(|figure| limit.holds(figure))),
        }
    };
    Row {
        label,
        found: of(&summary.best),
        limit: limit.map(|limit| limit.print(print)),
        baseline: of(&summary.baseline),
    }
}
