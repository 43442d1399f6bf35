//! Pictures as SVG elements for the page. Colours come from the page's style sheet, so that they
//! follow its light and dark scheme; coordinates are in the picture's own units, and the page scales
//! it.

mod axis;
mod bands;
mod confusion;
mod effects;
mod importance;
mod learning;
mod memory_map;
mod parallel;
mod progress;
mod setting_axis;
mod slices;
mod tradeoff;

use maud::{Markup, html};

use axis::Axis;
use setting_axis::SettingAxis;

pub use bands::{bands, searcher_class, searchers};
pub use confusion::confusion;
pub use effects::effects;
pub use importance::importance;
pub use learning::learning;
pub use memory_map::memory_map;
pub use parallel::parallel;
pub use progress::progress;
pub use slices::slices;
pub use tradeoff::{Memory, tradeoff};

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 44.0;

/// Height of the strip above the floor where the marks of trials without a score stand.
const STRIP: f64 = 14.0;

/// Height below the top where names of phases and limits stand.
const HEADROOM: f64 = 16.0;

/// Pixels of a unit in pictures that show little: letters there are to be like others.
const ZOOM_MAX: f64 = 1.3;

/// What a mark stands for. Shapes differ as well as colours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A disc.
    Deployable,
    /// A cross.
    Refused,
    /// A ring.
    Best,
    /// A diamond.
    Baseline,
}

impl Mark {
    fn of(deployable: bool) -> Self {
        if deployable { Self::Deployable } else { Self::Refused }
    }

    /// The mark at a place, with a text that shows when it is pointed at.
    fn at(self, (x, y): (f64, f64), text: &str) -> Markup {
        let title = html! { @if !text.is_empty() { title { (text) } } };
        match self {
            Self::Deployable => html! { circle.deployable cx=(x) cy=(y) r="3.5" { (title) } },
            Self::Refused => html! {
                path.refused d={ "M" (tenth(x - 3.0)) " " (tenth(y - 3.0)) "l6 6m0-6l-6 6" } { (title) }
            },
            Self::Best => html! { circle.best cx=(x) cy=(y) r="7" { (title) } },
            Self::Baseline => html! {
                path.baseline d={ "M" (x) " " (tenth(y - 6.0)) "l6 6l-6 6l-6-6z" } { (title) }
            },
        }
    }
}

/// What the marks of a picture mean.
pub fn legend(marks: &[Mark]) -> Markup {
    let name = |mark| match mark {
        Mark::Deployable => "deployable",
        Mark::Refused => "refused",
        Mark::Best => "best",
        Mark::Baseline => "baseline",
    };
    html! {
        p.legend {
            @for &mark in marks {
                span { svg viewBox="0 0 16 16" aria-hidden="true" { (mark.at((8.0, 8.0), "")) } (name(mark)) }
            }
        }
    }
}

/// A plot: two axes and the area between them.
struct Plot {
    x: Axis,
    y: Axis,
}

impl Plot {
    fn x(&self, value: f64) -> f64 {
        tenth(LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT))
    }

    fn y(&self, value: f64) -> f64 {
        let floor = HEIGHT - BOTTOM - STRIP;
        tenth(floor - self.y.share(value) * (floor - TOP - HEADROOM))
    }

    /// The place of a trial: at its score, or in the strip below all scores if it has none.
    fn trial(&self, x: f64, score: Option<f64>) -> (f64, f64) {
        (self.x(x), score.map_or(HEIGHT - BOTTOM - STRIP / 2.0, |score| self.y(score)))
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x(x), self.y(y))
    }

    /// The picture: `behind`, the grid, then `content`. `description` is for those who cannot see it.
    fn draw(&self, description: &str, behind: Markup, content: Markup) -> Markup {
        let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        html! {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(description) {
                (behind)
                @for (value, text) in &self.y.ticks {
                    line.grid x1=(LEFT) x2=(right) y1=(self.y(*value)) y2=(self.y(*value)) {}
                    text.tick x=(LEFT - 6.0) y=(self.y(*value) + 4.0) text-anchor="end" { (text) }
                }
                @for (value, text) in &self.x.ticks {
                    text.tick x=(self.x(*value)) y=(floor + 16.0) text-anchor="middle" { (text) }
                }
                line.axis x1=(LEFT) x2=(right) y1=(floor) y2=(floor) {}
                text.label x=((LEFT + right) / 2.0) y=(HEIGHT - 8.0) text-anchor="middle" { (self.x.label) }
                text.label x=(LEFT - 40.0) y=(TOP - 10.0) { (self.y.label) }
                (content)
            }
        }
    }
}

/// Colours of the style sheet for things that are told apart by nothing else.
const COLOURS: usize = 8;

/// Class of one of several things; beyond the last colour they begin again.
fn colour(index: usize) -> String {
    format!("colour-{}", index % COLOURS)
}

/// A line through points, as the `d` of a path.
fn line(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let points: Vec<String> = points.into_iter().map(|(x, y)| format!("{x} {y}")).collect();
    format!("M{}", points.join("L"))
}

/// At most so many characters of a name.
fn shortened(name: &str, length: usize) -> String {
    if name.chars().count() <= length {
        return name.to_owned();
    }
    name.chars().take(length - 1).chain(['…']).collect()
}

/// A tenth of a unit is finer than a pixel, and keeps the page small.
fn tenth(coordinate: f64) -> f64 {
    (coordinate * 10.0).round() / 10.0
}
