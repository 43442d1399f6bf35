//! Parallel coordinates: every trial a line through its settings to its score.

use autotinyml_search::{Parameter, Setting};
use maud::{Markup, html};

use super::effects::spread;
use super::{Axis, SettingAxis, ZOOM_MAX, line, shortened, tenth};
use crate::in_print::percent;
use crate::record::{Summary, TrialRecord};

/// Between two axes.
const GAP: f64 = 104.0;
const LEFT: f64 = 52.0;
/// Headings stand in two rows by turns: they may be longer than the gap.
const HEADINGS: [f64; 2] = [14.0, 32.0];
const HEADING_LENGTH: usize = 26;
const TOP: f64 = 48.0;
const FLOOR: f64 = 318.0;
/// Where lines pass that have no setting, and no score.
const NONE: f64 = 340.0;
const HEIGHT: f64 = 354.0;

/// Of the lines that end at scores, the share that is drawn strongly: the best.
const STRONG: f64 = 0.1;

/// How far lines through the same name are spread, between one name and the next.
const SPREAD: f64 = 0.3;

/// Axes for all hyperparameters and the score. Of trials that were given fewer epochs nothing is drawn.
pub fn parallel(summary: &Summary) -> Markup {
    let trials: Vec<&TrialRecord> =
        summary.trials.iter().filter(|trial| trial.epochs.is_none()).collect();
    let goal = summary.goal;
    let columns: Vec<Column> =
        summary.space.parameters().iter().map(|p| Column::new(summary, &trials, p)).collect();
    let score = |trial: &TrialRecord| trial.outcome.score(goal);
    let mut scores = Axis::accuracy("", trials.iter().filter_map(|trial| score(trial)));
    scores.label = format!("{}, %", goal.title());
    let mut ranked: Vec<f64> = trials.iter().filter_map(|trial| score(trial)).collect();
    ranked.sort_by(|a, b| b.total_cmp(a));
    let strong = ranked.get((ranked.len() as f64 * STRONG) as usize).copied();
    let class = |trial: &TrialRecord| match score(trial) {
        _ if !trial.outcome.verdict.deployable() => "lost",
        Some(score) if strong.is_none_or(|strong| score >= strong) => "strong",
        _ => "kept",
    };
    let points = |trial: &TrialRecord| -> Vec<(f64, f64)> {
        let heights = columns.iter().map(|column| column.height(summary, trial));
        let end = score(trial).map_or(NONE, |score| height(&scores, score));
        heights.chain([end]).enumerate().map(|(i, y)| (x(i), y)).collect()
    };
    let text = |trial: &TrialRecord| {
        let score = score(trial).map_or_else(|| "not trained".to_owned(), percent);
        format!("trial {}: {score}", trial.id)
    };
    let width = x(columns.len()) + LEFT;
    html! {
        svg.wide viewBox={ "0 0 " (width) " " (HEIGHT) } style={ "min-width:" (0.75 * width) "px;max-width:" (tenth(ZOOM_MAX * width)) "px" }
            role="img" aria-label="Settings and score of every trial" {
            @for of_class in ["lost", "kept", "strong"] {
                g.(of_class) {
                    @for trial in trials.iter().filter(|trial| class(trial) == of_class) {
                        path d=(line(points(trial))) { title { (text(trial)) } }
                    }
                }
            }
            @for (i, column) in columns.iter().enumerate() { (axis(i, &column.along.axis)) }
            (axis(columns.len(), &scores))
        }
    }
}

/// One hyperparameter.
struct Column<'a> {
    parameter: &'a Parameter,
    along: SettingAxis,
}

impl<'a> Column<'a> {
    fn new(summary: &Summary, trials: &[&TrialRecord], parameter: &'a Parameter) -> Self {
        let tried: Vec<Setting> = trials
            .iter()
            .filter_map(|trial| summary.space.setting(&trial.configuration, &parameter.name))
            .collect();
        Self { parameter, along: SettingAxis::new(parameter, tried.iter()) }
    }

    fn height(&self, summary: &Summary, trial: &TrialRecord) -> f64 {
        let setting = summary.space.setting(&trial.configuration, &self.parameter.name);
        let Some(position) = setting.and_then(|setting| self.along.position(&setting)) else {
            return NONE;
        };
        let width = if self.along.places.is_some() { SPREAD } else { 0.0 };
        height(&self.along.axis, position + width * spread(trial.id))
    }
}

fn x(column: usize) -> f64 {
    LEFT + column as f64 * GAP
}

fn height(axis: &Axis, value: f64) -> f64 {
    tenth(FLOOR - axis.share(value) * (FLOOR - TOP))
}

fn axis(column: usize, axis: &Axis) -> Markup {
    let (x, heading) = (x(column), HEADINGS[column % 2]);
    html! {
        line.axis x1=(x) x2=(x) y1=(heading + 4.0) y2=(FLOOR) {}
        text.name x=(x) y=(heading) text-anchor="middle" { (shortened(&axis.label, HEADING_LENGTH)) }
        @for (value, text) in &axis.ticks {
            text.tick.over x=(x + 5.0) y=(height(axis, *value) + 4.0) { (text) }
        }
    }
}
