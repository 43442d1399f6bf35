//! How the best network learned during the search.

use maud::{Markup, html};

use super::{Axis, LEFT, Plot, RIGHT, WIDTH, line};
use crate::in_print::percent;
use crate::record::TrialRecord;

/// Mean training accuracy over the folds after each epoch, the first fold's validation accuracy if it was
/// watched, and the mean validation accuracy at the end. None: the trial was not trained.
pub fn learning(trial: &TrialRecord) -> Option<Markup> {
    let (training, watched) = (&trial.outcome.learning_curve, &trial.outcome.validation_curve);
    let validation = trial.outcome.accuracy?;
    if training.is_empty() {
        return None;
    }
    let shares = training.iter().chain(watched).copied().chain([validation]);
    let plot = Plot {
        x: Axis::count("epoch", 1..=training.len().max(watched.len())),
        y: Axis::accuracy("accuracy, %", shares),
    };
    let content = html! {
        line.validation x1=(LEFT) x2=(WIDTH - RIGHT) y1=(plot.y(validation)) y2=(plot.y(validation)) {}
        (curve(&plot, "training", "trained", training))
        (curve(&plot, "validation", "watched", watched))
    };
    Some(plot.draw("Accuracy by epoch", html! {}, content))
}

fn curve(plot: &Plot, name: &str, class: &str, shares: &[f64]) -> Markup {
    let points = (1..).zip(shares).map(|(epoch, &share)| plot.at(f64::from(epoch), share));
    let points: Vec<(f64, f64)> = points.collect();
    html! {
        @if !points.is_empty() { path.(format!("line {class}")) d=(line(points.iter().copied())) {} }
        @for (&(x, y), share) in points.iter().zip(shares) {
            circle.(class) cx=(x) cy=(y) r="2.5" { title { (name) " " (percent(*share)) } }
        }
    }
}
