//! The goal's figure of every trial in order, and the best deployable one so far.

use autotinyml_nn::Metric;
use maud::{Markup, html};

use super::{Axis, BOTTOM, HEIGHT, Mark, Plot, TOP, line};
use crate::in_print::{counted, percent};
use crate::record::{Summary, TrialRecord};
use crate::report::findings::deployable_score;

/// Bands narrower than this have no room for their phase's name.
const NAMED_WIDTH: f64 = 44.0;

/// Trials from left to right; those never trained stand in a strip below.
pub fn progress(summary: &Summary) -> Markup {
    let trials = &summary.trials;
    let plot = Plot {
        x: Axis::count("trial", trials.iter().map(|trial| trial.id)),
        y: Axis::accuracy(
            &format!("validation {}, %", summary.goal.title()),
            trials.iter().filter_map(|t| t.outcome.score(summary.goal)),
        ),
    };
    let marks = html! {
        @for trial in trials { (mark(&plot, trial, summary.goal)) }
        @if let Some(path) = best_so_far(&plot, trials, summary.goal) { path.line d=(path) {} }
    };
    let title = format!("Validation {} by trial, with the best so far", summary.goal.title());
    plot.draw(&title, phases(&plot, trials), marks)
}

fn mark(plot: &Plot, trial: &TrialRecord, goal: Metric) -> Markup {
    let score = trial.outcome.score(goal);
    let mut came_of_it = score.map_or_else(|| "not trained".to_owned(), percent);
    if let (Some(_), Some(epochs)) = (score, trial.epochs) {
        came_of_it += &format!(" after {}", counted(epochs, "epoch"));
    }
    Mark::of(trial.outcome.verdict.deployable())
        .at(plot.trial(trial.id as f64, score), &format!("trial {}: {came_of_it}", trial.id))
}

/// A staircase from the first deployable trial to the last trial.
fn best_so_far(plot: &Plot, trials: &[TrialRecord], goal: Metric) -> Option<String> {
    let mut best: Option<f64> = None;
    let mut stairs = vec![];
    for trial in trials {
        let score = deployable_score(trial, goal);
        if let Some(before) = best {
            stairs.push(plot.at(trial.id as f64, before));
        }
        if let Some(score) = score.filter(|&score| best.is_none_or(|best| score > best)) {
            best = Some(score);
            stairs.push(plot.at(trial.id as f64, score));
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
