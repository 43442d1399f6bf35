//! The curves of a comparison as pictures of their own, for pages that show pictures but no style sheets.

use maud::{Markup, PreEscaped, html};

use crate::report::plot::searcher_class;

/// White ground; the colours of the report's light scheme.
const STYLE: &str = "
text { font: 12px system-ui, sans-serif; fill: #1d2126; }
.tick, .label { fill: #5b6470; }
.grid { stroke: #dfe2e6; }
.axis { stroke: #5b6470; }
.colour-0 { --own: #1a62c5; } .colour-1 { --own: #c2540a; } .colour-2 { --own: #1b7f4b; }
.colour-3 { --own: #a3297a; } .colour-4 { --own: #7a6200; } .colour-5 { --own: #00808f; }
.colour-6 { --own: #5d4fb8; } .colour-7 { --own: #5b6470; }
.median { fill: none; stroke: var(--own); stroke-width: 2; stroke-linejoin: round; }
.median.again { stroke-dasharray: 6 3; }
.quartiles { fill: var(--own); fill-opacity: .13; }
";

/// Size of a plot, and width of the names beside it.
const WIDTH: usize = 440;
const HEIGHT: usize = 300;
const NAMES: usize = 200;

/// A plot of [`bands`](crate::report::plot::bands) with the names of its searchers.
pub fn picture(names: &[&str], plot: &Markup) -> String {
    let line = 20;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH + NAMES) " " (HEIGHT) }
            width=(WIDTH + NAMES) height=(HEIGHT) {
            style { (PreEscaped(STYLE)) }
            rect width="100%" height="100%" fill="#fff" {}
            svg width=(WIDTH) height=(HEIGHT) { (plot) }
            @for (place, name) in names.iter().enumerate() {
                g transform={ "translate(" (WIDTH) " " (24 + line * place) ")" } {
                    path.(format!("median {}", searcher_class(place)))
                        d="M0 0L18 0" {}
                    text x="24" y="4" { (name) }
                }
            }
        }
    }
    .into_string()
}
