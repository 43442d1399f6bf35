//! What is said before a study runs.

use autotinyml_deploy::{Compression, Limits, Tool, Tools};
use autotinyml_nn::Metric;

use crate::data::is_part_of_a_split;
use crate::in_print::{counted, grouped, kilobytes, percent};
use crate::prescreen::Prescreen;
use crate::samples::Samples;
use crate::study_file::{Check, Reader, Study};

/// What is studied, and what this machine cannot check.
pub fn introduction(study: &Study, samples: &Samples, tools: &Tools) -> String {
    let Study { name, search, .. } = study;
    let boards = match &study.combinations[..] {
        [only] => format!("the {}", only.board.title),
        all => format!("{} combinations of a board and a compression", all.len()),
    };
    let mut text = format!(
        "{name}: {} of {} for {boards}, {} of {} to search with, {} to test\n",
        counted(search.trials, "trial"),
        search.searcher,
        counted(samples.summary.train, "sample"),
        samples.summary.shape,
        grouped(samples.test.len()),
    );
    if search.goal != Metric::Accuracy {
        text += &format!("trials are judged by their validation {}\n", search.goal.title());
    }
    if !search.unread.is_empty() {
        let unread = search.unread.join(", ");
        text += &format!("{} does not read {unread} in [search]\n", search.searcher);
    }
    if let Some(optimism) = &samples.optimism {
        text += &format!("{optimism}\n");
    }
    for caution in &samples.summary.cautions {
        text += &format!("caution: {caution}\n");
    }
    if let Some(warning) = split_for_classes(study, &samples.raw.classes) {
        text += &format!("{warning}\n");
    }
    if let Some(unchecked) = unchecked(tools) {
        text += &format!("{unchecked}\n");
    }
    text
}

/// Files such as train.csv and test.csv stand for classes if no column does.
fn split_for_classes(study: &Study, classes: &[String]) -> Option<String> {
    let (Reader::CsvRows { columns, .. } | Reader::CsvWindows { columns, .. }) = &study.data.reader
    else {
        return None;
    };
    let are_parts = classes.iter().all(|class| is_part_of_a_split(class));
    (columns.label.is_none() && are_parts).then(|| {
        let classes = classes.join(", ");
        format!(
            "the classes are the names of files, {classes}, which look like parts of a split: name the \
             column with the classes by `label` in [data]"
        )
    })
}

/// What to say instead of a search, if arithmetic already refuses the whole space, or as much of a large
/// one as a guided search looks at.
pub fn nothing_fits(study: &Study, prescreen: &Prescreen<'_>) -> Option<String> {
    let deploy = &study.deploy;
    if deploy.check == Check::AfterTraining {
        return None;
    }
    if let Some(reason) = prescreen.no_network() {
        return Some(format!(
            "no network of this space can be built: {reason}. Change [[network]] or [space] in {}.",
            study.source.name
        ));
    }
    let smallest = prescreen.nearest_of_none()?;
    let settings = study.space.settings(&smallest.configuration);
    let settings: Vec<String> =
        settings.iter().map(|(name, setting)| format!("{name} = {setting}")).collect();
    Some(format!(
        "nothing in this space can fit: the smallest needs {} of RAM, {} of ROM and {} MACC ({}); the \
         limits are {}.{} Widen the limits or [space] in {}.",
        kilobytes(smallest.footprint.st_ram_bytes as f64),
        kilobytes(smallest.footprint.st_rom_bytes as f64),
        grouped(smallest.footprint.macc),
        settings.join(", "),
        limits_in_print(&deploy.limits),
        prescreen.advice(smallest).iter().map(|line| format!(" There {line}.")).collect::<String>(),
        study.source.name
    ))
}

/// What to say of a compression that saves no more of the ROM than this share.
pub fn idle(compression: Compression, saved: f64, networks: &str) -> String {
    let more = match compression {
        Compression::X4 | Compression::X8 => {
            format!(": only large dense layers share weights; at {compression}-all all layers may")
        }
        _ => String::new(),
    };
    match saved > 0.0 {
        true => format!("{compression} saves {} of the ROM of {networks}{more}", percent(saved)),
        false => format!("{compression} shares no weights of {networks}{more}"),
    }
}

/// One line on what this machine cannot check, with the command that changes it.
fn unchecked(tools: &Tools) -> Option<String> {
    let missing = tools.missing();
    let figure = |tool: &Tool| match tool {
        Tool::HostCompiler => "the C program's answers on this machine",
        Tool::CrossCompiler => "flash and RAM of the program for the chip",
        Tool::Emulator => "its instructions, stack and answers",
    };
    let figures: Vec<&str> = missing.iter().map(figure).collect();
    let packages: Vec<&str> = missing.iter().map(|tool| tool.packages()).collect();
    (!missing.is_empty()).then(|| {
        let (figures, packages) = (figures.join(", "), packages.join(" "));
        format!("not checked here: {figures}; to check: sudo apt install {packages}")
    })
}

/// As far as there are any: RAM, ROM, MACC and X-CROSS accuracy.
pub fn limits_in_print(limits: &Limits) -> String {
    let size = |name, bytes: usize| format!("{name} {}", kilobytes(bytes as f64));
    let parts = [
        limits.ram_bytes.map(|bytes| size("RAM", bytes)),
        limits.rom_bytes.map(|bytes| size("ROM", bytes)),
        limits.macc.map(|macc| format!("MACC {}", grouped(macc))),
        limits.cross_accuracy.map(|share| format!("X-CROSS accuracy {}", percent(share))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
