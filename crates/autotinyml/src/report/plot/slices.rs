//! What the trials suggest when one hyperparameter of the best network is changed: the expected score, how
//! sure that is, and where networks are deployable. The talk's picture of the search, once per hyperparameter.

use autotinyml_search::{Configuration, Landscape, Parameter, Place};
use maud::{Markup, html};

use super::{Axis, HEIGHT, Mark, Plot, STRIP, SettingAxis, line, tenth};
use crate::in_print::percent;
use crate::record::Summary;

/// Standard deviations on each side of what is expected: 19 of 20 scores lie between.
const DEVIATIONS: f64 = 2.0;

/// Half the width of what stands at a name, between one name and the next.
const HALF: f64 = 0.3;

/// Name and picture of every hyperparameter that the best network sets, if there is more than one setting.
pub fn slices(summary: &Summary, landscape: &Landscape<'_>) -> Vec<(String, Markup)> {
    let best = summary.best.as_ref().and_then(|best| best.trial);
    let Some(best) = summary.trials.iter().find(|trial| Some(trial.id) == best) else {
        return vec![];
    };
    let slice = |parameter: &Parameter| {
        let places = landscape.slice(&best.configuration, &parameter.name);
        let score = best.outcome.score(summary.goal)?;
        (places.len() > 1).then(|| {
            (
                parameter.name.clone(),
                picture(summary, parameter, &places, &best.configuration, score),
            )
        })
    };
    summary.space.parameters().iter().filter_map(slice).collect()
}

fn picture(
    summary: &Summary,
    parameter: &Parameter,
    places: &[Place],
    best: &Configuration,
    score: f64,
) -> Markup {
    let goal = summary.goal.title();
    let low = |place: &Place| (place.score - DEVIATIONS * place.deviation).clamp(0.0, 1.0);
    let high = |place: &Place| (place.score + DEVIATIONS * place.deviation).clamp(0.0, 1.0);
    let along = SettingAxis::new(parameter, places.iter().map(|place| &place.setting));
    let bounds = places.iter().flat_map(|place| [low(place), high(place)]);
    let label = format!("validation {goal}, %");
    let plot = Plot { x: along.axis.clone(), y: Axis::percent(&label, bounds.chain([score])) };
    let spots: Vec<(f64, &Place)> =
        places.iter().filter_map(|place| Some((along.position(&place.setting)?, place))).collect();
    let expected = |place: &Place| place.score.clamp(0.0, 1.0);
    let own = summary.space.setting(best, &parameter.name).and_then(|own| along.position(&own));
    let content = html! {
        @if along.places.is_some() {
            @for &(x, place) in &spots { (spot(&plot, x, expected(place), low(place), high(place))) }
        } @else {
            @let above = spots.iter().map(|&(x, place)| plot.at(x, high(place)));
            @let below = spots.iter().rev().map(|&(x, place)| plot.at(x, low(place)));
            path.deviation d={ (line(above.chain(below))) "z" } {}
            path.line d=(line(spots.iter().map(|&(x, place)| plot.at(x, expected(place))))) {}
        }
        (feasibility(&plot, &spots, along.places.is_some()))
        @if let Some(x) = own { (Mark::Best.at(plot.at(x, score), &format!("best: {}", percent(score)))) }
    };
    plot.draw(&format!("Expected {goal} by {}", parameter.name), html! {}, content)
}

/// What is expected at a name: a bar, and a box for how sure it is.
fn spot(plot: &Plot, x: f64, expected: f64, low: f64, high: f64) -> Markup {
    let (left, right) = (plot.x(x - HALF), plot.x(x + HALF));
    let (top, bottom) = (plot.y(high), plot.y(low));
    html! {
        rect.deviation x=(left) y=(top) width=(tenth(right - left)) height=(tenth(bottom - top)) {}
        line.expected x1=(left) x2=(right) y1=(plot.y(expected)) y2=(plot.y(expected)) {
            title { "expected " (percent(expected)) ", between " (percent(low)) " and " (percent(high)) }
        }
    }
}

/// A strip at the floor, the fuller the likelier a network there is deployable.
fn feasibility(plot: &Plot, spots: &[(f64, &Place)], named: bool) -> Markup {
    let top = HEIGHT - super::BOTTOM - STRIP;
    let edge = |i: usize, j: Option<usize>| match j.and_then(|j| spots.get(j)) {
        _ if named => spots[i].0 + if j > Some(i) { 0.5 } else { -0.5 },
        Some((other, _)) => f64::midpoint(spots[i].0, *other),
        None => spots[i].0,
    };
    html! {
        @for (i, (_, place)) in spots.iter().enumerate() {
            @if let Some(feasible) = place.feasible {
                @let (left, right) = (plot.x(edge(i, i.checked_sub(1))), plot.x(edge(i, Some(i + 1))));
                rect.likely x=(left) y=(top) width=(tenth(right - left)) height=(STRIP)
                    fill-opacity=(tenth(feasible)) {
                    title { "deployable with a probability of " (percent(feasible)) }
                }
            }
        }
    }
}
