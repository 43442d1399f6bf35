//! Searchers against each other: medians as lines, quartiles as bands, one colour for each searcher.

use autotinyml_nn::Metric;
use maud::{Markup, html};

use super::{Axis, COLOURS, Plot, colour, line};
use crate::compare::Band;
use crate::in_print::percent;

/// Class of a searcher's line and band: those beyond the last colour have dashes.
pub fn searcher_class(index: usize) -> String {
    let dashes = if index < COLOURS { "" } else { " again" };
    format!("{}{dashes}", colour(index))
}

/// What colour is whose.
pub fn searchers(names: &[&str]) -> Markup {
    html! {
        p.legend {
            @for (index, name) in names.iter().enumerate() {
                span {
                    svg viewBox="0 0 16 16" aria-hidden="true" {
                        path.(format!("median {}", searcher_class(index))) d="M0 8L16 8" {}
                    }
                    (name)
                }
            }
        }
    }
}

/// The goal's best deployable score so far along `label`. A median begins where half of the repeats have found
/// something, a band where three quarters have.
pub fn bands(label: &str, logarithmic: bool, goal: Metric, bands: &[Band]) -> Markup {
    let all = |of: fn(&Band) -> &Vec<f64>| bands.iter().flat_map(of).copied();
    let shown = bands.iter().flat_map(|band| band.y.iter().flatten()).copied().filter(|y| *y > 0.0);
    let plot = Plot {
        x: match logarithmic {
            true => Axis::log(label, all(|band| &band.x)),
            false => Axis::linear(label, all(|band| &band.x)),
        },
        y: Axis::accuracy(&format!("validation {}, %", goal.title()), shown),
    };
    let content = html! {
        @for (index, band) in bands.iter().enumerate() {
            @if let Some(path) = area(&plot, band) {
                path.(format!("quartiles {}", searcher_class(index))) d=(path) {}
            }
        }
        @for (index, band) in bands.iter().enumerate() {
            @if let Some(path) = median(&plot, band) {
                path.(format!("median {}", searcher_class(index))) d=(path) { title { (title(band)) } }
            }
        }
    };
    let title = format!("Best deployable {} by {label}, of each searcher", goal.title());
    plot.draw(&title, html! {}, content)
}

fn title(band: &Band) -> String {
    let end = band.y[1].last().copied().unwrap_or(0.0);
    format!("{}: {} in the median at the end", band.name, percent(end))
}

fn median(plot: &Plot, band: &Band) -> Option<String> {
    let points = stairs(&band.x, &band.y[1]);
    (!points.is_empty()).then(|| line(points.into_iter().map(|(x, y)| plot.at(x, y))))
}

fn area(plot: &Plot, band: &Band) -> Option<String> {
    let [lower, _, upper] = &band.y;
    let below = stairs(&band.x, lower);
    let start = lower.iter().position(|y| *y > 0.0)?;
    let above = stairs(&band.x[start..], &upper[start..]);
    let around = below.into_iter().chain(above.into_iter().rev());
    Some(line(around.map(|(x, y)| plot.at(x, y))) + "Z")
}

/// From the first value above 0: each holds until the next.
fn stairs(x: &[f64], y: &[f64]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = vec![];
    for (&x, &y) in x.iter().zip(y).filter(|(_, y)| **y > 0.0) {
        if let Some(&(_, before)) = points.last() {
            if before == y {
                continue;
            }
            points.push((x, before));
        }
        points.push((x, y));
    }
    if let (Some(&(last, before)), Some(&end)) = (points.last(), x.last())
        && end > last
    {
        points.push((end, before));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stair_holds_until_the_next_and_begins_at_the_first_find() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        let found = stairs(&x, &[0.0, 0.5, 0.5, 0.7, 0.7]);
        assert_eq!(found, [(2.0, 0.5), (4.0, 0.5), (4.0, 0.7), (5.0, 0.7)]);
        assert_eq!(stairs(&x, &[0.0; 5]), []);
    }
}
