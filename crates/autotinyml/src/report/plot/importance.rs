//! How much depends on each hyperparameter: bars.

use autotinyml_search::Importance;
use maud::{Markup, html};

use super::{WIDTH, shortened, tenth};

const BAR: f64 = 10.0;
/// Between one bar and the next, and more between rows.
const GAP: f64 = 2.0;
const ROWS_GAP: f64 = 12.0;
/// Where bars begin; names stand before.
const LEFT: f64 = 130.0;
const NAME_LENGTH: usize = 18;
/// Room for the figure behind a bar of full length.
const RIGHT: f64 = 50.0;

/// A bar for the score, and one for feasibility where there is something to tell, the most important
/// parameters first.
pub fn importance(of: &[Importance]) -> Markup {
    let mut rows: Vec<&Importance> = of.iter().collect();
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
    let bars = if rows.iter().any(|of| of.feasible.is_some()) { 2.0 } else { 1.0 };
    let own = bars * BAR + (bars - 1.0) * GAP;
    let height = rows.len() as f64 * (own + ROWS_GAP);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label="Importance of each hyperparameter" {
            @for (row, of) in rows.iter().enumerate() {
                @let top = row as f64 * (own + ROWS_GAP) + 4.0;
                text.name x=(LEFT - 8.0) y=(top + own / 2.0 + 4.0) text-anchor="end" { (shortened(&of.parameter, NAME_LENGTH)) }
                (bar("of-score", of.score, top))
                @if let Some(feasible) = of.feasible { (bar("of-deployability", feasible, top + BAR + GAP)) }
            }
        }
    }
}

/// Estimates are no better than that.
fn whole_percent(share: f64) -> String {
    match 100.0 * share {
        percent if percent > 0.0 && percent < 0.5 => "< 1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

fn bar(class: &str, share: f64, top: f64) -> Markup {
    let length = tenth(share * (WIDTH - LEFT - RIGHT)).max(1.0);
    html! {
        rect.(class) x=(LEFT) y=(top) width=(length) height=(BAR) rx="2" {}
        text.tick x=(tenth(LEFT + length + 5.0)) y=(top + BAR - 1.0) { (whole_percent(share)) }
    }
}
