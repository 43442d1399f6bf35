//! The comparison as a page that needs nothing but itself.

use maud::{Markup, html};

use super::{Printed, header, headline, note, row};
use crate::compare::{Comparison, Figures};
use crate::report::html::{definitions, document};
use crate::report::plot;

/// The page as text.
pub fn page(comparison: &Comparison) -> String {
    let figures = comparison.figures();
    let names: Vec<&str> = comparison.searchers.iter().map(|s| s.name.as_str()).collect();
    let body = html! {
        header {
            p.title { (comparison.name) }
            h1.found { (headline(comparison, &figures)) }
        }
        main {
            section {
                h2 { "Best deployable network so far" }
                (plot::searchers(&names))
                div.pictures {
                    (picture("by trials", against_trials(comparison)))
                    (picture("by time", against_time(comparison)))
                }
                p.note { "Median of the repeats, with the quartiles as a band." }
            }
            section {
                h2 { "Figures" }
                (table(comparison))
                p.note { (note(comparison)) }
            }
            section { h2 { "What was compared" } (definitions(&comparison.about)) }
        }
        footer { "AutoTinyML " (env!("CARGO_PKG_VERSION")) }
    };
    document(&comparison.name, &body)
}

/// Curves against full trainings.
pub fn against_trials(comparison: &Comparison) -> Markup {
    plot::bands("trials", false, comparison.goal, &comparison.against_trials())
}

/// Curves against time.
pub fn against_time(comparison: &Comparison) -> Markup {
    plot::bands("seconds of training", true, comparison.goal, &comparison.against_time())
}

fn picture(caption: &str, picture: Markup) -> Markup {
    html! { figure { figcaption { (caption) } (picture) } }
}

fn table(comparison: &Comparison) -> Markup {
    let cells = |figures: &Figures| row(comparison, figures).into_iter().enumerate();
    html! {
        div.scroll {
            table.searchers {
                thead { tr { @for name in header(comparison) { th { (name.replace('|', " ")) } } } }
                tbody {
                    @for figures in comparison.figures() {
                        tr {
                            @for (column, Printed { figure, range }) in cells(&figures) {
                                @if column == 0 {
                                    th scope="row" { (figure) }
                                } @else {
                                    td { (figure) @if !range.is_empty() { " (" (range) ")" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
