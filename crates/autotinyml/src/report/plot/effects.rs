//! What each hyperparameter does to score.

use autotinyml_nn::Metric;
use autotinyml_search::{Domain, Parameter, Setting};
use maud::{Markup, html};

use super::{Axis, Mark, Plot};
use crate::record::{Summary, TrialRecord};
use crate::report::numbers::percent;

/// A range with more settings than this gets an axis of numbers instead of one place for each.
const PLACES_MAX: usize = 12;

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
    let places = places(&parameter.domain, points);
    let axis = match (&places, &parameter.domain) {
        (Some(places), _) => {
            Axis::names(&parameter.name, places.iter().map(Setting::to_string).collect())
        }
        (None, Domain::Range { log: true, .. }) => {
            Axis::log(&parameter.name, points.iter().filter_map(|point| number(&point.setting)))
        }
        (None, _) => {
            Axis::linear(&parameter.name, points.iter().filter_map(|point| number(&point.setting)))
        }
    };
    let plot = Plot { x: axis, y };
    let x = |point: &Point| match &places {
        Some(places) => {
            let place = places.iter().position(|place| *place == point.setting);
            place.map(|place| place as f64 + SPREAD * spread(point.trial))
        }
        None => number(&point.setting),
    };
    let content = html! {
        @for point in points {
            @if let Some(x) = x(point) {
                @let text = format!("trial {}: {}, {}", point.trial, point.setting, percent(point.score));
                (Mark::of(point.deployable).at(plot.at(x, point.score), &text))
            }
        }
        @for (place, setting) in places.iter().flatten().enumerate() {
            (mean(&plot, place as f64, points.iter().filter(|point| point.setting == *setting)))
        }
    };
    plot.draw(&format!("Validation {} by {}", goal.title(), parameter.name), html! {}, content)
}

/// The settings that get a place of their own: all of a list, those tried of a short range with steps.
fn places(domain: &Domain, points: &[Point]) -> Option<Vec<Setting>> {
    match domain {
        Domain::Ordered(numbers) => Some(numbers.iter().map(|&n| Setting::Number(n)).collect()),
        Domain::Unordered(names) => Some(names.iter().map(|n| Setting::Text(n.clone())).collect()),
        Domain::Range { step: None, .. } => None,
        Domain::Range { step: Some(_), .. } => {
            let mut numbers: Vec<f64> = points.iter().filter_map(|p| number(&p.setting)).collect();
            numbers.sort_by(f64::total_cmp);
            numbers.dedup();
            let few = numbers.len() <= PLACES_MAX;
            few.then(|| numbers.into_iter().map(Setting::Number).collect())
        }
    }
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

fn number(setting: &Setting) -> Option<f64> {
    match setting {
        Setting::Number(number) => Some(*number),
        Setting::Text(_) => None,
    }
}

/// Spreads trials evenly over −½ … ½ so that equal ones do not hide each other: multiples of the
/// golden section.
fn spread(trial: usize) -> f64 {
    (trial as f64 * 0.618_033_988_75).fract() - 0.5
}
