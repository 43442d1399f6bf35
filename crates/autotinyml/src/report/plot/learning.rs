//! How the best network learned during the search.

use maud::{Markup, html};

use super::{Axis, LEFT, Plot, RIGHT, WIDTH, line};
use crate::record::TrialRecord;
use crate::report::numbers::percent;

/// Mean training accuracy over the folds after each epoch, and the validation accuracy at the end.
/// None: the trial was not trained.
pub fn learning(trial: &TrialRecord) -> Option<Markup> {
    let curve = &trial.outcome.learning_curve;
    let validation = trial.outcome.accuracy?;
    if curve.is_empty() {
        return None;
    }
    let epochs = 1..=curve.len();
    let shares = curve.iter().copied().chain([validation]);
    let plot = Plot {
        x: Axis::linear("epoch", epochs.clone().map(|epoch| epoch as f64)),
        y: Axis::accuracy("accuracy, %", shares),
    };
    let points = epochs.zip(curve).map(|(epoch, &accuracy)| plot.at(epoch as f64, accuracy));
    let points: Vec<(f64, f64)> = points.collect();
    let content = html! {
        line.validation x1=(LEFT) x2=(WIDTH - RIGHT) y1=(plot.y(validation)) y2=(plot.y(validation)) {}
        text.validation x=(LEFT + 4.0) y=(plot.y(validation) - 5.0) { "validation " (percent(validation)) }
        path.line d=(line(points.iter().copied())) {}
        @for (&(x, y), accuracy) in points.iter().zip(curve) {
            circle.deployable cx=(x) cy=(y) r="2.5" { title { "training " (percent(*accuracy)) } }
        }
    };
    Some(plot.draw("Training accuracy by epoch", html! {}, content))
}
