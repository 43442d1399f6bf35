//! Which buffer lies where in memory while which kernel runs: a rectangle each.

use std::ops::Range;

use autotinyml_deploy::{Area, Held, MemoryMap};
use maud::{Markup, html};

use super::{Axis, colour, tenth};
use crate::in_print::grouped;

/// Numbers of bytes stand before the columns.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 8.0;
/// Room for what is said of several columns.
const TOP: f64 = 18.0;
/// The least width of a picture's columns together, and bounds of each.
const WIDTH: f64 = 560.0;
const COLUMN_MIN: f64 = 46.0;
const COLUMN_MAX: f64 = 150.0;
/// All areas together have about this height, by their bytes.
const HEIGHT: f64 = 260.0;
const AREA_MIN: f64 = 16.0;
/// An area lower than this has no room for a scale.
const SCALE_MIN: f64 = 100.0;
/// For an area's name above it.
const HEADER: f64 = 24.0;
/// Of a character, about.
const CHARACTER: f64 = 7.0;
const LINE: f64 = 14.0;
/// Names of kernels that are wider than their columns are turned by so many degrees.
const SLOPE: f64 = 35.0;

/// A column for each kernel in the order in which they run, a rectangle for each buffer.
pub fn memory_map(map: &MemoryMap) -> Markup {
    let kernels = map.kernels.len() as f64;
    let column = tenth((WIDTH / kernels).clamp(COLUMN_MIN, COLUMN_MAX));
    let x = |kernel: usize| tenth(LEFT + kernel as f64 * column);
    let name_width = |name: &String| name.chars().count() as f64 * CHARACTER;
    let widest = map.kernels.iter().map(name_width).fold(0.0, f64::max);
    let slanted = widest > column - 4.0;
    let footer = if slanted { widest * SLOPE.to_radians().sin() + 16.0 } else { 20.0 };
    let areas = stacked(&map.areas);
    let floor = areas.last().map_or(TOP, |(_, top, height)| top + height);
    // Buffers of all areas together, so that neighbours differ in colour.
    let mut count = 0;
    let firsts: Vec<usize> = (map.areas.iter())
        .map(|area| {
            count += area.held.len();
            count - area.held.len()
        })
        .collect();
    let width = x(map.kernels.len()) + if slanted { RIGHT + 0.5 * column } else { RIGHT };
    html! {
        svg.wide viewBox={ "0 0 " (width) " " (tenth(floor + footer)) } style={ "min-width:" (tenth(0.75 * width)) "px;max-width:" (1.3 * width) "px" }
            role="img" aria-label="Places of all buffers in memory, kernel by kernel" {
            @for (index, cascade) in map.cascades.iter().enumerate() {
                rect.(if index % 2 == 0 { "band" } else { "band other" }) x=(x(cascade.start)) y=(TOP)
                    width=(tenth(x(cascade.end) - x(cascade.start))) height=(tenth(floor - TOP)) {}
                @if cascade.len() > 1 {
                    text.tick x=(tenth(f64::midpoint(x(cascade.start), x(cascade.end)))) y=(TOP - 5.0)
                        text-anchor="middle" { "by turns" }
                }
            }
            @for ((area, top, height), first) in areas.iter().zip(firsts) {
                (draw(area, first, (*top, *height), &x))
            }
            @for (kernel, name) in map.kernels.iter().enumerate() {
                @let middle = tenth(x(kernel) + column / 2.0);
                @if slanted {
                    text.tick text-anchor="end"
                        transform={ "translate(" (tenth(middle + 5.0)) " " (tenth(floor + 13.0)) ") rotate(-" (SLOPE) ")" } { (name) }
                } @else {
                    text.tick x=(middle) y=(tenth(floor + 15.0)) text-anchor="middle" { (name) }
                }
            }
        }
    }
}

/// Each area with its top and height: at one scale, but none too low to be seen.
fn stacked(areas: &[Area]) -> Vec<(&Area, f64, f64)> {
    let all: usize = areas.iter().map(|area| area.bytes).sum();
    let height = |area: &Area| (HEIGHT * area.bytes as f64 / all.max(1) as f64).max(AREA_MIN);
    let mut end = TOP;
    let place = |area| {
        let (top, height) = (end + HEADER, height(area));
        end = top + height;
        (area, tenth(top), tenth(height))
    };
    areas.iter().map(place).collect()
}

/// Offsets grow upwards. The colour of the `first` buffer, and of those after it, goes by its number.
fn draw(area: &Area, first: usize, (top, height): (f64, f64), x: &impl Fn(usize) -> f64) -> Markup {
    let y = |bytes: usize| tenth(top + height * (1.0 - bytes as f64 / area.bytes as f64));
    let scale = Axis::linear("", [0.0, area.bytes as f64]).ticks;
    let scale = scale.iter().map(|(tick, _)| *tick).filter(|&tick| tick <= area.bytes as f64);
    let scale = scale.filter(|&tick| tick >= 0.0 && height >= SCALE_MIN).map(|tick| tick as usize);
    let end = area.held.iter().map(|held| held.kernels.end).max().unwrap_or(0);
    html! {
        text.label x=(LEFT) y=(top - 6.0) {
            (area.name) ": " (grouped(area.bytes)) " B in " (area.region)
        }
        @for tick in scale {
            text.tick x=(LEFT - 6.0) y=(y(tick) + 4.0) text-anchor="end" { (grouped(tick)) }
            line.grid x1=(LEFT) x2=(x(end)) y1=(y(tick)) y2=(y(tick)) {}
        }
        @for (index, held) in area.held.iter().enumerate() {
            @let (left, top) = (x(held.kernels.start), y(held.bytes.end));
            rect.(format!("held {}", colour(first + index))) x=(left) y=(top)
                width=(tenth(x(held.kernels.end) - left)) height=(tenth(y(held.bytes.start) - top)) {
                title { (whole_name(held)) " at " (grouped(held.bytes.start)) }
            }
        }
        // Above all rectangles.
        @for (index, held) in area.held.iter().enumerate() {
            @let (bytes, end) = room(&area.held, index, |bytes| y(bytes.start) - y(bytes.end) >= LINE);
            @let left = x(held.kernels.start);
            (name(held, (left, x(end)), (y(bytes.end), y(bytes.start))))
        }
    }
}

fn whole_name(held: &Held) -> String {
    format!("{}, {} B", held.name, grouped(held.bytes.len()))
}

/// Bytes of a buffer where its name can stand, and the kernel before which the name must end: the
/// largest part that no other buffer lies over, or else all bytes until the next one comes to lie over
/// them.
fn room(
    held: &[Held],
    index: usize,
    is_enough: impl Fn(&Range<usize>) -> bool,
) -> (Range<usize>, usize) {
    let own = &held[index];
    let meet = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
    let lies_over = |other: &&Held| {
        **other != *own && meet(&other.bytes, &own.bytes) && meet(&other.kernels, &own.kernels)
    };
    let mut others: Vec<&Held> = held.iter().filter(lies_over).collect();
    others.sort_by_key(|other| other.bytes.start);
    let mut free = vec![];
    let mut start = own.bytes.start;
    for other in &others {
        free.push(start..other.bytes.start.max(start));
        start = start.max(other.bytes.end);
    }
    free.push(start..own.bytes.end.max(start));
    match free.into_iter().max_by_key(|part| part.len()).filter(is_enough) {
        Some(part) => (part, own.kernels.end),
        None => {
            let later = others.iter().map(|other| other.kernels.start);
            let next = later.filter(|&start| start > own.kernels.start).min();
            (own.bytes.clone(), next.unwrap_or(own.kernels.end))
        }
    }
}

/// A line or two, as much as has room.
fn name(held: &Held, (left, right): (f64, f64), (top, bottom): (f64, f64)) -> Markup {
    let (whole, room) = (whole_name(held), ((right - left - 10.0) / CHARACTER) as usize);
    let fits = |text: &str| text.chars().count() <= room;
    let kernel = held.name.split(", ").next().unwrap_or_default();
    let lines = match bottom - top {
        height if height >= LINE && fits(&whole) => vec![whole],
        height if height >= 2.0 * LINE => {
            let first = if fits(&held.name) { &held.name } else { kernel };
            vec![
                shortened(first, room),
                shortened(&format!("{} B", grouped(held.bytes.len())), room),
            ]
        }
        height if height >= LINE => vec![shortened(kernel, room)],
        _ => vec![],
    };
    let first =
        f64::midpoint(top, bottom) + 4.0 - LINE / 2.0 * lines.len().saturating_sub(1) as f64;
    html! {
        @for (line, text) in lines.iter().enumerate() {
            text.over x=(left + 6.0) y=(tenth(first + LINE * line as f64)) { (text) }
        }
    }
}

/// As much of a text as has room.
fn shortened(text: &str, room: usize) -> String {
    match text.chars().count() {
        count if count <= room => text.to_owned(),
        _ if room < 4 => String::new(),
        _ => text.chars().take(room - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(name: &str, bytes: std::ops::Range<usize>, kernels: std::ops::Range<usize>) -> Held {
        Held { name: name.into(), bytes, kernels }
    }

    fn area(name: &str, bytes: usize, held: Vec<Held>) -> Area {
        Area { name: name.into(), region: "sram".into(), bytes, held }
    }

    /// The number behind `name="` in each rectangle of a buffer.
    fn all(picture: &str, name: &str) -> Vec<f64> {
        let rectangles = picture.split("<rect class=\"held").skip(1);
        let number = |rectangle: &str| {
            let (_, value) = rectangle.split_once(&format!(" {name}=\"")).unwrap();
            value.split('"').next().unwrap().parse().unwrap()
        };
        rectangles.map(number).collect()
    }

    #[test]
    fn rectangles_are_as_high_as_their_bytes_and_as_wide_as_their_kernels() {
        let map = MemoryMap {
            kernels: ["conv2d", "dense_1", "dense_2"].map(String::from).into(),
            cascades: vec![0..2, 2..3],
            areas: vec![
                area("input", 200, vec![held("input", 0..200, 0..2)]),
                area(
                    "arena",
                    600,
                    vec![held("conv2d", 300..600, 0..2), held("dense_1", 0..300, 0..3)],
                ),
                area("output", 4, vec![held("output", 0..4, 2..3)]),
            ],
        };
        let picture = memory_map(&map).into_string();
        let (x, y, width, height) = (
            all(&picture, "x"),
            all(&picture, "y"),
            all(&picture, "width"),
            all(&picture, "height"),
        );
        let column = COLUMN_MAX;
        assert_eq!(x, [LEFT, LEFT, LEFT, LEFT + 2.0 * column]);
        assert_eq!(width, [2.0 * column, 2.0 * column, 3.0 * column, column]);
        assert!(
            height
                .iter()
                .zip([200.0, 300.0, 300.0])
                .all(|(h, bytes)| (h / height[0] - bytes / 200.0).abs() < 0.01)
        );
        assert_eq!(height[3], AREA_MIN, "so low a one would not be seen");
        assert!(
            (y[2] - y[1] - height[1]).abs() < 0.2,
            "the higher offset is above, and none overlap"
        );
        assert!(y[1] > y[0] + height[0] && y[3] > y[2] + height[2]);
        assert_eq!(picture.matches("by turns").count(), 1);
        assert!(
            ["input, 200 B", "conv2d, 300 B", "arena: 600 B in sram"]
                .iter()
                .all(|text| picture.contains(text))
        );
    }

    #[test]
    fn names_stand_where_no_other_buffer_lies() {
        let tall = |bytes: &Range<usize>| bytes.len() >= 10;
        let all = [held("a", 0..100, 0..3), held("b", 80..120, 2..5), held("c", 0..100, 4..6)];
        assert_eq!(room(&all, 0, tall), (0..80, 3), "below the next one");
        assert_eq!(room(&all, 1, tall), (100..120, 5), "above both");
        let all = [held("a", 0..100, 0..3), held("b", 5..200, 2..5)];
        assert_eq!(room(&all, 0, tall), (0..100, 2), "before the next one");
        assert_eq!(room(&all, 1, tall), (100..200, 5));
    }

    #[test]
    fn names_never_leave_their_rectangles() {
        assert_eq!(shortened("conv2d, 300 B", 13), "conv2d, 300 B");
        assert_eq!(shortened("conv2d, 300 B", 8), "conv2d,…");
        assert_eq!(shortened("conv2d", 3), "");
    }
}
