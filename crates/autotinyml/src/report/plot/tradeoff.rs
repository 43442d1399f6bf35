//! The goal's figure against memory, with the limit.

use maud::{Markup, html};

use super::{Axis, BOTTOM, HEIGHT, Mark, Plot, TOP, WIDTH};
use crate::in_print::{kilobytes, percent};
use crate::record::Summary;
use crate::report::findings::memory;

/// Which memory of the chip.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// For variables.
    Ram,
    /// For weights and code.
    Rom,
}

/// One mark per trial whose memory is known; those never trained stand in a strip below.
pub fn tradeoff(summary: &Summary, which: Memory) -> Markup {
    let (name, limit) = match which {
        Memory::Ram => ("RAM", summary.limits.ram_bytes),
        Memory::Rom => ("ROM", summary.limits.rom_bytes),
    };
    let bytes = |footprint| match memory(summary.limits.accounting, footprint) {
        (ram, _) if which == Memory::Ram => ram,
        (_, rom) => rom,
    };
    let trials: Vec<(f64, &_)> = (summary.trials.iter())
        .filter(|trial| trial.epochs.is_none())
        .filter_map(|trial| Some((bytes(trial.outcome.footprint.as_ref()?)? as f64, trial)))
        .collect();
    let finalists: Vec<(f64, f64, Mark)> =
        [(&summary.best, Mark::Best), (&summary.baseline, Mark::Baseline)]
            .into_iter()
            .filter_map(|(finalist, mark)| {
                let finalist = finalist.as_ref()?;
                Some((bytes(&finalist.footprint)? as f64, finalist.validation_score(), mark))
            })
            .collect();

    let sizes = trials.iter().map(|(size, _)| *size).chain(finalists.iter().map(|f| f.0));
    let kb = sizes.chain(limit.map(|limit| limit as f64)).map(|bytes| bytes.max(1.0) / 1000.0);
    let scores = trials.iter().filter_map(|(_, trial)| trial.outcome.score(summary.goal));
    let plot = Plot {
        x: Axis::log(&format!("{name}, KB ({})", summary.limits.accounting), kb),
        y: Axis::accuracy(
            &format!("validation {}, %", summary.goal.title()),
            scores.chain(finalists.iter().map(|f| f.1)),
        ),
    };
    let place = |bytes: f64, score| plot.trial(bytes.max(1.0) / 1000.0, score);
    let text = |bytes: f64, score: Option<f64>| {
        let score = score.map_or_else(|| "not trained".to_owned(), percent);
        format!("{score}, {}", kilobytes(bytes))
    };
    let content = html! {
        @if let Some(limit) = limit { (limit_line(place(limit as f64, None).0, limit)) }
        @for &(size, trial) in &trials {
            @let score = trial.outcome.score(summary.goal);
            @let text = format!("trial {}: {}", trial.id, text(size, score));
            (Mark::of(trial.outcome.verdict.deployable()).at(place(size, score), &text))
        }
        @for &(size, score, mark) in &finalists {
            (mark.at(place(size, Some(score)), &text(size, Some(score))))
        }
    };
    plot.draw(&format!("Validation {} against {name}", summary.goal.title()), html! {}, content)
}

/// The text stands on the side that has more room.
fn limit_line(x: f64, bytes: usize) -> Markup {
    let (text, anchor) = if x > WIDTH / 2.0 { (x - 5.0, "end") } else { (x + 5.0, "start") };
    html! {
        line.limit x1=(x) x2=(x) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
        text.limit x=(text) y=(TOP + 8.0) text-anchor=(anchor) { "limit " (kilobytes(bytes as f64)) }
    }
}
