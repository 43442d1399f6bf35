//! Accuracy of every trial in order, and the best deployable one so far.

use maud::{Markup, html};

use super::{Axis, BOTTOM, HEIGHT, Mark, Plot, TOP, line};
use crate::record::{Summary, TrialRecord};
use crate::report::findings::deployable_accuracy;
use crate::report::numbers::percent;

/// Bands narrower than this have no room for their phase's name.
const NAMED_WIDTH: f64 = 44.0;

/// Trials from left to right; those never trained stand in a strip below.
pub fn progress(summary: &Summary) -> Markup {
    let trials = &summary.trials;
    let plot = Plot {
        x: Axis::linear("trial", trials.iter().map(|trial| trial.id as f64)),
        y: Axis::accuracy(
            "validation accuracy, %",
            trials.iter().filter_map(|t| t.outcome.accuracy),
        ),
    };
    let marks = html! {
        @for trial in trials { (mark(&plot, trial)) }
        @if let Some(path) = best_so_far(&plot, trials) { path.line d=(path) {} }
    };
    plot.draw("Validation accuracy by trial, with the best so far", phases(&plot, trials), marks)
}

fn mark(plot: &Plot, trial: &TrialRecord) -> Markup {
    let accuracy = trial.outcome.accuracy;
    let mut came_of_it = accuracy.map_or_else(|| "not trained".to_owned(), percent);
    if let (Some(_), Some(epochs)) = (accuracy, trial.epochs) {
        came_of_it += &format!(" after {epochs} epochs");
    }
    Mark::of(trial.outcome.verdict.deployable())
        .at(plot.trial(trial.id as f64, accuracy), &format!("trial {}: {came_of_it}", trial.id))
}

/// A staircase from the first deployable trial to the last trial.
fn best_so_far(plot: &Plot, trials: &[TrialRecord]) -> Option<String> {
    let mut best: Option<f64> = None;
    let mut stairs = vec![];
    for trial in trials {
        let accuracy = deployable_accuracy(trial);
        if let Some(before) = best {
            stairs.push(plot.at(trial.id as f64, before));
        }
        if let Some(accuracy) = accuracy.filter(|&accuracy| best.is_none_or(|best| accuracy > best))
        {
            best = Some(accuracy);
            stairs.push(plot.at(trial.id as f64, accuracy));
        }
    }
    (!stairs.is_empty()).then(|| line(stairs))
}

/// A band behind each run of trials of one phase.
fn phases(plot: &Plot, trials: &[TrialRecord]) -> Markup {
    let bands = trials.chunk_by(|a, b| a.phase == b.phase).map(|run| {
        let edge =
            |trial: Option<&TrialRecord>, side| trial.map_or(0.0, |t| plot.x(t.id as f64 + side));
        (edge(run.first(), -0.5), edge(run.last(), 0.5), run[0].phase)
    });
    html! {
        @for (index, (left, right, phase)) in bands.enumerate() {
            @let width = super::tenth(right - left);
            rect.(if index % 2 == 0 { "band" } else { "band other" })
                x=(left) y=(TOP) width=(width) height=(HEIGHT - BOTTOM - TOP) { title { (phase.name()) } }
            @if width >= NAMED_WIDTH {
                text.phase x=(left + 4.0) y=(TOP + 12.0) { (phase.name()) }
            }
        }
    }
}
