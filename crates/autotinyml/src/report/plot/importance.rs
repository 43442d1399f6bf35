//! How much depends on each hyperparameter: bars.

use autotinyml_search::Importance;
use maud::{Markup, html};

use super::{WIDTH, tenth};
use crate::report::numbers::percent;

const ROW: f64 = 34.0;
const BAR: f64 = 10.0;
/// Where bars begin; names stand before.
const LEFT: f64 = 130.0;
/// Room for the figure behind a bar of full length.
const RIGHT: f64 = 50.0;

/// A bar for the score, and one for feasibility where there is something to tell, the most important
/// parameters first.
pub fn importance(of: &[Importance]) -> Markup {
    let mut rows: Vec<&Importance> = of.iter().collect();
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
    let height = rows.len() as f64 * ROW;
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label="Importance of each hyperparameter" {
            @for (row, of) in rows.iter().enumerate() {
                @let top = row as f64 * ROW + 4.0;
                text.name x=(LEFT - 8.0) y=(top + 14.0) text-anchor="end" { (of.parameter) }
                (bar("of-score", of.score, top))
                @if let Some(feasible) = of.feasible { (bar("of-deployability", feasible, top + BAR + 2.0)) }
            }
        }
    }
}

fn bar(class: &str, share: f64, top: f64) -> Markup {
    let length = tenth(share * (WIDTH - LEFT - RIGHT)).max(1.0);
    html! {
        rect.(class) x=(LEFT) y=(top) width=(length) height=(BAR) rx="2" {}
        text.tick x=(tenth(LEFT + length + 5.0)) y=(top + BAR - 1.0) { (percent(share)) }
    }
}
