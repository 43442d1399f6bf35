//! Frames side by side as one SVG file, in the reader's light or dark scheme.

use std::fmt::Write;

use autotinyml_search::Belief;
use autotinyml_search::testfn::talk;

use super::Shown;

/// A moment of a search.
pub struct Frame<'a> {
    /// Above it.
    pub title: String,
    /// So far.
    pub trials: &'a [Shown],
    /// Where the next one is.
    pub next: Option<f64>,
    /// At places evenly spread from 0 to 1; may be empty.
    pub beliefs: &'a [Belief],
    /// Whether the accuracy is shown everywhere, as no searcher knows it.
    pub truth: bool,
    /// Whether it is told which trials and places are deployable.
    pub deployability: bool,
    /// Whether the best trial has a ring: the best deployable one if deployability is told.
    pub best: bool,
}

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 44.0;
/// What is truly deployable is a line of this height along the floor.
const STRIP: f64 = 5.0;
/// The accuracies that are shown, in percent.
const ACCURACIES: [f64; 2] = [55.0, 102.0];
const COLUMNS: usize = 2;
/// Curves are drawn through so many points.
const POINTS: usize = 200;

const STYLE: &str = "
svg { --ground: #fff; --ink: #1d2126; --soft: #5b6470; --rule: #dfe2e6; --good: #1a62c5; --bad: #c2540a; --shade: #1d212622; }
@media (prefers-color-scheme: dark) { svg { --ground: #1c2024; --ink: #e7eaed; --soft: #a0a9b3; --rule: #343a41; --good: #6ea8fe; --bad: #f59a52; --shade: #e7eaed2e; } }
text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.title { font-weight: 600; fill: var(--ink); font-size: 13px; }
.ground { fill: var(--ground); } .frame { fill: none; stroke: var(--rule); } .grid { stroke: var(--rule); }
.truth { fill: none; stroke: var(--soft); stroke-dasharray: 5 4; }
.mean { fill: none; stroke: var(--good); stroke-width: 2; } .band { fill: var(--good); fill-opacity: .18; }
.bound { fill: none; stroke: var(--good); stroke-opacity: .6; }
.shade { fill: var(--shade); } .refuses { fill: var(--bad); } .fits { fill: var(--good); }
.trial { fill: var(--ink); stroke: var(--ground); } .refused { fill: none; stroke: var(--bad); stroke-width: 2; }
.best { fill: none; stroke: var(--ink); stroke-width: 2; } .next { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 2 3; }
.arrow { fill: var(--bad); }
";

/// The file's content.
pub fn picture(frames: &[Frame<'_>]) -> String {
    let rows = frames.len().div_ceil(COLUMNS);
    let (width, height) = (COLUMNS as f64 * WIDTH, rows as f64 * HEIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\">\n<style>{STYLE}</style>\n<rect class=\"ground\" width=\"{width}\" \
         height=\"{height}\"/>\n"
    );
    for (index, frame) in frames.iter().enumerate() {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        let (left, top) = (column as f64 * WIDTH, row as f64 * HEIGHT);
        let content = draw(frame);
        // Writing to a text does not fail.
        let _ = writeln!(svg, "<g transform=\"translate({left} {top})\">\n{content}</g>");
    }
    svg + "</svg>\n"
}

fn draw(frame: &Frame<'_>) -> String {
    let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let mut svg = String::new();
    let mut add = |element: String| svg.extend([&element, "\n"]);
    add(format!("<text class=\"title\" x=\"{LEFT}\" y=\"16\">{}</text>", frame.title));
    add(text(LEFT - 36.0, TOP - 6.0, "start", "accuracy, %"));
    add(text(f64::midpoint(LEFT, right), HEIGHT - 8.0, "middle", "hyperparameter"));
    for accuracy in [60.0, 70.0, 80.0, 90.0, 100.0] {
        let y = y(accuracy);
        add(format!("<path class=\"grid\" d=\"M{LEFT} {y}H{right}\"/>"));
        add(text(LEFT - 6.0, y + 4.0, "end", &accuracy.to_string()));
    }
    for value in [0.0, 0.25, 0.5, 0.75, 1.0] {
        add(text(x(value), floor + 17.0, "middle", &format!("{value}")));
    }
    believed(frame.beliefs).into_iter().for_each(&mut add);
    if frame.truth {
        let curve = (0..=POINTS).map(|i| i as f64 / POINTS as f64);
        add(format!(
            "<path class=\"truth\" d=\"{}\"/>",
            line(curve.map(|x| (x, talk::accuracy(x))))
        ));
    }
    if frame.deployability {
        let [low, high] = talk::ENDS;
        for (from, to, class) in
            [(0.0, low, "refuses"), (low, high, "fits"), (high, 1.0, "refuses")]
        {
            add(rectangle(class, from, to, floor - STRIP, STRIP));
        }
    }
    if let Some(next) = frame.next {
        let at = x(next);
        add(format!("<path class=\"next\" d=\"M{at} {TOP}V{floor}\"/>"));
        add(format!("<path class=\"arrow\" d=\"M{at} {floor}l-5 8h10z\"/>"));
    }
    for trial in frame.trials {
        let (x, y) = (x(trial.x), y(trial.accuracy));
        add(match trial.deployable || !frame.deployability {
            true => format!("<circle class=\"trial\" cx=\"{x}\" cy=\"{y}\" r=\"4.5\"/>"),
            false => format!("<path class=\"refused\" d=\"M{x} {y}m-4 -4l8 8m0-8l-8 8\"/>"),
        });
    }
    let counted = |trial: &&Shown| trial.deployable || !frame.deployability;
    let best = frame.trials.iter().filter(counted).max_by(|a, b| a.accuracy.total_cmp(&b.accuracy));
    if let Some(best) = best.filter(|_| frame.best) {
        let (x, y) = (x(best.x), y(best.accuracy));
        add(format!("<circle class=\"best\" cx=\"{x}\" cy=\"{y}\" r=\"9\"/>"));
        add(text(x, y - 13.0, "middle", &format!("{:.1} %", best.accuracy)));
    }
    add(format!(
        "<rect class=\"frame\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/>",
        right - LEFT,
        floor - TOP
    ));
    svg
}

/// Shade where the model is believed not to fit, mean and confidence of the accuracy elsewhere.
fn believed(beliefs: &[Belief]) -> Vec<String> {
    let last = beliefs.len().saturating_sub(1).max(1) as f64;
    let places: Vec<(f64, &Belief)> =
        beliefs.iter().enumerate().map(|(i, belief)| (i as f64 / last, belief)).collect();
    let refused = |belief: &Belief| belief.decision.is_some_and(|f| f < 0.0);
    let mut elements = vec![];
    for run in places.chunk_by(|(_, a), (_, b)| refused(a) == refused(b)) {
        let (from, to) = (run[0].0, run[run.len() - 1].0);
        if refused(run[0].1) {
            elements.push(rectangle("shade", from, to, TOP, HEIGHT - BOTTOM - TOP));
            continue;
        }
        let at = |level: usize| {
            run.iter().filter_map(move |(x, belief)| Some((*x, belief.score?[level])))
        };
        if at(1).next().is_none() {
            continue;
        }
        let around: Vec<(f64, f64)> = at(2).collect();
        let below: Vec<(f64, f64)> = at(0).collect();
        let band = line(around.iter().copied().chain(below.into_iter().rev()));
        elements.push(format!("<path class=\"band\" d=\"{band}Z\"/>"));
        elements.push(format!("<path class=\"bound\" d=\"{}\"/>", line(around.into_iter())));
        elements.push(format!("<path class=\"mean\" d=\"{}\"/>", line(at(1))));
    }
    elements
}

fn x(value: f64) -> f64 {
    tenth(LEFT + value * (WIDTH - LEFT - RIGHT))
}

/// Within the frame.
fn y(accuracy: f64) -> f64 {
    let [low, high] = ACCURACIES;
    let share = ((accuracy - low) / (high - low)).clamp(0.0, 1.0);
    tenth(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP))
}

fn tenth(coordinate: f64) -> f64 {
    (coordinate * 10.0).round() / 10.0
}

fn line(points: impl Iterator<Item = (f64, f64)>) -> String {
    let points: Vec<String> =
        points.map(|(value, accuracy)| format!("{} {}", x(value), y(accuracy))).collect();
    format!("M{}", points.join("L"))
}

fn rectangle(class: &str, from: f64, to: f64, top: f64, height: f64) -> String {
    let (left, width) = (x(from), tenth(x(to) - x(from)));
    format!(
        "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
    )
}

fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    let y = tenth(y);
    format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>")
}
