//! Which classes are taken for which.

use maud::{Markup, html};

use super::{ZOOM_MAX, shortened, tenth};

/// Length of the longest class name that stands beside its row in full.
const NAME_LENGTH: usize = 12;

/// A square per pair of classes, as dark as its share of the true class's samples. `counts`: rows are
/// true classes, columns chosen ones.
pub fn confusion(classes: &[&str], counts: &[Vec<usize>]) -> Markup {
    let longest = classes.iter().map(|class| class.chars().count()).max().unwrap_or(0);
    let margin = 30.0 + 6.5 * longest.min(NAME_LENGTH) as f64;
    let cell = tenth((400.0 / classes.len().max(1) as f64).clamp(16.0, 40.0));
    let size = tenth(margin + cell * classes.len() as f64 + 4.0);
    let font = tenth((cell * 0.5).min(12.0));
    let place = |index: usize| tenth(margin + index as f64 * cell);
    let middle = |index: usize| tenth(place(index) + cell / 2.0);
    html! {
        svg viewBox={ "0 0 " (size) " " (size) } style={ "max-width:" (tenth(ZOOM_MAX * size)) "px" }
            role="img" aria-label="Confusion matrix" font-size=(font) {
            text.label x=(place(0)) y="12" { "chosen class →" }
            text.label x=(-place(0)) y="12" text-anchor="end" transform="rotate(-90)" { "← true class" }
            @for (index, class) in classes.iter().enumerate() {
                @let name = shortened(class, NAME_LENGTH);
                text.tick x=(margin - 5.0) y=(tenth(middle(index) + font * 0.35)) text-anchor="end" { (name) }
                text.tick transform={ "translate(" (tenth(middle(index) + font * 0.35)) " " (margin - 5.0) ") rotate(-90)" } { (name) }
            }
            @for (row, of_class) in counts.iter().enumerate() {
                @let total = of_class.iter().sum::<usize>().max(1) as f64;
                @for (column, &count) in of_class.iter().enumerate() {
                    @let share = count as f64 / total;
                    rect.cell x=(place(column)) y=(place(row)) width=(cell - 1.0) height=(cell - 1.0)
                        fill-opacity=(format!("{:.2}", 0.06 + 0.94 * share)) {
                        title { (classes[row]) " taken for " (classes[column]) ": " (count) }
                    }
                    @if count > 0 {
                        text.(if share > 0.5 { "count strong" } else { "count" }) x=(middle(column) )
                            y=(tenth(middle(row) + font * 0.35)) text-anchor="middle" { (count) }
                    }
                }
            }
        }
    }
}
