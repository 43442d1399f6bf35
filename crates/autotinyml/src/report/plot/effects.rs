//! What each hyperparameter does to score.

use autotinyml_nn::Metric;
use autotinyml_search::{Parameter, Setting};
use maud::{Markup, html};

use super::{Axis, Mark, Plot, SettingAxis};
use crate::in_print::percent;
use crate::record::{Summary, TrialRecord};

/// Width of a strip of marks, and of its mean, between one setting's place and the next.
const SPREAD: f64 = 0.6;

/// A trained trial as one parameter sees it.
struct Point {
    setting: Setting,
    trial: usize,
    score: f64,
    deployable: bool,
}

/// Name and picture of every hyperparameter that trained trials set.
pub fn effects(summary: &Summary) -> Vec<(String, Markup)> {
    let parameters = summary.space.parameters().iter();
    parameters
        .filter_map(|parameter| {
            let points = points(summary, parameter);
            (!points.is_empty())
                .then(|| (parameter.name.clone(), effect(parameter, &points, summary.goal)))
        })
        .collect()
}

fn points(summary: &Summary, parameter: &Parameter) -> Vec<Point> {
    let point = |trial: &TrialRecord| {
        Some(Point {
            setting: summary.space.setting(&trial.configuration, &parameter.name)?,
            trial: trial.id,
            score: trial.outcome.score(summary.goal)?,
            deployable: trial.outcome.verdict.deployable(),
        })
    };
    summary.trials.iter().filter(|trial| trial.epochs.is_none()).filter_map(point).collect()
}

fn effect(parameter: &Parameter, points: &[Point], goal: Metric) -> Markup {
    let scores = points.iter().map(|point| point.score);
    let y = Axis::accuracy(&format!("validation {}, %", goal.title()), scores);
    let along = SettingAxis::new(parameter, points.iter().map(|point| &point.setting));
    // Marks of equal settings are spread, those along a scale stand where they belong.
    let width = if along.places.is_some() { SPREAD } else { 0.0 };
    let x = |point: &Point| Some(along.position(&point.setting)? + width * spread(point.trial));
    let plot = Plot { x: along.axis.clone(), y };
    let content = html! {
        @for point in points {
            @if let Some(x) = x(point) {
                @let text = format!("trial {}: {}, {}", point.trial, point.setting, percent(point.score));
                (Mark::of(point.deployable).at(plot.at(x, point.score), &text))
            }
        }
        @for (place, setting) in along.places.iter().flatten().enumerate() {
            (mean(&plot, place as f64, points.iter().filter(|point| point.setting == *setting)))
        }
    };
    plot.draw(&format!("Validation {} by {}", goal.title(), parameter.name), html! {}, content)
}

fn mean<'a>(plot: &Plot, place: f64, points: impl Iterator<Item = &'a Point>) -> Markup {
    let scores: Vec<f64> = points.map(|point| point.score).collect();
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    html! {
        @if !scores.is_empty() {
            line.mean x1=(plot.x(place - SPREAD / 2.0)) x2=(plot.x(place + SPREAD / 2.0))
                y1=(plot.y(mean)) y2=(plot.y(mean)) {
                title { "mean of " (scores.len()) ": " (percent(mean)) }
            }
        }
    }
}

/// Spreads trials evenly over −½ … ½ so that equal ones do not hide each other: multiples of the
/// golden section.
pub(super) fn spread(trial: usize) -> f64 {
    (trial as f64 * 0.618_033_988_75).fract() - 0.5
}
